//! Makes a sealed segment of a numbered one, and a new index for a sealed one, so that a crash at any point leaves one
//! whole segment.

use std::io::BufWriter;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::cache::lock;
use super::catalogue::Shared;
use super::disk::Disk;
use super::error::{Error, Notice};
use super::frames::{self, Plain};
use super::index_writer::{self, Binding};
use super::live::Live;
use super::names;
use super::sealed::Sealed;

/// Compressed bytes written at once.
const OUT_BYTES: usize = 256 << 10;

/// Seals `live`; `None` where `stop` was set meanwhile. What a failure leaves half written is removed: on a full disk
/// its space is needed.
pub(super) fn seal(
    live: &Live,
    shared: &Shared,
    disk: &Disk,
    level: i32,
    stop: &AtomicBool,
) -> Result<Option<Notice>, Error> {
    let result = make(live, shared, disk, level, stop);
    if result.is_err() {
        for name in [names::sealed(live.id), names::index(live.id)] {
            // The error that is returned is the cause of this one too; the next attempt empties the file.
            let _ = disk.unlink(&disk.path(&format!("{name}.tmp")));
        }
    }
    result
}

fn make(
    live: &Live,
    shared: &Shared,
    disk: &Disk,
    level: i32,
    stop: &AtomicBool,
) -> Result<Option<Notice>, Error> {
    let index = live.freeze();
    let plain_path = live.path();
    let Some(bounds) = index.stamps.bounds() else {
        // Rotation never numbers an empty segment; one that was emptied from outside has nothing to seal.
        shared.with(|catalogue| catalogue.closed.retain(|segment| segment.id() != live.id));
        disk.unlink(&plain_path)?;
        return Ok(None);
    };
    let (segment, index_name) = (names::sealed(live.id), names::index(live.id));
    let (segment_next, index_next) = (format!("{segment}.tmp"), format!("{index_name}.tmp"));
    let path = disk.path(&segment_next);
    let file = disk.create(&segment_next)?;
    let plain =
        Plain { segment: live.id, file: &live.file, path: &plain_path, ends: &index.ends, bounds, level };
    let dictionary = lock(&shared.trainer).dictionary(&plain)?;
    let mut out = BufWriter::with_capacity(OUT_BYTES, disk.writer(&file));
    let Some(footer) = frames::write(&plain, dictionary.as_deref(), &mut out, &path, stop)? else {
        disk.unlink(&path)?;
        return Ok(None);
    };
    drop(out);
    if dictionary.is_some() {
        lock(&shared.trainer).compressed(footer.plain_bytes, footer.file_bytes);
    }
    disk.sync(&file, &path)?;
    let binding = Binding { bytes: footer.file_bytes, footer_crc: footer.crc };
    let bytes = index_writer::encode(index, live.id, binding)
        .ok_or(Error::Foreign { path: plain_path.clone(), reason: "its terms are too many for an index" })?;
    write_index(disk, &index_next, &bytes)?;
    disk.rename(&index_next, &index_name)?;
    disk.rename(&segment_next, &segment)?;
    disk.sync_dir()?;
    let (sealed, problem) = Sealed::open(live.id, &shared.caches, &shared.describe, true)?;
    if let Some((path, reason)) = problem {
        return Err(Error::Damaged { path, what: reason });
    }
    if shared.sealed(sealed) {
        disk.unlink(&plain_path)?;
    }
    Ok(Some(Notice::Sealed {
        segment: live.id,
        plain_bytes: footer.plain_bytes,
        segment_bytes: footer.file_bytes,
        index_bytes: bytes.len() as u64,
    }))
}

fn write_index(disk: &Disk, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = disk.path(name);
    let file = disk.create(name)?;
    disk.fill(&file, bytes, &path)
}

/// Writes the index of a segment that has none or a damaged one.
pub(super) fn renew_index(sealed: &Arc<Sealed>, disk: &Disk) -> Result<Notice, Error> {
    let name = names::index(sealed.id);
    let next = format!("{name}.tmp");
    write_index(disk, &next, &sealed.new_index()?)?;
    disk.rename(&next, &name)?;
    disk.sync_dir()?;
    sealed.index_written()?;
    Ok(Notice::IndexRebuilt { segment: sealed.id })
}
