//! Mends a log directory that nobody writes: what opening it mends, and what shows only when every byte is read.

use std::fs;
use std::sync::Arc;

use super::catalogue::Segment;
use super::check::{self, Cause, Finding};
use super::disk::Disk;
use super::error::{Error, Notice, Problem};
use super::open::Extent;
use super::volume::Mounted;
use super::{Config, Describe, lock, names, open, seal};

/// What a repair found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// What opening the directory found and mended.
    pub problems: Vec<Problem>,
    /// Wrong indexes, which were made anew.
    pub mended: Vec<Finding>,
    /// Indexes that were written.
    pub written: Vec<Notice>,
    /// What cannot be mended and stays as it is, because the rest of its file can be read.
    pub left: Vec<Finding>,
}

/// Whether a writer has the directory now.
pub fn has_writer(dir: &std::path::Path) -> Result<bool, Error> {
    lock::has_writer(dir)
}

/// Mends a directory: torn lines and segments of which nothing can be read go to the quarantine, indexes that are
/// missing, damaged or wrong are made anew. Refused while a writer has the directory, and where there is none.
/// `progress` is told of lines read, in bytes.
pub fn repair(
    config: &Config,
    describe: &Describe,
    progress: &mut dyn FnMut(u64),
) -> Result<Repaired, Error> {
    fs::metadata(&config.dir).map_err(Error::io("open", &config.dir))?;
    let disk = Disk::prepare(config, Arc::new(Mounted))?;
    let _lock = disk.lock()?;
    let loaded = open::for_writing(&disk, describe, Extent::Whole)?;
    let mut repaired = Repaired { problems: loaded.problems, ..Repaired::default() };
    for segment in loaded.closed {
        let Segment::Sealed(sealed) = segment else { continue };
        let mut wants_index = sealed.wants_index();
        let mut is_gone = false;
        for finding in check::check(&sealed, progress)? {
            match &finding.cause {
                Cause::Unreadable { reason } => {
                    sealed.close_files();
                    let to = disk.put_aside(&names::sealed(sealed.id))?;
                    disk.unlink(&sealed.index_path())?;
                    disk.sync_dir()?;
                    let reason = format!("{} is damaged: {reason}", finding.path.display());
                    repaired.problems.push(Problem::Quarantined { path: finding.path, to, reason });
                    is_gone = true;
                }
                Cause::Index { .. } => {
                    wants_index = true;
                    repaired.mended.push(finding);
                }
                Cause::Lost { .. } | Cause::NotEntries { .. } | Cause::Contradiction { .. } => {
                    repaired.left.push(finding)
                }
            }
        }
        if wants_index && !is_gone {
            repaired.written.push(seal::renew_index(&sealed, &disk)?);
        }
    }
    Ok(repaired)
}
