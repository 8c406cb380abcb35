//! Event → stored form and terms, in one pass over each record's fields.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::field::{Field, Source, source};
use super::{Resolve, VERSION, is_reserved, json, separator};
use crate::event::{Closed, Event};
use crate::record::RecordType;
use crate::record::fields::{Value, fields, is_quotable, unhex};
use crate::store::term::Terms;
use crate::tables::field::{Class, IdKind, class, id_kind};
use crate::tables::{self, Arch};

/// Ids of one kind that are named in one entry. An event of more is a hostile one.
const IDS_MAX: usize = 64;
/// The uid or gid that means "not set".
const UNSET: u32 = u32::MAX;
/// Seconds since 1970 at the end of the year 9999, up to which a time is written as a date.
pub(super) const DATE_SECONDS_MAX: u64 = 253_402_300_800;

/// Encodes events; keeps its buffers from one to the next.
#[derive(Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    path: Vec<u8>,
    cwd: Vec<u8>,
    users: Vec<u32>,
    groups: Vec<u32>,
    arch: Option<Arch>,
    syscall: Option<&'static str>,
    failed: bool,
    /// Whether the fields are those within a message: it holds no further one.
    nested: bool,
    /// Seconds whose date is in `date`.
    date_seconds: Option<u64>,
    date: Vec<u8>,
}

impl Encoder {
    /// Appends the event's stored form to `out`, without a newline, and its terms to `terms`.
    pub fn encode(&mut self, event: &Event, names: &mut dyn Resolve, out: &mut Vec<u8>, terms: &mut Terms) {
        self.reset();
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

    fn reset(&mut self) {
        self.cwd.clear();
        self.users.clear();
        self.groups.clear();
        self.arch = None;
        self.syscall = None;
        self.failed = false;
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
        if seconds >= DATE_SECONDS_MAX {
            out.extend_from_slice(b",\"time_ms\":\"");
            json::number(out, time_ms);
            out.push(b'"');
            return;
        }
        if self.date_seconds != Some(seconds) {
            self.date_seconds = Some(seconds);
            self.date.clear();
            date(seconds, &mut self.date);
        }
        out.extend_from_slice(b",\"time\":\"");
        out.extend_from_slice(&self.date);
        out.push(b'.');
        padded(time_ms % 1000, 3, out);
        out.extend_from_slice(b"Z\"");
    }

    fn record(&mut self, kind: RecordType, body: &[u8], out: &mut Vec<u8>, terms: &mut Terms) {
        let mark = out.len();
        if kind == RecordType::EXECVE && arguments(body, &mut self.bytes, out) {
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
            self.index(kind, name, word, terms);
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
        self.index(kind, name, text, terms);
        self.bytes = bytes;
        regular
    }

    /// Adds the terms of a field and remembers what later ones need.
    fn index(&mut self, kind: RecordType, name: &[u8], text: &[u8], terms: &mut Terms) {
        match id_kind(name) {
            Some(IdKind::User) => note(&mut self.users, text),
            Some(IdKind::Group) => note(&mut self.groups, text),
            None => {}
        }
        match source(name) {
            Some(Source::Text(Field::Path)) => self.index_path(kind, text, terms),
            Some(Source::Text(field)) if !matches!(text, b"?" | b"" | b"(none)") => {
                terms.add(field.id(), text)
            }
            Some(Source::Number(field)) if json::is_number(text) => terms.add(field.id(), text),
            Some(Source::List(field)) => {
                for element in text.split(|&byte| Some(byte) == separator(name)) {
                    terms.add(field.id(), element);
                }
            }
            Some(Source::Outcome) => index_outcome(name, text, terms),
            Some(Source::Address) => index_address(text, terms),
            None if kind == RecordType::SYSCALL => self.index_syscall(name, text, terms),
            None if kind == RecordType::CWD && name == b"cwd" => {
                self.cwd.clear();
                self.cwd.extend_from_slice(text);
            }
            _ => {}
        }
        if kind == RecordType::SYSCALL && name == b"success" {
            self.failed = text == b"no";
        }
    }

    fn index_syscall(&mut self, name: &[u8], text: &[u8], terms: &mut Terms) {
        let number = || std::str::from_utf8(text).ok();
        match name {
            b"arch" => {
                self.arch = number().and_then(|n| u32::from_str_radix(n, 16).ok()).and_then(Arch::from_token);
            }
            b"syscall" => {
                self.syscall = number()
                    .and_then(|n| n.parse().ok())
                    .and_then(|number: u32| tables::syscall_name(self.arch?, number));
                terms.add(Field::Syscall.id(), self.syscall.map_or(text, str::as_bytes));
            }
            b"exit" if self.failed => {
                let errno = number().and_then(|n| n.strip_prefix('-')).and_then(|n| n.parse().ok());
                if let Some(errno) = errno.and_then(tables::errno_name) {
                    terms.add(Field::Errno.id(), errno.as_bytes());
                }
            }
            _ => {}
        }
    }

    fn index_path(&mut self, kind: RecordType, text: &[u8], terms: &mut Terms) {
        terms.add(Field::Path.id(), text);
        if kind == RecordType::PATH && text.first() != Some(&b'/') && self.cwd.first() == Some(&b'/') {
            self.path.clear();
            absolute(&self.cwd, text, &mut self.path);
            terms.add(Field::Path.id(), &self.path);
        }
    }

    fn names(&self, names: &mut dyn Resolve, out: &mut Vec<u8>) {
        let mark = out.len();
        if let Some(arch) = self.arch {
            out.extend_from_slice(b",\"arch\":\"");
            out.extend_from_slice(arch.name().as_bytes());
            out.push(b'"');
        }
        if let Some(syscall) = self.syscall {
            out.extend_from_slice(b",\"syscall\":\"");
            out.extend_from_slice(syscall.as_bytes());
            out.push(b'"');
        }
        id_names(b",\"users\":", &self.users, &mut |id| names.user(id), out);
        id_names(b",\"groups\":", &self.groups, &mut |id| names.group(id), out);
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

/// Writes the arguments of an EXECVE record if it is one whole record or the whole-argument continuation of one:
/// `argc=3 a0="ls" a1="-l" a2="x"`, ` a121="y" a122="z"`.
fn arguments(body: &[u8], scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> bool {
    let mut list = fields(body).peekable();
    let mut end = 0;
    let mut next = 0u32;
    match list.peek() {
        Some(field) if field.name == b"argc" && field.start == 0 => {
            let Value::Bare(count) = field.value else { return false };
            if !json::is_number(count) {
                return false;
            }
            out.extend_from_slice(b",\"argc\":");
            out.extend_from_slice(count);
            end = field.end;
            list.next();
        }
        Some(field) if field.start == 1 && body.first() == Some(&b' ') => {
            let Some(first) = argument_number(field.name).filter(|&first| first > 0) else { return false };
            out.extend_from_slice(b",\"first\":");
            json::number(out, u64::from(first));
            next = first;
        }
        _ => return false,
    }
    out.extend_from_slice(b",\"argv\":[");
    let mut comma = false;
    for field in list {
        if field.start != end + 1 || argument_number(field.name) != Some(next) {
            return false;
        }
        if comma {
            out.push(b',');
        }
        comma = true;
        match field.value {
            Value::Quoted(text) if is_quotable(text) => json::text(out, text),
            Value::Bare(b"(null)") => out.extend_from_slice(b"null"),
            Value::Bare(digits) => {
                scratch.clear();
                if !unhex(digits, scratch)
                    || is_quotable(scratch)
                    || digits.iter().any(u8::is_ascii_lowercase)
                {
                    return false;
                }
                json::text(out, scratch);
            }
            _ => return false,
        }
        let Some(following) = next.checked_add(1) else { return false };
        next = following;
        end = field.end;
    }
    out.push(b']');
    end == body.len()
}

/// The number of `a17`, written without needless zeros.
fn argument_number(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"a")?;
    if !json::is_number(digits) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
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

fn note(ids: &mut Vec<u32>, text: &[u8]) {
    let id = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    if let Some(id) = id.filter(|id| *id != UNSET && !ids.contains(id))
        && ids.len() < IDS_MAX
    {
        ids.push(id);
    }
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

fn index_outcome(name: &[u8], text: &[u8], terms: &mut Terms) {
    let outcome: &[u8] = match (name, text) {
        (_, b"yes" | b"success" | b"1") => b"ok",
        (_, b"no" | b"failed" | b"fail" | b"0") => b"fail",
        _ => return,
    };
    terms.add(Field::Result.id(), outcome);
}

/// The path of a unix socket, the address of an internet one (`struct sockaddr`, in the host's byte order for the family).
fn index_address(digits: &[u8], terms: &mut Terms) {
    let mut bytes = Vec::new();
    if !unhex(digits, &mut bytes) {
        return;
    }
    let Some((family, rest)) = bytes.split_first_chunk::<2>() else { return };
    match (u16::from_ne_bytes(*family), rest) {
        (1, path) => {
            let end = memchr::memchr(0, path).unwrap_or(path.len());
            if let Some(path) = path.get(..end).filter(|path| !path.is_empty()) {
                terms.add(Field::Path.id(), path);
            }
        }
        (2, [_, _, a, b, c, d, ..]) => {
            terms.add(Field::Host.id(), Ipv4Addr::new(*a, *b, *c, *d).to_string().as_bytes());
        }
        (10, rest) => {
            let address = rest.get(6..22).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            if let Some(address) = address {
                terms.add(Field::Host.id(), Ipv6Addr::from(address).to_string().as_bytes());
            }
        }
        _ => {}
    }
}

/// Appends `path` taken from `cwd`, with `.` and `..` resolved by their letters alone.
fn absolute(cwd: &[u8], path: &[u8], out: &mut Vec<u8>) {
    for part in cwd.split(|&byte| byte == b'/').chain(path.split(|&byte| byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => out.truncate(memchr::memrchr(b'/', out).unwrap_or(0)),
            part => {
                out.push(b'/');
                out.extend_from_slice(part);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
}

/// `2023-11-14T22:13:20` of seconds since 1970 in UTC, by the proleptic Gregorian calendar.
fn date(seconds: u64, out: &mut Vec<u8>) {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days counted from 1 March of year 0, in eras of 400 years, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    padded(year, 4, out);
    for (mark, value) in
        [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        out.push(mark);
        padded(value, 2, out);
    }
}

fn padded(value: u64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = value / 10u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}
