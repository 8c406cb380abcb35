//! Looks at every byte of a sealed segment: checksums, frames, lines, and whether its index is what its entries give.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::catalogue::Segment;
use super::error::Error;
use super::index::Index;
use super::index_writer;
use super::live::LiveIndex;
use super::posting::Union;
use super::read::{SegmentView, ValueTest};
use super::replay::{Step, Walked};
use super::sealed::Sealed;
use crate::sys::files;

/// Something wrong with a file of the log.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}: {cause}", path.display())]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Cause {
    /// Nothing of the segment can be read.
    #[error("nothing of it can be read: {reason}")]
    Unreadable {
        /// How that shows.
        reason: String,
    },
    /// The entries of one frame cannot be read.
    #[error("entries {first} to {last} cannot be read: {reason}")]
    Lost {
        /// The ordinal of the first.
        first: u32,
        /// The ordinal of the last.
        last: u32,
        /// How that shows.
        reason: String,
    },
    /// Lines that are not entries of this program.
    #[error("{count} lines are not entries, the first has the ordinal {first}")]
    NotEntries {
        /// How many.
        count: u32,
        /// The ordinal of the first.
        first: u32,
    },
    /// Header, frames and footer contradict each other.
    #[error("{reason}")]
    Contradiction {
        /// Which say what.
        reason: String,
    },
    /// The index is damaged, or is not what the segment's entries give.
    #[error("the index is wrong: {reason}")]
    Index {
        /// How that shows.
        reason: String,
    },
}

impl SegmentView {
    /// Reads all of a sealed segment and of its index and compares them; `progress` is told of lines read, in bytes. A
    /// segment that is not sealed was wholly read when it was opened: nothing is found. Nor is anything of a segment that
    /// a writer has removed meanwhile.
    pub fn check(&self, progress: &mut dyn FnMut(u64)) -> Result<Vec<Finding>, Error> {
        match &self.segment {
            Segment::Live(_) => Ok(Vec::new()),
            Segment::Sealed(sealed) => match check(sealed, progress) {
                Err(Error::Removed { .. }) => Ok(Vec::new()),
                other => other,
            },
        }
    }
}

/// Reads all of a sealed segment and of its index.
pub(super) fn check(sealed: &Sealed, progress: &mut dyn FnMut(u64)) -> Result<Vec<Finding>, Error> {
    let path = sealed.path();
    let mut lost = Vec::new();
    let walked = sealed.walk(&mut |step| {
        match step {
            Step::Read(bytes) => progress(bytes),
            Step::Lost { first, last, error } => {
                lost.push(Cause::Lost { first, last, reason: reason(error, &path) })
            }
        }
        Ok(())
    });
    let mut causes = lost;
    let walked = match walked {
        Ok(walked) => walked,
        Err(error @ Error::Damaged { .. }) => {
            let cause = Cause::Unreadable { reason: reason(error, &path) };
            return Ok(vec![Finding { path, cause }]);
        }
        Err(error) => return Err(error),
    };
    let is_whole = causes.is_empty();
    if is_whole {
        causes.extend(contents(sealed, &walked)?);
    }
    let mut findings: Vec<_> =
        causes.into_iter().map(|cause| Finding { path: path.clone(), cause }).collect();
    if let Some(reason) = index(sealed, &walked.index, is_whole)? {
        findings.push(Finding { path: sealed.index_path(), cause: Cause::Index { reason } });
    }
    Ok(findings)
}

/// An error's text without the path, which the finding has.
fn reason(error: Error, path: &Path) -> String {
    match error {
        Error::Damaged { what, path: of } if of == path => what,
        Error::Io { action, source, path: of } if of == path => format!("cannot {action}: {source}"),
        other => other.to_string(),
    }
}

/// Compares the lines with what the footer says of them.
fn contents(sealed: &Sealed, walked: &Walked) -> Result<Vec<Cause>, Error> {
    let mut causes = Vec::new();
    if let Some((count, first)) = walked.refused {
        causes.push(Cause::NotEntries { count, first });
    }
    let footer = sealed.with_frames(|frames| Ok(*frames.footer))?;
    let mut compare = |what: &str, is_same: bool| {
        if !is_same {
            let reason = format!("its footer does not say the {what} that its lines have");
            causes.push(Cause::Contradiction { reason });
        }
    };
    compare("number of entries", footer.entries == walked.index.entries());
    compare("length", footer.plain_bytes == walked.plain_bytes);
    // A line that is no entry has had a stamp that its bytes do not tell.
    compare(
        "times and serials",
        walked.refused.is_some() || walked.index.stamps.bounds() == Some(footer.bounds),
    );
    Ok(causes)
}

/// What is wrong with the index. Where frames are lost it can only be compared with itself.
fn index(sealed: &Sealed, live: &LiveIndex, is_whole: bool) -> Result<Option<String>, Error> {
    let path = sealed.index_path();
    let looked = sealed.with_index_file(|index| {
        for number in 0..index.head.pages().unwrap_or(0) {
            index.pages.page_once(u32::try_from(number).unwrap_or(u32::MAX))?;
        }
        if !is_whole {
            return Ok(None);
        }
        // The same program makes the same bytes; those of another version may differ and say the same.
        let made = index_writer::encode(live, sealed.id, sealed.binding);
        let stored = files::read(&path).map_err(Error::open(&path))?;
        if made.is_some_and(|made| made == stored) { Ok(None) } else { compare(index, live) }
    });
    match looked {
        // It was told when the segment was opened.
        None | Some(Err(Error::Removed { .. })) => Ok(None),
        Some(Err(error @ Error::Damaged { .. })) => Ok(Some(reason(error, &path))),
        Some(other) => other,
    }
}

/// The first difference between an index and the one that its segment's entries give.
fn compare(index: &Index<'_>, live: &LiveIndex) -> Result<Option<String>, Error> {
    if index.head.entries != live.entries() || Some(index.head.bounds) != live.stamps.bounds() {
        return Ok(Some("its number of entries, times or serials are not those of the entries".to_owned()));
    }
    let mut stored = index.head.fields.iter();
    for (field, terms) in live.sorted() {
        if !stored.next().is_some_and(|item| item.field == field && item.terms as usize == terms.len()) {
            return Ok(Some(format!("field {field} has not the terms of the entries")));
        }
        for (value, posting) in terms {
            let mut union = Union::default();
            posting.runs(live.entries(), &mut |first, last| union.add(first, last));
            if index.postings(field, &ValueTest::Equals(value))? != union.finish() {
                let value = String::from_utf8_lossy(value);
                return Ok(Some(format!("field {field}: {value:?} is not where the entries have it")));
            }
        }
    }
    if let Some(field) = stored.next() {
        return Ok(Some(format!("field {} has terms that no entry has", field.field)));
    }
    for ordinal in 0..live.entries() {
        if Some(index.stamp(ordinal)?) != live.stamps.get(ordinal) {
            return Ok(Some(format!("entry {ordinal} has another time or serial")));
        }
    }
    Ok(None)
}
