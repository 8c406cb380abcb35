//! Makes the index of a plain or sealed segment from its lines.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::{Error, Problem};
use super::frames::Frames;
use super::live::LiveIndex;
use super::term::Terms;
use super::{Describe, LINE_BYTES_MAX, Stamp};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// Adds lines to an index.
struct Lines<'a> {
    describe: &'a Describe,
    index: LiveIndex,
    terms: Terms,
    /// Of the line before: a line that has none gets it, so that it is found among its neighbours.
    stamp: Stamp,
    end: u64,
    refused: Option<(u32, u32)>,
}

impl<'a> Lines<'a> {
    fn new(describe: &'a Describe) -> Self {
        let (index, terms) = (LiveIndex::default(), Terms::default());
        Lines { describe, index, terms, stamp: Stamp::default(), end: 0, refused: None }
    }

    /// Adds a line; `None` where the segment has too many.
    fn add(&mut self, line: &[u8]) -> Option<()> {
        self.terms.clear();
        match (self.describe)(line, &mut self.terms) {
            Some(stamp) => self.stamp = stamp,
            None => self.refuse(),
        }
        self.end += line.len() as u64 + 1;
        self.index.add(self.stamp, &self.terms, self.end).map(|_| ())
    }

    fn refuse(&mut self) {
        self.terms.clear();
        let (count, _) = self.refused.get_or_insert((0, self.index.entries()));
        *count += 1;
    }
}

/// What a plain segment holds.
pub(super) struct Replayed {
    pub(super) index: LiveIndex,
    /// Length of all whole lines.
    pub(super) whole_bytes: u64,
    /// What follows the last newline.
    pub(super) fragment: Vec<u8>,
    pub(super) problem: Option<Problem>,
}

/// Reads a plain segment from its beginning to its present end.
pub(super) fn plain(file: &File, path: &Path, describe: &Describe) -> Result<Replayed, Error> {
    let foreign = |reason| Error::Foreign { path: path.to_path_buf(), reason };
    if !file.metadata().map_err(Error::io("look at", path))?.is_file() {
        return Err(foreign("it is not a regular file"));
    }
    let mut lines = Lines::new(describe);
    let mut buffer = Vec::new();
    let mut offset = 0u64;
    loop {
        let kept = buffer.len();
        buffer.resize(kept + READ_BYTES, 0);
        let space = buffer.get_mut(kept..).unwrap_or_default();
        let count = file.read_at(space, offset).map_err(Error::io("read", path))?;
        buffer.truncate(kept + count);
        // A file that power loss left without data reads as zeros.
        if offset == 0 && buffer.first().is_some_and(|byte| !matches!(byte, b'{' | 0)) {
            return Err(foreign("it does not begin with a JSON object"));
        }
        offset += count as u64;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &buffer) {
            let line = buffer.get(start..end).unwrap_or_default();
            lines.add(line).ok_or_else(|| foreign("it has too many lines"))?;
            start = end + 1;
        }
        buffer.drain(..start);
        if buffer.len() > LINE_BYTES_MAX {
            return Err(foreign("it has a line of more than 16 MiB"));
        }
        if count == 0 {
            break;
        }
    }
    let problem =
        lines.refused.map(|(count, first)| Problem::RefusedLines { path: path.to_path_buf(), count, first });
    Ok(Replayed { index: lines.index, whole_bytes: lines.end, fragment: buffer, problem })
}

/// Reads a sealed segment. The lines of a frame that cannot be read have no terms.
pub(super) fn sealed(frames: &Frames<'_>, describe: &Describe) -> Result<LiveIndex, Error> {
    let mut lines = Lines::new(describe);
    let overlong = || Error::damaged(frames.pages.path, "it has too many lines");
    for number in 0..frames.footer.frames {
        let count = frames.lines(number)?;
        match frames.load(number) {
            Ok(frame) => {
                for ordinal in frame.first..frame.first + count {
                    lines.add(frame.line(ordinal).unwrap_or_default()).ok_or_else(overlong)?;
                }
            }
            Err(Error::Damaged { .. }) => {
                for _ in 0..count {
                    lines.refuse();
                    lines.index.add(lines.stamp, &lines.terms, lines.end).ok_or_else(overlong)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(lines.index)
}
