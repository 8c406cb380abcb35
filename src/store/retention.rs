//! Removes whole segments, oldest first, as far as size, number, age and free space ask for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::background::Background;
use super::catalogue::{Segment, Shared};
use super::disk::Disk;
use super::error::{Error, Notice};
use super::sealed::Sealed;
use super::write::elapsed;
use super::{Config, manifest};

/// What is being removed.
#[derive(Default)]
pub(super) struct Retention {
    /// Segments taken out whose files are still read by a snapshot.
    doomed: Vec<Arc<Sealed>>,
}

impl Retention {
    /// Takes out what is one too many and removes the files that nobody reads any more. `active` is the number and the
    /// length of the active segment.
    pub(super) fn apply(
        &mut self,
        limits: &Config,
        shared: &Shared,
        disk: &Disk,
        active: (u64, u64),
        now: SystemTime,
        background: &Background,
    ) -> Result<(), Error> {
        let free = match limits.min_free_bytes {
            Some(_) if self.doomed.is_empty() => disk.free_bytes()?,
            // Nothing is asked for, or what was taken out is about to make room.
            _ => u64::MAX,
        };
        let mut freed = 0;
        loop {
            let low = limits.min_free_bytes.is_some_and(|least| free.saturating_add(freed) < least);
            let Some((sealed, for_space)) = surplus(limits, shared, active.1, now, low) else { break };
            freed += sealed.bytes;
            let is_last = shared.with(|catalogue| {
                catalogue.closed.retain(|segment| segment.id() != sealed.id);
                catalogue.closed.is_empty()
            });
            if is_last {
                // Once no name tells the numbers that were used, the manifest has to.
                manifest::write(disk, active.0)?;
                disk.sync_dir()?;
            }
            let (segment, entries, bytes) = (sealed.id, sealed.entries, sealed.bytes);
            background.notice(Notice::Removed { for_space, segment, entries, bytes });
            self.doomed.push(sealed);
        }
        self.remove(disk)
    }

    fn remove(&mut self, disk: &Disk) -> Result<(), Error> {
        let mut result = Ok(());
        self.doomed.retain(|sealed| {
            // Nobody can get at it any more but who has it already.
            if Arc::strong_count(sealed) > 1 {
                return true;
            }
            sealed.close_files();
            let removed = disk.unlink(&sealed.path()).and_then(|()| disk.unlink(&sealed.index_path()));
            let failed = removed.is_err();
            result = std::mem::replace(&mut result, Ok(())).and(removed);
            failed
        });
        result
    }
}

/// The oldest segment if it is sealed and one too many, and whether it is so only because space is low.
fn surplus(
    limits: &Config,
    shared: &Shared,
    active_bytes: u64,
    now: SystemTime,
    low: bool,
) -> Option<(Arc<Sealed>, bool)> {
    let (oldest, number, bytes) = shared.with(|catalogue| {
        let Some(Segment::Sealed(oldest)) = catalogue.closed.first() else { return None };
        let bytes: u64 = catalogue.closed.iter().map(Segment::bytes).sum();
        Some((oldest.clone(), catalogue.closed.len(), bytes))
    })?;
    let too_many = limits.retain_segments.is_some_and(|limit| number > limit as usize);
    let too_large = limits.retain_bytes.is_some_and(|limit| bytes + active_bytes > limit);
    let too_old = limits.retain_age.is_some_and(|limit| {
        let latest = UNIX_EPOCH.checked_add(Duration::from_millis(oldest.bounds.time_max));
        latest.is_some_and(|latest| elapsed(now, latest) > limit)
    });
    let beyond = too_many || too_large || too_old;
    (beyond || low).then_some((oldest, !beyond))
}
