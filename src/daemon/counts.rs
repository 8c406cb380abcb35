//! The kernel's own counts, watched, and all counts for the status.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::capture::Work;
use crate::ingest::counters::Counters;
use crate::netlink::control::Control;
use crate::netlink::status::Status;
use crate::protocol;
use crate::record::RecordType;

/// How often the kernel is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the thread looks whether it is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
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
    /// Begins to watch. `before` is the status at the start, from whose count of lost messages on they are this run's.
    pub(super) fn start(
        mut control: Control,
        before: Status,
        counters: Arc<Counters>,
        work: Sender<Work>,
    ) -> std::io::Result<Watch> {
        let known = Arc::new(Mutex::new(Known { kernel: Some(before), ..Known::default() }));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (known, stop) = (known.clone(), stop.clone());
            thread::Builder::new().name("watch".into()).spawn(move || {
                let mut losses = Losses { seen: before.lost, untold: 0 };
                let mut due = Instant::now();
                while !stop.load(Ordering::Acquire) {
                    if due.elapsed() < INTERVAL {
                        thread::sleep(STOP_INTERVAL);
                        continue;
                    }
                    due = Instant::now();
                    let status = control.status().ok();
                    if let Some(status) = status {
                        losses.tell(status, &counters, &work);
                    }
                    sample(&known, status, &counters);
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

/// The kernel's count of lost messages.
struct Losses {
    /// The count when it was looked at last.
    seen: u32,
    /// How many are not in the log yet.
    untold: u64,
}

impl Losses {
    /// Counts what the kernel has newly lost, and has it written into the log.
    fn tell(&mut self, status: Status, counters: &Counters, work: &Sender<Work>) {
        // Somebody may have set the count back to 0.
        let more = u64::from(status.lost.checked_sub(self.seen).unwrap_or(status.lost));
        self.seen = status.lost;
        if more > 0 {
            Counters::add(&counters.lost, more);
            tracing::error!(
                lost = more,
                total = status.lost,
                "the kernel has lost messages; a larger backlog_limit may help"
            );
        }
        self.untold += more;
        if self.untold == 0 {
            return;
        }
        let (total, backlog) = (status.lost, status.backlog);
        let body = format!("op=lost lost={} total={total} backlog={backlog} res=failed", self.untold);
        // While the log is held back its queue may be full: it is told the next time.
        if work.try_send(Work::Own { kind: RecordType::DAEMON_ERR, body }).is_ok() {
            self.untold = 0;
        }
    }
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
        followers: u64::try_from(followers).unwrap_or(u64::MAX),
    }
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
        dropped: read(&counters.dropped),
        foreign: read(&counters.foreign),
        truncated: read(&counters.truncated),
    }
}
