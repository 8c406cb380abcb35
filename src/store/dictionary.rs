//! What the lines of a segment have in common, learned from a sample of them, so that small frames compress as well as
//! large ones: one hit costs one frame.

use std::fmt;
use std::sync::Arc;

use zstd::zstd_safe::{CDict, DDict};

use super::error::Error;
use super::frames::Plain;

/// Length of a dictionary at most. Twice the size of a frame: frames gain more by it than by being longer.
pub(super) const BYTES_MAX: usize = 96 << 10;
/// Segments with less are compressed without: a dictionary would take much of what it saves.
const PLAIN_BYTES_MIN: u64 = 8 << 20;
/// Pieces of a segment that are learned from, spread evenly, and the length of each.
const PIECES: u64 = 256;
const PIECE_BYTES: usize = 16 << 10;

/// Tells dictionaries apart: length and CRC-32; of length 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct DictionaryId {
    pub(super) bytes: u32,
    pub(super) crc: u32,
}

impl DictionaryId {
    pub(super) fn of(bytes: &[u8]) -> DictionaryId {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        DictionaryId { bytes: length, crc: crc32fast::hash(bytes) }
    }
}

/// A dictionary to compress with.
pub(super) struct Encoder {
    pub(super) bytes: Vec<u8>,
    pub(super) prepared: CDict<'static>,
}

/// A dictionary to decompress with.
pub(super) struct Decoder(pub(super) DDict<'static>);

impl Decoder {
    /// `None` where zstd does not take the bytes for a dictionary.
    pub(super) fn new(bytes: &[u8]) -> Option<Decoder> {
        DDict::try_create(bytes).map(Decoder)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

/// Learns dictionaries. Segments that follow each other are much alike, so one serves many of them.
#[derive(Default)]
pub(super) struct Trainer {
    last: Option<Learned>,
}

struct Learned {
    encoder: Arc<Encoder>,
    level: i32,
    /// Bytes of lines to a byte of frames in the segment that was learned from.
    ratio: Option<f64>,
}

impl Trainer {
    /// The dictionary for a segment; `None` where none would pay.
    pub(super) fn dictionary(&mut self, plain: &Plain<'_>) -> Result<Option<Arc<Encoder>>, Error> {
        if plain.bytes() < PLAIN_BYTES_MIN {
            return Ok(None);
        }
        if let Some(last) = self.last.as_ref().filter(|last| last.level == plain.level) {
            return Ok(Some(last.encoder.clone()));
        }
        let Some(bytes) = learn(plain)? else { return Ok(None) };
        let Some(prepared) = CDict::try_create(&bytes, plain.level) else { return Ok(None) };
        let encoder = Arc::new(Encoder { bytes, prepared });
        self.last = Some(Learned { encoder: encoder.clone(), level: plain.level, ratio: None });
        Ok(Some(encoder))
    }

    /// Tells how well a segment was compressed with the last dictionary. When that is a tenth worse than the one it was
    /// learned from, the next segment is learned from again.
    pub(super) fn compressed(&mut self, plain_bytes: u64, stored_bytes: u64) {
        let ratio = plain_bytes as f64 / stored_bytes.max(1) as f64;
        let Some(last) = &mut self.last else { return };
        match last.ratio {
            None => last.ratio = Some(ratio),
            Some(first) if ratio < 0.9 * first => self.last = None,
            Some(_) => {}
        }
    }
}

/// A dictionary of pieces of the segment; `None` where zstd finds nothing that they have in common.
fn learn(plain: &Plain<'_>) -> Result<Option<Vec<u8>>, Error> {
    let mut sample = vec![0; PIECE_BYTES * PIECES as usize];
    let step = plain.bytes() / PIECES;
    for (piece, number) in sample.chunks_exact_mut(PIECE_BYTES).zip(0..) {
        plain.read(piece, number * step)?;
    }
    let sizes = [PIECE_BYTES; PIECES as usize];
    Ok(zstd::dict::from_continuous(&sample, &sizes, BYTES_MAX).ok())
}
