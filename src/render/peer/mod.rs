//! Events as the tools of audit-userspace write them, for programs that read these tools' output.

mod clock;
pub mod csv;
mod escape;
pub(super) mod kinds;
mod normal;
mod paths;
mod words;

#[cfg(test)]
mod tests;

use foldhash::fast::RandomState;
use std::collections::HashMap;

use crate::enrich::Names;
use crate::event::Event;
use crate::interpret::context::Context;
use crate::record::RecordType;
use crate::record::line::ENRICHED_SEPARATOR;

use clock::Clock;
pub use escape::Escape;

/// Gives this host's names of ids.
pub trait Lookup {
    /// The name of a user id.
    fn user(&self, id: u32) -> Option<String>;
    /// The name of a group id.
    fn group(&self, id: u32) -> Option<String>;
}

/// Names kept at most of users and of groups each; a log with more ids has them looked up anew.
const NAMES_MAX: usize = 1 << 16;

/// Writes events.
pub struct Peer {
    escape: Escape,
    extra: csv::Extra,
    clock: Clock,
    lookup: Box<dyn Lookup>,
    users: HashMap<u32, Box<str>, RandomState>,
    groups: HashMap<u32, Box<str>, RandomState>,
    meanings: words::Meanings,
    calls: words::Calls,
}

impl Peer {
    /// For times in that zone, and names that `lookup` gives.
    pub fn new(escape: Escape, extra: csv::Extra, zone: jiff::tz::TimeZone, lookup: Box<dyn Lookup>) -> Peer {
        Peer {
            escape,
            extra,
            clock: Clock::new(zone),
            lookup,
            users: HashMap::default(),
            groups: HashMap::default(),
            meanings: words::Meanings::default(),
            calls: words::Calls::default(),
        }
    }

    /// The same, with dates as ISO 8601 has them: `2026-11-23`.
    pub fn with_iso_dates(mut self) -> Peer {
        self.clock.iso = true;
        self
    }

    /// Adds an event as it is: a line between events, its time, and its records, the last first.
    pub fn plain(&mut self, event: &Event, out: &mut Vec<u8>) {
        out.extend_from_slice(b"----\ntime->");
        self.clock.long(event.id.time_ms, out);
        out.push(b'\n');
        for (place, kind, body) in backwards(event) {
            if kind.0 != 0 {
                head(event, place, kind, out);
                self.clock.stamp(event.id, out);
                out.extend_from_slice(b": ");
            }
            // One line a record whatever is in it, as auditd writes it.
            out.extend(parts(body).0.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }));
            out.push(b'\n');
        }
    }

    /// Adds an event with the values of its fields in words. `names` are those that were stored with it.
    pub fn interpreted(&mut self, event: &Event, names: &Names, out: &mut Vec<u8>) {
        out.extend_from_slice(b"----\n");
        let context = Context::of(event);
        for (place, kind, body) in backwards(event) {
            if kind.0 == 0 {
                out.extend_from_slice(parts(body).0);
                out.push(b'\n');
                continue;
            }
            head(event, place, kind, out);
            self.clock.date_stamp(event.id, out);
            out.extend_from_slice(b" : ");
            let (body, tail) = parts(body);
            self.record(&context.within(kind), body, tail, names, out);
            out.extend_from_slice(b" \n");
        }
    }

    /// The user's name as this host has it.
    fn user(&mut self, id: u32) -> &str {
        let lookup = &self.lookup;
        named(&mut self.users, id, || lookup.user(id))
    }

    /// The group's name as this host has it.
    fn group(&mut self, id: u32) -> &str {
        let lookup = &self.lookup;
        named(&mut self.groups, id, || lookup.group(id))
    }
}

fn named(
    known: &mut HashMap<u32, Box<str>, RandomState>,
    id: u32,
    find: impl FnOnce() -> Option<String>,
) -> &str {
    if known.len() >= NAMES_MAX {
        known.clear();
    }
    // An id without a name is told as ausearch tells it, which takes it for a signed number.
    let name = || find().unwrap_or_else(|| format!("unknown({})", id.cast_signed())).into();
    known.entry(id).or_insert_with(name)
}

/// The records with their places, the last first.
fn backwards(event: &Event) -> impl Iterator<Item = (usize, RecordType, &[u8])> {
    let records: Vec<_> = event.records().enumerate().collect();
    records.into_iter().rev().map(|(place, (kind, body))| (place, kind, body))
}

/// A record's text, and the names that auditd's ENRICHED format adds to it.
fn parts(body: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(ENRICHED_SEPARATOR, body) {
        Some(at) => (body.get(..at).unwrap_or(body), body.get(at + 1..).unwrap_or_default()),
        None => (body, &[]),
    }
}

/// The type of the event's first record.
fn head_type(event: &Event) -> String {
    match event.records().next() {
        Some((kind, _)) if event.is_unnamed(0) => format!("UNKNOWN[{}]", kind.0),
        Some((kind, _)) => kind.to_string(),
        None => String::new(),
    }
}

/// Adds node and type of a record.
fn head(event: &Event, place: usize, kind: RecordType, out: &mut Vec<u8>) {
    if let Some(node) = &event.node {
        out.extend_from_slice(b"node=");
        out.extend_from_slice(node);
        out.push(b' ');
    }
    out.extend_from_slice(b"type=");
    match kind.name().filter(|_| !event.is_unnamed(place)) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => out.extend_from_slice(format!("UNKNOWN[{}]", kind.0).as_bytes()),
    }
    out.extend_from_slice(b" msg=audit(");
}
