//! What became of the look-ups, counted. Shared between the threads that look up and those that tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start, for each kind of look-up.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Names of users and groups.
    pub names: Arc<Tally>,
    /// Processes and their login sessions.
    pub processes: Arc<Tally>,
    /// Hashes of executables.
    pub executables: Arc<Tally>,
}

/// Counts of one kind of look-up.
#[derive(Debug, Default)]
pub struct Tally {
    /// Times that the fact was in memory. Of an executable: that its file need not be read, although it was asked for.
    pub known: AtomicU64,
    /// Questions that the host was asked.
    pub asked: AtomicU64,
    /// Answers that came.
    pub answered: AtomicU64,
    /// Answers that told nothing: an id without a name; a process that is gone or whose files may not be read.
    pub absent: AtomicU64,
    /// Times that an event went without a fact because the answer was not there in time.
    pub late: AtomicU64,
    /// Times that an event went without a fact because [`super::asked::QUESTIONS_MAX`] questions were waiting.
    pub refused: AtomicU64,
    /// Facts that were forgotten to make room for others.
    pub forgotten: AtomicU64,
}

impl Tally {
    /// Adds one to a count. Each has one thread that adds to it, so that this takes no locked instruction.
    #[inline]
    pub(super) fn one(count: &AtomicU64) {
        count.store(Tally::read(count).wrapping_add(1), Ordering::Relaxed);
    }

    /// Reads a count.
    #[inline]
    pub fn read(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }
}
