/*!
Values as text, by tables alone: no look-ups on the host, no I/O.

[`kind`] says what a field of a record means, [`value`] puts its value in words, and the modules below give the same
knowledge as types. A new kind is a row in the table, a variant and an arm. The names of ids are not known here, since
they are the host's: whoever has them asks [`kind`] first.
*/

pub mod address;
pub mod arguments;
pub mod calls;
pub mod codes;
pub mod context;
pub mod keystrokes;
pub mod path;

use std::borrow::Cow;

use crate::record::RecordType;
use crate::record::fields::{self, Value};
use crate::tables::field::{Class, IdKind, class, id_kind};
use crate::tables::{self, Arch};

use codes::Failure;
use context::{Context, decimal, hexadecimal, octal, signed};

/// The id that stands for "not set" in users, groups and sessions (`AUDIT_UID_UNSET`, `AUDIT_SID_UNSET`).
pub const UNSET: u32 = u32::MAX;

/// What a field's value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What it says, as it stands.
    Plain,
    /// A string, quoted or in hexadecimal digits.
    Text,
    /// A user id.
    User,
    /// A group id.
    Group,
    /// A session id.
    Session,
    /// An architecture, hexadecimal.
    Arch,
    /// The number of a system call of the event's architecture.
    Syscall,
    /// What a system call returned.
    Exit,
    /// A file's type and permissions, octal.
    Mode,
    /// `struct sockaddr`, each byte in hexadecimal digits.
    Address,
    /// A machine word in hexadecimal digits without `0x`: the arguments of a system call.
    Word,
    /// A set of capabilities, hexadecimal.
    Capabilities,
    /// Arguments joined by NUL bytes.
    Arguments,
    /// The keys of rules, joined by 0x01.
    Keys,
    /// The number of a signal.
    Signal,
    /// What a seccomp filter decided, hexadecimal.
    Seccomp,
    /// The number of a list of rules.
    List,
    /// 1 or 0 for yes or no.
    Answer,
}

/// Names that the classes of `tables` do not tell apart, ascending.
const KINDS: &[(&str, Kind)] = &[
    ("a0", Kind::Word),
    ("a1", Kind::Word),
    ("a2", Kind::Word),
    ("a3", Kind::Word),
    ("arch", Kind::Arch),
    ("cap_fi", Kind::Capabilities),
    ("cap_fp", Kind::Capabilities),
    ("cap_pa", Kind::Capabilities),
    ("cap_pe", Kind::Capabilities),
    ("cap_pi", Kind::Capabilities),
    ("cap_pp", Kind::Capabilities),
    ("exit", Kind::Exit),
    ("fi", Kind::Capabilities),
    ("fp", Kind::Capabilities),
    ("key", Kind::Keys),
    ("list", Kind::List),
    ("mode", Kind::Mode),
    ("old-ses", Kind::Session),
    ("old_pa", Kind::Capabilities),
    ("old_pe", Kind::Capabilities),
    ("old_pi", Kind::Capabilities),
    ("old_pp", Kind::Capabilities),
    ("oses", Kind::Session),
    ("pa", Kind::Capabilities),
    ("pe", Kind::Capabilities),
    ("pi", Kind::Capabilities),
    ("pp", Kind::Capabilities),
    ("proctitle", Kind::Arguments),
    ("res", Kind::Answer),
    ("saddr", Kind::Address),
    ("ses", Kind::Session),
    ("sig", Kind::Signal),
    ("syscall", Kind::Syscall),
];

/// What the field `name` means in a record of that type.
pub fn kind(record: RecordType, name: &[u8]) -> Kind {
    match (record, name) {
        (RecordType::EXECVE, [b'a', b'0'..=b'9', ..]) => return Kind::Text,
        // A user-space program's `code=` and `fp=` are words of its own (`fp=` is a key's fingerprint).
        (RecordType::SECCOMP, b"code") => return Kind::Seccomp,
        (RecordType(1100..=1199 | 2100..=2999), b"fp") => return Kind::Plain,
        // The addresses of a packet are written as people write them.
        (RecordType::NETFILTER_PKT, b"saddr") => return Kind::Plain,
        // Whom these programs added or logged in; in other records `id` may be anything.
        (RecordType(1112..=1115), b"id") => return Kind::User,
        (RecordType(1116 | 1117), b"id") => return Kind::Group,
        _ => {}
    }
    if let Some(ids) = id_kind(name) {
        return match ids {
            IdKind::User => Kind::User,
            IdKind::Group => Kind::Group,
        };
    }
    let found = KINDS.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    match found.ok().and_then(|at| KINDS.get(at)) {
        Some((_, kind)) => *kind,
        None if class(name) == Class::Encoded => Kind::Text,
        None => Kind::Plain,
    }
}

/// A field's value in words; as it stands when it is not what the field's kind asks for.
///
/// The result may hold any byte: what is shown on a terminal has to be escaped.
pub fn value<'a>(context: &Context, name: &[u8], value: &Value<'a>) -> Cow<'a, [u8]> {
    words(context, kind(context.record, name), value)
}

/// As [`value`], for a field of which [`kind`] has been asked.
pub fn words<'a>(context: &Context, kind: Kind, value: &Value<'a>) -> Cow<'a, [u8]> {
    let word = inside(value);
    match kind {
        Kind::Plain => return Cow::Borrowed(word),
        Kind::Text => return text(value),
        Kind::Keys => return keys(text(value)),
        Kind::Address => {
            let address = address::Address::from_digits(word);
            return address.map_or(Cow::Borrowed(word), |address| Cow::Owned(address.fields()));
        }
        Kind::Arguments => return separated(text(value), 0, b' '),
        _ => {}
    }
    match number(context, kind, word) {
        Some(told) => match told {
            Cow::Borrowed(told) => Cow::Borrowed(told.as_bytes()),
            Cow::Owned(told) => Cow::Owned(told.into_bytes()),
        },
        None => Cow::Borrowed(word),
    }
}

/// A value that is written as a number, in words.
fn number(context: &Context, kind: Kind, word: &[u8]) -> Option<Cow<'static, str>> {
    let small = || decimal(word).and_then(|number| u32::try_from(number).ok());
    Some(match kind {
        Kind::User | Kind::Group | Kind::Session => {
            // OBJ_PID writes -1.
            (small() == Some(UNSET) || word == b"-1").then_some(Cow::Borrowed("unset"))?
        }
        Kind::Arch => Cow::Borrowed(Arch::from_token(u32::try_from(hexadecimal(word)?).ok()?)?.name()),
        Kind::Syscall => Cow::Borrowed(tables::syscall_name(context.arch?, small()?)?),
        Kind::Exit => Cow::Owned(Failure::of_exit(signed(word)?)?.to_string()),
        Kind::Mode => Cow::Owned(codes::mode(u32::try_from(octal(word)?).ok()?)),
        Kind::Word => Cow::Owned(format!("{:#x}", hexadecimal(word)?)),
        Kind::Capabilities => codes::capabilities(hexadecimal(word)?),
        Kind::Signal => Cow::Borrowed(codes::signal(small()?)?),
        Kind::Seccomp => Cow::Borrowed(codes::seccomp(u32::try_from(hexadecimal(word)?).ok()?)?),
        Kind::List => Cow::Borrowed(codes::list(small()?)?),
        Kind::Answer => Cow::Borrowed(match word {
            b"1" => "yes",
            b"0" => "no",
            _ => return None,
        }),
        Kind::Plain | Kind::Text | Kind::Keys | Kind::Arguments | Kind::Address => return None,
    })
}

/// The value without its quotes, otherwise as it stands.
pub fn inside<'a>(value: &Value<'a>) -> &'a [u8] {
    match *value {
        Value::Quoted(word) | Value::Bare(word) | Value::Message(word) => word,
    }
}

/// The string that a value stands for; `(null)` for an absent one.
pub fn text<'a>(value: &Value<'a>) -> Cow<'a, [u8]> {
    fields::decode(value).unwrap_or_else(|| Cow::Borrowed(inside(value)))
}

/// Keys, which 0x01 parts, as if each had a field of its own: `ab key=c`.
fn keys(joined: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if memchr::memchr(1, &joined).is_none() {
        return joined;
    }
    Cow::Owned(joined.split(|byte| *byte == 1).collect::<Vec<_>>().join(&b" key="[..]))
}

/// The text with another byte between its parts, and none after the last.
fn separated(text: Cow<'_, [u8]>, from: u8, to: u8) -> Cow<'_, [u8]> {
    if memchr::memchr(from, &text).is_none() {
        return text;
    }
    let mut text = text.into_owned();
    while text.last() == Some(&from) {
        text.pop();
    }
    text.iter_mut().filter(|byte| **byte == from).for_each(|byte| *byte = to);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests;
