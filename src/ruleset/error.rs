//! What can go wrong between files of rules and the kernel.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::netlink;
use crate::rules::Rule;
use crate::rules::kernel::CodecError;
use crate::sys::files::Untrusted;

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
    /// Somebody else could have written the file.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A file that is no rules file by its size.
    #[error("{} has more than {max} bytes, the most a rules file may have", path.display(), max = super::files::FILE_BYTES_MAX)]
    TooLong {
        /// Which.
        path: PathBuf,
    },
}

/// A rule that the kernel refuses.
#[derive(Debug, Error)]
#[error("{source} ({rule})")]
pub struct Refusal {
    /// The rule.
    pub rule: Box<Rule>,
    /// Why.
    pub source: netlink::error::Error,
}

/// Why the kernel's rules could not be made those wanted.
#[derive(Debug, Error)]
pub enum LoadError {
    /// They could not be listed.
    #[error(transparent)]
    List(netlink::error::Error),
    /// One that is there cannot be read, and so not compared.
    #[error("the kernel has a rule that ktrail cannot read; nothing is changed")]
    Unknown(#[source] CodecError),
    /// The kernel refused a rule; all is as it was.
    #[error("{0}; the kernel's rules are as they were")]
    Undone(Refusal),
    /// The kernel refused a rule, and what had been changed could not be put back.
    #[error("{refusal}; what had been changed could not be put back: {back}")]
    Stuck {
        /// The rule.
        refusal: Refusal,
        /// Why not.
        back: Box<LoadError>,
    },
}
