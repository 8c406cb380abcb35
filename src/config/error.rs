//! What can be wrong with a configuration file, and where.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::redact;
use crate::sys::files::Untrusted;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could have written the file.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The text is not what the file's syntax asks for.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A setting has a value it cannot have.
    #[error("{}: {setting}: {cause}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The setting, with its table.
        setting: String,
        /// What is wrong.
        cause: Invalid,
    },
}

/// Why a value cannot be.
#[derive(Debug, Error)]
pub enum Invalid {
    /// A path that depends on where the daemon was started.
    #[error("{0:?} is not an absolute path")]
    Relative(PathBuf),
    /// No such capability.
    #[error("{0:?} is no capability; one is \"sys_ptrace\"")]
    Capability(String),
    /// No such group on this host.
    #[error("there is no group {0}")]
    Group(String),
    /// A policy that runs a command, and none is named.
    #[error("on_low_space has no command to run")]
    NoCommand,
    /// A command that no policy runs.
    #[error("on_low_space is neither run nor halt")]
    UnusedCommand,
    /// What cannot be replaced.
    #[error(transparent)]
    Redaction(#[from] redact::error::Error),
    /// Keys of a policy that is not chosen.
    #[error("the policy is not shed")]
    UnusedKeys,
    /// A key that is to be kept and to go first.
    #[error("{0:?} is in keep_keys and in first_keys")]
    KeptAndFirst(String),
    /// A number below what makes sense.
    #[error("{value} is below the least, {least}")]
    TooSmall {
        /// The number.
        value: u64,
        /// The least.
        least: u64,
    },
    /// A number, or a count, above what is allowed.
    #[error("{value} is above the most, {most}")]
    TooLarge {
        /// The number.
        value: u64,
        /// The most.
        most: u64,
    },
    /// An output's name that cannot stand in an event.
    #[error("an output's name has 1 to {0} letters, digits, - and _")]
    OutputName(usize),
    /// What is no filter.
    #[error(transparent)]
    Filter(crate::query::filter::FilterError),
    /// A receiver that has to be named.
    #[error("udp and tcp need an address of this machine and a port")]
    NoAddress,
    /// Not one of the words that the reference lists.
    #[error("there is no {0:?}; docs/configuration.md lists what there is")]
    Word(String),
    /// No mode of a file.
    #[error("{0:?} is not a mode in octal digits, such as 0660")]
    Mode(String),
    /// Neither a level of the diagnostics nor a filter by module.
    #[error(
        "{0:?} is no level: error, warn, info, debug, trace, off, or of a module, as ktrail::store=debug,info"
    )]
    Level(String),
    /// Not the name of a variable of the environment.
    #[error("{0:?} is not the name of a variable: letters, digits and underscores")]
    Variable(String),
}

impl Error {
    /// The error for what the reader of the syntax found.
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Error {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::Syntax { path: path.to_owned(), line, column, message: message(error.message()) }
    }
}

/// The reader's message; for an unknown setting with the nearest one there is.
fn message(text: &str) -> String {
    let Some(rest) = text.strip_prefix("unknown field `") else { return text.to_owned() };
    let mut names = rest.split('`').step_by(2);
    let Some(unknown) = names.next() else { return text.to_owned() };
    let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    let nearest = known.iter().max_by(|a, b| {
        let likeness = |name: &str| strsim::jaro_winkler(unknown, name);
        likeness(a).total_cmp(&likeness(b))
    });
    match nearest {
        Some(name) if strsim::jaro_winkler(unknown, name) > 0.8 => {
            format!("unknown setting {unknown}; did you mean {name}?")
        }
        _ => format!("unknown setting {unknown}; known are {}", known.join(", ")),
    }
}
