//! Why an output does not deliver.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::sys::files::Untrusted;

/// Why something cannot be delivered.
#[derive(Debug, Error)]
pub enum Error {
    /// A call on a file or socket failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Path {
        /// What was to be done.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A receiver cannot be reached.
    #[error("cannot send to {address}: {source}")]
    Address {
        /// The receiver.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A message is longer than the way takes.
    #[error("a message of {bytes} bytes is too long for {way}; max_bytes may be lowered")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The way.
        way: String,
    },
    /// The path is taken by what is no socket of a daemon that is gone.
    #[error("{} is in use or is no socket", .0.display())]
    Taken(PathBuf),
    /// The path is no regular file.
    #[error("{} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// Others could have made it, or could put another in its place.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A plugin has ended.
    #[error("{} has ended: {how}; it is started again", path.display())]
    Ended {
        /// The program.
        path: PathBuf,
        /// With what status or signal.
        how: String,
    },
    /// A plugin has ended too often.
    #[error("{} has ended {restarts} times and is not started again before a reload", path.display())]
    GivenUp {
        /// The program.
        path: PathBuf,
        /// How often.
        restarts: u32,
    },
}

/// What becomes of a message that could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is tried again.
    Retry,
    /// It is let go, and the next one tried.
    Skip,
    /// Nothing will be delivered any more.
    End,
}

impl Error {
    pub(super) fn then(&self) -> Then {
        match self {
            Error::Path { .. } | Error::Address { .. } | Error::Ended { .. } => Then::Retry,
            Error::Taken(_) | Error::NotAFile(_) | Error::Untrusted(_) => Then::Retry,
            Error::TooLong { .. } => Then::Skip,
            Error::GivenUp { .. } => Then::End,
        }
    }
}
