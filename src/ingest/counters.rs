//! What has passed through, counted. Shared between the thread that counts and those that tell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::shed::account::Account;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages received from the kernel.
    pub messages: AtomicU64,
    /// Messages dropped because they did not come from the kernel.
    pub foreign: AtomicU64,
    /// Messages longer than the room for one.
    pub truncated: AtomicU64,
    /// Records taken in.
    pub records: AtomicU64,
    /// Events made of them.
    pub events: AtomicU64,
    /// Events stored.
    pub stored: AtomicU64,
    /// Late parts of events.
    pub late: AtomicU64,
    /// Records whose stamp could not be read.
    pub malformed: AtomicU64,
    /// Serial numbers that never came.
    pub gaps: AtomicU64,
    /// Messages that the kernel says it has lost since this daemon started.
    pub lost: AtomicU64,
    /// Events that were left out because more came than could be stored.
    pub shed: AtomicU64,
    /// The same by type and key; without the serial numbers.
    shed_by: Mutex<Account>,
    /// For how long the kernel has held producers back since this daemon started, in its clock ticks.
    pub held_ticks: AtomicU64,
    /// Events that could not be stored.
    pub dropped: AtomicU64,
    /// Bytes of messages that wait between receiving and storing now.
    pub waiting: AtomicU64,
    /// Bytes of messages now whose events are made and not all written to the log's file.
    pub unwritten: AtomicU64,
    /// Events that wait for their last record now.
    pub open: AtomicU64,
}

impl Counters {
    /// Adds to what was left out by type and key.
    pub(super) fn add_shed(&self, mut account: Account) {
        account.forget_serials();
        self.shed_by.lock().unwrap_or_else(PoisonError::into_inner).merge(&account);
    }

    /// What was left out by type and key.
    pub fn shed_by(&self) -> Account {
        self.shed_by.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, count: u64) {
        if count > 0 {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Sets what is no count but a depth of now.
    pub fn set(depth: &AtomicU64, now: u64) {
        depth.store(now, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
