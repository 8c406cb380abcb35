//! What goes with an open store: readers, timings, what it has to tell.

use super::chain::Signed;
use super::error::{Error, Notice};
use super::read::Reader;
use super::timings::Timings;
use super::write::Store;

impl Store {
    /// How long writing and syncing take, from now on and before.
    pub fn timings(&self) -> Timings {
        self.disk.timings.clone()
    }

    /// How far signing has come, from now on.
    pub fn signed(&self) -> Signed {
        Signed(self.signing.clone())
    }

    /// Bytes that may still be written to the log's file system.
    pub fn free_bytes(&self) -> Result<u64, Error> {
        self.disk.free_bytes()
    }

    /// What the store did of itself since this was last asked, oldest first.
    pub fn notices(&mut self) -> Vec<Notice> {
        self.background.take_notices()
    }

    /// A reader for other threads; it stays good when the store is closed.
    pub fn reader(&self) -> Reader {
        Reader::of(self.shared.clone())
    }
}
