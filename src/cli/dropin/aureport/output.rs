//! What aureport writes.

use std::collections::HashMap;
use std::io::{self, BufWriter, StdoutLock, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::unistd::{Uid, User};

use super::words::{Counted, Words};
use crate::enrich::UNSET;
use crate::entry::Resolve;
use crate::interpret::keystrokes;
use crate::record::RecordType;
use crate::render::peer::Escape;
use crate::render::zone;
use crate::report::cell::{Cell, Row};
use crate::report::column::Column;
use crate::report::listing::Listing;
use crate::report::summary::Summary;
use crate::report::tally::Tally;

/// Names of users that are kept. More are looked up each time.
const NAMES_MAX: usize = 1 << 16;

/// Standard output for one report.
pub(super) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    interpret: bool,
    escape: Escape,
    zone: TimeZone,
    names: HashMap<u32, String>,
    line: Vec<u8>,
}

impl Output {
    pub(super) fn new(out: BufWriter<StdoutLock<'static>>, interpret: bool, escape: Escape) -> Output {
        let zone = zone::local();
        Output { out, interpret, escape, zone, names: HashMap::new(), line: Vec::new() }
    }

    /// The title of a report and the line below.
    pub(super) fn title(&mut self, prefix: &str, title: &str, rule: usize) -> io::Result<()> {
        writeln!(self.out, "\n{prefix}{title}\n{}", "=".repeat(rule))
    }

    /// What stands above a list.
    pub(super) fn head(&mut self, words: &Words) -> io::Result<()> {
        self.title("", words.title, words.rules.0)?;
        writeln!(self.out, "{}\n{}", words.columns, "=".repeat(words.rules.1))
    }

    /// What stands above counts.
    pub(super) fn counted_head(&mut self, prefix: &str, words: &Counted) -> io::Result<()> {
        self.title(prefix, words.title, words.rules.0)?;
        writeln!(self.out, "total  {}\n{}", words.object, "=".repeat(words.rules.1))
    }

    pub(super) fn nothing(&mut self) -> io::Result<()> {
        writeln!(self.out, "<no events of interest were found>\n")
    }

    pub(super) fn row(
        &mut self,
        number: u64,
        listing: &Listing,
        row: &Row,
        names: &mut dyn Resolve,
    ) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        write!(line, "{number}.")?;
        for (column, cell) in listing.columns.iter().zip(&row.cells) {
            line.push(b' ');
            match cell {
                Cell::Missing => line.extend_from_slice(self.missing(listing, *column).as_bytes()),
                cell => self.word(*column, cell, names, &mut line),
            }
        }
        line.push(b'\n');
        let written = self.out.write_all(&line);
        self.line = line;
        written
    }

    /// What stands where an event says nothing.
    fn missing(&self, listing: &Listing, column: Column) -> &'static str {
        match (listing.name, column) {
            ("terminals", Column::Host)
            | ("access", Column::Class | Column::Permissions | Column::Object) => "(null)",
            (_, Column::Outcome | Column::Granted) => "unset",
            (_, Column::Auid | Column::Login) if !self.interpret => "-2",
            (_, Column::Auid | Column::Login) => "unknown(-2)",
            (_, Column::Syscall) if !self.interpret => "0",
            _ => "?",
        }
    }

    fn word(&mut self, column: Column, cell: &Cell, names: &mut dyn Resolve, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match cell {
            Cell::Missing => out.write_all(b"?"),
            // A lone question mark stands for nothing.
            Cell::Text(text) if text == b"?" => out.write_all(text),
            Cell::Text(text) if column == Column::Keystrokes => out.write_all(&keystrokes::words(text)),
            Cell::Text(text) => {
                self.escape.write(text, out);
                Ok(())
            }
            Cell::Number(number) => write!(out, "{number}"),
            Cell::Time(time_ms) => out.write_all(self.time(*time_ms, false).as_bytes()),
            Cell::User(id) => out.write_all(self.user(*id, names).as_bytes()),
            Cell::Type(kind) => write!(out, "{kind}"),
            Cell::Call(call) => match call.name.filter(|_| self.interpret) {
                Some(name) => out.write_all(name.as_bytes()),
                None => write!(out, "{}", call.number),
            },
            Cell::Outcome(granted) if column == Column::Granted => {
                out.write_all(if *granted { b"granted" } else { b"denied" })
            }
            Cell::Outcome(success) => out.write_all(if *success { b"yes" } else { b"no" }),
        };
    }

    fn user(&mut self, id: u32, names: &mut dyn Resolve) -> String {
        if !self.interpret {
            return id.cast_signed().to_string();
        }
        if id == UNSET {
            return "unset".to_owned();
        }
        if let Some(name) = names.user(id) {
            return name.to_string();
        }
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let found = User::from_uid(Uid::from_raw(id)).ok().flatten();
        let name = found.map_or_else(|| format!("unknown({id})"), |user| user.name);
        if self.names.len() < NAMES_MAX {
            self.names.insert(id, name.clone());
        }
        name
    }

    /// A value in the words under which it is counted.
    pub(super) fn counted(&mut self, listing: &Listing, cell: &Cell, names: &mut dyn Resolve) -> Vec<u8> {
        let mut text = Vec::new();
        match cell {
            Cell::Type(kind) => text.extend_from_slice(kind.0.to_string().as_bytes()),
            cell => self.word(listing.object, cell, names, &mut text),
        }
        text
    }

    /// Writes how often each value was there.
    pub(super) fn counts(&mut self, listing: &Listing, tally: &Tally) -> io::Result<()> {
        let mut counts = tally.most_frequent();
        if matches!(listing.object, Column::Type | Column::Pid) {
            let number =
                |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
            counts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), number(text)));
        }
        if counts.is_empty() {
            self.nothing()?;
        }
        for (text, count) in &counts {
            let shown = self.shown(listing.object, text);
            write!(self.out, "{count}  ")?;
            self.out.write_all(&shown)?;
            self.out.write_all(b"\n")?;
        }
        if tally.others() > 0 {
            writeln!(self.out, "{}  (others, of which there are too many)", tally.others())?;
        }
        Ok(())
    }

    /// A counted value as it is shown: types are counted by their numbers.
    fn shown(&self, object: Column, text: &[u8]) -> Vec<u8> {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        match number.filter(|_| self.interpret && object == Column::Type) {
            Some(number) => RecordType(number).to_string().into_bytes(),
            None => text.to_vec(),
        }
    }

    /// The totals, under the times they are of.
    pub(super) fn totals(
        &mut self,
        (first, last): (u64, u64),
        (since_ms, until_ms): (Option<u64>, Option<u64>),
        summary: &Summary,
    ) -> io::Result<()> {
        let range = format!("{} - {}", self.time(first, true), self.time(last, true));
        writeln!(self.out, "Range of time in logs: {range}")?;
        let until = match until_ms {
            Some(until_ms) => self.time(until_ms, false),
            None => self.time(last, true),
        };
        let since = self.time(since_ms.unwrap_or(first), false);
        writeln!(self.out, "Selected time for report: {since} - {until}")?;
        for total in summary.totals() {
            writeln!(self.out, "Number of {}: {}", total.words, total.count)?;
        }
        writeln!(self.out)
    }

    /// The range of one log.
    pub(super) fn range(&mut self, log: &str, range: Option<(u64, u64)>) -> io::Result<()> {
        match range {
            Some((first, last)) => {
                let (first, last) = (self.time(first, true), self.time(last, true));
                writeln!(self.out, "{log}: {first} - {last}")
            }
            None => writeln!(self.out, "{log}: no records"),
        }
    }

    /// `11/23/26 10:19:03`, and the milliseconds where they are wanted.
    fn time(&self, time_ms: u64, milliseconds: bool) -> String {
        let timestamp =
            i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
        let Some(time) = timestamp.map(|timestamp| timestamp.to_zoned(self.zone.clone())) else {
            return format!("{} ?", time_ms / 1000);
        };
        let text = time.strftime("%m/%d/%y %H:%M:%S");
        match milliseconds {
            true => format!("{text}.{:03}", time_ms % 1000),
            false => text.to_string(),
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
