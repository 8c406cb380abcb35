//! What can be wrong with rules of redaction.

use thiserror::Error;

/// Why rules cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// More than there may be.
    #[error("{0} has more than {1} items")]
    TooMany(&'static str, usize),
    /// Longer than it may be.
    #[error("{0:?} is longer than {1} bytes")]
    TooLong(String, usize),
    /// Not an option.
    #[error("{0:?} is not an option: it has to begin with - and to have a letter after it")]
    Option(String),
    /// Not a name.
    #[error("{0:?} is not a name of variables: letters, digits, _ and * are")]
    Name(String),
    /// Not a regular expression, or one that takes too much memory.
    #[error("the pattern {pattern:?}: {source}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
}
