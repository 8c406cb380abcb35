//! How many events there were in each stretch of time.

use std::collections::BTreeMap;

/// Stretches that are kept apart. With more, some become one, so that any log gives a histogram in bounded memory.
pub const STRETCHES_MAX: usize = 4096;

/// Lengths of a stretch in milliseconds that are whole for people, from a second to a day.
const LENGTHS: [u64; 14] = [
    1_000,
    5_000,
    15_000,
    30_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
];

/// The next length that each two or more stretches of this one fit into.
fn longer(length_ms: u64) -> u64 {
    let mut whole =
        LENGTHS.into_iter().filter(|length| *length > length_ms && length.is_multiple_of(length_ms));
    whole.next().unwrap_or(length_ms.saturating_mul(2))
}

/// A histogram over time.
#[derive(Clone, Debug)]
pub struct Timeline {
    length_ms: u64,
    counts: BTreeMap<u64, Count>,
}

/// What there was in one stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All events.
    pub events: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Timeline {
    /// With stretches of that length, which grow only when there are more than [`STRETCHES_MAX`].
    pub fn new(length_ms: u64) -> Timeline {
        Timeline { length_ms: length_ms.max(1), counts: BTreeMap::new() }
    }

    /// Counts an event.
    pub fn take(&mut self, time_ms: u64, failed: bool) {
        let count = self.counts.entry(time_ms / self.length_ms).or_default();
        count.events += 1;
        count.failed += u64::from(failed);
        while self.counts.len() > STRETCHES_MAX {
            self.lengthen(longer(self.length_ms));
        }
    }

    /// Makes the stretches so long that there are at most so many from the first to the last, in lengths that are whole
    /// for people where there are such.
    pub fn fit(&mut self, stretches: usize) {
        let Some((first, last)) = self.ends() else { return };
        let stretches = stretches.max(1) as u64;
        let mut length = self.length_ms;
        while last / length - first / length >= stretches {
            length = longer(length);
        }
        if length > self.length_ms {
            self.lengthen(length);
        }
    }

    /// The length of a stretch in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.length_ms
    }

    /// Every stretch from the first to the last with its beginning in milliseconds since 1970, empty ones too. No more
    /// than so many of these.
    pub fn stretches(&self, max: usize) -> Vec<(u64, Count)> {
        let (Some((first, _)), Some((last, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Vec::new();
        };
        let count = |place: u64| self.counts.get(&place).copied().unwrap_or_default();
        (*first..=*last).take(max).map(|place| (place * self.length_ms, count(place))).collect()
    }

    /// The beginning of the first stretch and of the last.
    fn ends(&self) -> Option<(u64, u64)> {
        let ((first, _), (last, _)) = (self.counts.first_key_value()?, self.counts.last_key_value()?);
        Some((first * self.length_ms, last * self.length_ms))
    }

    fn lengthen(&mut self, length_ms: u64) {
        let mut counts: BTreeMap<u64, Count> = BTreeMap::new();
        for (place, count) in &self.counts {
            let joined = counts.entry(place * self.length_ms / length_ms).or_default();
            joined.events += count.events;
            joined.failed += count.failed;
        }
        (self.counts, self.length_ms) = (counts, length_ms);
    }
}
