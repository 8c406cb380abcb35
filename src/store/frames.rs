//! The `.seg` file: lines in independent zstd frames, a frame table, a footer.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::Error;
use super::pages::{self, Kind, PAGE, PAYLOAD, Pages};
use super::stamps::{Bounds, take_u32, take_u64};
use super::{LINE_BYTES_MAX, posting};

/// A frame is closed by the line that brings it to this length. One hit costs one frame, which is some 25 µs; twice the
/// length costs twice that and saves a twelfth of the space.
pub(super) const FRAME_BYTES: usize = 64 << 10;
/// No frame is longer when read.
const FRAME_BYTES_MAX: usize = FRAME_BYTES + LINE_BYTES_MAX + 1;

const SKIPPABLE: u32 = 0x184d_2a50;
const HEADER_BYTES: usize = 64;
const FOOTER_BYTES: usize = 128;
const ITEM_BYTES: usize = 24;
const VERSION: u8 = 1;
const CODEC_ZSTD: u8 = 1;
const HEADER_MAGIC: &[u8; 8] = b"ktrailSG";
const FOOTER_MAGIC: &[u8; 8] = b"ktrailSF";

/// The footer of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) frames: u32,
    pub(super) entries: u32,
    pub(super) plain_bytes: u64,
    pub(super) bounds: Bounds,
    table_at: u64,
    /// Length of the whole file.
    pub(super) file_bytes: u64,
    pub(super) crc: u32,
}

/// An item of the frame table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    offset: u64,
    stored_bytes: u32,
    plain_bytes: u32,
    pub(super) first: u32,
    crc: u32,
}

impl Item {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        for number in [self.stored_bytes, self.plain_bytes, self.first, self.crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn take(mut bytes: &[u8]) -> Option<Item> {
        let bytes = &mut bytes;
        Some(Item {
            offset: take_u64(bytes)?,
            stored_bytes: take_u32(bytes)?,
            plain_bytes: take_u32(bytes)?,
            first: take_u32(bytes)?,
            crc: take_u32(bytes)?,
        })
    }
}

fn header(segment: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(&SKIPPABLE.to_le_bytes());
    out.extend_from_slice(&(HEADER_BYTES as u32 - 8).to_le_bytes());
    out.extend_from_slice(HEADER_MAGIC);
    out.extend_from_slice(&[VERSION, CODEC_ZSTD, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&segment.to_le_bytes());
    out.resize(HEADER_BYTES - 4, 0);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// What becomes a sealed segment.
pub(super) struct Plain<'a> {
    pub(super) segment: u64,
    pub(super) file: &'a File,
    pub(super) path: &'a Path,
    /// Where each line ends in `file`.
    pub(super) ends: &'a [u64],
    pub(super) bounds: Bounds,
    pub(super) level: i32,
}

/// Writes a sealed segment; `None` where `stop` was set meanwhile.
pub(super) fn write(
    plain: &Plain<'_>,
    out: &mut impl Write,
    out_path: &Path,
    stop: &AtomicBool,
) -> Result<Option<Footer>, Error> {
    let failed = |error| Error::io("write", out_path)(error);
    let mut compressor = zstd::bulk::Compressor::new(plain.level).map_err(failed)?;
    out.write_all(&header(plain.segment)).map_err(failed)?;
    let mut offset = HEADER_BYTES as u64;
    let (mut lines, mut stored) = (Vec::new(), Vec::new());
    let (mut table, mut frames, mut start, mut first) = (Vec::new(), 0u32, 0u64, 0usize);
    while first < plain.ends.len() {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let rest = plain.ends.get(first..).unwrap_or_default();
        let whole = rest.partition_point(|&end| end - start < FRAME_BYTES as u64);
        let count = rest.len().min(whole + 1);
        let end = rest.get(count - 1).copied().unwrap_or(start);
        let plain_bytes = u32::try_from(end - start).map_err(|_| overlong(plain))?;
        lines.resize(plain_bytes as usize, 0);
        plain.file.read_exact_at(&mut lines, start).map_err(Error::io("read", plain.path))?;
        stored.clear();
        stored.reserve(zstd::zstd_safe::compress_bound(lines.len()));
        compressor.compress_to_buffer(lines.as_slice(), &mut stored).map_err(failed)?;
        out.write_all(&stored).map_err(failed)?;
        let item = Item {
            offset,
            stored_bytes: u32::try_from(stored.len()).map_err(|_| overlong(plain))?,
            plain_bytes,
            first: u32::try_from(first).map_err(|_| overlong(plain))?,
            crc: crc32fast::hash(&stored),
        };
        item.put(&mut table);
        offset += stored.len() as u64;
        (start, first, frames) = (end, first + count, frames + 1);
    }
    let entries = u32::try_from(first).map_err(|_| overlong(plain))?;
    let mut tail = Vec::new();
    pages::put(Kind::Frames, plain.segment, 0, &table, &mut tail);
    let mut footer = Footer {
        frames,
        entries,
        plain_bytes: start,
        bounds: plain.bounds,
        table_at: offset + 8,
        file_bytes: offset + 8 + tail.len() as u64 + FOOTER_BYTES as u64,
        crc: 0,
    };
    let skipped = u32::try_from(tail.len() + FOOTER_BYTES).map_err(|_| overlong(plain))?;
    footer.put(plain.segment, &mut tail);
    let head = [SKIPPABLE.to_le_bytes(), skipped.to_le_bytes()].concat();
    out.write_all(&head).and_then(|()| out.write_all(&tail)).and_then(|()| out.flush()).map_err(failed)?;
    Ok(Some(footer))
}

fn overlong(plain: &Plain<'_>) -> Error {
    Error::Foreign { path: plain.path.to_path_buf(), reason: "it is too long for a segment" }
}

impl Footer {
    /// Appends the footer and completes `self` with its checksum.
    fn put(&mut self, segment: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(FOOTER_MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&self.frames.to_le_bytes());
        out.extend_from_slice(&segment.to_le_bytes());
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.plain_bytes.to_le_bytes());
        out.extend_from_slice(&self.bounds.time_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.time_max.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_min.to_le_bytes());
        out.extend_from_slice(&self.bounds.serial_max.to_le_bytes());
        out.extend_from_slice(&self.table_at.to_le_bytes());
        out.resize(start + FOOTER_BYTES - 4, 0);
        self.crc = crc32fast::hash(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&self.crc.to_le_bytes());
    }

    /// Reads header and footer and compares what they say with each other and the file's length.
    pub(super) fn read(file: &File, segment: u64, path: &Path) -> Result<Footer, Error> {
        let file_bytes = file.metadata().map_err(Error::io("look at", path))?.len();
        let wrong = |what: &str| Error::damaged(path, what);
        let mut head = [0; HEADER_BYTES];
        let mut foot = [0; FOOTER_BYTES];
        let foot_at = file_bytes
            .checked_sub(FOOTER_BYTES as u64)
            .filter(|&at| at >= HEADER_BYTES as u64)
            .ok_or_else(|| wrong("it is too short"))?;
        file.read_exact_at(&mut head, 0).map_err(Error::io("read", path))?;
        file.read_exact_at(&mut foot, foot_at).map_err(Error::io("read", path))?;
        let version = |version: u8| match version {
            VERSION => Ok(()),
            version => Err(Error::Version { path: path.to_path_buf(), version }),
        };
        if !checked(&head) || !checked(&foot) {
            return Err(wrong("its header or footer does not match its checksum"));
        }
        match (head.get(8..18), foot.get(0..9)) {
            (
                Some([b'k', b't', b'r', b'a', b'i', b'l', b'S', b'G', first, CODEC_ZSTD]),
                Some([b'k', b't', b'r', b'a', b'i', b'l', b'S', b'F', second]),
            ) => version(*first).and_then(|()| version(*second))?,
            _ => return Err(wrong("it has not the marks of a sealed segment")),
        }
        Self::parse(&head, &foot, segment, file_bytes)
            .ok_or_else(|| wrong("its header or footer makes no sense"))
    }

    fn parse(head: &[u8], foot: &[u8], segment: u64, file_bytes: u64) -> Option<Footer> {
        let mut head = head.get(24..)?;
        let mut rest = foot.get(12..)?;
        let rest = &mut rest;
        let frames = take_u32(rest)?;
        if take_u64(&mut head)? != segment || take_u64(rest)? != segment {
            return None;
        }
        let entries = take_u32(rest)?;
        take_u32(rest)?;
        let plain_bytes = take_u64(rest)?;
        let bounds = Bounds {
            time_min: take_u64(rest)?,
            time_max: take_u64(rest)?,
            serial_min: take_u32(rest)?,
            serial_max: take_u32(rest)?,
        };
        let table_at = take_u64(rest)?;
        let crc = u32::from_le_bytes(*foot.last_chunk::<4>()?);
        let pages = (u64::from(frames) * ITEM_BYTES as u64).div_ceil(PAYLOAD as u64);
        let whole = table_at.checked_add(pages * PAGE as u64)?.checked_add(FOOTER_BYTES as u64)?;
        let sane = whole == file_bytes && entries < posting::ORDINALS_MAX && (frames > 0) == (entries > 0);
        sane.then_some(Footer { frames, entries, plain_bytes, bounds, table_at, file_bytes, crc })
    }

    /// Where the frame table's pages begin.
    pub(super) fn table_at(&self) -> u64 {
        self.table_at
    }
}

/// Whether the last four bytes are the checksum of those before.
fn checked(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(bytes, stored)| crc32fast::hash(bytes) == u32::from_le_bytes(*stored))
}

/// The lines of one frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// Ordinal of the first line.
    pub(super) first: u32,
    bytes: Vec<u8>,
    /// Where each line ends, its newline not counted.
    ends: Vec<u32>,
}

impl Frame {
    pub(super) fn line(&self, ordinal: u32) -> Option<&[u8]> {
        let place = ordinal.checked_sub(self.first)? as usize;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize + 1,
            None => 0,
        };
        self.bytes.get(start..*self.ends.get(place)? as usize)
    }

    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + 4 * self.ends.len()
    }
}

/// A sealed segment's frames.
pub(super) struct Frames<'a> {
    pub(super) file: &'a File,
    pub(super) footer: &'a Footer,
    pub(super) pages: Pages<'a>,
}

impl Frames<'_> {
    pub(super) fn item(&self, number: u32) -> Result<Item, Error> {
        let bytes = self.pages.read(0, u64::from(number) * ITEM_BYTES as u64, ITEM_BYTES)?;
        Item::take(&bytes).ok_or_else(|| Error::damaged(self.pages.path, "the frame table is too short"))
    }

    /// The number of the frame that has the line of `ordinal`, which is below the number of entries.
    pub(super) fn find(&self, ordinal: u32) -> Result<u32, Error> {
        let (mut low, mut high) = (0, self.footer.frames);
        // Frames have nearly the same number of lines, so the first guess is nearly right; the page then is cached.
        let guess = u64::from(ordinal) * u64::from(high) / u64::from(self.footer.entries.max(1));
        let mut middle = u32::try_from(guess).unwrap_or(0);
        let mut step = 8;
        while high - low > 1 {
            if self.item(middle)?.first <= ordinal {
                low = middle;
                middle = middle.saturating_add(step);
            } else {
                high = middle;
                middle = middle.saturating_sub(step);
            }
            step = step.saturating_mul(4);
            if middle <= low || middle >= high {
                middle = low + (high - low) / 2;
            }
        }
        Ok(low)
    }

    /// How many lines frame `number` has, by the table.
    pub(super) fn lines(&self, number: u32) -> Result<u32, Error> {
        let next = number + 1;
        let end = if next < self.footer.frames { self.item(next)?.first } else { self.footer.entries };
        let count = end.checked_sub(self.item(number)?.first);
        count.ok_or_else(|| Error::damaged(self.pages.path, "the frame table is not ascending"))
    }

    pub(super) fn load(&self, number: u32) -> Result<Frame, Error> {
        let path = self.pages.path;
        let wrong = |what: &str| Error::damaged(path, format!("frame {number} {what}"));
        let (item, lines) = (self.item(number)?, self.lines(number)?);
        let (stored_bytes, plain_bytes) = (item.stored_bytes as usize, item.plain_bytes as usize);
        let inside = item.offset.checked_add(u64::from(item.stored_bytes));
        if plain_bytes > FRAME_BYTES_MAX || inside.is_none_or(|end| end > self.footer.file_bytes) {
            return Err(wrong("has an impossible length"));
        }
        let mut stored = vec![0; stored_bytes];
        self.file.read_exact_at(&mut stored, item.offset).map_err(Error::io("read", path))?;
        if crc32fast::hash(&stored) != item.crc {
            return Err(wrong("does not match its checksum"));
        }
        let mut bytes = Vec::with_capacity(plain_bytes);
        let decompressed = DECOMPRESSOR.with_borrow_mut(|decompressor| match decompressor {
            Some(decompressor) => decompressor.decompress_to_buffer(&stored, &mut bytes),
            empty => empty.insert(zstd::bulk::Decompressor::new()?).decompress_to_buffer(&stored, &mut bytes),
        });
        decompressed.map_err(Error::io("decompress", path))?;
        let ends: Vec<u32> =
            memchr::memchr_iter(b'\n', &bytes).filter_map(|at| u32::try_from(at).ok()).collect();
        if bytes.len() != plain_bytes || ends.len() != lines as usize || bytes.last() != Some(&b'\n') {
            return Err(wrong("has not the lines that the table says"));
        }
        Ok(Frame { first: item.first, bytes, ends })
    }
}

thread_local! {
    /// Making a decompressor takes longer than decompressing a frame.
    static DECOMPRESSOR: std::cell::RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        const { std::cell::RefCell::new(None) };
}
