//! Every setting with what it means: the table behind `docs/configuration.md`, and the least value of each number.
//!
//! Defaults are not in the table: they are read from the types.

#[cfg(test)]
mod document;
mod table;

pub(super) use table::SETTINGS;

/// One setting as the reference tells it.
pub(super) struct Setting {
    /// Its name with its table: `store.rotate_bytes`.
    pub(super) name: &'static str,
    /// What a number counts; empty for what is no number.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document"))]
    pub(super) unit: &'static str,
    /// What it may be.
    pub(super) range: Range,
    /// The setting of auditd.conf that it answers to; empty if there is none.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document"))]
    pub(super) auditd: &'static str,
    /// What it does.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document"))]
    pub(super) meaning: &'static str,
}

/// What a setting may be.
pub(super) enum Range {
    /// A whole number from the first to the second.
    Number(u64, u64),
    /// `true` or `false`.
    Answer,
    /// One of these words.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document"))]
    Choice(&'static [&'static str]),
    /// What is said here, for instance an absolute path.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document"))]
    Other(&'static str),
}

/// The least and the greatest value of a number. Of a setting without a row, which a test refuses, any will do.
pub(super) fn range(name: &str) -> (u64, u64) {
    let found = SETTINGS.iter().find(|setting| setting.name == name);
    match found.map(|setting| &setting.range) {
        Some(Range::Number(least, most)) => (*least, *most),
        _ => (0, u64::MAX),
    }
}
