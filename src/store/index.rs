//! Reads an `.idx` file, by pages and only what is asked for.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fst::{Automaton, IntoStreamer, Map, Streamer};
use roaring::RoaringBitmap;

use super::cache::Cache;
use super::error::Error;
use super::index_writer::Binding;
use super::pages::{PAGE, PAYLOAD, PageCache, Pages};
use super::posting::{LIST_HEAD_MAX, ListHead, Number, Union};
use super::read::{ValueTest, cut};
use super::stamps::{self, BLOCK, Bounds, HEAD_BYTES, Range, take_u32, take_u64};
use super::term::{FieldId, TERM_BYTES_MAX};
use super::{INDEX_BYTES_MAX, LINE_BYTES_MAX, Stamp};

const MAGIC: &[u8; 8] = b"ktrailIX";
const VERSION: u8 = 1;
/// Where the fields begin in the head.
const FIELDS_AT: usize = 128;
const FIELD_BYTES: usize = 12;
const FIELDS_MAX: usize = 255;
/// Bytes that all terms of a field have together at most: an index in memory has no more when its segment is rotated, and the
/// last entry's come from one line. So many steps a walk through a dictionary may take, and so much of it is kept.
const TERMS_BYTES_MAX: usize = INDEX_BYTES_MAX + 2 * LINE_BYTES_MAX;
/// What a term that is kept takes besides its bytes; less than an index in memory reckons with.
const TERM_BYTES_MORE: usize = 56;
/// Bytes of postings that a walk reads at most: those of all terms, and for each difference those that it differs from.
const POSTINGS_BYTES_MAX: usize = 16 * INDEX_BYTES_MAX;

/// Dictionaries that were used lately, by generation and field.
pub(super) type DictionaryCache = Cache<(u64, FieldId), Arc<Map<Vec<u8>>>>;

/// A number that no other index or segment in this process has, for the keys of the caches.
pub(super) fn generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A field's item in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) field: FieldId,
    pub(super) terms: u32,
    /// Length of its dictionary.
    pub(super) bytes: u32,
}

/// The head of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) entries: u32,
    pub(super) bounds: Bounds,
    pub(super) binding: Binding,
    pub(super) postings_bytes: u64,
    pub(super) directory_bytes: u64,
    pub(super) stamps_bytes: u64,
    pub(super) fields: Vec<Field>,
}

impl Head {
    pub(super) fn encode(&self, segment: u64) -> Vec<u8> {
        let fields = u16::try_from(self.fields.len()).expect("a field number is one byte");
        let mut out = Vec::with_capacity(PAGE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, 0]);
        out.extend_from_slice(&fields.to_le_bytes());
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&segment.to_le_bytes());
        out.extend_from_slice(&self.bounds.time_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.time_max.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_max.to_le_bytes());
        out.extend_from_slice(&self.binding.bytes.to_le_bytes());
        out.extend_from_slice(&self.binding.footer_crc.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.postings_bytes.to_le_bytes());
        out.extend_from_slice(&self.directory_bytes.to_le_bytes());
        out.extend_from_slice(&self.stamps_bytes.to_le_bytes());
        out.resize(FIELDS_AT, 0);
        for field in &self.fields {
            out.extend_from_slice(&[field.field, 0, 0, 0]);
            out.extend_from_slice(&field.terms.to_le_bytes());
            out.extend_from_slice(&field.bytes.to_le_bytes());
        }
        out
    }

    /// Reads the payload of page 0. The checksum has been compared.
    fn parse(payload: &[u8], segment: u64, path: &Path) -> Result<Head, Error> {
        let wrong = |what: &str| Error::damaged(path, what);
        let mut rest = payload.strip_prefix(MAGIC).ok_or_else(|| wrong("it does not begin with ktrailIX"))?;
        match rest.first() {
            Some(&VERSION) => {}
            version => {
                let version = version.copied().unwrap_or(0);
                return Err(Error::Version { path: path.to_path_buf(), version });
            }
        }
        Self::fields(&mut rest, payload, segment).ok_or_else(|| wrong("its head makes no sense"))
    }

    fn fields(rest: &mut &[u8], payload: &[u8], segment: u64) -> Option<Head> {
        let count = usize::try_from(take_u32(rest)? >> 16).ok().filter(|&count| count <= FIELDS_MAX)?;
        let entries = take_u32(rest)?;
        if take_u64(rest)? != segment {
            return None;
        }
        let bounds = Bounds {
            time_min: take_u64(rest)?,
            time_max: take_u64(rest)?,
            serial_min: take_u32(rest)?,
            serial_max: take_u32(rest)?,
        };
        let binding = Binding { bytes: take_u64(rest)?, footer_crc: take_u32(rest)? };
        take_u32(rest)?;
        let (postings_bytes, directory_bytes, stamps_bytes) =
            (take_u64(rest)?, take_u64(rest)?, take_u64(rest)?);
        let items = payload.get(FIELDS_AT..FIELDS_AT + count * FIELD_BYTES)?;
        let mut fields = Vec::with_capacity(count);
        for mut item in items.chunks_exact(FIELD_BYTES) {
            let field = *item.first()?;
            take_u32(&mut item)?;
            fields.push(Field { field, terms: take_u32(&mut item)?, bytes: take_u32(&mut item)? });
        }
        let blocks = u64::from(entries.div_ceil(BLOCK));
        (directory_bytes == blocks * HEAD_BYTES as u64).then_some(Head {
            entries,
            bounds,
            binding,
            postings_bytes,
            directory_bytes,
            stamps_bytes,
            fields,
        })
    }

    /// How many pages the file has; `None` where the lengths make no sense.
    pub(super) fn pages(&self) -> Option<u64> {
        let parts = [self.postings_bytes, self.directory_bytes, self.stamps_bytes];
        let stream = parts.iter().try_fold(self.postings_at(), |sum, &part| sum.checked_add(part))?;
        Some(1 + stream.div_ceil(PAYLOAD as u64))
    }

    fn postings_at(&self) -> u64 {
        self.fields.iter().map(|field| u64::from(field.bytes)).sum()
    }

    fn directory_at(&self) -> u64 {
        self.postings_at().saturating_add(self.postings_bytes)
    }

    fn stamps_at(&self) -> u64 {
        self.directory_at().saturating_add(self.directory_bytes)
    }
}

/// What all segments share: caches with a limit each.
#[derive(Debug)]
pub(super) struct IndexCaches {
    pub(super) pages: PageCache,
    pub(super) dictionaries: DictionaryCache,
}

/// An index whose head has been read.
pub(super) struct Index<'a> {
    pub(super) head: &'a Head,
    pub(super) pages: Pages<'a>,
    pub(super) dictionaries: &'a DictionaryCache,
}

/// Reads the head of an index.
pub(super) fn read_head(pages: &Pages<'_>) -> Result<Head, Error> {
    Head::parse(&pages.page_once(0)?, pages.segment, pages.path)
}

impl Index<'_> {
    fn dictionary(&self, field: FieldId) -> Result<Option<Arc<Map<Vec<u8>>>>, Error> {
        let mut start = 0u64;
        for item in &self.head.fields {
            if item.field == field {
                let key = (self.pages.generation, field);
                if let Some(map) = self.dictionaries.get(&key) {
                    return Ok(Some(map));
                }
                let bytes = self.pages.read(1, start, item.bytes as usize)?;
                let weight = bytes.len() + 64;
                let map = Map::new(bytes).map_err(|_| self.damaged("a dictionary"))?;
                let map = Arc::new(map);
                self.dictionaries.insert(key, map.clone(), weight);
                return Ok(Some(map));
            }
            start += u64::from(item.bytes);
        }
        Ok(None)
    }

    fn damaged(&self, what: &str) -> Error {
        Error::damaged(self.pages.path, format!("{what} makes no sense"))
    }

    pub(super) fn postings(&self, field: FieldId, test: &ValueTest<'_>) -> Result<RoaringBitmap, Error> {
        let mut union = Union::default();
        let Some(map) = self.dictionary(field)? else { return Ok(union.finish()) };
        if let ValueTest::Equals(value) = test {
            if let Some(number) = map.get(cut(value)) {
                self.add(number, &mut union)?;
            }
            return Ok(union.finish());
        }
        let walk = Walk::new();
        let (range, is_prefix) = match test {
            ValueTest::StartsWith(value) => (map.search(&walk).ge(cut(value)), true),
            _ => (map.search(&walk), false),
        };
        let mut stream = range.into_stream();
        let mut read_bytes = 0;
        test.ready(|accepts| {
            while let Some((value, number)) = stream.next() {
                if accepts(value) {
                    read_bytes += self.add(number, &mut union)?;
                    if read_bytes > POSTINGS_BYTES_MAX {
                        return Err(self.damaged("a dictionary"));
                    }
                } else if is_prefix {
                    break;
                }
            }
            Ok::<(), Error>(())
        })?;
        self.ended(&walk)?;
        Ok(union.finish())
    }

    /// Adds a term's ordinals to `union`; gives how many bytes were read for them.
    fn add(&self, number: u64, union: &mut Union) -> Result<usize, Error> {
        let wrong = || self.damaged("a posting");
        match Number::parse(number).ok_or_else(wrong)? {
            Number::Run(first, last) => {
                union.add(first, last);
                Ok(0)
            }
            Number::List(offset) => {
                let (head, body) = self.body(offset)?;
                head.add_to(&body, union).ok_or_else(wrong)?;
                Ok(body.len())
            }
            Number::Difference(offset) => {
                let (head, body) = self.body(offset)?;
                let mut rest = body.as_slice();
                let (base_head, base_body) = self.body(ListHead::base(&mut rest).ok_or_else(wrong)?)?;
                let (mut base, mut difference) = (Union::default(), Union::default());
                base_head.add_to(&base_body, &mut base).ok_or_else(wrong)?;
                head.add_to(rest, &mut difference).ok_or_else(wrong)?;
                union.add_difference(base, difference);
                Ok(body.len() + base_body.len())
            }
        }
    }

    /// The head and the body of the list at `offset` of the postings.
    fn body(&self, offset: u64) -> Result<(ListHead, Vec<u8>), Error> {
        let (head, start) = self.list(offset)?;
        let body = self.pages.read(1, start + head.head_bytes as u64, head.body_bytes)?;
        Ok((head, body))
    }

    /// The head of the list at `offset` of the postings, and where it begins in the stream.
    fn list(&self, offset: u64) -> Result<(ListHead, u64), Error> {
        let wrong = || self.damaged("a posting");
        let left = self.head.postings_bytes.checked_sub(offset).ok_or_else(wrong)?;
        let start = self.head.postings_at() + offset;
        let length = usize::try_from(left).unwrap_or(usize::MAX);
        let head = self.pages.read(1, start, length.min(LIST_HEAD_MAX))?;
        let head = ListHead::parse(&head).filter(|head| head.count <= self.head.entries).ok_or_else(wrong)?;
        match head.head_bytes.checked_add(head.body_bytes).filter(|&whole| whole <= length) {
            Some(_) => Ok((head, start)),
            None => Err(wrong()),
        }
    }

    pub(super) fn values(&self, field: FieldId, f: &mut dyn FnMut(&[u8], u64)) -> Result<(), Error> {
        let Some(map) = self.dictionary(field)? else { return Ok(()) };
        let walk = Walk::new();
        let mut told_bytes = 0;
        let mut stream = map.search(&walk).into_stream();
        while let Some((value, number)) = stream.next() {
            told_bytes += value.len() + TERM_BYTES_MORE;
            if told_bytes > TERMS_BYTES_MAX {
                return Err(self.damaged("a dictionary"));
            }
            match Number::parse(number).ok_or_else(|| self.damaged("a posting"))? {
                Number::Run(_, last) if last >= self.head.entries => return Err(self.damaged("a posting")),
                Number::Run(first, last) => f(value, u64::from(last - first) + 1),
                Number::List(offset) | Number::Difference(offset) => {
                    f(value, u64::from(self.list(offset)?.0.count));
                }
            }
        }
        self.ended(&walk)
    }

    fn ended(&self, walk: &Walk) -> Result<(), Error> {
        if walk.steps.get() > 0 { Ok(()) } else { Err(self.damaged("a dictionary")) }
    }

    pub(super) fn filter(&self, range: Range, candidates: &mut RoaringBitmap) -> Result<(), Error> {
        let length = usize::try_from(self.head.directory_bytes).unwrap_or(usize::MAX);
        let directory = self.pages.read(1, self.head.directory_at(), length)?;
        let heads: Option<Vec<stamps::Head>> =
            directory.chunks_exact(HEAD_BYTES).map(|mut item| stamps::Head::take(&mut item)).collect();
        let heads = heads.ok_or_else(|| self.damaged("the stamp directory"))?;
        let block = |number: usize| {
            let start = heads.get(number).map_or(0, |head| head.offset);
            self.block(start, heads.get(number + 1).map(|head| head.offset))
        };
        stamps::filter(heads.iter().copied(), block, range, candidates)
    }

    /// The stamps from offset `start` to `end`, or to the last.
    fn block(&self, start: u32, end: Option<u32>) -> Result<Vec<u8>, Error> {
        let end = end.map_or(self.head.stamps_bytes, u64::from);
        let length = end.min(self.head.stamps_bytes).checked_sub(u64::from(start));
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(|| self.damaged("the stamp directory"))?;
        self.pages.read(1, self.head.stamps_at() + u64::from(start), length)
    }

    pub(super) fn stamp(&self, ordinal: u32) -> Result<Stamp, Error> {
        let wrong = || self.damaged("the stamp directory");
        let item = HEAD_BYTES as u64;
        let place = u64::from(ordinal / BLOCK) * item;
        let length = self.head.directory_bytes.saturating_sub(place).min(2 * item);
        let heads = self.pages.read(1, self.head.directory_at() + place, length as usize)?;
        let mut rest = heads.as_slice();
        let head = stamps::Head::take(&mut rest).ok_or_else(wrong)?;
        let next = stamps::Head::take(&mut rest).map(|head| head.offset);
        stamps::nth(&self.block(head.offset, next)?, ordinal % BLOCK).ok_or_else(wrong)
    }
}

/// A walk through a dictionary, no longer than one through any dictionary that is made here: a forged one of some hundred bytes
/// can have more ways through it than can ever be walked. How long a dictionary is says little: one of some hundred bytes may
/// also be that of a hundred thousand numbered files.
struct Walk {
    /// Steps that are left, each to one byte of a term.
    steps: Cell<usize>,
}

impl Walk {
    fn new() -> Walk {
        Walk { steps: Cell::new(TERMS_BYTES_MAX) }
    }
}

impl Automaton for Walk {
    /// Length of the term so far.
    type State = usize;

    fn start(&self) -> usize {
        0
    }

    fn is_match(&self, _: &usize) -> bool {
        true
    }

    fn can_match(&self, length: &usize) -> bool {
        if *length > TERM_BYTES_MAX {
            self.steps.set(0);
        }
        self.steps.get() > 0
    }

    fn accept(&self, length: &usize, _: u8) -> usize {
        self.steps.set(self.steps.get().saturating_sub(1));
        length + 1
    }
}
