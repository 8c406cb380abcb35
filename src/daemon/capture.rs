//! The two threads that carry the data: one receives from the kernel, one makes entries and stores them.
//!
//! Between them is a ring of messages in memory that outlives the process. When it is full the receiver waits, the socket's
//! buffer fills, then the kernel's queue, and at last the kernel holds producers back. Nothing is dropped on the way. A
//! message leaves the ring for good when its event has been written to the log's file, so what a process had received
//! when it was killed is found by the next one.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver as Channel, Sender, bounded};

use super::drift::Reports;
use super::log::Log;
use super::receive::{self, Ends};
use super::recover::Known;
use super::space::Space;
use super::storer::Storer;
use crate::enrich::Enricher;
use crate::entry::Resolve;
use crate::ingest::Ingest;
use crate::ingest::counters::Counters;
use crate::netlink::error::Error;
use crate::netlink::events::Events;
use crate::netlink::takeover::Successor;
use crate::record::RecordType;
use crate::serve::live::Live;
use crate::store::Store;
use crate::sys::ring::{Reader, Writer};

/// Messages that are received, and dealt with, in one go.
pub(super) const BATCH_MESSAGES: u64 = 512;
/// Events of the daemon's own, and other work, that may wait.
const WORK_MAX: usize = 64;

/// What the storing thread gets, besides the messages in the ring.
pub(super) enum Work {
    /// There are messages.
    Messages,
    /// An event of the daemon's own.
    Own {
        /// Its type, of the daemon's range.
        kind: RecordType,
        /// Its text.
        body: String,
    },
    /// A new segment of the log is wanted.
    Rotate,
    /// What the next process is to know of this one's changes in the kernel.
    State(Vec<u8>),
}

/// Whence the kernel's messages come.
pub(super) enum Source {
    /// The socket that this process has registered.
    Registered(Events),
    /// A socket that a process which has ended had registered.
    Kept {
        /// The socket.
        socket: OwnedFd,
        /// What takes its place.
        successor: Box<Successor>,
    },
}

/// What the storing thread works with.
pub(super) struct Storing {
    pub(super) ingest: Ingest,
    pub(super) store: Store,
    pub(super) live: Live,
    pub(super) space: Space,
    /// What of the messages an earlier process left in the ring is in the log.
    pub(super) known: Known,
    /// Where the kernel's reports of changed rules go.
    pub(super) reports: Reports,
}

/// The threads of the data.
pub(super) struct Capture {
    stop: Arc<AtomicBool>,
    /// With `stop`: what is there is left to the next process.
    leave: Arc<AtomicBool>,
    /// How often the receiver has gone round.
    rounds: Arc<AtomicU64>,
    work: Sender<Work>,
    /// Gets the registered socket, or why there is none.
    registered: Channel<Result<OwnedFd, Error>>,
    receiver: JoinHandle<Option<Events>>,
    storer: JoinHandle<Store>,
}

impl Capture {
    /// Begins to receive and to store.
    pub(super) fn start(
        source: Source,
        (writer, reader): (Writer, Reader),
        storing: Storing,
        counters: Arc<Counters>,
    ) -> std::io::Result<Capture> {
        let stop = Arc::new(AtomicBool::new(false));
        let leave = Arc::new(AtomicBool::new(false));
        let bell = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicU64::new(0));
        let (work, to_do) = bounded(WORK_MAX);
        let (tell, registered) = bounded(1);
        let storer = {
            let counters = counters.clone();
            let log = Log::new(storing.store, storing.live, counters.clone(), stop.clone(), storing.space);
            let (ingest, known, reports) = (storing.ingest, storing.known, storing.reports);
            let (bell, leave) = (bell.clone(), leave.clone());
            thread::Builder::new().name("store".into()).spawn(move || {
                let mut storer =
                    Storer { ingest, log, ring: reader, reports, counters, begun: Instant::now() };
                storer.recover(known);
                storer.run(&to_do, &bell);
                storer.end(leave.load(Ordering::Acquire))
            })?
        };
        let receiver = {
            let (stop, leave, work) = (stop.clone(), leave.clone(), work.clone());
            let rounds = rounds.clone();
            thread::Builder::new().name("receive".into()).spawn(move || {
                let mut receiver = match receive::begin(source, writer, &counters) {
                    Ok(receiver) => receiver,
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return None;
                    }
                };
                let descriptor = receiver.descriptor();
                let _ = tell.send(descriptor);
                receive::receive(
                    &mut receiver,
                    &Ends { stop: &stop, leave: &leave },
                    &rounds,
                    &work,
                    &bell,
                    &counters,
                );
                Some(receiver.into_events())
            })?
        };
        Ok(Capture { stop, leave, rounds, work, registered, receiver, storer })
    }

    /// Waits until this process is registered, and gives the socket's descriptor.
    pub(super) fn registered(&self) -> Result<OwnedFd, Error> {
        self.registered.recv().map_err(|_| Error::Ended)?
    }

    /// Where to send events of the daemon's own.
    pub(super) fn work(&self) -> Sender<Work> {
        self.work.clone()
    }

    /// Whether both threads are at work.
    pub(super) fn is_running(&self) -> bool {
        !self.receiver.is_finished() && !self.storer.is_finished()
    }

    /// How often the receiver has gone round, which it does ten times a second at least.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Takes in what the kernel has still sent, stores it, and ends the threads. To be called when nothing new comes.
    pub(super) fn stop(self, last_words: String) -> Option<Store> {
        self.stop.store(true, Ordering::Release);
        let _ = self.receiver.join();
        let _ = self.work.send(Work::Own { kind: RecordType::DAEMON_END, body: last_words });
        drop(self.work);
        self.storer.join().ok()
    }

    /// Ends the threads, and leaves what the kernel has sent and unfinished events to the next process.
    pub(super) fn leave(self) -> Option<(Store, Events)> {
        self.leave.store(true, Ordering::Release);
        self.stop.store(true, Ordering::Release);
        let events = self.receiver.join().ok().flatten()?;
        drop(self.work);
        Some((self.storer.join().ok()?, events))
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

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
