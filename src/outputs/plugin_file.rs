//! A file of auditd's `plugins.d`: which program gets the records, and in which form.
//!
//! Lines of `name = value`, names in any case, `#` before a comment: active, direction, path, type, args, format
//! (auditd-plugins(5)).

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::plugin::Framing;
use crate::sys::files::{Untrusted, read_settings};

/// Bytes of a file at most; auditd's lines are 160 long and there are six settings.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Files of a directory that are read at most.
const FILES_MAX: usize = 256;

/// A plugin as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// Whether it is to run.
    pub active: bool,
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How records come to it.
    pub framing: Framing,
    /// `type = builtin`: no program but a part of auditd's dispatcher.
    pub builtin: bool,
}

/// Why a file is not that of a plugin.
#[derive(Debug, Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others could have written it, or it cannot be read.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It is longer than any such file.
    #[error("{}: longer than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    /// There are more files than are read.
    #[error("{}: more than {FILES_MAX} files; the rest is not read", .0.display())]
    TooMany(PathBuf),
    /// A line is wrong.
    #[error("{}:{line}: {wrong}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        wrong: Wrong,
    },
}

/// What is wrong with a line, or with a file without it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Wrong {
    /// Not `name = value`.
    #[error("not a line of the form name = value")]
    Form,
    /// No such setting.
    #[error("unknown setting {0:?}")]
    Unknown(String),
    /// Not a value of that setting.
    #[error("{name} is {expected}, not {found:?}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A setting that has to be there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl PluginFile {
    /// Reads the text of a file; the error has the line, from 1.
    pub fn parse(text: &str) -> Result<PluginFile, (usize, Wrong)> {
        let mut active = false;
        let mut path = None;
        let mut arguments = Vec::new();
        let mut framing = Framing::Text;
        let mut builtin = false;
        let mut last = 1;
        for (number, line) in (1..).zip(text.lines()) {
            last = number;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |wrong| (number, wrong);
            let (name, value) = line.split_once('=').ok_or_else(|| at(Wrong::Form))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let wrong = |name, expected| at(Wrong::Value { name, expected, found: value.to_owned() });
            match name.as_str() {
                "active" => {
                    active = choice(value, &[("yes", true), ("no", false)])
                        .ok_or_else(|| wrong("active", "yes or no"))?
                }
                "direction" => choice(value, &[("out", ()), ("in", ())])
                    .ok_or_else(|| wrong("direction", "out or in"))?,
                "type" => {
                    builtin = choice(value, &[("always", false), ("builtin", true)])
                        .ok_or_else(|| wrong("type", "always or builtin"))?;
                }
                "format" => {
                    framing = choice(value, &[("string", Framing::Text), ("binary", Framing::Binary)])
                        .ok_or_else(|| wrong("format", "string or binary"))?;
                }
                "path" => path = Some((number, value)),
                "args" => arguments = value.split_ascii_whitespace().map(str::to_owned).collect(),
                _ => return Err(at(Wrong::Unknown(name))),
            }
        }
        let (line, path) = path.ok_or((last, Wrong::Missing("path")))?;
        if !path.starts_with('/') && !path.starts_with("builtin_") {
            let wrong = Wrong::Value { name: "path", expected: "an absolute path", found: path.to_owned() };
            return Err((line, wrong));
        }
        Ok(PluginFile { active, path: path.into(), arguments, framing, builtin })
    }

    /// Whether it is no program.
    pub fn is_builtin(&self) -> bool {
        self.builtin || !self.path.is_absolute()
    }
}

fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| value.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// Reads every `*.conf` of a directory, in the order of names, with its name without the ending. What cannot be read is
/// told and does not keep the others back.
pub fn read_dir(dir: &Path) -> (Vec<(String, PluginFile)>, Vec<Problem>) {
    let mut problems = Vec::new();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Problem::Read { path, source }
    };
    let listed = std::fs::read_dir(dir).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    let mut paths = listed.map_err(failed(dir)).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    paths.sort();
    if paths.len() > FILES_MAX {
        paths.truncate(FILES_MAX);
        problems.push(Problem::TooMany(dir.to_owned()));
    }
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match read(&path) {
            Ok(file) => found.push((name, file)),
            Err(problem) => problems.push(problem),
        }
    }
    (found, problems)
}

/// Reads one file.
pub fn read(path: &Path) -> Result<PluginFile, Problem> {
    let bytes = read_settings(path, FILE_BYTES_MAX)?;
    if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(Problem::TooLong(path.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| Problem::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    PluginFile::parse(&text).map_err(|(line, wrong)| Problem::Line { path: path.to_owned(), line, wrong })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_auditd_reads_it() {
        let text = "# laurel\n\nActive = YES\ndirection = out\ntype=always\nformat = string\npath = /usr/sbin/laurel\nargs = --config /etc/laurel/config.toml\n";
        let expected = PluginFile {
            active: true,
            path: "/usr/sbin/laurel".into(),
            arguments: vec!["--config".into(), "/etc/laurel/config.toml".into()],
            framing: Framing::Text,
            builtin: false,
        };
        assert_eq!(PluginFile::parse(text), Ok(expected));
        let builtin = PluginFile::parse("path = builtin_af_unix\ntype = builtin\nformat = binary\n");
        let builtin = builtin.expect("a good file");
        assert!(builtin.is_builtin() && !builtin.active && builtin.framing == Framing::Binary);
    }

    #[test]
    fn a_wrong_line_is_told_with_its_place() {
        for (text, line, expected) in [
            ("", 1, "path is missing"),
            ("active = yes\npath\n", 2, "not a line of the form name = value"),
            ("path = laurel\n", 1, "path is an absolute path, not \"laurel\""),
            ("path = /x\nactive = maybe\n", 2, "active is yes or no, not \"maybe\""),
            ("path = /x\n\nq_depth = 5\n", 3, "unknown setting \"q_depth\""),
            ("path = /x\nformat = json\n", 2, "format is string or binary, not \"json\""),
        ] {
            let (at, wrong) = PluginFile::parse(text).expect_err(text);
            assert_eq!((at, wrong.to_string().as_str()), (line, expected), "{text}");
        }
    }
}
