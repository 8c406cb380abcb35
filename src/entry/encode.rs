//! Event → stored form and terms, in one pass over each record's fields.

use super::facts::Facts;
use super::field::Field;
use super::{Resolve, VERSION, arguments, date, is_reserved, json, separator};
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::fields::{Value, fields, is_quotable, unhex};
use crate::store::term::Terms;
use crate::tables::field::{Class, class};

/// Encodes events; keeps its buffers from one to the next.
#[derive(Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    facts: Facts,
    /// Whether the fields are those within a message: it holds no further one.
    nested: bool,
    /// Seconds whose date is in `date`.
    date_seconds: Option<u64>,
    date: Vec<u8>,
}

impl Encoder {
    /// Appends the event's stored form to `out`, without a newline, and its terms to `terms`.
    pub fn encode(&mut self, event: &Event, names: &mut dyn Resolve, out: &mut Vec<u8>, terms: &mut Terms) {
        self.facts.clear();
        self.head(event, out, terms);
        out.extend_from_slice(b",\"records\":[");
        let mut last_kind = None;
        for (index, (kind, body)) in event.records().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if last_kind != Some(kind) {
                type_term(kind, terms);
                last_kind = Some(kind);
            }
            out.extend_from_slice(b"{\"type\":\"");
            type_name(kind, out);
            out.push(b'"');
            if event.closed == Closed::Malformed {
                out.extend_from_slice(b",\"raw\":");
                json::text(out, body);
            } else {
                self.record(kind, body, out, terms);
            }
            out.push(b'}');
        }
        out.push(b']');
        self.names(names, out);
        out.push(b'}');
    }

    fn head(&mut self, event: &Event, out: &mut Vec<u8>, terms: &mut Terms) {
        out.extend_from_slice(b"{\"v\":");
        json::number(out, u64::from(VERSION));
        self.time(event.id.time_ms, out);
        out.extend_from_slice(b",\"serial\":");
        json::number(out, u64::from(event.id.serial));
        if let Some(node) = &event.node {
            out.extend_from_slice(b",\"node\":");
            json::text(out, node);
            terms.add(Field::Node.id(), node);
        }
        let closed: &[u8] = match event.closed {
            Closed::Complete => return,
            Closed::Timer => b"timer",
            Closed::Late => b"late",
            Closed::Malformed => b"malformed",
        };
        out.extend_from_slice(b",\"closed\":\"");
        out.extend_from_slice(closed);
        out.push(b'"');
    }

    fn time(&mut self, time_ms: u64, out: &mut Vec<u8>) {
        let seconds = time_ms / 1000;
        if seconds >= date::SECONDS_MAX {
            out.extend_from_slice(b",\"time_ms\":\"");
            json::number(out, time_ms);
            out.push(b'"');
            return;
        }
        if self.date_seconds != Some(seconds) {
            self.date_seconds = Some(seconds);
            self.date.clear();
            date::write(seconds, &mut self.date);
        }
        out.extend_from_slice(b",\"time\":\"");
        out.extend_from_slice(&self.date);
        out.push(b'.');
        date::padded(time_ms % 1000, 3, out);
        out.extend_from_slice(b"Z\"");
    }

    fn record(&mut self, kind: RecordType, body: &[u8], out: &mut Vec<u8>, terms: &mut Terms) {
        let mark = out.len();
        if kind == RecordType::EXECVE && arguments::write(body, &mut self.bytes, out) {
            return;
        }
        out.truncate(mark);
        if !self.members(kind, body, out, terms) {
            // The text itself goes first, so that a reader who only wants the text need not look further.
            let parsed = out.split_off(mark);
            out.extend_from_slice(b",\"raw\":");
            json::text(out, body);
            out.extend_from_slice(&parsed);
        }
    }

    /// Writes the fields of a body as members, each with a comma before it. False if the body's text cannot be made
    /// from them again.
    fn members(&mut self, kind: RecordType, body: &[u8], out: &mut Vec<u8>, terms: &mut Terms) -> bool {
        let mut regular = true;
        let mut end = 0;
        let mut seen = Seen::default();
        for field in fields(body) {
            let expected = if end == 0 { 0 } else { end + 1 };
            regular &= field.start == expected;
            end = field.end;
            if is_reserved(field.name) || seen.twice(field.name, body) {
                regular = false;
                continue;
            }
            out.extend_from_slice(b",\"");
            out.extend_from_slice(field.name);
            out.extend_from_slice(b"\":");
            regular &= match field.value {
                Value::Message(inside) if field.name == b"msg" && !self.nested => {
                    self.message(kind, inside, out, terms)
                }
                value => self.value(kind, field.name, value, out, terms),
            };
        }
        regular && end == body.len()
    }

    /// The fields within `msg='…'` as an object.
    fn message(&mut self, kind: RecordType, inside: &[u8], out: &mut Vec<u8>, terms: &mut Terms) -> bool {
        let mark = out.len();
        self.nested = true;
        let regular = self.members(kind, inside, out, terms);
        self.nested = false;
        match out.get_mut(mark) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
        regular
    }

    /// Writes one value; false if the reader would not make the same text of it.
    fn value(
        &mut self,
        kind: RecordType,
        name: &[u8],
        value: Value<'_>,
        out: &mut Vec<u8>,
        terms: &mut Terms,
    ) -> bool {
        let class = class(name);
        if let (Class::Decimal | Class::Bare, Value::Bare(word)) = (class, value) {
            match class == Class::Decimal && json::is_number(word) {
                true => out.extend_from_slice(word),
                false => json::text(out, word),
            }
            self.facts.take(kind, name, word, terms);
            return true;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let (text, regular) = match value {
            Value::Bare(b"(null)") => {
                out.extend_from_slice(b"null");
                self.bytes = bytes;
                return true;
            }
            Value::Bare(word) => match unhex(word, &mut bytes) {
                true => {
                    let shortest = !is_quotable(&bytes) && !word.iter().any(u8::is_ascii_lowercase);
                    (bytes.as_slice(), shortest)
                }
                false => (word, false),
            },
            Value::Quoted(text) => (text, class == Class::Encoded && is_quotable(text)),
            Value::Message(text) => (text, false),
        };
        match separator(name) {
            Some(separator) => list(text, separator, out),
            None => json::text(out, text),
        }
        self.facts.take(kind, name, text, terms);
        self.bytes = bytes;
        regular
    }

    fn names(&self, names: &mut dyn Resolve, out: &mut Vec<u8>) {
        let mark = out.len();
        if let Some(arch) = self.facts.arch {
            out.extend_from_slice(b",\"arch\":\"");
            out.extend_from_slice(arch.name().as_bytes());
            out.push(b'"');
        }
        if let Some(syscall) = self.facts.syscall {
            out.extend_from_slice(b",\"syscall\":\"");
            out.extend_from_slice(syscall.as_bytes());
            out.push(b'"');
        }
        id_names(b",\"users\":", &self.facts.users, &mut |id| names.user(id), out);
        id_names(b",\"groups\":", &self.facts.groups, &mut |id| names.group(id), out);
        if let Some(comma) = out.get_mut(mark) {
            *comma = b'{';
            out.splice(mark..mark, *b",\"names\":");
            out.push(b'}');
        }
    }
}

/// Whether a name came before in the same body.
#[derive(Default)]
struct Seen {
    /// One bit for each hash of the names so far.
    bits: u128,
}

impl Seen {
    fn twice(&mut self, name: &[u8], body: &[u8]) -> bool {
        let byte = |at: Option<&u8>| u32::from(at.copied().unwrap_or(0));
        let mixed = byte(name.first())
            .wrapping_mul(31)
            .wrapping_add(byte(name.last()).wrapping_mul(7))
            .wrapping_add(byte(name.get(1)).wrapping_mul(13))
            .wrapping_add(u32::try_from(name.len()).unwrap_or(0).wrapping_mul(37));
        let bit = 1u128 << (mixed % 128);
        if self.bits & bit == 0 {
            self.bits |= bit;
            return false;
        }
        // The name's own place ends the look back.
        let own = name.as_ptr();
        fields(body).take_while(|field| field.name.as_ptr() != own).any(|field| field.name == name)
    }
}

fn list(text: &[u8], separator: u8, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, element) in text.split(|&byte| byte == separator).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::text(out, element);
    }
    out.push(b']');
}

fn id_names(
    member: &[u8],
    ids: &[u32],
    name: &mut dyn FnMut(u32) -> Option<std::sync::Arc<str>>,
    out: &mut Vec<u8>,
) {
    let mut open = false;
    for &id in ids {
        let Some(name) = name(id) else { continue };
        match open {
            true => out.push(b','),
            false => {
                out.extend_from_slice(member);
                out.push(b'{');
            }
        }
        open = true;
        out.push(b'"');
        json::number(out, u64::from(id));
        out.extend_from_slice(b"\":");
        json::text(out, name.as_bytes());
    }
    if open {
        out.push(b'}');
    }
}

/// Writes the name of a record's type as auditd does: `SYSCALL`, `UNKNOWN[1423]`.
pub(super) fn type_name(kind: RecordType, out: &mut Vec<u8>) {
    match kind.name() {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"UNKNOWN[");
            json::number(out, u64::from(kind.0));
            out.push(b']');
        }
    }
}

fn type_term(kind: RecordType, terms: &mut Terms) {
    match kind.name() {
        Some(name) => terms.add(Field::Type.id(), name.as_bytes()),
        None => {
            let mut name = Vec::new();
            type_name(kind, &mut name);
            terms.add(Field::Type.id(), &name);
        }
    }
}
