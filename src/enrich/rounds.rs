//! Whether a pid may have been given again.
//!
//! The kernel gives pids in ascending order and begins anew at the end (`alloc_pid`, kernel/pid.c). So a pid that a
//! process was seen to have is its own until the pid that was given last has passed it again, whatever is heard of the
//! process in between. The last one is looked at often enough that no round is missed.

use std::time::{Duration, Instant};

/// How often the pid that was given last is looked at. A round of the least usual number of pids, 32,768, takes longer.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// After this time without a look another round may have been made.
const GAP_MAX: Duration = Duration::from_secs(2);

/// How far the giving of pids has come: the round in the high half, the last pid in the low half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(pub(super) u64);

impl Position {
    pub(super) fn new(round: u32, last_pid: u32) -> Position {
        Position(u64::from(round) << 32 | u64::from(last_pid))
    }

    /// Whether `pid`, which a process had at this position, may be another's at the position `now`.
    pub(super) fn may_be_given_again(self, pid: u32, now: Position) -> bool {
        let (round, last) = (self.0 >> 32, self.0 & u64::from(u32::MAX));
        // Those up to the last one were given in this round at latest, the others in the one before.
        let next = if u64::from(pid) <= last { round + 1 } else { round };
        now.0 >= next << 32 | u64::from(pid)
    }

    /// The position when `pid` has just been given, if this was seen last.
    pub(super) fn with_new(self, pid: u32) -> Position {
        let given = Position(self.0 >> 32 << 32 | u64::from(pid));
        self.max(given)
    }
}

/// Counts the rounds.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    round: u32,
    last: u32,
    at: Option<Instant>,
}

impl Rounds {
    /// Takes in the pid that was given last.
    pub(super) fn saw(&mut self, last_pid: u32, now: Instant) -> Position {
        let gap = self.at.is_some_and(|at| now.saturating_duration_since(at) > GAP_MAX);
        if gap || last_pid < self.last {
            self.round = self.round.saturating_add(1);
        }
        (self.last, self.at) = (last_pid, Some(now));
        Position::new(self.round, last_pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_given_again_only_when_the_last_one_has_passed_it() {
        let at = Position::new;
        for (seen, pid, now, may) in [
            (at(0, 100), 100, at(0, 100), false),
            (at(0, 100), 100, at(0, 30_000), false),
            (at(0, 100), 100, at(1, 99), false),
            (at(0, 100), 100, at(1, 100), true),
            (at(0, 100), 100, at(3, 1), true),
            // A process of the round before.
            (at(5, 100), 200, at(5, 199), false),
            (at(5, 100), 200, at(5, 200), true),
            (at(5, 100).with_new(200), 200, at(5, 200), false),
            (at(5, 100).with_new(200), 200, at(6, 200), true),
            (at(5, 100).with_new(50), 50, at(6, 49), false),
        ] {
            assert_eq!(seen.may_be_given_again(pid, now), may, "{seen:?} {pid} {now:?}");
        }
    }

    #[test]
    fn rounds_are_counted_and_none_is_missed() {
        let (mut rounds, begun) = (Rounds::default(), Instant::now());
        for (seconds, last, expected) in [
            (0, 500, (0, 500)),
            (1, 600, (0, 600)),
            (2, 400, (1, 400)),
            (3, 400, (1, 400)),
            (6, 401, (2, 401)),
        ] {
            let position = rounds.saw(last, begun + Duration::from_secs(seconds));
            assert_eq!(position, Position::new(expected.0, expected.1));
        }
    }
}
