//! Takes the place of a daemon that has ended while somebody kept its socket: no message is missed, and none comes twice.
//!
//! The kernel goes on sending into the kept socket and holds producers back when it is full. But the process that reads it
//! is not the registered one: its own system calls are audited like anyone's, and may be held back like anyone's. And
//! while that socket lives the kernel lets nobody register (`audit_replace`, kernel/audit.c).
//!
//! So the registration is changed under cover of a second reader. The kernel sends each message first to the multicast
//! group, then to the daemon (`kauditd_send_queue`, kernel/audit.c). From the moment a multicast reader has joined, until
//! the kernel's own record of the new registration has come by the new socket, each message is taken from whichever
//! socket it comes by first: kept, multicast or new.
//!
//! What rules out a loop and a deadlock: until then this thread makes no system call but receiving and those of the
//! registration. If even receiving is audited (`-S all`), a batch of messages makes one event more, and an empty one is
//! followed by a pause, so the events die out. Whoever is held back is woken when the kernel's queue has room, and the
//! kernel has sent on from the queue what this thread made room for before it could be held back.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use netlink_sys::Socket;
use nix::sys::socket::MsgFlags;

use super::control::{self, Control};
use super::error::{Error, Request};
use super::events::{self, Config, Events};
use super::intake::{Counts, Intake, Wanted};
use crate::sys::socket::adopt;

/// The multicast group of all audit messages (`AUDIT_NLGRP_READLOG`, linux/audit.h).
const READERS: u32 = 1;
/// The receive buffer of the multicast reader in bytes. The kernel does not wait for it: it has to hold what comes while
/// the registration is changed.
const LISTENER_BYTES: usize = 128 << 20;
/// Longest time in which the kept socket's other holders are to let go of it.
const LET_GO_MAX: Duration = Duration::from_secs(10);
/// How long to wait for the kernel's record of the registration. There is none while auditing is disabled.
const RECORD_MAX: Duration = Duration::from_secs(1);
/// More than the kernel tries to send one message: a tenth of a second (`audit_net_init`, kernel/audit.c).
const SEND_MAX: Duration = Duration::from_millis(150);
/// Pause where there is nothing to do.
const PAUSE: Duration = Duration::from_millis(1);
/// The type of a record about the configuration (`AUDIT_CONFIG_CHANGE`, linux/audit.h).
const CONFIG_CHANGE: u16 = 1305;

/// Messages that have come by one socket and not yet by the other.
#[derive(Default)]
struct Seen {
    counts: HashMap<u64, u32, RandomState>,
    hasher: RandomState,
}

impl Seen {
    fn of(&self, kind: u16, payload: &[u8]) -> u64 {
        self.hasher.hash_one((kind, payload))
    }

    fn note(&mut self, kind: u16, payload: &[u8]) {
        *self.counts.entry(self.of(kind, payload)).or_default() += 1;
    }

    /// Whether it was noted and not taken yet.
    fn has(&self, kind: u16, payload: &[u8]) -> bool {
        self.counts.contains_key(&self.of(kind, payload))
    }

    /// The same, and takes it.
    fn take(&mut self, kind: u16, payload: &[u8]) -> bool {
        let key = self.of(kind, payload);
        let Some(count) = self.counts.get_mut(&key) else { return false };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&key);
        }
        true
    }
}

/// What a take-over has done.
pub struct Taken {
    /// The new socket, registered.
    pub events: Events,
    /// What was received on the way.
    pub counts: Counts,
}

/// The sockets of a take-over, opened while this process may still ask for large buffers. Nothing comes on them yet.
pub struct Successor {
    /// The socket that is registered; also that of a process which takes nobody's place.
    pub events: Events,
    listener: Socket,
}

impl Successor {
    /// Opens the sockets.
    pub fn open(config: &Config) -> Result<Successor, Error> {
        let open = |error: io::Error| Error::new(Request::Open, error);
        let events = Events::open(config)?;
        let mut listener = Socket::new(control::PROTOCOL).map_err(open)?;
        // Less than asked for is all that can be had.
        events::size_buffer(&listener, LISTENER_BYTES).map_err(open)?;
        listener.bind_auto().map_err(open)?;
        Ok(Successor { events, listener })
    }

    /// Goes on with the sockets that this process had opened before it executed another program.
    pub fn opened(events: OwnedFd, listener: OwnedFd) -> Successor {
        Successor { events: Events::adopt(events), listener: adopt(listener) }
    }

    /// The descriptors, in the order in which [`Successor::opened`] takes them.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.events.as_fd(), self.listener.as_fd()]
    }
}

/// The socket of a daemon that has ended.
pub struct Kept(Socket);

impl Kept {
    /// Takes the socket over from whoever kept it.
    pub fn new(descriptor: OwnedFd) -> Kept {
        Kept(adopt(descriptor))
    }

    /// Receives once into the ring without waiting. Until its place is taken, the kernel goes on sending here.
    pub fn read(&self, intake: &mut Intake) -> Result<Counts, Error> {
        intake.receive(&self.0, MsgFlags::MSG_DONTWAIT, &mut |_, _| true)
    }

    /// Registers this process in place of the one that has ended, with the `successor`'s socket in place of this one.
    ///
    /// All that is received on the way goes into the ring. `let_go` is called when this socket has been read to where the
    /// multicast reader goes on: whoever else holds it has to close it.
    pub fn take_over(
        self,
        successor: Successor,
        intake: &mut Intake,
        let_go: impl FnOnce(),
    ) -> Result<Taken, Error> {
        let Successor { mut events, listener } = successor;
        listener.add_membership(READERS).map_err(|error| Error::new(Request::Open, error))?;
        let mut cover = Cover {
            listener,
            by_listener: Seen::default(),
            by_others: Seen::default(),
            counts: Counts::default(),
        };
        cover.read_kept(&self.0, intake)?;
        drop(self);
        let_go();
        cover.register(&mut events, intake)?;
        cover.change_over(&mut events, intake)?;
        Ok(Taken { events, counts: cover.counts })
    }
}

/// The multicast reader, and what has come by it and by the others.
struct Cover {
    listener: Socket,
    by_listener: Seen,
    by_others: Seen,
    counts: Counts,
}

impl Cover {
    /// Reads the kept socket until the multicast reader has all that comes after.
    ///
    /// That is so when a message has come by both: what the kernel had sent to the group before it was joined is in the
    /// kept socket by then. An empty socket proves nothing, unless it stays empty for longer than the kernel tries to send
    /// one message.
    ///
    /// Until then what the multicast reader has waits: in the ring it would come before what was sent earlier.
    fn read_kept(&mut self, kept: &Socket, intake: &mut Intake) -> Result<(), Error> {
        let mut heard = Instant::now();
        let (mut waiting, mut heard_of, mut met) = (Vec::new(), Seen::default(), false);
        while !met && heard.elapsed() < SEND_MAX {
            wait_until_ready(intake);
            let by_others = &mut self.by_others;
            let counts = intake.receive(kept, MsgFlags::MSG_DONTWAIT, &mut |kind, payload| {
                met |= heard_of.has(kind, payload);
                by_others.note(kind, payload);
                true
            })?;
            self.counts += counts;
            let before = waiting.len();
            if !met {
                intake.receive(&self.listener, MsgFlags::MSG_DONTWAIT, &mut |kind, payload| {
                    met |= by_others.has(kind, payload);
                    heard_of.note(kind, payload);
                    waiting.push((kind, payload.to_vec()));
                    false
                })?;
            }
            if counts.datagrams() > 0 || waiting.len() > before {
                heard = Instant::now();
            } else {
                thread::sleep(PAUSE);
            }
        }
        for (kind, payload) in waiting {
            if !self.by_others.take(kind, &payload) {
                self.by_listener.note(kind, &payload);
                self.push(intake, kind, &payload);
            }
        }
        Ok(())
    }

    fn push(&mut self, intake: &mut Intake, kind: u16, payload: &[u8]) {
        wait_until_ready(intake);
        self.counts.messages += u64::from(intake.push(kind, payload));
    }

    /// Takes what has come by the multicast reader as far as it is `wanted`. Gives what there was.
    fn listen(&mut self, intake: &mut Intake, wanted: Wanted<'_>) -> Result<Counts, Error> {
        wait_until_ready(intake);
        let (by_others, by_listener) = (&mut self.by_others, &mut self.by_listener);
        let counts = intake.receive(&self.listener, MsgFlags::MSG_DONTWAIT, &mut |kind, payload| {
            if !wanted(kind, payload) || by_others.take(kind, payload) {
                return false;
            }
            by_listener.note(kind, payload);
            true
        })?;
        self.counts += counts;
        Ok(counts)
    }

    /// Registers as soon as nobody holds the kept socket any more.
    fn register(&mut self, events: &mut Events, intake: &mut Intake) -> Result<(), Error> {
        let mut control = Control::open()?;
        let begun = Instant::now();
        loop {
            match events.register(&mut control) {
                Err(Error::SocketHeld { .. }) if begun.elapsed() < LET_GO_MAX => {
                    if self.listen(intake, &mut |_, _| true)?.datagrams() == 0 {
                        thread::sleep(PAUSE);
                    }
                }
                registered => return registered.map(drop),
            }
        }
    }

    /// Takes from both sockets until the record of the registration has come by both.
    fn change_over(&mut self, events: &mut Events, intake: &mut Intake) -> Result<(), Error> {
        let mark = format!("audit_pid={} ", std::process::id());
        let is_mark = |kind: u16, payload: &[u8]| {
            kind == CONFIG_CHANGE && memchr::memmem::find(payload, mark.as_bytes()).is_some()
        };
        let (mut by_new, mut by_listener) = (false, false);
        let mut arrived = events.take_early();
        let begun = Instant::now();
        while !by_new && begun.elapsed() < RECORD_MAX {
            // What has arrived came by the multicast reader before, in the order of all; what comes after the record comes
            // by the new socket.
            while !by_listener
                && self
                    .listen(intake, &mut |kind, payload| {
                        let before = !by_listener;
                        by_listener |= is_mark(kind, payload);
                        before
                    })?
                    .datagrams()
                    > 0
            {}
            if arrived.is_empty() {
                thread::sleep(PAUSE);
            }
            for (kind, payload) in std::mem::take(&mut arrived) {
                by_new |= is_mark(kind, &payload);
                if self.is_new(kind, &payload) {
                    self.push(intake, kind, &payload);
                }
            }
            if !by_new {
                wait_until_ready(intake);
                events.drain_into(intake, &mut |kind, payload| {
                    arrived.push((kind, payload.to_vec()));
                    false
                })?;
            }
        }
        for (kind, payload) in arrived {
            if self.is_new(kind, &payload) {
                self.push(intake, kind, &payload);
            }
        }
        Ok(())
    }

    /// Whether a message of the new socket has not come by the multicast reader; notes it then.
    fn is_new(&mut self, kind: u16, payload: &[u8]) -> bool {
        let again = self.by_listener.take(kind, payload);
        if !again {
            self.by_others.note(kind, payload);
        }
        !again
    }
}

fn wait_until_ready(intake: &Intake) {
    while !intake.is_ready() {
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_as_often_as_it_was_noted() {
        let mut seen = Seen::default();
        seen.note(1300, b"one");
        seen.note(1300, b"one");
        seen.note(1302, b"one");
        let taken: Vec<bool> = (0..3).map(|_| seen.take(1300, b"one")).collect();
        assert_eq!(taken, [true, true, false]);
        assert!(!seen.take(1302, b"two") && seen.take(1302, b"one"));
        assert!(seen.counts.is_empty());
    }
}
