//! Everything the store does to the file system by name: making, publishing, removing and syncing files, and the lock.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::Gid;

use super::error::Error;
use super::names;

/// Longest text looked at in the lock file: a process id and a newline.
const LOCK_BYTES_MAX: u64 = 32;

/// A log directory that is written.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) dir: Arc<Path>,
    file_mode: u32,
    group: Option<Gid>,
}

impl Disk {
    /// Makes the directory where it is missing.
    pub(super) fn prepare(dir: &Path, file_mode: u32, group: Option<Gid>) -> Result<Disk, Error> {
        let disk = Disk { dir: dir.into(), file_mode, group };
        match fs::metadata(dir) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(Error::NotADirectory { path: dir.to_path_buf() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => disk.make_dir(dir)?,
            Err(error) => return Err(Error::io("look at", dir)(error)),
        }
        Ok(disk)
    }

    fn make_dir(&self, path: &Path) -> Result<(), Error> {
        // Who may read files of the directory may also search it.
        let mode = self.file_mode | (self.file_mode & 0o444) >> 2;
        DirBuilder::new().recursive(true).mode(mode).create(path).map_err(Error::io("make", path))?;
        let dir = File::open(path).map_err(Error::io("open", path))?;
        self.own(&dir, path, mode)
    }

    /// Sets what the process's umask and group would have decided.
    fn own(&self, file: &File, path: &Path, mode: u32) -> Result<(), Error> {
        if let Some(group) = self.group {
            fchown(file, None, Some(group.as_raw())).map_err(Error::io("set the group of", path))?;
        }
        file.set_permissions(Permissions::from_mode(mode)).map_err(Error::io("set the mode of", path))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Makes an empty file, in place of one that may be there.
    pub(super) fn create(&self, name: &str) -> Result<File, Error> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(self.file_mode);
        let file = options.open(&path).map_err(Error::io("create", &path))?;
        file.set_len(0).map_err(Error::io("empty", &path))?;
        self.own(&file, &path, self.file_mode)?;
        Ok(file)
    }

    /// Opens a file for reading and appending; `None` where there is none.
    pub(super) fn append(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.path(name);
        match OpenOptions::new().read(true).append(true).open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open", &path)(error)),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let (from, to) = (self.path(from), self.path(to));
        fs::rename(&from, &to).map_err(Error::io("rename", &from))
    }

    /// Removes a file; that there is none is no error.
    pub(super) fn unlink(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes the names of the directory durable.
    pub(super) fn sync_dir(&self) -> Result<(), Error> {
        let dir = File::open(&self.dir).map_err(Error::io("open", &self.dir))?;
        dir.sync_all().map_err(Error::io("sync", &self.dir))
    }

    fn quarantine(&self) -> Result<PathBuf, Error> {
        let path = self.path(names::QUARANTINE);
        if !path.is_dir() {
            self.make_dir(&path)?;
        }
        Ok(path)
    }

    /// Moves a file to the quarantine; what is there under its name stays.
    pub(super) fn put_aside(&self, name: &str) -> Result<PathBuf, Error> {
        let dir = self.quarantine()?;
        let from = self.path(name);
        let mut to = dir.join(name);
        let mut number = 1;
        while to.symlink_metadata().is_ok() {
            to = dir.join(format!("{name}.{number}"));
            number += 1;
        }
        fs::rename(&from, &to).map_err(Error::io("move to the quarantine", &from))?;
        Ok(to)
    }

    /// Writes a fragment to the quarantine and syncs it.
    pub(super) fn keep_fragment(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        self.quarantine()?;
        let name = format!("{}/{name}", names::QUARANTINE);
        let path = self.path(&name);
        let mut file = self.create(&name)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io("write", &path))?;
        Ok(path)
    }

    /// Takes the right to write; it is held as long as the file is open.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let path = self.path(names::LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(self.file_mode);
        let mut file = options.open(&path).map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = self.dir.to_path_buf();
                return Err(Error::Locked { path, holder: holder(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        let text = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(Error::io("write", &path))?;
        Ok(file)
    }
}

/// Who holds the lock, as the lock file says.
fn holder(file: &File) -> String {
    let mut text = String::new();
    match file.take(LOCK_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}
