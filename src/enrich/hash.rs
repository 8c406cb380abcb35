//! The SHA-256 of executables, on a thread of its own. Reading a file may take long or block.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::num::NonZeroUsize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use foldhash::fast::RandomState;
use lru::LruCache;
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256 as Hasher};

use super::context::{Bytes, Sha256};
use super::counts::Tally;
use super::limits::HASHES_MAX;

/// Bytes that are read at a time.
const PART_BYTES: usize = 64 << 10;

/// An executable whose hash is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) number: u64,
    /// The process that runs it.
    pub(super) pid: u32,
    /// Its path as the event has it, which is that of the process's own root directory.
    pub(super) exe: Bytes,
    /// The inodes that the event names; one of them is the executable's, if the event is that of its execution.
    pub(super) inodes: Vec<u64>,
}

/// What was found of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hashed {
    pub(super) number: u64,
    pub(super) pid: u32,
    pub(super) hash: Option<Sha256>,
}

/// A file with what it held: it changes when the file does. The time of the inode's change is what nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(file: &Metadata) -> Identity {
        Identity {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

/// Hashes of files, as many as are remembered.
pub(super) struct Files {
    proc: PathBuf,
    bytes_max: u64,
    known: LruCache<Identity, Sha256, RandomState>,
    part: Vec<u8>,
    tally: Arc<Tally>,
}

impl Files {
    /// Files of at most `bytes_max` bytes.
    pub(super) fn new(proc: PathBuf, bytes_max: u64, tally: Arc<Tally>) -> Files {
        let most = NonZeroUsize::new(HASHES_MAX).expect("the limit is above 0");
        let known = LruCache::with_hasher(most, RandomState::default());
        Files { proc, bytes_max, known, part: vec![0; PART_BYTES], tally }
    }

    /// Answers until nobody asks any more.
    pub(super) fn serve(mut self, asked: &Receiver<Wanted>, answers: &Sender<Hashed>) {
        for wanted in asked {
            let hash = self.hash(&wanted);
            if hash.is_none() {
                Tally::one(&self.tally.absent);
            }
            if answers.send(Hashed { number: wanted.number, pid: wanted.pid, hash }).is_err() {
                return;
            }
        }
    }

    /// The hash of an executable. `None` where it is gone, too large, being changed, or not surely the one that is meant.
    fn hash(&mut self, wanted: &Wanted) -> Option<Sha256> {
        let file = self.open(wanted)?;
        let before = file.metadata().ok().filter(|file| file.is_file() && file.size() <= self.bytes_max)?;
        let identity = Identity::of(&before);
        if let Some(hash) = self.known.get(&identity) {
            Tally::one(&self.tally.known);
            return Some(*hash);
        }
        let hash = self.read(&file)?;
        let after = Identity::of(&file.metadata().ok()?);
        (after == identity).then(|| {
            if self.known.push(identity, hash).is_some_and(|(displaced, _)| displaced != identity) {
                Tally::one(&self.tally.forgotten);
            }
            hash
        })
    }

    /// Opens the executable of the process, or else the file of that path if the event names its inode.
    fn open(&self, wanted: &Wanted) -> Option<File> {
        let link = self.proc.join(wanted.pid.to_string()).join("exe");
        let is_named = |file: &File| file.metadata().is_ok_and(|file| wanted.inodes.contains(&file.ino()));
        let own = File::open(&link).ok().filter(|file| {
            let path = fs::read_link(&link).map(|path| path.into_os_string().into_vec());
            path.is_ok_and(|path| *path == *wanted.exe) || is_named(file)
        });
        own.or_else(|| {
            let path = Path::new(std::ffi::OsStr::from_bytes(&wanted.exe));
            // What is there now may be anything, such as a pipe that nobody writes to.
            let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
            OpenOptions::new().read(true).custom_flags(flags).open(path).ok().filter(is_named)
        })
    }

    fn read(&mut self, mut file: &File) -> Option<Sha256> {
        let mut hasher = Hasher::new();
        let mut room = self.bytes_max;
        loop {
            let len = file.read(&mut self.part).ok()?;
            room = room.checked_sub(u64::try_from(len).ok()?)?;
            match self.part.get(..len)? {
                [] => return Some(Sha256(hasher.finalize().into())),
                part => hasher.update(part),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of SHA-256 of the empty text and of `abc`, from FIPS 180-2.
    const EMPTY: [u8; 4] = [0xe3, 0xb0, 0xc4, 0x42];
    const ABC: [u8; 4] = [0xba, 0x78, 0x16, 0xbf];

    fn wanted(path: &Path, inodes: &[u64]) -> Wanted {
        // No process has this pid, so that the path is what there is.
        Wanted { number: 1, pid: u32::MAX, exe: path.as_os_str().as_bytes().into(), inodes: inodes.to_vec() }
    }

    #[test]
    fn a_file_is_hashed_if_it_is_surely_the_one_and_not_too_large() {
        let dir = tempfile::tempdir().expect("a directory");
        let make = |name: &str, text: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("a file");
            let inode = fs::metadata(&path).expect("it is there").ino();
            (path, inode)
        };
        let (empty, empty_inode) = make("empty", b"");
        let (abc, abc_inode) = make("abc", b"abc");
        let (large, large_inode) = make("large", &vec![0; 200 << 10]);
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let pipe_inode = fs::metadata(&pipe).expect("it is there").ino();
        let cases = [
            (&empty, vec![empty_inode], Some(EMPTY)),
            (&abc, vec![1, abc_inode], Some(ABC)),
            (&abc, vec![abc_inode], Some(ABC)),
            (&abc, vec![empty_inode], None),
            (&abc, vec![], None),
            (&large, vec![large_inode], None),
            (&pipe, vec![pipe_inode], None),
            (&dir.path().to_owned(), vec![fs::metadata(dir.path()).expect("it is there").ino()], None),
        ];
        let mut files = Files::new("/proc".into(), 100 << 10, Arc::default());
        for (path, inodes, expected) in cases {
            let hash = files.hash(&wanted(path, &inodes));
            assert_eq!(hash.map(|Sha256(hash)| [hash[0], hash[1], hash[2], hash[3]]), expected, "{path:?}");
        }
        assert_eq!(files.known.len(), 2);
        fs::write(&abc, b"").expect("a file");
        let hash = files.hash(&wanted(&abc, &[abc_inode]));
        assert_eq!(hash.map(|Sha256(hash)| hash[0]), Some(EMPTY[0]), "a changed file is read again");
    }

    #[test]
    fn a_process_s_own_executable_is_hashed() {
        let exe = std::env::current_exe().expect("its path");
        let mut own = wanted(&exe, &[]);
        own.pid = std::process::id();
        assert!(Files::new("/proc".into(), u64::MAX, Arc::default()).hash(&own).is_some());
        own.exe = (*b"/another").into();
        assert_eq!(Files::new("/proc".into(), u64::MAX, Arc::default()).hash(&own), None);
    }
}
