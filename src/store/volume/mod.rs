//! Everything that changes a log directory, one method for each system call, so that tests can fail any of them and take
//! the power away between any two.

#[cfg(test)]
pub(super) mod simulated;

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;

use crate::sys::files;

/// What a log directory is on. Reading goes past it: it changes nothing.
pub(super) trait Volume: fmt::Debug + Send + Sync {
    /// Makes a directory and its parents.
    fn make_dir(&self, path: &Path, mode: u32) -> io::Result<()>;

    /// Makes an empty file for reading and appending, in place of one that may be there.
    fn create(&self, path: &Path, mode: u32) -> io::Result<File>;

    /// Appends; gives how many bytes were taken.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;

    /// Writes all of `bytes` in place. The file is not open for appending.
    fn overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Cuts a file.
    fn set_len(&self, file: &File, length: u64) -> io::Result<()>;

    /// Makes a file's content and length durable.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Gives a file another name, in place of one that may have it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a directory's names durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Bytes that may still be written to the file system of a directory by who writes the log.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// The file system of this machine.
#[derive(Debug)]
pub(super) struct Mounted;

impl Volume for Mounted {
    fn make_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(mode).create(path)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL;
        match files::open(path, flags, mode) {
            // It is removed, not emptied: it may be a link, or have another name elsewhere.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(path)?;
                files::open(path, flags, mode)
            }
            created => created,
        }
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn set_len(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let found = statvfs(path)?;
        // What is kept for root is not counted in: root's other programs may need it.
        Ok(found.blocks_available().saturating_mul(found.fragment_size()))
    }
}

/// A file of a volume as something to write to.
pub(super) struct Writer<'a> {
    pub(super) volume: &'a dyn Volume,
    pub(super) file: &'a File,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.volume.write(self.file, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
