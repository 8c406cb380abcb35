//! Placeholder.

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
    /// A path of a PATH record: as recorded, and made absolute with the working directory when relative.
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
    /// A remote host's name or address as recorded by a user-space program.
    Host = 17,
    /// The host the event comes from.
    Node = 18,
    /// The kernel's serial number, decimal.
    Serial = 19,
    /// The error name of a failed system call: `EACCES`.
    Errno = 20,
    /// The account a user-space program acted on (`acct=`).
    Account = 21,
}
