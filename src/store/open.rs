//! Opens a directory: finds its segments, mends what a crash left, passes over what cannot be read.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::Describe;
use super::catalogue::Segment;
use super::disk::Disk;
use super::error::{Error, Problem};
use super::live::{Live, LiveIndex};
use super::names::{self, Listing, Present};
use super::replay::{self, Replayed};
use super::sealed::{Caches, IndexProblem, Sealed};
use super::{checkpoint, manifest, names::FIRST_SEGMENT, threads};
use crate::sys::files::{Dir, Untrusted, open_regular};

/// How often a directory that a living writer changes meanwhile is looked at anew. One look takes microseconds, and a
/// writer changes names some times an hour.
const ATTEMPTS_MAX: usize = 1000;

/// An opened directory.
pub(super) struct Loaded {
    pub(super) dir: Arc<Path>,
    pub(super) caches: Arc<Caches>,
    pub(super) closed: Vec<Segment>,
    pub(super) active: Option<Arc<Live>>,
    /// Length of the active segment that a checkpoint covers.
    pub(super) covered: u64,
    pub(super) problems: Vec<Problem>,
}

/// How much of the plain segments is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What no checkpoint covers.
    Needed,
    /// All, as who looks for damage has to.
    Whole,
}

struct Loader<'a> {
    dir: Arc<Path>,
    caches: Arc<Caches>,
    describe: &'a Describe,
    /// Whether and how the directory may be mended.
    disk: Option<&'a Disk>,
    extent: Extent,
    problems: Vec<Problem>,
    /// Length of the last plain segment that a checkpoint covers.
    covered: u64,
    /// The active segment's number by the manifest.
    stated: Option<u64>,
    /// Sealed segments that were opened before their turn.
    opened: HashMap<u64, Opened>,
}

type Opened = Result<(Sealed, IndexProblem), Error>;

/// Sealed segments that are worth a thread of their own to open: some 0.5 ms of work.
const SEGMENTS_FOR_A_THREAD: usize = 16;

/// Opens a directory for its one writer, who holds the lock. There is an active segment then.
pub(super) fn for_writing(disk: &Disk, describe: &Describe, extent: Extent) -> Result<Loaded, Error> {
    let dir = disk.dir.clone();
    let listing = Listing::read(&dir)?;
    for path in &listing.temporary {
        disk.unlink(path)?;
    }
    let caches = Arc::new(Caches::new(opened(&dir)?, false));
    let mut loader = Loader {
        dir,
        caches,
        describe,
        disk: Some(disk),
        extent,
        problems: Vec::new(),
        covered: 0,
        stated: None,
        opened: HashMap::new(),
    };
    loader.foreign(&listing);
    loader.small_files(disk)?;
    let closed = loader.closed(&listing)?;
    let number = loader.active_number(&listing);
    let (file, is_new) = match disk.append(names::ACTIVE)? {
        Some(file) => (file, false),
        None => (disk.create(names::ACTIVE)?, true),
    };
    let active = loader.live(file, number, names::ACTIVE)?;
    if is_new {
        disk.sync_dir()?;
    }
    if loader.stated != Some(number) {
        manifest::write(disk, number)?;
    }
    let Loader { dir, caches, problems, covered, .. } = loader;
    Ok(Loaded { dir, caches, closed, active: Some(active), covered, problems })
}

/// Opens a directory without changing it. A writer may do so meanwhile.
pub(super) fn for_reading(dir: &Path, describe: &Describe, extent: Extent) -> Result<Loaded, Error> {
    // Who reads may have named it by a link; nothing in it is followed.
    let dir = &*dir.canonicalize().map_err(Error::io("open", dir))?;
    if !dir.is_dir() {
        return Err(Error::NotADirectory { path: dir.to_path_buf() });
    }
    let (active, listing) = still(dir)?;
    let dir: Arc<Path> = dir.into();
    let caches = Arc::new(Caches::new(opened(&dir)?, true));
    let mut loader = Loader {
        dir,
        caches,
        describe,
        disk: None,
        extent,
        problems: Vec::new(),
        covered: 0,
        stated: None,
        opened: HashMap::new(),
    };
    loader.foreign(&listing);
    let number = loader.active_number(&listing);
    let active = active.map(|file| loader.live(file, number, names::ACTIVE)).transpose()?;
    let closed = loader.closed(&listing)?;
    let Loader { dir, caches, problems, covered, .. } = loader;
    Ok(Loaded { dir, caches, closed, active, covered, problems })
}

fn opened(dir: &Arc<Path>) -> Result<Dir, Error> {
    Dir::open(dir.clone()).map_err(Error::io("open", dir))
}

/// The active segment's file and the other segments' names at one moment: neither has changed while they were looked at.
/// The file then stays what it is whatever its name becomes.
fn still(dir: &Path) -> Result<(Option<File>, Listing), Error> {
    let path = dir.join(names::ACTIVE);
    let mut attempt = 1;
    loop {
        let (file, inode) = match open_regular(&path) {
            Ok(file) => {
                let inode = file.metadata().map_err(Error::io("look at", &path))?.ino();
                (Some(file), Some(inode))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        // A listing may miss a name that is changed meanwhile; one that is equal to the next has not.
        let (before, listing) = (Listing::read(dir)?, Listing::read(dir)?);
        let now = path.metadata().ok().map(|found| found.ino());
        if (now == inode && before.segments == listing.segments) || attempt == ATTEMPTS_MAX {
            return Ok((file, listing));
        }
        attempt += 1;
    }
}

fn untrusted(error: Untrusted) -> Problem {
    Problem::Unreadable { reason: error.to_string(), path: error.path }
}

impl Loader<'_> {
    fn foreign(&mut self, listing: &Listing) {
        let foreign = listing.foreign.iter().map(|path| Problem::ForeignFile { path: path.clone() });
        self.problems.extend(foreign);
    }

    /// The active segment's number: above all others, and at least what the manifest says.
    fn active_number(&mut self, listing: &Listing) -> u64 {
        let next = listing.next_segment();
        if !listing.manifest {
            return next;
        }
        match manifest::read(&self.dir) {
            // The highest number is not given away, so that there is always one more.
            Ok(number) => {
                self.stated = Some(number);
                next.max(number.clamp(FIRST_SEGMENT, u64::MAX / 2))
            }
            Err(Error::Removed { .. }) => next,
            Err(error) => {
                let path = self.dir.join(names::MANIFEST);
                self.problems.push(Problem::Unreadable { path, reason: error.to_string() });
                next
            }
        }
    }

    /// All segments but the active one.
    fn closed(&mut self, listing: &Listing) -> Result<Vec<Segment>, Error> {
        self.open_ahead(listing);
        let mut closed = Vec::with_capacity(listing.segments.len());
        for (&segment, present) in &listing.segments {
            if let Some(found) = self.one(segment, *present)? {
                closed.push(found);
            }
        }
        Ok(closed)
    }

    /// Opens the sealed segments that one thread alone would take long for. A writer looks at each before it opens it.
    fn open_ahead(&mut self, listing: &Listing) {
        let all: Vec<u64> =
            listing.segments.iter().filter(|(_, present)| present.sealed).map(|(id, _)| *id).collect();
        let threads = threads::threads_max().min(all.len() / SEGMENTS_FOR_A_THREAD);
        if threads < 2 || self.disk.is_some() {
            return;
        }
        let (caches, describe) = (&self.caches, self.describe);
        let open = |id: &u64| (*id, Sealed::open(*id, caches, describe, false));
        self.opened = threads::map(&all, threads, open).into_iter().collect();
    }

    fn one(&mut self, segment: u64, present: Present) -> Result<Option<Segment>, Error> {
        if present.sealed
            && self.is_own(segment)?
            && let Some(sealed) = self.sealed(segment, present)?
        {
            return Ok(Some(Segment::Sealed(Arc::new(sealed))));
        }
        if present.plain {
            return match self.numbered(segment) {
                // A writer has just sealed it.
                Err(Error::Removed { .. }) if self.disk.is_none() && !present.sealed => {
                    self.one(segment, Present { sealed: true, plain: false, index: true })
                }
                other => other,
            };
        }
        if let Some(disk) = self.disk.filter(|_| present.index && !present.sealed) {
            disk.unlink(&self.dir.join(names::index(segment)))?;
        }
        Ok(None)
    }

    /// Whether a sealed segment is a file of this user's; one that is not is passed over. What is derived from it is made
    /// anew where it is not. A segment is never written again, so that further names for it do no harm.
    fn is_own(&mut self, segment: u64) -> Result<bool, Error> {
        let Some(disk) = self.disk else { return Ok(true) };
        let index = names::index(segment);
        if let Err(untrusted) = disk.take(&index) {
            disk.unlink(&disk.path(&index))?;
            self.problems.push(Problem::Index { path: disk.path(&index), reason: untrusted.to_string() });
        }
        let taken = disk.take(&names::sealed(segment));
        let is_own = taken.is_ok();
        self.problems.extend(taken.err().map(untrusted));
        Ok(is_own)
    }

    /// Checkpoint and manifest: neither is needed, and one that is not this user's goes.
    fn small_files(&mut self, disk: &Disk) -> Result<(), Error> {
        for name in [names::CHECKPOINT, names::MANIFEST] {
            if let Err(error) = disk.take(name) {
                disk.unlink(&disk.path(name))?;
                self.problems.push(untrusted(error));
            }
        }
        Ok(())
    }

    /// A sealed segment; `None` where it cannot be read or where the plain one beside it is to be taken.
    fn sealed(&mut self, segment: u64, present: Present) -> Result<Option<Sealed>, Error> {
        let thorough = self.disk.is_some();
        let open = || Sealed::open(segment, &self.caches, self.describe, thorough);
        let (sealed, index_problem) = match self.opened.remove(&segment).unwrap_or_else(open) {
            Ok(opened) => opened,
            // A writer's retention has just removed it.
            Err(Error::Removed { .. }) if self.disk.is_none() => return Ok(None),
            Err(error) => return self.unreadable(&names::sealed(segment), &error).map(|()| None),
        };
        if let Some((path, reason)) = index_problem {
            self.problems.push(Problem::Index { path, reason });
        }
        let Some(disk) = self.disk.filter(|_| present.plain) else { return Ok(Some(sealed)) };
        let plain = self.dir.join(names::numbered(segment));
        let length = plain.metadata().map_err(Error::io("look at", &plain))?.len();
        // The sealed one was synced before it got its name. A power loss may have cut the plain one, which never was, but
        // has not made it longer.
        if sealed.plain_bytes()? >= length {
            disk.unlink(&plain)?;
            return Ok(Some(sealed));
        }
        let error = Error::damaged(&sealed.path(), "it has not all that the plain segment beside it holds");
        self.unreadable(&names::sealed(segment), &error)?;
        Ok(None)
    }

    fn numbered(&mut self, segment: u64) -> Result<Option<Segment>, Error> {
        let name = names::numbered(segment);
        let path = self.dir.join(&name);
        let file = match self.disk {
            Some(disk) => disk.append(&name)?.ok_or(Error::Removed { path })?,
            None => open_regular(&path).map_err(Error::open(&path))?,
        };
        match self.live(file, segment, &name) {
            Ok(live) => {
                live.freeze();
                Ok(Some(Segment::Live(live)))
            }
            Err(error) => self.unreadable(&name, &error).map(|()| None),
        }
    }

    /// Puts a file aside, or passes over it: one of a later version is in order, only not for us to read.
    fn unreadable(&mut self, name: &str, error: &Error) -> Result<(), Error> {
        let (path, reason) = (self.dir.join(name), error.to_string());
        let problem = match (self.disk, error) {
            (Some(disk), Error::Damaged { .. } | Error::Foreign { .. }) => {
                Problem::Quarantined { to: disk.put_aside(name)?, path, reason }
            }
            _ => Problem::Unreadable { path, reason },
        };
        self.problems.push(problem);
        Ok(())
    }

    /// A plain segment with its index made from its lines; a fragment at its end is put aside.
    fn live(&mut self, file: File, segment: u64, name: &str) -> Result<Arc<Live>, Error> {
        let path = self.dir.join(name);
        let known = match self.extent {
            Extent::Needed => checkpoint::load(&self.dir, segment, &file),
            Extent::Whole => None,
        };
        self.covered = known.as_ref().map_or(0, LiveIndex::covered);
        let Replayed { index, whole_bytes, fragment, problem } =
            replay::plain(&file, &path, self.describe, known)?;
        self.problems.extend(problem);
        if !fragment.is_empty() {
            let quarantine = match self.disk {
                Some(disk) => {
                    let kept = disk.keep_fragment(&names::fragment(segment, whole_bytes), &fragment)?;
                    disk.cut(&file, whole_bytes, &path)?;
                    Some(kept)
                }
                None => None,
            };
            self.problems.push(Problem::TornLine { path, bytes: fragment.len() as u64, quarantine });
        }
        let live = Live::new(segment, self.dir.clone(), Arc::new(file), index);
        live.publish();
        Ok(Arc::new(live))
    }
}
