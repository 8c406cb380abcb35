//! Serial numbers that never came.
//!
//! The kernel numbers events without holes, but they come out of order: an event's number is taken when its first
//! record is made, and its records may wait. So a number counts as missing only after a while.

use std::collections::BTreeMap;

/// Milliseconds after which a serial number that has not come is counted as missing: longer than the kernel holds a
/// producer back by default in ktrail (see the daemon's configuration).
pub const PATIENCE_MS: u64 = 10_000;
/// Ranges of missing numbers that are waited for at once; with more, the oldest is counted at once.
const RANGES_MAX: usize = 4096;
/// A jump of more numbers than this is another boot's count or another kernel, not a loss that could be told in numbers.
const JUMP_MAX: u32 = 1 << 30;

/// Serial numbers found missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many.
    pub count: u64,
    /// The lowest of them.
    pub first_serial: u32,
    /// The highest of them.
    pub last_serial: u32,
    /// When the first hole was noticed, in the milliseconds of [`Gaps::seen`].
    pub since_ms: u64,
    /// When the last was.
    pub until_ms: u64,
}

/// Numbers given up: how many, the lowest and the highest, and when the first and the last hole was noticed.
#[derive(Clone, Copy, Debug)]
struct Overdue {
    count: u64,
    numbers: (u64, u64),
    noticed: (u64, u64),
}

/// Watches the serial numbers that come.
#[derive(Debug, Default)]
pub struct Gaps {
    /// The highest number so far, counted on over the 32-bit wrap.
    highest: Option<u64>,
    /// Ranges waited for: first number → (last number, since when).
    waiting: BTreeMap<u64, (u64, u64)>,
    overdue: Option<Overdue>,
}

impl Gaps {
    /// Notes that a number came.
    pub fn seen(&mut self, serial: u32, now_ms: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(u64::from(serial) + (1 << 32));
            return;
        };
        let low = u32::try_from(highest & u64::from(u32::MAX)).unwrap_or(0);
        let ahead = serial.wrapping_sub(low);
        if ahead == 0 {
        } else if ahead <= JUMP_MAX {
            let number = highest + u64::from(ahead);
            if ahead > 1 {
                self.wait(highest + 1, number - 1, now_ms);
            }
            self.highest = Some(number);
        } else if let Some(number) = highest.checked_sub(u64::from(ahead.wrapping_neg())) {
            self.found(number);
        }
    }

    /// What has been waited for long enough, taken together.
    pub fn tick(&mut self, now_ms: u64) -> Option<Missing> {
        let over = |since: u64| now_ms.saturating_sub(since) >= PATIENCE_MS;
        let late: Vec<u64> =
            self.waiting.iter().filter(|(_, range)| over(range.1)).map(|(first, _)| *first).collect();
        for first in late {
            if let Some((last, since)) = self.waiting.remove(&first) {
                self.give_up(first, last, since);
            }
        }
        let Overdue { count, numbers: (first, last), noticed: (since_ms, until_ms) } = self.overdue.take()?;
        let serial = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
        Some(Missing { count, first_serial: serial(first), last_serial: serial(last), since_ms, until_ms })
    }

    fn wait(&mut self, first: u64, last: u64, now_ms: u64) {
        if self.waiting.len() >= RANGES_MAX
            && let Some((first, (last, since))) = self.waiting.pop_first()
        {
            self.give_up(first, last, since);
        }
        self.waiting.insert(first, (last, now_ms));
    }

    fn found(&mut self, number: u64) {
        let Some((&first, &(last, since))) = self.waiting.range(..=number).next_back() else { return };
        if number > last {
            return;
        }
        self.waiting.remove(&first);
        if first < number {
            self.waiting.insert(first, (number - 1, since));
        }
        if number < last {
            self.waiting.insert(number + 1, (last, since));
        }
    }

    fn give_up(&mut self, first: u64, last: u64, since: u64) {
        let new = Overdue { count: 0, numbers: (first, last), noticed: (since, since) };
        let overdue = self.overdue.get_or_insert(new);
        overdue.count += last - first + 1;
        overdue.numbers = (overdue.numbers.0.min(first), overdue.numbers.1.max(last));
        overdue.noticed = (overdue.noticed.0.min(since), overdue.noticed.1.max(since));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(serials: &[u32], expected: Option<(u64, u32, u32)>) {
        let mut gaps = Gaps::default();
        for &serial in serials {
            gaps.seen(serial, 0);
        }
        assert_eq!(gaps.tick(PATIENCE_MS - 1), None);
        let found =
            gaps.tick(PATIENCE_MS).map(|missing| (missing.count, missing.first_serial, missing.last_serial));
        assert_eq!(found, expected, "{serials:?}");
        assert_eq!(gaps.tick(u64::MAX), None, "told once");
    }

    #[test]
    fn only_numbers_that_never_come_are_missing() {
        check(&[], None);
        check(&[7, 8, 8, 9], None);
        check(&[7, 10], Some((2, 8, 9)));
        check(&[7, 12, 9, 9], Some((3, 8, 11)));
        check(&[7, 9, 8], None);
        check(&[7, 10, 9, 8], None);
        check(&[u32::MAX, 0, 1], None);
        check(&[u32::MAX, 2], Some((2, 0, 1)));
        check(&[u32::MAX - 1, 0, u32::MAX], None);
        check(&[5, 3, 2, 6], None);
        check(&[3_000_000_000, 5, 6], None);
    }

    #[test]
    fn what_is_waited_for_is_bounded() {
        let mut gaps = Gaps::default();
        for number in 0..2 * u32::try_from(RANGES_MAX).expect("fits") + 10 {
            gaps.seen(number * 2, 0);
        }
        assert!(gaps.waiting.len() <= RANGES_MAX);
        assert!(gaps.tick(0).is_some_and(|missing| missing.count > 0));
    }
}
