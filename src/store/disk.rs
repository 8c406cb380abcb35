//! Everything the store does to the file system by name: making, publishing, removing and syncing files.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use nix::unistd::Gid;

use super::Config;
use super::error::Error;
use super::lock::WriteLock;
use super::names;
use super::timings::Timings;
use super::volume::{Volume, Writer};

/// A log directory that is written.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) dir: Arc<Path>,
    file_mode: u32,
    group: Option<Gid>,
    volume: Arc<dyn Volume>,
    /// The number in the manifest as it was written last. Held while it is written: two threads do.
    pub(super) manifest: Arc<Mutex<u64>>,
    pub(super) timings: Timings,
}

impl Disk {
    /// Makes the directory where it is missing.
    pub(super) fn prepare(config: &Config, volume: Arc<dyn Volume>) -> Result<Disk, Error> {
        let dir = &*config.dir;
        let (file_mode, group) = (config.file_mode, config.group);
        let (manifest, timings) = (Arc::default(), Timings::default());
        let disk = Disk { dir: dir.into(), file_mode, group, volume, manifest, timings };
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
        self.volume.make_dir(path, mode).map_err(Error::io("make", path))?;
        let dir = File::open(path).map_err(Error::io("open", path))?;
        self.own(&dir, path, mode)
    }

    /// Sets what the process's umask and group would have decided.
    fn own(&self, file: &File, path: &Path, mode: u32) -> Result<(), Error> {
        let is_of = |group: Gid| file.metadata().is_ok_and(|found| found.gid() == group.as_raw());
        // Where it is that group's already, no right to change it is needed.
        if let Some(group) = self.group.filter(|group| !is_of(*group)) {
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
        let file = self.volume.create(&path, self.file_mode).map_err(Error::io("create", &path))?;
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
        self.volume.rename(&from, &to).map_err(Error::io("rename", &from))
    }

    /// Appends to the active segment; gives how many bytes were taken.
    pub(super) fn write(&self, file: &File, bytes: &[u8]) -> std::io::Result<usize> {
        Timings::measure(&self.timings.write, || self.volume.write(file, bytes))
    }

    /// The file as something to write to.
    pub(super) fn writer<'a>(&'a self, file: &'a File) -> Writer<'a> {
        Writer { volume: &*self.volume, file }
    }

    /// Writes all of a file and makes it durable.
    pub(super) fn fill(&self, file: &File, bytes: &[u8], path: &Path) -> Result<(), Error> {
        self.writer(file).write_all(bytes).map_err(Error::io("write", path))?;
        self.sync(file, path)
    }

    /// Makes a file's content durable.
    pub(super) fn sync(&self, file: &File, path: &Path) -> Result<(), Error> {
        Timings::measure(&self.timings.sync, || self.volume.sync(file)).map_err(Error::io("sync", path))
    }

    /// Cuts a file and makes that durable.
    pub(super) fn cut(&self, file: &File, length: u64, path: &Path) -> Result<(), Error> {
        self.volume.set_len(file, length).map_err(Error::io("shorten", path))?;
        self.sync(file, path)
    }

    /// Removes a file; that there is none is no error.
    pub(super) fn unlink(&self, path: &Path) -> Result<(), Error> {
        match self.volume.remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes the names of the directory durable.
    pub(super) fn sync_dir(&self) -> Result<(), Error> {
        self.volume.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }

    /// Bytes that may still be written to its file system.
    pub(super) fn free_bytes(&self) -> Result<u64, Error> {
        self.volume.free_bytes(&self.dir).map_err(Error::io("look at the file system of", &self.dir))
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
        self.volume.rename(&from, &to).map_err(Error::io("move to the quarantine", &from))?;
        Ok(to)
    }

    /// Writes a fragment to the quarantine and makes it durable there.
    pub(super) fn keep_fragment(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let dir = self.quarantine()?;
        let name = format!("{}/{name}", names::QUARANTINE);
        let path = self.path(&name);
        let file = self.create(&name)?;
        self.fill(&file, bytes, &path)?;
        self.volume.sync_dir(&dir).map_err(Error::io("sync", &dir))?;
        self.sync_dir()?;
        Ok(path)
    }

    /// Takes the right to write.
    pub(super) fn lock(&self) -> Result<WriteLock, Error> {
        WriteLock::take(&self.dir, self.file_mode)
    }
}
