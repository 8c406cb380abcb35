//! The log on disk: append, index, seal, rotate, retain, recover and read, as `docs/format.md` states byte by byte.
//!
//! The store sees entries as a time, a serial, terms and opaque bytes of one line; what they mean is for others to know.
//! One thread owns the [`Store`] and appends; any number of others hold a [`Reader`] and ask its [`Snapshot`]s.

pub mod chain;
pub mod term;
pub(crate) mod threads;

mod age;
mod attached;
mod background;
mod cache;
mod catalogue;
mod check;
mod checkpoint;
mod dictionary;
mod disk;
mod error;
mod facts;
mod footer;
mod frames;
mod index;
mod index_writer;
mod live;
mod lock;
mod manifest;
mod names;
mod open;
mod pages;
mod posting;
mod read;
mod repair;
mod replay;
mod retention;
mod seal;
mod sealed;
mod stamps;
mod timings;
mod varint;
mod volume;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use check::{Cause, Finding};
pub use error::{Error, Notice, Problem};
pub use facts::{Facts, FieldFacts, Parts, State};
use nix::unistd::Gid;
pub use read::{Reader, SegmentView, Snapshot, Summary, ValueTest};
pub use repair::{Repaired, has_writer, repair};
pub use timings::Timings;
pub use write::Store;

use term::Terms;

/// Longest line in bytes without its newline: far above the largest event (8 KiB a record, some hundred records), low
/// enough that a few of them fit the memory of a reader.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Entries in one segment: bounds the memory of the tables that have an item for each entry (16 bytes in all).
pub const SEGMENT_ENTRIES_MAX: u32 = 2 << 20;

/// Memory of the active segment's index in bytes at which it is rotated whatever its size: three of them (one active,
/// two waiting to be sealed) stay far below the 128 MiB that an import may take.
pub const INDEX_BYTES_MAX: usize = 24 << 20;

/// Buffered bytes at which `append` writes: large enough that the system call costs nothing per event, and a time the
/// page cache takes without waiting.
pub const WRITE_BYTES: usize = 256 << 10;

/// Buffered bytes at which `append` refuses further entries because writing fails: some seconds of heavy load.
pub const BUFFER_BYTES_MAX: usize = 16 << 20;

/// Rotated segments that may wait to be sealed; a rotation beyond waits, since each holds its index in memory.
pub const UNSEALED_MAX: usize = 2;

/// When what was appended is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// When the kernel likes; a power loss may take the last half minute.
    None,
    /// At least this often, by a thread of its own.
    Interval(Duration),
    /// Before `append` returns.
    EveryEvent,
}

/// Where the log is and how much of it is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// The log directory; made with mode 0750 where it is missing, its parents as well.
    pub dir: PathBuf,
    /// Size of the active segment in bytes at which it is rotated.
    pub rotate_bytes: u64,
    /// Age of the active segment at which it is rotated unless it is empty.
    pub rotate_age: Option<Duration>,
    /// Size of all segments and indexes together in bytes above which the oldest are removed.
    pub retain_bytes: Option<u64>,
    /// Number of segments, the active one not counted, above which the oldest are removed.
    pub retain_segments: Option<u32>,
    /// Age of its latest entry at which a segment is removed.
    pub retain_age: Option<Duration>,
    /// Bytes that are to be free on the file system; with less the oldest segments are removed.
    pub min_free_bytes: Option<u64>,
    /// Growth of the active segment in bytes after which its index is written down, so that this is the most that an open
    /// has to read of it. Reading 32 MiB takes about a quarter of a second, writing down the index some milliseconds.
    pub checkpoint_bytes: u64,
    /// When what was appended is on disk.
    pub flush: Flush,
    /// Permission bits of new files; the directory gets the same and search permission where there is read permission.
    pub file_mode: u32,
    /// Group of new files and of a new directory; `None`: that of the process.
    pub group: Option<Gid>,
    /// zstd's level for sealed segments, 1 to 19.
    pub compression: i32,
    /// How often what has come to the active segment is signed, and the key that signed it destroyed; `None`: nothing is
    /// ever signed.
    pub sign: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            dir: PathBuf::from("/var/log/ktrail"),
            rotate_bytes: 256 << 20,
            rotate_age: Some(Duration::from_secs(24 * 3600)),
            retain_bytes: Some(8 << 30),
            retain_segments: None,
            retain_age: None,
            min_free_bytes: None,
            checkpoint_bytes: 32 << 20,
            flush: Flush::Interval(Duration::from_secs(1)),
            file_mode: 0o640,
            group: None,
            compression: 3,
            sign: None,
        }
    }
}

/// When an entry's event was and its serial number; neither has to grow from entry to entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// The event's serial number.
    pub serial: u32,
}

/// Where an entry is. It stays the same when its segment is rotated and sealed, so it serves as a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number, from 1, never used twice.
    pub segment: u64,
    /// The entry's place in it, from 0.
    pub ordinal: u32,
}

/// Finds stamp and terms of a stored line again, as they were given when it was appended. The terms are empty when it
/// is called. `None`: the line is not an entry of this program.
pub type Describe = Arc<dyn Fn(&[u8], &mut Terms) -> Option<Stamp> + Send + Sync>;
