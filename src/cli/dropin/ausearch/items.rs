//! What `ausearch` compares of an event: one value of each kind, taken from its records in their order.

use std::borrow::Cow;

use crate::event::Event;
use crate::interpret::address::Address;
use crate::interpret::context::{decimal, hexadecimal, signed};
use crate::interpret::{inside, text};
use crate::record::RecordType;
use crate::record::fields::{Field, Value, fields};
use crate::record::line::ENRICHED_SEPARATOR;

/// Bytes of the log, or what they stand for.
pub(super) type Text<'a> = Cow<'a, [u8]>;

/// What an event's records tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Items<'a> {
    pub(super) arch: Option<u64>,
    pub(super) syscall: Option<u64>,
    pub(super) success: Option<bool>,
    pub(super) exit: Option<i64>,
    pub(super) pid: Option<u64>,
    pub(super) ppid: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) euid: Option<u32>,
    pub(super) auid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) egid: Option<u32>,
    pub(super) session: Option<u32>,
    pub(super) comm: Option<Text<'a>>,
    pub(super) exe: Option<Text<'a>>,
    pub(super) terminal: Option<Text<'a>>,
    pub(super) host: Option<Text<'a>>,
    pub(super) cwd: Option<Text<'a>>,
    pub(super) uuid: Option<Text<'a>>,
    pub(super) machine: Option<Text<'a>>,
    pub(super) keys: Vec<Text<'a>>,
    pub(super) files: Vec<Text<'a>>,
    pub(super) subjects: Vec<Text<'a>>,
    pub(super) objects: Vec<Text<'a>>,
}

/// A record's text and the names that the ENRICHED format adds to it.
pub(super) fn parts(body: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(ENRICHED_SEPARATOR, body) {
        Some(at) => (body.get(..at).unwrap_or(body), body.get(at + 1..).unwrap_or_default()),
        None => (body, &[]),
    }
}

impl<'a> Items<'a> {
    /// Reads the records of an event.
    pub(super) fn of(event: &'a Event) -> Items<'a> {
        let mut items = Items::default();
        for (kind, body) in event.records() {
            let (body, _) = parts(body);
            for field in fields(body) {
                match field.value {
                    Value::Message(message) if is_user(kind) => {
                        for field in fields(message) {
                            items.take(kind, &field, true);
                        }
                    }
                    _ => items.take(kind, &field, false),
                }
            }
        }
        items
    }

    /// Takes a field; `within` is one of a user-space program's own message, which says more than what is around it.
    fn take(&mut self, kind: RecordType, field: &Field<'a>, within: bool) {
        let word = inside(&field.value);
        let number = || decimal(word);
        match field.name {
            b"arch" => set(&mut self.arch, hexadecimal(word)),
            b"syscall" if kind == RecordType::SYSCALL || kind == RecordType::SECCOMP => {
                set(&mut self.syscall, number());
            }
            b"exit" if kind == RecordType::SYSCALL => set(&mut self.exit, signed(word)),
            b"success" | b"res" | b"result" => set(&mut self.success, outcome(word)),
            b"pid" if !is_other(kind) => set(&mut self.pid, number()),
            b"ppid" => set(&mut self.ppid, number()),
            b"uid" if within => self.uid = id(word).or(self.uid),
            b"uid" => set(&mut self.uid, id(word)),
            b"euid" => set(&mut self.euid, id(word)),
            b"auid" => self.auid = if kind == RecordType::LOGIN || self.auid.is_none() { id(word) } else { self.auid },
            b"gid" => set(&mut self.gid, id(word)),
            b"egid" => set(&mut self.egid, id(word)),
            b"ses" => set(&mut self.session, id(word)),
            b"comm" => set(&mut self.comm, Some(text(&field.value))),
            b"exe" => set(&mut self.exe, Some(text(&field.value))),
            b"tty" | b"terminal" => set(&mut self.terminal, Some(text(&field.value))),
            b"hostname" | b"addr" | b"laddr" => self.host(word),
            b"cwd" if kind == RecordType::CWD => set(&mut self.cwd, Some(text(&field.value))),
            b"uuid" => set(&mut self.uuid, Some(Cow::Borrowed(word))),
            b"vm" => set(&mut self.machine, Some(text(&field.value))),
            b"key" => self.keys(text(&field.value)),
            b"name" if kind == RecordType::PATH => self.files.push(text(&field.value)),
            b"saddr" => self.address(word),
            b"subj" | b"scontext" => self.subjects.push(Cow::Borrowed(word)),
            b"obj" | b"tcontext" => self.objects.push(Cow::Borrowed(word)),
            _ => {}
        }
    }

    fn host(&mut self, word: &'a [u8]) {
        if self.host.as_deref().is_none_or(|host| host == b"?") {
            self.host = Some(Cow::Borrowed(word));
        }
    }

    fn keys(&mut self, joined: Text<'a>) {
        if memchr::memchr(1, &joined).is_none() {
            return self.keys.push(joined);
        }
        self.keys.extend(joined.split(|byte| *byte == 1).map(|key| Cow::Owned(key.to_vec())));
    }

    fn address(&mut self, digits: &[u8]) {
        match Address::from_digits(digits) {
            Some(Address::Unix(path) | Address::Abstract(path)) => self.files.push(Cow::Owned(path)),
            Some(Address::Inet { address, .. }) => self.numeric_host(&address.to_string()),
            Some(Address::Inet6 { address, .. }) => self.numeric_host(&address.to_string()),
            _ => {}
        }
    }

    fn numeric_host(&mut self, address: &str) {
        set(&mut self.host, Some(Cow::Owned(address.as_bytes().to_vec())));
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

/// Whether a user-space program wrote the record.
fn is_user(kind: RecordType) -> bool {
    matches!(kind.0, 1005 | 1100..=1199 | 2100..=2999)
}

/// Whether the record tells of another process.
fn is_other(kind: RecordType) -> bool {
    kind == RecordType::OBJ_PID
}

fn id(word: &[u8]) -> Option<u32> {
    match word {
        b"-1" | b"unset" => Some(u32::MAX),
        _ => u32::try_from(decimal(word)?).ok(),
    }
}

fn outcome(word: &[u8]) -> Option<bool> {
    match word {
        b"yes" | b"success" | b"1" => Some(true),
        b"no" | b"failed" | b"fail" | b"0" => Some(false),
        _ => None,
    }
}
