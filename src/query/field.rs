//! The names of the searchable fields in the filter language, and what a value of each may be.

use crate::entry::field::Field;
use crate::query::nearest;

/// What the values of a field are, which decides how a value in a filter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes, compared as they are.
    Text,
    /// A decimal number of at most 64 bits.
    Number,
    /// A 32-bit id as a decimal number; `unset` and `-1` mean 4294967295, with which the kernel says "none".
    Id,
    /// The name of a record type, in capitals; a number is read as its name.
    RecordType,
    /// The name of an errno, in capitals; a number is read as its name.
    Errno,
    /// `ok` or `fail`; `yes`, `success`, `no` and `failed` are read as these.
    Result,
}

impl Kind {
    /// Whether values are numbers, so that `<`, `<=`, `>` and `>=` have a meaning.
    pub fn is_numeric(self) -> bool {
        matches!(self, Kind::Number | Kind::Id)
    }
}

/// Every searchable field with its name and kind.
pub const FIELDS: &[(Field, &str, Kind)] = &[
    (Field::Key, "key", Kind::Text),
    (Field::Exe, "exe", Kind::Text),
    (Field::Comm, "comm", Kind::Text),
    (Field::Path, "path", Kind::Text),
    (Field::Syscall, "syscall", Kind::Text),
    (Field::Type, "type", Kind::RecordType),
    (Field::Uid, "uid", Kind::Id),
    (Field::Auid, "auid", Kind::Id),
    (Field::Pid, "pid", Kind::Number),
    (Field::Ppid, "ppid", Kind::Number),
    (Field::Session, "session", Kind::Id),
    (Field::Result, "result", Kind::Result),
    (Field::Euid, "euid", Kind::Id),
    (Field::Gid, "gid", Kind::Id),
    (Field::Egid, "egid", Kind::Id),
    (Field::Terminal, "terminal", Kind::Text),
    (Field::Host, "host", Kind::Text),
    (Field::Node, "node", Kind::Text),
    (Field::Errno, "errno", Kind::Errno),
    (Field::Account, "account", Kind::Text),
    (Field::Process, "process", Kind::Text),
    (Field::Parent, "parent", Kind::Text),
    (Field::Ancestor, "ancestor", Kind::Text),
    (Field::Script, "script", Kind::Text),
    (Field::Hash, "hash", Kind::Text),
    (Field::Container, "container", Kind::Text),
    (Field::Unit, "unit", Kind::Text),
    (Field::Origin, "origin", Kind::Text),
];

/// What the audit records call a field that has another name here; only for the suggestion in an error.
const RECORD_NAMES: &[(&str, &str)] = &[
    ("acct", "account"),
    ("addr", "host"),
    ("cmd", "comm"),
    ("exit", "errno"),
    ("hostname", "host"),
    ("loginuid", "auid"),
    ("name", "path"),
    ("res", "result"),
    ("ses", "session"),
    ("success", "result"),
    ("term", "terminal"),
    ("tty", "terminal"),
];

/// The name of `field`.
pub fn name(field: Field) -> &'static str {
    FIELDS.iter().find(|(known, ..)| *known == field).map_or("", |(_, name, _)| name)
}

/// What the values of `field` are.
pub fn kind(field: Field) -> Kind {
    FIELDS.iter().find(|(known, ..)| *known == field).map_or(Kind::Text, |(.., kind)| *kind)
}

/// The field called `name`; names are lower case.
pub fn from_name(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(_, known, _)| *known == name).map(|(field, ..)| *field)
}

/// The field name that was probably meant by `name`, if one is near enough.
pub fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let renamed = RECORD_NAMES.iter().find(|(record, _)| *record == lower).map(|(_, ours)| *ours);
    renamed.or_else(|| nearest::name(&lower, FIELDS.iter().map(|(_, known, _)| *known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_under_its_own_name_only() {
        for (index, (field, text, a_kind)) in FIELDS.iter().enumerate() {
            assert_eq!(from_name(text), Some(*field));
            assert_eq!(name(*field), *text);
            assert_eq!(kind(*field), *a_kind);
            assert_eq!(*field as usize, index + 1, "the table has a line for each field, in its order");
        }
    }

    #[test]
    fn a_wrong_name_suggests_the_one_that_was_meant() {
        let cases = [
            ("keys", Some("key")),
            ("paht", Some("path")),
            ("EXE", Some("exe")),
            ("ses", Some("session")),
            ("success", Some("result")),
            ("sysall", Some("syscall")),
            ("zzzzzz", None),
            ("", None),
        ];
        for (wrong, expected) in cases {
            assert_eq!(nearest(wrong), expected, "{wrong}");
        }
    }
}
