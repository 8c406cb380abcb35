//! The names of the files in a log directory, and what a directory holds.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;

pub(super) const ACTIVE: &str = "audit.jsonl";
pub(super) const ACTIVE_NEXT: &str = "audit.jsonl.tmp";
pub(super) const MANIFEST: &str = "manifest";
pub(super) const MANIFEST_NEXT: &str = "manifest.tmp";
pub(super) const CHECKPOINT: &str = "audit.checkpoint";
pub(super) const CHECKPOINT_NEXT: &str = "audit.checkpoint.tmp";
pub(super) const SEALS: &str = "seals";
pub(super) const KEY: &str = "seal.key";
pub(super) const LOCK: &str = "lock";
pub(super) const QUARANTINE: &str = "quarantine";

/// The number of the first segment of a new store.
pub(super) const FIRST_SEGMENT: u64 = 1;

pub(super) fn numbered(segment: u64) -> String {
    format!("audit-{segment:010}.jsonl")
}

pub(super) fn sealed(segment: u64) -> String {
    format!("audit-{segment:010}.seg")
}

pub(super) fn index(segment: u64) -> String {
    format!("audit-{segment:010}.idx")
}

pub(super) fn statements(segment: u64) -> String {
    format!("audit-{segment:010}.sig")
}

pub(super) fn fragment(segment: u64, offset: u64) -> String {
    format!("audit-{segment:010}-at-{offset}.fragment")
}

/// What a file of signed records had after its last whole one.
pub(super) fn fragment_of(name: &str, offset: u64) -> String {
    format!("{name}-at-{offset}.fragment")
}

/// Which files of one segment there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) plain: bool,
    pub(super) sealed: bool,
    pub(super) index: bool,
}

/// What a log directory holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) active: bool,
    pub(super) manifest: bool,
    pub(super) segments: BTreeMap<u64, Present>,
    /// Segments about which there are statements.
    pub(super) stated: BTreeSet<u64>,
    pub(super) temporary: Vec<PathBuf>,
    pub(super) foreign: Vec<PathBuf>,
}

impl Listing {
    pub(super) fn read(dir: &Path) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        for item in fs::read_dir(dir).map_err(Error::io("list", dir))? {
            let item = item.map_err(Error::io("list", dir))?;
            listing.add(&item.file_name(), || item.path());
        }
        listing.foreign.sort();
        Ok(listing)
    }

    fn add(&mut self, name: &OsStr, path: impl Fn() -> PathBuf) {
        let Some(text) = name.to_str() else {
            self.foreign.push(path());
            return;
        };
        match text {
            ACTIVE => self.active = true,
            MANIFEST => self.manifest = true,
            CHECKPOINT | KEY | LOCK | QUARANTINE | SEALS => {}
            ACTIVE_NEXT | CHECKPOINT_NEXT | MANIFEST_NEXT => self.temporary.push(path()),
            _ => self.add_numbered(text, path),
        }
    }

    fn add_numbered(&mut self, name: &str, path: impl Fn() -> PathBuf) {
        let Some(segment) = segment_number(name) else {
            self.foreign.push(path());
            return;
        };
        let (sealed, index, plain) = (sealed(segment), index(segment), numbered(segment));
        if name == plain {
            self.segments.entry(segment).or_default().plain = true;
        } else if name == sealed {
            self.segments.entry(segment).or_default().sealed = true;
        } else if name == index {
            self.segments.entry(segment).or_default().index = true;
        } else if name == statements(segment) {
            self.stated.insert(segment);
        } else if name.strip_suffix(".tmp").is_some_and(|name| name == sealed || name == index) {
            self.temporary.push(path());
        } else {
            self.foreign.push(path());
        }
    }

    /// Whether anything is stated about any segment: a file for that may still be empty.
    pub(super) fn is_stated(&self, dir: &Path) -> bool {
        let has_any = |segment: &u64| {
            let found = dir.join(statements(*segment)).metadata();
            found.is_ok_and(|found| found.len() > 0)
        };
        self.stated.iter().any(has_any)
    }

    /// The number of the active segment, as far as names tell.
    pub(super) fn next_segment(&self) -> u64 {
        self.segments.last_key_value().map_or(FIRST_SEGMENT, |(&last, _)| last.saturating_add(1))
    }
}

/// The digits of `audit-DIGITS.…`; whether the rest is a name of ours is for the caller to see.
fn segment_number(name: &str) -> Option<u64> {
    let (digits, _) = name.strip_prefix("audit-")?.split_once('.')?;
    let number: u64 = digits.parse().ok()?;
    (FIRST_SEGMENT..u64::MAX).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_exactly_as_we_write_them_are_ours() {
        let cases = [
            ("audit.jsonl", "active"),
            ("manifest", "manifest"),
            ("lock", ""),
            ("quarantine", ""),
            ("audit.checkpoint", ""),
            ("seals", ""),
            ("seal.key", ""),
            ("audit-0000000042.sig", "stated"),
            ("audit-42.sig", "foreign"),
            ("audit.checkpoint.tmp", "temporary"),
            ("audit-0000000042.jsonl", "plain"),
            ("audit-0000000042.seg", "sealed"),
            ("audit-0000000042.idx", "index"),
            ("audit-12345678901234.idx", "index"),
            ("audit-0000000042.seg.tmp", "temporary"),
            ("audit-0000000042.idx.tmp", "temporary"),
            ("audit.jsonl.tmp", "temporary"),
            ("manifest.tmp", "temporary"),
            ("audit-0000000042.jsonl.tmp", "foreign"),
            ("audit-42.seg", "foreign"),
            ("audit-00000000042.seg", "foreign"),
            ("audit-+000000042.seg", "foreign"),
            ("audit-0000000000.seg", "foreign"),
            ("audit-18446744073709551615.seg", "foreign"),
            ("audit-0000000042.seg.gz", "foreign"),
            ("audit.log", "foreign"),
            ("audit.jsonl.1", "foreign"),
        ];
        for (name, expected) in cases {
            let mut listing = Listing::default();
            listing.add(OsStr::new(name), || PathBuf::from(name));
            let present = listing.segments.values().next().copied().unwrap_or_default();
            let found = [
                (listing.active, "active"),
                (listing.manifest, "manifest"),
                (present.plain, "plain"),
                (present.sealed, "sealed"),
                (present.index, "index"),
                (!listing.stated.is_empty(), "stated"),
                (!listing.temporary.is_empty(), "temporary"),
                (!listing.foreign.is_empty(), "foreign"),
            ];
            let found: Vec<_> = found.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            assert_eq!(found.join(" "), expected, "{name}");
        }
    }
}
