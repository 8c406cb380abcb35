//! Rules → auditctl's text.

use std::fmt;
use std::io::Write as _;

use super::field::{self, FILE_SYSTEMS, FILE_TYPES, Field, FieldId, Kind, PERMISSIONS};
use super::parse::is_64_bit;
use super::{Action, Condition, List, Operator, Rule, Value, split_keys, text, uring};
use crate::tables::{self, Arch};

/// How a rule is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `auditctl -l` lists it: what -w can make is written with -w.
    Listed,
    /// With -a always: reads back as the same rule on every host, whereas -w asks the host whether its path is a
    /// directory.
    Exact,
}

/// Puts an argument of a system call in words: the call's name, the argument's place, and `a0` to `a3` as far as the rule
/// tells them before it. `None` for one that is only a number.
pub type ArgumentWords<'a> = dyn Fn(&str, usize, &[u64; 4]) -> Option<String> + 'a;

impl fmt::Display for Rule {
    /// The listed form. Bytes that are not UTF-8 are replaced; [`Rule::to_text`] keeps them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_text(Form::Listed)))
    }
}

impl Rule {
    /// The rule's text, byte for byte: [`parse`](super::parse) makes of it a rule that is the same. (Not so for a rule
    /// that no text can make: one with its keys before other fields, or with a field that ktrail does not know.)
    pub fn to_text(&self, form: Form) -> Vec<u8> {
        self.text(form, None)
    }

    /// The listed form with architectures by their names, `unset` in words and the arguments of the one system call of an
    /// architecture in those of `words`, as `auditctl -l -i` lists it. Not every such text can be read back.
    pub fn interpreted(&self, words: &ArgumentWords<'_>) -> Vec<u8> {
        self.text(Form::Listed, Some(words))
    }

    fn text(&self, form: Form, words: Option<&ArgumentWords<'_>>) -> Vec<u8> {
        let mut out = Vec::new();
        match self.as_watch().filter(|_| form != Form::Exact) {
            Some((path, permissions)) => {
                out.extend_from_slice(b"-w ");
                text::escape(path, &mut out);
                put(&mut out, format_args!(" -p {}", letters(permissions)));
                self.keys().for_each(|key| word(&mut out, " -k ", key));
            }
            None => self.put_fields(words, &mut out),
        }
        out
    }

    fn put_fields(&self, words: Option<&ArgumentWords<'_>>, out: &mut Vec<u8>) {
        let option = if self.prepend { "-A" } else { "-a" };
        put(out, format_args!("{option} {},{}", self.action.name(), self.list.name()));
        // The names of system calls are those of the last architecture before -S.
        let is_arch = |condition: &Condition| condition.field == field::ARCH;
        let before = self.conditions.iter().rposition(is_arch).map_or(0, |last| last + 1);
        let (before, after) = self.conditions.split_at_checked(before).unwrap_or((&self.conditions, &[]));
        let mut interpreter = words.map(|words| Interpreter {
            words,
            call: self.only_call(before.last()),
            has_arch: before.last().is_some(),
            arguments: [0; 4],
        });
        before.iter().for_each(|condition| put_condition(condition, interpreter.as_mut(), out));
        self.put_syscalls(before.last(), out);
        after.iter().for_each(|condition| put_condition(condition, interpreter.as_mut(), out));
    }

    /// The name of the one system call of an architecture that the rule is for.
    fn only_call(&self, arch: Option<&Condition>) -> Option<&'static str> {
        let Value::Number(token) = arch?.value else { return None };
        let mut numbers = self.syscalls.numbers();
        let only = numbers.next().filter(|_| self.list == List::Exit && numbers.next().is_none());
        tables::syscall_name(Arch::from_token(token)?, only?)
    }

    /// Path and permissions if the rule is what -w makes.
    fn as_watch(&self) -> Option<(&[u8], u32)> {
        let [path, permissions, keys @ ..] = self.conditions.as_slice() else { return None };
        let (Value::Text(text), Value::Number(bits)) = (&path.value, &permissions.value) else { return None };
        let is_path = matches!(path.field, field::PATH | field::DIR);
        let plain_path = text.as_slice() == b"/" || text.starts_with(b"/") && !text.ends_with(b"/");
        let no_more = match keys {
            [] => true,
            [key] => key.field == field::KEY && key.operator == Operator::Equal,
            _ => false,
        };
        let equal = path.operator == Operator::Equal && permissions.operator == Operator::Equal;
        let is_watch = self.list == List::Exit
            && self.action == Action::Always
            && !self.prepend
            && self.syscalls.is_all()
            && (is_path && permissions.field == field::PERM && equal && *bits != 0)
            && plain_path
            && no_more;
        is_watch.then_some((text, *bits))
    }

    fn put_syscalls(&self, arch: Option<&Condition>, out: &mut Vec<u8>) {
        if !self.list.has_syscalls() || self.syscalls.is_empty() {
            return;
        }
        if self.syscalls.is_all() {
            out.extend_from_slice(b" -S all");
            return;
        }
        let arch = match arch.map(|condition| &condition.value) {
            None => Some(Arch::native()),
            Some(Value::Number(token)) => Arch::from_token(*token),
            Some(Value::Text(_)) => None,
        };
        let mut before = " -S ";
        for number in self.syscalls.numbers() {
            let name = match self.list {
                List::IoUring => uring::operation_name(number),
                // The calls of x32 have the names of others, which are those that a name stands for.
                _ => arch.and_then(|arch| {
                    tables::syscall_name(arch, number)
                        .filter(|name| tables::syscall_number(arch, name) == Some(number))
                }),
            };
            match name {
                Some(name) => put(out, format_args!("{before}{name}")),
                None => put(out, format_args!("{before}{number}")),
            }
            before = ",";
        }
    }
}

fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes all");
}

fn word(out: &mut Vec<u8>, before: &str, word: &[u8]) {
    out.extend_from_slice(before.as_bytes());
    text::escape(word, out);
}

/// What puts numbers in words.
struct Interpreter<'a> {
    words: &'a ArgumentWords<'a>,
    call: Option<&'static str>,
    has_arch: bool,
    /// The arguments told so far.
    arguments: [u64; 4],
}

fn put_condition(
    Condition { field: id, operator, value }: &Condition,
    interpreter: Option<&mut Interpreter<'_>>,
    out: &mut Vec<u8>,
) {
    let operator = operator.text();
    match (Field::from_id(*id), value) {
        (Some(field), Value::Text(keys)) if field.id == field::KEY => {
            split_keys(keys).for_each(|key| word(out, &format!(" -F key{operator}"), key));
        }
        (Some(field), Value::Text(text)) => word(out, &format!(" -F {}{operator}", field.name), text),
        (Some(field), Value::Number(number)) => match field::compared(*number) {
            Some((left, right)) if field.kind == Kind::Compare => {
                put(out, format_args!(" -C {left}{operator}{right}"));
            }
            _ => {
                let plain = || number_text(field.kind, *number);
                let text = interpreter.map_or_else(plain, |interpreter| interpreter.text(field, *number));
                put(out, format_args!(" -F {}{operator}{text}", field.name));
            }
        },
        (None, Value::Number(number)) => put(out, format_args!(" -F f{id}{operator}{number}")),
        (None, Value::Text(text)) => word(out, &format!(" -F f{id}{operator}"), text),
    }
}

impl Interpreter<'_> {
    fn text(&mut self, field: &Field, number: u32) -> String {
        match (field.kind, Arch::from_token(number)) {
            (Kind::Arch, Some(arch)) => arch.name().to_owned(),
            (Kind::LoginUser | Kind::Session, _) if number == u32::MAX => "unset".to_owned(),
            (Kind::Argument, _) => self.argument(field.id, number),
            _ => number_text(field.kind, number),
        }
    }

    fn argument(&mut self, field: FieldId, number: u32) -> String {
        let place = field.checked_sub(field::ARGUMENT_FIRST).and_then(|place| usize::try_from(place).ok());
        let told = place.and_then(|place| {
            *self.arguments.get_mut(place)? = u64::from(number);
            (self.words)(self.call?, place, &self.arguments)
        });
        // So auditctl writes the digits: in large letters for the system calls of an architecture of which it is no single one's.
        told.unwrap_or_else(|| match self.call {
            None if self.has_arch => format!("0x{number:X}"),
            _ => format!("0x{number:x}"),
        })
    }
}

pub(super) fn number_text(kind: Kind, number: u32) -> String {
    let named =
        |names: &[(&str, u32)]| names.iter().find(|entry| entry.1 == number).map(|entry| entry.0.to_owned());
    match kind {
        Kind::User | Kind::LoginUser | Kind::Group | Kind::Session => number.cast_signed().to_string(),
        Kind::Arch => arch_text(number),
        Kind::RecordType => {
            let name = u16::try_from(number).ok().and_then(tables::record_type_name);
            name.map_or_else(|| number.to_string(), str::to_owned)
        }
        Kind::Exit => exit_text(number.cast_signed()),
        Kind::Permissions => letters(number),
        Kind::FileType => named(&FILE_TYPES).unwrap_or_else(|| number.to_string()),
        Kind::FileSystem => named(&FILE_SYSTEMS).unwrap_or_else(|| number.to_string()),
        Kind::Argument => format!("0x{number:X}"),
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

/// An error by its name; a positive number is what a call has given, not an error.
fn exit_text(exit: i32) -> String {
    match tables::errno_name(exit.unsigned_abs()) {
        Some(name) if exit < 0 => format!("-{name}"),
        _ => exit.to_string(),
    }
}

fn letters(bits: u32) -> String {
    PERMISSIONS.iter().filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| *letter).collect()
}
