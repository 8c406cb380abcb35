//! What the store and its thread that signs tell each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::checkpoint::Checkpoint;
use crate::store::cache::lock;

/// How long signing may fail before retention goes on without: a full disk must not stay full because of it.
const FAILING_MAX: Duration = Duration::from_secs(60);

/// How far the signing of a log has come; clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Signed(pub(in crate::store) Option<Arc<Signing>>);

impl Signed {
    /// The last record that was signed; `None` where there is none yet, or nothing is ever signed.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.0.as_ref().and_then(|signing| *lock(&signing.checkpoint))
    }
}

/// What the store asks of its thread that signs, and what that has done.
#[derive(Debug, Default)]
pub(in crate::store) struct Signing {
    /// The lowest number of a segment that retention wants to keep.
    wanted_first: AtomicU64,
    /// The same, as it is signed.
    signed_first: AtomicU64,
    /// The segment about which statements are made: those before it are complete.
    segment: AtomicU64,
    failing: Mutex<Option<Instant>>,
    checkpoint: Mutex<Option<Checkpoint>>,
}

impl Signing {
    /// Whether all that will be stated about a segment has been.
    pub(in crate::store) fn is_complete(&self, segment: u64) -> bool {
        segment < self.segment.load(Ordering::Acquire) || self.has_failed_long()
    }

    /// Retention has taken out a segment and wants that stated.
    pub(in crate::store) fn want_removed(&self, segment: u64) {
        self.wanted_first.fetch_max(segment.saturating_add(1), Ordering::AcqRel);
    }

    /// Whether it is signed that a segment was removed by retention, so that its files may go.
    pub(in crate::store) fn may_remove(&self, segment: u64) -> bool {
        segment < self.signed_first.load(Ordering::Acquire) || self.has_failed_long()
    }

    fn has_failed_long(&self) -> bool {
        lock(&self.failing).is_some_and(|since| since.elapsed() >= FAILING_MAX)
    }

    pub(super) fn wanted_first(&self) -> u64 {
        self.wanted_first.load(Ordering::Acquire)
    }

    pub(super) fn signed(&self, first: u64, checkpoint: Checkpoint) {
        self.signed_first.store(first, Ordering::Release);
        self.segment.store(checkpoint.segment, Ordering::Release);
        *lock(&self.checkpoint) = Some(checkpoint);
    }

    pub(super) fn told(&self, has_failed: bool) {
        let mut failing = lock(&self.failing);
        *failing = if has_failed { failing.or_else(|| Some(Instant::now())) } else { None };
    }
}
