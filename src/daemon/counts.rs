//! The kernel's own counts, watched, and all counts for the status.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::capture::{Work, wall_ms};
use crate::config::Overload;
use crate::enrich::counts::{Counts, Tally};
use crate::ingest::counters::Counters;
use crate::ingest::shed::account;
use crate::netlink::control::Control;
use crate::netlink::status::Status;
use crate::protocol;
use crate::record::RecordType;
use crate::sys::ring::Kept;

/// How often the kernel is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the thread looks whether it is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
/// How long it is tried at the end to have the last changes written into the log.
const LAST_MAX: Duration = Duration::from_secs(1);
/// Samples over which rates are taken: the last 10 seconds.
const SAMPLES: usize = 11;

/// What is known at a moment.
#[derive(Default)]
struct Known {
    kernel: Option<Status>,
    samples: VecDeque<(Instant, u64, u64)>,
}

/// The watcher of the counts.
pub(super) struct Watch {
    known: Arc<Mutex<Known>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Begins to watch. What the kernel had counted when `before` was asked for, or by what an earlier process has told of
    /// it, is not told again; how far this one has come is noted in `kept`.
    pub(super) fn start(
        mut control: Control,
        before: Status,
        kept: &Kept,
        counters: &Arc<Counters>,
        work: Sender<Work>,
    ) -> std::io::Result<Watch> {
        // What is so now: before, the kernel had no daemon.
        let known = Known { kernel: control.status().ok(), ..Known::default() };
        let known = Arc::new(Mutex::new(known));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (known, stop) = (known.clone(), stop.clone());
            let (kept, counters) = (kept.clone(), counters.clone());
            thread::Builder::new().name("watch".into()).spawn(move || {
                let mut changes = Changes::new(&before, kept.told());
                let mut due = Instant::now();
                loop {
                    let stopping = stop.load(Ordering::Acquire);
                    if !stopping && due.elapsed() < INTERVAL {
                        thread::sleep(STOP_INTERVAL);
                        continue;
                    }
                    due = Instant::now();
                    let status = control.status().ok();
                    if let Some(status) = &status {
                        changes.look(status, wall_ms(), &counters);
                    }
                    sample(&known, status, &counters);
                    let send = |body| work.try_send(Work::Own { kind: RecordType::DAEMON_ERR, body }).is_ok();
                    while changes.tell(send) > 0 && stopping && due.elapsed() < LAST_MAX {
                        thread::sleep(STOP_INTERVAL);
                    }
                    kept.set_told(changes.told());
                    if stopping {
                        return;
                    }
                }
            })?
        };
        Ok(Watch { known, stop, thread })
    }

    /// Gives the numbers for a status.
    pub(super) fn source(
        &self,
    ) -> impl Fn() -> (Option<protocol::Kernel>, protocol::Rates) + Send + Sync + use<> {
        let known = self.known.clone();
        move || {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            (known.kernel.as_ref().map(kernel), rates(&known.samples))
        }
    }

    /// Ends the thread.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.join();
    }
}

/// The kernel's counts of which each change is told.
struct Changes {
    lost: Count,
    held: Count,
    /// What was looked at last.
    status: Status,
}

/// A count of the kernel's that only grows, unless somebody sets it back to 0.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// The count when it was looked at last.
    seen: u32,
    /// How much of it is not in the log yet.
    untold: u64,
    /// When it was looked at last before that came, and last.
    since_ms: u64,
    until_ms: u64,
}

impl Count {
    /// Takes in the count of now. Gives how much more it is.
    fn look(&mut self, now: u32, now_ms: u64) -> u64 {
        let more = u64::from(now.checked_sub(self.seen).unwrap_or(now));
        self.seen = now;
        if self.untold == 0 {
            self.since_ms = self.until_ms;
        }
        self.until_ms = now_ms;
        self.untold += more;
        more
    }

    /// The part of the count that has been told.
    fn told(&self) -> u32 {
        self.seen.saturating_sub(u32::try_from(self.untold).unwrap_or(u32::MAX))
    }
}

impl Changes {
    /// From the counts that were there before, or were told by an earlier process.
    fn new(before: &Status, told: Option<[u32; 2]>) -> Changes {
        let [lost, held] = told.unwrap_or([before.lost, waited(before)]);
        let count = |seen| Count { seen, until_ms: wall_ms(), ..Count::default() };
        Changes { lost: count(lost), held: count(held), status: *before }
    }

    /// Takes in the counts of now.
    fn look(&mut self, status: &Status, now_ms: u64, counters: &Counters) {
        let lost = self.lost.look(status.lost, now_ms);
        Counters::add(&counters.lost, lost);
        Counters::add(&counters.held_ticks, self.held.look(waited(status), now_ms));
        self.status = *status;
        if lost > 0 {
            let total = status.lost;
            tracing::error!(lost, total, "the kernel has lost messages; a larger backlog_limit may help");
        }
    }

    /// Has what is not in the log yet written there. Gives how many events could not be handed on: while the log is held
    /// back its queue may be full.
    fn tell(&mut self, send: impl Fn(String) -> bool) -> usize {
        let (backlog, limit) = (self.status.backlog, self.status.backlog_limit);
        let mut left = 0;
        for (count, op, unit, result) in
            [(&mut self.lost, "lost", "lost", "failed"), (&mut self.held, "held", "ticks", "success")]
        {
            let Count { seen, untold, since_ms, until_ms } = *count;
            let body = format!(
                "op={op} {unit}={untold} total={seen} backlog={backlog} backlog_limit={limit} since_ms={since_ms} \
                 until_ms={until_ms} res={result}"
            );
            if untold > 0 && send(body) {
                count.untold = 0;
            }
            left += usize::from(count.untold > 0);
        }
        left
    }

    /// How far the counts have been told.
    fn told(&self) -> [u32; 2] {
        [self.lost.told(), self.held.told()]
    }
}

/// For how long the kernel has held producers back, in its clock ticks. Before 5.9 it does not say.
fn waited(status: &Status) -> u32 {
    status.backlog_wait_time_actual.unwrap_or(0)
}

fn sample(known: &Mutex<Known>, status: Option<Status>, counters: &Counters) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.kernel = status;
    if known.samples.len() >= SAMPLES {
        known.samples.pop_front();
    }
    let (messages, events) = (Counters::read(&counters.messages), Counters::read(&counters.stored));
    known.samples.push_back((Instant::now(), messages, events));
}

fn rates(samples: &VecDeque<(Instant, u64, u64)>) -> protocol::Rates {
    let (Some(first), Some(last)) = (samples.front(), samples.back()) else {
        return protocol::Rates::default();
    };
    let seconds = last.0.duration_since(first.0).as_secs_f64();
    if seconds <= 0.0 {
        return protocol::Rates::default();
    }
    let rate = |from: u64, to: u64| {
        let count = u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        (f64::from(count) / seconds * 10.0).round() / 10.0
    };
    protocol::Rates { messages: rate(first.1, last.1), events: rate(first.2, last.2) }
}

fn kernel(status: &Status) -> protocol::Kernel {
    protocol::Kernel {
        enabled: status.enabled,
        failure: status.failure,
        pid: status.pid,
        rate_limit: status.rate_limit,
        backlog_limit: status.backlog_limit,
        lost: status.lost,
        backlog: status.backlog,
        backlog_wait_time: status.backlog_wait_time,
        backlog_wait_time_actual: status.backlog_wait_time_actual,
    }
}

/// What waits, for the status; `followers` is what waits for the slowest of them.
pub(super) fn queues(counters: &Counters, followers: usize) -> protocol::Queues {
    protocol::Queues {
        received_bytes: Counters::read(&counters.waiting),
        open: Counters::read(&counters.open),
        unwritten_bytes: Counters::read(&counters.unwritten),
        followers: u64::try_from(followers).unwrap_or(u64::MAX),
    }
}

/// What is done while more comes than can be stored, and what was left out.
pub(super) fn overload(policy: &Overload, counters: &Counters) -> protocol::Overload {
    let policy = match policy {
        Overload::Hold => protocol::OverloadPolicy::Hold,
        Overload::Shed(_) => protocol::OverloadPolicy::Shed,
    };
    let account = counters.shed_by();
    let shed = account.by().map(|(pair, shed)| protocol::Shed {
        kind: pair.0.to_string(),
        keys: account::keys(pair),
        events: shed.events,
        since_ms: shed.since_ms,
        until_ms: shed.until_ms,
    });
    protocol::Overload { policy, shed: shed.collect() }
}

/// The counters of the protocol.
pub(super) fn counters(counters: &Counters) -> protocol::Counters {
    let read = Counters::read;
    protocol::Counters {
        messages: read(&counters.messages),
        records: read(&counters.records),
        events: read(&counters.events),
        stored: read(&counters.stored),
        late: read(&counters.late),
        malformed: read(&counters.malformed),
        lost: read(&counters.lost),
        gaps: read(&counters.gaps),
        shed: read(&counters.shed),
        held_ticks: read(&counters.held_ticks),
        dropped: read(&counters.dropped),
        foreign: read(&counters.foreign),
        truncated: read(&counters.truncated),
    }
}

/// What became of the look-ups, for the status.
pub(super) fn lookups(counts: &Counts) -> protocol::Lookups {
    let of = |tally: &Tally| protocol::Lookup {
        known: Tally::read(&tally.known),
        asked: Tally::read(&tally.asked),
        answered: Tally::read(&tally.answered),
        absent: Tally::read(&tally.absent),
        late: Tally::read(&tally.late),
        refused: Tally::read(&tally.refused),
        forgotten: Tally::read(&tally.forgotten),
    };
    let Counts { names, processes, executables } = counts;
    protocol::Lookups { names: of(names), processes: of(processes), executables: of(executables) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told when the kernel's counts of lost messages and of ticks are looked at, each second.
    #[test]
    fn each_change_of_the_kernels_counts_is_told_once_with_its_time() {
        let status = |lost, ticks| Status {
            lost,
            backlog: 7,
            backlog_limit: 64,
            backlog_wait_time_actual: Some(ticks),
            ..Status::default()
        };
        let counters = Counters::default();
        let mut changes = Changes::new(&status(3, 5), None);
        for (second, (lost, ticks), takes, expected) in [
            (1, (3, 5), true, &[][..]),
            (
                2,
                (4, 5),
                true,
                &["op=lost lost=1 total=4 backlog=7 backlog_limit=64 since_ms=1000 until_ms=2000 res=failed"],
            ),
            (3, (4, 9), false, &[]),
            (
                4,
                (4, 10),
                true,
                &[
                    "op=held ticks=5 total=10 backlog=7 backlog_limit=64 since_ms=2000 until_ms=4000 res=success",
                ],
            ),
            (5, (4, 10), true, &[]),
            // Somebody has set the count back.
            (
                6,
                (2, 10),
                true,
                &["op=lost lost=2 total=2 backlog=7 backlog_limit=64 since_ms=5000 until_ms=6000 res=failed"],
            ),
        ] {
            changes.look(&status(lost, ticks), second * 1000, &counters);
            let told = std::cell::RefCell::new(Vec::new());
            changes.tell(|body| {
                told.borrow_mut().extend(takes.then_some(body));
                takes
            });
            assert_eq!(*told.borrow(), expected, "second {second}");
        }
        assert_eq!((Counters::read(&counters.lost), Counters::read(&counters.held_ticks)), (3, 5));
        assert_eq!(changes.told(), [2, 10]);
    }

    #[test]
    fn what_an_earlier_process_has_told_is_not_told_again() {
        let before = Status { lost: 3, backlog_wait_time_actual: None, ..Status::default() };
        assert_eq!(Changes::new(&before, None).told(), [3, 0]);
        let mut changes = Changes::new(&before, Some([5, 9]));
        changes.look(
            &Status { lost: 6, backlog_wait_time_actual: Some(9), ..before },
            0,
            &Counters::default(),
        );
        assert_eq!(changes.tell(|_| false), 1);
        assert_eq!(changes.told(), [5, 9], "the next process has to");
    }
}
