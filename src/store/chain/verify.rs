//! Says whether a log is what was signed, and if not, which segment and which entries, and since when.
//!
//! It needs the directory and nothing else: no daemon, no secret. What it can prove grows with what is brought along: the
//! public key of the chain's root, a checkpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::conclude::Conclusion;
use super::examine::{Examined, Found, examine};
use super::history::{self, History, Story, Told};
use super::record::Kind;
use crate::store::error::Error;
use crate::store::names::{self, Listing};
use crate::store::{Describe, Stamp, manifest, threads};

/// What is known from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The public key that the chain has to begin with.
    pub public_key: Option<[u8; 32]>,
    /// A record that has to be in it.
    pub checkpoint: Option<Checkpoint>,
}

/// A kind of tampering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Entries are not those that were signed.
    Changed,
    /// Entries at the end of a segment are gone.
    Truncated,
    /// A segment is gone, and not by retention.
    Deleted,
    /// A segment holds the lines of another one.
    Swapped,
    /// Entries or a segment are there that were not when it was signed.
    Added,
    /// The chain of signatures is not whole.
    Chain,
    /// The chain begins anew: the keys to go on were not there.
    Restarted,
    /// It is not the chain that was expected, or it has been set back.
    RolledBack,
}

impl What {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            What::Changed => "changed",
            What::Truncated => "truncated",
            What::Deleted => "deleted",
            What::Swapped => "swapped",
            What::Added => "added",
            What::Chain => "chain",
            What::Restarted => "restarted",
            What::RolledBack => "rolled-back",
        }
    }
}

/// An entry as it is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the segment, from 0.
    pub ordinal: u32,
    /// Its time and serial; `None` where its line cannot be read.
    pub stamp: Option<Stamp>,
}

/// Something that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tampering {
    /// Which kind.
    pub what: What,
    /// The file.
    pub path: PathBuf,
    /// The segment's number.
    pub segment: Option<u64>,
    /// The first and the last of the entries among which it is.
    pub entries: Option<(Entry, Entry)>,
    /// It was as it should be when it was signed, in milliseconds since 1970: it has happened since.
    pub since_ms: Option<u64>,
    /// How it shows.
    pub reason: String,
}

impl Tampering {
    pub(super) fn new(what: What, path: PathBuf, reason: String) -> Tampering {
        Tampering { what, path, segment: None, entries: None, since_ms: None, reason }
    }
}

/// What there is to say of a log.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// The key that the chain begins with.
    pub public_key: [u8; 32],
    /// When it begins, in milliseconds since 1970.
    pub begun_ms: u64,
    /// When its last record was signed.
    pub signed_ms: u64,
    /// Its last record; `None` where the chain is broken.
    pub checkpoint: Option<Checkpoint>,
    /// Segments, entries and bytes of lines that were compared.
    pub segments: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// What is not as it was signed; nothing where all is.
    pub tampering: Vec<Tampering>,
    /// What is no sign of tampering and limits what is proven.
    pub notes: Vec<String>,
}

/// Told of the work: how many bytes of lines there are, and of each part that was read.
pub trait Progress: Sync {
    /// So many bytes will be read.
    fn total(&self, bytes: u64);
    /// So many more were read.
    fn read(&self, bytes: u64);
}

/// Compares a log with its chain of signatures. A writer may write it, rotate, compress and remove segments meanwhile.
/// `None`: there is no chain.
pub fn verify(
    dir: &Path,
    known: &Known,
    describe: &Describe,
    progress: &dyn Progress,
) -> Result<Option<Verified>, Error> {
    let Some(history) = history::read(dir)?.filter(|history| !history.stories.is_empty()) else {
        return without_chain(dir, known);
    };
    let listing = Listing::read(dir)?;
    progress.total(history.stories.iter().map(Story::bytes).sum());
    let work = Work { dir: dir.into(), history: &history, listing: &listing, describe, progress };
    let mut looked = work.all()?;
    let first = work.first(&looked)?;
    let mut verified = Verified::default();
    let mut conclusion = Conclusion { dir, history: &history, first, verified: &mut verified };
    conclusion.roots(known.public_key);
    conclusion.segments(&mut looked, &listing);
    conclusion.end(&looked)?;
    if let Some(checkpoint) = &known.checkpoint {
        conclusion.checkpoint(checkpoint, &looked);
    }
    Ok(Some(verified))
}

/// The key that a log's chain begins with, the last time it began, and its last record; `None` where there is no chain.
/// The lines are not looked at.
pub fn ends(dir: &Path) -> Result<Option<([u8; 32], Checkpoint)>, Error> {
    let Some(History { stories, .. }) = history::read(dir)? else { return Ok(None) };
    let root = stories.iter().rev().find(|story| story.opening.kind != Kind::Next);
    Ok(root
        .zip(stories.last())
        .map(|(root, last)| (root.opening.signed_by, last.checkpoint(&last.verify(dir)))))
}

/// A log without a chain: whoever knows that it had one knows that it was removed.
fn without_chain(dir: &Path, known: &Known) -> Result<Option<Verified>, Error> {
    let is_known = known.public_key.is_some() || known.checkpoint.is_some();
    if !is_known && !Listing::read(dir)?.is_stated(dir) {
        return Ok(None);
    }
    let path = dir.join(names::SEALS);
    let reason = "the chain of signatures is gone; nothing vouches for the log".to_owned();
    let tampering = vec![Tampering::new(What::Chain, path, reason)];
    Ok(Some(Verified { tampering, ..Verified::default() }))
}

/// What came of one story.
pub(super) struct Looked {
    pub(super) told: Told,
    /// `None` where no file of the segment is there.
    pub(super) examined: Option<Examined>,
}

impl Looked {
    /// Whether files about the segment are missing, as they are once retention has removed it.
    fn is_wanting(&self) -> bool {
        self.examined.is_none() || self.told.tampering.is_some()
    }
}

struct Work<'a> {
    dir: Arc<Path>,
    history: &'a History,
    listing: &'a Listing,
    describe: &'a Describe,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    /// Looks at all stories, on all processors.
    fn all(&self) -> Result<Vec<Looked>, Error> {
        threads::map(&self.history.stories, threads::processors(), |story| self.one(story))
            .into_iter()
            .collect()
    }

    fn one(&self, story: &Story) -> Result<Looked, Error> {
        let told = story.verify(&self.dir);
        let segment = story.opening.segment;
        let is_superseded = !std::ptr::eq(story, self.history.story(segment).unwrap_or(story));
        let found = match is_superseded {
            true => Ok(None),
            false => self.found(story),
        };
        let examined = match found {
            Ok(None) => None,
            Ok(Some(found)) => {
                let read = |bytes| self.progress.read(bytes);
                let looked = examine(&found, segment, &told.statements, self.describe, &read);
                match looked {
                    Err(Error::Removed { .. }) => None,
                    looked => Some(looked.or_else(|error| unreadable(error, found.path(), segment, &told))?),
                }
            }
            Err(Error::Removed { .. }) => None,
            Err(error) => {
                let path = self.dir.join(names::sealed(segment));
                Some(unreadable(error, path, segment, &told)?)
            }
        };
        Ok(Looked { told, examined })
    }

    /// The file of a segment, in the form in which it is read. A writer may put the next form in its place at any moment,
    /// the active one, a numbered one, a sealed one, none: each is looked for before the one that follows it.
    fn found(&self, story: &Story) -> Result<Option<Found>, Error> {
        let segment = story.opening.segment;
        let present = self.listing.segments.get(&segment).copied().unwrap_or_default();
        let active = match present.sealed || present.plain || story.is_followed {
            true => None,
            false => there(Found::plain(self.dir.join(names::ACTIVE)))?,
        };
        if let Some(found) = self.closed(segment)? {
            return Ok(Some(found));
        }
        // The file that was opened is this segment's if no later one is the active one by now.
        let Some(active) = active else { return Ok(None) };
        match segment == active_number(&self.dir, &Listing::read(&self.dir)?) {
            true => Ok(Some(active)),
            false => self.closed(segment),
        }
    }

    /// The file of a segment that is not the active one. Where there are both forms, sealing was interrupted at its end: the
    /// sealed one is read.
    fn closed(&self, segment: u64) -> Result<Option<Found>, Error> {
        let sealed = || there(Found::sealed(segment, &self.dir, self.describe));
        if let Some(found) = sealed()? {
            return Ok(Some(found));
        }
        match there(Found::plain(self.dir.join(names::numbered(segment))))? {
            Some(found) => Ok(Some(found)),
            None => sealed(),
        }
    }

    /// The lowest number of a segment that retention has not removed. Where files are missing, what is signed by now
    /// counts: it is signed before any file is removed.
    fn first(&self, looked: &[Looked]) -> Result<u64, Error> {
        let first = self.history.first(looked.iter().map(|looked| &looked.told));
        if !looked.iter().any(Looked::is_wanting) {
            return Ok(first);
        }
        let Some(now) = history::read(&self.dir)?.filter(|now| now.goes_on_from(self.history)) else {
            return Ok(first);
        };
        let told: Vec<Told> = now.stories.iter().map(|story| story.verify(&self.dir)).collect();
        Ok(first.max(now.first(told.iter())))
    }
}

/// `None` where there is no such file.
fn there(found: Result<Found, Error>) -> Result<Option<Found>, Error> {
    match found {
        Err(Error::Removed { .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// The number of the active segment.
fn active_number(dir: &Path, listing: &Listing) -> u64 {
    let next = listing.next_segment();
    manifest::read(dir).map_or(next, |number| next.max(number))
}

/// A segment of which nothing can be read, as what came of it.
fn unreadable(error: Error, path: PathBuf, segment: u64, told: &Told) -> Result<Examined, Error> {
    match error {
        Error::Io { .. } => Err(error),
        error => {
            let tampering = Tampering {
                segment: Some(segment),
                since_ms: told.last().map(|last| last.time_ms),
                ..Tampering::new(What::Changed, path, error.to_string())
            };
            Ok(Examined { tampering: vec![tampering], ..Examined::default() })
        }
    }
}
