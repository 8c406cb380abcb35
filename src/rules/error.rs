//! Why a rule's text is refused, and where.

use thiserror::Error;

use super::text::Word;

/// What is wrong with a word of a rule.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Cause {
    /// A word that begins nothing.
    #[error("unknown option")]
    UnknownOption,
    /// An option at the end that wants a value.
    #[error("the option needs a value")]
    NoValue,
    /// Two of -w, -W, -a, -A, -d in one rule.
    #[error("a rule has one of -w, -W, -a, -A and -d")]
    TwoRules,
    /// A word after what was a whole command.
    #[error("the command is complete before this; a line has one command or one rule")]
    AfterCommand,
    /// -q without two paths.
    #[error("-q needs two absolute paths joined by a comma: the mount point and the subtree")]
    TwoPaths,
    /// -p, -k, -S, -F or -C before any of these.
    #[error("this belongs to a rule: begin one with -w or -a")]
    NoRule,
    /// -p with -a, or -S, -F, -C with -w.
    #[error("not possible in a watch made with -w; use -a always,exit")]
    NotInWatch,
    /// -p with a rule made by -a.
    #[error("-p belongs to -w; in this rule write -F perm=")]
    PermissionsNeedWatch,
    /// Not `list,action`.
    #[error("not a list and an action joined by a comma, as in always,exit")]
    ListAndAction,
    /// Not a list.
    #[error(
        "unknown list or action; lists: user task exit exclude filesystem io_uring, actions: always never"
    )]
    UnknownListOrAction,
    /// A path that does not begin with a slash.
    #[error("the path must start with /")]
    RelativePath,
    /// A path the kernel has no room for.
    #[error("the path is longer than {} bytes", super::PATH_BYTES_MAX - 1)]
    LongPath,
    /// A path with an element the file system has no room for.
    #[error("an element of the path is longer than 255 bytes")]
    LongName,
    /// No letter, or one that is none of the four.
    #[error("permissions are one or more of r, w, x and a; {0:?} is none of them")]
    Permission(char),
    /// No permission.
    #[error("permissions are one or more of r, w, x and a")]
    NoPermission,
    /// The keys are too long together.
    #[error("the keys of a rule may have {max} bytes together with one between each two; these have {0}", max = super::KEY_BYTES_MAX)]
    LongKey(usize),
    /// A key without a byte, which the kernel refuses.
    #[error("a key has at least one byte")]
    EmptyKey,
    /// A byte that parts keys, or ends strings, in the kernel.
    #[error("a key cannot have the byte 0 or 1 in it")]
    KeyByte,
    /// A byte that ends strings in the kernel.
    #[error("a path or label cannot have a NUL byte in it")]
    Nul,
    /// A key with nothing to attach it to.
    #[error("a key needs a watch, a system call or a field before it")]
    LoneKey,
    /// No operator in -F or -C.
    #[error("no operator; there are = != < <= > >= & &=")]
    NoOperator,
    /// An operator the field does not have.
    #[error("the field {field} cannot be compared with {operator}")]
    BadOperator {
        /// The field.
        field: &'static str,
        /// The operator.
        operator: &'static str,
    },
    /// Not a field.
    #[error("unknown field")]
    UnknownField,
    /// A field of another list.
    #[error("the field {field} cannot be used in the list {list}")]
    WrongList {
        /// The field.
        field: &'static str,
        /// The list of the rule.
        list: &'static str,
    },
    /// Too many conditions.
    #[error("more than {} fields", super::FIELDS_MAX)]
    TooManyFields,
    /// The same single field twice.
    #[error("the field {0} may be used once in a rule")]
    Twice(&'static str),
    /// A second of the fields that tie a rule to files.
    #[error("a rule has one of path, dir and inode; {0} is a second one")]
    TwoFiles(&'static str),
    /// A value of the wrong sort.
    #[error("not a value for {field}: it takes {takes}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// unset is no number.
    #[error("unset is compared with = and != only")]
    UnsetHasNoOrder,
    /// A user or group that the host does not know.
    #[error("no {0} of this name on this host")]
    UnknownName(&'static str),
    /// Not an architecture.
    #[error("unknown architecture; there are b32, b64 and names such as x86_64")]
    UnknownArch,
    /// -S before arch.
    #[error("arch must be before -S")]
    ArchAfterSyscall,
    /// Not a system call.
    #[error("{arch} has no system call of this name")]
    UnknownSyscall {
        /// The architecture.
        arch: &'static str,
    },
    /// A system call's number is beyond the mask.
    #[error("the kernel's rules end at system call {}", super::syscalls::NUMBERS_END - 1)]
    SyscallNumber,
    /// -S where no system call is tested.
    #[error("the list {0} does not test system calls")]
    NoSyscalls(&'static str),
    /// Fields that cannot be compared.
    #[error("these two fields cannot be compared with each other")]
    Incomparable,
    /// A number where one belongs.
    #[error("not a number from {from} to {to}")]
    NotANumber {
        /// The lowest.
        from: u32,
        /// The highest.
        to: u32,
    },
    /// An option of auditctl's that has no place in a rules file.
    #[error("not possible in a rules file")]
    NotInFile,
    /// Bytes that are not text where a name belongs.
    #[error("not UTF-8 text")]
    NotText,
}

impl Cause {
    /// Whether the other options of the rule still mean what they would without the error.
    pub(super) fn leaves_the_rest(&self) -> bool {
        !matches!(
            self,
            Cause::UnknownOption
                | Cause::NoValue
                | Cause::TwoRules
                | Cause::NoRule
                | Cause::ListAndAction
                | Cause::UnknownListOrAction
                | Cause::UnknownArch
                | Cause::ArchAfterSyscall
                | Cause::TooManyFields
        )
    }
}

/// A rule that is refused: the cause and the word it lies in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}: {cause}", quoted(word))]
pub struct RuleError {
    /// What is wrong.
    pub cause: Cause,
    /// The word.
    pub word: Vec<u8>,
    /// Where the word begins in its line or among the arguments, counted in bytes from 0.
    pub at: usize,
}

impl RuleError {
    pub(super) fn new(cause: Cause, word: &Word) -> RuleError {
        RuleError { cause, word: word.text.clone(), at: word.at }
    }
}

/// The word as text in quotes, with what is not text escaped.
fn quoted(word: &[u8]) -> String {
    format!("\"{}\"", word.escape_ascii())
}

/// What is allowed but likely not meant.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Warning {
    /// System calls by name or number, but no architecture.
    #[error(
        "-S without arch: the numbers mean other system calls to 32-bit programs; add -F arch=b64 or arch=b32"
    )]
    SyscallsWithoutArch,
    /// -w of a path that does not exist.
    #[error(
        "nothing has this path now, so that it is watched as a file; a directory made later is not watched"
    )]
    Missing,
    /// path= or exe= of a path that does not exist.
    #[error("nothing has the path that {0}= gives now")]
    NothingThere(&'static str),
    /// dir= of a path that is no directory.
    #[error("dir= is not a directory now; the kernel refuses the rule as long as nothing has its path")]
    NoDirectory,
    /// A path in a directory that does not exist.
    #[error(
        "the directory this path lies in does not exist now; the kernel refuses the rule as long as it does not"
    )]
    NoParent,
    /// A condition on what the kernel does not know in this list.
    #[error("the kernel does not know {field} in the list {list}: the rule never matches")]
    NeverMatches {
        /// The field.
        field: &'static str,
        /// The list.
        list: &'static str,
    },
    /// `..` in a path.
    #[error("the path has .. in it, which the kernel does not resolve")]
    DotDot,
    /// `*` or `?` in a path.
    #[error("the path has a wildcard in it, which the kernel takes literally")]
    Wildcard,
}
