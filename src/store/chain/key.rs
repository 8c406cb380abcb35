//! `seal.key`: the secret keys of the next signatures, and how old ones are destroyed.
//!
//! The file has two slots that are written in place in turn. In place, because a file that is replaced leaves its bytes on
//! the disk; what a file system or a disk that writes elsewhere keeps all the same, no program can reach.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use nix::libc;
use zeroize::Zeroizing;

use super::record::Bytes32;
use crate::store::disk::Disk;
use crate::store::error::Error;
use crate::store::names;

/// Bytes of a slot: what file systems write at once.
const SLOT_BYTES: usize = 4096;
const SLOTS: usize = 2;
const MAGIC: &[u8; 8] = b"ktrailSK";
const VERSION: u8 = 1;
/// Bytes before the checksum.
const CHECKED: usize = 80;
/// Only its owner, the one who writes the log, may read it.
const MODE: u32 = 0o600;

/// The keys that sign next. They are overwritten in memory when dropped.
pub(super) struct Keys {
    pub(super) statement: SigningKey,
    pub(super) opening: SigningKey,
}

/// The public halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Public {
    pub(super) statement: Bytes32,
    pub(super) opening: Bytes32,
}

/// A new key from the kernel's random numbers.
pub(super) fn new_key(dir: &Path) -> Result<SigningKey, Error> {
    let mut secret = Zeroizing::new([0; 32]);
    let failed = |error| Error::io("get random numbers for a key of", dir)(std::io::Error::from(error));
    getrandom::fill(&mut *secret).map_err(failed)?;
    Ok(SigningKey::from_bytes(&secret))
}

impl Keys {
    pub(super) fn public(&self) -> Public {
        let [statement, opening] = [&self.statement, &self.opening].map(|key| key.verifying_key().to_bytes());
        Public { statement, opening }
    }

    fn put(&self) -> Zeroizing<Vec<u8>> {
        // It never grows: what a larger one was copied from would stay in memory.
        let mut out = Zeroizing::new(Vec::with_capacity(SLOT_BYTES));
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(self.statement.as_bytes());
        out.extend_from_slice(self.opening.as_bytes());
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.resize(SLOT_BYTES, 0);
        out
    }

    fn take(slot: &[u8]) -> Option<Keys> {
        let (checked, rest) = slot.split_at_checked(CHECKED)?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*rest.first_chunk::<4>()?) {
            return None;
        }
        let secrets = checked.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?.get(7..)?;
        let [statement, opening] = secrets.as_chunks::<32>().0 else { return None };
        Some(Keys { statement: SigningKey::from_bytes(statement), opening: SigningKey::from_bytes(opening) })
    }
}

/// Reads the keys of both slots; `None` for one that is empty or cannot be read.
pub(super) fn slots(file: &File, path: &Path) -> Result<[Option<Keys>; SLOTS], Error> {
    let mut bytes = Zeroizing::new([0; SLOT_BYTES * SLOTS]);
    let mut filled = 0;
    while let Some(space) = bytes.get_mut(filled..).filter(|space| !space.is_empty()) {
        match file.read_at(space, filled as u64).map_err(Error::io("read", path))? {
            0 => break,
            count => filled += count,
        }
    }
    let mut slots = bytes.chunks(SLOT_BYTES).map(Keys::take);
    Ok([(); SLOTS].map(|()| slots.next().flatten()))
}

/// The public halves of the keys in a directory, for who verifies; `None` where there is no file.
pub(super) fn look(dir: &Path) -> Result<Option<Vec<Public>>, Error> {
    let path = dir.join(names::KEY);
    match File::open(&path) {
        Ok(file) => Ok(Some(slots(&file, &path)?.iter().flatten().map(Keys::public).collect())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("open", &path)(error)),
    }
}

/// The file, open for writing.
pub(super) struct KeyFile {
    file: File,
    path: PathBuf,
    /// The slot of the keys that sign next.
    slot: usize,
    /// Whether the other slot may hold keys.
    is_stale: bool,
}

impl KeyFile {
    fn new(disk: &Disk) -> Result<KeyFile, Error> {
        let path = disk.path(names::KEY);
        let mut options = OpenOptions::new();
        // Not for appending: pwrite(2) would append too.
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&path).map_err(Error::open(&path))?;
        file.set_permissions(Permissions::from_mode(MODE)).map_err(Error::io("set the mode of", &path))?;
        Ok(KeyFile { file, path, slot: 0, is_stale: true })
    }

    /// Makes the file anew with these keys, in place of one that may be there.
    pub(super) fn create(disk: &Disk, keys: &Keys) -> Result<KeyFile, Error> {
        if !disk.path(names::KEY).exists() {
            disk.create_private(names::KEY, MODE)?;
        }
        let mut file = KeyFile::new(disk)?;
        file.put(disk, keys)?;
        file.publish();
        file.erase(disk)?;
        disk.sync_dir()?;
        Ok(file)
    }

    /// Opens the file and finds the keys that are the wanted ones; `None` where they are not there.
    pub(super) fn open(
        disk: &Disk,
        is_wanted: impl Fn(&Public) -> bool,
    ) -> Result<Option<(KeyFile, Keys)>, Error> {
        let mut file = match KeyFile::new(disk) {
            Ok(file) => file,
            Err(Error::Removed { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = slots(&file.file, &file.path)?.into_iter().enumerate();
        let mut wanted =
            found.filter_map(|(slot, keys)| Some((slot, keys.filter(|keys| is_wanted(&keys.public()))?)));
        let Some((slot, keys)) = wanted.next() else { return Ok(None) };
        file.slot = slot;
        Ok(Some((file, keys)))
    }

    /// Makes the next keys durable beside the present ones.
    pub(super) fn put(&mut self, disk: &Disk, keys: &Keys) -> Result<(), Error> {
        self.is_stale = true;
        disk.overwrite(&self.file, &keys.put(), self.other(), &self.path)
    }

    /// The next keys are the present ones from now on.
    pub(super) fn publish(&mut self) {
        self.slot = 1 - self.slot;
    }

    /// Destroys the keys that are not the present ones.
    pub(super) fn erase(&mut self, disk: &Disk) -> Result<(), Error> {
        if self.is_stale {
            disk.overwrite(&self.file, &[0; SLOT_BYTES], self.other(), &self.path)?;
            self.is_stale = false;
        }
        Ok(())
    }

    fn other(&self) -> u64 {
        ((1 - self.slot) * SLOT_BYTES) as u64
    }
}
