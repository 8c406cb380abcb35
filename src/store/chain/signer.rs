//! Makes the chain: states what is in the active segment, completes a segment, opens the next one.
//!
//! Whatever comes before a crash or an error, the keys that the last record names are in `seal.key`: they are durable
//! before the record is, and are replaced only when a later record is.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;

use super::checkpoint::{Checkpoint, hex};
use super::contents::{self, Lines};
use super::key::{KeyFile, Keys, new_key};
use super::ledger::Ledger;
use super::record::{self, Bytes32, Kind, NONE, Opening, PIECE_BYTES, Signed, Statement};
use super::signing::Signing;
use crate::store::catalogue::{Segment, Shared};
use crate::store::disk::Disk;
use crate::store::error::{Error, Notice};
use crate::store::names;

/// Signs for one log directory.
pub(in crate::store) struct Signer {
    disk: Disk,
    shared: Arc<Shared>,
    signing: Arc<Signing>,
    chain: Option<Chain>,
}

/// The chain's end and what is needed to go on.
struct Chain {
    seals: Ledger,
    statements: Ledger,
    key_file: KeyFile,
    keys: Keys,
    segment: u64,
    /// Link of the segment's opening.
    opening: Bytes32,
    /// Link of the last record about it.
    link: Bytes32,
    /// What the last statement said; before the first one, that there is nothing.
    last: Statement,
    /// Number of whole pieces that were stated.
    pieces: u64,
    /// The lowest number of a segment that retention has not removed.
    first: u64,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is known of a segment about which nothing is stated yet.
fn nothing(segment: u64) -> Statement {
    let rest = *blake3::hash(&[]).as_bytes();
    Statement {
        is_last: false,
        number: 0,
        segment,
        time_ms: 0,
        first: 0,
        bytes: 0,
        entries: 0,
        rest,
        next_key: NONE,
        pieces: Vec::new(),
    }
}

impl Signer {
    pub(in crate::store) fn new(disk: &Disk, shared: &Arc<Shared>, signing: &Arc<Signing>) -> Signer {
        Signer { disk: disk.clone(), shared: shared.clone(), signing: signing.clone(), chain: None }
    }

    /// Signs all that is in files and not signed, and gives what there is to tell.
    pub(in crate::store) fn sign(&mut self) -> Result<Vec<Notice>, Error> {
        let mut notices = Vec::new();
        let done = self.try_sign(&mut notices);
        self.signing.told(done.is_err());
        done.map(|()| notices)
    }

    fn try_sign(&mut self, notices: &mut Vec<Notice>) -> Result<(), Error> {
        let segments = self.shared.segments();
        let Some(active) = segments.last() else { return Ok(()) };
        let mut chain = match self.chain.take() {
            Some(chain) => chain,
            None => self.resume(&segments, notices)?,
        };
        let done = self.go_on(&mut chain, &segments, active, notices);
        self.chain = Some(chain);
        done
    }

    fn go_on(
        &self,
        chain: &mut Chain,
        segments: &[Segment],
        active: &Segment,
        notices: &mut Vec<Notice>,
    ) -> Result<(), Error> {
        chain.clean(&self.disk)?;
        chain.may_go_on(&self.disk, active.id())?;
        let wanted_first = self.signing.wanted_first().max(chain.first);
        while chain.segment < active.id() {
            if !chain.last.is_last {
                // After a power loss a complete segment must not be the active one again.
                self.disk.sync_dir()?;
                let found = segments.iter().find(|segment| segment.id() == chain.segment);
                chain.state(&self.disk, found, wanted_first, true)?;
            }
            let next = segments.iter().map(Segment::id).find(|&id| id > chain.segment);
            chain.open(&self.disk, next.unwrap_or(active.id()), wanted_first)?;
            let checkpoint = self.publish(chain);
            notices.push(Notice::Opened { segment: chain.segment, checkpoint });
        }
        if active.entries() > chain.last.entries || wanted_first > chain.first {
            chain.state(&self.disk, Some(active), wanted_first, false)?;
        }
        self.publish(chain);
        Ok(())
    }

    fn publish(&self, chain: &Chain) -> Checkpoint {
        let checkpoint = Checkpoint::new(chain.segment, chain.last.number, &chain.opening, &chain.link);
        self.signing.signed(chain.first, checkpoint);
        checkpoint
    }

    /// Finds the chain's end in the directory, or begins a chain.
    fn resume(&self, segments: &[Segment], notices: &mut Vec<Notice>) -> Result<Chain, Error> {
        let disk = &self.disk;
        let ids = || segments.iter().map(Segment::id);
        let (active, lowest) = (ids().next_back().unwrap_or(1), ids().next().unwrap_or(1));
        let found = match Ledger::open::<Opening>(disk, names::SEALS)? {
            Some((seals, openings)) if !openings.is_empty() => (seals, openings),
            other => {
                // Statements that nothing opens: somebody has removed what did.
                let is_new = !names::Listing::read(&disk.dir)?.is_stated(&disk.dir);
                let seals =
                    other.map_or_else(|| Ledger::create(disk, names::SEALS), |(seals, _)| Ok(seals))?;
                let kind = if is_new { Kind::First } else { Kind::Restart };
                return begin(disk, seals, NONE, kind, active, lowest, notices);
            }
        };
        let (seals, openings) = found;
        let link = openings.iter().fold(NONE, |before, opening| opening.link(&before));
        let opening = openings.into_iter().next_back().expect("it is not empty").record;
        let first = opening.first;
        match continued(disk, seals, link, opening)? {
            Ok(chain) => {
                // A crash between the removal of a segment and that of the statements about it.
                let is_left = |id: &u64| *id < chain.first && !ids().any(|other| other == *id);
                let stated = names::Listing::read(&disk.dir)?.stated;
                let mut left = stated.into_iter().filter(is_left);
                left.try_for_each(|id| disk.unlink(&disk.path(&names::statements(id))))?;
                Ok(chain)
            }
            Err(seals) => begin(disk, seals, link, Kind::Restart, active, first, notices),
        }
    }
}

/// The chain that goes on from its last opening; gives the ledger back where the keys for that are not there.
fn continued(
    disk: &Disk,
    seals: Ledger,
    opening_link: Bytes32,
    opening: Opening,
) -> Result<Result<Chain, Ledger>, Error> {
    let name = names::statements(opening.segment);
    let Some((statements, found)) = Ledger::open::<Statement>(disk, &name)? else { return Ok(Err(seals)) };
    let link = found.iter().fold(opening_link, |before, statement| statement.link(&before));
    let pieces = found.iter().map(|statement: &Signed<Statement>| statement.record.pieces.len() as u64).sum();
    let last = found.into_iter().next_back().map(|statement| statement.record);
    let wanted = last.as_ref().map_or(opening.statement_key, |last| last.next_key);
    let last = last.unwrap_or_else(|| nothing(opening.segment));
    let keys = KeyFile::open(disk, |public| {
        public.opening == opening.opening_key && (last.is_last || public.statement == wanted)
    })?;
    let Some((mut key_file, keys)) = keys else { return Ok(Err(seals)) };
    // What a crash has left of the keys that signed the last record.
    key_file.erase(disk)?;
    let (segment, first) = (opening.segment, opening.first.max(last.first));
    let opening = opening_link;
    Ok(Ok(Chain { seals, statements, key_file, keys, segment, opening, link, last, pieces, first }))
}

/// Begins a chain, or begins it anew, with a key that nothing vouches for.
fn begin(
    disk: &Disk,
    mut seals: Ledger,
    before: Bytes32,
    kind: Kind,
    segment: u64,
    first: u64,
    notices: &mut Vec<Notice>,
) -> Result<Chain, Error> {
    let name = names::statements(segment);
    if disk.path(&name).exists() {
        disk.put_aside(&name)?;
    }
    let (root, keys) = (new_key(&disk.dir)?, new_keys(disk)?);
    let key_file = KeyFile::create(disk, &keys)?;
    let statements = Ledger::create(disk, &name)?;
    disk.sync_dir()?;
    let link = append_opening(disk, &mut seals, &before, kind, &root, &keys, (segment, first), NONE)?;
    let public_key = hex(&root.verifying_key().to_bytes());
    let last = nothing(segment);
    let checkpoint = Checkpoint::new(segment, 0, &link, &link);
    notices.push(Notice::Begun { is_anew: kind == Kind::Restart, public_key, checkpoint });
    Ok(Chain { seals, statements, key_file, keys, segment, opening: link, link, last, pieces: 0, first })
}

fn new_keys(disk: &Disk) -> Result<Keys, Error> {
    Ok(Keys { statement: new_key(&disk.dir)?, opening: new_key(&disk.dir)? })
}

/// Signs and appends an opening; gives its link. `place` is the segment and the lowest that was not removed.
#[allow(clippy::too_many_arguments, reason = "each is a field of the record or where it goes")]
fn append_opening(
    disk: &Disk,
    seals: &mut Ledger,
    before: &Bytes32,
    kind: Kind,
    signer: &SigningKey,
    next: &Keys,
    place: (u64, u64),
    closing: Bytes32,
) -> Result<Bytes32, Error> {
    let public = next.public();
    let opening = Opening {
        kind,
        segment: place.0,
        time_ms: now_ms(),
        first: place.1,
        closing,
        signed_by: signer.verifying_key().to_bytes(),
        statement_key: public.statement,
        opening_key: public.opening,
    };
    let (bytes, link) = record::sign(&opening, before, signer);
    seals.append(disk, &bytes)?;
    Ok(link)
}

impl Chain {
    /// Undoes what a failed attempt has left, before other keys take the place of those it named.
    fn clean(&mut self, disk: &Disk) -> Result<(), Error> {
        self.seals.clean(disk)?;
        self.statements.clean(disk)?;
        self.key_file.erase(disk)
    }

    /// A directory whose segments and manifest are gone begins with numbers about which the chain has said all there is.
    fn may_go_on(&self, disk: &Disk, active: u64) -> Result<(), Error> {
        if active > self.segment || (active == self.segment && !self.last.is_last) {
            return Ok(());
        }
        let reason = format!("it has come to segment {}, and the log only to {active}", self.segment);
        Err(Error::damaged(&disk.path(names::SEALS), reason))
    }

    /// States what a segment holds; the last time where it is complete. What is not there any more is stated once more as
    /// it was.
    fn state(
        &mut self,
        disk: &Disk,
        segment: Option<&Segment>,
        first: u64,
        is_last: bool,
    ) -> Result<(), Error> {
        let mut statement = Statement {
            is_last,
            number: self.last.number + 1,
            time_ms: now_ms(),
            first,
            pieces: Vec::new(),
            next_key: NONE,
            ..self.last.clone()
        };
        if let Some(segment) = segment {
            self.look(disk, segment, &mut statement)?;
        }
        let next = match is_last {
            true => None,
            false => {
                let opening = SigningKey::from_bytes(self.keys.opening.as_bytes());
                let next = Keys { statement: new_key(&disk.dir)?, opening };
                statement.next_key = next.public().statement;
                self.key_file.put(disk, &next)?;
                Some(next)
            }
        };
        let (bytes, link) = record::sign(&statement, &self.link, &self.keys.statement);
        self.statements.append(disk, &bytes)?;
        self.link = link;
        self.first = first;
        self.pieces += statement.pieces.len() as u64;
        statement.pieces.clear();
        self.last = statement;
        if let Some(next) = next {
            self.keys = next;
            self.key_file.publish();
            self.key_file.erase(disk)?;
        }
        Ok(())
    }

    /// Puts into a statement what a segment holds now.
    fn look(&self, disk: &Disk, segment: &Segment, statement: &mut Statement) -> Result<(), Error> {
        let path;
        let entries = segment.entries();
        let (lines, bytes) = match segment {
            Segment::Live(live) => {
                path = live.path();
                let bytes = live.bytes(entries);
                // What is signed has to be there after a power loss.
                disk.sync(&live.file, &path)?;
                (Lines::Plain { file: &live.file, path: &path, bytes }, bytes)
            }
            Segment::Sealed(sealed) => (Lines::Sealed(sealed), sealed.plain_bytes()?),
        };
        if bytes < statement.bytes || bytes < self.pieces * PIECE_BYTES {
            return Ok(());
        }
        (statement.bytes, statement.entries) = (bytes, entries);
        (statement.pieces, statement.rest) = contents::hash(&lines, self.pieces)?;
        Ok(())
    }

    /// Opens the next segment, the present one being complete.
    fn open(&mut self, disk: &Disk, segment: u64, first: u64) -> Result<(), Error> {
        let next = new_keys(disk)?;
        self.key_file.put(disk, &next)?;
        let statements = Ledger::create(disk, &names::statements(segment))?;
        // The rotation's new names too have to be there after a power loss.
        disk.sync_dir()?;
        let (signer, closing) = (&self.keys.opening, self.link);
        let link = append_opening(
            disk,
            &mut self.seals,
            &self.opening,
            Kind::Next,
            signer,
            &next,
            (segment, first),
            closing,
        )?;
        self.statements = statements;
        (self.segment, self.opening, self.link) = (segment, link, link);
        (self.last, self.pieces, self.first) = (nothing(segment), 0, first);
        self.keys = next;
        self.key_file.publish();
        self.key_file.erase(disk)
    }
}
