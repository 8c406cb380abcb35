//! The two threads that carry the data: one receives from the kernel, one makes entries and stores them.
//!
//! Batches go round between them: when all are full the receiver waits, the socket's buffer fills, then the kernel's
//! queue, and at last the kernel holds producers back. Nothing is dropped on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::enrich::Enricher;
use crate::entry::Resolve;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now, Sink};
use crate::netlink::batch::Batch;
use crate::netlink::events::Events;
use crate::record::RecordType;
use crate::record::stamp::EventId;
use crate::serve::live::Live;
use crate::store::term::Terms;
use crate::store::{Stamp, Store};

/// Batches that go round. At 64 messages of about 300 bytes each they hold some 5 MB; the socket's buffer holds more.
const BATCHES: usize = 256;
/// How often time is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);

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
            let stop = stop.clone();
            let log = Log { store, live, counters, stop: stop.clone(), failing: false };
            thread::Builder::new()
                .name("store".into())
                .spawn(move || storing(ingest, log, &to_do, &give_back))?
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
    spare: &Receiver<Batch>,
    counters: &Counters,
) {
    let mut events = events.into_receiver();
    loop {
        let Ok(mut batch) = spare.recv() else { return };
        batch.clear();
        let stopping = stop.load(Ordering::Acquire);
        let received = match stopping {
            true => events.drain(&mut batch),
            false => events.receive(&mut batch),
        };
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

fn storing(mut ingest: Ingest, mut log: Log, to_do: &Receiver<Work>, give_back: &Sender<Batch>) -> Store {
    let begun = Instant::now();
    let now = || Now { mono_ms: milliseconds(begun.elapsed()), wall_ms: wall_ms() };
    let mut ticked = begun;
    loop {
        match to_do.recv_timeout(TICK) {
            Ok(Work::Batch(batch)) => {
                let now = now();
                batch.messages().for_each(|(kind, payload)| ingest.message(kind, payload, now, &mut log));
                let _ = give_back.try_send(batch);
            }
            Ok(Work::Own { kind, body }) => ingest.own_event(kind, body.as_bytes(), now(), &mut log),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if to_do.is_empty() {
            log.flush();
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            ingest.tick(now(), &mut log);
            log.tick();
        }
    }
    ingest.finish(&mut log);
    log.flush();
    log.store
}

/// The store, and those who follow.
struct Log {
    store: Store,
    live: Live,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    failing: bool,
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
                    // A line that can never be stored must not hold up those after it.
                    let hopeless = matches!(error, crate::store::Error::LineRefused { .. });
                    if hopeless || self.stop.load(Ordering::Acquire) {
                        Counters::add(&self.counters.dropped, 1);
                        return;
                    }
                    // Hold: what the kernel sends meanwhile waits in its queue.
                    thread::sleep(RETRY);
                    let _ = self.store.flush();
                }
            }
        }
        Counters::add(&self.counters.stored, 1);
        self.live.publish(line, terms);
    }
}

impl Log {
    fn flush(&mut self) {
        let flushed = self.store.flush();
        self.told(flushed);
    }

    fn tick(&mut self) {
        let ticked = self.store.tick(SystemTime::now());
        self.told(ticked);
        for notice in self.store.notices() {
            tracing::info!("{notice:?}");
        }
    }

    fn told(&mut self, result: Result<(), crate::store::Error>) {
        match result {
            Err(error) => self.failed(&error),
            Ok(()) if std::mem::take(&mut self.failing) => tracing::info!("the log is being written again"),
            Ok(()) => {}
        }
    }

    /// Tells of a failure once, until it is over.
    fn failed(&mut self, error: &crate::store::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            let cause =
                std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            tracing::error!(
                "{error}{cause}; events are kept in memory and by the kernel, and writing is tried again"
            );
        }
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
