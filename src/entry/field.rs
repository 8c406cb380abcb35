//! The searchable fields.

/// A searchable field; its number is the field id of its terms in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// A rule's key; several keys of one event are several terms.
    Key = 1,
    /// The executable's path.
    Exe = 2,
    /// The command name, at most 15 bytes from the kernel.
    Comm = 3,
    /// A path of a PATH record: as recorded, and made absolute with the working directory when relative. Also the path
    /// of a unix socket and of a rule that was changed.
    Path = 4,
    /// The system call's name, or its number where it has no name.
    Syscall = 5,
    /// A record type's name.
    Type = 6,
    /// Real user id, decimal.
    Uid = 7,
    /// Login user id, decimal; 4294967295 when unset.
    Auid = 8,
    /// Process id, decimal.
    Pid = 9,
    /// Parent process id, decimal.
    Ppid = 10,
    /// Session id, decimal; 4294967295 when unset.
    Session = 11,
    /// `ok` or `fail`.
    Result = 12,
    /// Effective user id, decimal.
    Euid = 13,
    /// Real group id, decimal.
    Gid = 14,
    /// Effective group id, decimal.
    Egid = 15,
    /// The terminal.
    Terminal = 16,
    /// The other host's name or address: of a user-space program's record, or of a socket address.
    Host = 17,
    /// The host the event comes from.
    Node = 18,
    /// The error name of a failed system call: `EACCES`.
    Errno = 19,
    /// The account a user-space program acted on (`acct=`).
    Account = 20,
    /// The process itself, as its start and its pid.
    Process = 21,
    /// The executable's path of the process that started it.
    Parent = 22,
    /// The same of any process that it descends from, as far up as these are told.
    Ancestor = 23,
    /// The path of the script that the executable interprets.
    Script = 24,
    /// The SHA-256 of the executable in hexadecimal.
    Hash = 25,
    /// The container's id.
    Container = 26,
    /// The systemd unit.
    Unit = 27,
    /// The host that the user of the login session came from.
    Origin = 28,
}

impl Field {
    /// Every field with the name that filters and options use.
    pub const ALL: [(Field, &'static str); 28] = [
        (Field::Key, "key"),
        (Field::Exe, "exe"),
        (Field::Comm, "comm"),
        (Field::Path, "path"),
        (Field::Syscall, "syscall"),
        (Field::Type, "type"),
        (Field::Uid, "uid"),
        (Field::Auid, "auid"),
        (Field::Pid, "pid"),
        (Field::Ppid, "ppid"),
        (Field::Session, "session"),
        (Field::Result, "result"),
        (Field::Euid, "euid"),
        (Field::Gid, "gid"),
        (Field::Egid, "egid"),
        (Field::Terminal, "terminal"),
        (Field::Host, "host"),
        (Field::Node, "node"),
        (Field::Errno, "errno"),
        (Field::Account, "account"),
        (Field::Process, "process"),
        (Field::Parent, "parent"),
        (Field::Ancestor, "ancestor"),
        (Field::Script, "script"),
        (Field::Hash, "hash"),
        (Field::Container, "container"),
        (Field::Unit, "unit"),
        (Field::Origin, "origin"),
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        Field::ALL.iter().find(|(field, _)| *field == self).map_or("", |(_, name)| name)
    }

    /// The field of that name.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.iter().find(|(_, known)| *known == name).map(|(field, _)| *field)
    }

    /// The field's number in the index.
    pub fn id(self) -> crate::store::term::FieldId {
        self as u8
    }

    /// Whether the field's values are decimal numbers.
    pub fn is_numeric(self) -> bool {
        use Field::{Auid, Egid, Euid, Gid, Pid, Ppid, Session, Uid};
        matches!(self, Auid | Egid | Euid | Gid | Pid | Ppid | Session | Uid)
    }
}
