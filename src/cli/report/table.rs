//! The rows of a report as a table, as JSON or as CSV.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use jiff::Timestamp;
use serde_json::{Map, json};

use crate::cli::arguments::TableFormat;
use crate::cli::status;
use crate::enrich::{Names, UNSET};
use crate::render::escape;
use crate::report::cell::Cell;

/// Rows by which the widths of a table's columns are found. What comes later is written in these widths.
const ROWS_FOR_WIDTHS: usize = 1000;
/// Widest column but the last, in characters.
const WIDTH_MAX: usize = 60;

/// One value of a row.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nothing,
    Text(Vec<u8>),
    Number(u64),
    /// Milliseconds since 1970.
    Time(u64),
    /// A user id and its name, where that is known.
    User(u32, Option<String>),
    Outcome(bool),
    /// A bar of so many places, only for people.
    Chart(usize),
    /// A text at a depth of a tree.
    Branch(usize, Vec<u8>),
}

impl Value {
    /// The value of a report's row.
    pub(super) fn of(cell: &Cell, names: &Names) -> Value {
        match cell {
            Cell::Missing => Value::Nothing,
            Cell::Text(text) => Value::Text(text.clone()),
            Cell::Number(number) => Value::Number(*number),
            Cell::Time(time_ms) => Value::Time(*time_ms),
            Cell::User(id) if *id == UNSET => Value::User(*id, Some("unset".to_owned())),
            Cell::User(id) => Value::User(*id, names.user(*id).map(str::to_owned)),
            Cell::Type(kind) => Value::Text(kind.to_string().into_bytes()),
            Cell::Call(call) => match call.name {
                Some(name) => Value::Text(name.as_bytes().to_vec()),
                None => Value::Number(call.number.into()),
            },
            Cell::Outcome(success) => Value::Outcome(*success),
        }
    }

    /// The value in words.
    pub(super) fn text(&self) -> Vec<u8> {
        match self {
            Value::Nothing => b"-".to_vec(),
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string().into_bytes(),
            Value::Time(time_ms) => status::time(*time_ms).into_bytes(),
            Value::User(_, Some(name)) => name.clone().into_bytes(),
            Value::User(id, None) => id.to_string().into_bytes(),
            Value::Outcome(true) => b"ok".to_vec(),
            Value::Outcome(false) => b"failed".to_vec(),
            Value::Chart(places) => "█".repeat(*places).into_bytes(),
            Value::Branch(depth, text) => [&b"  ".repeat(*depth), &text[..]].concat(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Value::Nothing | Value::Chart(_) => serde_json::Value::Null,
            Value::Text(text) | Value::Branch(_, text) => match std::str::from_utf8(text) {
                Ok(text) => json!(text),
                Err(_) => json!({ "hex": text.iter().map(|byte| format!("{byte:02X}")).collect::<String>() }),
            },
            Value::Number(number) => json!(number),
            Value::Time(time_ms) => json!(instant(*time_ms)),
            Value::User(id, _) => json!(id),
            Value::Outcome(success) => json!(if *success { "ok" } else { "failed" }),
        }
    }

    /// The value for a program that reads columns: ids as numbers, times as in JSON.
    fn csv(&self) -> Vec<u8> {
        match self {
            Value::Nothing | Value::Chart(_) => Vec::new(),
            Value::Time(time_ms) => instant(*time_ms).into_bytes(),
            Value::User(id, _) => id.to_string().into_bytes(),
            Value::Branch(_, text) => text.clone(),
            value => value.text(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Value::Number(_))
    }
}

/// `2026-11-23T10:19:03.495Z`.
fn instant(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    time.map_or_else(|| format!("{time_ms} ms"), |time| format!("{time:.3}"))
}

/// Standard output for the rows of a report.
pub(super) struct Table {
    format: TableFormat,
    columns: Vec<&'static str>,
    left: usize,
    any: bool,
    terminal: bool,
    /// Rows that wait until the widths are known.
    waiting: Vec<Vec<Value>>,
    widths: Vec<usize>,
    out: BufWriter<StdoutLock<'static>>,
}

impl Table {
    /// A table of at most `limit` rows. A column `chart` is only for people.
    pub(super) fn new(format: TableFormat, columns: &[&'static str], limit: Option<usize>) -> Table {
        let out = io::stdout();
        Table {
            format,
            columns: columns.to_vec(),
            left: limit.unwrap_or(usize::MAX),
            any: false,
            terminal: out.is_terminal(),
            waiting: Vec::new(),
            widths: Vec::new(),
            out: BufWriter::with_capacity(64 << 10, out.lock()),
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, values: Vec<Value>) -> anyhow::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        match self.format {
            TableFormat::Json => self.json(&values)?,
            TableFormat::Csv => self.csv(&values)?,
            TableFormat::Text if self.widths.is_empty() => {
                self.waiting.push(values);
                if self.waiting.len() >= ROWS_FOR_WIDTHS {
                    self.release()?;
                }
            }
            TableFormat::Text => self.line(&values)?,
        }
        self.any = true;
        Ok(())
    }

    /// Writes what waits; says whether there was any row.
    pub(super) fn finish(mut self) -> anyhow::Result<bool> {
        self.release()?;
        self.out.flush()?;
        Ok(self.any)
    }

    fn json(&mut self, values: &[Value]) -> anyhow::Result<()> {
        let mut object = Map::new();
        for (name, value) in self.columns.iter().zip(values).filter(|(name, _)| **name != "chart") {
            object.insert((*name).to_owned(), value.json());
            if let Value::User(_, Some(user)) = value {
                object.insert(format!("{name}_name"), json!(user));
            }
        }
        serde_json::to_writer(&mut self.out, &object)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    fn csv(&mut self, values: &[Value]) -> io::Result<()> {
        if !self.any {
            let names: Vec<_> = self.columns.iter().filter(|name| **name != "chart").copied().collect();
            writeln!(self.out, "{}", names.join(","))?;
        }
        let shown = self.columns.iter().zip(values).filter(|(name, _)| **name != "chart");
        for (place, (_, value)) in shown.enumerate() {
            if place > 0 {
                self.out.write_all(b",")?;
            }
            let text = value.csv();
            if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
                self.out.write_all(&text)?;
                continue;
            }
            let doubled = text.split(|byte| *byte == b'"').collect::<Vec<_>>().join(&b"\"\""[..]);
            self.out.write_all(&[b"\"", &doubled[..], b"\""].concat())?;
        }
        self.out.write_all(b"\n")
    }

    /// Finds the widths and writes the rows that waited.
    fn release(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        self.widths = self.columns.iter().map(|name| name.len()).collect();
        for values in &waiting {
            for (width, value) in self.widths.iter_mut().zip(values) {
                *width = (*width).max(characters(&value.text())).min(WIDTH_MAX);
            }
        }
        let head = self.columns.iter().map(|name| match *name {
            "chart" => Value::Text(Vec::new()),
            name => Value::Text(name.as_bytes().to_vec()),
        });
        self.line(&head.collect::<Vec<_>>())?;
        waiting.iter().try_for_each(|values| self.line(values))
    }

    fn line(&mut self, values: &[Value]) -> io::Result<()> {
        let mut line = Vec::new();
        for (place, (width, value)) in self.widths.iter().zip(values).enumerate() {
            if place > 0 {
                line.extend_from_slice(b"  ");
            }
            let mut shown = Vec::new();
            escape::show(&value.text(), self.terminal, &mut shown);
            let blanks = b" ".repeat(width.saturating_sub(characters(&shown)));
            match value.is_number() {
                true => line.extend(blanks.into_iter().chain(shown)),
                false => line.extend(shown.into_iter().chain(blanks)),
            }
        }
        line.truncate(line.trim_ascii_end().len());
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

fn characters(text: &[u8]) -> usize {
    String::from_utf8_lossy(text).chars().count()
}
