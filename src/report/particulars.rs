//! What one event says of who did what: the fields that reports list, whatever records they stand in.

use std::borrow::Cow;

use crate::event::Event;
use crate::interpret::address::Address;
use crate::interpret::context::{decimal, hexadecimal};
use crate::interpret::{inside, text};
use crate::record::RecordType;
use crate::record::fields::{self, Field, Value, fields, find};
use crate::record::stamp::EventId;
use crate::tables::{self, Arch};

use super::cell::Call;

/// Which particulars a record of some type tells. What it does not tell is not looked for: the same field name may mean
/// something else there.
mod tells {
    pub(super) const PID: u16 = 1;
    pub(super) const UID: u16 = 1 << 1;
    pub(super) const AUID: u16 = 1 << 2;
    pub(super) const COMM: u16 = 1 << 3;
    pub(super) const EXE: u16 = 1 << 4;
    pub(super) const TERMINAL: u16 = 1 << 5;
    pub(super) const HOST: u16 = 1 << 6;
    pub(super) const ACCOUNT: u16 = 1 << 7;
    pub(super) const CALL: u16 = 1 << 8;
    pub(super) const OUTCOME: u16 = 1 << 9;
    pub(super) const FILE: u16 = 1 << 10;
    pub(super) const KEY: u16 = 1 << 11;
    pub(super) const KEYSTROKES: u16 = 1 << 12;
    pub(super) const DECISION: u16 = 1 << 13;
    pub(super) const CWD: u16 = 1 << 14;
    pub(super) const ADDRESS: u16 = 1 << 15;

    pub(super) const WHO: u16 = PID | UID | AUID;
    pub(super) const PROGRAM: u16 = WHO | COMM | EXE | TERMINAL | OUTCOME;
    pub(super) const MESSAGE: u16 = PROGRAM | HOST | ACCOUNT | FILE;
}

/// What a record of that type tells.
fn told(kind: RecordType) -> u16 {
    use tells::{
        ACCOUNT, ADDRESS, AUID, CALL, COMM, CWD, DECISION, EXE, FILE, HOST, KEY, KEYSTROKES, MESSAGE,
        OUTCOME, PID, PROGRAM, TERMINAL, UID, WHO,
    };
    match kind.0 {
        1006 => WHO | OUTCOME,
        1107 => MESSAGE & !ACCOUNT | DECISION,
        1124 => MESSAGE | KEYSTROKES,
        1005 | 1100..=1199 | 2100..=2799 => MESSAGE,
        1200 => WHO | OUTCOME,
        1201..=1206 => PID | AUID | OUTCOME,
        1207 | 1208 => HOST | OUTCOME,
        1300 => PROGRAM | CALL | KEY,
        1302 => FILE,
        1305 | 1403..=1417 => AUID | OUTCOME | KEY | FILE,
        1306 => ADDRESS,
        1307 => CWD,
        1319 => WHO | COMM | KEYSTROKES,
        1324 => HOST,
        1325 | 1335 => PROGRAM,
        1326 => WHO | COMM | EXE | CALL,
        1328 | 1702 => PID | AUID | COMM | EXE | TERMINAL | OUTCOME,
        1400 => PID | COMM | FILE | DECISION,
        1700 => AUID | UID,
        1701 => WHO | COMM | EXE | OUTCOME,
        1800..=1805 => WHO | COMM | FILE | OUTCOME,
        _ => 0,
    }
}

/// A mandatory access control decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether access was granted; `None` where the record says neither.
    pub granted: Option<bool>,
    /// What was asked for, without the braces: `read write`.
    pub permissions: Option<&'a [u8]>,
    /// Who asked.
    pub subject: Option<&'a [u8]>,
    /// For what.
    pub object: Option<&'a [u8]>,
    /// What kind of thing that is.
    pub class: Option<&'a [u8]>,
}

/// What one event says.
#[derive(Clone, Debug)]
pub struct Particulars<'a> {
    /// Its id.
    pub id: EventId,
    /// Its host.
    pub node: Option<&'a [u8]>,
    /// The types of its records, in their order.
    pub kinds: Vec<RecordType>,
    /// The login's user.
    pub auid: Option<u32>,
    /// The process's user.
    pub uid: Option<u32>,
    /// The process.
    pub pid: Option<u32>,
    /// The login session.
    pub session: Option<u32>,
    /// The command's name.
    pub comm: Option<Cow<'a, [u8]>>,
    /// The executable.
    pub exe: Option<Cow<'a, [u8]>>,
    /// The terminal.
    pub terminal: Option<Cow<'a, [u8]>>,
    /// The other host's name or address.
    pub host: Option<Cow<'a, [u8]>>,
    /// The account a program acted on.
    pub account: Option<Cow<'a, [u8]>>,
    /// The system call.
    pub call: Option<Call>,
    /// Whether it succeeded.
    pub outcome: Option<bool>,
    /// The files and the paths of sockets, in the order of their records; `(null)` where a record has no name.
    pub files: Vec<Cow<'a, [u8]>>,
    /// The keys of rules.
    pub keys: Vec<Cow<'a, [u8]>>,
    /// Access control decisions.
    pub decisions: Vec<Decision<'a>>,
    /// What was typed on a terminal.
    pub keystrokes: Option<Cow<'a, [u8]>>,
    cwd: Option<Cow<'a, [u8]>>,
    arch: Option<Arch>,
}

impl<'a> Particulars<'a> {
    /// Reads an event's records.
    pub fn of(event: &'a Event) -> Particulars<'a> {
        let mut all = Particulars {
            id: event.id,
            node: event.node.as_deref(),
            kinds: Vec::with_capacity(event.len()),
            auid: None,
            uid: None,
            pid: None,
            session: None,
            comm: None,
            exe: None,
            terminal: None,
            host: None,
            account: None,
            call: None,
            outcome: None,
            files: Vec::new(),
            keys: Vec::new(),
            decisions: Vec::new(),
            keystrokes: None,
            cwd: None,
            arch: None,
        };
        for (kind, body) in event.records() {
            all.kinds.push(kind);
            let told = told(kind);
            if told != 0 {
                all.record(kind, told, body);
            }
        }
        all
    }

    /// The type of the first record, by which an event is called.
    pub fn kind(&self) -> RecordType {
        self.kinds.first().copied().unwrap_or(RecordType(0))
    }

    fn record(&mut self, kind: RecordType, told: u16, body: &'a [u8]) {
        if told & tells::DECISION != 0 {
            let decision = Decision::of(body);
            self.outcome = decision.granted.or(self.outcome);
            self.decisions.push(decision);
        }
        for field in fields(body) {
            match field.value {
                Value::Message(message) => fields(message).for_each(|field| self.field(kind, told, &field)),
                _ => self.field(kind, told, &field),
            }
        }
    }

    fn field(&mut self, kind: RecordType, told: u16, field: &Field<'a>) {
        use tells::{ACCOUNT, AUID, COMM, EXE, HOST, OUTCOME, PID, TERMINAL, UID};
        let tells = |what: u16| told & what != 0;
        let value = &field.value;
        match field.name {
            b"auid" if tells(AUID) => number(&mut self.auid, value),
            b"uid" if tells(UID) => number(&mut self.uid, value),
            b"pid" if tells(PID) => number(&mut self.pid, value),
            b"ses" => number(&mut self.session, value),
            b"comm" if tells(COMM) => string(&mut self.comm, value),
            // A kernel thread has none: that too is counted.
            b"exe" if tells(EXE) && self.exe.is_none() => self.exe = Some(text(value)),
            b"tty" | b"terminal" if tells(TERMINAL) => word(&mut self.terminal, value),
            b"hostname" | b"addr" if tells(HOST) => {
                if matches!(self.host.as_deref(), None | Some(b"?")) {
                    self.host = Some(Cow::Borrowed(inside(value)));
                }
            }
            b"acct" if tells(ACCOUNT) => string(&mut self.account, value),
            b"success" | b"res" if tells(OUTCOME) => {
                self.outcome = match inside(value) {
                    b"yes" | b"success" | b"1" => Some(true),
                    b"no" | b"failed" | b"fail" | b"0" => Some(false),
                    _ => self.outcome,
                }
            }
            _ => self.matter(kind, told, field),
        }
    }

    /// What it was about.
    fn matter(&mut self, kind: RecordType, told: u16, field: &Field<'a>) {
        use tells::{ADDRESS, CALL, CWD, FILE, KEY, KEYSTROKES};
        let tells = |what: u16| told & what != 0;
        let value = &field.value;
        match field.name {
            b"cwd" if tells(CWD) => string(&mut self.cwd, value),
            b"arch" if tells(CALL) => {
                let token = hexadecimal(inside(value)).and_then(|token| u32::try_from(token).ok());
                self.arch = token.and_then(Arch::from_token);
            }
            b"syscall" if tells(CALL) => {
                if let Some(number) = decimal(inside(value)).and_then(|number| u32::try_from(number).ok()) {
                    let name = self.arch.and_then(|arch| tables::syscall_name(arch, number));
                    self.call = Some(Call { number, name });
                }
            }
            b"key" if tells(KEY) => match fields::decode(value) {
                Some(Cow::Borrowed(joined)) => {
                    self.keys.extend(joined.split(is_separator).map(Cow::Borrowed))
                }
                Some(Cow::Owned(joined)) => {
                    self.keys.extend(joined.split(is_separator).map(|key| Cow::Owned(key.to_vec())));
                }
                None => {}
            },
            b"data" if tells(KEYSTROKES) => string(&mut self.keystrokes, value),
            // Addresses of packets are written as people write them.
            b"saddr" if kind == RecordType::NETFILTER_PKT => word(&mut self.host, value),
            b"saddr" if tells(ADDRESS) => self.address(inside(value)),
            name if tells(FILE) && names_a_file(kind, name) => self.file(value),
            _ => {}
        }
    }

    fn file(&mut self, value: &Value<'a>) {
        let name = text(value);
        // A name that begins so cannot be understood without the working directory.
        let joined = match (&self.cwd, name.starts_with(b"./") || name.starts_with(b"../")) {
            (Some(cwd), true) => Cow::Owned([cwd, &b"/"[..], &name].concat()),
            _ => name,
        };
        self.files.push(joined);
    }

    fn address(&mut self, digits: &[u8]) {
        match Address::from_digits(digits) {
            Some(Address::Unix(path)) => self.files.push(Cow::Owned(path)),
            Some(Address::Abstract(name)) => self.files.push(Cow::Owned([b"@", &*name].concat())),
            Some(Address::Inet { address, .. }) if self.host.is_none() => {
                self.host = Some(Cow::Owned(address.to_string().into_bytes()));
            }
            Some(Address::Inet6 { address, .. }) if self.host.is_none() => {
                self.host = Some(Cow::Owned(address.to_string().into_bytes()));
            }
            _ => {}
        }
    }
}

impl<'a> Decision<'a> {
    /// Reads `avc:  denied  { read } for  … scontext=… tcontext=… tclass=…` of SELinux, and what AppArmor writes.
    fn of(body: &'a [u8]) -> Decision<'a> {
        let after = |part: &[u8]| memchr::memmem::find(body, part).and_then(|at| body.get(at + part.len()..));
        let granted = match (after(b"avc:  denied"), after(b"avc:  granted")) {
            (Some(_), _) => Some(false),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        };
        let granted = granted.or_else(|| match find(body, b"apparmor").as_ref().map(inside)? {
            b"DENIED" => Some(false),
            b"ALLOWED" | b"AUDIT" => Some(true),
            _ => None,
        });
        let braces = after(b"{ ").and_then(|rest| rest.get(..memchr::memmem::find(rest, b" }")?));
        let found = |name: &[u8]| {
            let field = |body: &'a [u8]| fields(body).find(|field| field.name == name);
            let message = fields(body).find_map(|field| match field.value {
                Value::Message(message) => Some(message),
                _ => None,
            });
            field(body).or_else(|| field(message?)).map(|field| inside(&field.value))
        };
        Decision {
            granted,
            permissions: braces.or_else(|| found(b"requested_mask")).or_else(|| found(b"operation")),
            subject: found(b"scontext").or_else(|| found(b"profile")),
            object: found(b"tcontext").or_else(|| found(b"name")),
            class: found(b"tclass").or_else(|| found(b"class")),
        }
    }
}

/// Whether a field of a record that tells of files names one.
fn names_a_file(kind: RecordType, name: &[u8]) -> bool {
    match kind.0 {
        1302 | 1800..=1805 => name == b"name",
        1305 | 1403..=1417 => matches!(name, b"path" | b"dir"),
        1400 => matches!(name, b"path" | b"name"),
        _ => name == b"new-disk",
    }
}

fn is_separator(byte: &u8) -> bool {
    *byte == 1
}

/// Keeps the first number.
fn number(place: &mut Option<u32>, value: &Value<'_>) {
    let word = inside(value);
    if place.is_none() {
        // `-1` is how some programs write an id that is not set.
        *place = match word {
            b"-1" => Some(u32::MAX),
            _ => decimal(word).and_then(|number| u32::try_from(number).ok()),
        };
    }
}

/// Keeps the first string.
fn string<'a>(place: &mut Option<Cow<'a, [u8]>>, value: &Value<'a>) {
    if place.is_none() {
        *place = fields::decode(value);
    }
}

/// Keeps the first word as it stands.
fn word<'a>(place: &mut Option<Cow<'a, [u8]>>, value: &Value<'a>) {
    if place.is_none() {
        *place = Some(Cow::Borrowed(inside(value)));
    }
}
