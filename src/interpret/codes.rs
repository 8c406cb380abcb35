//! Numbers with names: modes, errors, capabilities, signals, verdicts.

use std::borrow::Cow;
use std::fmt;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::tables;

/// Why a system call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error's name: `EACCES`.
    pub name: &'static str,
    /// What it says: `Permission denied`. Empty for an error that the kernel keeps to itself.
    pub text: &'static str,
}

/// Errors that never reach a program but can stand in a record, when a signal interrupts a call
/// (`include/linux/errno.h` of the kernel).
const INTERNAL: &[(u32, &str)] =
    &[(512, "ERESTARTSYS"), (513, "ERESTARTNOINTR"), (514, "ERESTARTNOHAND"), (516, "ERESTART_RESTARTBLOCK")];

impl Failure {
    /// The failure that a negative result of a system call stands for.
    pub fn of_exit(exit: i64) -> Option<Failure> {
        let number = u32::try_from(exit.checked_neg()?).ok().filter(|number| *number > 0)?;
        let internal = || INTERNAL.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
        let name = tables::errno_name(number).or_else(internal)?;
        let errno = i32::try_from(number).map_or(Errno::UnknownErrno, Errno::from_raw);
        let text = if errno == Errno::UnknownErrno { "" } else { errno.desc() };
        Some(Failure { name, text })
    }
}

impl fmt::Display for Failure {
    /// `EACCES(Permission denied)`, as ausearch writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text {
            "" => f.write_str(self.name),
            text => write!(f, "{}({text})", self.name),
        }
    }
}

/// A file's type and permissions: `0o100644` is `file,644`, `0o41777` is `dir,sticky,777`.
pub fn mode(mode: u32) -> String {
    let mut text = match file_type(mode) {
        Some(name) => name.to_owned(),
        None => format!("{:03o}", (mode & 0o170_000) >> 12),
    };
    for (bit, name) in [(0o4000, ",suid"), (0o2000, ",sgid"), (0o1000, ",sticky")] {
        if mode & bit != 0 {
            text.push_str(name);
        }
    }
    text + &format!(",{:03o}", mode & 0o777)
}

/// The type of a file by its mode (`stat.h`).
pub fn file_type(mode: u32) -> Option<&'static str> {
    Some(match mode & 0o170_000 {
        0o140_000 => "socket",
        0o120_000 => "link",
        0o100_000 => "file",
        0o060_000 => "block",
        0o040_000 => "dir",
        0o020_000 => "character",
        0o010_000 => "fifo",
        _ => return None,
    })
}

/// The capabilities by their numbers (`linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The names of a set of capabilities, `none` for the empty one; bits without a name are written as a number.
pub fn capabilities(set: u64) -> Cow<'static, str> {
    if set == 0 {
        return Cow::Borrowed("none");
    }
    let mut rest = set;
    let mut names = Vec::new();
    for (bit, name) in CAPABILITIES.iter().enumerate() {
        if rest & (1 << bit) != 0 {
            rest &= !(1 << bit);
            names.push(*name);
        }
    }
    let mut text = names.join(",");
    if rest != 0 {
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(&format!("{comma}{rest:#x}"));
    }
    Cow::Owned(text)
}

/// The name of a signal: `SIGSEGV` for 11.
pub fn signal(number: u32) -> Option<&'static str> {
    Some(Signal::try_from(i32::try_from(number).ok()?).ok()?.as_str())
}

/// What a seccomp filter decided (`SECCOMP_RET_*` of `linux/seccomp.h`; the low 16 bits are data of the filter's).
pub fn seccomp(code: u32) -> Option<&'static str> {
    Some(match code & 0xffff_0000 {
        0x8000_0000 => "kill-process",
        0x0000_0000 => "kill-thread",
        0x0003_0000 => "trap",
        0x0005_0000 => "errno",
        0x7fc0_0000 => "user-notify",
        0x7ff0_0000 => "trace",
        0x7ffc_0000 => "log",
        0x7fff_0000 => "allow",
        _ => return None,
    })
}

/// The name of a list of rules (`AUDIT_FILTER_*` of `linux/audit.h`).
pub fn list(number: u32) -> Option<&'static str> {
    ["user", "task", "entry", "watch", "exit", "exclude", "filesystem", "io_uring"]
        .get(usize::try_from(number).ok()?)
        .copied()
}
