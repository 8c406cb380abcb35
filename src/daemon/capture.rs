//! The two threads that carry the data: one receives from the kernel, one makes entries and stores them.
//!
//! Between them is a ring of messages in memory that outlives the process. When it is full the receiver waits, the socket's
//! buffer fills, then the kernel's queue, and at last the kernel holds producers back. Nothing is dropped on the way, unless
//! the overload policy asks that the least valuable events be left out before the ring is full. A message leaves the ring
//! for good when its event has been written to the log's file, so what a process had received when it was killed is found
//! by the next one.

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
use super::shed;
use super::space::Space;
use super::storer::Storer;
use crate::config::Overload;
use crate::ingest::counters::Counters;
use crate::ingest::{Ingest, Now};
use crate::netlink::error::Error;
use crate::netlink::events::Events;
use crate::netlink::takeover::Successor;
use crate::outputs::tap::Tap;
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

impl Source {
    /// What an event of the daemon's own calls the beginning with a source that was there before.
    pub(super) fn op(&self) -> &'static str {
        match self {
            Source::Registered(_) => "reload",
            Source::Kept { .. } => "take-over",
        }
    }
}

/// What the storing thread works with.
pub(super) struct Storing {
    pub(super) ingest: Ingest,
    pub(super) store: Store,
    pub(super) live: Live,
    /// The way to the outputs.
    pub(super) tap: Tap,
    pub(super) space: Space,
    /// What of the messages an earlier process left in the ring is in the log.
    pub(super) known: Known,
    /// Where the kernel's reports of changed rules go.
    pub(super) reports: Reports,
}

/// The thread that receives.
pub(super) struct Receiving {
    ends: Arc<Ends>,
    bell: Arc<AtomicBool>,
    /// How often the receiver has gone round.
    rounds: Arc<AtomicU64>,
    work: Sender<Work>,
    /// Gets the registered socket, or why there is none.
    registered: Channel<Result<OwnedFd, Error>>,
    thread: JoinHandle<Option<Events>>,
}

impl Receiving {
    /// Begins to receive. What comes stays in the ring until [`Capture::start`], which is to have the other end too. What of
    /// the kernel's messages is left out while they come faster than they are stored, `overload` says.
    pub(super) fn start(
        source: Source,
        overload: &Overload,
        writer: Writer,
        counters: Arc<Counters>,
    ) -> std::io::Result<(Receiving, Channel<Work>)> {
        let ends = Arc::new(Ends::default());
        let bell = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(AtomicU64::new(0));
        let (work, to_do) = bounded(WORK_MAX);
        let (tell, registered) = bounded(1);
        let thread = {
            let (ends, bell, work) = (ends.clone(), bell.clone(), work.clone());
            let rounds = rounds.clone();
            let overload = overload.clone();
            thread::Builder::new().name("receive".into()).spawn(move || {
                let gate = shed::gate(&overload, &counters);
                let mut receiver = match receive::begin(source, writer, gate, &ends, &counters) {
                    Ok(receiver) => receiver,
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return None;
                    }
                };
                let descriptor = receiver.descriptor();
                let _ = tell.send(descriptor);
                receive::receive(&mut receiver, &ends, &rounds, &work, &bell, &counters);
                receive::settle(&mut receiver, &ends);
                Some(receiver.into_events())
            })?
        };
        Ok((Receiving { ends, bell, rounds, work, registered, thread }, to_do))
    }

    /// Ends the thread, and leaves what the kernel has sent since to whoever has the socket next.
    pub(super) fn leave(self) -> Option<Events> {
        self.ends.leave.store(true, Ordering::Release);
        self.thread.join().ok().flatten()
    }
}

/// The threads of the data.
pub(super) struct Capture {
    receiving: Receiving,
    storer: JoinHandle<Store>,
}

impl Capture {
    /// Begins to store what is received.
    pub(super) fn start(
        (receiving, to_do): (Receiving, Channel<Work>),
        reader: Reader,
        storing: Storing,
        counters: Arc<Counters>,
    ) -> std::io::Result<Capture> {
        let Storing { ingest, store, live, tap, space, known, reports } = storing;
        let storer = {
            let (ends, bell) = (receiving.ends.clone(), receiving.bell.clone());
            let log = Log::new(store, (live, tap), counters.clone(), ends.clone(), space);
            thread::Builder::new().name("store".into()).spawn(move || {
                let (begun, reached) = (Instant::now(), Now::default());
                let mut storer = Storer { ingest, log, ring: reader, reports, counters, begun, reached };
                storer.recover(known);
                storer.run(&to_do, &bell, &ends);
                storer.end(&ends)
            })?
        };
        receiving.ends.storing.store(true, Ordering::Release);
        Ok(Capture { receiving, storer })
    }

    /// Waits until this process is registered, and gives the socket's descriptor.
    pub(super) fn registered(&self) -> Result<OwnedFd, Error> {
        self.receiving.registered.recv().map_err(|_| Error::Ended)?
    }

    /// Where to send events of the daemon's own.
    pub(super) fn work(&self) -> Sender<Work> {
        self.receiving.work.clone()
    }

    /// Whether both threads are at work.
    pub(super) fn is_running(&self) -> bool {
        !self.receiving.thread.is_finished() && !self.storer.is_finished()
    }

    /// How often the receiver has gone round, which it does ten times a second at least.
    pub(super) fn rounds(&self) -> u64 {
        self.receiving.rounds.load(Ordering::Relaxed)
    }

    /// Takes in what the kernel has still sent, stores it, and ends the threads. To be called when nothing new comes.
    pub(super) fn stop(self, last_words: String) -> Option<Store> {
        let Receiving { ends, work, thread, .. } = self.receiving;
        ends.stop.store(true, Ordering::Release);
        let _ = thread.join();
        let _ = work.send(Work::Own { kind: RecordType::DAEMON_END, body: last_words });
        drop(work);
        self.storer.join().ok()
    }

    /// Ends the storing thread, and leaves what is in the ring, and unfinished events, to the next process. It is still
    /// received meanwhile.
    pub(super) fn leave(self) -> Option<(Store, Receiving)> {
        self.receiving.ends.hand_on.store(true, Ordering::Release);
        Some((self.storer.join().ok()?, self.receiving))
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(super) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
