//! One line of an auditd log: `[node=HOST ]type=NAME msg=audit(SEC.MMM:SERIAL): BODY`, with an ENRICHED tail or without.

use thiserror::Error;

use crate::record::RecordType;
use crate::record::stamp::{self, EventId, StampError};

/// What auditd's ENRICHED format puts between a record and the names it adds.
pub const ENRICHED_SEPARATOR: u8 = 0x1d;

/// The parts of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The host after `node=`, where the log names it.
    pub node: Option<&'a [u8]>,
    /// The record's type.
    pub kind: RecordType,
    /// Whether the type is given as `UNKNOWN[n]` though it has a name, which the log's writer did not know.
    pub unnamed: bool,
    /// Time and serial.
    pub id: EventId,
    /// The text after the stamp, without the tail.
    pub body: &'a [u8],
    /// The names that the ENRICHED format adds, e.g. `UID="root" ARCH=x86_64`; empty in RAW format.
    pub names: &'a [u8],
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LineError {
    /// There is no `type=` at the beginning or after `node=…`.
    #[error("no type= at the beginning")]
    NoType,
    /// The type is neither a known name nor `UNKNOWN[n]`.
    #[error("the record type is not known")]
    UnknownType,
    /// No `msg=` follows the type.
    #[error("no msg= after the type")]
    NoMessage,
    /// The stamp is broken.
    #[error(transparent)]
    Stamp(#[from] StampError),
}

/// Splits a line, given without its newline.
pub fn split(line: &[u8]) -> Result<Line<'_>, LineError> {
    let (node, rest) = match line.strip_prefix(b"node=") {
        Some(rest) => {
            let end = memchr::memchr(b' ', rest).ok_or(LineError::NoType)?;
            let (node, rest) = rest.split_at(end);
            (Some(node), rest.strip_prefix(b" ").unwrap_or(rest))
        }
        None => (None, line),
    };
    let rest = rest.strip_prefix(b"type=").ok_or(LineError::NoType)?;
    let end = memchr::memchr(b' ', rest).ok_or(LineError::NoMessage)?;
    let (name, rest) = rest.split_at(end);
    let kind = RecordType::from_text(name).ok_or(LineError::UnknownType)?;
    let rest = rest.strip_prefix(b" msg=").ok_or(LineError::NoMessage)?;
    let (text, names) =
        match memchr::memchr(ENRICHED_SEPARATOR, rest).and_then(|at| rest.split_at_checked(at)) {
            Some((text, names)) => (text, names.strip_prefix(&[ENRICHED_SEPARATOR]).unwrap_or(names)),
            None => (rest, &[][..]),
        };
    let (id, body) = stamp::split(text)?;
    Ok(Line { node, kind, unnamed: is_unnamed(name, kind), id, body, names })
}

/// Whether the text of a type is a number's though the type has a name.
pub fn is_unnamed(text: &[u8], kind: RecordType) -> bool {
    text.starts_with(b"UNKNOWN[") && kind.name().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_into_its_parts() {
        let line = b"node=web1 type=SYSCALL msg=audit(1700000000.100:10): arch=c000003e\x1dARCH=x86_64";
        let expected = Line {
            node: Some(b"web1"),
            kind: RecordType::SYSCALL,
            unnamed: false,
            id: EventId { time_ms: 1_700_000_000_100, serial: 10 },
            body: b"arch=c000003e",
            names: b"ARCH=x86_64",
        };
        assert_eq!(split(line), Ok(expected));
        let unknown =
            split(b"type=UNKNOWN[1423] msg=audit(1.000:1): a=b").expect("an unknown type is a type");
        assert_eq!((unknown.kind, unknown.node, unknown.names), (RecordType(1423), None, &b""[..]));
        for (number, unnamed) in [(1300, true), (1299, false)] {
            let line = format!("type=UNKNOWN[{number}] msg=audit(1.000:1): a=b");
            assert_eq!(split(line.as_bytes()).map(|line| line.unnamed), Ok(unnamed), "{number}");
        }
    }

    /// `type=UNKNOWN[+5]` was read as type 5, so that an imported log came back with another text. It is no record now, and
    /// kept as it is.
    #[test]
    fn a_types_number_is_read_in_its_shortest_form_only() {
        for name in ["UNKNOWN[+5]", "UNKNOWN[005]", "UNKNOWN[00]", "UNKNOWN[65536]", "UNKNOWN[]"] {
            let line = format!("type={name} msg=audit(1.000:1): a=b");
            assert_eq!(split(line.as_bytes()).map(|line| line.kind), Err(LineError::UnknownType), "{line}");
        }
        let zero = split(b"type=UNKNOWN[0] msg=audit(1.000:1): a=b").map(|line| line.kind);
        assert_eq!(zero, Ok(RecordType(0)));
    }

    #[test]
    fn a_broken_line_is_refused_for_its_cause() {
        let cases: &[(&[u8], LineError)] = &[
            (b"", LineError::NoType),
            (b"node=x", LineError::NoType),
            (b"hello", LineError::NoType),
            (b"type=SYSCALL", LineError::NoMessage),
            (b"type=NOSUCH msg=audit(1.000:1): ", LineError::UnknownType),
            (b"type=SYSCALL mgs=audit(1.000:1): ", LineError::NoMessage),
            (b"type=SYSCALL msg=audit(1.000): ", LineError::Stamp(StampError::Serial)),
        ];
        for (line, expected) in cases {
            assert_eq!(split(line), Err(*expected), "{}", String::from_utf8_lossy(line));
        }
    }
}
