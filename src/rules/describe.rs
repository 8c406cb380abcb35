//! A rule in its parts, by name, for programs.

use super::field::{self, Field};
use super::{Condition, List, Rule, Value, display, uring};
use crate::tables::{self, Arch};

/// The names of the system calls or operations, numbers where there is no name; `None` for all, or in a list without.
pub fn syscalls(rule: &Rule) -> Option<Vec<String>> {
    if rule.syscalls.is_all() || !rule.list.has_syscalls() {
        return None;
    }
    let is_arch = |condition: &&Condition| condition.field == field::ARCH;
    let arch = match rule.conditions.iter().rfind(is_arch).map(|condition| &condition.value) {
        Some(Value::Number(token)) => Arch::from_token(*token),
        _ => Some(Arch::native()),
    };
    let name = |number: u32| match rule.list {
        List::IoUring => uring::operation_name(number),
        _ => arch.and_then(|arch| tables::syscall_name(arch, number)),
    };
    let numbers = rule.syscalls.numbers();
    Some(numbers.map(|number| name(number).map_or_else(|| number.to_string(), str::to_owned)).collect())
}

/// Field, operator and value of each condition but the keys, as they stand in the text; a comparison of two fields has
/// the second in place of the value.
pub fn conditions(rule: &Rule) -> impl Iterator<Item = (String, &'static str, String)> {
    let others = rule.conditions.iter().filter(|condition| condition.field != field::KEY);
    others.map(|condition| {
        let (name, value) = parts(condition);
        (name, condition.operator.text(), value)
    })
}

/// The field's name and the value.
pub(super) fn parts(condition: &Condition) -> (String, String) {
    match (Field::from_id(condition.field), &condition.value) {
        (Some(field), Value::Text(text)) => {
            (field.name.to_owned(), String::from_utf8_lossy(text).into_owned())
        }
        (Some(field), Value::Number(number)) => match field::compared(*number) {
            Some((left, right)) if field.id == field::FIELD_COMPARE => (left.to_owned(), right.to_owned()),
            _ => (field.name.to_owned(), display::number_text(field.kind, *number)),
        },
        (None, Value::Number(number)) => (format!("f{}", condition.field), number.to_string()),
        (None, Value::Text(text)) => {
            (format!("f{}", condition.field), String::from_utf8_lossy(text).into_owned())
        }
    }
}
