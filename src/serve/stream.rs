//! Answers that are streams: the lines of a search, and new entries as they come.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Frame};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Shared;
use super::live::LiveEntry;
use super::places::Place;
use crate::entry::sensitive;
use crate::protocol::Skipped;
use crate::protocol::limits::{CHUNK_BYTES, CHUNKS_WAITING_MAX};
use crate::query::run::{self, Query};
use crate::store::Timings;

/// A part of a stream, or the reason why it cannot be whole: the connection is then cut without the final chunk.
pub(super) type Part = Result<Frame<Bytes>, StreamError>;

/// A stream that could not be brought to its end.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct StreamError(String);

/// How much of the entries a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// All.
    Whole,
    /// All but what is sensitive.
    Masked,
}

impl View {
    fn of(self, line: &[u8]) -> Cow<'_, [u8]> {
        match self {
            View::Whole => line.into(),
            View::Masked => sensitive::masked(line).map_or(line.into(), Cow::Owned),
        }
    }
}

/// What a search or a count is told that takes too long.
pub(super) const OUT_OF_TIME: &str =
    "it takes longer than a search may: ask for less, as with since and until";
/// What a search is told that finds more than an answer may have.
const OUT_OF_ROOM: &str = "the answer has as many entries as one may have: go on with after";

/// What a search is told whose client is too slow.
const TAKEN_TOO_SLOWLY: &str = "the answer was taken too slowly: ask for less, or go on with after";

/// What an answer is told whose thread has panicked.
const BROKEN_OFF: &str = "the answer was broken off";

/// The time for a search.
pub(super) struct Budget {
    begun: Instant,
    /// Without what is waited for the client.
    most: Duration,
    waited_us: AtomicU64,
}

impl Budget {
    pub(super) fn new(most: Duration) -> Budget {
        Budget { begun: Instant::now(), most, waited_us: AtomicU64::new(0) }
    }

    /// Whether there is none left.
    pub(super) fn is_over(&self) -> bool {
        let waited = Duration::from_micros(self.waited_us.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(waited) >= self.most
    }

    fn wait<T>(&self, wait: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let waited = wait();
        let us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(us, Ordering::Relaxed);
        waited
    }
}

/// An answer as it is made.
struct Lines<'a> {
    sender: &'a mpsc::Sender<Part>,
    budget: &'a Budget,
    view: View,
    chunk: Vec<u8>,
    /// Entries that it may still have.
    left: u64,
    /// How long it may take, waits counted.
    time_max: Duration,
    /// Why it ends early, if it does.
    over: Option<&'static str>,
}

impl Lines<'_> {
    fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        let Some(left) = self.left.checked_sub(1) else {
            self.over = Some(OUT_OF_ROOM);
            return ControlFlow::Break(());
        };
        self.left = left;
        self.chunk.extend_from_slice(&self.view.of(line));
        self.chunk.push(b'\n');
        if self.chunk.len() < CHUNK_BYTES {
            return ControlFlow::Continue(());
        }
        if self.budget.is_over() {
            self.over = Some(OUT_OF_TIME);
        } else if self.budget.begun.elapsed() >= self.time_max {
            self.over = Some(TAKEN_TOO_SLOWLY);
        }
        match self.send() && self.over.is_none() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    /// Sends what there is; whether anybody takes it.
    fn send(&mut self) -> bool {
        let bytes = Bytes::from(std::mem::take(&mut self.chunk));
        bytes.is_empty() || self.budget.wait(|| self.sender.blocking_send(Ok(Frame::data(bytes))).is_ok())
    }
}

/// Runs a search on a thread of its own.
pub(super) fn search(query: Query, view: View, shared: &Shared, place: Place) -> mpsc::Receiver<Part> {
    let snapshot = shared.sources.reader.snapshot();
    let metrics = shared.sources.metrics.clone();
    let (limits, failures) = (shared.limits.clone(), shared.search_failures.clone());
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    let cut = sender.clone();
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        let budget = Budget::new(limits.search_time);
        let chunk = Vec::with_capacity(CHUNK_BYTES);
        let (left, time_max) = (limits.search_entries, limits.answer_time);
        let mut lines = Lines { sender: &sender, budget: &budget, view, chunk, left, time_max, over: None };
        // Where nothing is found nothing is sent, and only here is seen that it takes too long or that nobody waits.
        let go_on = || !sender.is_closed() && !budget.is_over();
        let ran = Timings::measure(&metrics.search, || {
            run::run_while(&snapshot, &query, &go_on, &mut |_, line| lines.take(line))
        });
        lines.send();
        let error = match ran {
            Err(error) => {
                if let Some(count) = failures.count(Instant::now()) {
                    tracing::error!(%error, count, "a search could not be brought to its end");
                }
                Some(error.to_string())
            }
            Ok(ran) if ran.stopped => Some(OUT_OF_TIME.to_owned()),
            Ok(ran) if ran.removed => Some(run::REMOVED.to_owned()),
            Ok(_) => lines.over.map(str::to_owned),
        };
        if let Some(error) = error {
            let _ = sender.blocking_send(Err(StreamError(error)));
        }
    });
    cut_if_broken_off(task, cut);
    receiver
}

/// Follows new entries.
pub(super) fn tail(query: Query, view: View, shared: &Shared, place: Place) -> mpsc::Receiver<Part> {
    let mut entries = shared.sources.live.follow();
    let mut stop = shared.stop.clone();
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    let cut = sender.clone();
    let task = tokio::spawn(async move {
        let _place = place;
        let mut left = query.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let entry = tokio::select! {
                entry = entries.recv() => entry,
                () = sender.closed() => break,
                () = super::stopped(&mut stop) => break,
            };
            let skipped = |skipped| serde_json::to_vec(&Skipped { skipped }).unwrap_or_default();
            let wanted = |terms| query.filter.as_ref().is_none_or(|filter| filter.matches(terms));
            let mut line = match entry.as_deref() {
                Ok(LiveEntry { line: Some(line), terms, .. }) if wanted(terms) => {
                    left -= 1;
                    view.of(line).into_owned()
                }
                Ok(LiveEntry { line: Some(_), .. }) => continue,
                // Whether it was wanted is not known any more.
                Ok(LiveEntry { line: None, .. }) => skipped(1),
                Err(RecvError::Lagged(count)) => skipped(*count),
                Err(RecvError::Closed) => break,
            };
            line.push(b'\n');
            if sender.send(Ok(Frame::data(Bytes::from(line)))).await.is_err() {
                break;
            }
        }
    });
    cut_if_broken_off(task, cut);
    receiver
}

/// Where the task that makes an answer panics, the answer is not to look whole.
fn cut_if_broken_off(task: JoinHandle<()>, sender: mpsc::Sender<Part>) {
    tokio::spawn(async move {
        if task.await.is_err() {
            let _ = sender.send(Err(StreamError(BROKEN_OFF.to_owned()))).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Lines for a client that takes nothing wait in few chunks, and the search with them.
    #[test]
    fn an_answer_waits_for_its_client_in_few_chunks() {
        const LINES: usize = 1000;
        let line = vec![b'x'; 5000];
        let taken = AtomicUsize::new(0);
        let (sender, mut receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
        let budget = Budget::new(Duration::MAX);
        std::thread::scope(|scope| {
            let (watched, taken, budget, line) = (sender.clone(), &taken, &budget, &line);
            scope.spawn(move || {
                let view = View::Whole;
                let (chunk, left, time_max) = (Vec::new(), u64::MAX, Duration::MAX);
                let mut lines = Lines { sender: &sender, budget, view, chunk, left, time_max, over: None };
                for _ in 0..LINES {
                    taken.fetch_add(1, Ordering::Relaxed);
                    assert!(lines.take(line).is_continue());
                }
                lines.send();
            });
            while watched.capacity() > 0 {
                std::thread::yield_now();
            }
            // One chunk more than may wait is being sent.
            let lines_of_a_chunk = CHUNK_BYTES.div_ceil(line.len() + 1);
            assert!(taken.load(Ordering::Relaxed) <= (CHUNKS_WAITING_MAX + 1) * lines_of_a_chunk);
            drop(watched);
            let mut bytes = 0;
            while let Some(part) = receiver.blocking_recv() {
                let part = part.expect("a part").into_data().expect("lines");
                assert!(part.len() <= CHUNK_BYTES + line.len());
                bytes += part.len();
            }
            assert_eq!(bytes, LINES * (line.len() + 1), "and all of it comes");
        });
    }
}
