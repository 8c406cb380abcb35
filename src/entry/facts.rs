//! What the index takes from an event's fields: its terms, and what later fields and the names need to know.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::field::{Field, Source, source};
use super::{json, separator};
use crate::record::RecordType;
use crate::record::fields::unhex;
use crate::store::term::Terms;
use crate::tables::field::{IdKind, id_kind};
use crate::tables::{self, Arch};

/// Ids of one kind that are named in one entry. An event of more is a hostile one.
const IDS_MAX: usize = 64;
/// The uid or gid that means "not set".
const UNSET: u32 = u32::MAX;
/// What the fields of one event have said so far.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) users: Vec<u32>,
    pub(super) groups: Vec<u32>,
    pub(super) arch: Option<Arch>,
    pub(super) syscall: Option<&'static str>,
    failed: bool,
    cwd: Vec<u8>,
    path: Vec<u8>,
}

impl Facts {
    /// Forgets all and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.groups.clear();
        self.arch = None;
        self.syscall = None;
        self.failed = false;
        self.cwd.clear();
    }

    /// Adds the terms of a field and remembers what later ones need.
    pub(super) fn take(&mut self, kind: RecordType, name: &[u8], text: &[u8], terms: &mut Terms) {
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
}

fn note(ids: &mut Vec<u32>, text: &[u8]) {
    let id = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    if let Some(id) = id.filter(|id| *id != UNSET && !ids.contains(id))
        && ids.len() < IDS_MAX
    {
        ids.push(id);
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
