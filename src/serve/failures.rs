//! Failures that a caller can bring about as often as he likes: the diagnostics are told of them now and then, with how
//! many there were.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::limits::REFUSALS_SECONDS;

/// Failures of one kind.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    told: Option<Instant>,
    untold: u64,
}

impl Failures {
    /// Counts one; where it is to be told, how many there were since the last that was, itself counted.
    pub(super) fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.untold += 1;
        let is_due = |told: Instant| now.duration_since(told) >= Duration::from_secs(REFUSALS_SECONDS);
        counted.told.is_none_or(is_due).then(|| {
            counted.told = Some(now);
            std::mem::take(&mut counted.untold)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_are_told_in_few_words_and_all_counted() {
        let (failures, begun) = (Failures::default(), Instant::now());
        let told = |second| failures.count(begun + Duration::from_secs(second));
        assert_eq!(told(0), Some(1));
        assert!((0..1000).all(|_| told(REFUSALS_SECONDS - 1).is_none()));
        assert_eq!(told(REFUSALS_SECONDS), Some(1001));
        assert_eq!(told(REFUSALS_SECONDS), None);
    }
}
