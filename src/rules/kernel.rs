//! A rule as the kernel takes and lists it: `struct audit_rule_data` (linux/audit.h), in the host's byte order.
//!
//! netlink-packet-audit has a codec of its own; it loses the path of `exe` and what follows it, and does not know
//! `saddr_fam`. This one is checked against it for all that it can express.

use thiserror::Error;

use super::field::{self, Field};
use super::{Action, Condition, FIELDS_MAX, List, MASK_WORDS, Operator, Rule, Syscalls, Value};

/// Bytes before the strings: flags, action, number of fields, mask, fields, values, operators, length of strings.
const HEAD_BYTES: usize = 4 * (3 + MASK_WORDS + 3 * FIELDS_MAX + 1);
/// The flag that puts a rule first (`AUDIT_FILTER_PREPEND`).
const PREPEND: u32 = 0x10;

/// Why bytes are no rule.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CodecError {
    /// Fewer bytes than the fixed part has.
    #[error("the rule is shorter than its head")]
    Short,
    /// A list, action, operator or field count that is unknown.
    #[error("the rule has an unknown {0}: {1}")]
    Unknown(&'static str, u32),
    /// A field whose number is unknown: a newer kernel's.
    #[error("the rule has a field of unknown number {0}")]
    UnknownField(u32),
    /// A string that goes beyond the end.
    #[error("a string of the rule ends beyond its bytes")]
    String,
}

impl Rule {
    /// The kernel's form.
    pub fn to_kernel(&self) -> Vec<u8> {
        let prepend = if self.prepend { PREPEND } else { 0 };
        let action = match self.action {
            Action::Never => 0,
            Action::Always => 2,
        };
        let count = u32::try_from(self.conditions.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 64);
        let mut strings = Vec::new();
        let put = |bytes: &mut Vec<u8>, number: u32| bytes.extend_from_slice(&number.to_ne_bytes());
        for number in [self.list.number() | prepend, action, count].into_iter().chain(self.syscalls.0) {
            put(&mut bytes, number);
        }
        let slots = || (0..FIELDS_MAX).map(|index| self.conditions.get(index));
        for condition in slots() {
            put(&mut bytes, condition.map_or(0, |condition| condition.field));
        }
        for condition in slots() {
            put(
                &mut bytes,
                condition.map_or(0, |condition| match &condition.value {
                    Value::Number(number) => *number,
                    Value::Text(text) => {
                        strings.extend_from_slice(text);
                        u32::try_from(text.len()).unwrap_or(u32::MAX)
                    }
                }),
            );
        }
        for condition in slots() {
            put(&mut bytes, condition.map_or(0, |condition| condition.operator.number()));
        }
        put(&mut bytes, u32::try_from(strings.len()).unwrap_or(u32::MAX));
        bytes.extend_from_slice(&strings);
        bytes
    }

    /// Reads the kernel's form. Bytes after the rule, which netlink adds as padding, are passed over.
    pub fn from_kernel(bytes: &[u8]) -> Result<Rule, CodecError> {
        let (head, strings) = bytes.split_at_checked(HEAD_BYTES).ok_or(CodecError::Short)?;
        let mut numbers = head.as_chunks::<4>().0.iter().map(|chunk| u32::from_ne_bytes(*chunk));
        let mut next = || numbers.next().ok_or(CodecError::Short);
        let (flags, action, count) = (next()?, next()?, next()?);
        let list = List::ALL.iter().find(|entry| entry.1 == flags & !PREPEND).map(|entry| entry.0);
        let list = list.ok_or(CodecError::Unknown("list", flags))?;
        let action = match action {
            0 => Action::Never,
            2 => Action::Always,
            other => return Err(CodecError::Unknown("action", other)),
        };
        let count = usize::try_from(count).ok().filter(|count| *count <= FIELDS_MAX);
        let count = count.ok_or(CodecError::Unknown("number of fields", u32::MAX))?;
        let mut take =
            |into: &mut [u32]| into.iter_mut().try_for_each(|word| next().map(|number| *word = number));
        let mut syscalls = Syscalls::NONE;
        let (mut fields, mut values, mut operators) = ([0; FIELDS_MAX], [0; FIELDS_MAX], [0; FIELDS_MAX]);
        take(&mut syscalls.0)?;
        take(&mut fields)?;
        take(&mut values)?;
        take(&mut operators)?;
        let mut strings = strings;
        let mut conditions = Vec::with_capacity(count);
        for ((field, value), operator) in fields.into_iter().zip(values).zip(operators).take(count) {
            let known = Operator::ALL.iter().find(|entry| entry.1 == operator).map(|entry| entry.0);
            let operator = known.ok_or(CodecError::Unknown("operator", operator))?;
            let value = match is_text(field)? {
                false => Value::Number(value),
                true => {
                    let length = usize::try_from(value).map_err(|_| CodecError::String)?;
                    let (text, rest) = strings.split_at_checked(length).ok_or(CodecError::String)?;
                    strings = rest;
                    Value::Text(text.to_vec())
                }
            };
            conditions.push(Condition { field, operator, value });
        }
        Ok(Rule { list, action, prepend: flags & PREPEND != 0, syscalls, conditions })
    }
}

fn is_text(id: u32) -> Result<bool, CodecError> {
    if id == field::FIELD_COMPARE {
        return Ok(false);
    }
    Field::from_id(id).map(|field| field.kind.is_text()).ok_or(CodecError::UnknownField(id))
}
