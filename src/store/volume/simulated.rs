//! A disk that keeps apart what is there now and what would be there after a power loss, and that can fail at any
//! operation.
//!
//! What is there now is in a real directory, so that reading needs no seam. Content is durable as of a file's last sync.
//! Names are durable as of the directory's last sync; those changed later survive in the order in which they were changed,
//! as a journal keeps them, so that a power loss leaves the first so many changes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use nix::errno::Errno;

use super::{Mounted, Volume};

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Fault {
    /// It and the next ones, so many in all, fail with this error, a write perhaps after a part of its bytes.
    Error(Errno, u64),
    /// A write writes a part of its bytes, and nothing is done from then on.
    PowerLoss,
}

/// What became of content that had not been synced when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Unsynced {
    /// All of it had been written.
    Kept,
    /// None of it.
    Lost,
    /// The first half of it.
    Half,
    /// The length had been written, the bytes had not.
    Zeros,
}

impl Unsynced {
    pub(in crate::store) const ALL: [Unsynced; 4] =
        [Unsynced::Kept, Unsynced::Lost, Unsynced::Half, Unsynced::Zeros];
}

/// A change of names; a file is known by its inode.
#[derive(Clone, Debug)]
enum Change {
    Is(PathBuf, u64),
    Gone(PathBuf),
}

#[derive(Debug, Default)]
struct State {
    operations: u64,
    done: Vec<String>,
    fault: Option<(u64, Fault)>,
    dead: bool,
    /// Names that would be there.
    durable: BTreeMap<PathBuf, u64>,
    /// Changes of names since, one operation each.
    changes: Vec<Vec<Change>>,
    /// Content as of the last sync.
    synced: HashMap<u64, Vec<u8>>,
    /// Every file there was: its inode's number is not used again as long as it is open.
    files: HashMap<u64, File>,
}

#[derive(Debug)]
pub(in crate::store) struct Simulated {
    root: PathBuf,
    state: Mutex<State>,
}

impl Simulated {
    /// A disk with what is in `root`, all of it durable, that fails at an operation, counted from 0.
    pub(in crate::store) fn new(root: &Path, fault: Option<(u64, Fault)>) -> Simulated {
        let mut state = State { fault, ..State::default() };
        for path in files(root) {
            let inode = state.file(&path);
            state.synced.insert(inode, content(&state.files[&inode]));
            state.durable.insert(path, inode);
        }
        Simulated { root: root.to_owned(), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(in crate::store) fn operations(&self) -> u64 {
        self.lock().operations
    }

    pub(in crate::store) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Whether the fault is over.
    pub(in crate::store) fn has_failed(&self) -> bool {
        let state = self.lock();
        state.fault.is_some_and(|(at, fault)| match fault {
            Fault::Error(_, times) => state.operations >= at + times,
            Fault::PowerLoss => state.dead,
        })
    }

    /// What was done, for messages.
    pub(in crate::store) fn done(&self) -> String {
        self.lock().done.join("\n  ")
    }

    /// Changes of names that are not durable.
    pub(in crate::store) fn pending(&self) -> usize {
        self.lock().changes.len()
    }

    /// Makes in `into` what a power loss now would leave, if the first `names` pending changes of names were kept.
    pub(in crate::store) fn after_power_loss(&self, names: usize, unsynced: Unsynced, into: &Path) {
        let state = self.lock();
        let mut durable = state.durable.clone();
        for change in state.changes.iter().take(names).flatten() {
            change.apply(&mut durable);
        }
        for (path, inode) in durable {
            let synced = state.synced.get(&inode).cloned().unwrap_or_default();
            let now = content(&state.files[&inode]);
            let is_grown = now.starts_with(&synced);
            let bytes = match unsynced {
                Unsynced::Kept => now,
                Unsynced::Half if is_grown => now[..synced.len() + (now.len() - synced.len()) / 2].to_vec(),
                Unsynced::Zeros if is_grown => [&synced[..], &vec![0; now.len() - synced.len()]].concat(),
                _ => synced,
            };
            let to = into.join(path.strip_prefix(&self.root).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
    }

    /// Counts an operation; whether it is to be done, or the error of one that is not.
    fn begin(&self, what: String) -> (MutexGuard<'_, State>, io::Result<()>) {
        let mut state = self.lock();
        let number = state.operations;
        state.operations += 1;
        let result = match state.fault {
            _ if state.dead => Err(Errno::EIO.into()),
            Some((at, Fault::Error(errno, times))) if (at..at + times).contains(&number) => Err(errno.into()),
            Some((at, Fault::PowerLoss)) if at == number => {
                state.dead = true;
                Err(Errno::EIO.into())
            }
            _ => Ok(()),
        };
        let word = if result.is_ok() { "" } else { " FAILS" };
        state.done.push(format!("{number} {what}{word}"));
        (state, result)
    }

    fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

impl State {
    /// Takes note of a file; gives its inode's number.
    fn file(&mut self, path: &Path) -> u64 {
        let file = File::open(path).unwrap();
        let inode = file.metadata().unwrap().ino();
        self.files.entry(inode).or_insert(file);
        inode
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Change::Is(path, inode) => names.insert(path.clone(), *inode),
            Change::Gone(path) => names.remove(path),
        };
    }

    fn path(&self) -> &Path {
        match self {
            Change::Is(path, _) | Change::Gone(path) => path,
        }
    }
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

impl Volume for Simulated {
    fn make_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let (_state, result) = self.begin(format!("make directory {}", self.short(path)));
        result.and_then(|()| Mounted.make_dir(path, mode))
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let (mut state, result) = self.begin(format!("create {}", self.short(path)));
        result?;
        let file = Mounted.create(path, mode)?;
        let inode = state.file(path);
        state.changes.push(vec![Change::Is(path.to_owned(), inode)]);
        Ok(file)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let (state, result) = self.begin(format!("write {} bytes", bytes.len()));
        let is_failing = state.fault.is_some_and(|(at, _)| at + 1 == state.operations);
        if result.is_err() && is_failing {
            // The kernel may have taken a part before it found out.
            let part = bytes.get(..bytes.len() / 2).unwrap_or_default();
            if matches!(state.fault, Some((_, Fault::PowerLoss))) {
                Mounted.write(file, part)?;
            } else if !part.is_empty() && bytes.len() % 2 == 1 {
                return Mounted.write(file, part);
            }
        }
        result.and_then(|()| Mounted.write(file, bytes))
    }

    fn overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let (state, result) = self.begin(format!("overwrite {} bytes at {at}", bytes.len()));
        let is_failing = state.fault.is_some_and(|(at, _)| at + 1 == state.operations);
        if result.is_err() && is_failing {
            // A part of it may have been written.
            Mounted.overwrite(file, bytes.get(..bytes.len() / 2).unwrap_or_default(), at)?;
        }
        result.and_then(|()| Mounted.overwrite(file, bytes, at))
    }

    fn set_len(&self, file: &File, length: u64) -> io::Result<()> {
        let (_state, result) = self.begin(format!("cut to {length} bytes"));
        result.and_then(|()| Mounted.set_len(file, length))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let (mut state, result) = self.begin("sync".to_owned());
        result?;
        let inode = file.metadata()?.ino();
        state.synced.insert(inode, content(file));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, result) = self.begin(format!("rename {} to {}", self.short(from), self.short(to)));
        result?;
        Mounted.rename(from, to)?;
        let inode = state.file(to);
        state.changes.push(vec![Change::Gone(from.to_owned()), Change::Is(to.to_owned(), inode)]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut state, result) = self.begin(format!("remove {}", self.short(path)));
        result?;
        Mounted.remove(path)?;
        state.changes.push(vec![Change::Gone(path.to_owned())]);
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let (mut state, result) = self.begin(format!("sync directory {}", self.short(path)));
        result?;
        let changes = std::mem::take(&mut state.changes);
        for change in changes {
            let (now, later): (Vec<_>, Vec<_>) =
                change.into_iter().partition(|change| change.path().parent() == Some(path));
            now.iter().for_each(|change| change.apply(&mut state.durable));
            if !later.is_empty() {
                state.changes.push(later);
            }
        }
        Ok(())
    }
}
