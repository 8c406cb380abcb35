//! Why the server cannot begin.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::sys::files::Untrusted;

/// Why the socket could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// A living daemon listens there.
    #[error("a daemon is listening on {} already; stop it, or choose another socket", .0.display())]
    InUse(PathBuf),
    /// A file that is no socket.
    #[error("{} is in the way: it is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Longer than a socket's address holds.
    #[error("{} is too long for a socket: a path has at most 107 bytes", .0.display())]
    TooLong(PathBuf),
    /// The socket would be in a directory that others could change.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The port for metrics cannot be had.
    #[error("cannot serve metrics on {address}: {source}")]
    Port {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Any other error.
    #[error("cannot {action} {}: {source}", path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
