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
use crate::sys::ring::{self, Reader};

/// Bytes of dealt-with messages with which the ring gets its room back. Where the storing is the slower, this is what the
/// receiver waits for: at 10 MB/s a tenth of a second, after which the kernel takes a full socket for a failing one.
const RELEASE_BYTES: u64 = 1 << 20;
/// The same while the ring is so full that the receiver may be waiting: a slow disk needs its time for the rest.
const RELEASE_BYTES_FULL: u64 = 64 << 10;
/// The fill from which on that is.
const FULL: f64 = 0.875;
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
    /// When the last message came that was dealt with.
    pub(super) reached: Now,
}

impl Storer {
    /// The time up to which all that has come is dealt with. It lags behind while the disk holds this thread back, or the
    /// receiver: what an event waits for may be in the ring or in the socket already.
    fn reached(&self) -> Now {
        let now = self.now();
        let mono_ms = self.ring.idle_ms().map_or(0, |idle_ms| came(now, ring::now_ms(), idle_ms));
        Now { mono_ms: mono_ms.max(self.reached.mono_ms), ..now }
    }

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
        self.ingest.forget_gaps();
        while self.ring.is_left()
            && let Some((kind, payload)) = self.ring.take()
        {
            if known.is_fresh(kind, payload) {
                messages += 1;
                self.ingest.message(kind, payload, now, &mut self.log);
            } else {
                self.ingest.known(payload, now);
            }
            if self.ring.unreleased() >= RELEASE_BYTES {
                self.give_back();
            }
        }
        if messages > 0 {
            // Who is to write the rest of an event may be held back since before this process began.
            self.ingest.hold(now);
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
            if self.ring.unreleased() >= self.release_bytes() {
                self.give_back();
            }
            if unwritten && self.ring.waiting() == 0 && written.elapsed() >= WRITE_AFTER {
                self.log.flush();
                written = Instant::now();
                unwritten = false;
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let now = self.reached();
                self.ingest.tick(now, &mut self.log);
                self.tick();
                self.give_back();
            }
        }
    }

    fn release_bytes(&self) -> u64 {
        if self.ring.fill() >= FULL { RELEASE_BYTES_FULL } else { RELEASE_BYTES }
    }

    /// Deals with a batch of messages; whether there were any.
    fn messages(&mut self) -> bool {
        Counters::set(&self.counters.waiting, self.ring.waiting());
        Counters::set(&self.counters.unwritten, self.ring.unreleased());
        let (now, now_ms) = (self.now(), ring::now_ms());
        let mut any = false;
        for _ in 0..BATCH_MESSAGES {
            let Some((came_ms, kind, payload)) = self.ring.take_stamped() else { break };
            self.reached = Now { mono_ms: came(now, now_ms, came_ms).max(self.reached.mono_ms), ..now };
            self.reports.see(kind, payload);
            self.ingest.message(kind, payload, self.reached, &mut self.log);
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
        Counters::set(&self.counters.unwritten, self.ring.unreleased());
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
            let now = self.now();
            self.ingest.finish(now, &mut self.log);
        }
        self.release();
        self.log.into_store()
    }
}

/// When something came by this thread's clock: `now_ms` and `stamp_ms` are of the ring's.
fn came(now: Now, now_ms: u32, stamp_ms: u32) -> u64 {
    now.mono_ms.saturating_sub(u64::from(now_ms.wrapping_sub(stamp_ms)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{LowSpace, Space as SpaceConfig};
    use crate::daemon::space::Space;
    use crate::event::assembler;
    use crate::ingest::gaps::PATIENCE_MS;
    use crate::ingest::tails::TailNames;
    use crate::outputs::tap::Tap;
    use crate::serve::live::Live;
    use crate::store::{self, Stamp};
    use crate::sys::ring::{Ring, Writer};

    /// A storing thread's things with a log in a directory, and the ring's other end.
    fn storer(dir: &std::path::Path, counters: &Arc<Counters>) -> (Storer, Writer) {
        let config = store::Config { dir: dir.join("log"), ..store::Config::default() };
        let (store, _) = Store::open(config, Arc::new(|_, _| Some(Stamp::default()))).unwrap();
        let space = Space::new(SpaceConfig { min_free_bytes: 0, policy: LowSpace::Rotate });
        let log = Log::new(store, (Live::default(), Tap::default()), counters.clone(), Arc::default(), space);
        let ring = Ring::create().unwrap();
        let ingest = Ingest::live(
            assembler::Config::default(),
            None,
            Box::new(TailNames::default()),
            counters.clone(),
        );
        let storer = Storer {
            ingest,
            log,
            ring: ring.reader,
            reports: Reports::new().0,
            counters: counters.clone(),
            begun: Instant::now(),
            reached: Now::default(),
        };
        (storer, ring.writer)
    }

    fn send(writer: &mut Writer, came_ms: u32, kind: u16, serial: u32, text: &str) {
        writer.set_time(came_ms);
        assert!(writer.push(kind, format!("audit(1.000:{serial}): {text}").as_bytes()));
        writer.publish();
    }

    /// The lines of the log after the end.
    fn end(storer: Storer, dir: &std::path::Path) -> Vec<String> {
        storer.end(&Ends::default()).close().unwrap();
        let text = fs::read_to_string(dir.join("log/audit.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn gaps_made_on_purpose_are_in_the_log_and_counted() {
        let (dir, counters) = (tempfile::tempdir().unwrap(), Arc::new(Counters::default()));
        let (mut storer, mut writer) = storer(dir.path(), &counters);
        for serial in [7, 8, 11, 12, 10, 15] {
            send(&mut writer, ring::now_ms(), 1112, serial, "op=login");
        }
        assert!(storer.messages());
        let later = |storer: &Storer, ms| Now { mono_ms: storer.reached.mono_ms + ms, ..storer.now() };
        let now = later(&storer, PATIENCE_MS - 1);
        storer.ingest.tick(now, &mut storer.log);
        assert_eq!(Counters::read(&counters.gaps), 0, "they may still come");
        let now = later(&storer, PATIENCE_MS);
        storer.ingest.tick(now, &mut storer.log);
        assert_eq!(Counters::read(&counters.gaps), 3);
        let lines = end(storer, dir.path());
        let told: Vec<_> = lines.iter().filter(|line| line.contains("DAEMON_ERR")).collect();
        assert_eq!(told.len(), 1, "{lines:#?}");
        assert!(
            told[0].contains(r#""op":"gap","missing":"3","from":"9","to":"14","since_ms":""#),
            "{told:#?}"
        );
        assert_eq!((Counters::read(&counters.gaps), lines.len()), (3, 7));
    }

    /// A write that took long: the rest of the event was in the ring all the while.
    #[test]
    fn an_event_is_not_torn_because_the_disk_is_slow() {
        let (dir, counters) = (tempfile::tempdir().unwrap(), Arc::new(Counters::default()));
        let (mut storer, mut writer) = storer(dir.path(), &counters);
        storer.begun -= Duration::from_secs(100);
        let now = ring::now_ms();
        let [begun, rest] = [60_000, 59_999].map(|age| now.wrapping_sub(age));
        send(&mut writer, begun, 1300, 7, "arch=c000003e syscall=2 success=yes exit=0 key=(null)");
        assert!(storer.messages());
        // There was more in the socket, and then in the ring.
        let reached = storer.reached();
        storer.ingest.tick(reached, &mut storer.log);
        send(&mut writer, rest, 1302, 7, "item=0");
        let reached = storer.reached();
        storer.ingest.tick(reached, &mut storer.log);
        assert!(storer.messages());
        writer.set_time(now);
        writer.set_idle();
        let reached = storer.reached();
        storer.ingest.tick(reached, &mut storer.log);
        send(&mut writer, now, 1320, 7, "");
        assert!(storer.messages());
        let lines = end(storer, dir.path());
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(r#""closed":"timer","records":[{"type":"SYSCALL""#), "{lines:#?}");
        assert!(lines[0].contains(r#"{"type":"PATH""#), "no time has passed between them: {lines:#?}");
    }
}
