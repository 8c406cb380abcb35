//! Which events are left out, the least valuable first, when more comes than can be stored, and how that is accounted for.
//!
//! It is decided by an event's first record and holds for the whole event. An event of which a record was let in before
//! stays whole, and what cannot be judged is kept.

pub mod account;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};

use self::account::Account;
use super::counters::Counters;
use super::without_trailing_nul;
use crate::record::RecordType;
use crate::record::stamp::{self, EventId};

/// Events remembered that did not begin with the record of a system call. The kernel makes that record at the end of the
/// call, which may take as long as it likes.
const BEGUN_MAX: usize = 4096;
/// Events remembered that are being left out, whose last record has not come. The kernel writes an event in one go, so there
/// are a few for each processor.
const OPEN_MAX: usize = 120;
/// Bytes of an open event in a note.
const NOTE_ID_BYTES: usize = 12;
/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = OPEN_MAX * NOTE_ID_BYTES;
/// The fill from which on accounts are held back, so that the last room is not spent on them.
const ACCOUNT_LEVEL: f64 = 0.875;
/// Serial numbers in an account with which it is not held back any more: some 8 KiB.
const ACCOUNT_EVENTS_MAX: u64 = 1 << 16;
/// How often an event may be kept among those of an account that is held back. Each is a gap in the serial numbers until the
/// account is read.
const ACCOUNT_HOLES_MAX: u32 = 1024;

/// Which keys matter more than others, and which less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Events with one of these keys are never left out.
    pub keep_keys: Vec<Box<[u8]>>,
    /// Events that have none but these keys are left out before all others.
    pub first_keys: Vec<Box<[u8]>>,
}

/// What an event is worth; the lowest are left out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A system call with none but keys that are named to go first.
    First,
    /// A system call without a key.
    Unkeyed,
    /// One with a key.
    Keyed,
    /// One with a key that has failed.
    KeyedFailed,
    /// All else: a system call with a key that is named to be kept, and events that begin otherwise than with a system
    /// call, such as logins, access decisions, anomalies, changes of the audit configuration, what programs report, and
    /// operations of io_uring. They are never left out.
    Kept,
}

impl Value {
    /// The part of the ring that has to be taken for such an event to be left out. The ring counts as full at 0.91.
    pub fn level(self) -> Option<f64> {
        match self {
            Value::First => Some(0.5),
            Value::Unkeyed => Some(0.625),
            Value::Keyed => Some(0.75),
            Value::KeyedFailed => Some(0.875),
            Value::Kept => None,
        }
    }

    /// Whether such an event is left out with so much of the ring taken.
    fn is_shed(self, fill: f64) -> bool {
        self.level().is_some_and(|level| fill >= level)
    }
}

/// Decides about messages in the order they come, and accounts for what is left out.
pub struct Shedder {
    config: Config,
    /// Events that are being left out.
    open: VecDeque<EventId>,
    /// Events that began otherwise than with the record of a system call: in the order they came, and to look up.
    begun: (VecDeque<EventId>, HashSet<EventId>),
    account: Account,
    /// Events kept since the first of the account, each after one that was left out.
    holes: u32,
    last_was_shed: bool,
    counters: Arc<Counters>,
}

impl Shedder {
    /// One that has seen nothing yet.
    pub fn new(config: Config, counters: Arc<Counters>) -> Shedder {
        Shedder {
            config,
            open: VecDeque::new(),
            begun: (VecDeque::new(), HashSet::new()),
            account: Account::default(),
            holes: 0,
            last_was_shed: false,
            counters,
        }
    }

    /// Whether a message is kept with so much of the ring taken, from 0 to 1.
    pub fn keeps(&mut self, fill: f64, kind: u16, payload: &[u8]) -> bool {
        let kind = RecordType(kind);
        let place = Place::of(kind);
        // Mostly nothing is left out, and then no text is read.
        if self.open.is_empty()
            && (place == Place::Within || place == Place::Call && !Value::First.is_shed(fill))
        {
            return true;
        }
        let Ok((id, body)) = stamp::split(without_trailing_nul(payload)) else { return true };
        if let Some(at) = self.open.iter().position(|open| *open == id) {
            if kind == RecordType::EOE {
                self.open.remove(at);
            }
            return false;
        }
        match place {
            Place::Within => true,
            Place::Other => {
                self.begin(id);
                self.kept()
            }
            Place::Call if self.begun.1.contains(&id) || !self.value(body).is_shed(fill) => self.kept(),
            Place::Call => {
                self.shed(kind, id, body);
                false
            }
        }
    }

    fn kept(&mut self) -> bool {
        self.holes += u32::from(self.last_was_shed);
        self.last_was_shed = false;
        true
    }

    fn shed(&mut self, kind: RecordType, id: EventId, body: &[u8]) {
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back(id);
        self.last_was_shed = true;
        self.account.add(kind, key(body).unwrap_or(account::NO_KEY), id);
        Counters::add(&self.counters.shed, 1);
    }

    fn begin(&mut self, id: EventId) {
        let (order, known) = &mut self.begun;
        if !known.insert(id) {
            return;
        }
        if order.len() == BEGUN_MAX
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        order.push_back(id);
    }

    /// What a system call's event is worth, by its first record.
    fn value(&self, body: &[u8]) -> Value {
        let Some(key) = key(body) else { return Value::Kept };
        let Some(joined) = account::joined(key) else { return Value::Unkeyed };
        let is_in = |list: &[Box<[u8]>], key: &[u8]| list.iter().any(|named| **named == *key);
        let mut keys = account::split(&joined);
        if keys.clone().any(|key| is_in(&self.config.keep_keys, key)) {
            Value::Kept
        } else if keys.all(|key| is_in(&self.config.first_keys, key)) {
            Value::First
        } else if has_failed(body) {
            Value::KeyedFailed
        } else {
            Value::Keyed
        }
    }

    /// The account of what was left out since the last [`Shedder::accounted`], for the storing thread; nothing where there is
    /// none, or where it can wait until more of the ring is free.
    pub fn account(&mut self, fill: f64) -> Option<Vec<u8>> {
        let events = self.account.events();
        let urgent = events >= ACCOUNT_EVENTS_MAX || self.holes >= ACCOUNT_HOLES_MAX;
        (events > 0 && (urgent || fill < ACCOUNT_LEVEL)).then(|| self.account.encode())
    }

    /// The last account has been handed on.
    pub fn accounted(&mut self) {
        self.counters.add_shed(std::mem::take(&mut self.account));
        self.holes = 0;
    }

    /// The events that are being left out, for the process that goes on: at most [`NOTE_BYTES_MAX`] bytes.
    pub fn note(&self, out: &mut Vec<u8>) {
        for id in &self.open {
            out.extend_from_slice(&id.time_ms.to_le_bytes());
            out.extend_from_slice(&id.serial.to_le_bytes());
        }
    }

    /// Goes on where the process that wrote the note has ended.
    pub fn resume(&mut self, note: &[u8]) {
        for bytes in note.chunks_exact(NOTE_ID_BYTES) {
            if let Some((time_ms, serial)) = bytes.split_first_chunk()
                && let Some(serial) = serial.first_chunk()
            {
                let (time_ms, serial) = (u64::from_le_bytes(*time_ms), u32::from_le_bytes(*serial));
                self.open.push_back(EventId { time_ms, serial });
            }
        }
    }
}

/// Where in its event a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is that of a system call: the first, unless one of another kind came before.
    Call,
    /// After that (`audit_log_exit`, kernel/auditsc.c).
    Within,
    /// Anywhere, or alone. An operation of io_uring is logged in the middle of the system call that has it done.
    Other,
}

impl Place {
    fn of(kind: RecordType) -> Place {
        match kind.0 {
            1300 => Place::Call,
            1302..=1304 | 1306 | 1307 | 1309 | 1311..=1318 | 1320..=1323 | 1327 | 1330 | 1337 => {
                Place::Within
            }
            _ => Place::Other,
        }
    }
}

/// The value of `key=` as the kernel has written it. It is a call's last field, and has no blank.
fn key(body: &[u8]) -> Option<&[u8]> {
    let last = memchr::memrchr(b' ', body).map_or(0, |blank| blank + 1);
    body.get(last..)?.strip_prefix(b"key=")
}

/// Whether a system call has failed. The field stands before all that a program can choose the text of.
fn has_failed(body: &[u8]) -> bool {
    const FIELD: &[u8] = b" success=";
    let at = memchr::memmem::find(body, FIELD);
    at.and_then(|at| body.get(at + FIELD.len()..)).is_some_and(|rest| rest.starts_with(b"no "))
}
