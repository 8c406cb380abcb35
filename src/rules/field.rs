//! The fields of rules: what each takes and where it may stand (`audit_field_valid`, kernel/auditfilter.c).

use super::{List, Operator};

/// The kernel's number of a rule's field (`AUDIT_PID` and the others, linux/audit.h).
pub type FieldId = u32;

/// `AUDIT_PID`.
pub const PID: FieldId = 0;
/// `AUDIT_LOGINUID`.
pub const AUID: FieldId = 9;
/// `AUDIT_ARCH`.
pub const ARCH: FieldId = 11;
/// `AUDIT_MSGTYPE`.
pub const MSGTYPE: FieldId = 12;
/// `AUDIT_FSTYPE`.
pub const FSTYPE: FieldId = 26;
/// `AUDIT_INODE`.
pub const INODE: FieldId = 102;
/// `AUDIT_WATCH`: a file, `path` in a rule's text.
pub const PATH: FieldId = 105;
/// `AUDIT_PERM`.
pub const PERM: FieldId = 106;
/// `AUDIT_DIR`: a directory and all below it.
pub const DIR: FieldId = 107;
/// `AUDIT_OBJ_UID`.
pub const OBJ_UID: FieldId = 109;
/// `AUDIT_OBJ_GID`.
pub const OBJ_GID: FieldId = 110;
/// `AUDIT_FIELD_COMPARE`.
pub const FIELD_COMPARE: FieldId = 111;
/// `AUDIT_EXE`.
pub const EXE: FieldId = 112;
/// `AUDIT_SADDR_FAM`.
pub const SADDR_FAM: FieldId = 113;
/// `AUDIT_ARG0`; the three other arguments follow it.
pub const ARGUMENT_FIRST: FieldId = 200;
/// `AUDIT_ARG3`.
pub const ARGUMENT_LAST: FieldId = 203;
/// `AUDIT_FILTERKEY`.
pub const KEY: FieldId = 210;

/// The sort of value a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decimal, octal (0…) or hexadecimal (0x…) number.
    Number,
    /// A number that may be unset (-1).
    Session,
    /// The name or id of a user.
    User,
    /// The name or id of the user who logged in, or unset.
    LoginUser,
    /// The name or id of a group.
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
    /// The absolute path of a file or program.
    Path,
    /// The absolute path of a directory.
    Directory,
    /// Letters of rwxa.
    Permissions,
    /// A type of file by name or number.
    FileType,
    /// A type of file system by name or number.
    FileSystem,
    /// An address family by name or number.
    Family,
    /// An argument: shown in hexadecimal.
    Argument,
    /// A key.
    Key,
    /// Two fields compared with each other, by the kernel's number of the pair; written with -C.
    Compare,
}

impl Kind {
    /// Whether the kernel keeps the value as a string.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Label | Kind::Path | Kind::Directory | Kind::Key)
    }

    /// What the field takes, in words.
    pub fn takes(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Session => "a number or unset",
            Kind::User => "a user's name or number",
            Kind::LoginUser => "a user's name or number, or unset",
            Kind::Group => "a group's name or number",
            Kind::Arch => "b32, b64, an architecture's name or its number",
            Kind::RecordType => "the name or number of a record type",
            Kind::Label => "a label shorter than 4096 bytes",
            Kind::Exit => "a number or an errno name such as -EACCES",
            Kind::Success => "0 or 1",
            Kind::Path | Kind::Directory => "an absolute path",
            Kind::Permissions => "letters of r, w, x and a",
            Kind::FileType => "file, dir, socket, link, character, block or fifo",
            Kind::FileSystem => "tracefs, debugfs, cgroup, cgroup2 or a number",
            Kind::Family => "an address family's name, such as inet, or number below 46",
            Kind::Argument => "a number of 32 bits",
            Kind::Key => "a key",
            Kind::Compare => "a number up to 25; -C is the better way",
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

const EXIT: &[List] = &[Exit];
const SYSCALL: &[List] = &[Exit, IoUring];
const PARENT: &[List] = &[Exit, IoUring, Task];
const PROCESS: &[List] = &[Exit, IoUring, Task, User];
const ORIGIN: &[List] = &[Exit, IoUring, Task, User, Exclude];
const MESSAGE: &[List] = &[User, Exclude];
const KEYED: &[List] = &[Exit, IoUring, Task, User, Filesystem];

const fn field(
    id: FieldId,
    name: &'static str,
    kind: Kind,
    operators: Operators,
    lists: &'static [List],
) -> Field {
    Field { id, name, kind, operators, lists }
}

/// Every field, ascending by number, with the lists that both auditctl and the kernel let it stand in.
pub const ALL: [Field; 46] = [
    field(PID, "pid", Kind::Number, Operators::Order, ORIGIN),
    field(1, "uid", Kind::User, Operators::Order, ORIGIN),
    field(2, "euid", Kind::User, Operators::Order, PROCESS),
    field(3, "suid", Kind::User, Operators::Order, PROCESS),
    field(4, "fsuid", Kind::User, Operators::Order, PROCESS),
    field(5, "gid", Kind::Group, Operators::Order, ORIGIN),
    field(6, "egid", Kind::Group, Operators::Order, PROCESS),
    field(7, "sgid", Kind::Group, Operators::Order, PROCESS),
    field(8, "fsgid", Kind::Group, Operators::Order, PROCESS),
    field(AUID, "auid", Kind::LoginUser, Operators::Order, ORIGIN),
    field(10, "pers", Kind::Number, Operators::All, PROCESS),
    field(ARCH, "arch", Kind::Arch, Operators::Equality, PROCESS),
    field(MSGTYPE, "msgtype", Kind::RecordType, Operators::Order, MESSAGE),
    field(13, "subj_user", Kind::Label, Operators::Equality, ORIGIN),
    field(14, "subj_role", Kind::Label, Operators::Equality, ORIGIN),
    field(15, "subj_type", Kind::Label, Operators::Equality, ORIGIN),
    field(16, "subj_sen", Kind::Label, Operators::Order, ORIGIN),
    field(17, "subj_clr", Kind::Label, Operators::Order, ORIGIN),
    field(18, "ppid", Kind::Number, Operators::Order, PARENT),
    field(19, "obj_user", Kind::Label, Operators::Equality, SYSCALL),
    field(20, "obj_role", Kind::Label, Operators::Equality, SYSCALL),
    field(21, "obj_type", Kind::Label, Operators::Equality, SYSCALL),
    field(22, "obj_lev_low", Kind::Label, Operators::Order, SYSCALL),
    field(23, "obj_lev_high", Kind::Label, Operators::Order, SYSCALL),
    field(24, "loginuid_set", Kind::Success, Operators::Equality, ORIGIN),
    field(25, "sessionid", Kind::Session, Operators::Order, PROCESS),
    field(FSTYPE, "fstype", Kind::FileSystem, Operators::Equality, &[Filesystem]),
    field(100, "devmajor", Kind::Number, Operators::Order, SYSCALL),
    field(101, "devminor", Kind::Number, Operators::All, SYSCALL),
    field(INODE, "inode", Kind::Number, Operators::Equality, SYSCALL),
    field(103, "exit", Kind::Exit, Operators::Order, SYSCALL),
    field(104, "success", Kind::Success, Operators::Order, SYSCALL),
    field(PATH, "path", Kind::Path, Operators::Equal, SYSCALL),
    field(PERM, "perm", Kind::Permissions, Operators::Equal, EXIT),
    field(DIR, "dir", Kind::Directory, Operators::Equal, SYSCALL),
    field(108, "filetype", Kind::FileType, Operators::Equality, SYSCALL),
    field(OBJ_UID, "obj_uid", Kind::User, Operators::Order, PROCESS),
    field(OBJ_GID, "obj_gid", Kind::Group, Operators::Order, PROCESS),
    field(FIELD_COMPARE, "field_compare", Kind::Compare, Operators::Equality, SYSCALL),
    field(EXE, "exe", Kind::Path, Operators::Equality, ORIGIN),
    field(SADDR_FAM, "saddr_fam", Kind::Family, Operators::Order, PROCESS),
    field(ARGUMENT_FIRST, "a0", Kind::Argument, Operators::All, PROCESS),
    field(201, "a1", Kind::Argument, Operators::All, PROCESS),
    field(202, "a2", Kind::Argument, Operators::All, PROCESS),
    field(203, "a3", Kind::Argument, Operators::All, PROCESS),
    field(KEY, "key", Kind::Key, Operators::Equal, KEYED),
];

impl Field {
    /// The field of a number.
    pub fn from_id(id: FieldId) -> Option<&'static Field> {
        ALL.iter().find(|field| field.id == id)
    }

    /// The field of a name, in any case; `loginuid` is another name of `auid`.
    pub fn from_name(name: &str) -> Option<&'static Field> {
        let name = if name.eq_ignore_ascii_case("loginuid") { "auid" } else { name };
        ALL.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Whether the field may be used in rules of a list.
    pub fn fits(&self, list: List) -> bool {
        self.lists.contains(&list)
    }

    /// Whether the kernel, which takes the field in rules of this list, also knows its value when it tests them. A
    /// condition on a value that it does not know never holds (`audit_filter` and `audit_filter_rules`,
    /// kernel/audit.c and kernel/auditsc.c).
    pub fn is_tested(&self, list: List) -> bool {
        let of_syscall =
            matches!(self.id, ARCH | OBJ_UID | OBJ_GID | SADDR_FAM | ARGUMENT_FIRST..=ARGUMENT_LAST);
        match list {
            Exit | IoUring | Exclude | Filesystem => true,
            Task => !of_syscall,
            User => self.id == KEY || self.fits(Exclude),
        }
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

    /// Whether the kernel ties rules to files by the field: a rule has one such field at most.
    pub fn ties_to_file(&self) -> bool {
        matches!(self.id, PATH | DIR | INODE)
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
    let (left, right) = (Field::from_name(left)?.name, Field::from_name(right)?.name);
    let index = PAIRS.iter().position(|pair| *pair == (left, right) || *pair == (right, left))?;
    u32::try_from(index + 1).ok()
}

/// The highest number of a comparison (`AUDIT_MAX_FIELD_COMPARE`, linux/audit.h).
pub const COMPARISON_MAX: u32 = 25;

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
pub(super) const FAMILIES: [(&str, u32); 48] = [
    ("unspecified", 0),
    ("unspec", 0),
    ("local", 1),
    ("unix", 1),
    ("inet", 2),
    ("ax25", 3),
    ("ipx", 4),
    ("appletalk", 5),
    ("netrom", 6),
    ("bridge", 7),
    ("atmpvc", 8),
    ("x25", 9),
    ("inet6", 10),
    ("rose", 11),
    ("decnet", 12),
    ("netbeui", 13),
    ("security", 14),
    ("key", 15),
    ("netlink", 16),
    ("packet", 17),
    ("ash", 18),
    ("econet", 19),
    ("atmsvc", 20),
    ("rds", 21),
    ("sna", 22),
    ("irda", 23),
    ("pppox", 24),
    ("wanpipe", 25),
    ("llc", 26),
    ("ib", 27),
    ("mpls", 28),
    ("can", 29),
    ("tipc", 30),
    ("bluetooth", 31),
    ("iucv", 32),
    ("rxrpc", 33),
    ("isdn", 34),
    ("phonet", 35),
    ("ieee802154", 36),
    ("caif", 37),
    ("alg", 38),
    ("nfc", 39),
    ("vsock", 40),
    ("kcm", 41),
    ("qipcrtr", 42),
    ("smc", 43),
    ("xdp", 44),
    ("mctp", 45),
];

/// One more than the highest address family (`AF_MAX`, linux/socket.h); the kernel refuses others.
pub(super) const FAMILIES_END: u32 = 46;

/// The bits of a type of file (`S_IFMT`, linux/stat.h).
pub(super) const FILE_TYPE_BITS: u32 = 0o170_000;

/// Letters of permissions with their bit (`AUDIT_PERM_*`, linux/audit.h), in the order in which they are shown.
pub(super) const PERMISSIONS: [(char, u32); 4] = [('r', 4), ('w', 2), ('x', 1), ('a', 8)];
