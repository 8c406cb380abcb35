//! The fields of rules: what each takes and where it may stand (`audit_field_valid`, kernel/auditfilter.c).

use super::{List, Operator};

/// The kernel's number of a rule's field (`AUDIT_PID` and the others, linux/audit.h).
pub type FieldId = u32;

/// `AUDIT_ARCH`.
pub const ARCH: FieldId = 11;
/// `AUDIT_MSGTYPE`.
pub const MSGTYPE: FieldId = 12;
/// `AUDIT_WATCH`: a file, `path` in a rule's text.
pub const PATH: FieldId = 105;
/// `AUDIT_PERM`.
pub const PERM: FieldId = 106;
/// `AUDIT_DIR`: a directory and all below it.
pub const DIR: FieldId = 107;
/// `AUDIT_FIELD_COMPARE`.
pub const FIELD_COMPARE: FieldId = 111;
/// `AUDIT_EXE`.
pub const EXE: FieldId = 112;
/// `AUDIT_FILTERKEY`.
pub const KEY: FieldId = 210;

/// The sort of value a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decimal, octal (0…) or hexadecimal (0x…) number.
    Number,
    /// A number that may be unset (-1).
    Session,
    /// A user's name or id, or unset.
    User,
    /// A group's name or id, or unset.
    Group,
    /// An architecture.
    Arch,
    /// The number or name of a record type.
    RecordType,
    /// A security label.
    Label,
    /// A signed number or an errno name.
    Exit,
    /// 0 or 1.
    Success,
    /// An absolute path.
    Path,
    /// Letters of rwxa.
    Permissions,
    /// A type of file by name.
    FileType,
    /// A type of file system by name or number.
    FileSystem,
    /// An address family by name or number.
    Family,
    /// An argument: shown in hexadecimal.
    Argument,
    /// A key.
    Key,
    /// Two fields compared with each other; written with -C.
    Compare,
}

impl Kind {
    /// Whether the kernel keeps the value as a string.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Label | Kind::Path | Kind::Key)
    }

    /// What the field takes, in words.
    pub fn takes(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Session => "a number or unset",
            Kind::User => "a user's name or number, or unset",
            Kind::Group => "a group's name or number, or unset",
            Kind::Arch => "b32, b64 or an architecture's name",
            Kind::RecordType => "the name or number of a record type",
            Kind::Label => "a label",
            Kind::Exit => "a number or an errno name such as -EACCES",
            Kind::Success => "0 or 1",
            Kind::Path => "an absolute path",
            Kind::Permissions => "letters of r, w, x and a",
            Kind::FileType => "file, dir, socket, link, character, block or fifo",
            Kind::FileSystem => "tracefs, debugfs, cgroup, cgroup2 or a number",
            Kind::Family => "an address family's name, such as inet, or number below 46",
            Kind::Argument => "a number",
            Kind::Key => "a key",
            Kind::Compare => "a comparison",
        }
    }
}

/// Which operators a field knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operators {
    /// `=`
    Equal,
    /// `=` and `!=`
    Equality,
    /// These and the four for order.
    Order,
    /// All eight.
    All,
}

/// A field of rules.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its number.
    pub id: FieldId,
    /// Its name in a rule's text.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    operators: Operators,
    lists: &'static [List],
}

use List::{Exclude, Exit, Filesystem, IoUring, Task, User};

const SYSCALL: &[List] = &[Exit, IoUring];
const PROCESS: &[List] = &[Exit, IoUring, Task];
const SENDER: &[List] = &[Exit, IoUring, Task, User];
const ORIGIN: &[List] = &[Exit, IoUring, Task, User, Exclude];
const MESSAGE: &[List] = &[User, Exclude];
const ANY: &[List] = &[Exit, IoUring, Task, User, Exclude, Filesystem];

const fn field(
    id: FieldId,
    name: &'static str,
    kind: Kind,
    operators: Operators,
    lists: &'static [List],
) -> Field {
    Field { id, name, kind, operators, lists }
}

/// Every field, ascending by number.
pub const ALL: [Field; 45] = [
    field(0, "pid", Kind::Number, Operators::Order, ORIGIN),
    field(1, "uid", Kind::User, Operators::Order, ORIGIN),
    field(2, "euid", Kind::User, Operators::Order, PROCESS),
    field(3, "suid", Kind::User, Operators::Order, PROCESS),
    field(4, "fsuid", Kind::User, Operators::Order, PROCESS),
    field(5, "gid", Kind::Group, Operators::Order, ORIGIN),
    field(6, "egid", Kind::Group, Operators::Order, PROCESS),
    field(7, "sgid", Kind::Group, Operators::Order, PROCESS),
    field(8, "fsgid", Kind::Group, Operators::Order, PROCESS),
    field(9, "auid", Kind::User, Operators::Order, ORIGIN),
    field(10, "pers", Kind::Number, Operators::All, PROCESS),
    field(ARCH, "arch", Kind::Arch, Operators::Equality, PROCESS),
    field(MSGTYPE, "msgtype", Kind::RecordType, Operators::Order, MESSAGE),
    field(13, "subj_user", Kind::Label, Operators::Equality, ORIGIN),
    field(14, "subj_role", Kind::Label, Operators::Equality, ORIGIN),
    field(15, "subj_type", Kind::Label, Operators::Equality, ORIGIN),
    field(16, "subj_sen", Kind::Label, Operators::Order, ORIGIN),
    field(17, "subj_clr", Kind::Label, Operators::Order, ORIGIN),
    field(18, "ppid", Kind::Number, Operators::Order, PROCESS),
    field(19, "obj_user", Kind::Label, Operators::Equality, SYSCALL),
    field(20, "obj_role", Kind::Label, Operators::Equality, SYSCALL),
    field(21, "obj_type", Kind::Label, Operators::Equality, SYSCALL),
    field(22, "obj_lev_low", Kind::Label, Operators::Order, SYSCALL),
    field(23, "obj_lev_high", Kind::Label, Operators::Order, SYSCALL),
    field(24, "loginuid_set", Kind::Number, Operators::Equality, ORIGIN),
    field(25, "sessionid", Kind::Session, Operators::Order, SENDER),
    field(26, "fstype", Kind::FileSystem, Operators::Equality, &[Filesystem]),
    field(100, "devmajor", Kind::Number, Operators::Order, SYSCALL),
    field(101, "devminor", Kind::Number, Operators::All, SYSCALL),
    field(102, "inode", Kind::Number, Operators::Equality, SYSCALL),
    field(103, "exit", Kind::Exit, Operators::Order, SYSCALL),
    field(104, "success", Kind::Success, Operators::Order, SYSCALL),
    field(PATH, "path", Kind::Path, Operators::Equal, SYSCALL),
    field(PERM, "perm", Kind::Permissions, Operators::Equal, SYSCALL),
    field(DIR, "dir", Kind::Path, Operators::Equal, SYSCALL),
    field(108, "filetype", Kind::FileType, Operators::Equality, SYSCALL),
    field(109, "obj_uid", Kind::User, Operators::Order, SYSCALL),
    field(110, "obj_gid", Kind::Group, Operators::Order, SYSCALL),
    field(EXE, "exe", Kind::Path, Operators::Equality, ORIGIN),
    field(113, "saddr_fam", Kind::Family, Operators::Order, SYSCALL),
    field(200, "a0", Kind::Argument, Operators::All, SYSCALL),
    field(201, "a1", Kind::Argument, Operators::All, SYSCALL),
    field(202, "a2", Kind::Argument, Operators::All, SYSCALL),
    field(203, "a3", Kind::Argument, Operators::All, SYSCALL),
    field(KEY, "key", Kind::Key, Operators::Equal, ANY),
];

impl Field {
    /// The field of a number, `field_compare` left out.
    pub fn from_id(id: FieldId) -> Option<&'static Field> {
        ALL.iter().find(|field| field.id == id)
    }

    /// The field of a name; `loginuid` is another name of `auid`.
    pub fn from_name(name: &str) -> Option<&'static Field> {
        let name = if name == "loginuid" { "auid" } else { name };
        ALL.iter().find(|field| field.name == name)
    }

    /// Whether the field may be used in rules of a list.
    pub fn fits(&self, list: List) -> bool {
        self.lists.contains(&list)
    }

    /// Whether the field may be compared so.
    pub fn knows(&self, operator: Operator) -> bool {
        match operator {
            Operator::Equal => true,
            Operator::NotEqual => self.operators != Operators::Equal,
            Operator::Mask | Operator::Test => self.operators == Operators::All,
            _ => matches!(self.operators, Operators::Order | Operators::All),
        }
    }

    /// Whether a rule may have the field once only: the kernel keeps one tree, one watch, one inode and one executable.
    pub fn is_single(&self) -> bool {
        matches!(self.id, ARCH | PATH | DIR | EXE | PERM | 102)
    }
}

/// The pairs of fields that the kernel compares, by its number (`AUDIT_COMPARE_*`, linux/audit.h) less 1.
const PAIRS: [(&str, &str); 25] = [
    ("uid", "obj_uid"),
    ("gid", "obj_gid"),
    ("euid", "obj_uid"),
    ("egid", "obj_gid"),
    ("auid", "obj_uid"),
    ("suid", "obj_uid"),
    ("sgid", "obj_gid"),
    ("fsuid", "obj_uid"),
    ("fsgid", "obj_gid"),
    ("uid", "auid"),
    ("uid", "euid"),
    ("uid", "fsuid"),
    ("uid", "suid"),
    ("auid", "fsuid"),
    ("auid", "suid"),
    ("auid", "euid"),
    ("euid", "suid"),
    ("euid", "fsuid"),
    ("suid", "fsuid"),
    ("gid", "egid"),
    ("gid", "fsgid"),
    ("gid", "sgid"),
    ("egid", "fsgid"),
    ("egid", "sgid"),
    ("sgid", "fsgid"),
];

/// The number of a comparison of two fields, in whichever order they are given.
pub fn comparison(left: &str, right: &str) -> Option<u32> {
    let index = PAIRS.iter().position(|pair| *pair == (left, right) || *pair == (right, left))?;
    u32::try_from(index + 1).ok()
}

/// The fields of a comparison's number.
pub fn compared(number: u32) -> Option<(&'static str, &'static str)> {
    PAIRS.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

/// Names of types of file with their number (`S_IFMT`, stat.h).
pub(super) const FILE_TYPES: [(&str, u32); 7] = [
    ("file", 0o100_000),
    ("dir", 0o040_000),
    ("socket", 0o140_000),
    ("link", 0o120_000),
    ("character", 0o020_000),
    ("block", 0o060_000),
    ("fifo", 0o010_000),
];

/// Names of file systems with their number (linux/magic.h).
pub(super) const FILE_SYSTEMS: [(&str, u32); 4] =
    [("debugfs", 0x6462_6720), ("tracefs", 0x7472_6163), ("cgroup", 0x0027_e0eb), ("cgroup2", 0x6367_7270)];

/// Names of address families with their number (`AF_*`, linux/socket.h).
pub(super) const FAMILIES: [(&str, u32); 10] = [
    ("unspecified", 0),
    ("unix", 1),
    ("inet", 2),
    ("ipx", 4),
    ("inet6", 10),
    ("netlink", 16),
    ("packet", 17),
    ("can", 29),
    ("bluetooth", 31),
    ("vsock", 40),
];

/// One more than the highest address family (`AF_MAX`).
pub(super) const FAMILY_MAX: u32 = 46;

/// Letters of permissions with their bit (`AUDIT_PERM_*`, linux/audit.h), in the order in which they are shown.
pub(super) const PERMISSIONS: [(char, u32); 4] = [('r', 4), ('w', 2), ('x', 1), ('a', 8)];
