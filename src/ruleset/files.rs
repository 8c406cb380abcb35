//! Files of rules: which there are, and what they say.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ReadError;
use crate::rules::host::Host;
use crate::rules::parse;
use crate::sys::files::{self as settings, Reason, Untrusted};

/// Bytes of a rules file at most: a hundred thousand rules. More is some other file.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// A rules file, read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it was read, or what stands for that.
    pub path: PathBuf,
    /// Its bytes.
    pub text: Vec<u8>,
    /// What they say.
    pub parsed: parse::File,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Source {
    /// Reads a file, to say what is in it.
    pub fn read(path: &Path, host: &impl Host) -> Result<Source, ReadError> {
        let failed = |source: io::Error| ReadError::Read { path: path.to_owned(), source };
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text))
            .map_err(failed)?;
        Source::whole(path, text, host)
    }

    /// Reads a file whose rules are to be loaded: root takes none that somebody else could have written.
    pub fn read_to_load(path: &Path, host: &impl Host) -> Result<Source, ReadError> {
        let text = settings::read_settings(path, FILE_BYTES_MAX).map_err(|error| match error.reason {
            Reason::System(source) => ReadError::Read { path: path.to_owned(), source },
            reason => ReadError::Untrusted(Untrusted { reason, path: error.path }),
        })?;
        Source::whole(path, text, host)
    }

    fn whole(path: &Path, text: Vec<u8>, host: &impl Host) -> Result<Source, ReadError> {
        match u64::try_from(text.len()).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX) {
            true => Ok(Source::new(path.to_owned(), text, host)),
            false => Err(ReadError::TooLong { path: path.to_owned() }),
        }
    }

    /// Takes text for that of a file.
    pub fn new(path: PathBuf, text: Vec<u8>, host: &impl Host) -> Source {
        let parsed = parse::file(&text, host);
        let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let ends = breaks.chain([text.len()]).collect();
        Source { path, text, parsed, ends }
    }

    /// The text of a line, by its number from 1.
    pub fn line(&self, number: usize) -> &[u8] {
        let end = |number: usize| self.ends.get(number.checked_sub(1)?).copied();
        let begin = end(number.saturating_sub(1)).map_or(0, |end| end + 1);
        end(number).and_then(|end| self.text.get(begin..end)).unwrap_or_default()
    }
}

/// The `*.rules` files of the directories, each directory in the order of names. A directory that is missing has none.
pub fn in_dirs(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, ReadError> {
    let mut all = Vec::new();
    for dir in dirs {
        let failed = |source: io::Error| ReadError::Read { path: dir.clone(), source };
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "rules") {
                found.push(path);
            }
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

/// Reads files in their order, to say what is in them.
pub fn read_all(paths: &[PathBuf], host: &impl Host) -> Result<Vec<Source>, ReadError> {
    paths.iter().map(|path| Source::read(path, host)).collect()
}

/// Reads files in their order, to load what is in them.
pub fn read_all_to_load(paths: &[PathBuf], host: &impl Host) -> Result<Vec<Source>, ReadError> {
    paths.iter().map(|path| Source::read_to_load(path, host)).collect()
}
