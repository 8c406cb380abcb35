//! A rule in the making: from the option that begins it to the last that belongs to it.

use super::value;
use crate::rules::error::{Cause, RuleError, Warning};
use crate::rules::field::{self, Field};
use crate::rules::host::Host;
use crate::rules::syscalls::Syscalls;
use crate::rules::text::Word;
use crate::rules::{
    Action, Condition, FIELDS_MAX, KEY_BYTES_MAX, KEY_SEPARATOR, List, Operator, Rule, Value, uring,
};
use crate::tables::{self, Arch};

/// A rule in the making.
pub(super) struct Draft {
    add: bool,
    watch: bool,
    rule: Rule,
    arch: Option<Arch>,
    syscalls_given: bool,
    permissions: Option<u32>,
    keys: Vec<u8>,
    has_key: bool,
    /// The last word, for what is wrong with the rule as a whole.
    last: Word,
}

impl Draft {
    pub(super) fn begin(
        option: &Word,
        argument: &Word,
        host: &impl Host,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Draft>, RuleError> {
        let mut draft = Draft {
            add: !matches!(option.text.as_slice(), b"-W" | b"-d"),
            watch: matches!(option.text.as_slice(), b"-w" | b"-W"),
            rule: Rule {
                list: List::Exit,
                action: Action::Always,
                prepend: option.text == b"-A",
                syscalls: Syscalls::NONE,
                conditions: Vec::new(),
            },
            arch: None,
            syscalls_given: false,
            permissions: None,
            keys: Vec::new(),
            has_key: false,
            last: argument.clone(),
        };
        match option.text.as_slice() {
            b"-w" | b"-W" => {
                let path = value::path(argument, value::without_final_slashes(&argument.text), warnings)?;
                let is_directory = host.is_directory(&path);
                if !is_directory && !host.exists(&path) {
                    warnings.push(if value::has_parent(&path, host) {
                        Warning::Missing
                    } else {
                        Warning::NoParent
                    });
                }
                let field = if is_directory { field::DIR } else { field::PATH };
                let value = Value::Text(path);
                draft.rule.conditions.push(Condition { field, operator: Operator::Equal, value });
            }
            b"-a" | b"-A" | b"-d" => (draft.rule.list, draft.rule.action) = list_and_action(argument)?,
            _ => return Ok(None),
        }
        Ok(Some(draft))
    }

    pub(super) fn take(
        &mut self,
        option: &Word,
        argument: &Word,
        host: &impl Host,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), RuleError> {
        self.last = argument.clone();
        match option.text.as_slice() {
            b"-k" if !Field::from_id(field::KEY).is_some_and(|key| key.fits(self.rule.list)) => {
                Err(RuleError::new(Cause::WrongList { field: "key", list: self.rule.list.name() }, argument))
            }
            b"-k" => self.key(argument, &argument.text),
            b"-p" if self.watch => {
                self.permissions = Some(value::permissions(argument, &argument.text)?);
                Ok(())
            }
            b"-p" => Err(RuleError::new(Cause::PermissionsNeedWatch, option)),
            _ if self.watch => Err(RuleError::new(Cause::NotInWatch, option)),
            b"-S" => self.syscalls(argument),
            b"-C" => self.comparison(argument),
            _ => self.field(argument, host, warnings),
        }
    }

    fn key(&mut self, word: &Word, key: &[u8]) -> Result<(), RuleError> {
        if self.rule.conditions.is_empty() && !self.syscalls_given {
            return Err(RuleError::new(Cause::LoneKey, word));
        }
        if key.is_empty() {
            return Err(RuleError::new(Cause::EmptyKey, word));
        }
        if key.iter().any(|byte| matches!(*byte, 0 | KEY_SEPARATOR)) {
            return Err(RuleError::new(Cause::KeyByte, word));
        }
        if std::mem::replace(&mut self.has_key, true) {
            self.keys.push(KEY_SEPARATOR);
        }
        self.keys.extend_from_slice(key);
        match self.keys.len() {
            0..=KEY_BYTES_MAX => Ok(()),
            length => Err(RuleError::new(Cause::LongKey(length), word)),
        }
    }

    fn syscalls(&mut self, word: &Word) -> Result<(), RuleError> {
        let list = self.rule.list;
        if !list.has_syscalls() {
            return Err(RuleError::new(Cause::NoSyscalls(list.name()), word));
        }
        self.syscalls_given = true;
        let mut at = word.at;
        for name in word.text.split(|byte| *byte == b',') {
            let word = &Word { text: name.to_vec(), at };
            at += name.len() + 1;
            let name = std::str::from_utf8(name).map_err(|_| RuleError::new(Cause::NotText, word))?;
            if name == "all" {
                self.rule.syscalls = Syscalls::ALL;
                continue;
            }
            let number = value::unsigned(name).or_else(|| self.named(&name.to_ascii_lowercase()));
            let number = number.ok_or_else(|| RuleError::new(self.unknown_syscall(), word))?;
            // All of them hold the number already, and adding one would not make them fewer.
            if !self.rule.syscalls.add(number) {
                return Err(RuleError::new(Cause::SyscallNumber, word));
            }
        }
        Ok(())
    }

    /// The number of a system call, or in the list `io_uring` of an operation.
    fn named(&self, name: &str) -> Option<u32> {
        match self.rule.list {
            List::IoUring => uring::operation_number(name),
            _ => tables::syscall_number(self.arch.unwrap_or(Arch::native()), name),
        }
    }

    fn unknown_syscall(&self) -> Cause {
        match self.rule.list {
            List::IoUring => Cause::UnknownSyscall { arch: "io_uring" },
            _ => Cause::UnknownSyscall { arch: self.arch.unwrap_or(Arch::native()).name() },
        }
    }

    fn comparison(&mut self, word: &Word) -> Result<(), RuleError> {
        if !self.rule.list.has_syscalls() {
            return Err(RuleError::new(Cause::WrongList { field: "-C", list: self.rule.list.name() }, word));
        }
        let (left, operator, right) = operator_split(word)?;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let right = std::str::from_utf8(right).map_err(|_| RuleError::new(Cause::NotText, word))?;
        if !equality {
            return Err(RuleError::new(Cause::BadOperator { field: "-C", operator: operator.text() }, word));
        }
        let number =
            field::comparison(left, right).ok_or_else(|| RuleError::new(Cause::Incomparable, word))?;
        self.push(word, Condition { field: field::FIELD_COMPARE, operator, value: Value::Number(number) })
    }

    fn field(&mut self, word: &Word, host: &impl Host, warnings: &mut Vec<Warning>) -> Result<(), RuleError> {
        let (name, operator, text) = operator_split(word)?;
        let field = Field::from_name(name).ok_or_else(|| RuleError::new(Cause::UnknownField, word))?;
        if !field.fits(self.rule.list) {
            return Err(RuleError::new(
                Cause::WrongList { field: field.name, list: self.rule.list.name() },
                word,
            ));
        }
        if !field.knows(operator) {
            return Err(RuleError::new(
                Cause::BadOperator { field: field.name, operator: operator.text() },
                word,
            ));
        }
        if field.id == field::KEY {
            return self.key(word, text);
        }
        if field.id == field::ARCH {
            if self.syscalls_given {
                return Err(RuleError::new(Cause::ArchAfterSyscall, word));
            }
            self.arch = Some(value::arch(word, text)?);
        }
        self.has_room_for(field, word)?;
        if !field.is_tested(self.rule.list) {
            warnings.push(Warning::NeverMatches { field: field.name, list: self.rule.list.name() });
        }
        let value = value::value(field, word, text, host, warnings)?;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        // The kernel makes another field of it, which knows no order.
        if field.id == field::AUID && value == Value::Number(u32::MAX) && !equality {
            return Err(RuleError::new(Cause::UnsetHasNoOrder, word));
        }
        self.push(word, Condition { field: field.id, operator, value })
    }

    /// Refuses a second field of those that the kernel takes once.
    fn has_room_for(&self, field: &Field, word: &Word) -> Result<(), RuleError> {
        let mut known = self.rule.conditions.iter().filter_map(|condition| Field::from_id(condition.field));
        match known.find(|known| known.id == field.id || known.ties_to_file() && field.ties_to_file()) {
            Some(known) if known.id != field.id => Err(RuleError::new(Cause::TwoFiles(field.name), word)),
            Some(known) if known.ties_to_file() || known.id == field::EXE => {
                Err(RuleError::new(Cause::Twice(field.name), word))
            }
            _ => Ok(()),
        }
    }

    fn push(&mut self, word: &Word, condition: Condition) -> Result<(), RuleError> {
        if self.rule.conditions.len() >= FIELDS_MAX {
            return Err(RuleError::new(Cause::TooManyFields, word));
        }
        self.rule.conditions.push(condition);
        Ok(())
    }

    pub(super) fn finish(mut self, warnings: &mut Vec<Warning>) -> Result<(bool, Rule), RuleError> {
        let last = self.last.clone();
        if self.watch {
            let value = Value::Number(self.permissions.unwrap_or(15));
            self.push(&last, Condition { field: field::PERM, operator: Operator::Equal, value })?;
        }
        // Without -S a rule is for every system call; only the list of tasks has none.
        if !self.syscalls_given && self.rule.list != List::Task {
            self.rule.syscalls = Syscalls::ALL;
        }
        let some = self.syscalls_given && !self.rule.syscalls.is_all() && self.rule.list == List::Exit;
        if some && self.arch.is_none() && Arch::native().compat().is_some() {
            warnings.push(Warning::SyscallsWithoutArch);
        }
        if self.has_key {
            let value = Value::Text(std::mem::take(&mut self.keys));
            self.push(&last, Condition { field: field::KEY, operator: Operator::Equal, value })?;
        }
        Ok((self.add, self.rule))
    }
}

fn list_and_action(word: &Word) -> Result<(List, Action), RuleError> {
    let text = std::str::from_utf8(&word.text).map_err(|_| RuleError::new(Cause::NotText, word))?;
    let (left, right) = text.split_once(',').ok_or_else(|| RuleError::new(Cause::ListAndAction, word))?;
    let list = |name: &str| List::ALL.iter().find(|entry| entry.2 == name).map(|entry| entry.0);
    let action =
        |name: &str| [Action::Never, Action::Always].into_iter().find(|action| action.name() == name);
    let found = list(left).zip(action(right)).or_else(|| list(right).zip(action(left)));
    found.ok_or_else(|| RuleError::new(Cause::UnknownListOrAction, word))
}

/// The parts of `name` `operator` `value`.
fn operator_split(word: &Word) -> Result<(&str, Operator, &[u8]), RuleError> {
    let at = word
        .text
        .iter()
        .position(|byte| b"=!<>&".contains(byte))
        .ok_or_else(|| RuleError::new(Cause::NoOperator, word))?;
    let (name, rest) = word.text.split_at(at);
    let name = std::str::from_utf8(name).map_err(|_| RuleError::new(Cause::NotText, word))?;
    let known = Operator::ALL
        .iter()
        .find_map(|(operator, _, text)| rest.strip_prefix(text.as_bytes()).map(|value| (*operator, value)));
    let (operator, value) = known.ok_or_else(|| RuleError::new(Cause::NoOperator, word))?;
    Ok((name, operator, value))
}
