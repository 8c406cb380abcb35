//! `ktrail log list` and `ktrail log info`.

use std::io::{self, BufWriter, Write};

use anyhow::bail;
use serde::Serialize;

use super::open_and_tell;
use crate::cli::arguments::Report;
use crate::cli::arguments::log::{LogInfo, LogList};
use crate::cli::exit;
use crate::cli::status::{size, time};
use crate::entry::field::Field;
use crate::store::{self, Error, Parts, SegmentView, State};

/// A segment in JSON.
#[derive(Serialize)]
struct Row {
    segment: u64,
    state: &'static str,
    entries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ms: Option<u64>,
    /// On disk, with the index.
    bytes: u64,
    index_bytes: u64,
    plain_bytes: u64,
    /// Bytes of lines to a byte on disk.
    ratio: f64,
}

impl Row {
    fn of(segment: &SegmentView) -> Result<Row, Error> {
        let facts = segment.facts()?;
        let bytes = facts.segment_bytes + facts.index_bytes;
        let (first_ms, last_ms) = segment.time_range().unzip();
        let state = match facts.state {
            State::Active => "active",
            State::Unsealed => "unsealed",
            State::Sealed => "sealed",
        };
        let ratio = if bytes == 0 { 1.0 } else { facts.plain_bytes as f64 / bytes as f64 };
        Ok(Row {
            segment: segment.id(),
            state,
            entries: segment.len(),
            first_ms,
            last_ms,
            bytes,
            index_bytes: facts.index_bytes,
            plain_bytes: facts.plain_bytes,
            ratio: (ratio * 10.0).round() / 10.0,
        })
    }

    fn times(&self) -> [String; 2] {
        [self.first_ms, self.last_ms].map(|time_ms| time_ms.map_or_else(|| "-".to_owned(), time))
    }
}

/// Lists the segments, oldest first. One that cannot be read is told, and the others are listed.
pub(super) fn list(config: &store::Config, arguments: &LogList) -> anyhow::Result<u8> {
    let reader = open_and_tell(config)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.format == Report::Text {
        writeln!(
            out,
            "{:>8}  {:<8}  {:>10}  {:<26}  {:<26}  {:>11}  {:>11}  {:>5}",
            "segment", "state", "entries", "first", "last", "bytes", "plain", "ratio"
        )?;
    }
    let mut status = exit::FOUND;
    for segment in reader.snapshot().segments() {
        let row = match Row::of(segment) {
            Ok(row) => row,
            // A writer's retention has just removed it.
            Err(Error::Removed { .. }) => continue,
            Err(error) => {
                eprintln!("ktrail: {:#}", anyhow::Error::new(error));
                status = exit::ERROR;
                continue;
            }
        };
        if arguments.format == Report::Json {
            serde_json::to_writer(&mut out, &row)?;
            writeln!(out)?;
            continue;
        }
        let [first, last] = row.times();
        let (id, state, entries, ratio) = (row.segment, row.state, row.entries, row.ratio);
        let (bytes, plain) = (size(row.bytes), size(row.plain_bytes));
        writeln!(
            out,
            "{id:>8}  {state:<8}  {entries:>10}  {first:<26}  {last:<26}  {bytes:>11}  {plain:>11}  {ratio:>5.1}"
        )?;
    }
    out.flush()?;
    Ok(status)
}

/// A segment and its parts in JSON.
#[derive(Serialize)]
struct Info {
    #[serde(flatten)]
    row: Row,
    frames: u32,
    dictionary_bytes: u32,
    postings_bytes: u64,
    stamps_bytes: u64,
    fields: Vec<InfoField>,
}

#[derive(Serialize)]
struct InfoField {
    field: String,
    terms: u32,
    bytes: u32,
}

impl Info {
    fn of(segment: &SegmentView) -> Result<Info, Error> {
        let Parts { frames, dictionary_bytes, postings_bytes, stamps_bytes, fields } = segment.parts()?;
        let name = |number: u8| {
            let known = Field::ALL.iter().find(|(field, _)| field.id() == number);
            known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
        };
        let fields = fields.into_iter().map(|found| InfoField {
            field: name(found.field),
            terms: found.terms,
            bytes: found.bytes,
        });
        let fields = fields.collect();
        Ok(Info { row: Row::of(segment)?, frames, dictionary_bytes, postings_bytes, stamps_bytes, fields })
    }
}

/// Shows one segment and its parts.
pub(super) fn info(config: &store::Config, arguments: &LogInfo) -> anyhow::Result<u8> {
    let snapshot = open_and_tell(config)?.snapshot();
    let Some(segment) = snapshot.segment(arguments.segment) else {
        match snapshot.segments() {
            [] => bail!("{} has no segments", config.dir.display()),
            [one] => bail!("there is no segment {}, only {}", arguments.segment, one.id()),
            [first, .., last] => bail!(
                "there is no segment {} among those from {} to {}",
                arguments.segment,
                first.id(),
                last.id()
            ),
        }
    };
    let info = Info::of(segment)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments.format {
        Report::Json => {
            serde_json::to_writer(&mut out, &info)?;
            writeln!(out)?;
        }
        Report::Text => print(&info, &mut out)?,
    }
    out.flush()?;
    Ok(exit::FOUND)
}

fn print(info: &Info, out: &mut impl Write) -> io::Result<()> {
    let row = &info.row;
    let [first, last] = row.times();
    let mut line = |name: &str, value: String| writeln!(out, "{name:<14}{value}");
    line("segment", format!("{}, {}", row.segment, row.state))?;
    line("entries", row.entries.to_string())?;
    line("from, to", format!("{first}, {last}"))?;
    line("lines", size(row.plain_bytes))?;
    line("on disk", format!("{}, lines are {:.1} times that", size(row.bytes), row.ratio))?;
    line("frames", info.frames.to_string())?;
    line("dictionary", size(info.dictionary_bytes.into()))?;
    line("index", size(row.index_bytes))?;
    line("  postings", size(info.postings_bytes))?;
    line("  stamps", size(info.stamps_bytes))?;
    for field in &info.fields {
        line(&format!("  {}", field.field), format!("{} terms, {}", field.terms, size(field.bytes.into())))?;
    }
    Ok(())
}
