//! Removes whole segments, oldest first, as far as size, number, age and free space ask for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::age::elapsed;
use super::background::Background;
use super::catalogue::{Segment, Shared};
use super::chain::Signing;
use super::disk::Disk;
use super::error::{Error, Notice};
use super::sealed::Sealed;
use super::{Config, manifest, names};

/// How long the files of a segment that was taken out stay for who still reads it. Whoever reads slowly would otherwise keep
/// the log from ever getting smaller. Where space is low nobody is waited for.
const READERS_WAIT: Duration = Duration::from_secs(60);

/// What is being removed.
#[derive(Default)]
pub(super) struct Retention {
    /// Segments taken out whose files are still there.
    doomed: Vec<Doomed>,
    /// Segments whose files are gone by name, and may be held open by who still reads them.
    read_on: Vec<Arc<Sealed>>,
}

struct Doomed {
    sealed: Arc<Sealed>,
    since: SystemTime,
    for_space: bool,
}

/// Whether somebody has it besides who asks: nobody else can get at one that was taken out.
fn is_read(sealed: &Arc<Sealed>) -> bool {
    Arc::strong_count(sealed) > 1
}

/// What it works on.
pub(super) struct Place<'a> {
    pub(super) shared: &'a Shared,
    pub(super) disk: &'a Disk,
    pub(super) background: &'a Background,
    pub(super) signing: Option<&'a Signing>,
    /// The number and the length of the active segment.
    pub(super) active: (u64, u64),
}

impl Retention {
    /// Takes out what is one too many and removes the files that nobody reads any more.
    pub(super) fn apply(&mut self, limits: &Config, place: &Place<'_>, now: SystemTime) -> Result<(), Error> {
        let mut free = match limits.min_free_bytes {
            Some(_) => place.disk.free_bytes()?,
            None => u64::MAX,
        };
        if !self.doomed.is_empty() {
            let is_low = limits.min_free_bytes.is_some_and(|least| free < least);
            self.doomed.iter_mut().for_each(|doomed| doomed.for_space |= is_low);
            // What was taken out is about to make room.
            free = u64::MAX;
        }
        let mut freed = 0;
        loop {
            let low = limits.min_free_bytes.is_some_and(|least| free.saturating_add(freed) < least);
            let Some((sealed, for_space)) = surplus(limits, place, now, low) else { break };
            freed += sealed.bytes;
            let is_last = place.shared.with(|catalogue| {
                catalogue.closed.retain(|segment| segment.id() != sealed.id);
                catalogue.closed.is_empty()
            });
            if is_last {
                // Once no name tells the numbers that were used, the manifest has to.
                manifest::write(place.disk, place.active.0)?;
                place.disk.sync_dir()?;
            }
            let (segment, entries, bytes) = (sealed.id, sealed.entries, sealed.bytes);
            place.background.notice(Notice::Removed { for_space, segment, entries, bytes });
            if let Some(signing) = place.signing {
                signing.want_removed(segment);
                place.background.sign();
            }
            self.doomed.push(Doomed { sealed, since: now, for_space });
        }
        self.remove(place, now)
    }

    fn remove(&mut self, place: &Place<'_>, now: SystemTime) -> Result<(), Error> {
        let disk = place.disk;
        let mut result = Ok(());
        // Who was about to read when a file was removed may have opened it again.
        self.read_on.retain(|sealed| {
            sealed.close_files();
            is_read(sealed)
        });
        let read_on = &mut self.read_on;
        self.doomed.retain(|Doomed { sealed, since, for_space }| {
            if is_read(sealed) && !for_space && elapsed(now, *since) < READERS_WAIT {
                return true;
            }
            sealed.close_files();
            // Before it is signed that this is retention's doing only the index may go. On a full disk its space is what
            // the signature needs.
            let mut files = vec![sealed.index_path()];
            let may_go = place.signing.is_none_or(|signing| signing.may_remove(sealed.id));
            if may_go {
                // Where its removal failed after sealing the plain form is there still, and would be the segment again.
                files.insert(0, disk.path(&names::numbered(sealed.id)));
                files.insert(1, sealed.path());
                files.push(disk.path(&names::statements(sealed.id)));
            }
            let removed = files.iter().try_for_each(|path| disk.unlink(path));
            let stays = removed.is_err() || !may_go;
            result = std::mem::replace(&mut result, Ok(())).and(removed);
            if !stays && is_read(sealed) {
                read_on.push(sealed.clone());
            }
            stays
        });
        result
    }
}

/// The oldest segment if it is sealed and one too many, and whether it is so only because space is low.
fn surplus(limits: &Config, place: &Place<'_>, now: SystemTime, low: bool) -> Option<(Arc<Sealed>, bool)> {
    let (oldest, number, bytes) = place.shared.with(|catalogue| {
        let Some(Segment::Sealed(oldest)) = catalogue.closed.first() else { return None };
        let bytes: u64 = catalogue.closed.iter().map(Segment::bytes).sum();
        Some((oldest.clone(), catalogue.closed.len(), bytes))
    })?;
    let too_many = limits.retain_segments.is_some_and(|limit| number > limit as usize);
    let too_large = limits.retain_bytes.is_some_and(|limit| bytes + place.active.1 > limit);
    let too_old = limits.retain_age.is_some_and(|limit| {
        let latest = UNIX_EPOCH.checked_add(Duration::from_millis(oldest.bounds.time_max));
        latest.is_some_and(|latest| elapsed(now, latest) > limit)
    });
    let beyond = too_many || too_large || too_old;
    // What is stated about a segment is stated before it goes.
    let is_complete = place.signing.is_none_or(|signing| signing.is_complete(oldest.id));
    ((beyond || low) && is_complete).then_some((oldest, !beyond))
}
