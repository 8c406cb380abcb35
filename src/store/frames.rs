//! The `.seg` file: lines in independent zstd frames, a frame table, a footer.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use zstd::zstd_safe::{self, CCtx, DCtx};

use super::cache::lock;
use super::dictionary::{self, Decoder, DictionaryId, Encoder};
use super::error::Error;
use super::pages::{self, Kind, PAGE, PAYLOAD, Pages};
use super::stamps::{Bounds, take_u32, take_u64};
use super::{LINE_BYTES_MAX, posting};

/// A frame is closed by the line that brings it to this length. One hit costs one frame, which is some 25 µs.
pub(super) const FRAME_BYTES: usize = 64 << 10;
/// No frame is longer when read.
const FRAME_BYTES_MAX: usize = FRAME_BYTES + LINE_BYTES_MAX + 1;

const SKIPPABLE: u32 = 0x184d_2a50;
const HEADER_BYTES: usize = 64;
const FOOTER_BYTES: usize = 128;
const ITEM_BYTES: usize = 24;
const VERSION: u8 = 1;
const CODEC_ZSTD: u8 = 1;
const CODEC_ZSTD_DICTIONARY: u8 = 2;
const HEADER_MAGIC: &[u8; 8] = b"ktrailSG";
const FOOTER_MAGIC: &[u8; 8] = b"ktrailSF";

/// The footer of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) frames: u32,
    pub(super) entries: u32,
    pub(super) plain_bytes: u64,
    pub(super) bounds: Bounds,
    pub(super) dictionary: DictionaryId,
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

/// The header, and the dictionary where there is one.
fn header(segment: u64, dictionary: Option<&Encoder>) -> Vec<u8> {
    let bytes = dictionary.map_or(&[][..], |dictionary| &dictionary.bytes);
    let id = DictionaryId::of(bytes);
    let codec = if bytes.is_empty() { CODEC_ZSTD } else { CODEC_ZSTD_DICTIONARY };
    let mut out = Vec::with_capacity(HEADER_BYTES + 8 + bytes.len());
    out.extend_from_slice(&SKIPPABLE.to_le_bytes());
    out.extend_from_slice(&(HEADER_BYTES as u32 - 8).to_le_bytes());
    out.extend_from_slice(HEADER_MAGIC);
    out.extend_from_slice(&[VERSION, codec, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&segment.to_le_bytes());
    if !bytes.is_empty() {
        out.extend_from_slice(&id.bytes.to_le_bytes());
        out.extend_from_slice(&id.crc.to_le_bytes());
    }
    out.resize(HEADER_BYTES - 4, 0);
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    if !bytes.is_empty() {
        out.extend_from_slice(&SKIPPABLE.to_le_bytes());
        out.extend_from_slice(&id.bytes.to_le_bytes());
        out.extend_from_slice(bytes);
    }
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
                Some(
                    [
                        b'k',
                        b't',
                        b'r',
                        b'a',
                        b'i',
                        b'l',
                        b'S',
                        b'G',
                        first,
                        CODEC_ZSTD | CODEC_ZSTD_DICTIONARY,
                    ],
                ),
                Some([b'k', b't', b'r', b'a', b'i', b'l', b'S', b'F', second]),
            ) => version(*first).and_then(|()| version(*second))?,
            _ => return Err(wrong("it has not the marks of a sealed segment")),
        }
        Self::parse(&head, &foot, segment, file_bytes)
            .ok_or_else(|| wrong("its header or footer makes no sense"))
    }

    fn parse(head: &[u8], foot: &[u8], segment: u64, file_bytes: u64) -> Option<Footer> {
        let has_dictionary = head.get(17) == Some(&CODEC_ZSTD_DICTIONARY);
        let mut head = head.get(24..)?;
        let mut rest = foot.get(12..)?;
        let rest = &mut rest;
        let frames = take_u32(rest)?;
        if take_u64(&mut head)? != segment || take_u64(rest)? != segment {
            return None;
        }
        let dictionary = match has_dictionary {
            true => DictionaryId { bytes: take_u32(&mut head)?, crc: take_u32(&mut head)? },
            false => DictionaryId::default(),
        };
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
        let sane = whole == file_bytes
            && entries < posting::ORDINALS_MAX
            && (frames > 0) == (entries > 0)
            && dictionary.bytes as usize <= dictionary::BYTES_MAX
            && has_dictionary == (dictionary.bytes > 0);
        sane.then_some(Footer { frames, entries, plain_bytes, bounds, dictionary, table_at, file_bytes, crc })
    }

    /// Reads the dictionary; `None` for a segment without.
    pub(super) fn decoder(&self, file: &File, path: &Path) -> Result<Option<Decoder>, Error> {
        if self.dictionary == DictionaryId::default() {
            return Ok(None);
        }
        let mut bytes = vec![0; self.dictionary.bytes as usize];
        file.read_exact_at(&mut bytes, HEADER_BYTES as u64 + 8).map_err(Error::io("read", path))?;
        let decoder = Some(&bytes)
            .filter(|bytes| DictionaryId::of(bytes) == self.dictionary)
            .and_then(|bytes| Decoder::new(bytes));
        decoder.map(Some).ok_or_else(|| Error::damaged(path, "its dictionary does not match its checksum"))
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

    fn has(&self, ordinal: u32) -> bool {
        ordinal.checked_sub(self.first).is_some_and(|place| (place as usize) < self.ends.len())
    }
}

/// Frames kept: as many as there are readers of different places at a time. A scan asks for the next line of one.
const RECENT: usize = 8;

/// The frames that were read last, with the generation of their segment, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct RecentFrames(Mutex<Vec<(u64, Arc<Frame>)>>);

impl RecentFrames {
    /// The frame with the line of `ordinal`, if it is here.
    pub(super) fn get(&self, generation: u64, ordinal: u32) -> Option<Arc<Frame>> {
        let mut recent = lock(&self.0);
        let place = recent.iter().rposition(|(of, frame)| *of == generation && frame.has(ordinal))?;
        if let Some(from) = recent.get_mut(place..) {
            from.rotate_left(1);
        }
        recent.last().map(|(_, frame)| frame.clone())
    }

    /// Room for one more frame. It is that of the oldest if nobody reads that one: memory that was never touched costs
    /// more than decompressing into it.
    pub(super) fn room(&self) -> Room {
        let mut recent = lock(&self.0);
        if recent.len() < RECENT {
            return Room::default();
        }
        let (_, oldest) = recent.remove(0);
        Arc::into_inner(oldest).map_or_else(Room::default, |frame| Room(frame.bytes, frame.ends))
    }

    pub(super) fn keep(&self, generation: u64, frame: Arc<Frame>) {
        lock(&self.0).push((generation, frame));
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

    pub(super) fn load(&self, number: u32, room: Room) -> Result<Frame, Error> {
        let path = self.pages.path;
        let wrong = |what: &str| Error::damaged(path, format!("frame {number} {what}"));
        let (item, lines) = (self.item(number)?, self.lines(number)?);
        let (stored_bytes, plain_bytes) = (item.stored_bytes as usize, item.plain_bytes as usize);
        let inside = item.offset.checked_add(u64::from(item.stored_bytes));
        if plain_bytes > FRAME_BYTES_MAX || inside.is_none_or(|end| end > self.footer.file_bytes) {
            return Err(wrong("has an impossible length"));
        }
        let Room(mut bytes, mut ends) = room;
        let mut stored = vec![0; stored_bytes];
        self.file.read_exact_at(&mut stored, item.offset).map_err(Error::io("read", path))?;
        if crc32fast::hash(&stored) != item.crc {
            return Err(wrong("does not match its checksum"));
        }
        bytes.clear();
        bytes.reserve_exact(plain_bytes);
        let decompressed = DECOMPRESSOR.with_borrow_mut(|decompressor| match self.decoder {
            Some(decoder) => decompressor.decompress_using_ddict(&mut bytes, &stored, &decoder.0),
            None => decompressor.decompress(&mut bytes, &stored),
        });
        decompressed.map_err(|code| Error::io("decompress", path)(coded(code)))?;
        ends.clear();
        ends.extend(memchr::memchr_iter(b'\n', &bytes).filter_map(|at| u32::try_from(at).ok()));
        if bytes.len() != plain_bytes || ends.len() != lines as usize || bytes.last() != Some(&b'\n') {
            return Err(wrong("has not the lines that the table says"));
        }
        Ok(Frame { first: item.first, bytes, ends })
    }
}

thread_local! {
    /// Making a decompressor takes longer than decompressing a frame.
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}
