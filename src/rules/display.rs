//! Rules → auditctl's text, in the form in which `auditctl -l` lists them.

use std::fmt;

use super::field::{self, FILE_SYSTEMS, FILE_TYPES, Field, Kind, PERMISSIONS};
use super::parse::is_64_bit;
use super::{Condition, KEY_SEPARATOR, List, Rule, Value, text};
use crate::tables::{self, Arch};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((path, permissions)) = self.as_watch() {
            write!(f, "-w {} -p {}", shown(path), letters(permissions))?;
            return self.keys().try_for_each(|key| write!(f, " -k {}", shown(key)));
        }
        let option = if self.prepend { "-A" } else { "-a" };
        write!(f, "{option} {},{}", self.action.name(), self.list.name())?;
        let mut arch = None;
        for condition in self.conditions.iter().filter(|condition| condition.field == field::ARCH) {
            if let Value::Number(token) = condition.value {
                arch = Arch::from_token(token);
            }
            write!(f, " -F {}", ConditionText(condition))?;
        }
        self.fmt_syscalls(arch, f)?;
        for condition in self.conditions.iter().filter(|condition| condition.field != field::ARCH) {
            match (condition.field, &condition.value) {
                (field::KEY, Value::Text(keys)) => {
                    for key in keys.split(|byte| *byte == KEY_SEPARATOR) {
                        write!(f, " -F key={}", shown(key))?;
                    }
                }
                (field::FIELD_COMPARE, _) => write!(f, " -C {}", ConditionText(condition))?,
                _ => write!(f, " -F {}", ConditionText(condition))?,
            }
        }
        Ok(())
    }
}

impl Rule {
    /// Path and permissions if the rule is what -w makes.
    fn as_watch(&self) -> Option<(&[u8], u32)> {
        let plain = self.list == List::Exit && self.action == super::Action::Always && self.syscalls.is_all();
        let mut conditions = self.conditions.iter();
        let path =
            conditions.next().filter(|condition| matches!(condition.field, field::PATH | field::DIR))?;
        let permissions = conditions.next().filter(|condition| condition.field == field::PERM)?;
        let only_key = conditions.all(|condition| condition.field == field::KEY);
        match (&path.value, &permissions.value) {
            (Value::Text(path), Value::Number(bits)) if plain && only_key && !self.prepend => {
                Some((path, *bits))
            }
            _ => None,
        }
    }

    fn fmt_syscalls(&self, arch: Option<Arch>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.list, List::Exit | List::IoUring) || self.syscalls.is_empty() {
            return Ok(());
        }
        if self.syscalls.is_all() {
            return f.write_str(" -S all");
        }
        let by_name = arch.unwrap_or(Arch::native());
        let mut before = " -S ";
        for number in self.syscalls.numbers() {
            match tables::syscall_name(by_name, number).filter(|_| self.list == List::Exit) {
                Some(name) => write!(f, "{before}{name}")?,
                None => write!(f, "{before}{number}")?,
            }
            before = ",";
        }
        Ok(())
    }
}

struct ConditionText<'a>(&'a Condition);

impl fmt::Display for ConditionText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Condition { field: id, operator, value } = self.0;
        let operator = operator.text();
        match value {
            Value::Number(number) if *id == field::FIELD_COMPARE => match field::compared(*number) {
                Some((left, right)) => write!(f, "{left}{operator}{right}"),
                None => write!(f, "f{number}{operator}?"),
            },
            Value::Number(number) => match Field::from_id(*id) {
                Some(field) => write!(f, "{}{operator}{}", field.name, number_text(field.kind, *number)),
                None => write!(f, "f{id}{operator}{number}"),
            },
            Value::Text(text) => {
                let name = Field::from_id(*id).map_or("?", |field| field.name);
                write!(f, "{name}{operator}{}", shown(text))
            }
        }
    }
}

fn number_text(kind: Kind, number: u32) -> String {
    let named =
        |names: &[(&str, u32)]| names.iter().find(|entry| entry.1 == number).map(|entry| entry.0.to_owned());
    match kind {
        Kind::User | Kind::Group | Kind::Session => number.cast_signed().to_string(),
        Kind::Arch => arch_text(number),
        Kind::RecordType => {
            let name = u16::try_from(number).ok().and_then(tables::record_type_name);
            name.map_or_else(|| number.to_string(), str::to_owned)
        }
        Kind::Exit => exit_text(number.cast_signed()),
        Kind::Permissions => letters(number),
        Kind::FileType => named(&FILE_TYPES).unwrap_or_else(|| number.to_string()),
        Kind::FileSystem => named(&FILE_SYSTEMS).unwrap_or_else(|| format!("0x{number:x}")),
        Kind::Argument => format!("0x{number:x}"),
        _ => number.to_string(),
    }
}

fn arch_text(token: u32) -> String {
    let native = Arch::native();
    match Arch::from_token(token) {
        Some(arch) if arch == native => if is_64_bit(native) { "b64" } else { "b32" }.to_owned(),
        Some(arch) if Some(arch) == native.compat() => "b32".to_owned(),
        Some(arch) => arch.name().to_owned(),
        None => format!("0x{token:X}"),
    }
}

fn exit_text(exit: i32) -> String {
    match tables::errno_name(exit.unsigned_abs()) {
        Some(name) if exit < 0 => format!("-{name}"),
        Some(name) if exit > 0 => name.to_owned(),
        _ => exit.to_string(),
    }
}

fn letters(bits: u32) -> String {
    PERMISSIONS.iter().filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| *letter).collect()
}

/// A word for the text of a rule. Bytes that are not text are replaced: the kernel keeps them, a terminal could not.
fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(&text::escape(word)).into_owned()
}
