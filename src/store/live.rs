//! A segment whose index is in memory: the active one, and a numbered one until it is sealed.

use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use hashbrown::HashTable;
use roaring::RoaringBitmap;

use super::cache::lock;
use super::error::Error;
use super::names;
use super::posting::{Growing, Union};
use super::read::ValueTest;
use super::stamps::{self, Bounds, Range, Stamps};
use super::term::{FieldId, TERM_BYTES_MAX, Terms};
use super::{Stamp, posting};

/// Terms looked at under one hold of the lock: some microseconds, which an appending thread may be kept waiting.
const SCAN_TERMS: usize = 256;

/// One term and where it occurs.
#[derive(Debug)]
pub(super) struct Term {
    start: usize,
    len: u16,
    pub(super) field: FieldId,
    pub(super) posting: Growing,
}

/// The index of a segment as it grows.
#[derive(Debug, Default)]
pub(super) struct LiveIndex {
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    terms: Vec<Term>,
    /// The values of all terms, one after the other.
    arena: Vec<u8>,
    /// The terms of each field.
    fields: Vec<Vec<u32>>,
    /// The terms of the entry before, by place: neighbours share most of theirs, and comparing is cheaper than hashing.
    previous: Vec<u32>,
    pub(super) stamps: Stamps,
    /// Where each line ends in the file, with its newline.
    pub(super) ends: Vec<u64>,
    posting_bytes: usize,
    /// Entries whose lines are in the file and may be seen by readers; at most `ends.len()`.
    visible: u32,
}

impl LiveIndex {
    pub(super) fn entries(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("add refuses more than ORDINALS_MAX")
    }

    /// Adds an entry whose line ends at `end`; `None` where no more can be had.
    pub(super) fn add(&mut self, stamp: Stamp, terms: &Terms, end: u64) -> Option<u32> {
        let ordinal = self.entries();
        if ordinal >= posting::ORDINALS_MAX {
            return None;
        }
        for (place, (field, value)) in terms.iter().enumerate() {
            let repeated = self.previous.get(place).copied().filter(|&id| self.is(id, field, value));
            let id = match repeated {
                Some(id) => id,
                None => {
                    let id = self.intern(field, value, ordinal);
                    match self.previous.get_mut(place) {
                        Some(previous) => *previous = id,
                        None => self.previous.push(id),
                    }
                    id
                }
            };
            if let Some(term) = self.terms.get_mut(id as usize) {
                self.posting_bytes += term.posting.push(ordinal);
            }
        }
        self.stamps.push(stamp);
        self.ends.push(end);
        Some(ordinal)
    }

    /// An index with the entries of a checkpoint and no terms yet.
    pub(super) fn restored(ends: Vec<u64>, stamps: Stamps) -> LiveIndex {
        LiveIndex { ends, stamps, ..LiveIndex::default() }
    }

    /// Length of the lines that it has.
    pub(super) fn covered(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Puts back a term of a checkpoint; `None` for one that is there already or too long.
    pub(super) fn restore(&mut self, field: FieldId, value: &[u8], posting: Growing) -> Option<()> {
        let known = self.terms.len();
        if value.len() > TERM_BYTES_MAX || self.intern(field, value, 0) as usize != known {
            return None;
        }
        self.posting_bytes += posting.closed_bytes();
        self.terms.last_mut()?.posting = posting;
        Some(())
    }

    /// All terms, in the order in which they came.
    pub(super) fn terms(&self) -> &[Term] {
        &self.terms
    }

    pub(super) fn value_of(&self, term: &Term) -> &[u8] {
        self.arena.get(term.start..term.start + usize::from(term.len)).unwrap_or_default()
    }

    fn is(&self, id: u32, field: FieldId, value: &[u8]) -> bool {
        self.terms.get(id as usize).is_some_and(|term| {
            term.field == field && usize::from(term.len) == value.len() && self.value_of(term) == value
        })
    }

    fn hash(hasher: &foldhash::fast::RandomState, field: FieldId, value: &[u8]) -> u64 {
        let mut state = hasher.build_hasher();
        state.write(value);
        state.write_u8(field);
        state.finish()
    }

    fn find(&self, field: FieldId, value: &[u8]) -> Option<u32> {
        let hash = Self::hash(&self.hasher, field, value);
        self.table.find(hash, |&id| self.is(id, field, value)).copied()
    }

    fn intern(&mut self, field: FieldId, value: &[u8], ordinal: u32) -> u32 {
        let hash = Self::hash(&self.hasher, field, value);
        if let Some(&id) = self.table.find(hash, |&id| self.is(id, field, value)) {
            return id;
        }
        let id = u32::try_from(self.terms.len()).expect("terms take more bytes than a segment may have");
        let len = u16::try_from(value.len()).expect("Terms cuts values to TERM_BYTES_MAX");
        self.terms.push(Term { start: self.arena.len(), len, field, posting: Growing::new(ordinal) });
        self.arena.extend_from_slice(value);
        let (terms, arena, hasher) = (&self.terms, &self.arena, &self.hasher);
        self.table.insert_unique(hash, id, |&id| {
            let term = terms.get(id as usize).expect("the table holds ids of terms");
            let value = arena.get(term.start..term.start + usize::from(term.len)).unwrap_or_default();
            Self::hash(hasher, term.field, value)
        });
        if self.fields.len() <= usize::from(field) {
            self.fields.resize_with(usize::from(field) + 1, Vec::new);
        }
        if let Some(of_field) = self.fields.get_mut(usize::from(field)) {
            of_field.push(id);
        }
        id
    }

    /// About how much memory the index takes, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let per_term = size_of::<Term>() + 2 * size_of::<u32>() + 16;
        self.arena.len() + self.terms.len() * per_term + self.posting_bytes + self.ends.len() * 10
    }

    /// Each field that has terms, ascending, with the terms sorted by value.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (FieldId, Vec<(&[u8], &Growing)>)> {
        (0..=FieldId::MAX).zip(&self.fields).filter(|(_, ids)| !ids.is_empty()).map(|(field, ids)| {
            let terms = ids.iter().filter_map(|&id| self.terms.get(id as usize));
            let mut terms: Vec<_> = terms.map(|term| (self.value_of(term), &term.posting)).collect();
            terms.sort_unstable_by_key(|&(value, _)| value);
            (field, terms)
        })
    }

    /// The number of terms of each field that has any, ascending.
    pub(super) fn term_counts(&self) -> Vec<(FieldId, u32)> {
        let counts = (0..=FieldId::MAX).zip(&self.fields).filter(|(_, ids)| !ids.is_empty());
        counts.map(|(field, ids)| (field, u32::try_from(ids.len()).unwrap_or(u32::MAX))).collect()
    }

    fn of_field(&self, field: FieldId, from: usize) -> impl Iterator<Item = (&[u8], &Growing)> {
        let ids = self.fields.get(usize::from(field)).and_then(|ids| ids.get(from..)).unwrap_or_default();
        let terms = ids.iter().take(SCAN_TERMS).filter_map(|&id| self.terms.get(id as usize));
        terms.map(|term| (self.value_of(term), &term.posting))
    }
}

/// A segment with its index in memory. One thread appends, others read.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: u64,
    pub(super) dir: Arc<Path>,
    pub(super) file: Arc<File>,
    index: Mutex<LiveIndex>,
    /// The index once nothing is appended any more: from then on it is read without a lock.
    frozen: OnceLock<LiveIndex>,
}

impl Live {
    pub(super) fn new(id: u64, dir: Arc<Path>, file: Arc<File>, index: LiveIndex) -> Self {
        Live { id, dir, file, index: Mutex::new(index), frozen: OnceLock::new() }
    }

    /// The file's present name.
    pub(super) fn path(&self) -> PathBuf {
        match self.frozen.get() {
            Some(_) => self.dir.join(names::numbered(self.id)),
            None => self.dir.join(names::ACTIVE),
        }
    }

    /// Runs `f` with the index locked; only the writer may, and only before `freeze`.
    pub(super) fn change<T>(&self, f: impl FnOnce(&mut LiveIndex) -> T) -> T {
        f(&mut lock(&self.index))
    }

    /// Nothing is appended any more.
    pub(super) fn freeze(&self) -> &LiveIndex {
        let mut index = lock(&self.index);
        self.frozen.get_or_init(|| std::mem::take(&mut *index))
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&LiveIndex) -> T) -> T {
        if let Some(frozen) = self.frozen.get() {
            return f(frozen);
        }
        let index = lock(&self.index);
        match self.frozen.get() {
            Some(frozen) => f(frozen),
            None => f(&index),
        }
    }

    /// Whether it is the active segment, or was when it was opened.
    pub(super) fn is_active(&self) -> bool {
        self.frozen.get().is_none()
    }

    /// The entries added so far have reached the file.
    pub(super) fn publish(&self) {
        self.change(|index| index.visible = index.entries());
    }

    pub(super) fn visible(&self) -> u32 {
        self.with(|index| index.visible)
    }

    /// Length of the lines of the first `entries` entries.
    pub(super) fn bytes(&self, entries: u32) -> u64 {
        self.with(|index| match entries.checked_sub(1) {
            Some(last) => index.ends.get(last as usize).copied().unwrap_or(0),
            None => 0,
        })
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        self.with(|index| index.stamps.bounds())
    }

    pub(super) fn postings(&self, limit: u32, field: FieldId, test: &ValueTest<'_>) -> RoaringBitmap {
        let mut union = Union::default();
        if let ValueTest::Equals(value) = test {
            let value = super::read::cut(value);
            let found = self.with(|index| {
                let id = index.find(field, value)?;
                index.terms.get(id as usize).map(|term| term.posting.clone())
            });
            if let Some(found) = found {
                found.runs(limit, &mut |first, last| union.add(first, last));
            }
            return union.finish();
        }
        test.ready(|accepts| {
            let mut from = 0;
            loop {
                let (seen, found) = self.with(|index| {
                    let mut seen = 0;
                    let mut found = Vec::new();
                    for (value, posting) in index.of_field(field, from) {
                        seen += 1;
                        if accepts(value) {
                            found.push(posting.clone());
                        }
                    }
                    (seen, found)
                });
                for posting in found {
                    posting.runs(limit, &mut |first, last| union.add(first, last));
                }
                from += seen;
                if seen < SCAN_TERMS {
                    break;
                }
            }
        });
        union.finish()
    }

    /// Calls `f` with each value of `field` that one of the first `limit` entries has and how many have it.
    pub(super) fn values(&self, limit: u32, field: FieldId, f: &mut dyn FnMut(&[u8], u64)) {
        let mut from = 0;
        loop {
            let part: Vec<(Vec<u8>, u32)> = self.with(|index| {
                let terms = index.of_field(field, from);
                terms.map(|(value, posting)| (value.to_vec(), posting.count_below(limit))).collect()
            });
            for (value, count) in &part {
                if *count > 0 {
                    f(value, u64::from(*count));
                }
            }
            from += part.len();
            if part.len() < SCAN_TERMS {
                return;
            }
        }
    }

    pub(super) fn filter(&self, range: Range, candidates: &mut RoaringBitmap) -> Result<(), Error> {
        let stamps = self.with(|index| match index.stamps.bounds() {
            Some(bounds) if range.contains(&bounds) => None,
            // A copy, about one byte an entry, so that the lock is not held for the whole walk.
            _ => Some(index.stamps.clone()),
        });
        let Some(stamps) = stamps else { return Ok(()) };
        let block = |number| Ok(stamps.block(number).unwrap_or_default().to_vec());
        stamps::filter(stamps.heads.iter().copied(), block, range, candidates)
    }

    pub(super) fn stamp(&self, ordinal: u32) -> Result<Stamp, Error> {
        self.with(|index| index.stamps.get(ordinal)).ok_or_else(|| self.none(ordinal))
    }

    fn none(&self, ordinal: u32) -> Error {
        Error::NoSuchEntry { segment: self.id, entries: self.visible(), ordinal }
    }

    /// Puts the line of `ordinal` into `out` in place of what was there.
    pub(super) fn read(&self, ordinal: u32, out: &mut Vec<u8>) -> Result<(), Error> {
        let found = self.with(|index| {
            let start = match ordinal.checked_sub(1) {
                Some(before) => *index.ends.get(before as usize)?,
                None => 0,
            };
            Some((start, *index.ends.get(ordinal as usize)?))
        });
        let (start, end) = found.ok_or_else(|| self.none(ordinal))?;
        let length = usize::try_from(end - start - 1).unwrap_or(usize::MAX);
        out.clear();
        out.resize(length, 0);
        self.file.read_exact_at(out, start).map_err(|error| Error::io("read", &self.path())(error))
    }
}
