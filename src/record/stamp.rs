//! The `audit(SEC.MMM:SERIAL): ` that opens every record.

use thiserror::Error;

/// What joins records into an event: records of one node with equal ids are one event.
///
/// The kernel's serial number is 32 bits, restarts with every boot and wraps; only together with the time is it an id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Milliseconds since 1970, taken by the kernel at the entry of the system call.
    pub time_ms: u64,
    /// The kernel's serial number.
    pub serial: u32,
}

impl std::fmt::Display for EventId {
    /// Writes the id as the kernel does: `1700000004.100:14`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}:{}", self.time_ms / 1000, self.time_ms % 1000, self.serial)
    }
}

/// Why the opening of a record could not be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum StampError {
    /// The record does not begin with `audit(`.
    #[error("no audit( at the beginning")]
    NoAudit,
    /// The seconds are not a decimal number that a 64-bit count of milliseconds can hold.
    #[error("the seconds are not a number or too large")]
    Seconds,
    /// The milliseconds are not three decimal digits.
    #[error("the milliseconds are not three digits")]
    Millis,
    /// The serial is not a decimal number of 32 bits.
    #[error("the serial is not a 32-bit number")]
    Serial,
    /// The stamp does not end in `)`, `:` and a space.
    #[error("the stamp does not end in \"): \"")]
    End,
}

/// Appends what opens a record, as the kernel writes it: `audit(1700000004.100:14): `.
pub fn write(id: EventId, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("audit({id}): ").as_bytes());
}

/// Splits a record's text after its stamp: `audit(1700000004.100:14): arch=…` gives the id and `arch=…`.
///
/// A record without any field ends in `):`, which is accepted (EOE is written so).
pub fn split(text: &[u8]) -> Result<(EventId, &[u8]), StampError> {
    let rest = text.strip_prefix(b"audit(").ok_or(StampError::NoAudit)?;
    let (seconds, rest) = number(rest).ok_or(StampError::Seconds)?;
    let rest = rest.strip_prefix(b".").ok_or(StampError::Millis)?;
    let (millis, rest) = match rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            (u64::from(a - b'0') * 100 + u64::from(b - b'0') * 10 + u64::from(c - b'0'), rest)
        }
        _ => return Err(StampError::Millis),
    };
    let rest = rest.strip_prefix(b":").ok_or(StampError::Serial)?;
    let (serial, rest) = number(rest).ok_or(StampError::Serial)?;
    let serial = u32::try_from(serial).map_err(|_| StampError::Serial)?;
    let rest = rest.strip_prefix(b"):").ok_or(StampError::End)?;
    let body = match rest {
        [] => rest,
        [b' ', body @ ..] => body,
        _ => return Err(StampError::End),
    };
    let time_ms =
        seconds.checked_mul(1000).and_then(|ms| ms.checked_add(millis)).ok_or(StampError::Seconds)?;
    Ok((EventId { time_ms, serial }, body))
}

/// A decimal number without needless leading zeros, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value: u64 = 0;
    let mut rest = bytes;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = tail;
    }
    let digits = bytes.len() - rest.len();
    let canonical = digits == 1 || (digits > 1 && bytes.first() != Some(&b'0'));
    canonical.then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time, serial and body, or the cause.
    type Expected = Result<(u64, u32, &'static [u8]), StampError>;

    #[test]
    fn a_stamp_is_split_or_refused_for_its_cause() {
        let cases: &[(&[u8], Expected)] = &[
            (b"audit(1700000004.100:14): a=1", Ok((1_700_000_004_100, 14, b"a=1"))),
            (b"audit(0.000:0): ", Ok((0, 0, b""))),
            (b"audit(1.234:5):", Ok((1234, 5, b""))),
            (b"audit(1.234:5):x", Err(StampError::End)),
            (b"audit(1.234:5) ", Err(StampError::End)),
            (b"audit(1.23:5): ", Err(StampError::Millis)),
            (b"audit(1.2345:5): ", Err(StampError::Serial)),
            (b"audit(01.234:5): ", Err(StampError::Seconds)),
            (b"audit(1.234:4294967296): ", Err(StampError::Serial)),
            (b"audit(18446744073709551.616:1): ", Err(StampError::Seconds)),
            (b"audit(.000:1): ", Err(StampError::Seconds)),
            (b"type=SYSCALL", Err(StampError::NoAudit)),
        ];
        for (text, expected) in cases {
            let found = split(text).map(|(id, body)| (id.time_ms, id.serial, body));
            assert_eq!(found, *expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
