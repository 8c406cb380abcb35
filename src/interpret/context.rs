//! What else of an event a value's meaning depends on, and the numbers that records are written in.

use crate::event::Event;
use crate::interpret::inside;
use crate::record::RecordType;
use crate::record::fields::fields;
use crate::tables::Arch;

/// What a value's meaning depends on beside its field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The type of the record that holds the field.
    pub record: RecordType,
    /// The architecture of the event's system call.
    pub arch: Option<Arch>,
    /// The number of the event's system call.
    pub syscall: Option<u32>,
}

impl Context {
    /// The context of an event, as its first SYSCALL record tells it, else its first SECCOMP record; `record` is that
    /// record's type, or 0.
    pub fn of(event: &Event) -> Context {
        let none = Context { record: RecordType(0), arch: None, syscall: None };
        let told = |wanted| event.records().find(|(kind, _)| *kind == wanted);
        let Some((record, body)) = told(RecordType::SYSCALL).or_else(|| told(RecordType::SECCOMP)) else {
            return none;
        };
        let mut context = Context { record, ..none };
        for field in fields(body) {
            let word = inside(&field.value);
            match field.name {
                b"arch" if context.arch.is_none() => {
                    let token = hexadecimal(word).and_then(|token| u32::try_from(token).ok());
                    context.arch = token.and_then(Arch::from_token);
                }
                b"syscall" if context.syscall.is_none() => {
                    context.syscall = decimal(word).and_then(|number| u32::try_from(number).ok());
                }
                _ => {}
            }
            if context.arch.is_some() && context.syscall.is_some() {
                break;
            }
        }
        context
    }

    /// The same event, another record.
    pub fn within(self, record: RecordType) -> Context {
        Context { record, ..self }
    }
}

/// A number in decimal digits and nothing else.
pub fn decimal(word: &[u8]) -> Option<u64> {
    radix(word, 10)
}

/// A number in decimal digits, with a minus before them or not.
pub fn signed(word: &[u8]) -> Option<i64> {
    match word.strip_prefix(b"-") {
        Some(digits) => 0i64.checked_sub_unsigned(decimal(digits)?),
        None => i64::try_from(decimal(word)?).ok(),
    }
}

/// A number in hexadecimal digits, with `0x` before them or not.
pub fn hexadecimal(word: &[u8]) -> Option<u64> {
    radix(word.strip_prefix(b"0x").unwrap_or(word), 16)
}

/// A number in octal digits.
pub fn octal(word: &[u8]) -> Option<u64> {
    radix(word, 8)
}

fn radix(digits: &[u8], radix: u8) -> Option<u64> {
    let digit = |number: u64, byte: &u8| {
        let digit = char::from(*byte).to_digit(u32::from(radix))?;
        number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, digit) }
}
