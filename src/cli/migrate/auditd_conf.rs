//! auditd.conf as it is written: `name = value` lines, names in any case (auditd.conf(5)).

use thiserror::Error;

/// A setting as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The line, from 1.
    pub(super) line: usize,
    /// The name in lower case.
    pub(super) name: String,
    /// The value as it is written.
    pub(super) value: String,
}

/// A line that is no setting.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{line}: not a line of the form name = value: {text:?}")]
pub(super) struct WrongLine {
    line: usize,
    text: String,
}

/// Reads the text. A setting that stands there twice has the last value, as with auditd.
pub(super) fn parse(text: &str) -> Result<Vec<Found>, WrongLine> {
    let mut all: Vec<Found> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let parts = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = parts.filter(|(name, value)| !name.is_empty() && !value.is_empty()) else {
            return Err(WrongLine { line, text: text.to_owned() });
        };
        let name = name.to_ascii_lowercase();
        all.retain(|found| found.name != name);
        all.push(Found { line, name, value: value.to_owned() });
    }
    Ok(all)
}
