//! What can go wrong in the store, and what it has to tell without failing.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use thiserror::Error;

use super::chain::checkpoint::Checkpoint;
use crate::sys::files::Untrusted;

/// Why the store could not do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// A system call failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, to be read after "cannot".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The log directory is something else.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The configured directory.
        path: PathBuf,
    },
    /// A directory or a file that somebody else could have made or changed.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// Another writer has the directory.
    #[error("{} is in use by {holder}", path.display())]
    Locked {
        /// The log directory.
        path: PathBuf,
        /// `process 123`, from the lock file, or `another process`.
        holder: String,
    },
    /// A file has the name of an active segment and is none. It is not touched.
    #[error("{} is not an active segment: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What shows it.
        reason: &'static str,
    },
    /// A file's bytes are not what was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part, and how that shows.
        what: String,
    },
    /// A file was written by a later ktrail. It is not touched.
    #[error("{} has format version {version}, this program knows version 1", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version byte.
        version: u8,
    },
    /// Another process removed a segment that this reader had listed.
    #[error("{} has been removed", path.display())]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// The line cannot be an entry. It was not taken.
    #[error("an entry of {bytes} bytes is refused: {reason}")]
    LineRefused {
        /// Its length.
        bytes: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Writing has failed for so long that the buffer is full. The entry was not taken.
    #[error("cannot write {}, and {bytes} bytes are waiting", path.display())]
    BufferFull {
        /// The active segment.
        path: PathBuf,
        /// How much is buffered.
        bytes: usize,
        /// Why the last attempt to write failed.
        source: io::Error,
    },
    /// No entry has that ordinal.
    #[error("segment {segment} has {entries} entries, there is none with ordinal {ordinal}")]
    NoSuchEntry {
        /// The segment asked.
        segment: u64,
        /// Its number of entries.
        entries: u32,
        /// The ordinal asked for.
        ordinal: u32,
    },
}

impl Error {
    /// Whether [`append`](crate::store::Store::append) did not take the entry. After any other error of `append` the
    /// entry has its place in the buffer and is written by a later flush: it must not be appended again.
    pub fn refused(&self) -> bool {
        matches!(self, Error::LineRefused { .. } | Error::BufferFull { .. })
    }

    /// For `map_err` on a system call.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, path: path.to_path_buf(), source }
    }

    /// As [`Error::io`], where a missing file means that another process removed the segment.
    pub(super) fn open(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Error::Removed { path: path.to_path_buf() },
            _ => Error::Io { action: "open", path: path.to_path_buf(), source },
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_path_buf(), what: what.into() }
    }
}

/// Something found in the directory that somebody should know and that did not stop the store.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// A segment ended within a line.
    #[error("{} ended within an entry: {bytes} bytes {}", path.display(), kept(quarantine.as_deref()))]
    TornLine {
        /// The segment.
        path: PathBuf,
        /// Length of the fragment.
        bytes: u64,
        /// Where the fragment is now; `None` where a reader without the right to write has only passed over it.
        quarantine: Option<PathBuf>,
    },
    /// Lines that are not entries of this program. They stay, and are found by time only.
    #[error("{} has {count} lines that are not entries, the first is line {}", path.display(), u64::from(*first) + 1)]
    RefusedLines {
        /// The segment.
        path: PathBuf,
        /// How many.
        count: u32,
        /// The ordinal of the first.
        first: u32,
    },
    /// A file that is not part of a store. It is not touched.
    #[error("{} is not part of the log and is left alone", path.display())]
    ForeignFile {
        /// The file.
        path: PathBuf,
    },
    /// An index is missing or damaged and is made anew from its segment.
    #[error("the index {} is made anew: {reason}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A segment that cannot be read was put aside.
    #[error("{reason}; it is now {}", to.display())]
    Quarantined {
        /// Where it was.
        path: PathBuf,
        /// Where it is.
        to: PathBuf,
        /// Why, with the path.
        reason: String,
    },
    /// A segment or the manifest that cannot be read was passed over.
    #[error("passed over: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why, with the path.
        reason: String,
    },
}

impl Problem {
    /// The file it is about.
    pub fn path(&self) -> &Path {
        match self {
            Problem::TornLine { path, .. }
            | Problem::RefusedLines { path, .. }
            | Problem::ForeignFile { path }
            | Problem::Index { path, .. }
            | Problem::Quarantined { path, .. }
            | Problem::Unreadable { path, .. } => path,
        }
    }
}

fn kept(quarantine: Option<&Path>) -> String {
    match quarantine {
        Some(path) => format!("were moved to {}", path.display()),
        None => "were passed over".to_owned(),
    }
}

/// Something the store did of itself; the daemon tells it as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The active segment became a numbered one.
    Rotated {
        /// Its number.
        segment: u64,
    },
    /// A segment was sealed.
    Sealed {
        /// Its number.
        segment: u64,
        /// Length of its lines.
        plain_bytes: u64,
        /// Length of its `.seg` file.
        segment_bytes: u64,
        /// Length of its `.idx` file.
        index_bytes: u64,
    },
    /// An index was made anew and written.
    IndexRebuilt {
        /// Its segment's number.
        segment: u64,
    },
    /// Retention took a segment out.
    Removed {
        /// Whether it was for lack of space on the file system, not by the limits of the log.
        for_space: bool,
        /// Its number.
        segment: u64,
        /// How many entries it had.
        entries: u32,
        /// How many bytes its files had.
        bytes: u64,
    },
    /// A chain of signatures begins, whose first key nothing in the directory vouches for.
    Begun {
        /// Whether there was one before that could not be gone on with: its keys or its end are not there.
        is_anew: bool,
        /// The root's public key, 64 hexadecimal digits.
        public_key: String,
        /// The record that begins it.
        checkpoint: Checkpoint,
    },
    /// The chain of signatures has come to another segment: all about those before is stated.
    Opened {
        /// Its number.
        segment: u64,
        /// The record that opens it.
        checkpoint: Checkpoint,
    },
    /// Work in the background failed; it is tried again.
    Failed {
        /// The error's text with its causes.
        error: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Rotated { segment } => write!(f, "segment {segment} is full; the next one is written"),
            Notice::Sealed { segment, plain_bytes, segment_bytes, index_bytes } => {
                let stored = segment_bytes + index_bytes;
                write!(f, "segment {segment} is sealed: {plain_bytes} bytes are {stored} with their index")
            }
            Notice::IndexRebuilt { segment } => write!(f, "the index of segment {segment} was made anew"),
            Notice::Removed { segment, entries, bytes, for_space } => {
                let reason = if *for_space { "for lack of space" } else { "by retention" };
                write!(f, "segment {segment} was removed {reason}: {entries} entries, {bytes} bytes")
            }
            Notice::Begun { public_key, checkpoint, .. } => {
                write!(f, "a chain of signatures begins: public key {public_key}, checkpoint {checkpoint}")
            }
            Notice::Opened { segment, checkpoint } => {
                write!(f, "all before segment {segment} is signed: checkpoint {checkpoint}")
            }
            Notice::Failed { error } => {
                write!(f, "work in the background failed and is tried again: {error}")
            }
        }
    }
}
