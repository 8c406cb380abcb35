//! Makes the index of a plain or sealed segment from its lines.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::{Error, Problem};
use super::frames::{Frames, Room};
use super::live::LiveIndex;
use super::term::Terms;
use super::{Describe, LINE_BYTES_MAX, Stamp};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// The same where hardly anything is left.
const READ_BYTES_MIN: usize = 4 << 10;

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
    fn new(describe: &'a Describe, index: LiveIndex) -> Self {
        let end = index.ends.last().copied().unwrap_or(0);
        let last = index.entries().checked_sub(1).and_then(|last| index.stamps.get(last));
        Lines {
            describe,
            index,
            terms: Terms::default(),
            stamp: last.unwrap_or_default(),
            end,
            refused: None,
        }
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

/// Reads a plain segment to its present end: from its beginning, or from the end of what is `known` of it.
pub(super) fn plain(
    file: &File,
    path: &Path,
    describe: &Describe,
    known: Option<LiveIndex>,
) -> Result<Replayed, Error> {
    let foreign = |reason| Error::Foreign { path: path.to_path_buf(), reason };
    let found = file.metadata().map_err(Error::io("look at", path))?;
    if !found.is_file() {
        return Err(foreign("it is not a regular file"));
    }
    let mut lines = Lines::new(describe, known.unwrap_or_default());
    let mut buffer = Vec::new();
    let mut offset = lines.end;
    loop {
        let kept = buffer.len();
        // One more than there is, to see the end; a writer may have added to it meanwhile.
        let left = usize::try_from(found.len().saturating_sub(offset)).unwrap_or(READ_BYTES);
        buffer.resize(kept + left.saturating_add(1).clamp(READ_BYTES_MIN, READ_BYTES), 0);
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

/// What happens while a sealed segment is read.
pub(super) enum Step {
    /// So many bytes of lines more were read.
    Read(u64),
    /// A frame cannot be read; its lines have the ordinals from `first` to `last`.
    Lost { first: u32, last: u32, error: Error },
}

/// What a sealed segment holds.
pub(super) struct Walked {
    pub(super) index: LiveIndex,
    /// Length of all lines that could be read.
    pub(super) plain_bytes: u64,
    /// How many lines are not entries, those of lost frames counted, and the ordinal of the first.
    pub(super) refused: Option<(u32, u32)>,
}

/// Reads a sealed segment. The lines of a frame that cannot be read have no terms. It ends with the error that `tell`
/// gives.
pub(super) fn sealed(
    frames: &Frames<'_>,
    describe: &Describe,
    tell: &mut dyn FnMut(Step) -> Result<(), Error>,
) -> Result<Walked, Error> {
    let mut lines = Lines::new(describe, LiveIndex::default());
    let overlong = || Error::damaged(frames.pages.path, "it has too many lines");
    for number in 0..frames.footer.frames {
        let count = frames.lines(number)?;
        let before = lines.end;
        match frames.load(number, Room::default()) {
            Ok(frame) => {
                for ordinal in frame.first..frame.first + count {
                    lines.add(frame.line(ordinal).unwrap_or_default()).ok_or_else(overlong)?;
                }
                tell(Step::Read(lines.end - before))?;
            }
            Err(error) => {
                let first = lines.index.entries();
                tell(Step::Lost { first, last: first.saturating_add(count).saturating_sub(1), error })?;
                for _ in 0..count {
                    lines.refuse();
                    lines.index.add(lines.stamp, &lines.terms, lines.end).ok_or_else(overlong)?;
                }
            }
        }
    }
    Ok(Walked { index: lines.index, plain_bytes: lines.end, refused: lines.refused })
}
