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

/// What is taken from the records of a type, as `ausearch` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All that the kernel tells of a system call, and all of types that ausearch 3.0.9 does not know.
    Call,
    /// What a user-space program says, its message included.
    User,
    /// A security module's decision.
    Decision,
    /// auditd's own: ids and result.
    Daemon,
    /// Who a connection came from.
    Connection,
    /// A login.
    Login,
    /// Changes of the configuration: login, key, result, path.
    Change,
    /// The kernel's word on a process.
    Process,
    /// The kernel's word on a process, without its user id.
    Abnormal,
    /// A network interface that listens to all.
    Promiscuous,
    /// Integrity of a file.
    Integrity,
    /// What was typed.
    Terminal,
    /// A path, with the object's label.
    Path,
    /// Another process, or what processes share: the object's label.
    Object,
    /// The working directory.
    Directory,
    /// A socket address.
    Address,
    /// A packet.
    Packet,
    /// A path beside a decision.
    DecisionPath,
    /// Nothing.
    Nothing,
}

impl Kind {
    fn of(record: RecordType) -> Kind {
        match record.0 {
            1006 => Kind::Login,
            1005 | 1100..=1199 | 2100..=2999 => Kind::User,
            1200..=1206 => Kind::Daemon,
            1207 | 1208 => Kind::Connection,
            1302 => Kind::Path,
            1303 | 1318 => Kind::Object,
            1305 | 1403..=1417 => Kind::Change,
            1306 => Kind::Address,
            1307 => Kind::Directory,
            1319 => Kind::Terminal,
            1324 => Kind::Packet,
            1325 | 1328 | 1335 | 1702 => Kind::Process,
            1326 | 1701 => Kind::Abnormal,
            1400 => Kind::Decision,
            1402 => Kind::DecisionPath,
            1700 => Kind::Promiscuous,
            1800..=1805 => Kind::Integrity,
            1300 | 1336 | 1420.. => Kind::Call,
            _ => Kind::Nothing,
        }
    }

    /// Whether a field of this name is taken.
    fn takes(self, name: &[u8]) -> bool {
        let names: &[&str] = match self {
            Kind::Call | Kind::User => return true,
            Kind::Decision => {
                &["pid", "comm", "exe", "name", "path", "scontext", "tcontext", "res", "success"]
            }
            Kind::Daemon => &["pid", "uid", "auid", "ses", "subj", "res"],
            Kind::Connection => &["addr"],
            Kind::Login => &["pid", "uid", "auid", "ses", "subj", "res"],
            Kind::Change => &["auid", "ses", "subj", "key", "res", "path"],
            Kind::Process => &[
                "pid", "ppid", "auid", "uid", "gid", "euid", "egid", "ses", "subj", "comm", "exe", "tty",
                "res",
            ],
            Kind::Abnormal => &["auid", "gid", "ses", "subj", "pid", "comm", "exe", "res", "arch", "syscall"],
            Kind::Promiscuous => &["auid", "uid", "gid", "ses"],
            Kind::Integrity => &["pid", "auid", "ses", "subj", "comm", "name", "res"],
            Kind::Terminal => &["pid", "auid", "ses", "comm"],
            Kind::Path => &["name", "obj"],
            Kind::Object => &["obj"],
            Kind::Directory => &["cwd"],
            Kind::Address | Kind::Packet => &["saddr"],
            Kind::DecisionPath => &["path"],
            Kind::Nothing => &[],
        };
        names.iter().any(|known| known.as_bytes() == name)
    }
}

impl<'a> Items<'a> {
    /// Reads the records of an event.
    pub(super) fn of(event: &'a Event) -> Items<'a> {
        let mut items = Items::default();
        for (record, body) in event.records() {
            let kind = Kind::of(record);
            if kind == Kind::Nothing {
                continue;
            }
            let (body, _) = parts(body);
            if kind == Kind::Decision {
                set(&mut items.success, decision(body));
            }
            for field in fields(body) {
                match field.value {
                    Value::Message(message) if kind == Kind::User => items.message(record, message),
                    _ if kind.takes(field.name) => items.take(kind, &field),
                    _ => {}
                }
            }
        }
        items
    }

    /// Takes the fields of a user-space program's own message, which says more than what is around it.
    fn message(&mut self, record: RecordType, message: &'a [u8]) {
        if record == USER_AVC {
            set(&mut self.success, decision(message));
        }
        for field in fields(message) {
            let word = inside(&field.value);
            match field.name {
                b"uid" => self.uid = id(word).or(self.uid),
                b"cwd" => self.files.push(text(&field.value)),
                b"new-disk" if record == VIRT_RESOURCE => self.files.push(text(&field.value)),
                b"id" | b"gid" if matches!(record.0, 1116 | 1117 | 1132) => set(&mut self.gid, id(word)),
                b"pid" | b"auid" | b"ses" | b"subj" | b"scontext" | b"key" | b"arch" | b"syscall"
                | b"gid" => {}
                b"tty" if record.0 >= 2100 => {}
                b"tcontext" => self.objects.push(Cow::Borrowed(word)),
                _ => self.take(Kind::User, &field),
            }
        }
    }

    fn take(&mut self, kind: Kind, field: &Field<'a>) {
        let word = inside(&field.value);
        let number = || decimal(word);
        let label = || Cow::Borrowed(word);
        match field.name {
            b"arch" => set(&mut self.arch, hexadecimal(word)),
            b"syscall" => set(&mut self.syscall, number()),
            b"exit" if kind == Kind::Call => set(&mut self.exit, signed(word)),
            b"success" | b"res" | b"result" => set(&mut self.success, outcome(word)),
            b"pid" => set(&mut self.pid, number()),
            b"ppid" => set(&mut self.ppid, number()),
            b"uid" => set(&mut self.uid, id(word)),
            b"euid" => set(&mut self.euid, id(word)),
            b"auid" if kind == Kind::Login => self.auid = id(word),
            b"auid" => set(&mut self.auid, id(word)),
            b"gid" => set(&mut self.gid, id(word)),
            b"egid" => set(&mut self.egid, id(word)),
            b"ses" => set(&mut self.session, id(word)),
            b"comm" => set(&mut self.comm, Some(text(&field.value))),
            b"exe" => set(&mut self.exe, Some(text(&field.value))),
            b"tty" | b"terminal" => set(&mut self.terminal, Some(text(&field.value))),
            b"hostname" | b"addr" => self.host(word),
            b"saddr" if kind == Kind::Packet => self.host(word),
            b"saddr" => self.address(word),
            b"cwd" if kind == Kind::Directory => set(&mut self.cwd, Some(text(&field.value))),
            b"uuid" => set(&mut self.uuid, Some(Cow::Borrowed(word))),
            b"vm" => set(&mut self.machine, Some(text(&field.value))),
            b"key" => self.keys(text(&field.value)),
            b"name" | b"path" if kind != Kind::User => self.files.push(text(&field.value)),
            b"subj" => self.subjects.push(label()),
            b"scontext" if kind == Kind::Decision => self.subjects.push(label()),
            b"obj" | b"tcontext" if kind != Kind::User => self.objects.push(label()),
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

/// A decision of a user-space object manager.
const USER_AVC: RecordType = RecordType(1107);
/// What a virtual machine was given.
const VIRT_RESOURCE: RecordType = RecordType(2501);

/// What a security module decided.
fn decision(body: &[u8]) -> Option<bool> {
    let has = |word: &[u8]| memchr::memmem::find(body, word).is_some();
    match (has(b"denied"), has(b"granted")) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        (false, false) => None,
    }
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
