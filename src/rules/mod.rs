//! Audit rules: auditctl's text ⇄ the kernel's form, and the difference between two sets of rules.
//!
//! Does no I/O: what a rule's text needs of the host comes from a [`host::Host`].

pub mod diff;
pub mod display;
pub mod error;
pub mod field;
pub mod host;
pub mod kernel;
pub mod parse;
pub mod text;

#[cfg(test)]
mod tests;

use field::FieldId;

/// Fields a rule may have (`AUDIT_MAX_FIELDS`, linux/audit.h).
pub const FIELDS_MAX: usize = 64;
/// Words of 32 bits in the mask of system calls (`AUDIT_BITMASK_SIZE`).
pub const MASK_WORDS: usize = 64;
/// Bytes of all keys of a rule with their separators (`AUDIT_MAX_KEY_LEN`).
pub const KEY_BYTES_MAX: usize = 256;
/// The byte between two keys of one rule (`AUDIT_KEY_SEPARATOR`).
pub const KEY_SEPARATOR: u8 = 1;
/// Bytes of a path with its final NUL in the kernel (`PATH_MAX`).
pub const PATH_BYTES_MAX: usize = 4096;

/// The list of rules a rule belongs to, by what is tested when (`AUDIT_FILTER_*`).
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
    /// The name in a rule's text.
    pub fn name(self) -> &'static str {
        match self {
            Action::Never => "never",
            Action::Always => "always",
        }
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
    /// The bytes of a path, a key or a label.
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

/// The system calls a rule is for, one bit for each number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Syscalls(pub [u32; MASK_WORDS]);

/// The bits of the mask's last word that stand for classes of system calls; the kernel clears them in what it keeps.
const CLASS_BITS: u32 = 0xffff_0000;

impl Syscalls {
    /// No system call.
    pub const NONE: Syscalls = Syscalls([0; MASK_WORDS]);
    /// Every system call.
    pub const ALL: Syscalls = Syscalls([u32::MAX; MASK_WORDS]);

    /// Whether it is every system call, as far as the kernel keeps it.
    pub fn is_all(&self) -> bool {
        self.without_classes().0 == Syscalls::ALL.without_classes().0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds a number; false if the kernel's mask has no bit for it.
    pub fn add(&mut self, number: u32) -> bool {
        let word = usize::try_from(number / 32).ok().and_then(|index| self.0.get_mut(index));
        match word {
            Some(word) => {
                *word |= 1 << (number % 32);
                true
            }
            None => false,
        }
    }

    /// The numbers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let bits = |(word, index): (u32, u32)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * 32 + bit)
        };
        self.0.iter().copied().zip(0..).flat_map(bits)
    }

    /// The mask as the kernel keeps it.
    fn without_classes(&self) -> Syscalls {
        let mut kept = self.clone();
        if let Some(last) = kept.0.last_mut() {
            *last &= !CLASS_BITS;
        }
        kept
    }
}

/// A rule, valid as far as can be known without the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its list.
    pub list: List,
    /// What it decides.
    pub action: Action,
    /// Whether it goes to the front of its list. Not kept by the kernel.
    pub prepend: bool,
    /// The system calls it is for.
    pub syscalls: Syscalls,
    /// Its conditions, in the order in which the kernel tests them. Keys stand last, joined in one.
    pub conditions: Vec<Condition>,
}

impl Rule {
    /// Whether the kernel takes this and `other` for the same rule: list, action, system calls and conditions in order.
    pub fn same_as(&self, other: &Rule) -> bool {
        self.list == other.list
            && self.action == other.action
            && self.syscalls.without_classes() == other.syscalls.without_classes()
            && self.conditions == other.conditions
    }

    /// The rule's keys.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let keys = self.text_of(field::KEY);
        keys.into_iter().flat_map(|keys| keys.split(|byte| *byte == KEY_SEPARATOR))
    }

    /// The text of the first condition on a field.
    pub(crate) fn text_of(&self, wanted: FieldId) -> Option<&[u8]> {
        self.conditions.iter().find(|condition| condition.field == wanted).and_then(|condition| {
            match &condition.value {
                Value::Text(text) => Some(text.as_slice()),
                Value::Number(_) => None,
            }
        })
    }
}
