//! A rule as the kernel takes and lists it: `struct audit_rule_data` (linux/audit.h), in the host's byte order.
//!
//! netlink-packet-audit has a codec of its own; it loses the path of `exe` and what follows it, does not know
//! `saddr_fam`, and panics on a full rule. This one stands behind the same traits, and is checked against it for all that
//! it can express.

use netlink_packet_core::{DecodeError, Emitable, Parseable};
use thiserror::Error;

use super::field::{self, Field, FieldId, PERMISSIONS};
use super::syscalls::{MASK_WORDS, Syscalls};
use super::{Action, Condition, FIELDS_MAX, KEY_BYTES_MAX, List, Operator, PATH_BYTES_MAX, Rule, Value};

/// Bytes before the strings: flags, action, number of fields, mask, fields, values, operators, length of the strings.
pub const HEAD_BYTES: usize = 4 * (3 + MASK_WORDS + 3 * FIELDS_MAX + 1);
/// The flag that puts a rule first (`AUDIT_FILTER_PREPEND`, linux/audit.h).
const PREPEND: u32 = 0x10;

/// Why bytes are no rule.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CodecError {
    /// Fewer bytes than the fixed part has.
    #[error("the rule has {0} bytes, fewer than the {HEAD_BYTES} of its head")]
    Short(usize),
    /// A list that is unknown.
    #[error("the rule has the unknown list {0}")]
    List(u32),
    /// An action that is unknown.
    #[error("the rule has the unknown action {0}")]
    Action(u32),
    /// An operator that is unknown.
    #[error("the rule compares its field {field} with the unknown operator 0x{operator:x}")]
    Operator {
        /// The field's number.
        field: FieldId,
        /// The operator's number.
        operator: u32,
    },
    /// More fields than a rule can have.
    #[error("the rule has {0} fields, more than {FIELDS_MAX}")]
    FieldCount(u32),
    /// More bytes of strings announced than there are.
    #[error("the rule says it has {said} bytes of strings, and has {has}")]
    StringBytes {
        /// Announced.
        said: u32,
        /// Present.
        has: usize,
    },
    /// A string that goes beyond the end.
    #[error("the string of the rule's field {0} ends beyond the rule's strings")]
    String(FieldId),
    /// A string longer than the kernel takes.
    #[error("the string of the rule's field {field} has {bytes} bytes, more than {max}")]
    LongString {
        /// The field's number.
        field: FieldId,
        /// The string's length.
        bytes: u32,
        /// What the kernel takes.
        max: usize,
    },
    /// Bits of permissions beside those of r, w, x and a.
    #[error("the rule has the unknown permissions 0x{0:x}")]
    Permissions(u32),
    /// Strings that belong to no field: a newer kernel's field whose number is not known to be a string's.
    #[error("{0} bytes of the rule's strings belong to no known field")]
    LeftOver(usize),
}

impl Rule {
    /// The kernel's form, without the zeros that netlink puts after it.
    pub fn to_kernel(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.buffer_len());
        let mut put = |number: u32| bytes.extend_from_slice(&number.to_ne_bytes());
        put(self.list.number() | if self.prepend { PREPEND } else { 0 });
        put(self.action.number());
        put(small(self.conditions.len()));
        self.syscalls.0.into_iter().for_each(&mut put);
        let slots = || (0..FIELDS_MAX).map(|index| self.conditions.get(index));
        slots().for_each(|slot| put(slot.map_or(0, |condition| condition.field)));
        slots().for_each(|slot| {
            put(match slot.map(|condition| &condition.value) {
                None => 0,
                Some(Value::Number(number)) => *number,
                Some(Value::Text(text)) => small(text.len()),
            });
        });
        slots().for_each(|slot| put(slot.map_or(0, |condition| condition.operator.number())));
        put(small(self.strings().map(<[u8]>::len).sum()));
        self.strings().for_each(|text| bytes.extend_from_slice(text));
        bytes
    }

    /// Reads the kernel's form. What netlink adds after the strings is passed over. A field of a newer kernel is kept as
    /// a number.
    pub fn from_kernel(bytes: &[u8]) -> Result<Rule, CodecError> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(CodecError::Short(bytes.len()))?;
        let mut numbers = head.as_chunks::<4>().0.iter().map(|chunk| u32::from_ne_bytes(*chunk));
        let mut next = || numbers.next().ok_or(CodecError::Short(bytes.len()));
        let (flags, action, count) = (next()?, next()?, next()?);
        let mut take =
            |into: &mut [u32]| into.iter_mut().try_for_each(|word| next().map(|number| *word = number));
        let mut syscalls = Syscalls::NONE;
        let (mut fields, mut values, mut operators) = ([0; FIELDS_MAX], [0; FIELDS_MAX], [0; FIELDS_MAX]);
        take(&mut syscalls.0)?;
        take(&mut fields)?;
        take(&mut values)?;
        take(&mut operators)?;
        let said = next()?;
        let strings = usize::try_from(said).ok().and_then(|length| rest.get(..length));
        let mut strings = strings.ok_or(CodecError::StringBytes { said, has: rest.len() })?;

        let list = List::ALL.iter().find(|entry| entry.1 == flags & !PREPEND).map(|entry| entry.0);
        let known = Action::ALL.iter().find(|entry| entry.1 == action).map(|entry| entry.0);
        let used = usize::try_from(count).ok().filter(|count| *count <= FIELDS_MAX);
        let used = used.ok_or(CodecError::FieldCount(count))?;
        let mut conditions = Vec::with_capacity(used);
        for ((field, value), operator) in fields.into_iter().zip(values).zip(operators).take(used) {
            conditions.push(condition(field, value, operator, &mut strings)?);
        }
        if !strings.is_empty() {
            return Err(CodecError::LeftOver(strings.len()));
        }
        Ok(Rule {
            list: list.ok_or(CodecError::List(flags))?,
            action: known.ok_or(CodecError::Action(action))?,
            prepend: flags & PREPEND != 0,
            syscalls,
            conditions,
        })
    }

    fn strings(&self) -> impl Iterator<Item = &[u8]> {
        self.conditions.iter().filter_map(|condition| match &condition.value {
            Value::Text(text) => Some(text.as_slice()),
            Value::Number(_) => None,
        })
    }
}

fn condition(
    field: FieldId,
    value: u32,
    operator: u32,
    strings: &mut &[u8],
) -> Result<Condition, CodecError> {
    let permissions = PERMISSIONS.iter().fold(0, |bits, (_, bit)| bits | bit);
    if field == field::PERM && value & !permissions != 0 {
        return Err(CodecError::Permissions(value));
    }
    let known = Operator::ALL.iter().find(|entry| entry.1 == operator).map(|entry| entry.0);
    let operator = known.ok_or(CodecError::Operator { field, operator })?;
    let value = if Field::from_id(field).is_some_and(|field| field.kind.is_text()) {
        let length = usize::try_from(value).map_err(|_| CodecError::String(field))?;
        let max = if field == field::KEY { KEY_BYTES_MAX } else { PATH_BYTES_MAX };
        if length > max {
            return Err(CodecError::LongString { field, bytes: value, max });
        }
        let (text, rest) = strings.split_at_checked(length).ok_or(CodecError::String(field))?;
        *strings = rest;
        Value::Text(text.to_vec())
    } else {
        Value::Number(value)
    };
    Ok(Condition { field, operator, value })
}

/// A count or length of a rule, which has few of them.
fn small(count: usize) -> u32 {
    u32::try_from(count).expect("a rule has at most 64 strings of at most 4096 bytes")
}

impl Emitable for Rule {
    fn buffer_len(&self) -> usize {
        HEAD_BYTES + self.strings().map(<[u8]>::len).sum::<usize>()
    }

    fn emit(&self, buffer: &mut [u8]) {
        let bytes = self.to_kernel();
        let place = buffer.get_mut(..bytes.len()).expect("the caller's buffer has buffer_len() bytes");
        place.copy_from_slice(&bytes);
    }
}

/// The payload of a message that holds a rule: `AUDIT_LIST_RULES`, `AUDIT_ADD_RULE` or `AUDIT_DEL_RULE`.
#[derive(Clone, Copy, Debug)]
pub struct RuleBuffer<T>(pub T);

impl<T: AsRef<[u8]>> Parseable<RuleBuffer<T>> for Rule {
    fn parse(buffer: &RuleBuffer<T>) -> Result<Self, DecodeError> {
        Rule::from_kernel(buffer.0.as_ref()).map_err(|error| DecodeError::from(error.to_string()))
    }
}
