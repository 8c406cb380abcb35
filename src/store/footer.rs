//! Header and footer of a `.seg` file: what stands around its frames.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::dictionary::{self, Decoder, DictionaryId, Encoder};
use super::error::Error;
use super::pages::{PAGE, PAYLOAD};
use super::posting;
use super::stamps::{Bounds, take_u32, take_u64};

/// The first four bytes of a frame that zstd passes over.
pub(super) const SKIPPABLE: u32 = 0x184d_2a50;
/// Length of the footer.
pub(super) const FOOTER_BYTES: usize = 128;
/// Length of an item of the frame table.
pub(super) const ITEM_BYTES: usize = 24;
const HEADER_BYTES: usize = 64;
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
    /// Where the frame table's pages begin.
    pub(super) table_at: u64,
    /// Length of the whole file.
    pub(super) file_bytes: u64,
    pub(super) crc: u32,
}

/// The header, and the dictionary where there is one.
pub(super) fn header(segment: u64, dictionary: Option<&Encoder>) -> Vec<u8> {
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

impl Footer {
    /// Appends the footer and completes `self` with its checksum.
    pub(super) fn put(&mut self, segment: u64, out: &mut Vec<u8>) {
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
    pub(super) fn read(file: &File, file_bytes: u64, segment: u64, path: &Path) -> Result<Footer, Error> {
        let wrong = |what: &str| Error::damaged(path, what);
        let mut head = [0; HEADER_BYTES];
        let mut foot = [0; FOOTER_BYTES];
        let foot_at = file_bytes
            .checked_sub(FOOTER_BYTES as u64)
            .filter(|&at| at >= HEADER_BYTES as u64)
            .ok_or_else(|| wrong("it is too short"))?;
        file.read_exact_at(&mut head, 0).map_err(Error::io("read", path))?;
        file.read_exact_at(&mut foot, foot_at).map_err(Error::io("read", path))?;
        if !checked(&head) || !checked(&foot) {
            return Err(wrong("its header or footer does not match its checksum"));
        }
        if !head.get(8..).is_some_and(|head| head.starts_with(HEADER_MAGIC))
            || !foot.starts_with(FOOTER_MAGIC)
        {
            return Err(wrong("it has not the marks of a sealed segment"));
        }
        let versions = [head.get(16), foot.get(8)].map(|version| version.copied().unwrap_or(0));
        if let Some(version) = versions.into_iter().find(|version| *version != VERSION) {
            return Err(Error::Version { path: path.to_path_buf(), version });
        }
        Self::parse(&head, &foot, segment, file_bytes)
            .ok_or_else(|| wrong("its header or footer makes no sense"))
    }

    fn parse(head: &[u8], foot: &[u8], segment: u64, file_bytes: u64) -> Option<Footer> {
        let has_dictionary = match *head.get(17)? {
            CODEC_ZSTD => false,
            CODEC_ZSTD_DICTIONARY => true,
            _ => return None,
        };
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
}

/// Whether the last four bytes are the checksum of those before.
fn checked(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(bytes, stored)| crc32fast::hash(bytes) == u32::from_le_bytes(*stored))
}
