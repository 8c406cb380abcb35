//! What several fuzz targets need: inputs cut into parts, a place for entries, and what must hold of each of these.

pub mod log;
pub mod rules;

use std::io::Write;

use ktrail::entry::Stored;
use ktrail::entry::decode::{decode, describe};
use ktrail::event::Event;
use ktrail::ingest::Sink;
use ktrail::record::line::ENRICHED_SEPARATOR;
use ktrail::record::stamp::EventId;
use ktrail::render::{self, Format, Style};
use ktrail::store::Stamp;
use ktrail::store::term::Terms;

/// The parts of an input: each begins with a number of 16 bits, the lowest byte first, and its length, the same; the last
/// may be cut off.
pub fn parts(mut input: &[u8]) -> Vec<(u16, &[u8])> {
    let mut parts = Vec::new();
    while let [a, b, c, d, rest @ ..] = input {
        let length = usize::from(u16::from_le_bytes([*c, *d])).min(rest.len());
        let (part, after) = rest.split_at(length);
        parts.push((u16::from_le_bytes([*a, *b]), part));
        input = after;
    }
    parts
}

/// Where the names that the ENRICHED format adds begin in a line that is a record, its separator included.
pub fn log_end(line: &[u8]) -> usize {
    let message = line.windows(5).position(|window| window == b" msg=").expect("a record has msg=");
    let tail = line[message..].iter().position(|byte| *byte == ENRICHED_SEPARATOR);
    tail.map_or(line.len(), |tail| message + tail)
}

/// The entries that came out of ingest, each checked.
#[derive(Default)]
pub struct Collected {
    /// What was decoded of each.
    pub entries: Vec<Stored>,
}

impl Sink for Collected {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        let stored = check_entry(line, terms);
        assert_eq!(stored.event.id, id, "an entry has the id it is stored under");
        self.entries.push(stored);
    }
}

impl Collected {
    /// The records of all entries as auditd writes them, in order of bytes.
    pub fn raw_lines(&self) -> Vec<Vec<u8>> {
        let mut text = Vec::new();
        for stored in &self.entries {
            render::raw::write(&stored.event, &mut text).expect("memory takes all");
        }
        let mut lines: Vec<Vec<u8>> =
            text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    }
}

/// Checks what must hold of every entry, and decodes it.
pub fn check_entry(line: &[u8], terms: &Terms) -> Stored {
    assert!(!line.contains(&b'\n'), "an entry is one line");
    let text = std::str::from_utf8(line).expect("an entry is UTF-8");
    serde_json::from_str::<serde::de::IgnoredAny>(text).expect("an entry is JSON");
    let stored = decode(line).expect("what is encoded decodes");
    let mut again = Terms::default();
    let stamp = describe(line, &mut again).expect("what is encoded is described");
    assert_eq!(stamp, Stamp { time_ms: stored.event.id.time_ms, serial: stored.event.id.serial });
    assert_eq!(&again, terms, "an index made anew has the terms of the first");
    stored
}

/// Checks that an event can be shown, and that nothing in it reaches a terminal as more than text.
pub fn check_shown(line: &[u8], stored: &Stored) {
    for format in [Format::Text, Format::Line] {
        for terminal in [false, true] {
            let mut out = Vec::new();
            let style = Style { format, terminal, colours: false, date: false };
            render::write(style, line, stored, &mut out).expect("memory takes all");
            if terminal {
                let text = std::str::from_utf8(&out).expect("what a terminal gets is UTF-8");
                let steers = text.chars().find(|c| c.is_control() && *c != '\n');
                assert_eq!(steers, None, "{text:?}");
            }
        }
    }
}

/// Checks that the records are written byte for byte as auditd would write them.
pub fn check_raw(event: &Event) {
    let mut out = Vec::new();
    render::raw::write(event, &mut out).expect("memory takes all");
    let mut expected = Vec::new();
    for (kind, body) in event.records() {
        let start = expected.len();
        write!(expected, "type={kind} msg=audit({}): ", event.id).expect("memory takes all");
        expected.extend_from_slice(body);
        // One record is one line.
        expected.iter_mut().skip(start).filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        expected.push(b'\n');
    }
    assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
}
