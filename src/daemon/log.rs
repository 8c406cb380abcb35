//! The log as the storing thread sees it: the store, those who follow, the outputs, and what is to be told when it cannot be written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;

use super::receive::Ends;
use super::space::{LOOK, Note, Space};
use crate::ingest::Sink;
use crate::ingest::counters::Counters;
use crate::outputs::tap::Tap;
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::serve::live::Live;
use crate::store::chain::checkpoint::Checkpoint;
use crate::store::term::Terms;
use crate::store::{Error, Notice, Stamp, Store};

/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// How often the last signed record is written as an event, besides at the beginning of each segment.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(3600);

/// The store, those who follow, and the outputs.
pub(super) struct Log {
    store: Store,
    live: Live,
    tap: Tap,
    counters: Arc<Counters>,
    ends: Arc<Ends>,
    /// Since when writing fails, and why.
    failing: Option<(Instant, String)>,
    space: Space,
    looked: Option<Instant>,
    notes: Vec<Note>,
    command: Option<Vec<String>>,
    checkpoint_told: Instant,
}

impl Sink for Log {
    fn entry(&mut self, id: EventId, terms: &Terms, line: &[u8]) {
        let stamp = Stamp { time_ms: id.time_ms, serial: id.serial };
        loop {
            match self.store.append(stamp, terms, line) {
                Ok(_) => break,
                Err(error) if !error.refused() => {
                    self.failed(&error);
                    break;
                }
                Err(error) => {
                    self.failed(&error);
                    // Its messages are still in the ring, and the next process finds that they are not in the log.
                    if self.ends.hand_on.load(Ordering::Acquire) {
                        return;
                    }
                    // A line that can never be stored must not hold up those after it.
                    let hopeless = matches!(error, Error::LineRefused { .. });
                    if hopeless || self.ends.stop.load(Ordering::Acquire) {
                        Counters::add(&self.counters.dropped, 1);
                        return;
                    }
                    // Hold: what the kernel sends meanwhile waits in its queue.
                    thread::sleep(RETRY);
                    self.tick_store();
                }
            }
        }
        Counters::add(&self.counters.stored, 1);
        self.live.publish(line, terms);
        self.tap.offer(line, terms);
    }
}

impl Log {
    pub(super) fn new(
        store: Store,
        (live, tap): (Live, Tap),
        counters: Arc<Counters>,
        ends: Arc<Ends>,
        space: Space,
    ) -> Log {
        Log {
            store,
            live,
            tap,
            counters,
            ends,
            failing: None,
            space,
            looked: None,
            notes: Vec::new(),
            command: None,
            checkpoint_told: Instant::now(),
        }
    }

    pub(super) fn into_store(self) -> Store {
        self.store
    }

    /// Whether the policy for low space asks that nothing be written. At the end all is written: that is what the space
    /// was kept free for.
    pub(super) fn is_holding(&self) -> bool {
        self.space.is_holding() && !self.ends.stop.load(Ordering::Acquire)
    }

    /// Writes what was taken; whether all of it is in the log's file now.
    pub(super) fn flush(&mut self) -> bool {
        let flushed = self.store.flush();
        let done = flushed.is_ok();
        self.told(flushed);
        done
    }

    /// Begins a new segment.
    pub(super) fn rotate(&mut self) {
        let rotated = self.store.rotate();
        self.told(rotated);
    }

    /// Does what time brings. `now_ms` is of a clock that never goes back.
    pub(super) fn tick(&mut self, now_ms: u64) {
        self.tick_store();
        self.notes.extend(self.tap.notes(now_ms));
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        match self.store.free_bytes() {
            Ok(free) => {
                if let Some((note, command)) = self.space.look(free, now_ms) {
                    self.notes.push(note);
                    self.command = command.map(<[String]>::to_vec);
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn tick_store(&mut self) {
        let ticked = self.store.tick(SystemTime::now());
        self.told(ticked);
        for notice in self.store.notices() {
            match notice {
                Notice::Failed { .. } => tracing::warn!("{notice}"),
                _ => tracing::info!("{notice}"),
            }
            self.notes.extend(told_as_event(&notice));
        }
        self.tell_checkpoint();
    }

    /// Writes the last signed record as an event now and then, so that outputs carry it off this host.
    fn tell_checkpoint(&mut self) {
        if self.checkpoint_told.elapsed() >= CHECKPOINT_EVERY {
            self.checkpoint_told = Instant::now();
            self.notes.extend(self.store.signed().checkpoint().map(checkpoint_note));
        }
    }

    /// Events of the daemon's own that are to be written.
    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// What the policy for low space runs, once the notes are written. It may halt the system: all is made durable first.
    pub(super) fn take_command(&mut self) -> Option<Vec<String>> {
        let command = self.command.take()?;
        let synced = self.store.sync();
        self.told(synced);
        Some(command)
    }

    fn told(&mut self, result: Result<(), Error>) {
        match result {
            Err(error) => self.failed(&error),
            Ok(()) => {
                let Some((since, cause)) = self.failing.take() else { return };
                self.space.shown().set_failing(None);
                let failed_ms = since.elapsed().as_millis();
                tracing::info!("the log is being written again");
                let body = format!("op=write error={cause} failed_ms={failed_ms} res=success");
                self.notes.push((RecordType::DAEMON_RESUME, body));
            }
        }
    }

    /// Tells of a failure once, until it is over.
    fn failed(&mut self, error: &Error) {
        if self.failing.is_some() {
            return;
        }
        let source = std::error::Error::source(error);
        let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
        tracing::error!(
            "{error}{cause}; events are kept in memory and by the kernel, and writing is tried again"
        );
        let code = source
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .and_then(std::io::Error::raw_os_error)
            .map_or_else(|| "other".to_owned(), |code| format!("{:?}", Errno::from_raw(code)));
        self.space.shown().set_failing(Some(&code));
        self.failing = Some((Instant::now(), code));
    }
}

/// What of the store's own doings is an event.
fn told_as_event(notice: &Notice) -> Option<Note> {
    match notice {
        Notice::Removed { for_space: true, segment, entries, bytes } => {
            let body = format!(
                "op=low-space action=remove segment={segment} entries={entries} bytes={bytes} res=success"
            );
            Some((RecordType::DAEMON_ERR, body))
        }
        Notice::Begun { is_anew, public_key, checkpoint } => {
            if *is_anew {
                tracing::error!(
                    "the keys to go on with the chain of signatures were not there; it begins anew with {public_key}"
                );
            }
            let (kind, op, res) = match is_anew {
                true => (RecordType::DAEMON_ERR, "seal-anew", "failed"),
                false => (RecordType::DAEMON_CONFIG, "seal-begin", "success"),
            };
            Some((kind, format!("op={op} public_key={public_key} checkpoint={checkpoint} res={res}")))
        }
        Notice::Opened { checkpoint, .. } => Some(checkpoint_note(*checkpoint)),
        _ => None,
    }
}

fn checkpoint_note(checkpoint: Checkpoint) -> Note {
    (RecordType::DAEMON_CONFIG, format!("op=checkpoint checkpoint={checkpoint} res=success"))
}
