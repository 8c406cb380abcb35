//! The two threads that carry the data: one receives from the kernel, one makes entries and stores them.
//!
//! Batches go round between them: when all are full the receiver waits, the socket's buffer fills, then the kernel's
//! queue, and at last the kernel holds producers back. Nothing is dropped on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::drift::Reports;
use super::log::Log;
use super::space::{self, Space};
use crate::enrich::Enricher;
use crate::entry::Resolve;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now};
use crate::netlink;
use crate::netlink::batch::Batch;
use crate::netlink::events::{Events, Receiver};
use crate::record::RecordType;
use crate::serve::live::Live;
use crate::store::Store;

/// Batches that go round. With [`BATCH_MESSAGES`] of about 200 bytes each they hold some 7 MB; the socket's buffer holds
/// more.
const BATCHES: usize = 64;
/// Messages with which a batch is handed on.
const BATCH_MESSAGES: usize = 512;
/// Bytes with which a batch is handed on.
const BATCH_BYTES: usize = 512 << 10;
/// Messages that come in one go when the kernel is busy.
const BUSY_MESSAGES: usize = 32;
/// How long the receiver of a busy kernel lets messages gather. Waking up for each few of them would cost more processor
/// time than all else; the socket's buffer has room for a hundred times as many as come meanwhile.
const GATHER: Duration = Duration::from_micros(500);
/// How long entries may wait to be written while more come.
const WRITE_AFTER: Duration = Duration::from_millis(1);
/// How often time is looked at.
const TICK: Duration = Duration::from_millis(50);

/// What the storing thread gets.
pub(super) enum Work {
    /// Messages of the kernel.
    Batch(Batch),
    /// An event of the daemon's own.
    Own {
        /// Its type, of the daemon's range.
        kind: RecordType,
        /// Its text.
        body: String,
    },
}

/// The threads of the data.
pub(super) struct Capture {
    stop: Arc<AtomicBool>,
    work: Sender<Work>,
    receiver: JoinHandle<()>,
    storer: JoinHandle<Store>,
}

impl Capture {
    /// Begins to receive and to store.
    pub(super) fn start(
        events: Events,
        ingest: Ingest,
        store: Store,
        live: Live,
        counters: Arc<Counters>,
        space: Space,
        reports: Reports,
    ) -> std::io::Result<Capture> {
        let stop = Arc::new(AtomicBool::new(false));
        let (work, to_do) = bounded(BATCHES + 16);
        let (give_back, spare) = bounded(BATCHES);
        for _ in 0..BATCHES {
            let _ = give_back.send(Batch::default());
        }
        let receiver = {
            let (stop, work, counters) = (stop.clone(), work.clone(), counters.clone());
            thread::Builder::new()
                .name("receive".into())
                .spawn(move || receive(events, &stop, &work, &spare, &counters))?
        };
        let storer = {
            let log = Log::new(store, live, counters, stop.clone(), space);
            thread::Builder::new()
                .name("store".into())
                .spawn(move || storing(ingest, log, &reports, &to_do, &give_back))?
        };
        Ok(Capture { stop, work, receiver, storer })
    }

    /// Where to send events of the daemon's own.
    pub(super) fn work(&self) -> Sender<Work> {
        self.work.clone()
    }

    /// Whether both threads are at work.
    pub(super) fn is_running(&self) -> bool {
        !self.receiver.is_finished() && !self.storer.is_finished()
    }

    /// Takes in what the kernel has still sent, stores it, and ends the threads. To be called when nothing new comes.
    pub(super) fn stop(self, last_words: String) -> Option<Store> {
        self.stop.store(true, Ordering::Release);
        let _ = self.receiver.join();
        let _ = self.work.send(Work::Own { kind: RecordType::DAEMON_END, body: last_words });
        drop(self.work);
        self.storer.join().ok()
    }
}

fn receive(
    events: Events,
    stop: &AtomicBool,
    work: &Sender<Work>,
    spare: &crossbeam_channel::Receiver<Batch>,
    counters: &Counters,
) {
    let mut events = events.into_receiver();
    let mut busy = false;
    loop {
        let Ok(mut batch) = spare.recv() else { return };
        batch.clear();
        let stopping = stop.load(Ordering::Acquire);
        if busy && !stopping {
            thread::sleep(GATHER);
        }
        let received = match stopping {
            true => events.drain(&mut batch),
            false => gather(&mut events, &mut batch),
        };
        busy = batch.len() >= BUSY_MESSAGES && batch.len() < BATCH_MESSAGES;
        Counters::add(&counters.foreign, batch.foreign);
        Counters::add(&counters.truncated, batch.truncated);
        Counters::add(&counters.malformed, batch.malformed);
        match received {
            Ok(0) if stopping => return,
            Ok(count) => Counters::add(&counters.messages, u64::try_from(count).unwrap_or(0)),
            Err(error) => {
                tracing::error!(%error, "receiving has ended");
                return;
            }
        }
        if work.send(Work::Batch(batch)).is_err() {
            return;
        }
    }
}

/// Waits for messages and takes all that are there, up to a full batch.
fn gather(events: &mut Receiver, batch: &mut Batch) -> Result<usize, netlink::error::Error> {
    let mut total = events.receive(batch)?;
    let mut last = total;
    while last > 0 && batch.len() < BATCH_MESSAGES && batch.bytes() < BATCH_BYTES {
        last = events.drain(batch)?;
        total += last;
    }
    Ok(total)
}

fn storing(
    mut ingest: Ingest,
    mut log: Log,
    reports: &Reports,
    to_do: &crossbeam_channel::Receiver<Work>,
    give_back: &Sender<Batch>,
) -> Store {
    let begun = Instant::now();
    let now = || Now { mono_ms: milliseconds(begun.elapsed()), wall_ms: wall_ms() };
    let mut ticked = begun;
    let mut written = begun;
    let mut unwritten = false;
    loop {
        if log.is_holding() {
            // What the kernel sends meanwhile waits in the batches, in the socket's buffer, and in the kernel's queue.
            thread::sleep(TICK);
            tick(&mut ingest, &mut log, now());
            continue;
        }
        match to_do.recv_timeout(if unwritten { WRITE_AFTER } else { TICK }) {
            Ok(Work::Batch(batch)) => {
                let now = now();
                for (kind, payload) in batch.messages() {
                    reports.see(kind, payload);
                    ingest.message(kind, payload, now, &mut log);
                }
                let _ = give_back.try_send(batch);
            }
            Ok(Work::Own { kind, body }) => ingest.own_event(kind, body.as_bytes(), now(), &mut log),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        unwritten = true;
        if to_do.is_empty() && written.elapsed() >= WRITE_AFTER {
            log.flush();
            written = Instant::now();
            unwritten = false;
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            ingest.tick(now(), &mut log);
            tick(&mut ingest, &mut log, now());
        }
    }
    ingest.finish(&mut log);
    log.flush();
    log.into_store()
}

/// Does what time brings, and writes what there is to tell of it before anything is run.
fn tick(ingest: &mut Ingest, log: &mut Log, now: Now) {
    log.tick(now.mono_ms);
    let notes = log.take_notes();
    if !notes.is_empty() {
        for (kind, body) in notes {
            ingest.own_event(kind, body.as_bytes(), now, log);
        }
        log.flush();
    }
    if let Some(command) = log.take_command() {
        space::run(&command);
    }
}

/// Names of this host's ids for the encoder.
pub(super) struct HostNames(pub(super) Enricher);

impl Resolve for HostNames {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.0.user(id, Instant::now())
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.0.group(id, Instant::now())
    }
}

/// No names.
pub(super) struct NoNames;

impl Resolve for NoNames {
    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }

    fn group(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
