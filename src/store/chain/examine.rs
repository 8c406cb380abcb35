//! Compares the lines of a segment with what was stated about it, and finds the entries that are not as they were.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contents::{Lines, Part, Pieces};
use super::record::{Bytes32, PIECE_BYTES, Statement};
use super::verify::{Entry, Tampering, What};
use crate::store::error::Error;
use crate::store::sealed::{Caches, Sealed};
use crate::store::term::Terms;
use crate::store::{Describe, LINE_BYTES_MAX};
use crate::sys::files::Dir;

/// A segment's file.
pub(super) enum Found {
    Plain(File, PathBuf, u64),
    Sealed(Box<Sealed>),
}

impl Found {
    pub(super) fn plain(path: PathBuf) -> Result<Found, Error> {
        let file = File::open(&path).map_err(Error::open(&path))?;
        let bytes = file.metadata().map_err(Error::io("look at", &path))?.len();
        Ok(Found::Plain(file, path, bytes))
    }

    pub(super) fn sealed(segment: u64, dir: &Arc<Path>, describe: &Describe) -> Result<Found, Error> {
        // The index is not needed: it may be damaged or gone.
        let opened = Dir::open(dir.clone()).map_err(Error::open(dir))?;
        let (sealed, _) = Sealed::open(segment, &Arc::new(Caches::new(opened, true)), describe, true)?;
        Ok(Found::Sealed(Box::new(sealed)))
    }

    fn lines(&self) -> Lines<'_> {
        match self {
            Found::Plain(file, path, bytes) => Lines::Plain { file, path, bytes: *bytes },
            Found::Sealed(sealed) => Lines::Sealed(sealed),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        match self {
            Found::Plain(_, path, _) => path.clone(),
            Found::Sealed(sealed) => sealed.path(),
        }
    }
}

/// A range of bytes that are not what was stated, and when it was.
struct Changed {
    bytes: Range<u64>,
    signed_ms: u64,
}

/// What came of a segment.
#[derive(Default)]
pub(super) struct Examined {
    pub(super) tampering: Vec<Tampering>,
    /// Bytes and entries that were read, as far as they are stated.
    pub(super) bytes: u64,
    pub(super) entries: u64,
    /// Entries that nothing is stated about yet.
    pub(super) unsigned: u64,
    /// The hash of the first piece, or of all where it is not whole.
    pub(super) begins: Option<Bytes32>,
}

/// What there is to be compared at an offset.
struct Mark {
    at: u64,
    hash: Bytes32,
    signed_ms: u64,
}

/// All marks in the order of their offsets: ends of pieces, and ends of what a statement covers.
fn marks(statements: &[Statement]) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut end = 0;
    for statement in statements {
        let signed_ms = statement.time_ms;
        for hash in &statement.pieces {
            end += PIECE_BYTES;
            marks.push(Mark { at: end, hash: *hash, signed_ms });
        }
        if statement.bytes > end {
            marks.push(Mark { at: statement.bytes, hash: statement.rest, signed_ms });
        }
    }
    marks
}

/// Reads along and compares.
struct Comparison<'a> {
    marks: std::iter::Peekable<std::slice::Iter<'a, Mark>>,
    pieces: Pieces,
    offset: u64,
    /// Up to here the present piece is as it was.
    good: u64,
    has_failed: bool,
    changed: Vec<Changed>,
    newlines: u64,
    begins: Option<Bytes32>,
}

impl Comparison<'_> {
    fn part(&mut self, part: &Part<'_>) {
        let mut left = match part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Lost { bytes, .. } => *bytes,
        };
        let mut rest = match part {
            Part::Bytes(bytes) => *bytes,
            Part::Lost { .. } => &[],
        };
        while left > 0 {
            let to_mark = self.marks.peek().map_or(u64::MAX, |mark| mark.at - self.offset);
            let step = left.min(to_mark).min(PIECE_BYTES - self.offset % PIECE_BYTES);
            let mut whole = None;
            match part {
                Part::Bytes(_) => {
                    let (now, later) =
                        rest.split_at(usize::try_from(step).unwrap_or(usize::MAX).min(rest.len()));
                    self.newlines += memchr::memchr_iter(b'\n', now).count() as u64;
                    self.pieces.add(now, &mut |hash| whole = Some(hash));
                    rest = later;
                }
                Part::Lost { .. } => self.pieces.lose(step, &mut |hash| whole = Some(hash)),
            }
            (self.offset, left) = (self.offset + step, left - step);
            let hash = whole.unwrap_or_else(|| self.pieces.rest());
            while let Some(mark) = self.marks.next_if(|mark| mark.at == self.offset) {
                self.compare(mark, hash);
            }
            if whole.is_some() {
                self.begins = self.begins.or(hash);
                (self.good, self.has_failed) = (self.offset, false);
            }
        }
        if let Part::Lost { lines, .. } = part {
            self.newlines += u64::from(*lines);
        }
    }

    fn compare(&mut self, mark: &Mark, hash: Option<Bytes32>) {
        if hash == Some(mark.hash) {
            self.good = mark.at;
            return;
        }
        // The other marks of a piece differ with the first.
        if std::mem::replace(&mut self.has_failed, true) {
            return;
        }
        let bytes = self.good..mark.at;
        match self.changed.last_mut() {
            Some(last) if last.bytes.end.next_multiple_of(PIECE_BYTES) == bytes.start => {
                last.bytes.end = bytes.end;
            }
            _ => self.changed.push(Changed { bytes, signed_ms: mark.signed_ms }),
        }
    }
}

/// Compares a segment with the statements about it. `progress` is told of lines read, in bytes.
pub(super) fn examine(
    found: &Found,
    segment: u64,
    statements: &[Statement],
    describe: &Describe,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Examined, Error> {
    let marks = marks(statements);
    let mut comparison = Comparison {
        marks: marks.iter().peekable(),
        pieces: Pieces::default(),
        offset: 0,
        good: 0,
        has_failed: false,
        changed: Vec::new(),
        newlines: 0,
        begins: None,
    };
    found.lines().read(0, &mut |part| {
        let before = comparison.offset;
        comparison.part(&part);
        progress(comparison.offset - before);
        Ok(())
    })?;
    let length = comparison.offset;
    let begins = comparison.begins.or_else(|| comparison.pieces.rest());
    let (bytes, entries) = statements.last().map_or((0, 0), |last| (last.bytes, u64::from(last.entries)));
    let is_complete = statements.last().is_some_and(|last| last.is_last);
    let mut ranges = comparison.changed;
    let cut = comparison.marks.next().map(|mark| mark.signed_ms);
    let added = (is_complete && length > bytes).then_some(bytes..length);
    let changed = ranges.len();
    ranges.extend(
        added.map(|bytes| Changed { bytes, signed_ms: statements.last().map_or(0, |last| last.time_ms) }),
    );
    let mut tampering = told(found, segment, &ranges, changed, describe)?;
    if let Some(signed_ms) = cut {
        let missing = bytes.saturating_sub(length);
        let least = entries.saturating_sub(comparison.newlines);
        tampering.push(Tampering {
            segment: Some(segment),
            since_ms: Some(signed_ms),
            ..Tampering::new(
                What::Truncated,
                found.path(),
                format!("it ends after {} entries; the {least} entries that followed, {missing} bytes, are cut off", comparison.newlines),
            )
        });
    }
    let unsigned = if is_complete { 0 } else { comparison.newlines.saturating_sub(entries) };
    Ok(Examined {
        tampering,
        bytes: length.min(bytes),
        entries: comparison.newlines.min(entries),
        unsigned,
        begins,
    })
}

/// What there is to say of ranges, of which those from `changed` on were added.
fn told(
    found: &Found,
    segment: u64,
    ranges: &[Changed],
    changed: usize,
    describe: &Describe,
) -> Result<Vec<Tampering>, Error> {
    let places = if ranges.is_empty() { Vec::new() } else { locate(found, ranges, describe)? };
    type Place = Option<(Entry, Entry)>;
    let tell = |(number, (range, place)): (usize, (&Changed, Place))| {
        let (what, reason) = match number < changed {
            true => (What::Changed, "the entries are not those that were signed"),
            false => (What::Added, "the entries came after the segment was complete"),
        };
        Tampering {
            segment: Some(segment),
            entries: place,
            since_ms: Some(range.signed_ms),
            ..Tampering::new(what, found.path(), reason.to_owned())
        }
    };
    Ok(ranges.iter().zip(places).enumerate().map(tell).collect())
}

/// The first and the last entry that have bytes in each range.
fn locate(
    found: &Found,
    ranges: &[Changed],
    describe: &Describe,
) -> Result<Vec<Option<(Entry, Entry)>>, Error> {
    let mut places = vec![None; ranges.len()];
    let (mut offset, mut ordinal, mut line) = (0u64, 0u32, Vec::new());
    let mut terms = Terms::default();
    let mut note = |line: &[u8], bytes: Range<u64>, ordinal: u32| {
        for (place, range) in places.iter_mut().zip(ranges) {
            if bytes.start < range.bytes.end && bytes.end > range.bytes.start {
                terms.clear();
                let entry = Entry { ordinal, stamp: describe(line, &mut terms) };
                let (first, _) = place.unwrap_or((entry, entry));
                *place = Some((first, entry));
            }
        }
    };
    found.lines().read(0, &mut |part| {
        match part {
            Part::Bytes(mut bytes) => {
                while let Some(at) = memchr::memchr(b'\n', bytes) {
                    let (now, later) = bytes.split_at(at + 1);
                    line.extend_from_slice(now);
                    let end = offset + line.len() as u64;
                    note(line.strip_suffix(b"\n").unwrap_or_default(), offset..end, ordinal);
                    (offset, ordinal) = (end, ordinal.saturating_add(1));
                    line.clear();
                    bytes = later;
                }
                line.extend_from_slice(bytes);
                if line.len() > LINE_BYTES_MAX {
                    offset += line.len() as u64;
                    line.clear();
                }
            }
            Part::Lost { bytes, lines } => {
                note(&[], offset..offset + bytes, ordinal);
                let last = ordinal.saturating_add(lines).saturating_sub(1);
                note(&[], offset..offset + bytes, last);
                (offset, ordinal) = (offset + bytes, last.saturating_add(1));
            }
        }
        Ok(())
    })?;
    if !line.is_empty() {
        note(&line, offset..offset + line.len() as u64, ordinal);
    }
    Ok(places)
}
