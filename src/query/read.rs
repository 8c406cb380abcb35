//! Reads the entries of a query on several threads, and hands them out in order.
//!
//! What takes time is decompressing frames: hits that lie far apart cost one each.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::run::{Hits, Ran};
use crate::store::threads::{self, THREADS_MAX};
use crate::store::{Error, Position, SegmentView};

/// Entries that a thread reads in one go where they lie apart: some 0.2 ms of work.
const PART_ENTRIES: usize = 4;
/// The same where most entries of a stretch are wanted, which then are in few frames: some four of them.
const DENSE_PART_ENTRIES: usize = 256;
/// Parts that are read on one thread before others are started: for a shorter answer that would take longer. A thread may
/// take as long to begin as some hundred entries take to read, so it is started as soon as there is more to come.
const PARTS_ALONE: usize = 1;
/// Parts that are read ahead of the one that is handed out, once there are other threads.
const PARTS_AHEAD: usize = 32;
/// Bytes of lines that are read ahead in one part: with [`PARTS_AHEAD`] of them some 36 MiB, however long lines are. What
/// is beyond is read when it is handed out.
const PART_BYTES_MAX: usize = 1 << 20;
/// An entry by its segment and ordinal.
type Hit<'a> = (&'a SegmentView, u32);

/// Entries to read, and their lines once they are.
#[derive(Default)]
struct Part<'a> {
    hits: Vec<Hit<'a>>,
    lines: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    failed: Option<Error>,
}

impl Part<'_> {
    /// Whether at least one in four entries from its first to its last is wanted.
    fn is_dense(&self) -> bool {
        match (self.hits.first(), self.hits.last()) {
            (Some((_, first)), Some((_, last))) => (first.abs_diff(*last) as usize) < 4 * self.hits.len(),
            _ => false,
        }
    }

    /// Reads the lines, as far as that can be done.
    fn read(&mut self, line: &mut Vec<u8>) {
        for (segment, ordinal) in &self.hits {
            if self.lines.len() >= PART_BYTES_MAX {
                return;
            }
            if let Err(error) = segment.read(*ordinal, line) {
                self.failed = Some(error);
                return;
            }
            self.lines.extend_from_slice(line);
            self.ends.push(self.lines.len());
        }
    }

    /// Hands the lines to `sink`. Those of a segment that has been removed are left out.
    fn give(
        mut self,
        ran: &mut Ran,
        sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut start = 0;
        let mut long = Vec::new();
        for (place, (segment, ordinal)) in self.hits.iter().enumerate() {
            let line = match self.ends.get(place) {
                Some(end) => self.lines.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default(),
                None => {
                    let read = self.failed.take().map_or_else(|| segment.read(*ordinal, &mut long), Err);
                    match read {
                        Ok(()) => &long,
                        Err(Error::Removed { .. }) => {
                            ran.removed = true;
                            return Ok(ControlFlow::Continue(()));
                        }
                        Err(error) => return Err(error),
                    }
                }
            };
            ran.matched += 1;
            if sink(Position { segment: segment.id(), ordinal: *ordinal }, line).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Hands all hits to `sink`, in order, until it breaks.
pub(super) fn ahead<'a>(
    hits: &mut Hits<'a>,
    sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<(), Error> {
    thread::scope(|scope| {
        let (give, to_read) = bounded(PARTS_AHEAD);
        let (done, read) = bounded(PARTS_AHEAD + THREADS_MAX);
        let mut parts = Parts { waiting: VecDeque::new(), first: 0 };
        let (mut line, mut next) = (Vec::new(), None);
        let mut threads = 1;
        loop {
            if parts.first == PARTS_ALONE {
                while threads < threads::threads_max() {
                    let (to_read, alarm) = (to_read.clone(), Alarm(done.clone()));
                    threads::start(scope, move || work(&to_read, &alarm));
                    threads += 1;
                }
            }
            while parts.waiting.len() < if threads > 1 { PARTS_AHEAD } else { 1 }
                && let Some(part) = part(hits, &mut next)?
            {
                let number = parts.first + parts.waiting.len();
                parts.waiting.push_back(None);
                // There is room: no more wait than fit.
                let _ = give.send((number, part));
            }
            if parts.waiting.is_empty() {
                return Ok(());
            }
            while let Some(part) = parts.next() {
                if part.give(&mut hits.ran, sink)?.is_break() {
                    return Ok(());
                }
            }
            if let Ok((number, mut part)) = to_read.try_recv() {
                part.read(&mut line);
                parts.put(number, part);
            } else if !parts.waiting.is_empty() && !parts.take(read.recv().ok()) {
                return Ok(());
            }
            while let Ok(message) = read.try_recv() {
                if !parts.take(Some(message)) {
                    return Ok(());
                }
            }
        }
    })
}

/// Parts that are being read, and those that have been and wait for one before them.
struct Parts<'a> {
    waiting: VecDeque<Option<Part<'a>>>,
    /// The number of the first.
    first: usize,
}

impl<'a> Parts<'a> {
    fn put(&mut self, number: usize, part: Part<'a>) {
        if let Some(place) = self.waiting.get_mut(number - self.first) {
            *place = Some(part);
        }
    }

    /// Takes what a thread has sent; whether it was not that it panicked, which the scope tells.
    fn take(&mut self, message: Option<Option<Numbered<'a>>>) -> bool {
        let Some((number, part)) = message.flatten() else { return false };
        self.put(number, part);
        true
    }

    /// The next part in order, if it has been read.
    fn next(&mut self) -> Option<Part<'a>> {
        self.waiting.front()?.as_ref()?;
        self.first += 1;
        self.waiting.pop_front()?
    }
}

type Numbered<'a> = (usize, Part<'a>);

/// Where a thread sends what it has read, and `None` when it panics: nobody is to wait for it then.
struct Alarm<'a>(Sender<Option<Numbered<'a>>>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(None);
        }
    }
}

fn work<'a>(to_read: &Receiver<Numbered<'a>>, done: &Alarm<'a>) {
    let mut line = Vec::new();
    for (number, mut part) in to_read {
        part.read(&mut line);
        if done.0.send(Some((number, part))).is_err() {
            return;
        }
    }
}

/// The next hits, all of one segment, so that seldom two threads open the same; `None` at the end. `ahead` is the first of
/// the segment after it.
fn part<'a>(hits: &mut Hits<'a>, ahead: &mut Option<Hit<'a>>) -> Result<Option<Part<'a>>, Error> {
    let mut part = Part::default();
    while (part.hits.len() < PART_ENTRIES || part.is_dense() && part.hits.len() < DENSE_PART_ENTRIES)
        && let Some(hit) = ahead.take().map_or_else(|| hits.next(), |hit| Ok(Some(hit)))?
    {
        if part.hits.first().is_some_and(|(segment, _)| segment.id() != hit.0.id()) {
            *ahead = Some(hit);
            break;
        }
        part.hits.push(hit);
    }
    Ok((!part.hits.is_empty()).then_some(part))
}
