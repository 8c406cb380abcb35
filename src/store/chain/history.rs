//! The chain as it is in a directory, and whether each record is signed by the key that the one before has named.

use std::path::Path;

use super::checkpoint::Checkpoint;
use super::record::{self, Bytes32, End, Kind, NONE, Opening, PIECE_BYTES, Signed, Statement};
use super::verify::{Tampering, What};
use super::{key, ledger};
use crate::store::error::Error;
use crate::store::names;

/// One opening and the statements that follow it.
pub(super) struct Story {
    pub(super) opening: Opening,
    /// Link of the opening.
    pub(super) link: Bytes32,
    /// `None` where there is no file of statements.
    statements: Option<(Vec<Signed<Statement>>, End)>,
    /// What the next opening says the last link is; `None` where none goes on from here.
    closing: Option<Bytes32>,
    /// Whether another opening follows.
    pub(super) is_followed: bool,
}

/// What came of looking at the statements of a story.
pub(super) struct Told {
    /// The statements that are in order.
    pub(super) statements: Vec<Statement>,
    pub(super) tampering: Option<Tampering>,
    /// Link after each of them.
    links: Vec<Bytes32>,
    pub(super) is_torn: bool,
}

impl Told {
    pub(super) fn last(&self) -> Option<&Statement> {
        self.statements.last()
    }
}

/// All openings as far as they are in order, and what is wrong after that.
#[derive(Default)]
pub(super) struct History {
    pub(super) stories: Vec<Story>,
    pub(super) tampering: Vec<Tampering>,
    pub(super) is_torn: bool,
}

/// Reads `seals` and all statements; `None` where there is no opening.
pub(super) fn read(dir: &Path) -> Result<Option<History>, Error> {
    let path = dir.join(names::SEALS);
    let bytes = match ledger::read(&path) {
        Ok(bytes) => bytes,
        Err(Error::Removed { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (openings, end) = record::parse::<Opening>(&bytes);
    let mut history = History { is_torn: matches!(end, End::Torn(_)), ..History::default() };
    let mut before = NONE;
    for (signed, number) in openings.into_iter().zip(1u64..) {
        let reason = match history.stories.last() {
            Some(last) => wrong_opening(&signed, &before, &last.opening),
            None => wrong_first(&signed),
        };
        if let Some(reason) = reason {
            history.break_off(dir, number, reason);
            return Ok(Some(history));
        }
        before = signed.link(&before);
        if let Some(last) = history.stories.last_mut() {
            last.is_followed = true;
            last.closing = (signed.record.kind == Kind::Next).then_some(signed.record.closing);
        }
        let story = Story {
            opening: signed.record,
            link: before,
            statements: None,
            closing: None,
            is_followed: false,
        };
        history.stories.push(story);
    }
    if let End::Damaged(_) = end {
        let number = history.stories.len() as u64 + 1;
        history.break_off(dir, number, "does not match its checksum");
    }
    history.statements(dir)?;
    Ok(Some(history))
}

fn wrong_first(signed: &Signed<Opening>) -> Option<&'static str> {
    let opening = &signed.record;
    if opening.kind == Kind::Next {
        return Some("goes on from one that is not there");
    }
    (!signed.is_signed(&NONE, &opening.signed_by)).then_some("is not signed by the key that it names")
}

/// What is wrong with an opening after another one.
fn wrong_opening(signed: &Signed<Opening>, before: &Bytes32, last: &Opening) -> Option<&'static str> {
    let opening = &signed.record;
    let is_anew = opening.kind == Kind::Restart;
    if opening.kind == Kind::First {
        return Some("is a first one");
    }
    if opening.segment < last.segment + u64::from(!is_anew) || opening.first < last.first {
        return Some("names segments that the one before leaves behind");
    }
    let key = if is_anew { &opening.signed_by } else { &last.opening_key };
    (opening.signed_by != *key || !signed.is_signed(before, key))
        .then_some("is not signed by the key that the one before names")
}

impl History {
    fn break_off(&mut self, dir: &Path, number: u64, reason: &str) {
        let last = self.stories.last();
        self.tampering.push(Tampering {
            since_ms: last.map(|last| last.opening.time_ms),
            ..Tampering::new(
                What::Chain,
                dir.join(names::SEALS),
                format!("record {number} {reason}; nothing vouches for what follows"),
            )
        });
    }

    fn statements(&mut self, dir: &Path) -> Result<(), Error> {
        let next: Vec<_> = self.stories.iter().skip(1).map(|story| story.opening.segment).collect();
        for (story, next) in self.stories.iter_mut().zip(next.into_iter().map(Some).chain([None])) {
            // Where the chain begins anew within a segment the file is that of the later opening.
            if next == Some(story.opening.segment) {
                continue;
            }
            story.statements = match ledger::read(&dir.join(names::statements(story.opening.segment))) {
                Ok(bytes) => Some(record::parse(&bytes)),
                Err(Error::Removed { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(())
    }

    /// The lowest number of a segment that retention has not removed, as far as it is signed here.
    pub(super) fn first<'a>(&self, told: impl Iterator<Item = &'a Told>) -> u64 {
        let openings = self.stories.iter().map(|story| story.opening.first);
        openings.chain(told.filter_map(Told::last).map(|last| last.first)).max().unwrap_or(0)
    }

    /// Whether this is an earlier history and what was signed since.
    pub(super) fn goes_on_from(&self, earlier: &History) -> bool {
        let links = |history: &History| history.stories.iter().map(|story| story.link).collect::<Vec<_>>();
        links(self).starts_with(&links(earlier))
    }

    /// The story of a segment.
    pub(super) fn story(&self, segment: u64) -> Option<&Story> {
        self.stories.iter().rev().find(|story| story.opening.segment == segment)
    }
}

impl Story {
    pub(super) fn has_statements(&self) -> bool {
        self.statements.is_some()
    }

    /// Length of the lines that are stated, as far as it can be said without looking closer.
    pub(super) fn bytes(&self) -> u64 {
        let statements = self.statements.as_ref().map(|(statements, _)| statements);
        statements.and_then(|all| all.last()).map_or(0, |last| last.record.bytes)
    }

    /// Looks at each statement's signature.
    pub(super) fn verify(&self, dir: &Path) -> Told {
        let mut told = Told { statements: Vec::new(), tampering: None, links: Vec::new(), is_torn: false };
        // A file that is not there has no statement.
        let (statements, end) = match &self.statements {
            Some((statements, end)) => (&statements[..], *end),
            None => (&[][..], End::Clean(0)),
        };
        told.is_torn = matches!(end, End::Torn(_));
        let (mut link, mut pieces) = (self.link, 0u64);
        let mut wrong = None;
        for signed in statements {
            pieces = pieces.saturating_add(signed.record.pieces.len() as u64);
            wrong = self.wrong(signed, &link, told.last(), pieces);
            if wrong.is_some() {
                break;
            }
            link = signed.link(&link);
            told.links.push(link);
            told.statements.push(signed.record.clone());
        }
        if wrong.is_none() && matches!(end, End::Damaged(_)) {
            wrong = Some("does not match its checksum");
        }
        let number = told.statements.len() + 1;
        let mut reason = wrong.map(|wrong| format!("statement {number} {wrong}"));
        if reason.is_none() {
            reason = match (self.closing, told.last().is_some_and(|last| last.is_last)) {
                (Some(_), false) => Some("its end is cut off: the segment was completed".to_owned()),
                (Some(closing), true) if closing != link => {
                    Some("its last statement is not the one that the chain goes on from".to_owned())
                }
                _ => None,
            };
        }
        told.tampering = reason.map(|reason| Tampering {
            segment: Some(self.opening.segment),
            since_ms: Some(told.last().map_or(self.opening.time_ms, |last| last.time_ms)),
            ..Tampering::new(What::Chain, dir.join(names::statements(self.opening.segment)), reason)
        });
        told
    }

    /// What is wrong with a statement.
    fn wrong(
        &self,
        signed: &Signed<Statement>,
        link: &Bytes32,
        last: Option<&Statement>,
        pieces: u64,
    ) -> Option<&'static str> {
        let found = &signed.record;
        let (number, bytes, entries, first) = last.map_or((0, 0, 0, self.opening.first), |last| {
            (last.number, last.bytes, last.entries, last.first)
        });
        let key = last.map_or(&self.opening.statement_key, |last| &last.next_key);
        if last.is_some_and(|last| last.is_last) {
            return Some("follows the one that completes the segment");
        }
        if found.segment != self.opening.segment || found.number != number.saturating_add(1) {
            return Some("is not the next one about this segment");
        }
        if found.bytes < bytes || found.entries < entries || found.first < first {
            return Some("takes back what the one before says");
        }
        // Only what was cut before it was stated again is shorter than its pieces.
        if found.bytes / PIECE_BYTES != pieces {
            return Some("has not the pieces of its length");
        }
        (!signed.is_signed(link, key)).then_some("is not signed by the key that the one before names")
    }

    /// The record that a checkpoint at the end of this story names.
    pub(super) fn checkpoint(&self, told: &Told) -> Checkpoint {
        let number = told.last().map_or(0, |last| last.number);
        Checkpoint::new(self.opening.segment, number, &self.link, told.links.last().unwrap_or(&self.link))
    }

    /// Whether a checkpoint's record is the one here; `None` where it is not here.
    pub(super) fn has(&self, checkpoint: &Checkpoint, told: &Told) -> Option<bool> {
        if !checkpoint.is_opening(&self.link) {
            return Some(false);
        }
        match usize::try_from(checkpoint.statement).unwrap_or(usize::MAX).checked_sub(1) {
            None => Some(checkpoint.is_link(&self.link)),
            Some(place) => told.links.get(place).map(|link| checkpoint.is_link(link)),
        }
    }
}

/// Whether the keys in the directory are those that the chain's last record names; `None` where that cannot be said:
/// there are no keys, or a writer puts others in their place again and again.
pub(super) fn keys_go_on(dir: &Path) -> Result<Option<bool>, Error> {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        let Some(before) = key::look(dir)? else { return Ok(None) };
        let Some(history) = read(dir)? else { return Ok(None) };
        let Some(story) = history.stories.last() else { return Ok(None) };
        let last = story.statements.as_ref().and_then(|(all, _)| all.last()).map(|last| &last.record);
        let statement = last.map_or(&story.opening.statement_key, |last| &last.next_key);
        let is_next = |keys: &key::Public| {
            keys.opening == story.opening.opening_key
                && (keys.statement == *statement || last.is_some_and(|last| last.is_last))
        };
        let does = before.iter().any(is_next);
        if does || key::look(dir)?.as_ref() == Some(&before) {
            return Ok(Some(does));
        }
    }
    Ok(None)
}
