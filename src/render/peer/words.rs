//! Records with the values of their fields in words, as `ausearch -i` has them.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Escape, Peer};
use crate::enrich::Names;
use crate::interpret::context::{Context, decimal, hexadecimal};
use crate::interpret::{self, Kind, UNSET, calls, codes, inside};
use crate::record::RecordType;
use crate::record::fields::{Value, fields, find};
use crate::tables::{self, Arch, constants};

/// Bytes of the log, or what they stand for.
pub(super) type Text<'a> = Cow<'a, [u8]>;

/// What the words of a record's fields depend on.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) context: Context,
    /// What auditd's ENRICHED format adds.
    pub(super) tail: &'a [u8],
    /// What was stored with the event.
    pub(super) names: &'a Names,
    /// `a0` to `a3` of a system call.
    arguments: [u64; 4],
}

impl<'a> Record<'a> {
    pub(super) fn new(context: Context, body: &[u8], tail: &'a [u8], names: &'a Names) -> Record<'a> {
        let mut arguments = [0; 4];
        if context.record == RecordType::SYSCALL {
            for field in fields(body) {
                if let Some(place) = argument(field.name)
                    && let (Some(argument), Some(value)) =
                        (arguments.get_mut(place), hexadecimal(inside(&field.value)))
                {
                    *argument = value;
                }
                // The arguments stand together, before the process's ids.
                if field.name == b"items" {
                    break;
                }
            }
        }
        Record { context, tail, names, arguments }
    }

    /// The same, as if it were of another type.
    pub(super) fn within(&self, kind: RecordType) -> Record<'a> {
        Record { context: self.context.within(kind), ..*self }
    }
}

/// The place that a name like `a2` gives.
fn argument(name: &[u8]) -> Option<usize> {
    match name {
        [b'a', digit @ b'0'..=b'3'] => Some(usize::from(digit - b'0')),
        _ => None,
    }
}

impl Peer {
    /// Adds a record's text; what is no field stays as it is.
    pub(super) fn record(
        &mut self,
        context: &Context,
        body: &[u8],
        tail: &[u8],
        names: &Names,
        out: &mut Vec<u8>,
    ) {
        let record = Record::new(*context, body, tail, names);
        self.fields(&record, body, out);
    }

    fn fields(&mut self, record: &Record<'_>, body: &[u8], out: &mut Vec<u8>) {
        // What stays as it stands is copied in one piece with what is around it.
        let mut done = 0;
        let mut last_end = 0;
        for field in fields(body) {
            let value_start = field.start + field.name.len() + 1;
            if last_end > 0 && last_end == field.start {
                // The kernel forgets the blank between two fields of some records.
                self.escape_plain(body.get(done..field.start).unwrap_or_default(), out);
                out.push(b' ');
                done = field.start;
            }
            last_end = field.end;
            if let Value::Message(inside) = field.value {
                self.escape_plain(body.get(done..=value_start).unwrap_or_default(), out);
                self.fields(record, inside, out);
                out.push(b'\'');
                done = field.end;
                continue;
            }
            let meaning = self.meanings.of(record.context.record, field.name);
            if let Meaning::Kind(kind @ (Kind::User | Kind::Group)) = meaning
                && record.tail.is_empty()
                && let Some(id) = id_of(inside(&field.value))
            {
                self.escape_plain(body.get(done..value_start).unwrap_or_default(), out);
                let escape = self.escape;
                escape.write(self.id_text(record, kind, id).as_bytes(), out);
                done = field.end;
                continue;
            }
            if let Some(text) = self.told(record, meaning, field.name, &field.value) {
                self.escape_plain(body.get(done..value_start).unwrap_or_default(), out);
                self.escape.write(&text, out);
                done = field.end;
            } else if self.escape != Escape::Tty {
                // Shells read also what stands as it is.
                self.escape_plain(body.get(done..value_start).unwrap_or_default(), out);
                self.escape.write(body.get(value_start..field.end).unwrap_or_default(), out);
                done = field.end;
            }
        }
        self.escape_plain(body.get(done..).unwrap_or_default(), out);
    }

    /// Adds text that is no value: of it only what steers a terminal is escaped.
    fn escape_plain(&self, text: &[u8], out: &mut Vec<u8>) {
        match self.escape {
            Escape::Raw => out.extend_from_slice(text),
            _ => Escape::Tty.write(text, out),
        }
    }

    /// A field's value in words; `None` for one that says by itself what it means.
    pub(super) fn word<'a>(
        &mut self,
        record: &Record<'_>,
        name: &[u8],
        value: &Value<'a>,
    ) -> Option<Text<'a>> {
        self.told(record, Meaning::of(record.context.record, name), name, value)
    }

    /// The same, for a field whose meaning is known.
    fn told<'a>(
        &mut self,
        record: &Record<'_>,
        meaning: Meaning,
        name: &[u8],
        value: &Value<'a>,
    ) -> Option<Text<'a>> {
        let word = inside(value);
        match meaning {
            Meaning::Argument(place) => self.argument(record, place, word),
            Meaning::Special(kind) => match special(record.context.record, name, word) {
                Some(told) => Some(bytes(told)),
                None => Some(interpret::words(&record.context, kind, value)).filter(|_| kind != Kind::Plain),
            },
            Meaning::Kind(Kind::Plain) => None,
            Meaning::Kind(kind @ (Kind::User | Kind::Group)) => self.id(record, kind, name, word),
            Meaning::Kind(Kind::Syscall) => Some(syscall(record, word)),
            Meaning::Kind(Kind::Address) if let Some(told) = enriched(record.tail, b"SADDR") => Some(told),
            Meaning::Kind(kind) => Some(interpret::words(&record.context, kind, value)),
        }
    }

    fn argument<'a>(&mut self, record: &Record<'_>, place: usize, word: &'a [u8]) -> Option<Text<'a>> {
        let value = hexadecimal(word)?;
        let context = record.context;
        let plain = || Some(Cow::Owned(hex(value)));
        let Some((arch, number)) = context.arch.zip(context.syscall) else { return plain() };
        let meaning = self.calls.of(arch, number, place);
        if let Some(kind) = meaning.and_then(calls::Meaning::id_kind) {
            let id = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(UNSET);
            return Some(self.id_name(record, kind, id));
        }
        meaning.and_then(|meaning| meaning.words(place, &record.arguments)).map(bytes).or_else(plain)
    }

    /// The name of an id: that which the log holds, else the host's.
    fn id<'a>(&mut self, record: &Record<'_>, kind: Kind, name: &[u8], word: &'a [u8]) -> Option<Text<'a>> {
        if !record.tail.is_empty()
            && let Some(told) = enriched(record.tail, &name.to_ascii_uppercase())
        {
            return Some(told);
        }
        Some(self.id_name(record, kind, id_of(word)?))
    }

    fn id_name<'a>(&mut self, record: &Record<'_>, kind: Kind, id: u32) -> Text<'a> {
        Cow::Owned(self.id_text(record, kind, id).as_bytes().to_vec())
    }

    fn id_text<'a>(&'a mut self, record: &Record<'a>, kind: Kind, id: u32) -> &'a str {
        match kind {
            _ if id == UNSET => "unset",
            Kind::User => record.names.user(id).unwrap_or_else(|| self.user(id)),
            _ => record.names.group(id).unwrap_or_else(|| self.group(id)),
        }
    }
}

/// The id that a field's value is; records of old kernels have a comma after it.
fn id_of(word: &[u8]) -> Option<u32> {
    match word {
        b"-1" => Some(UNSET),
        _ => u32::try_from(decimal(word.strip_suffix(b",").unwrap_or(word))?).ok(),
    }
}

fn bytes<'a>(text: Cow<'static, str>) -> Text<'a> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// What the ENRICHED format says of a field, by its name in capitals.
fn enriched<'a>(tail: &[u8], name: &[u8]) -> Option<Text<'a>> {
    if tail.is_empty() {
        return None;
    }
    if name == b"SADDR" {
        // The one whose value has blanks and no quotes.
        let at = memchr::memmem::find(tail, b"SADDR={")?;
        let text = tail.get(at + 6..)?;
        let end = memchr::memchr(b'}', text)?;
        return text.get(..=end).map(|text| Cow::Owned(text.to_vec()));
    }
    find(tail, name).map(|value| Cow::Owned(inside(&value).to_vec()))
}

fn syscall<'a>(record: &Record<'_>, word: &'a [u8]) -> Text<'a> {
    let number = decimal(word).and_then(|number| u32::try_from(number).ok());
    let named = record.context.arch.zip(number).and_then(|(arch, number)| tables::syscall_name(arch, number));
    match named {
        Some(name) => Cow::Borrowed(name.as_bytes()),
        None => Cow::Owned([b"unknown-syscall(", word, b")"].concat()),
    }
}

/// Fields whose values only `ausearch` words.
fn special(record: RecordType, name: &[u8], word: &[u8]) -> Option<Cow<'static, str>> {
    let number = || decimal(word);
    Some(match (record, name) {
        (_, b"prom" | b"old_prom") => Cow::Borrowed(if word == b"0" { "no" } else { "yes" }),
        (_, b"nl-mcgrp") => Cow::Borrowed((word == b"1").then_some("audit-netlink-multicast")?),
        (RecordType(1331), b"resp") => Cow::Borrowed(match word {
            b"1" => "allow",
            b"2" => "deny",
            _ => return None,
        }),
        (RecordType(1323), b"flags") => calls::map_flags(hexadecimal(word)?)?,
        (_, b"sigev_signo" | b"sig") => match number()? {
            0 => Cow::Borrowed("SIG0"),
            number => Cow::Borrowed(codes::signal(u32::try_from(number).ok()?)?),
        },
        (RecordType::OPENAT2, b"oflag") => calls::open_flags(interpret::context::octal(word)?)?,
        (RecordType::OPENAT2, b"resolve") => calls::resolve_flags(hexadecimal(word)?)?,
        (_, b"oflag") => calls::open_flags(hexadecimal(word)?)?,
        (RecordType(1325), b"family") => Cow::Borrowed(calls::name(constants::NETFILTER, number()?)?),
        (RecordType::NETFILTER_PKT, b"proto") => Cow::Borrowed(calls::name(constants::PROTOCOL, number()?)?),
        (_, b"per") => calls::personality(hexadecimal(word)?)?,
        _ => return None,
    })
}

/// `0x7ffc4ca8cc20`.
fn hex(value: u64) -> Vec<u8> {
    let digits = (u64::BITS - value.leading_zeros()).div_ceil(4).max(1);
    let mut text = Vec::with_capacity(18);
    text.extend_from_slice(b"0x");
    for place in (0..digits).rev() {
        let digit = (value >> (place * 4)) & 0xf;
        text.push(b"0123456789abcdef".get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or(b'?'));
    }
    text
}

/// System calls whose arguments' meanings are kept.
const CALLS_MAX: usize = 1024;

/// The meanings of the arguments of the system calls that came.
#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<(Arch, u32), [Option<calls::Meaning>; 4], RandomState>);

impl Calls {
    fn of(&mut self, arch: Arch, number: u32, place: usize) -> Option<calls::Meaning> {
        if self.0.len() >= CALLS_MAX {
            self.0.clear();
        }
        let find = || {
            let name = tables::syscall_name(arch, number).unwrap_or_default();
            [0, 1, 2, 3].map(|place| calls::meaning(name, place))
        };
        self.0.entry((arch, number)).or_insert_with(find).get(place).copied().flatten()
    }
}

/// What a field of a record type means.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// An argument of a system call.
    Argument(usize),
    /// What only `ausearch` words, or else the kind.
    Special(Kind),
    /// What `interpret` words.
    Kind(Kind),
}

impl Meaning {
    fn of(record: RecordType, name: &[u8]) -> Meaning {
        if let Some(place) = argument(name).filter(|_| record == RecordType::SYSCALL) {
            return Meaning::Argument(place);
        }
        let kind = match (record, name) {
            // A password changes for a user, in the programs that write this.
            (RecordType(1108), b"id") => Kind::User,
            (RecordType::EXECVE, name) if name.ends_with(b"_len") => Kind::Plain,
            (kind, name) => interpret::kind(kind, name),
        };
        if SPECIAL.contains(&name) { Meaning::Special(kind) } else { Meaning::Kind(kind) }
    }
}

/// The fields that [`special`] knows in some record.
const SPECIAL: [&[u8]; 12] = [
    b"prom",
    b"old_prom",
    b"nl-mcgrp",
    b"resp",
    b"flags",
    b"sigev_signo",
    b"sig",
    b"oflag",
    b"resolve",
    b"family",
    b"proto",
    b"per",
];

/// Record types whose fields are remembered at most.
const TYPES_MAX: usize = 256;
/// Fields that are remembered of a type at most: records of hostile programs may have any names.
const FIELDS_MAX: usize = 64;

/// Names of fields with their meanings.
type Known = Vec<(Box<[u8]>, Meaning)>;

/// Meanings of the fields of each type, in the order of the record before: programs write a type's fields always in the
/// same order, so that the next one is nearly always where it is looked for.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    types: Vec<(RecordType, Known)>,
    /// The type of the last field, and the place after it.
    last: (usize, usize),
}

impl Meanings {
    fn of(&mut self, record: RecordType, name: &[u8]) -> Meaning {
        let (at, next) = self.last;
        if let Some((kind, known)) = self.types.get(at)
            && *kind == record
            && let Some((field, meaning)) = known.get(next)
            && **field == *name
        {
            self.last.1 = next + 1;
            return *meaning;
        }
        self.find(record, name)
    }

    fn find(&mut self, record: RecordType, name: &[u8]) -> Meaning {
        let found = self.types.iter().position(|(kind, _)| *kind == record);
        let at = found.unwrap_or_else(|| {
            if self.types.len() >= TYPES_MAX {
                self.types.clear();
            }
            self.types.push((record, Vec::new()));
            self.types.len() - 1
        });
        let Some((_, known)) = self.types.get_mut(at) else { return Meaning::of(record, name) };
        let place = known.iter().position(|(field, _)| **field == *name).unwrap_or_else(|| {
            if known.len() >= FIELDS_MAX {
                known.clear();
            }
            known.push((name.into(), Meaning::of(record, name)));
            known.len() - 1
        });
        self.last = (at, place + 1);
        known.get(place).map_or_else(|| Meaning::of(record, name), |(_, meaning)| *meaning)
    }
}
