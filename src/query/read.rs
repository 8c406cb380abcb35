//! Reads the entries of a query on several threads, and hands them out in order.
//!
//! What takes time is decompressing frames: hits that lie far apart cost one each.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::run::Hits;
use crate::store::{Error, Position, SegmentView};

/// Entries that a thread reads in one go.
const PART_ENTRIES: usize = 16;
/// The same where most entries of a stretch are wanted, which then are in few frames: some four of them.
const DENSE_PART_ENTRIES: usize = 256;
/// Parts that are read on one thread before others are started: for a short answer that would take longer.
const PARTS_ALONE: usize = 8;
/// Threads at most, this one included: what a search may take from a machine that has other work.
const THREADS_MAX: usize = 4;

/// How many threads a search may use.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

/// Entries to read, and their lines once they are.
#[derive(Default)]
struct Part<'a> {
    hits: Vec<(&'a SegmentView, u32)>,
    lines: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    failed: Option<Error>,
}

impl Part<'_> {
    /// Whether at least one in four entries from its first to its last is wanted.
    fn is_dense(&self) -> bool {
        match (self.hits.first(), self.hits.last()) {
            (Some((from, first)), Some((to, last))) => {
                from.id() == to.id() && (first.abs_diff(*last) as usize) < 4 * self.hits.len()
            }
            _ => false,
        }
    }

    /// Reads the lines, as far as that can be done.
    fn read(&mut self, line: &mut Vec<u8>) {
        for (segment, ordinal) in &self.hits {
            if let Err(error) = segment.read(*ordinal, line) {
                self.failed = Some(error);
                return;
            }
            self.lines.extend_from_slice(line);
            self.ends.push(self.lines.len());
        }
    }

    /// Hands the lines to `sink`.
    fn give(
        self,
        matched: &mut u64,
        sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut start = 0;
        for ((segment, ordinal), end) in self.hits.iter().zip(&self.ends) {
            let line = self.lines.get(start..*end).unwrap_or_default();
            start = *end;
            *matched += 1;
            if sink(Position { segment: segment.id(), ordinal: *ordinal }, line).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.failed.map_or(Ok(ControlFlow::Continue(())), Err)
    }
}

/// Hands all hits to `sink`, in order, until it breaks.
pub(super) fn ahead<'a>(
    hits: &mut Hits<'a>,
    sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<(), Error> {
    let threads = threads();
    let parts = if threads < 2 { usize::MAX } else { PARTS_ALONE };
    if alone(parts, hits, sink)?.is_break() {
        return Ok(());
    }
    let mut first = part(hits)?;
    if first.hits.is_empty() {
        return Ok(());
    }
    thread::scope(|scope| {
        // Each part goes to the next thread in turn, and is waited for in the same turn.
        let workers: Vec<_> = (1..threads)
            .map(|_| {
                let (give, to_read) = bounded::<Part<'a>>(1);
                let (done, read) = bounded::<Part<'a>>(1);
                scope.spawn(move || work(&to_read, &done));
                (give, read)
            })
            .collect();
        let mut line = Vec::new();
        loop {
            let mut handed = 0;
            for (give, _) in &workers {
                let part = part(hits)?;
                // A thread that has ended has panicked, which the scope tells.
                if part.hits.is_empty() || give.send(part).is_err() {
                    break;
                }
                handed += 1;
            }
            first.read(&mut line);
            if first.give(&mut hits.ran.matched, sink)?.is_break() {
                return Ok(());
            }
            for (_, read) in workers.iter().take(handed) {
                let Ok(part) = read.recv() else { return Ok(()) };
                if part.give(&mut hits.ran.matched, sink)?.is_break() {
                    return Ok(());
                }
            }
            first = part(hits)?;
            if first.hits.is_empty() {
                return Ok(());
            }
        }
    })
}

/// Reads so many parts on this thread; breaks when there are no more, or the sink has had enough.
fn alone(
    parts: usize,
    hits: &mut Hits<'_>,
    sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error> {
    let mut line = Vec::new();
    for _ in 0..parts {
        let mut next = part(hits)?;
        if next.hits.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        next.read(&mut line);
        if next.give(&mut hits.ran.matched, sink)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn work<'a>(to_read: &Receiver<Part<'a>>, done: &Sender<Part<'a>>) {
    let mut line = Vec::new();
    for mut part in to_read {
        part.read(&mut line);
        if done.send(part).is_err() {
            return;
        }
    }
}

/// The next hits.
fn part<'a>(hits: &mut Hits<'a>) -> Result<Part<'a>, Error> {
    let mut part = Part::default();
    while (part.hits.len() < PART_ENTRIES || part.is_dense() && part.hits.len() < DENSE_PART_ENTRIES)
        && let Some(hit) = hits.next()?
    {
        part.hits.push(hit);
    }
    Ok(part)
}
