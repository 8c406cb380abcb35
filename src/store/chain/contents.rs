//! The lines of a segment as one run of bytes, in whichever form it is, and the hashes of its pieces.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::{Bytes32, NONE, PIECE_BYTES};
use crate::store::error::Error;
use crate::store::frames::Room;
use crate::store::sealed::Sealed;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// Where the lines are.
pub(super) enum Lines<'a> {
    /// A file of lines; nothing is read beyond `bytes`.
    Plain {
        file: &'a File,
        path: &'a Path,
        bytes: u64,
    },
    Sealed(&'a Sealed),
}

/// What reading comes to.
pub(super) enum Part<'a> {
    Bytes(&'a [u8]),
    /// So many bytes of so many lines cannot be read.
    Lost {
        bytes: u64,
        lines: u32,
    },
}

impl Lines<'_> {
    /// Hands over all bytes from an offset on, in order.
    pub(super) fn read(
        &self,
        from: u64,
        f: &mut dyn FnMut(Part<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Lines::Plain { file, path, bytes } => plain(file, path, from..*bytes, f),
            Lines::Sealed(sealed) => frames(sealed, from, f),
        }
    }
}

fn plain(
    file: &File,
    path: &Path,
    range: std::ops::Range<u64>,
    f: &mut dyn FnMut(Part<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = range.start;
    let mut buffer =
        vec![0; usize::try_from(range.end.saturating_sub(at)).unwrap_or(READ_BYTES).min(READ_BYTES)];
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(READ_BYTES).min(READ_BYTES);
        let space = buffer.get_mut(..wanted).unwrap_or_default();
        let count = file.read_at(space, at).map_err(Error::io("read", path))?;
        if count == 0 {
            break;
        }
        f(Part::Bytes(buffer.get(..count).unwrap_or_default()))?;
        at += count as u64;
    }
    Ok(())
}

fn frames(sealed: &Sealed, from: u64, f: &mut dyn FnMut(Part<'_>) -> Result<(), Error>) -> Result<(), Error> {
    sealed.with_frames(|frames| {
        let (mut at, mut room) = (0u64, Room::default());
        for number in 0..frames.footer.frames {
            let bytes = u64::from(frames.item(number)?.plain_bytes);
            let skipped = from.saturating_sub(at).min(bytes);
            at = at.saturating_add(bytes);
            if skipped == bytes {
                continue;
            }
            match frames.load(number, std::mem::take(&mut room)) {
                Ok(frame) => {
                    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
                    f(Part::Bytes(frame.bytes().get(skipped..).unwrap_or_default()))?;
                    room = frame.into_room();
                }
                Err(_) => f(Part::Lost { bytes: bytes - skipped, lines: frames.lines(number)? })?,
            }
        }
        Ok(())
    })
}

/// Hashes pieces.
#[derive(Default)]
pub(super) struct Pieces {
    hasher: blake3::Hasher,
    filled: u64,
    is_lost: bool,
}

impl Pieces {
    /// Takes in the next bytes; each piece that becomes whole is handed over, with `None` where a part of it is lost.
    pub(super) fn add(&mut self, mut bytes: &[u8], whole: &mut dyn FnMut(Option<Bytes32>)) {
        while !bytes.is_empty() {
            let room = usize::try_from(PIECE_BYTES - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hasher.update(now);
            self.fill(now.len() as u64, whole);
            bytes = later;
        }
    }

    /// Passes over bytes that are lost.
    pub(super) fn lose(&mut self, mut bytes: u64, whole: &mut dyn FnMut(Option<Bytes32>)) {
        while bytes > 0 {
            let now = bytes.min(PIECE_BYTES - self.filled);
            self.is_lost = true;
            self.fill(now, whole);
            bytes -= now;
        }
    }

    fn fill(&mut self, bytes: u64, whole: &mut dyn FnMut(Option<Bytes32>)) {
        self.filled += bytes;
        if self.filled == PIECE_BYTES {
            whole(self.rest());
            *self = Pieces::default();
        }
    }

    /// The hash of what came after the last whole piece.
    pub(super) fn rest(&self) -> Option<Bytes32> {
        (!self.is_lost).then(|| *self.hasher.finalize().as_bytes())
    }
}

/// The whole pieces from one on, and the hash of what follows them.
pub(super) fn hash(lines: &Lines<'_>, from: u64) -> Result<(Vec<Bytes32>, Bytes32), Error> {
    let (mut pieces, mut found) = (Pieces::default(), Vec::new());
    lines.read(from.saturating_mul(PIECE_BYTES), &mut |part| {
        // What cannot be read has no hash, and nothing will ever have this one.
        let mut whole = |hash: Option<Bytes32>| found.push(hash.unwrap_or(NONE));
        match part {
            Part::Bytes(bytes) => pieces.add(bytes, &mut whole),
            Part::Lost { bytes, .. } => pieces.lose(bytes, &mut whole),
        }
        Ok(())
    })?;
    Ok((found, pieces.rest().unwrap_or(NONE)))
}
