//! auditctl's text → rules, checked as far as can be without the kernel.

mod value;

pub(super) use value::is_64_bit;

use super::error::{Cause, RuleError, Warning};
use super::field::{self, Field};
use super::host::Host;
use super::text::{self, Word};
use super::{
    Action, Condition, FIELDS_MAX, KEY_BYTES_MAX, KEY_SEPARATOR, List, Operator, Rule, Syscalls, Value,
};
use crate::tables::{self, Arch};

/// A setting of the audit subsystem that stands in a rules file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `-e`: 0 off, 1 on, 2 locked until the next boot.
    Enabled(u32),
    /// `-f`: what to do on loss: 0 nothing, 1 print, 2 panic.
    Failure(u32),
    /// `-r`: messages a second at most, 0 for no limit.
    RateLimit(u32),
    /// `-b`: messages queued at most.
    BacklogLimit(u32),
    /// `--backlog_wait_time`: longest time to hold a producer back, in clock ticks.
    BacklogWaitTime(u32),
    /// `--loginuid-immutable`: a login uid once set cannot be changed.
    LoginUidImmutable,
    /// `-c`: go on after a rule that fails.
    Continue,
    /// `-i`: take no notice of rules that fail.
    IgnoreErrors,
}

/// What a line of a rules file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A blank line or a comment.
    Blank,
    /// `-w`, `-a` or `-A`.
    Add(Rule),
    /// `-W` or `-d`.
    Delete(Rule),
    /// `-D`, of one key only with `-k`.
    DeleteAll {
        /// The key.
        key: Option<Vec<u8>>,
    },
    /// A setting.
    Control(Control),
}

/// Reads one line of a rules file.
pub fn line(text: &[u8], host: &impl Host) -> Result<(Line, Vec<Warning>), RuleError> {
    let words = text::words(text);
    let Some(first) = words.first() else { return Ok((Line::Blank, Vec::new())) };
    if let Some(line) = control(first, &words)? {
        return Ok((line, Vec::new()));
    }
    let (mut rules, warnings) = rules(&words, host)?;
    match (rules.pop(), rules.is_empty()) {
        (Some((true, rule)), true) => Ok((Line::Add(rule), warnings)),
        (Some((false, rule)), true) => Ok((Line::Delete(rule), warnings)),
        _ => Err(refused(Cause::TwoRules, first)),
    }
}

/// A place in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The byte in the line.
    pub column: usize,
}

/// What a rules file says: its lines with their numbers, and all that is wrong with the others.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The lines that say something, with their number from 1.
    pub lines: Vec<(usize, Line)>,
    /// What is allowed but likely not meant.
    pub warnings: Vec<(Place, Warning)>,
    /// What is wrong.
    pub errors: Vec<(Place, RuleError)>,
}

/// Reads a rules file to its end, whatever is wrong with a line.
pub fn file(text: &[u8], host: &impl Host) -> File {
    let mut file = File::default();
    for (number, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        match line(text, host) {
            Ok((Line::Blank, _)) => {}
            Ok((line, warnings)) => {
                file.lines.push((number, line));
                let place = Place { line: number, column: 1 };
                file.warnings.extend(warnings.into_iter().map(|warning| (place, warning)));
            }
            Err(error) => file.errors.push((Place { line: number, column: error.at + 1 }, error)),
        }
    }
    file
}

/// Reads rules from the arguments of a command line, each begun by -w, -a or -A.
pub fn command_line(words: &[Word], host: &impl Host) -> Result<(Vec<Rule>, Vec<Warning>), RuleError> {
    let (rules, warnings) = rules(words, host)?;
    let mut added = Vec::with_capacity(rules.len());
    for (add, rule) in rules {
        match (add, words.first()) {
            (true, _) | (_, None) => added.push(rule),
            (false, Some(first)) => return Err(refused(Cause::UnknownOption, first)),
        }
    }
    Ok((added, warnings))
}

/// The options that begin or belong to a rule, each with one value.
pub const RULE_OPTIONS: [&str; 10] = ["-w", "-W", "-a", "-A", "-d", "-p", "-k", "-S", "-F", "-C"];

fn refused(cause: Cause, word: &Word) -> RuleError {
    RuleError { cause, word: word.text.clone(), at: word.at }
}

fn control(first: &Word, words: &[Word]) -> Result<Option<Line>, RuleError> {
    let number = |from: u32, to: u32| -> Result<u32, RuleError> {
        let word = words.get(1).ok_or_else(|| refused(Cause::NoValue, first))?;
        let number = std::str::from_utf8(&word.text).ok().and_then(|text| text.parse().ok());
        number
            .filter(|number| (from..=to).contains(number))
            .ok_or_else(|| refused(Cause::NotANumber { from, to }, word))
    };
    let (control, words_used) = match first.text.as_slice() {
        b"-e" => (Control::Enabled(number(0, 2)?), 2),
        b"-f" => (Control::Failure(number(0, 2)?), 2),
        b"-r" => (Control::RateLimit(number(0, u32::MAX)?), 2),
        b"-b" => (Control::BacklogLimit(number(0, u32::MAX)?), 2),
        b"--backlog_wait_time" => (Control::BacklogWaitTime(number(0, u32::MAX)?), 2),
        b"--loginuid-immutable" => (Control::LoginUidImmutable, 1),
        b"-c" => (Control::Continue, 1),
        b"-i" => (Control::IgnoreErrors, 1),
        b"-D" => return delete_all(words).map(Some),
        option if RULE_OPTIONS.iter().any(|known| known.as_bytes() == option) => return Ok(None),
        b"-R" | b"-l" | b"-s" | b"-v" | b"-h" | b"-t" | b"-q" | b"-m" | b"--signal" | b"--reset-lost" => {
            return Err(refused(Cause::NotInFile, first));
        }
        _ => return Err(refused(Cause::UnknownOption, first)),
    };
    match words.get(words_used) {
        Some(extra) => Err(refused(Cause::UnknownOption, extra)),
        None => Ok(Some(Line::Control(control))),
    }
}

fn delete_all(words: &[Word]) -> Result<Line, RuleError> {
    match words {
        [_] => Ok(Line::DeleteAll { key: None }),
        [_, option, key] if option.text == b"-k" => Ok(Line::DeleteAll { key: Some(key.text.clone()) }),
        [_, option, ..] => Err(refused(Cause::UnknownOption, option)),
        [] => Ok(Line::Blank),
    }
}

/// Rules, each with whether it is to be added, and what is likely not meant.
type Rules = (Vec<(bool, Rule)>, Vec<Warning>);

/// The rules that the words make.
fn rules(words: &[Word], host: &impl Host) -> Result<Rules, RuleError> {
    let mut rules = Vec::new();
    let mut warnings = Vec::new();
    let mut open: Option<Draft> = None;
    let mut rest = words.iter();
    while let Some(option) = rest.next() {
        if !RULE_OPTIONS.iter().any(|known| known.as_bytes() == option.text) {
            return Err(refused(Cause::UnknownOption, option));
        }
        let argument = rest.next().ok_or_else(|| refused(Cause::NoValue, option))?;
        if let Some(begun) = Draft::begin(option, argument, host, &mut warnings)? {
            if let Some(draft) = open.replace(begun) {
                rules.push(draft.finish(&mut warnings)?);
            }
            continue;
        }
        let draft = open.as_mut().ok_or_else(|| refused(Cause::NoRule, option))?;
        draft.take(option, argument, host, &mut warnings)?;
    }
    if let Some(draft) = open {
        rules.push(draft.finish(&mut warnings)?);
    }
    Ok((rules, warnings))
}

/// A rule in the making.
struct Draft {
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
    fn begin(
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
                let path = value::path(argument, &argument.text, warnings)?;
                let field = if host.is_directory(&path) { field::DIR } else { field::PATH };
                let value = Value::Text(path);
                draft.rule.conditions.push(Condition { field, operator: Operator::Equal, value });
            }
            b"-a" | b"-A" | b"-d" => (draft.rule.list, draft.rule.action) = list_and_action(argument)?,
            _ => return Ok(None),
        }
        Ok(Some(draft))
    }

    fn take(
        &mut self,
        option: &Word,
        argument: &Word,
        host: &impl Host,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), RuleError> {
        self.last = argument.clone();
        match option.text.as_slice() {
            b"-k" => self.key(argument, &argument.text),
            b"-p" if self.watch => {
                self.permissions = Some(value::permissions(argument, &argument.text)?);
                Ok(())
            }
            b"-p" => Err(refused(Cause::PermissionsNeedWatch, option)),
            _ if self.watch => Err(refused(Cause::NotInWatch, option)),
            b"-S" => self.syscalls(argument),
            b"-C" => self.comparison(argument),
            _ => self.field(argument, host, warnings),
        }
    }

    fn key(&mut self, word: &Word, key: &[u8]) -> Result<(), RuleError> {
        if self.rule.conditions.is_empty() && !self.syscalls_given {
            return Err(refused(Cause::LoneKey, word));
        }
        if std::mem::replace(&mut self.has_key, true) {
            self.keys.push(KEY_SEPARATOR);
        }
        self.keys.extend_from_slice(key);
        match self.keys.len() {
            0..=KEY_BYTES_MAX => Ok(()),
            length => Err(refused(Cause::LongKey(length), word)),
        }
    }

    fn syscalls(&mut self, word: &Word) -> Result<(), RuleError> {
        if !matches!(self.rule.list, List::Exit | List::IoUring) {
            return Err(refused(Cause::NoSyscalls(self.rule.list.name()), word));
        }
        self.syscalls_given = true;
        let arch = self.arch.unwrap_or(Arch::native());
        for name in word.text.split(|byte| *byte == b',') {
            let name = std::str::from_utf8(name).map_err(|_| refused(Cause::NotText, word))?;
            if name == "all" {
                self.rule.syscalls = Syscalls::ALL;
                continue;
            }
            let number = match name.parse() {
                Ok(number) => number,
                Err(_) if self.rule.list == List::IoUring => {
                    return Err(refused(Cause::UnknownSyscall { arch: "io_uring" }, word));
                }
                Err(_) => tables::syscall_number(arch, name)
                    .ok_or_else(|| refused(Cause::UnknownSyscall { arch: arch.name() }, word))?,
            };
            if !self.rule.syscalls.add(number) {
                return Err(refused(Cause::SyscallNumber, word));
            }
        }
        Ok(())
    }

    fn comparison(&mut self, word: &Word) -> Result<(), RuleError> {
        if !matches!(self.rule.list, List::Exit | List::IoUring) {
            return Err(refused(Cause::WrongList { field: "-C", list: self.rule.list.name() }, word));
        }
        let (left, operator, right) = operator_split(word)?;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let right = std::str::from_utf8(right).map_err(|_| refused(Cause::NotText, word))?;
        if !equality {
            return Err(refused(Cause::BadOperator { field: "-C", operator: operator.text() }, word));
        }
        let number = field::comparison(left, right).ok_or_else(|| refused(Cause::Incomparable, word))?;
        self.push(word, Condition { field: field::FIELD_COMPARE, operator, value: Value::Number(number) })
    }

    fn field(&mut self, word: &Word, host: &impl Host, warnings: &mut Vec<Warning>) -> Result<(), RuleError> {
        let (name, operator, text) = operator_split(word)?;
        let field = Field::from_name(name).ok_or_else(|| refused(Cause::UnknownField, word))?;
        if !field.fits(self.rule.list) {
            return Err(refused(Cause::WrongList { field: field.name, list: self.rule.list.name() }, word));
        }
        if !field.knows(operator) {
            return Err(refused(Cause::BadOperator { field: field.name, operator: operator.text() }, word));
        }
        if field.id == field::KEY {
            return self.key(word, text);
        }
        if field.id == field::ARCH {
            if self.syscalls_given {
                return Err(refused(Cause::ArchAfterSyscall, word));
            }
            self.arch = Some(value::arch(word, text)?);
        }
        if field.is_single() && self.rule.conditions.iter().any(|known| known.field == field.id) {
            return Err(refused(Cause::Twice(field.name), word));
        }
        let value = value::value(field, word, text, host, warnings)?;
        self.push(word, Condition { field: field.id, operator, value })
    }

    fn push(&mut self, word: &Word, condition: Condition) -> Result<(), RuleError> {
        if self.rule.conditions.len() >= FIELDS_MAX {
            return Err(refused(Cause::TooManyFields, word));
        }
        self.rule.conditions.push(condition);
        Ok(())
    }

    fn finish(mut self, warnings: &mut Vec<Warning>) -> Result<(bool, Rule), RuleError> {
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
    let text = std::str::from_utf8(&word.text).map_err(|_| refused(Cause::NotText, word))?;
    let (left, right) = text.split_once(',').ok_or_else(|| refused(Cause::ListAndAction, word))?;
    let list = |name: &str| List::ALL.iter().find(|entry| entry.2 == name).map(|entry| entry.0);
    let action =
        |name: &str| [Action::Never, Action::Always].into_iter().find(|action| action.name() == name);
    let found = list(left).zip(action(right)).or_else(|| list(right).zip(action(left)));
    found.ok_or_else(|| refused(Cause::UnknownListOrAction, word))
}

/// The parts of `name` `operator` `value`.
fn operator_split(word: &Word) -> Result<(&str, Operator, &[u8]), RuleError> {
    let at = word
        .text
        .iter()
        .position(|byte| b"=!<>&".contains(byte))
        .ok_or_else(|| refused(Cause::NoOperator, word))?;
    let (name, rest) = word.text.split_at(at);
    let name = std::str::from_utf8(name).map_err(|_| refused(Cause::NotText, word))?;
    let known = Operator::ALL
        .iter()
        .find_map(|(operator, _, text)| rest.strip_prefix(text.as_bytes()).map(|value| (*operator, value)));
    let (operator, value) = known.ok_or_else(|| refused(Cause::NoOperator, word))?;
    Ok((name, operator, value))
}
