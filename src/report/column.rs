//! The columns of lists.

/// One column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// When it was.
    Time,
    /// The event's serial.
    Serial,
    /// The event's type: that of its first record.
    Type,
    /// The login's user.
    Auid,
    /// Who logged in or failed to: the account that a failed login names, otherwise the login's user.
    Login,
    /// The account that was acted on.
    Account,
    /// Whether it succeeded.
    Outcome,
    /// The executable.
    Exe,
    /// The command's name.
    Comm,
    /// The process.
    Pid,
    /// The login session.
    Session,
    /// The terminal.
    Terminal,
    /// The other host.
    Host,
    /// The system call.
    Syscall,
    /// A file.
    File,
    /// A rule's key.
    Key,
    /// What was typed.
    Keystrokes,
    /// The security context of who asked for access.
    Subject,
    /// That of what was asked for.
    Object,
    /// The class of that.
    Class,
    /// The permissions that were asked for.
    Permissions,
    /// Whether they were granted.
    Granted,
}

impl Column {
    /// The column's name in JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Serial => "serial",
            Column::Type => "type",
            Column::Auid => "auid",
            Column::Login => "login",
            Column::Account => "account",
            Column::Outcome => "success",
            Column::Exe => "exe",
            Column::Comm => "comm",
            Column::Pid => "pid",
            Column::Session => "session",
            Column::Terminal => "terminal",
            Column::Host => "host",
            Column::Syscall => "syscall",
            Column::File => "file",
            Column::Key => "key",
            Column::Keystrokes => "keystrokes",
            Column::Subject => "subject",
            Column::Object => "object",
            Column::Class => "class",
            Column::Permissions => "permissions",
            Column::Granted => "granted",
        }
    }
}
