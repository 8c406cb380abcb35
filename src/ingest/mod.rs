//! Messages and log lines → records → events → entries, with an account of everything that came and did not come.
//!
//! Knows neither sockets nor threads nor clients: bytes and times come in, entries go to a [`Sink`].

pub mod counters;
pub mod gaps;
pub mod lines;
pub mod shed;
pub mod tails;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use counters::Counters;
use gaps::{Gaps, Missing};
use shed::account::{ACCOUNT, Account};
use tails::TailNames;

use crate::entry::Resolve;
use crate::entry::encode::Encoder;
use crate::event::assembler::{self, Assembler, Incoming};
use crate::event::{Closed, Event};
use crate::record::stamp::{self, EventId};
use crate::record::{RecordType, line};
use crate::redact::Redactor;
use crate::store::term::Terms;

/// Bytes of a line of a log that are taken as one record; a longer line is kept in pieces of this length. The kernel's
/// longest record is 8970 bytes; user-space tools that join records stay far below this.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// How long the kernel may hold a producer back, also between two records of one event: what it does by default, and a
/// second (`audit_backlog_wait_time`, kernel/audit.c). It can be all of that although there is room again: when the backlog
/// is emptied between the producer's look at it and its falling asleep, nobody wakes it.
const HELD_MS: u64 = 61_000;
/// How long accounts of what was left out gather before they are told, in milliseconds.
const SHED_TOLD_MS: u64 = 1000;

/// Where finished entries go.
pub trait Sink {
    /// Takes one entry: its id, its terms and its stored form without a newline.
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]);
}

/// The time at which something is handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back.
    pub mono_ms: u64,
    /// Milliseconds since 1970.
    pub wall_ms: u64,
}

/// Turns what comes in into entries.
pub struct Ingest {
    assembler: Assembler,
    encoder: Encoder,
    names: Names,
    gaps: Gaps,
    /// What was left out and is not told yet, and since when there is some.
    shed: (Account, u64),
    counters: Arc<Counters>,
    /// The node that is written into events of this host.
    node: Option<Box<[u8]>>,
    own_serial: u32,
    last_serial: Option<u32>,
    /// For how long the kernel had held producers back at the last tick.
    held_ticks: u64,
    redactor: Option<Redactor>,
    done: Vec<Event>,
    line: Vec<u8>,
    terms: Terms,
}

/// Whence names of ids come.
enum Names {
    /// This host's own.
    Host(Box<dyn Resolve + Send>),
    /// The tails of the log that is imported.
    Tails(TailNames),
}

impl Ingest {
    /// For the messages of this host's kernel.
    pub fn live(
        config: assembler::Config,
        node: Option<Box<[u8]>>,
        names: Box<dyn Resolve + Send>,
        counters: Arc<Counters>,
    ) -> Ingest {
        Ingest::new(config, node, Names::Host(names), counters)
    }

    /// Replaces secrets in command lines before they are stored.
    pub fn redact(&mut self, redactor: Redactor) {
        self.redactor = Some(redactor);
    }

    /// For the lines of an auditd log.
    pub fn import(counters: Arc<Counters>) -> Ingest {
        Ingest::new(assembler::Config::for_log(), None, Names::Tails(TailNames::default()), counters)
    }

    fn new(
        config: assembler::Config,
        node: Option<Box<[u8]>>,
        names: Names,
        counters: Arc<Counters>,
    ) -> Ingest {
        Ingest {
            assembler: Assembler::new(config),
            encoder: Encoder::default(),
            names,
            gaps: Gaps::default(),
            shed: Default::default(),
            counters,
            node,
            own_serial: 0,
            last_serial: None,
            held_ticks: 0,
            redactor: None,
            done: Vec::new(),
            line: Vec::new(),
            terms: Terms::default(),
        }
    }

    /// Takes one message of the audit socket. What is no record (an acknowledgement, a probe) is passed over.
    pub fn message(&mut self, kind: u16, payload: &[u8], now: Now, sink: &mut dyn Sink) {
        if kind == ACCOUNT {
            self.take_account(payload, now);
        }
        if !is_record(kind) {
            return;
        }
        let kind = RecordType(kind);
        Counters::add(&self.counters.records, 1);
        let payload = without_trailing_nul(payload);
        match stamp::split(payload) {
            Ok((id, body)) => {
                if self.last_serial != Some(id.serial) {
                    self.last_serial = Some(id.serial);
                    self.gaps.seen(id.serial, now.mono_ms);
                }
                let node = self.node.take();
                self.assembler.push(
                    Incoming { node: node.as_deref(), kind, unnamed: false, id, body },
                    now.mono_ms,
                    &mut self.done,
                );
                self.node = node;
            }
            Err(_) => self.malformed(kind, payload, now),
        }
        self.store_done(sink);
    }

    /// Begins anew to look for gaps: messages that an earlier process had kept for later came long before the next.
    pub fn forget_gaps(&mut self) {
        self.gaps = Gaps::default();
    }

    /// Notes that a message came whose record is in the log already.
    pub fn known(&mut self, payload: &[u8], now: Now) {
        if let Ok((id, _)) = stamp::split(payload) {
            self.gaps.seen(id.serial, now.mono_ms);
        }
    }

    /// Takes one line of an auditd log, without its newline. `number` is its number in the log, for the serial of a line
    /// that is no record. Time is taken from the records themselves.
    pub fn log_line(&mut self, text: &[u8], number: u64, sink: &mut dyn Sink) {
        if text.is_empty() {
            return;
        }
        Counters::add(&self.counters.records, 1);
        match line::split(text) {
            Ok(record) => {
                if let Names::Tails(names) = &mut self.names {
                    names.learn(&record);
                }
                let now_ms = record.id.time_ms;
                let line::Line { node, kind, unnamed, id, body, .. } = record;
                let incoming = Incoming { node, kind, unnamed, id, body };
                self.assembler.push(incoming, now_ms, &mut self.done);
            }
            Err(_) => {
                let serial = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
                self.malformed_line(text, serial);
            }
        }
        self.store_done(sink);
    }

    /// Takes in which events were left out on the way, so that nobody waits for them.
    fn take_account(&mut self, bytes: &[u8], now: Now) {
        let Some(mut account) = Account::decode(bytes) else { return };
        for serial in account.serials() {
            self.gaps.seen(serial, now.mono_ms);
        }
        account.forget_serials();
        if self.shed.0.events() == 0 {
            self.shed.1 = now.mono_ms;
        }
        self.shed.0.merge(&account);
    }

    /// Tells of serial numbers that never came.
    fn tell_gap(&mut self, missing: Option<Missing>, now: Now) {
        let Some(Missing { count, first_serial, last_serial, since_ms, until_ms }) = missing else { return };
        Counters::add(&self.counters.gaps, count);
        let wall_ms = |mono_ms| now.wall_ms.saturating_sub(now.mono_ms.saturating_sub(mono_ms));
        let (since_ms, until_ms) = (wall_ms(since_ms), wall_ms(until_ms));
        let text = format!(
            "op=gap missing={count} from={first_serial} to={last_serial} since_ms={since_ms} until_ms={until_ms} res=failed"
        );
        self.own(RecordType::DAEMON_ERR, text.as_bytes(), now);
    }

    /// Tells what was left out.
    fn tell_shed(&mut self, now: Now) {
        let (account, _) = std::mem::take(&mut self.shed);
        for ((kind, key), shed) in account.by() {
            let mut text = b"op=shed key=".to_vec();
            text.extend_from_slice(key);
            let shed::account::Shed { events, since_ms, until_ms } = shed;
            let rest = format!(
                " shed_type={kind} events={events} since_ms={since_ms} until_ms={until_ms} res=failed"
            );
            text.extend_from_slice(rest.as_bytes());
            self.own(RecordType::DAEMON_ERR, &text, now);
        }
    }

    /// Has events of system calls stay open for as long as the kernel may hold their producers back from now on.
    pub fn hold(&mut self, now: Now) {
        self.assembler.hold(now.mono_ms + HELD_MS);
    }

    /// Closes events whose time is over and tells of gaps and of what was left out.
    pub fn tick(&mut self, now: Now, sink: &mut dyn Sink) {
        let held_ticks = Counters::read(&self.counters.held_ticks);
        if std::mem::replace(&mut self.held_ticks, held_ticks) != held_ticks {
            self.hold(now);
        }
        self.assembler.tick(now.mono_ms, &mut self.done);
        let open = u64::try_from(self.assembler.open()).unwrap_or(u64::MAX);
        Counters::set(&self.counters.open, open);
        let missing = self.gaps.tick(now.mono_ms);
        self.tell_gap(missing, now);
        if now.mono_ms.saturating_sub(self.shed.1) >= SHED_TOLD_MS {
            self.tell_shed(now);
        }
        self.store_done(sink);
    }

    /// Hands the messages of events that are not complete to `f`, as the kernel has sent them, and the account of what was
    /// left out and is not told yet.
    pub fn open_messages(&self, f: &mut dyn FnMut(u16, &[u8])) {
        let mut payload = Vec::new();
        for event in self.assembler.open_events() {
            for (kind, body) in event.records() {
                payload.clear();
                stamp::write(event.id, &mut payload);
                payload.extend_from_slice(body);
                f(kind.0, &payload);
            }
        }
        if self.shed.0.events() > 0 {
            f(ACCOUNT, &self.shed.0.encode());
        }
    }

    /// Closes all events: nothing more will come.
    pub fn finish(&mut self, now: Now, sink: &mut dyn Sink) {
        self.assembler.finish(&mut self.done);
        self.tell_shed(now);
        self.store_done(sink);
    }

    /// Stores an event of the daemon's own, one record of a type of the daemon range.
    pub fn own_event(&mut self, kind: RecordType, body: &[u8], now: Now, sink: &mut dyn Sink) {
        self.own(kind, body, now);
        self.store_done(sink);
    }

    fn own(&mut self, kind: RecordType, body: &[u8], now: Now) {
        self.own_serial = self.own_serial.wrapping_add(1);
        let mut event = Event::new(EventId { time_ms: now.wall_ms, serial: self.own_serial });
        event.node.clone_from(&self.node);
        event.push(kind, body);
        self.done.push(event);
    }

    fn malformed(&mut self, kind: RecordType, text: &[u8], now: Now) {
        Counters::add(&self.counters.malformed, 1);
        self.own(kind, text, now);
        if let Some(event) = self.done.last_mut() {
            event.closed = Closed::Malformed;
        }
    }

    fn malformed_line(&mut self, text: &[u8], serial: u32) {
        for piece in text.chunks(LINE_BYTES_MAX) {
            Counters::add(&self.counters.malformed, 1);
            let mut event = Event::new(EventId { time_ms: 0, serial });
            event.closed = Closed::Malformed;
            event.push(RecordType(0), piece);
            self.done.push(event);
        }
    }

    fn store_done(&mut self, sink: &mut dyn Sink) {
        if self.done.is_empty() {
            return;
        }
        let mut done = std::mem::take(&mut self.done);
        for mut event in done.drain(..) {
            if let Some(redactor) = &mut self.redactor {
                redactor.event(&mut event);
            }
            self.line.clear();
            self.terms.clear();
            let names: &mut dyn Resolve = match &mut self.names {
                Names::Host(names) => names.as_mut(),
                Names::Tails(names) => {
                    names.select(event.node.as_deref());
                    names
                }
            };
            self.encoder.encode(&event, names, &mut self.line, &mut self.terms);
            Counters::add(&self.counters.events, 1);
            Counters::add(&self.counters.late, u64::from(event.closed == Closed::Late));
            sink.entry(event.id, &self.terms, &self.line);
            self.assembler.recycle(event);
        }
        self.done = done;
    }
}

/// Whether a message type is a record: what user space and the kernel log, not what controls the subsystem
/// (the ranges of linux/audit.h).
fn is_record(kind: u16) -> bool {
    let kind = RecordType(kind);
    matches!(kind, RecordType::USER | RecordType::LOGIN) || kind.0 >= 1100 && kind != RecordType::REPLACE
}

fn without_trailing_nul(payload: &[u8]) -> &[u8] {
    let end = payload.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    payload.get(..end).unwrap_or(payload)
}
