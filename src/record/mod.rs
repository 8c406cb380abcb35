//! One audit record: its type, its event id and its fields, borrowed from the bytes that hold it.
//!
//! Knows the form in which the kernel and the user-space programs write records, not where the bytes came from, and no
//! clock. What a field's value means is `interpret`'s.

pub mod fields;
pub mod line;
pub mod stamp;

use crate::tables;

/// The number of a record type: `AUDIT_SYSCALL` is 1300 (`linux/audit.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

impl RecordType {
    /// A message from user space (`auditctl -m`).
    pub const USER: RecordType = RecordType(1005);
    /// A process's login uid was set.
    pub const LOGIN: RecordType = RecordType(1006);
    /// A command that a user runs as another one, as sudo tells it.
    pub const USER_CMD: RecordType = RecordType(1123);
    /// A session of a user began, says PAM.
    pub const USER_START: RecordType = RecordType(1105);
    /// A user was let in, says a login program.
    pub const USER_LOGIN: RecordType = RecordType(1112);
    /// The audit daemon started.
    pub const DAEMON_START: RecordType = RecordType(1200);
    /// The audit daemon ended in an orderly way.
    pub const DAEMON_END: RecordType = RecordType(1201);
    /// The audit daemon's settings changed; ktrail says here what others did to the rules.
    pub const DAEMON_CONFIG: RecordType = RecordType(1203);
    /// The audit daemon began a new segment of its log because somebody asked for it.
    pub const DAEMON_ROTATE: RecordType = RecordType(1205);
    /// The audit daemon writes again after it could not.
    pub const DAEMON_RESUME: RecordType = RecordType(1206);
    /// The audit daemon met an error; ktrail says here what was lost.
    pub const DAEMON_ERR: RecordType = RecordType(1209);
    /// A system call.
    pub const SYSCALL: RecordType = RecordType(1300);
    /// A path that a system call touched.
    pub const PATH: RecordType = RecordType(1302);
    /// The audit configuration changed.
    pub const CONFIG_CHANGE: RecordType = RecordType(1305);
    /// A socket address.
    pub const SOCKADDR: RecordType = RecordType(1306);
    /// The working directory of a system call.
    pub const CWD: RecordType = RecordType(1307);
    /// The arguments of an execve.
    pub const EXECVE: RecordType = RecordType(1309);
    /// The process that a signal or a trace went to.
    pub const OBJ_PID: RecordType = RecordType(1318);
    /// The end of an event of several records; auditd does not write it to disk.
    pub const EOE: RecordType = RecordType(1320);
    /// A packet that a netfilter rule logged.
    pub const NETFILTER_PKT: RecordType = RecordType(1324);
    /// A seccomp filter stopped or reported a system call.
    pub const SECCOMP: RecordType = RecordType(1326);
    /// The command line of a process.
    pub const PROCTITLE: RecordType = RecordType(1327);
    /// The kernel's probe whether the daemon lives.
    pub const REPLACE: RecordType = RecordType(1329);
    /// A kernel module was loaded or removed.
    pub const KERN_MODULE: RecordType = RecordType(1330);
    /// An operation of io_uring.
    pub const URINGOP: RecordType = RecordType(1336);
    /// What an openat2 asked for.
    pub const OPENAT2: RecordType = RecordType(1337);

    /// The type's name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        tables::record_type_name(self.0)
    }

    /// The type that `text` names: `SYSCALL`, or `UNKNOWN[1423]` for one without a name, its number in the shortest form.
    pub fn from_text(text: &[u8]) -> Option<RecordType> {
        let text = std::str::from_utf8(text).ok()?;
        if let Some(number) = tables::record_type_number(text) {
            return Some(RecordType(number));
        }
        let number = text.strip_prefix("UNKNOWN[")?.strip_suffix(']')?;
        // A number is also read from +5 and 005, which would come back as 5.
        let kind: u16 = number.parse().ok().filter(|kind: &u16| kind.to_string() == number)?;
        Some(RecordType(kind))
    }
}

impl std::fmt::Display for RecordType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "UNKNOWN[{}]", self.0),
        }
    }
}
