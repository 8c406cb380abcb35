//! What becomes of an output, shared between its thread, the tap and those who ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One output's counts, and why it fails.
#[derive(Debug)]
pub struct State {
    name: String,
    kind: &'static str,
    delivered: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicU64,
    waiting_bytes: AtomicU64,
    clients_dropped: AtomicU64,
    failing: Mutex<Option<String>>,
}

/// A moment's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were delivered: handed on in full.
    pub delivered: u64,
    /// Events that were not, because the queue was full or the output could not take them.
    pub dropped: u64,
    /// Events that wait.
    pub waiting: u64,
    /// Bytes of these.
    pub waiting_bytes: u64,
    /// Consumers that were let go because they were too slow.
    pub clients_dropped: u64,
}

impl State {
    pub(super) fn new(name: String, kind: &'static str) -> State {
        State {
            name,
            kind,
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            waiting_bytes: AtomicU64::new(0),
            clients_dropped: AtomicU64::new(0),
            failing: Mutex::new(None),
        }
    }

    /// The output's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, by its name in the configuration.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The numbers of now.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            delivered: read(&self.delivered),
            dropped: read(&self.dropped),
            waiting: read(&self.waiting),
            waiting_bytes: read(&self.waiting_bytes),
            clients_dropped: read(&self.clients_dropped),
        }
    }

    /// Why nothing is delivered at present.
    pub fn failing(&self) -> Option<String> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An entry of so many bytes goes into the queue.
    pub(super) fn queued(&self, bytes: u64) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has left the queue, delivered or not.
    pub(super) fn done(&self, bytes: u64, delivered: bool) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if delivered {
            self.delivered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.dropped();
        }
    }

    /// An event is not delivered.
    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// A consumer was too slow.
    pub(super) fn client_dropped(&self) {
        self.clients_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Says why nothing is delivered, or that all is well. Tells the daemon's own log when that changes.
    pub(super) fn set_failing(&self, cause: Option<String>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*failing, &cause) {
            (None, Some(cause)) => tracing::error!("output {}: {cause}", self.name),
            (Some(_), None) => tracing::info!("output {}: delivers again", self.name),
            _ => {}
        }
        *failing = cause;
    }
}

/// When the outputs are to end.
#[derive(Debug, Default)]
pub(super) struct Stop {
    when: Mutex<Option<Instant>>,
    known: Condvar,
}

impl Stop {
    /// At latest then.
    pub(super) fn at(&self, when: Instant) {
        *self.when.lock().unwrap_or_else(PoisonError::into_inner) = Some(when);
        self.known.notify_all();
    }

    /// The latest moment, once it is known.
    pub(super) fn when(&self) -> Option<Instant> {
        *self.when.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, waited for so long at most.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Instant> {
        let when = self.when.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.known.wait_timeout_while(when, at_most, |when| when.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.when().is_some_and(|when| Instant::now() >= when)
    }
}
