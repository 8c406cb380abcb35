//! Reading: a consistent list of segments, index questions to each, and its lines.

use std::path::Path;
use std::sync::Arc;

use memchr::memmem;
use roaring::RoaringBitmap;

use super::catalogue::{Catalogue, Segment, Shared};
use super::error::{Error, Problem};
use super::open::Extent;
use super::stamps::Range;
use super::term::{FieldId, TERM_BYTES_MAX};
use super::{Describe, Position, Stamp, open};

/// A value as far as it is in the index.
pub(super) fn cut(value: &[u8]) -> &[u8] {
    value.get(..TERM_BYTES_MAX).unwrap_or(value)
}

/// Which values of a field are asked for. Values longer than [`TERM_BYTES_MAX`] are in the index up to that length, and
/// are compared up to it.
#[derive(Clone, Copy)]
pub enum ValueTest<'a> {
    /// Exactly this one: costs one look-up.
    Equals(&'a [u8]),
    /// Those that begin so: costs as many look-ups as there are.
    StartsWith(&'a [u8]),
    /// Those that have this anywhere: walks through the field's dictionary.
    Contains(&'a [u8]),
    /// Decimal numbers between the two, both included; other values never.
    Numeric(i64, i64),
    /// Those that a function accepts.
    Accepts(&'a dyn Fn(&[u8]) -> bool),
    /// All: the entries that have the field.
    Any,
}

impl ValueTest<'_> {
    /// Runs `f` with the test made ready for many values.
    pub(super) fn ready<T>(&self, f: impl FnOnce(&dyn Fn(&[u8]) -> bool) -> T) -> T {
        match self {
            ValueTest::Contains(part) => {
                let finder = memmem::Finder::new(part);
                f(&|value| finder.find(value).is_some())
            }
            _ => f(&|value| self.accepts(value)),
        }
    }

    /// Whether a value of the index passes.
    pub fn accepts(&self, value: &[u8]) -> bool {
        match self {
            ValueTest::Equals(wanted) => value == cut(wanted),
            ValueTest::StartsWith(prefix) => value.starts_with(cut(prefix)),
            ValueTest::Contains(part) => memmem::find(value, part).is_some(),
            ValueTest::Numeric(low, high) => std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
                .is_some_and(|number| (low..=high).contains(&&number)),
            ValueTest::Accepts(accepts) => accepts(value),
            ValueTest::Any => true,
        }
    }
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of segments, the active one counted.
    pub segments: usize,
    /// Number of entries.
    pub entries: u64,
    /// Bytes of all segments and indexes on disk.
    pub bytes: u64,
    /// The earliest time of an entry, milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// The latest.
    pub newest_ms: Option<u64>,
}

/// Gives snapshots of a store; cheap to clone and to send to other threads.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Reader { shared }
    }

    /// Opens a directory without changing it and without a writer's lock: the store as it is now. What a living writer
    /// does later is not seen.
    pub fn open(dir: &Path, describe: Describe) -> Result<(Reader, Vec<Problem>), Error> {
        Reader::open_to(dir, describe, Extent::Needed)
    }

    /// The same, and every line of what is not sealed is read, whatever a checkpoint says: the problems are all there are.
    pub fn open_wholly(dir: &Path, describe: Describe) -> Result<(Reader, Vec<Problem>), Error> {
        Reader::open_to(dir, describe, Extent::Whole)
    }

    fn open_to(dir: &Path, describe: Describe, extent: Extent) -> Result<(Reader, Vec<Problem>), Error> {
        let loaded = open::for_reading(dir, &describe, extent)?;
        let catalogue = Catalogue { closed: loaded.closed, active: loaded.active };
        let shared = Shared::new(loaded.dir, describe, loaded.caches, catalogue);
        Ok((Reader::of(Arc::new(shared)), loaded.problems))
    }

    /// The entries there are now, each in exactly one segment.
    pub fn snapshot(&self) -> Snapshot {
        let segments = self.shared.segments();
        let view = |segment: Segment| SegmentView { entries: segment.entries(), segment };
        Snapshot { segments: segments.into_iter().map(view).collect() }
    }

    /// Counts what there is now.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for segment in self.shared.segments() {
            summary.segments += 1;
            summary.entries += u64::from(segment.entries());
            summary.bytes += segment.bytes();
            if let Some(bounds) = segment.bounds() {
                let oldest = summary.oldest_ms.unwrap_or(u64::MAX);
                summary.oldest_ms = Some(oldest.min(bounds.time_min));
                summary.newest_ms = Some(summary.newest_ms.unwrap_or(0).max(bounds.time_max));
            }
        }
        summary
    }
}

/// The entries a store had at one moment. Retention waits a while before it removes files of it, but not for ever: then a
/// segment that it has taken out cannot be read further ([`Error::Removed`]).
pub struct Snapshot {
    segments: Vec<SegmentView>,
}

impl Snapshot {
    /// The segments, oldest first.
    pub fn segments(&self) -> &[SegmentView] {
        &self.segments
    }

    /// The segment with a number; `None` where it is not, or no longer, in the store.
    pub fn segment(&self, id: u64) -> Option<&SegmentView> {
        let place = self.segments.binary_search_by_key(&id, SegmentView::id).ok()?;
        self.segments.get(place)
    }

    /// Puts the line at `position` into `out` in place of what was there, and gives its stamp; `None` where its segment is
    /// gone.
    pub fn read(&self, position: Position, out: &mut Vec<u8>) -> Result<Option<Stamp>, Error> {
        let Some(segment) = self.segment(position.segment) else { return Ok(None) };
        segment.read(position.ordinal, out)?;
        segment.stamp(position.ordinal).map(Some)
    }
}

/// A segment as it was when the snapshot was taken.
#[derive(Clone)]
pub struct SegmentView {
    pub(super) segment: Segment,
    entries: u32,
}

impl SegmentView {
    /// The segment's number.
    pub fn id(&self) -> u64 {
        self.segment.id()
    }

    /// Number of entries; their ordinals are all numbers below.
    pub fn len(&self) -> u32 {
        self.entries
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes on disk, with the index.
    pub fn bytes(&self) -> u64 {
        self.segment.bytes()
    }

    /// Whether it is compressed and will not change its form again.
    pub fn is_sealed(&self) -> bool {
        matches!(self.segment, Segment::Sealed(_))
    }

    /// Earliest and latest time of an entry in milliseconds since 1970; `None` for an empty segment. In the active
    /// segment entries that came after the snapshot count as well.
    pub fn time_range(&self) -> Option<(u64, u64)> {
        self.segment.bounds().map(|bounds| (bounds.time_min, bounds.time_max))
    }

    /// The entries that have a value of `field` that passes `test`.
    pub fn postings(&self, field: FieldId, test: &ValueTest<'_>) -> Result<RoaringBitmap, Error> {
        match &self.segment {
            Segment::Live(live) => Ok(live.postings(self.entries, field, test)),
            Segment::Sealed(sealed) => sealed.postings(field, test),
        }
    }

    /// Removes from `candidates` all entries earlier than `since` or later than `until`, in milliseconds since 1970.
    pub fn in_time(
        &self,
        since: Option<u64>,
        until: Option<u64>,
        candidates: &mut RoaringBitmap,
    ) -> Result<(), Error> {
        let time = (since.unwrap_or(0), until.unwrap_or(u64::MAX));
        self.filter(Range { time, serial: (0, u32::MAX) }, candidates)
    }

    /// Removes from `candidates` all entries whose serial is below `low` or above `high`. The serial is in the index
    /// of every entry: a term for it would only cost space.
    pub fn in_serial(&self, low: u32, high: u32, candidates: &mut RoaringBitmap) -> Result<(), Error> {
        self.filter(Range { time: (0, u64::MAX), serial: (low, high) }, candidates)
    }

    fn filter(&self, range: Range, candidates: &mut RoaringBitmap) -> Result<(), Error> {
        candidates.remove_range(self.entries..);
        let Some(bounds) = self.segment.bounds().filter(|bounds| range.overlaps(bounds)) else {
            candidates.clear();
            return Ok(());
        };
        if range.contains(&bounds) || candidates.is_empty() {
            return Ok(());
        }
        match &self.segment {
            Segment::Live(live) => live.filter(range, candidates),
            Segment::Sealed(sealed) => sealed.filter(range, candidates),
        }
    }

    /// Puts the line of an entry, without newline, into `out` in place of what was there. Neighbours cost little once
    /// one of them has been read.
    pub fn read(&self, ordinal: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        self.has(ordinal)?;
        match &self.segment {
            Segment::Live(live) => live.read(ordinal, out),
            Segment::Sealed(sealed) => sealed.read(ordinal, out),
        }
    }

    /// The stamp of an entry, by the index.
    pub fn stamp(&self, ordinal: u32) -> Result<Stamp, Error> {
        self.has(ordinal)?;
        match &self.segment {
            Segment::Live(live) => live.stamp(ordinal),
            Segment::Sealed(sealed) => sealed.stamp(ordinal),
        }
    }

    fn has(&self, ordinal: u32) -> Result<(), Error> {
        match ordinal < self.entries {
            true => Ok(()),
            false => Err(Error::NoSuchEntry { segment: self.id(), entries: self.entries, ordinal }),
        }
    }

    /// Calls `f` with each value of `field` and the number of entries that have it, each value once. An index that
    /// cannot be read gives an error before the first call.
    pub fn values(&self, field: FieldId, f: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        match &self.segment {
            Segment::Live(live) => {
                live.values(self.entries, field, f);
                Ok(())
            }
            Segment::Sealed(sealed) => sealed.values(field, f),
        }
    }
}
