//! Command lines in an event's records: found, and written again.

use std::collections::BTreeMap;

use super::holds_command;
use super::rules::Rules;
use crate::event::Event;
use crate::record::RecordType;
use crate::record::fields::{self, Field, decode, encode, fields};

/// Buffers that are kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    body: Vec<u8>,
}

/// What an argument's field becomes: the new value, which stands in the first of its fields.
type Changes = BTreeMap<u32, Vec<u8>>;

/// A field of EXECVE by its name.
enum Name {
    /// `a7`
    Whole(u32),
    /// `a7[1]`
    Part(u32, u32),
    /// `a7_len`
    Length(u32),
}

/// The event with its secrets replaced; `None` where it has none.
pub(super) fn redacted(event: &Event, rules: &Rules, scratch: &mut Scratch) -> Option<Event> {
    let executed = executed(event, rules);
    let mut count = executed.len();
    let mut changed: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for (place, (kind, body)) in event.records().enumerate() {
        let (name, separator) = match kind {
            RecordType::PROCTITLE => (&b"proctitle"[..], 0),
            RecordType::USER_CMD => (&b"cmd"[..], b' '),
            _ => continue,
        };
        scratch.body.clear();
        let replaced = one_field(body, name, separator, rules, &mut scratch.body);
        if replaced > 0 {
            count += replaced;
            changed.insert(place, scratch.body.clone());
        }
    }
    if count == 0 {
        return None;
    }
    let mut redacted = Event::new(event.id);
    redacted.node.clone_from(&event.node);
    redacted.closed = event.closed;
    redacted.redacted = u32::try_from(count).unwrap_or(u32::MAX);
    let mut written = BTreeMap::new();
    for (place, (kind, body)) in event.records().enumerate() {
        match changed.get(&place) {
            Some(body) => redacted.push(kind, body),
            None if kind == RecordType::EXECVE && !executed.is_empty() => {
                redacted.push_with(kind, |text| rewrite(body, &executed, &mut written, text));
            }
            None => redacted.push(kind, body),
        }
        if event.is_unnamed(place) {
            redacted.unname_last();
        }
    }
    debug_assert!(redacted.records().any(|(kind, _)| holds_command(kind)));
    Some(redacted)
}

/// The arguments of the event's EXECVE records that have to be changed. What of a line is missing parts it in two: the
/// argument after a hole is nobody's value.
fn executed(event: &Event, rules: &Rules) -> Changes {
    let mut parts: BTreeMap<(u32, u32), Vec<u8>> = BTreeMap::new();
    for (_, body) in event.records().filter(|(kind, _)| *kind == RecordType::EXECVE) {
        for field in fields(body) {
            let place = match argument(field.name) {
                Some(Name::Whole(number)) => (number, 0),
                Some(Name::Part(number, part)) => (number, part),
                _ => continue,
            };
            parts.entry(place).or_insert_with(|| decode(&field.value).unwrap_or_default().into_owned());
        }
    }
    let mut line: Vec<(u32, Vec<u8>)> = Vec::new();
    for ((number, _), part) in parts {
        match line.last_mut() {
            Some((last, text)) if *last == number => text.extend_from_slice(&part),
            _ => line.push((number, part)),
        }
    }
    let mut changes = Changes::new();
    for run in line.chunk_by(|(one, _), (next, _)| one.checked_add(1) == Some(*next)) {
        let arguments: Vec<&[u8]> = run.iter().map(|(_, text)| text.as_slice()).collect();
        for (place, text) in rules.apply(&arguments) {
            changes.extend(run.get(place).map(|(number, _)| (*number, text)));
        }
    }
    changes
}

fn argument(name: &[u8]) -> Option<Name> {
    let number = name.strip_prefix(b"a")?;
    let digits = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
    if let Some(number) = number.strip_suffix(b"_len") {
        return digits(number).map(Name::Length);
    }
    let Some(at) = memchr::memchr(b'[', number) else { return digits(number).map(Name::Whole) };
    let (number, part) = number.split_at_checked(at)?;
    let part = part.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some(Name::Part(digits(number)?, digits(part)?))
}

/// Writes an EXECVE record's body with the changed arguments. Of a split one, the first part gets all of it and the others
/// nothing, and its length is that of what is there.
fn rewrite(body: &[u8], changes: &Changes, written: &mut BTreeMap<u32, ()>, out: &mut Vec<u8>) {
    let mut at = 0;
    for field in fields(body) {
        let Some(name) = argument(field.name) else { continue };
        let (Name::Whole(number) | Name::Part(number, _) | Name::Length(number)) = name;
        let Some(text) = changes.get(&number) else { continue };
        out.extend_from_slice(body.get(at..value_start(&field)).unwrap_or_default());
        at = field.end;
        if matches!(name, Name::Length(_)) {
            let length = if fields::is_quotable(text) { text.len() } else { text.len() * 2 };
            out.extend_from_slice(length.to_string().as_bytes());
        } else if written.insert(number, ()).is_none() {
            encode(text, out);
        } else {
            encode(b"", out);
        }
    }
    out.extend_from_slice(body.get(at..).unwrap_or_default());
}

fn value_start(field: &Field<'_>) -> usize {
    field.start + field.name.len() + 1
}

/// Writes a body whose one field is a command line, with what has to be changed in it; how much that was. The field may be
/// in the message of a user's program.
fn one_field(body: &[u8], name: &[u8], separator: u8, rules: &Rules, out: &mut Vec<u8>) -> usize {
    for field in fields(body) {
        let (found, begin) = match field.value {
            fields::Value::Message(inside) => {
                let found = fields(inside).find(|field| field.name == name);
                (found, value_start(&field) + 1)
            }
            _ if field.name == name => (Some(field), 0),
            _ => continue,
        };
        let Some(found) = found else { continue };
        let text = decode(&found.value).unwrap_or_default();
        let mut arguments: Vec<&[u8]> = text.split(|byte| *byte == separator).collect();
        let changed = rules.apply(&arguments);
        for (place, argument) in &changed {
            if let Some(old) = arguments.get_mut(*place) {
                *old = argument;
            }
        }
        if !changed.is_empty() {
            out.extend_from_slice(body.get(..begin + value_start(&found)).unwrap_or_default());
            encode(&arguments.join(&separator), out);
            out.extend_from_slice(body.get(begin + found.end..).unwrap_or_default());
        }
        return changed.len();
    }
    0
}
