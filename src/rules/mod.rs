//! Audit rules: auditctl's text ⇄ the kernel's form, what is odd in a set of rules, and how to get from one to another.
//!
//! Does no I/O: what a rule's text needs of the host comes from a [`host::Host`]. Sending rules is left to `netlink`,
//! reading files to those above.

pub mod access;
pub mod control;
pub mod describe;
pub mod display;
pub mod error;
pub mod explain;
pub mod field;
pub mod host;
pub mod kernel;
pub mod lint;
mod options;
pub mod parse;
pub mod plan;
mod ranges;
mod scope;
pub mod syscalls;
pub mod text;
pub mod uring;

#[cfg(test)]
mod tests;

use field::FieldId;
use syscalls::Syscalls;

/// Fields a rule may have (`AUDIT_MAX_FIELDS`, linux/audit.h).
pub const FIELDS_MAX: usize = 64;
/// Bytes of all keys of a rule with their separators (`AUDIT_MAX_KEY_LEN`, linux/audit.h).
pub const KEY_BYTES_MAX: usize = 256;
/// The byte between two keys of one rule (`AUDIT_KEY_SEPARATOR`, linux/audit.h).
pub const KEY_SEPARATOR: u8 = 1;
/// Bytes of a path with its final NUL in the kernel (`PATH_MAX`, linux/limits.h).
pub const PATH_BYTES_MAX: usize = 4096;

/// The list of rules a rule belongs to, by what is tested when (`AUDIT_FILTER_*`, linux/audit.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// Messages that user space sends.
    User,
    /// The creation of a task.
    Task,
    /// The exit of a system call.
    Exit,
    /// Records that are not to be made.
    Exclude,
    /// File systems.
    Filesystem,
    /// Operations of io_uring.
    IoUring,
}

impl List {
    /// Each list with its number and name.
    pub const ALL: [(List, u32, &'static str); 6] = [
        (List::User, 0, "user"),
        (List::Task, 1, "task"),
        (List::Exit, 4, "exit"),
        (List::Exclude, 5, "exclude"),
        (List::Filesystem, 6, "filesystem"),
        (List::IoUring, 7, "io_uring"),
    ];

    /// The kernel's number.
    pub fn number(self) -> u32 {
        List::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.1)
    }

    /// The name in a rule's text.
    pub fn name(self) -> &'static str {
        List::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }

    /// Whether its rules are for chosen system calls or operations.
    pub fn has_syscalls(self) -> bool {
        matches!(self, List::Exit | List::IoUring)
    }
}

/// What a rule that matches decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// No record.
    Never,
    /// A record.
    Always,
}

impl Action {
    /// Each action with its number and name.
    pub const ALL: [(Action, u32, &'static str); 2] =
        [(Action::Never, 0, "never"), (Action::Always, 2, "always")];

    /// The kernel's number (`AUDIT_NEVER` and `AUDIT_ALWAYS`, linux/audit.h).
    pub fn number(self) -> u32 {
        Action::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.1)
    }

    /// The name in a rule's text.
    pub fn name(self) -> &'static str {
        Action::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }
}

/// How a field is compared (`AUDIT_EQUAL` and the others, linux/audit.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `&`: any of the bits.
    Mask,
    /// `&=`: all of the bits.
    Test,
}

impl Operator {
    /// Each operator with its number and text, longer texts first.
    pub const ALL: [(Operator, u32, &'static str); 8] = [
        (Operator::NotEqual, 0x3000_0000, "!="),
        (Operator::LessOrEqual, 0x5000_0000, "<="),
        (Operator::GreaterOrEqual, 0x6000_0000, ">="),
        (Operator::Test, 0x4800_0000, "&="),
        (Operator::Equal, 0x4000_0000, "="),
        (Operator::Less, 0x1000_0000, "<"),
        (Operator::Greater, 0x2000_0000, ">"),
        (Operator::Mask, 0x0800_0000, "&"),
    ];

    /// The kernel's number.
    pub fn number(self) -> u32 {
        Operator::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.1)
    }

    /// The text in a rule.
    pub fn text(self) -> &'static str {
        Operator::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.2)
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number in the kernel's form: ids, bits, a signed number as its two's complement.
    Number(u32),
    /// The bytes of a path, of the keys or of a label.
    Text(Vec<u8>),
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What is compared.
    pub field: FieldId,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// A rule, valid as far as can be known without the kernel: made by [`parse`] or by [`Rule::from_kernel`] only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    list: List,
    action: Action,
    prepend: bool,
    syscalls: Syscalls,
    /// At most [`FIELDS_MAX`]. Made from text, the keys stand last, joined in one.
    conditions: Vec<Condition>,
}

/// What the kernel compares to tell two rules apart.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Identity<'a>(List, Action, Syscalls, &'a [Condition]);

impl Rule {
    /// The list it belongs to.
    pub fn list(&self) -> List {
        self.list
    }

    /// What it decides.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it goes to the front of its list. The kernel does not keep this.
    pub fn prepends(&self) -> bool {
        self.prepend
    }

    /// The system calls, or in [`List::IoUring`] the operations, that it is for.
    pub fn syscalls(&self) -> &Syscalls {
        &self.syscalls
    }

    /// Its conditions, in the order in which the kernel tests them.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The rule's keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let texts = self.conditions.iter().filter_map(|condition| match &condition.value {
            Value::Text(text) if condition.field == field::KEY => Some(text.as_slice()),
            _ => None,
        });
        texts.flat_map(split_keys)
    }

    /// Whether the kernel takes this and `other` for the same rule: list, action, system calls and conditions in
    /// their order (`audit_compare_rule`, kernel/auditfilter.c). It deletes by this, and refuses to add a rule it
    /// has; one that prepends it adds a second time.
    pub fn same_as(&self, other: &Rule) -> bool {
        self.identity() == other.identity()
    }

    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity(self.list, self.action, self.syscalls.without_classes(), &self.conditions)
    }
}

/// The keys in the value of a key field.
fn split_keys(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == KEY_SEPARATOR).filter(|key| !key.is_empty())
}
