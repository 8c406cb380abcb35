//! Collects records into events, whatever their order, until an event is complete or too old.
//!
//! Time is a count of milliseconds that the caller passes in and that never goes back: a monotonic clock for a live
//! daemon, the records' own time for an imported log.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::{Closed, Event};
use crate::record::RecordType;
use crate::record::stamp::EventId;

/// What the assembler waits for and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Milliseconds without a further record after which an event with a SYSCALL record is closed. The kernel writes the
    /// records of one system call in one go, but may have to wait for room in its backlog between them.
    pub syscall_idle_ms: u64,
    /// The same for an event without a SYSCALL record: the kernel marks no end of these.
    pub other_idle_ms: u64,
    /// Whether PROCTITLE ends an event. So it is in a log of auditd's, which leaves out EOE.
    pub proctitle_ends: bool,
    /// Open events at most; the one longest without a record is closed to make room.
    pub open_max: usize,
    /// Bytes of text that one event may hold; with more it is closed and the rest is kept as late parts. However its
    /// bytes have to be escaped, such an event stays within a line of the store.
    pub event_bytes_max: usize,
    /// Bytes of text of all open events; with more, the one longest without a record is closed.
    pub open_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            syscall_idle_ms: 2000,
            other_idle_ms: 250,
            proctitle_ends: false,
            open_max: 4096,
            event_bytes_max: 1 << 20,
            open_bytes_max: 32 << 20,
        }
    }
}

impl Config {
    /// For reading a log that auditd wrote: EOE is not in it.
    pub fn for_log() -> Config {
        Config { other_idle_ms: 2000, proctitle_ends: true, ..Config::default() }
    }
}

/// Ids of events closed lately, by which a late record is known. Only an event that is opened out of the order of
/// serials is looked up, so a plain ring will do.
const CLOSED_KEPT: usize = 1024;
/// Emptied events kept for reuse.
const SPARE_MAX: usize = 256;
/// Text an emptied event may hold in reserve, in bytes; a larger one is freed.
const SPARE_BYTES_MAX: usize = 32 << 10;

/// The identity of an open event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    id: EventId,
    node: Option<Box<[u8]>>,
}

struct Open {
    event: Event,
    /// Which of the queue's entries is the event's valid one.
    turn: u64,
    deadline_ms: u64,
    syscall: bool,
}

/// One record as it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The host, in a log that names it.
    pub node: Option<&'a [u8]>,
    /// The record's type.
    pub kind: RecordType,
    /// Whether the log gave the type by number though it has a name ([`Event::unname_last`]).
    pub unnamed: bool,
    /// Its event.
    pub id: EventId,
    /// The text after the stamp.
    pub body: &'a [u8],
}

/// Collects records into events.
pub struct Assembler {
    config: Config,
    /// The event the last record went to: with one busy producer, the next one's too.
    current: Option<(Key, Open)>,
    open: HashMap<Key, Open, RandomState>,
    /// Open events by the time of their last record, oldest first; entries whose turn is no longer the event's are void.
    waiting: VecDeque<(u64, Key)>,
    turn: u64,
    closed: VecDeque<EventId>,
    newest_serial: u32,
    /// Bytes of text of the open events.
    open_bytes: usize,
    /// Until when no event of a system call is closed for its age.
    held_until_ms: u64,
    spare: Vec<Event>,
}

impl Assembler {
    /// An assembler that holds nothing yet.
    pub fn new(config: Config) -> Assembler {
        Assembler {
            config,
            current: None,
            open: HashMap::default(),
            waiting: VecDeque::new(),
            turn: 0,
            closed: VecDeque::with_capacity(CLOSED_KEPT),
            newest_serial: 0,
            open_bytes: 0,
            held_until_ms: 0,
            spare: Vec::new(),
        }
    }

    /// Takes a record in. Events that are complete by it are appended to `done`.
    pub fn push(&mut self, record: Incoming<'_>, now_ms: u64, done: &mut Vec<Event>) {
        self.select(&record, done);
        let Some((_, open)) = self.current.as_mut() else { return };
        if record.kind != RecordType::EOE {
            open.event.push(record.kind, record.body);
            self.open_bytes += record.body.len();
            if record.unnamed {
                open.event.unname_last();
            }
        }
        open.syscall |= record.kind == RecordType::SYSCALL;
        let idle_ms = if open.syscall { self.config.syscall_idle_ms } else { self.config.other_idle_ms };
        open.deadline_ms = now_ms.saturating_add(idle_ms);
        let last = record.kind == RecordType::EOE
            || self.config.proctitle_ends && record.kind == RecordType::PROCTITLE;
        if last || stands_alone(record.kind) && open.event.len() == 1 {
            self.close_current(Closed::Complete, done);
        } else if open.event.bytes() > self.config.event_bytes_max {
            self.close_current(Closed::Timer, done);
        }
        while self.open_bytes > self.config.open_bytes_max && !self.open.is_empty() {
            self.close_oldest(done);
        }
    }

    /// Has events of system calls stay open until then: the kernel holds back who is to write their next records.
    pub fn hold(&mut self, until_ms: u64) {
        self.held_until_ms = until_ms;
    }

    /// Closes the events whose time is over.
    pub fn tick(&mut self, now_ms: u64, done: &mut Vec<Event>) {
        self.park();
        // Deadlines differ by kind of event, so the queue is in order of last records only; both waits are short.
        let mut left = self.waiting.len();
        let held = now_ms < self.held_until_ms;
        while left > 0 {
            left -= 1;
            let Some((turn, key)) = self.waiting.pop_front() else { break };
            match self.open.get(&key) {
                Some(open) if open.turn == turn && (open.deadline_ms > now_ms || held && open.syscall) => {
                    self.waiting.push_back((turn, key))
                }
                Some(open) if open.turn == turn => {
                    if let Some(open) = self.open.remove(&key) {
                        self.close(key.id, open.event, Closed::Timer, done);
                    }
                }
                _ => {}
            }
        }
    }

    /// Closes all events, oldest first: nothing more will come.
    pub fn finish(&mut self, done: &mut Vec<Event>) {
        self.tick(u64::MAX, done);
    }

    /// Takes back an event that has been dealt with, for its memory.
    pub fn recycle(&mut self, mut event: Event) {
        if self.spare.len() < SPARE_MAX && event.bytes() <= SPARE_BYTES_MAX {
            event.reset(EventId::default());
            self.spare.push(event);
        }
    }

    /// The events that are not complete.
    pub fn open_events(&self) -> impl Iterator<Item = &Event> {
        let current = self.current.iter().map(|(_, open)| open);
        current.chain(self.open.values()).map(|open| &open.event)
    }

    /// How many events are open.
    pub fn open(&self) -> usize {
        self.open.len() + usize::from(self.current.is_some())
    }

    /// Makes the record's event the current one.
    fn select(&mut self, record: &Incoming<'_>, done: &mut Vec<Event>) {
        if let Some((key, _)) = &self.current
            && key.id == record.id
            && key.node.as_deref() == record.node
        {
            return;
        }
        self.park();
        let key = Key { id: record.id, node: record.node.map(Box::from) };
        if let Some(open) = self.open.remove(&key) {
            self.current = Some((key, open));
            return;
        }
        if self.open.len() >= self.config.open_max {
            self.close_oldest(done);
        }
        let mut event = self.spare.pop().unwrap_or_else(|| Event::new(record.id));
        event.reset(record.id);
        event.node.clone_from(&key.node);
        // Serials wrap, so "newer" is a question of which is less than half the range ahead.
        let newer = record.id.serial.wrapping_sub(self.newest_serial).cast_signed() > 0;
        if newer || self.newest_serial == 0 {
            self.newest_serial = record.id.serial;
        } else if self.closed.contains(&record.id) {
            event.closed = Closed::Late;
        }
        self.current = Some((key, Open { event, turn: 0, deadline_ms: 0, syscall: false }));
    }

    /// Puts the current event among the open ones.
    fn park(&mut self) {
        if let Some((key, mut open)) = self.current.take() {
            self.turn += 1;
            open.turn = self.turn;
            self.waiting.push_back((self.turn, key.clone()));
            self.open.insert(key, open);
        }
        self.drop_void();
    }

    /// Keeps the queue's void entries from piling up.
    fn drop_void(&mut self) {
        while let Some((turn, key)) = self.waiting.front() {
            if self.open.get(key).is_some_and(|open| open.turn == *turn) {
                break;
            }
            self.waiting.pop_front();
        }
        if self.waiting.len() > 2 * self.config.open_max {
            let open = &self.open;
            self.waiting.retain(|(turn, key)| open.get(key).is_some_and(|open| open.turn == *turn));
        }
    }

    fn close_oldest(&mut self, done: &mut Vec<Event>) {
        while let Some((turn, key)) = self.waiting.pop_front() {
            if self.open.get(&key).is_some_and(|open| open.turn == turn)
                && let Some(open) = self.open.remove(&key)
            {
                self.close(key.id, open.event, Closed::Timer, done);
                return;
            }
        }
    }

    fn close_current(&mut self, closed: Closed, done: &mut Vec<Event>) {
        if let Some((key, open)) = self.current.take() {
            self.close(key.id, open.event, closed, done);
        }
    }

    fn close(&mut self, id: EventId, mut event: Event, closed: Closed, done: &mut Vec<Event>) {
        self.open_bytes -= event.bytes();
        if event.is_empty() {
            // Only an EOE: its event was closed before and has been told of.
            self.recycle(event);
            return;
        }
        if event.closed != Closed::Late {
            event.closed = closed;
        }
        if self.closed.len() == CLOSED_KEPT {
            self.closed.pop_front();
        }
        self.closed.push_back(id);
        done.push(event);
    }
}

/// Whether a record of this type is an event by itself (the rule of audit-userspace's `audit_is_last_record`, as facts).
fn stands_alone(kind: RecordType) -> bool {
    matches!(kind.0, 1005 | 1007..=1299 | 1406..=1419 | 2000 | 2100..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as `(type, serial, text)`; the time is the same for all.
    type Case<'a> = (u16, u32, &'a str);

    fn run(config: Config, records: &[Case<'_>]) -> (Assembler, Vec<Event>) {
        let mut assembler = Assembler::new(config);
        let mut done = Vec::new();
        for &(kind, serial, body) in records {
            let id = EventId { time_ms: 1000, serial };
            let record =
                Incoming { node: None, kind: RecordType(kind), unnamed: false, id, body: body.as_bytes() };
            assembler.push(record, 0, &mut done);
        }
        (assembler, done)
    }

    fn shown(events: &[Event]) -> Vec<(u32, Closed, String)> {
        let text = |event: &Event| {
            let bodies: Vec<_> =
                event.records().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
            bodies.join(" ")
        };
        events.iter().map(|event| (event.id.serial, event.closed, text(event))).collect()
    }

    fn check(records: &[Case<'_>], at_once: &[(u32, Closed, &str)], at_the_end: &[(u32, Closed, &str)]) {
        let (mut assembler, mut done) = run(Config::default(), records);
        let expected = |list: &[(u32, Closed, &str)]| -> Vec<_> {
            list.iter().map(|&(serial, closed, text)| (serial, closed, text.to_owned())).collect()
        };
        assert_eq!(shown(&done), expected(at_once), "at once");
        done.clear();
        assembler.finish(&mut done);
        assert_eq!(shown(&done), expected(at_the_end), "at the end");
        assert_eq!(assembler.open(), 0);
    }

    #[test]
    fn records_join_their_event_until_its_end() {
        use Closed::{Complete, Late, Timer};
        check(&[(1300, 1, "a"), (1307, 1, "b"), (1320, 1, "")], &[(1, Complete, "a b")], &[]);
        let interleaved =
            [(1300, 1, "a"), (1300, 2, "x"), (1302, 1, "b"), (1302, 2, "y"), (1320, 2, ""), (1320, 1, "")];
        check(&interleaved, &[(2, Complete, "x y"), (1, Complete, "a b")], &[]);
        check(&[(1305, 7, "op=add_rule")], &[], &[(7, Timer, "op=add_rule")]);
        check(&[(1112, 8, "login"), (1006, 9, "l")], &[(8, Complete, "login")], &[(9, Timer, "l")]);
        let late = [(1300, 1, "a"), (1320, 1, ""), (1302, 1, "late"), (1320, 1, "")];
        check(&late, &[(1, Complete, "a"), (1, Late, "late")], &[]);
        check(&[(1300, 1, "a"), (1320, 1, ""), (1320, 1, "")], &[(1, Complete, "a")], &[]);
    }

    #[test]
    fn an_idle_event_is_closed_by_the_timer_of_its_kind() {
        let (mut assembler, mut done) = run(Config::default(), &[(1300, 1, "a"), (1305, 2, "b")]);
        assembler.tick(249, &mut done);
        assert!(done.is_empty());
        assembler.tick(250, &mut done);
        assert_eq!(shown(&done), [(2, Closed::Timer, "b".to_owned())]);
        done.clear();
        assembler.tick(1999, &mut done);
        assert!(done.is_empty());
        assembler.tick(2000, &mut done);
        assert_eq!(shown(&done), [(1, Closed::Timer, "a".to_owned())]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let config = Config { open_max: 2, ..Config::default() };
        let (_, done) = run(config, &[(1300, 1, "a"), (1300, 2, "b"), (1300, 3, "c"), (1300, 4, "d")]);
        assert_eq!(shown(&done), [(1, Closed::Timer, "a".to_owned()), (2, Closed::Timer, "b".to_owned())]);
        let config = Config { event_bytes_max: 3, ..Config::default() };
        let (_, done) = run(config, &[(1300, 1, "abcd"), (1302, 1, "ef"), (1320, 1, "")]);
        assert_eq!(shown(&done), [(1, Closed::Timer, "abcd".to_owned()), (1, Closed::Late, "ef".to_owned())]);
        let config = Config { open_bytes_max: 4, ..Config::default() };
        let (_, done) = run(config, &[(1300, 1, "aa"), (1300, 2, "bb"), (1320, 9, ""), (1300, 3, "c")]);
        assert_eq!(shown(&done), [(1, Closed::Timer, "aa".to_owned())]);
    }

    #[test]
    fn in_an_auditd_log_proctitle_ends_an_event() {
        let (_, done) = run(Config::for_log(), &[(1300, 1, "a"), (1327, 1, "t"), (1300, 2, "b")]);
        assert_eq!(shown(&done), [(1, Closed::Complete, "a t".to_owned())]);
    }

    #[test]
    fn equal_ids_of_two_nodes_are_two_events() {
        let mut assembler = Assembler::new(Config::default());
        let mut done = Vec::new();
        let id = EventId { time_ms: 1, serial: 1 };
        for (node, kind) in [("x", 1300), ("y", 1300), ("x", 1320), ("y", 1320)] {
            let kind = RecordType(kind);
            let record = Incoming { node: Some(node.as_bytes()), kind, unnamed: false, id, body: b"-" };
            assembler.push(record, 0, &mut done);
        }
        let nodes: Vec<_> = done.iter().map(|event| event.node.as_deref()).collect();
        assert_eq!(nodes, [Some(&b"x"[..]), Some(&b"y"[..])]);
    }

    proptest::proptest! {
        /// Whatever the order of records, each is in exactly one event with its id.
        #[test]
        fn no_record_is_lost_or_doubled(records in proptest::collection::vec(
            (proptest::sample::select(vec![1300u16, 1302, 1305, 1320, 1327, 1112]), 1u32..6), 0..60)) {
            let texts: Vec<String> = (0..records.len()).map(|n| format!("{n}")).collect();
            let cases: Vec<Case<'_>> =
                records.iter().zip(&texts).map(|(&(kind, serial), text)| (kind, serial, text.as_str())).collect();
            let config = Config { open_max: 3, ..Config::default() };
            let (mut assembler, mut done) = run(config, &cases);
            assembler.finish(&mut done);
            let mut found: Vec<(u32, Vec<u8>)> = done.iter()
                .flat_map(|event| event.records().map(|(_, body)| (event.id.serial, body.to_vec()))).collect();
            let mut sent: Vec<(u32, Vec<u8>)> = cases.iter().filter(|case| case.0 != 1320)
                .map(|case| (case.1, case.2.as_bytes().to_vec())).collect();
            found.sort();
            sent.sort();
            assert_eq!(found, sent);
        }
    }
}
