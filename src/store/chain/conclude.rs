//! Puts together what was found of all segments, and says what it means for the log.

use std::collections::BTreeMap;
use std::path::Path;

use super::checkpoint::{Checkpoint, hex};
use super::history::{self, History, Story, Told};
use super::record::{Bytes32, Kind, Statement};
use super::verify::{Looked, Tampering, Verified, What};
use crate::store::error::Error;
use crate::store::lock;
use crate::store::names::{self, Listing, Present};

/// How the lines of a segment have to begin: its first piece, or all of it.
fn beginning(statements: &[Statement]) -> Option<Bytes32> {
    let pieces = statements.iter().flat_map(|statement| &statement.pieces);
    pieces.copied().next().or_else(|| statements.last().filter(|last| last.bytes > 0).map(|last| last.rest))
}

/// Puts together what was found.
pub(super) struct Conclusion<'a> {
    pub(super) dir: &'a Path,
    pub(super) history: &'a History,
    /// The lowest number of a segment that retention has not removed.
    pub(super) first: u64,
    pub(super) verified: &'a mut Verified,
}

impl Conclusion<'_> {
    fn found(&mut self, tampering: Tampering) {
        self.verified.tampering.push(tampering);
    }

    /// The keys that nothing in the directory vouches for.
    pub(super) fn roots(&mut self, wanted: Option<[u8; 32]>) {
        let stories = &self.history.stories;
        let Some(first) = stories.first() else { return };
        self.verified.public_key = first.opening.signed_by;
        self.verified.begun_ms = first.opening.time_ms;
        self.verified.tampering.extend(self.history.tampering.iter().cloned());
        let path = self.dir.join(names::SEALS);
        let is_root = |story: &&Story| story.opening.kind != Kind::Next;
        let mut trusted = 0;
        if let Some(wanted) = wanted {
            let place = stories.iter().position(|story| is_root(&story) && story.opening.signed_by == wanted);
            let Some(place) = place else {
                let found = hex(&first.opening.signed_by);
                let reason =
                    format!("the chain begins with the key {found}, not with the one that was given");
                self.found(Tampering::new(What::RolledBack, path, reason));
                return;
            };
            trusted = place;
            self.verified.public_key = wanted;
            if let Some(story) = stories.get(place).filter(|_| place > 0) {
                let before = story.opening.segment;
                self.verified
                    .notes
                    .push(format!("the key that was given vouches for nothing before segment {before}"));
            }
        } else {
            let note = "no public key was given: that this is the chain that was begun here is not proven";
            self.verified.notes.push(note.to_owned());
        }
        for (place, story) in stories.iter().enumerate().filter(|(_, story)| is_root(story)) {
            let is_expected = place == trusted && (wanted.is_some() || story.opening.kind == Kind::First);
            if is_expected || place < trusted {
                continue;
            }
            let opening = &story.opening;
            let before = place.checked_sub(1).and_then(|place| stories.get(place));
            let key = hex(&opening.signed_by);
            self.found(Tampering {
                segment: Some(opening.segment),
                since_ms: before.map(|before| before.opening.time_ms),
                ..Tampering::new(
                    What::Restarted,
                    path.clone(),
                    format!("the chain begins anew with the key {key}: those to go on with were not there"),
                )
            });
        }
    }

    pub(super) fn segments(&mut self, looked: &mut [Looked], listing: &Listing) {
        let begins: BTreeMap<Bytes32, u64> = self
            .history
            .stories
            .iter()
            .zip(&*looked)
            .filter_map(|(story, looked)| Some((beginning(&looked.told.statements)?, story.opening.segment)))
            .collect();
        let (first, mut unsigned) = (self.first, 0);
        for (story, looked) in self.history.stories.iter().zip(looked) {
            let segment = story.opening.segment;
            let is_latest = self.history.story(segment).is_some_and(|latest| std::ptr::eq(latest, story));
            let is_removed = segment < first && looked.examined.is_none();
            if is_removed || !is_latest {
                continue;
            }
            self.verified.tampering.extend(looked.told.tampering.take());
            let Some(examined) = looked.examined.take() else {
                self.missing(story, &looked.told);
                continue;
            };
            self.verified.segments += 1;
            self.verified.entries += examined.entries;
            self.verified.bytes += examined.bytes;
            unsigned += examined.unsigned;
            let other = examined.begins.and_then(|hash| begins.get(&hash)).filter(|other| **other != segment);
            for mut tampering in examined.tampering {
                let is_whole = tampering.entries.is_some_and(|(first, _)| first.ordinal == 0);
                if let Some(other) = other.filter(|_| is_whole && tampering.what == What::Changed) {
                    tampering.what = What::Swapped;
                    tampering.reason = format!("it holds the lines of segment {other}");
                }
                self.found(tampering);
            }
        }
        if first > 1 {
            let last = first - 1;
            self.verified
                .notes
                .push(format!("retention has removed the segments up to {last}, as it has signed"));
        }
        if unsigned > 0 {
            self.verified.notes.push(format!("the last {unsigned} entries are not signed yet"));
        }
        self.strangers(listing, first);
    }

    fn missing(&mut self, story: &Story, told: &Told) {
        let (entries, since_ms) = match told.last() {
            Some(last) if last.bytes > 0 => (format!(" with {} entries", last.entries), last.time_ms),
            // That it was complete is all that is known.
            None if story.is_followed => (String::new(), story.opening.time_ms),
            _ => return,
        };
        let segment = story.opening.segment;
        let name = if story.is_followed { names::sealed(segment) } else { names::ACTIVE.to_owned() };
        let reason = format!("the segment{entries} is gone, and not by retention");
        self.found(Tampering {
            segment: Some(segment),
            since_ms: Some(since_ms),
            ..Tampering::new(What::Deleted, self.dir.join(name), reason)
        });
    }

    /// Segments that the chain does not know.
    fn strangers(&mut self, listing: &Listing, first: u64) {
        let stories = &self.history.stories;
        let (Some(begin), Some(end)) = (stories.first(), stories.last()) else { return };
        let (begin, end) = (begin.opening.segment, end.opening.segment);
        let is_there = |present: &Present| present.sealed || present.plain;
        let there = listing.segments.iter().filter(|(_, present)| is_there(present)).map(|(id, _)| *id);
        let (mut older, mut newer) = (0, 0);
        for segment in there {
            match segment {
                segment if segment < begin => older += 1,
                segment if segment > end => newer += 1,
                segment
                    if self
                        .history
                        .story(segment)
                        .is_none_or(|story| !story.has_statements() && segment < first) =>
                {
                    let path = self.dir.join(names::sealed(segment));
                    let reason = "the segment was not there when the chain passed its number".to_owned();
                    let segment = Some(segment);
                    self.found(Tampering { segment, ..Tampering::new(What::Added, path, reason) });
                }
                _ => {}
            }
        }
        let mut note = |count: u64, words: &str| {
            if count > 0 {
                self.verified
                    .notes
                    .push(format!("{count} segments are {words}: nothing is signed about them"));
            }
        };
        note(older, "older than the chain");
        note(newer, "newer than the chain's last record");
    }

    /// Whether the chain ends where it was left.
    pub(super) fn end(&mut self, looked: &[Looked]) -> Result<(), Error> {
        let (Some(story), Some(last)) = (self.history.stories.last(), looked.last()) else { return Ok(()) };
        let signed_ms = last.told.last().map_or(story.opening.time_ms, |last| last.time_ms);
        self.verified.signed_ms = signed_ms;
        let is_broken = !self.history.tampering.is_empty() || last.told.tampering.is_some();
        self.verified.checkpoint = (!is_broken).then(|| story.checkpoint(&last.told));
        if last.told.is_torn || self.history.is_torn {
            self.verified
                .notes
                .push("a record that was being written when the power went is passed over".to_owned());
        }
        let path = self.dir.join(names::KEY);
        let unknown = |why: &str| {
            format!("{why}: that nothing was cut from the chain's end is not proven without a checkpoint")
        };
        match history::keys_go_on(self.dir) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let reason = "its keys are not those that the chain's last record names: records were cut off, or the keys \
                              are older ones"
                    .to_owned();
                let since_ms = Some(signed_ms);
                self.found(Tampering { since_ms, ..Tampering::new(What::Chain, path, reason) });
            }
            Ok(None) if lock::has_writer(self.dir)? && !path.exists() => {
                let since_ms = Some(signed_ms);
                let reason = "the keys that the writer has to go on with are gone".to_owned();
                self.found(Tampering { since_ms, ..Tampering::new(What::Chain, path, reason) });
            }
            Ok(None) => self.verified.notes.push(unknown("the keys are not here")),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                self.verified.notes.push(unknown("the keys may not be read"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether a record that is known from elsewhere is here.
    pub(super) fn checkpoint(&mut self, wanted: &Checkpoint, looked: &[Looked]) {
        let path = self.dir.join(names::SEALS);
        let (segment, statement) = (wanted.segment, wanted.statement);
        let last = self.history.stories.last().map_or(0, |story| story.opening.segment);
        let of_segment = self
            .history
            .stories
            .iter()
            .zip(looked)
            .rev()
            .filter(|(story, _)| story.opening.segment == segment);
        let has: Vec<_> =
            of_segment.map(|(story, looked)| (story, story.has(wanted, &looked.told))).collect();
        let reason = match &has[..] {
            [] if segment > last => {
                "the chain ends before the record of the checkpoint: it was set back".to_owned()
            }
            [] => "the chain has no record of the checkpoint's segment".to_owned(),
            has if has.iter().any(|(_, has)| *has == Some(true)) => return,
            has => match has.iter().find(|(_, has)| has.is_none()) {
                Some((story, _)) if !story.has_statements() => {
                    let note = format!(
                        "segment {segment} of the checkpoint has been removed; its opening is the one of the checkpoint"
                    );
                    self.verified.notes.push(note);
                    return;
                }
                Some(_) => {
                    format!("statement {statement} about segment {segment}, the checkpoint's, is cut off")
                }
                None => {
                    "the record in the checkpoint's place is another one: the chain was rewritten".to_owned()
                }
            },
        };
        let since_ms = (!self.verified.tampering.is_empty()).then_some(self.verified.signed_ms);
        self.found(Tampering {
            segment: Some(segment),
            since_ms,
            ..Tampering::new(What::RolledBack, path, reason)
        });
    }
}
