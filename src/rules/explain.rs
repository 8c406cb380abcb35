//! A rule in words: what it does, with which system calls, under which conditions, and what it costs.

use super::field;
use super::ranges::Ranges;
use super::scope::{Scope, Tie};
use super::{Action, Condition, List, Operator, Rule, access, describe, uring};
use crate::tables::{self, Arch};

/// A part of the explanation: what it is about, and the words.
pub type Part = (&'static str, String);

/// The rule in words.
pub fn explain(rule: &Rule) -> Vec<Part> {
    let scope = Scope::of(rule);
    let mut parts = vec![("does", does(rule))];
    if rule.list.has_syscalls() {
        parts.push(("calls", calls(rule, &scope)));
    }
    if let Some(bits) = scope.permissions {
        parts.extend(accesses(bits, arch(&scope)));
    }
    for condition in rule.conditions.iter().filter(|condition| !is_told_elsewhere(condition)) {
        parts.push(("only if", condition_words(condition)));
    }
    let keys: Vec<String> = rule.keys().map(|key| key.escape_ascii().to_string()).collect();
    match keys.as_slice() {
        [] if rule.action == Action::Always && rule.list == List::Exit => {
            parts.push(("key", "none: its events can only be found by what they are".to_owned()));
        }
        [] => {}
        keys => parts.push(("key", keys.join(", "))),
    }
    parts.push(("costs", costs(rule, &scope).to_owned()));
    parts
}

fn does(rule: &Rule) -> String {
    let what = match (rule.list, rule.action) {
        (List::Exit, Action::Always) => "records system calls, when they end",
        (List::Exit, Action::Never) => {
            "keeps system calls out of the log, unless a rule before it records them"
        }
        (List::IoUring, Action::Always) => "records operations of io_uring",
        (List::IoUring, Action::Never) => "keeps operations of io_uring out of the log",
        (List::User, Action::Always) => "lets messages of programs into the log, which they come into anyway",
        (List::User, Action::Never) => "keeps messages of programs out of the log",
        (List::Task, Action::Always) => "prepares processes for being audited when they start",
        (List::Task, Action::Never) => "takes processes out of auditing for good when they start",
        // Here the kernel makes no difference between the actions.
        (List::Exclude, _) => "keeps records out of the log",
        (List::Filesystem, Action::Always) => "records the names of files on file systems",
        (List::Filesystem, Action::Never) => "leaves the names of files on file systems out of events",
    };
    let front = if rule.prepend { "; goes before the other rules of its list" } else { "" };
    format!("{what} (list {}){front}", rule.list.name())
}

fn arch(scope: &Scope<'_>) -> Option<Arch> {
    scope.range(field::ARCH).and_then(Ranges::only).and_then(Arch::from_token)
}

fn calls(rule: &Rule, scope: &Scope<'_>) -> String {
    let known = arch(scope);
    let name = |number: u32| match rule.list {
        List::IoUring => uring::operation_name(number),
        _ => tables::syscall_name(known.unwrap_or(Arch::native()), number),
    };
    let what = if rule.syscalls.is_all() {
        if scope.permissions.is_some() { "those of the accesses below" } else { "every one" }.to_owned()
    } else {
        let names = rule
            .syscalls
            .numbers()
            .map(|number| name(number).map_or_else(|| number.to_string(), str::to_owned));
        names.collect::<Vec<_>>().join(", ")
    };
    if rule.list == List::IoUring {
        return what;
    }
    let numbers = !rule.syscalls.is_all() && Arch::native().compat().is_some();
    match known {
        Some(arch) => format!("{what}, by programs of {}", arch.name()),
        None if scope.range(field::ARCH).is_some() => format!("{what}, by programs of other architectures"),
        None if numbers => {
            format!(
                "{what}; and by 32-bit programs those of the same numbers, which are other calls: add arch="
            )
        }
        None => format!("{what}, by all programs"),
    }
}

fn accesses(bits: u32, arch: Option<Arch>) -> Vec<Part> {
    let asked = access::ALL.iter().filter(move |access| bits & access.bit != 0);
    let words = |access: &access::Access| {
        let calls = access.calls(arch.unwrap_or(Arch::native())).join(", ");
        let opening = if access.opening { " (the first ones when they open for it)" } else { "" };
        ("access", format!("{} ({}): {calls}{opening}", access.name, access.letter))
    };
    asked.map(words).collect()
}

fn is_told_elsewhere(condition: &Condition) -> bool {
    matches!(condition.field, field::KEY | field::ARCH | field::PERM)
}

fn condition_words(condition: &Condition) -> String {
    let (name, value) = describe::parts(condition);
    let subject = field_words(&name);
    if condition.field == field::FIELD_COMPARE {
        let sign = if condition.operator == Operator::Equal { "is the same as" } else { "differs from" };
        return format!("{subject} {sign} {}", field_words(&value));
    }
    match (condition.operator, condition.field, value.as_str()) {
        (Operator::Equal, field::DIR, _) => format!("it concerns {value} or anything below it"),
        (Operator::Equal, field::PATH, _) => format!("it concerns the file {value}"),
        (Operator::Equal, field::AUID, "-1") => "nobody has logged in: it is a service".to_owned(),
        (Operator::NotEqual, field::AUID, "-1") => "somebody has logged in: it is no service".to_owned(),
        (Operator::Equal, SUCCESS, "1") | (Operator::NotEqual, SUCCESS, "0") => "it succeeded".to_owned(),
        (Operator::Equal, SUCCESS, "0") | (Operator::NotEqual, SUCCESS, "1") => "it failed".to_owned(),
        (operator, _, _) => format!("{subject} {} {value}", operator_words(operator)),
    }
}

/// `AUDIT_SUCCESS`.
const SUCCESS: field::FieldId = 104;

fn operator_words(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "is",
        Operator::NotEqual => "is not",
        Operator::Less => "is below",
        Operator::LessOrEqual => "is at most",
        Operator::Greater => "is above",
        Operator::GreaterOrEqual => "is at least",
        Operator::Mask => "has any of the bits",
        Operator::Test => "has all of the bits",
    }
}

/// Each field in words, where its name is not enough.
const FIELD_WORDS: [(&str, &str); 27] = [
    ("pid", "the process id"),
    ("ppid", "the parent's process id"),
    ("uid", "the user id"),
    ("euid", "the effective user id"),
    ("suid", "the saved user id"),
    ("fsuid", "the user id for files"),
    ("gid", "a group id"),
    ("egid", "an effective group id"),
    ("sgid", "the saved group id"),
    ("fsgid", "the group id for files"),
    ("auid", "the id of the user who logged in"),
    ("sessionid", "the session"),
    ("pers", "the personality"),
    ("msgtype", "the record's type"),
    ("exe", "the program"),
    ("exit", "the result (compared without sign)"),
    ("obj_uid", "the file's owner"),
    ("obj_gid", "the file's group"),
    ("devmajor", "the file's device, major number,"),
    ("devminor", "the file's device, minor number,"),
    ("inode", "the file's inode"),
    ("filetype", "the file's type"),
    ("fstype", "the file system's type"),
    ("a0", "the first argument"),
    ("a1", "the second argument"),
    ("a2", "the third argument"),
    ("a3", "the fourth argument"),
];

fn field_words(name: &str) -> &str {
    FIELD_WORDS.iter().find(|(known, _)| *known == name).map_or(name, |(_, words)| words)
}

fn costs(rule: &Rule, scope: &Scope<'_>) -> &'static str {
    match (rule.list, scope.tie) {
        (List::Exit, Some(Tie::Path(_))) => {
            "little: it is tested only where a system call touches this file, found by its inode"
        }
        (List::Exit, Some(Tie::Directory(_))) if rule.syscalls.is_all() => {
            "some: it is tested at the end of every system call that names a file"
        }
        (List::Exit | List::IoUring, _) if rule.syscalls.is_all() && !scope.is_narrow() => {
            "very much: an event for every system call of every process"
        }
        (List::Exit | List::IoUring, _) if rule.syscalls.is_all() => {
            "much: it is tested at the end of every system call of every process; name the calls with -S"
        }
        (List::Exit | List::IoUring, _) => "little: it is tested at the end of these calls only",
        (List::User, _) => "next to nothing: it is tested for each message of a program",
        (List::Task, _) => "next to nothing: it is tested when a process starts",
        (List::Exclude, _) => "little: it is tested for each record before it is made",
        (List::Filesystem, _) => "little: it is tested for each file that an event names",
    }
}
