//! The `.seg` file: lines in independent zstd frames, a frame table, a footer.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use zstd::zstd_safe::{self, CCtx, DCtx};

use super::LINE_BYTES_MAX;
use super::cache::lock;
use super::dictionary::{Decoder, DictionaryId, Encoder};
use super::error::Error;
use super::footer::{FOOTER_BYTES, Footer, ITEM_BYTES, SKIPPABLE, header};
use super::pages::{self, Kind, PageBuffer, Pages};
use super::stamps::{Bounds, take_u32, take_u64};

/// A frame is closed by the line that brings it to this length. One hit costs one frame, which is some 20 µs.
const FRAME_BYTES: usize = 48 << 10;
/// No frame is longer when read.
const FRAME_BYTES_MAX: usize = (64 << 10) + LINE_BYTES_MAX + 1;

/// An item of the frame table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    offset: u64,
    stored_bytes: u32,
    pub(super) plain_bytes: u32,
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

impl Plain<'_> {
    /// Length of all lines.
    pub(super) fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(super) fn read(&self, out: &mut [u8], at: u64) -> Result<(), Error> {
        self.file.read_exact_at(out, at).map_err(Error::io("read", self.path))
    }
}

/// Writes a sealed segment; `None` where `stop` was set meanwhile.
pub(super) fn write(
    plain: &Plain<'_>,
    dictionary: Option<&Encoder>,
    out: &mut impl Write,
    out_path: &Path,
    stop: &AtomicBool,
) -> Result<Option<Footer>, Error> {
    let failed = |error| Error::io("write", out_path)(error);
    let mut compressor = CCtx::create();
    let head = header(plain.segment, dictionary);
    out.write_all(&head).map_err(failed)?;
    let mut offset = head.len() as u64;
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
        plain.read(&mut lines, start)?;
        stored.clear();
        stored.reserve(zstd_safe::compress_bound(lines.len()));
        let compressed = match dictionary {
            Some(dictionary) => compressor.compress_using_cdict(&mut stored, &lines, &dictionary.prepared),
            None => compressor.compress(&mut stored, &lines, plain.level),
        };
        compressed.map_err(|code| failed(coded(code)))?;
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
        dictionary: dictionary.map(|dictionary| DictionaryId::of(&dictionary.bytes)).unwrap_or_default(),
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

/// What zstd says of an error.
fn coded(code: usize) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}

fn overlong(plain: &Plain<'_>) -> Error {
    Error::Foreign { path: plain.path.to_path_buf(), reason: "it is too long for a segment" }
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

    /// All lines with their newlines.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its memory, for the next frame.
    pub(super) fn into_room(self) -> Room {
        Room(self.bytes, self.ends)
    }

    fn has(&self, ordinal: u32) -> bool {
        ordinal.checked_sub(self.first).is_some_and(|place| (place as usize) < self.ends.len())
    }
}

/// Frames kept: one for each of so many threads that read. A thread asks for the next line of the one it read last.
const RECENT: usize = 8;

/// The frames that were read last, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct RecentFrames(Mutex<Vec<Recent>>);

#[derive(Debug)]
struct Recent {
    thread: ThreadId,
    /// Of the segment.
    generation: u64,
    frame: Arc<Frame>,
}

impl RecentFrames {
    /// The frame with the line of `ordinal`, if it is here.
    pub(super) fn get(&self, generation: u64, ordinal: u32) -> Option<Arc<Frame>> {
        let mut recent = lock(&self.0);
        let has = |recent: &Recent| recent.generation == generation && recent.frame.has(ordinal);
        let place = recent.iter().rposition(has)?;
        if let Some(from) = recent.get_mut(place..) {
            from.rotate_left(1);
        }
        recent.last().map(|recent| recent.frame.clone())
    }

    /// Room for one more frame of this thread. It is that of its last one, or of the oldest, if nobody reads that: memory
    /// that was never touched costs more than decompressing into it.
    pub(super) fn room(&self) -> Room {
        let mut recent = lock(&self.0);
        let thread = thread::current().id();
        let own = recent.iter().position(|recent| recent.thread == thread);
        let Some(place) = own.or((recent.len() >= RECENT).then_some(0)) else { return Room::default() };
        let done = recent.remove(place).frame;
        Arc::into_inner(done).map_or_else(Room::default, Frame::into_room)
    }

    pub(super) fn keep(&self, generation: u64, frame: Arc<Frame>) {
        lock(&self.0).push(Recent { thread: thread::current().id(), generation, frame });
    }
}

/// Memory for a frame's lines and where they end.
#[derive(Debug, Default)]
pub(super) struct Room(Vec<u8>, Vec<u32>);

/// A sealed segment's frames.
pub(super) struct Frames<'a> {
    pub(super) file: &'a File,
    pub(super) footer: &'a Footer,
    pub(super) decoder: Option<&'a Decoder>,
    pub(super) pages: Pages<'a>,
}

impl Frames<'_> {
    pub(super) fn item(&self, number: u32) -> Result<Item, Error> {
        let mut bytes = [0; ITEM_BYTES];
        let start = u64::from(number) * ITEM_BYTES as u64;
        TABLE_PAGES.with_borrow_mut(|buffers| self.pages.read_by(buffers, start, &mut bytes))?;
        Item::take(&bytes).ok_or_else(|| Error::damaged(self.pages.path, "the frame table is too short"))
    }

    /// The number of the frame that has the line of `ordinal`, which is below the number of entries.
    pub(super) fn find(&self, ordinal: u32) -> Result<u32, Error> {
        let (mut low, mut high) = (0, self.footer.frames);
        // Frames have nearly the same number of lines, so the first guess is nearly right, and its page the only one.
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

    pub(super) fn load(&self, number: u32, room: Room) -> Result<Frame, Error> {
        let path = self.pages.path;
        let wrong = |what: &str| Error::damaged(path, format!("frame {number} {what}"));
        let (item, lines) = (self.item(number)?, self.lines(number)?);
        let (stored_bytes, plain_bytes) = (item.stored_bytes as usize, item.plain_bytes as usize);
        let inside = item.offset.checked_add(u64::from(item.stored_bytes));
        if plain_bytes > FRAME_BYTES_MAX
            || stored_bytes > zstd_safe::compress_bound(FRAME_BYTES_MAX)
            || inside.is_none_or(|end| end > self.footer.file_bytes)
        {
            return Err(wrong("has an impossible length"));
        }
        let Room(mut bytes, mut ends) = room;
        bytes.clear();
        // Frames differ by a line or so: one room is to fit the next frame too.
        bytes.reserve_exact(plain_bytes.next_multiple_of(16 << 10));
        DECOMPRESSOR.with_borrow_mut(|(decompressor, stored)| {
            stored.resize(stored_bytes, 0);
            self.file.read_exact_at(stored, item.offset).map_err(Error::io("read", path))?;
            if crc32fast::hash(stored) != item.crc {
                return Err(wrong("does not match its checksum"));
            }
            let decompressed = match self.decoder {
                Some(decoder) => decompressor.decompress_using_ddict(&mut bytes, stored, &decoder.0),
                None => decompressor.decompress(&mut bytes, stored),
            };
            decompressed.map_err(|code| Error::io("decompress", path)(coded(code)))
        })?;
        ends.clear();
        ends.extend(memchr::memchr_iter(b'\n', &bytes).filter_map(|at| u32::try_from(at).ok()));
        if bytes.len() != plain_bytes || ends.len() != lines as usize || bytes.last() != Some(&b'\n') {
            return Err(wrong("has not the lines that the table says"));
        }
        Ok(Frame { first: item.first, bytes, ends })
    }
}

thread_local! {
    /// The two pages of a frame table that were read last: hits that lie apart seldom want the same page again, but a look-up
    /// may go to and fro between two.
    static TABLE_PAGES: RefCell<[PageBuffer; 2]> = RefCell::default();
    /// A decompressor, which takes longer to make than a frame to decompress, and the bytes of a frame as they are stored.
    static DECOMPRESSOR: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}
