//! Records as auditd's ENRICHED format writes them: RAW, byte 0x1D, and what some fields stand for.

use crate::entry::Stored;
use crate::event::Closed;
use crate::interpret::address::Address;
use crate::interpret::context::{Context, decimal};
use crate::interpret::{self, Kind, UNSET, inside};
use crate::record::RecordType;
use crate::record::fields::{Value, fields};
use crate::record::line::ENRICHED_SEPARATOR;

use super::raw;

/// Adds one record of the event, given with its place, without a newline. `context` is [`Context::of`] its event.
pub fn record(
    stored: &Stored,
    context: &Context,
    place: usize,
    (kind, body): (RecordType, &[u8]),
    line: &mut Vec<u8>,
) {
    raw::record(&stored.event, place, kind, body, line);
    // A log that was imported may hold a line that has such a tail already, and is kept as it was.
    let is_record = kind.0 != 0 && stored.event.closed != Closed::Malformed;
    if is_record && memchr::memchr(ENRICHED_SEPARATOR, body).is_none() {
        let mut tail = Tail { stored, context: context.within(kind), begun: false };
        tail.fields(body, line);
    }
}

/// What is added to a record, as it grows.
struct Tail<'a> {
    stored: &'a Stored,
    context: Context,
    begun: bool,
}

impl Tail<'_> {
    fn fields(&mut self, body: &[u8], line: &mut Vec<u8>) {
        for field in fields(body) {
            if let Value::Message(inside) = field.value {
                self.fields(inside, line);
                continue;
            }
            let kind = interpret::kind(self.context.record, field.name);
            if !matches!(kind, Kind::User | Kind::Group | Kind::Arch | Kind::Syscall | Kind::Address) {
                continue;
            }
            line.push(if self.begun { b' ' } else { ENRICHED_SEPARATOR });
            self.begun = true;
            line.extend(field.name.iter().map(u8::to_ascii_uppercase));
            line.push(b'=');
            self.value(kind, &field.value, line);
        }
    }

    fn value(&self, kind: Kind, value: &Value<'_>, line: &mut Vec<u8>) {
        let word = inside(value);
        match kind {
            Kind::User | Kind::Group => {
                line.push(b'"');
                self.name(kind, word, line);
                line.push(b'"');
            }
            Kind::Syscall => {
                let name = interpret::words(&self.context, kind, value);
                let named = &*name != word;
                line.extend_from_slice(if named { b"" } else { b"unknown-syscall(" });
                line.extend_from_slice(&name);
                line.extend_from_slice(if named { b"" } else { b")" });
            }
            Kind::Address => match Address::from_digits(word) {
                // auditd does not tell the groups.
                Some(Address::Netlink { port, .. }) => {
                    line.extend_from_slice(&Address::Netlink { port, groups: 0 }.fields());
                }
                _ => line.extend_from_slice(&interpret::words(&self.context, kind, value)),
            },
            _ => line.extend_from_slice(&interpret::words(&self.context, kind, value)),
        }
    }

    /// The name that was stored; an id without one as auditd tells it.
    fn name(&self, kind: Kind, word: &[u8], line: &mut Vec<u8>) {
        let id = if word == b"-1" { Some(u64::from(UNSET)) } else { decimal(word) };
        let Some(id) = id.and_then(|id| u32::try_from(id).ok()) else {
            return line.extend_from_slice(word);
        };
        let names = &self.stored.names;
        let name = match kind {
            Kind::User => names.user(id),
            _ => names.group(id),
        };
        match name {
            _ if id == UNSET => line.extend_from_slice(b"unset"),
            Some(name) => line.extend_from_slice(name.as_bytes()),
            None => line.extend_from_slice(format!("unknown({})", id.cast_signed()).as_bytes()),
        }
    }
}
