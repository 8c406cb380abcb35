//! Checked pages: a stream of bytes of which any part can be read and believed without the rest.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::INDEX_BYTES_MAX;
use super::cache::Cache;
use super::error::Error;

/// Length of a page in bytes: the unit in which the kernel reads ahead.
pub(super) const PAGE: usize = 4096;
/// Length of what a page carries.
pub(super) const PAYLOAD: usize = PAGE - 4;
/// Bytes that are read into memory at once at most: more than a dictionary or the postings of a term take in a file that was
/// made here. A forged one may name any length, and a file with holes have it.
const READ_BYTES_MAX: usize = 4 * INDEX_BYTES_MAX;

/// What the pages of a stream are part of; its number goes into every checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Index = 1,
    Frames = 2,
}

/// Pages that were read lately, by generation and number.
pub(super) type PageCache = Cache<(u64, u32), Arc<Vec<u8>>>;

fn checksum(kind: Kind, segment: u64, number: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(&(kind as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Appends `stream` as pages, the first of them with number `first`.
pub(super) fn put(kind: Kind, segment: u64, first: u32, stream: &[u8], out: &mut Vec<u8>) {
    for (number, payload) in (first..).zip(stream.chunks(PAYLOAD)) {
        let start = out.len();
        out.extend_from_slice(payload);
        out.resize(start + PAYLOAD, 0);
        let checksum = checksum(kind, segment, number, out.get(start..).unwrap_or_default());
        out.extend_from_slice(&checksum.to_le_bytes());
    }
}

/// Where bytes are read from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    File(&'a File),
    Memory(&'a [u8]),
}

impl Source<'_> {
    pub(super) fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Source::File(file) => file.read_exact_at(out, offset),
            Source::Memory(bytes) => {
                let start = usize::try_from(offset).ok();
                let range = start.and_then(|start| Some(start..start.checked_add(out.len())?));
                let found = range.and_then(|range| bytes.get(range));
                out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

/// Room for one page, and which one is in it.
#[derive(Debug, Default)]
pub(super) struct PageBuffer {
    /// Generation and number.
    key: Option<(u64, u32)>,
    bytes: Vec<u8>,
}

/// A stream in checked pages.
pub(super) struct Pages<'a> {
    pub(super) kind: Kind,
    pub(super) segment: u64,
    /// Offset of page 0 in the source.
    pub(super) base: u64,
    /// Distinguishes these pages from all others in the cache.
    pub(super) generation: u64,
    pub(super) source: Source<'a>,
    pub(super) cache: &'a PageCache,
    pub(super) path: &'a Path,
}

impl Pages<'_> {
    /// Reads `len` bytes from `start` of the stream that begins with page `first`.
    pub(super) fn read(&self, first: u32, start: u64, len: usize) -> Result<Vec<u8>, Error> {
        if len == 0 {
            return Ok(Vec::new());
        }
        if len > READ_BYTES_MAX {
            return Err(self.damaged(first));
        }
        let payload = PAYLOAD as u64;
        let end = start.checked_add(len as u64).ok_or_else(|| self.damaged(first))?;
        let from = self.number(first, start / payload)?;
        let until = self.number(first, (end - 1) / payload)?;
        let skip = (start % payload) as usize;
        let mut out = Vec::with_capacity(len);
        if until - from < 2 {
            for number in from..=until {
                let page = self.page(number)?;
                let skip = if number == from { skip } else { 0 };
                let part = page.get(skip..).unwrap_or_default();
                out.extend_from_slice(part.get(..len - out.len()).unwrap_or(part));
            }
            return Ok(out);
        }
        let pages = (until - from + 1) as usize;
        let mut bytes = vec![0; pages * PAGE];
        self.fill(&mut bytes, from)?;
        for (number, page) in (from..).zip(bytes.chunks_exact(PAGE)) {
            let payload = self.verify(number, page)?;
            let skip = if number == from { skip } else { 0 };
            let part = payload.get(skip..).unwrap_or_default();
            out.extend_from_slice(part.get(..len - out.len()).unwrap_or(part));
        }
        Ok(out)
    }

    /// Fills `out` with what is from `start` of the stream that begins with page 0, by a buffer and not by the cache.
    pub(super) fn read_by(
        &self,
        buffers: &mut [PageBuffer; 2],
        start: u64,
        mut out: &mut [u8],
    ) -> Result<(), Error> {
        let payload = PAYLOAD as u64;
        let (mut page, mut skip) = (start / payload, (start % payload) as usize);
        while !out.is_empty() {
            let bytes = self.buffered(buffers, self.number(0, page)?)?.get(skip..).unwrap_or_default();
            let (part, rest) = out.split_at_mut(bytes.len().min(out.len()));
            part.copy_from_slice(bytes.get(..part.len()).unwrap_or_default());
            (out, page, skip) = (rest, page + 1, 0);
        }
        Ok(())
    }

    /// The payload of one page, which is then in the first buffer.
    fn buffered<'b>(&self, buffers: &'b mut [PageBuffer; 2], number: u32) -> Result<&'b [u8], Error> {
        let key = Some((self.generation, number));
        if buffers[0].key != key {
            buffers.swap(0, 1);
        }
        let buffer = &mut buffers[0];
        if buffer.key != key {
            buffer.key = None;
            buffer.bytes.resize(PAGE, 0);
            self.fill(&mut buffer.bytes, number)?;
            self.verify(number, &buffer.bytes)?;
            buffer.key = key;
        }
        Ok(buffer.bytes.get(..PAYLOAD).unwrap_or_default())
    }

    /// The payload of one page, through the cache.
    pub(super) fn page(&self, number: u32) -> Result<Arc<Vec<u8>>, Error> {
        let key = (self.generation, number);
        if let Some(page) = self.cache.get(&key) {
            return Ok(page);
        }
        let page = Arc::new(self.page_once(number)?);
        self.cache.insert(key, page.clone(), PAGE);
        Ok(page)
    }

    /// The payload of a page that will not be asked for again.
    pub(super) fn page_once(&self, number: u32) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; PAGE];
        self.fill(&mut bytes, number)?;
        self.verify(number, &bytes)?;
        bytes.truncate(PAYLOAD);
        Ok(bytes)
    }

    fn number(&self, first: u32, page: u64) -> Result<u32, Error> {
        u32::try_from(page).ok().and_then(|page| first.checked_add(page)).ok_or_else(|| self.damaged(first))
    }

    fn fill(&self, out: &mut [u8], number: u32) -> Result<(), Error> {
        let offset = self.base + u64::from(number) * PAGE as u64;
        self.source.read_at(out, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(number),
            _ => Error::io("read", self.path)(error),
        })
    }

    fn verify<'b>(&self, number: u32, page: &'b [u8]) -> Result<&'b [u8], Error> {
        let (payload, stored) = page.split_last_chunk::<4>().ok_or_else(|| self.damaged(number))?;
        if checksum(self.kind, self.segment, number, payload) != u32::from_le_bytes(*stored) {
            return Err(self.damaged(number));
        }
        Ok(payload)
    }

    fn damaged(&self, number: u32) -> Error {
        let what = match self.kind {
            Kind::Index => format!("page {number} of the index does not match its checksum"),
            Kind::Frames => format!("page {number} of the frame table does not match its checksum"),
        };
        Error::damaged(self.path, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_reads_back_and_a_flipped_bit_is_seen() {
        let stream: Vec<u8> = (0..PAYLOAD * 5 + 17).map(|n| (n * 31 % 251) as u8).collect();
        let mut bytes = Vec::new();
        put(Kind::Index, 42, 0, &stream, &mut bytes);
        assert_eq!(bytes.len(), 6 * PAGE);
        let read = |bytes: Vec<u8>, segment, start: usize, len: usize| {
            let cache = PageCache::new(1 << 20);
            let (path, source) = (Path::new("x"), Source::Memory(&bytes));
            let pages =
                Pages { kind: Kind::Index, segment, base: 0, generation: 1, source, cache: &cache, path };
            pages.read(0, start as u64, len)
        };
        for (start, len) in
            [(0, 0), (0, 1), (4091, 2), (4092, 4092), (10, 9000), (1, stream.len() - 1), (20470, 7)]
        {
            assert_eq!(read(bytes.clone(), 42, start, len).unwrap(), stream[start..start + len]);
        }
        assert!(read(bytes.clone(), 43, 0, 1).is_err(), "a page of another segment");
        assert!(read(bytes.clone(), 42, 6 * PAYLOAD, 1).is_err(), "beyond the end");
        bytes[5000] ^= 4;
        assert!(read(bytes.clone(), 42, 0, 5000).is_err());
        assert!(read(bytes, 42, 0, 4092).is_ok());
    }
}
