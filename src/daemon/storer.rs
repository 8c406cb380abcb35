//! The thread that makes entries of messages and stores them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver as Channel, RecvTimeoutError};

use super::capture::{BATCH_MESSAGES, Work, milliseconds, wall_ms};
use super::drift::Reports;
use super::log::Log;
use super::receive::Ends;
use super::recover::Known;
use super::space;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now};
use crate::store::Store;
use crate::sys::ring::Reader;

/// Bytes of dealt-with messages with which the ring gets its room back. Where the storing is the slower, this is what the
/// receiver waits for: at 10 MB/s a tenth of a second, after which the kernel takes a full socket for a failing one.
const RELEASE_BYTES: u64 = 1 << 20;
/// How long entries may wait to be written while more come.
const WRITE_AFTER: Duration = Duration::from_millis(1);
/// How often time is looked at.
const TICK: Duration = Duration::from_millis(50);

/// What the storing thread has.
pub(super) struct Storer {
    pub(super) ingest: Ingest,
    pub(super) log: Log,
    pub(super) ring: Reader,
    pub(super) reports: Reports,
    pub(super) counters: Arc<Counters>,
    pub(super) begun: Instant,
}

impl Storer {
    fn now(&self) -> Now {
        Now { mono_ms: milliseconds(self.begun.elapsed()), wall_ms: wall_ms() }
    }

    /// Stores what an earlier process has left, less what is in the log.
    pub(super) fn recover(&mut self, mut known: Known) {
        let now = self.now();
        let carried: Vec<_> = self.ring.carried().map(|(kind, payload)| (kind, payload.to_vec())).collect();
        let mut messages = 0u64;
        for (kind, payload) in &carried {
            if known.is_fresh(*kind, payload) {
                messages += 1;
                self.ingest.message(*kind, payload, now, &mut self.log);
            }
        }
        while self.ring.is_left()
            && let Some((kind, payload)) = self.ring.take()
        {
            if known.is_fresh(kind, payload) {
                messages += 1;
                self.ingest.message(kind, payload, now, &mut self.log);
            }
            if self.ring.unreleased() >= RELEASE_BYTES {
                self.give_back();
            }
        }
        if messages > 0 {
            tracing::info!(
                "{messages} messages that an earlier process had received were not in the log yet"
            );
        }
        self.give_back();
    }

    /// Stores what is in the ring until nobody has work any more, or what is there is to be left to the next process.
    pub(super) fn run(&mut self, to_do: &Channel<Work>, bell: &AtomicBool, ends: &Ends) {
        let (mut ticked, mut written) = (Instant::now(), Instant::now());
        let (mut unwritten, mut connected) = (false, true);
        while !ends.hand_on.load(Ordering::Acquire) && (connected || self.ring.waiting() > 0) {
            if self.log.is_holding() {
                // What the kernel sends meanwhile waits in the ring, in the socket's buffer, and in the kernel's queue.
                thread::sleep(TICK);
                self.tick();
                continue;
            }
            let wait = match (self.ring.waiting() > 0, unwritten) {
                (true, _) => Duration::ZERO,
                (false, true) => WRITE_AFTER,
                (false, false) => TICK,
            };
            match to_do.recv_timeout(wait) {
                // The bell first: what comes from now on rings it again.
                Ok(Work::Messages) => bell.store(false, Ordering::Release),
                Ok(Work::Own { kind, body }) => {
                    let now = self.now();
                    self.ingest.own_event(kind, body.as_bytes(), now, &mut self.log);
                    unwritten = true;
                }
                Ok(Work::Rotate) => self.log.rotate(),
                Ok(Work::State(state)) => {
                    if !self.ring.set_state(&state) {
                        tracing::warn!("what is to be put back in the kernel is too much to be handed on");
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => connected = false,
            }
            unwritten |= self.messages();
            if self.ring.unreleased() >= RELEASE_BYTES {
                self.give_back();
            }
            if unwritten && self.ring.waiting() == 0 && written.elapsed() >= WRITE_AFTER {
                self.log.flush();
                written = Instant::now();
                unwritten = false;
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let now = self.now();
                self.ingest.tick(now, &mut self.log);
                self.tick();
                self.give_back();
            }
        }
    }

    /// Deals with a batch of messages; whether there were any.
    fn messages(&mut self) -> bool {
        Counters::set(&self.counters.waiting, self.ring.waiting());
        let now = self.now();
        let mut any = false;
        for _ in 0..BATCH_MESSAGES {
            let Some((kind, payload)) = self.ring.take() else { break };
            self.reports.see(kind, payload);
            self.ingest.message(kind, payload, now, &mut self.log);
            any = true;
        }
        any
    }

    /// Gives the ring its room back when all that was taken out is written, but for events that are not complete.
    fn give_back(&mut self) {
        if self.ring.unreleased() > 0 {
            self.release();
        }
    }

    fn release(&mut self) {
        if self.log.flush() {
            let ingest = &self.ingest;
            self.ring.release(|keep| ingest.open_messages(keep));
        }
    }

    /// Does what time brings, and writes what there is to tell of it before anything is run.
    fn tick(&mut self) {
        Counters::set(&self.counters.waiting, self.ring.waiting());
        let now = self.now();
        self.log.tick(now.mono_ms);
        let notes = self.log.take_notes();
        if !notes.is_empty() {
            for (kind, body) in notes {
                self.ingest.own_event(kind, body.as_bytes(), now, &mut self.log);
            }
            self.log.flush();
        }
        if let Some(command) = self.log.take_command() {
            space::run(&command);
        }
    }

    /// Gives the store, with all in it but what is handed on.
    pub(super) fn end(mut self, ends: &Ends) -> Store {
        if !ends.hand_on.load(Ordering::Acquire) {
            self.ingest.finish(&mut self.log);
        }
        self.release();
        self.log.into_store()
    }
}
