//! A query over a snapshot of the store: segment by segment, in order, as many entries as are asked for.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use roaring::RoaringBitmap;
use thiserror::Error;

use super::filter::Filter;
use super::{plan, read};
use crate::store::threads;
use crate::store::{self, Position, SegmentView, Snapshot};

/// Segments for which it pays to start another thread.
const SEGMENTS_FOR_A_THREAD: usize = 8;

/// Which entries come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// In the order in which they were stored.
    #[default]
    Oldest,
    /// The other way round.
    Newest,
}

/// The place of an entry, as text `SEGMENT-ORDINAL`. It stays good when its segment is rotated and sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub Position);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.segment, self.0.ordinal)
    }
}

/// A text is no cursor.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a cursor is a segment's number, a hyphen and an entry's number, as in 42-1000")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Cursor, CursorError> {
        let (segment, ordinal) = text.split_once('-').ok_or(CursorError)?;
        // Rust's numbers may begin with a plus sign.
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return Err(CursorError);
        }
        let segment = segment.parse().map_err(|_| CursorError)?;
        let ordinal = ordinal.parse().map_err(|_| CursorError)?;
        Ok(Cursor(Position { segment, ordinal }))
    }
}

/// What is asked of the store.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Which entries; all without one.
    pub filter: Option<Filter>,
    /// Milliseconds since 1970 at or after which the event was.
    pub since_ms: Option<u64>,
    /// Milliseconds since 1970 at or before which the event was.
    pub until_ms: Option<u64>,
    /// Which come first.
    pub order: Order,
    /// How many at most.
    pub limit: Option<u64>,
    /// The entry after which to go on, in the query's order.
    pub after: Option<Cursor>,
}

/// What a query did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Entries given out, or counted.
    pub matched: u64,
    /// Segments whose index or lines were looked at.
    pub segments_read: u64,
    /// Whether it was stopped before its end by who asked.
    pub stopped: bool,
    /// Whether a segment was removed while it was searched: what had not been read of it is left out.
    pub removed: bool,
}

/// What is told of [`Ran::removed`].
pub const REMOVED: &str =
    "retention has removed segments while they were searched; their entries are left out";

/// Whether a query is to go on. It is asked before each segment: reading one takes a part of a second.
pub type GoOn<'a> = &'a (dyn Fn() -> bool + Sync);

/// Hands the entries that are wanted to `sink`, in order, until it breaks.
pub fn run(
    snapshot: &Snapshot,
    query: &Query,
    sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<Ran, store::Error> {
    run_while(snapshot, query, &|| true, sink)
}

/// As [`run`], as long as it is to go on.
pub fn run_while(
    snapshot: &Snapshot,
    query: &Query,
    go_on: GoOn<'_>,
    sink: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
) -> Result<Ran, store::Error> {
    let mut hits = Hits::new(snapshot, query, go_on);
    read::ahead(&mut hits, sink)?;
    Ok(hits.ran)
}

/// The entries that are wanted, one after the other.
pub(super) struct Hits<'a> {
    query: &'a Query,
    go_on: GoOn<'a>,
    segments: Box<dyn Iterator<Item = &'a SegmentView> + 'a>,
    /// What is left of a segment.
    current: Option<(&'a SegmentView, roaring::bitmap::IntoIter)>,
    /// How many may still come.
    left: u64,
    pub(super) ran: Ran,
}

impl<'a> Hits<'a> {
    fn new(snapshot: &'a Snapshot, query: &'a Query, go_on: GoOn<'a>) -> Hits<'a> {
        let segments = in_order(snapshot.segments(), query.order);
        let left = query.limit.unwrap_or(u64::MAX);
        Hits { query, go_on, segments, current: None, left, ran: Ran::default() }
    }

    pub(super) fn next(&mut self) -> Result<Option<(&'a SegmentView, u32)>, store::Error> {
        if self.left == 0 {
            return Ok(None);
        }
        loop {
            if let Some((segment, ordinals)) = &mut self.current {
                let next = match self.query.order {
                    Order::Oldest => ordinals.next(),
                    Order::Newest => ordinals.next_back(),
                };
                if let Some(ordinal) = next {
                    self.left -= 1;
                    return Ok(Some((segment, ordinal)));
                }
            }
            let Some(segment) = self.segments.next() else { return Ok(None) };
            if !(self.go_on)() {
                self.ran.stopped = true;
                return Ok(None);
            }
            match wanted(segment, self.query) {
                Ok(None) => {}
                Ok(Some(wanted)) => {
                    self.ran.segments_read += 1;
                    self.current = Some((segment, wanted.into_iter()));
                }
                Err(store::Error::Removed { .. }) => self.ran.removed = true,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Counts the entries that are wanted, by the index alone.
pub fn count(snapshot: &Snapshot, query: &Query) -> Result<Ran, store::Error> {
    count_while(snapshot, query, &|| true)
}

/// As [`count`], as long as it is to go on.
pub fn count_while(snapshot: &Snapshot, query: &Query, go_on: GoOn<'_>) -> Result<Ran, store::Error> {
    let one = |segment: &SegmentView| -> Result<Ran, store::Error> {
        if !go_on() {
            return Ok(Ran { stopped: true, ..Ran::default() });
        }
        let ran = Ran::default();
        match wanted(segment, query) {
            Ok(None) => Ok(ran),
            Ok(Some(wanted)) => Ok(Ran { matched: wanted.len(), segments_read: 1, ..ran }),
            Err(store::Error::Removed { .. }) => Ok(Ran { removed: true, ..ran }),
            Err(error) => Err(error),
        }
    };
    let threads = threads::threads_max().min(snapshot.segments().len() / SEGMENTS_FOR_A_THREAD);
    let each = threads::map(snapshot.segments(), threads, one);
    let mut all = each.into_iter().try_fold(Ran::default(), |all, ran| ran.map(|ran| all.and(ran)))?;
    all.matched = all.matched.min(query.limit.unwrap_or(u64::MAX));
    Ok(all)
}

impl Ran {
    fn and(self, other: Ran) -> Ran {
        Ran {
            matched: self.matched + other.matched,
            segments_read: self.segments_read + other.segments_read,
            stopped: self.stopped || other.stopped,
            removed: self.removed || other.removed,
        }
    }
}

fn in_order(segments: &[SegmentView], order: Order) -> Box<dyn Iterator<Item = &SegmentView> + '_> {
    match order {
        Order::Oldest => Box::new(segments.iter()),
        Order::Newest => Box::new(segments.iter().rev()),
    }
}

/// The ordinals that are wanted of a segment; `None` if its index need not even be looked at.
fn wanted(segment: &SegmentView, query: &Query) -> Result<Option<RoaringBitmap>, store::Error> {
    let Some((earliest, latest)) = segment.time_range() else { return Ok(None) };
    let outside = query.since_ms.is_some_and(|since| latest < since)
        || query.until_ms.is_some_and(|until| earliest > until);
    let beyond = query.after.is_some_and(|Cursor(after)| match query.order {
        Order::Oldest => segment.id() < after.segment,
        Order::Newest => segment.id() > after.segment,
    });
    if outside || beyond {
        return Ok(None);
    }
    let mut wanted = match &query.filter {
        Some(filter) => filter.ordinals(segment)?,
        None => plan::everything(segment),
    };
    if let Some(Cursor(after)) = query.after.filter(|after| after.0.segment == segment.id()) {
        match query.order {
            Order::Oldest => wanted.remove_range(..=after.ordinal),
            Order::Newest => wanted.remove_range(after.ordinal..),
        };
    }
    if query.since_ms.is_some() || query.until_ms.is_some() {
        segment.in_time(query.since_ms, query.until_ms, &mut wanted)?;
    }
    Ok(Some(wanted))
}
