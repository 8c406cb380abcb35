//! Counts by value.

use hashbrown::HashMap;

/// Different values that are counted by themselves. A hostile log may hold a new value in each event; those that come
/// after so many are counted together.
pub const VALUES_MAX: usize = 1 << 20;

/// How often each value came.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: HashMap<Vec<u8>, Count, foldhash::fast::RandomState>,
    others: u64,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    count: u64,
    /// The place of the value among all values, by their first time.
    place: usize,
}

impl Tally {
    /// Counts a value once.
    pub fn add(&mut self, value: &[u8]) {
        self.add_count(value, 1);
    }

    /// Counts a value so many times.
    pub fn add_count(&mut self, value: &[u8], count: u64) {
        let place = self.counts.len();
        if let Some(known) = self.counts.get_mut(value) {
            known.count += count;
        } else if place < VALUES_MAX {
            self.counts.insert(value.to_vec(), Count { count, place });
        } else {
            self.others += count;
        }
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How often values came for which there was no room.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The values with their counts, most frequent first; those of one count in the order in which they first came.
    pub fn most_frequent(&self) -> Vec<(&[u8], u64)> {
        let mut all: Vec<_> = self.counts.iter().collect();
        all.sort_unstable_by_key(|(_, count)| (std::cmp::Reverse(count.count), count.place));
        all.into_iter().map(|(value, count)| (value.as_slice(), count.count)).collect()
    }
}
