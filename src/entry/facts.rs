//! What the index takes from an event's fields: its terms, and what later fields and the names need to know.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::field::Field;
use super::json;
use super::layout::Role;
use crate::interpret::path::resolve;
use crate::record::fields::unhex;
use crate::store::term::Terms;
use crate::tables::field::IdKind;
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
    /// The absolute form of the last relative path.
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
        self.path.clear();
    }

    /// The absolute form of the relative path that a record told since this was asked last; empty without one.
    pub(super) fn take_path(&mut self, into: &mut Vec<u8>) {
        into.clear();
        std::mem::swap(&mut self.path, into);
    }

    /// Adds the terms of a field by its role and its decoded value, and remembers what later ones need.
    #[inline]
    pub(super) fn take(&mut self, role: Role, id: Option<IdKind>, value: &[u8], terms: &mut Terms) {
        match id {
            Some(IdKind::User) => note(&mut self.users, value),
            Some(IdKind::Group) => note(&mut self.groups, value),
            None => {}
        }
        match role {
            Role::None => {}
            Role::Number(field) if json::is_number(value) => terms.add(field.id(), value),
            Role::Number(_) => {}
            role => self.index(role, value, terms),
        }
    }

    fn index(&mut self, role: Role, value: &[u8], terms: &mut Terms) {
        match role {
            Role::None | Role::Number(_) => {}
            Role::Text(_) if matches!(value, b"?" | b"" | b"(none)") => {}
            Role::Text(field) => terms.add(field.id(), value),
            Role::List(field, separator) => {
                value.split(|&byte| byte == separator).for_each(|element| terms.add(field.id(), element));
            }
            Role::Path => self.index_path(value, terms),
            Role::Outcome => index_outcome(value, terms),
            Role::Success => {
                self.failed = value == b"no";
                index_outcome(value, terms);
            }
            Role::Address => index_address(value, terms),
            Role::Arch => {
                let token = std::str::from_utf8(value).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
                self.arch = token.and_then(Arch::from_token);
            }
            Role::Syscall => {
                self.syscall = decimal(value).and_then(|number| tables::syscall_name(self.arch?, number));
                terms.add(Field::Syscall.id(), self.syscall.map_or(value, str::as_bytes));
            }
            Role::Exit if self.failed => {
                let errno = value.strip_prefix(b"-").and_then(decimal);
                if let Some(errno) = errno.and_then(tables::errno_name) {
                    terms.add(Field::Errno.id(), errno.as_bytes());
                }
            }
            Role::Exit => {}
            Role::Cwd => {
                self.cwd.clear();
                self.cwd.extend_from_slice(value);
            }
        }
    }

    fn index_path(&mut self, value: &[u8], terms: &mut Terms) {
        terms.add(Field::Path.id(), value);
        self.path.clear();
        if value.first() != Some(&b'/') && self.cwd.first() == Some(&b'/') {
            resolve(&self.cwd, value, &mut self.path);
            terms.add(Field::Path.id(), &self.path);
            if value.is_empty() {
                // A call on a descriptor: which file that is, no record tells.
                self.path.clear();
            }
        }
    }
}

fn note(ids: &mut Vec<u32>, text: &[u8]) {
    if let Some(id) = decimal(text).filter(|id| *id != UNSET && !ids.contains(id))
        && ids.len() < IDS_MAX
    {
        ids.push(id);
    }
}

/// A number in decimal digits.
fn decimal(digits: &[u8]) -> Option<u32> {
    let digit = |value: u32, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, digit) }
}

fn index_outcome(value: &[u8], terms: &mut Terms) {
    let outcome: &[u8] = match value {
        b"yes" | b"success" | b"1" => b"ok",
        b"no" | b"failed" | b"fail" | b"0" => b"fail",
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
