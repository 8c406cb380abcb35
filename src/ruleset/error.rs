//! What can go wrong between files of rules and the kernel.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why rules could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file or directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that is no rules file by its size.
    #[error("{} has more than {max} bytes, the most a rules file may have", path.display(), max = super::files::FILE_BYTES_MAX)]
    TooLong {
        /// Which.
        path: PathBuf,
    },
}
