//! A file of signed records, as the one who appends to it has it.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use super::record::{self, Body, Signed};
use crate::store::disk::Disk;
use crate::store::error::Error;
use crate::store::names;

/// Most bytes of a file of records that are read: the statements of some months about one segment.
pub(super) const LEDGER_BYTES_MAX: u64 = 1 << 30;

/// A ledger and the records in it.
pub(super) type Opened<T> = (Ledger, Vec<Signed<T>>);

/// The file and how much of it is good.
pub(super) struct Ledger {
    file: File,
    path: PathBuf,
    length: u64,
    /// Whether more than that may be in it: an append has failed.
    is_dirty: bool,
}

impl Ledger {
    /// Makes an empty one, in place of one that may be there. Its name is not durable yet.
    pub(super) fn create(disk: &Disk, name: &str) -> Result<Ledger, Error> {
        Ok(Ledger { file: disk.create(name)?, path: disk.path(name), length: 0, is_dirty: false })
    }

    /// Opens one and reads its records. What follows the last whole one goes to the quarantine. `None`: there is no file.
    pub(super) fn open<T: Body>(disk: &Disk, name: &str) -> Result<Option<Opened<T>>, Error> {
        let Some(file) = disk.append(name)? else { return Ok(None) };
        let path = disk.path(name);
        let bytes = read(&path)?;
        let (records, end) = record::parse(&bytes);
        let mut ledger = Ledger { file, path, length: end.offset(), is_dirty: false };
        let rest = usize::try_from(end.offset()).ok().and_then(|offset| bytes.get(offset..));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            disk.keep_fragment(&names::fragment_of(name, end.offset()), rest)?;
            ledger.is_dirty = true;
            ledger.clean(disk)?;
        }
        Ok(Some((ledger, records)))
    }

    /// Cuts off what a failed append may have left, so that nothing names keys that are not kept.
    pub(super) fn clean(&mut self, disk: &Disk) -> Result<(), Error> {
        if self.is_dirty {
            disk.cut(&self.file, self.length, &self.path)?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// Appends a record and makes it durable.
    pub(super) fn append(&mut self, disk: &Disk, bytes: &[u8]) -> Result<(), Error> {
        self.clean(disk)?;
        self.is_dirty = true;
        disk.writer(&self.file).write_all(bytes).map_err(Error::io("write", &self.path))?;
        disk.sync(&self.file, &self.path)?;
        self.length += bytes.len() as u64;
        self.is_dirty = false;
        Ok(())
    }
}

/// All bytes of a file of records.
pub(super) fn read(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    let length = fs::metadata(path).map_err(Error::open(path))?.len();
    if length > LEDGER_BYTES_MAX {
        return Err(Error::damaged(path, "it is longer than 1 GiB"));
    }
    fs::read(path).map_err(Error::open(path))
}
