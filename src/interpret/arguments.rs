//! The arguments of an execve, which may be split over several fields and records, and the command line of a process.

use std::borrow::Cow;

use crate::interpret::context::decimal;
use crate::interpret::{inside, text};
use crate::record::fields::fields;

/// The arguments that the EXECVE records of an event hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// Those that were found, in their order, split ones joined.
    pub list: Vec<Cow<'a, [u8]>>,
    /// How many there are by `argc`.
    pub count: Option<u64>,
}

impl Arguments<'_> {
    /// How many arguments no record told: some were lost or came too late.
    pub fn missing(&self) -> u64 {
        let found = u64::try_from(self.list.len()).unwrap_or(u64::MAX);
        self.count.map_or(0, |count| count.saturating_sub(found))
    }
}

/// A field of an EXECVE record that holds an argument or a part of one.
struct Part<'a> {
    argument: u64,
    /// The place of the part in its argument, `None` for a whole one.
    part: Option<u64>,
    value: Cow<'a, [u8]>,
}

/// Joins the arguments that the bodies of an event's EXECVE records hold, in whatever order these came.
pub fn of_records<'a>(bodies: impl Iterator<Item = &'a [u8]>) -> Arguments<'a> {
    let mut count = None;
    let mut parts = Vec::new();
    for field in bodies.flat_map(fields) {
        match field.name {
            b"argc" if count.is_none() => count = decimal(inside(&field.value)),
            name => {
                parts.extend(place(name).map(|(argument, part)| Part {
                    argument,
                    part,
                    value: text(&field.value),
                }));
            }
        }
    }
    parts.sort_by_key(|part| (part.argument, part.part));
    let mut list: Vec<Cow<'a, [u8]>> = Vec::with_capacity(parts.len());
    let mut open = None;
    for part in parts {
        match list.last_mut() {
            Some(last) if open == Some(part.argument) && part.part.is_some() => {
                last.to_mut().extend_from_slice(&part.value);
            }
            _ => list.push(part.value),
        }
        open = part.part.map(|_| part.argument);
    }
    Arguments { list, count }
}

/// The place that a field's name gives: `a12` is argument 12, `a12[3]` part 3 of it. `a12_len` is none.
fn place(name: &[u8]) -> Option<(u64, Option<u64>)> {
    let number = name.strip_prefix(b"a")?;
    let Some(at) = memchr::memchr(b'[', number) else { return Some((decimal(number)?, None)) };
    let (argument, part) = number.split_at_checked(at)?;
    let part = part.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some((decimal(argument)?, Some(decimal(part)?)))
}

/// The arguments in a command line, which parts them by NUL bytes (`proctitle`).
pub fn of_title(title: &[u8]) -> impl Iterator<Item = &[u8]> {
    title.strip_suffix(&[0]).unwrap_or(title).split(|byte| *byte == 0)
}
