//! What the arguments of system calls say: flags, modes, ids and other numbers with names.

use std::borrow::Cow;

use super::codes;
use crate::interpret::address;
use crate::interpret::{Kind, UNSET};
use crate::tables::constants as c;

/// A list of numbers with their names.
type Names = &'static [(u64, &'static str)];

/// What an argument is.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// One of these.
    Names(Names),
    /// Bits of these; where those of the mask are all unset, it says so first.
    Flags(Names, u64, &'static str),
    /// Flags of open.
    Open,
    /// Permissions, if the argument before it creates a file.
    OpenMode,
    /// Permissions of a file.
    Permissions,
    /// Type and permissions of a file.
    Mode,
    /// Flags and permissions of shared memory.
    Shm,
    /// A directory's descriptor.
    Directory,
    /// A signal.
    Signal,
    /// A signal and flags.
    Clone,
    /// An address family.
    Family,
    /// A socket's type, with flags beside it.
    SocketType,
    /// The level of a socket option.
    Level,
    /// A socket option, which depends on its level.
    SocketOption,
    /// A status that a process ends with.
    Status,
    /// What the command of fcntl asks for.
    FcntlArgument,
    /// What the operation of prctl asks for.
    PrctlArgument,
    /// An execution domain with a flag.
    Personality,
    /// A scheduling policy with a flag.
    Scheduler,
    /// A user id.
    User,
    /// A group id.
    Group,
}

use Meaning::*;

/// System calls with the place and the meaning of an argument, ascending.
const ARGUMENTS: &[(&str, usize, Meaning)] = &[
    ("access", 1, Flags(c::ACCESS, 15, "F_OK")),
    ("bpf", 0, Names(c::BPF)),
    ("chmod", 1, Permissions),
    ("chown", 1, User),
    ("chown32", 1, User),
    ("clock_settime", 0, Names(c::CLOCK)),
    ("clone", 2, Clone),
    ("creat", 1, Permissions),
    ("epoll_ctl", 1, Names(c::EPOLL)),
    ("exit", 0, Status),
    ("exit_group", 0, Status),
    ("faccessat", 0, Directory),
    ("faccessat", 2, Flags(c::ACCESS, 15, "F_OK")),
    ("faccessat2", 0, Directory),
    ("faccessat2", 2, Flags(c::ACCESS, 15, "F_OK")),
    ("fchmod", 1, Permissions),
    ("fchmodat", 0, Directory),
    ("fchmodat", 2, Permissions),
    ("fchownat", 0, Directory),
    ("fcntl", 1, Names(c::FCNTL)),
    ("fcntl", 2, FcntlArgument),
    ("fcntl64", 1, Names(c::FCNTL)),
    ("fcntl64", 2, FcntlArgument),
    ("fstatat64", 0, Directory),
    ("futimesat", 0, Directory),
    ("getrlimit", 0, Names(c::RLIMIT)),
    ("getsockopt", 1, Level),
    ("getsockopt", 2, SocketOption),
    ("ioctl", 1, Names(c::IOCTL)),
    ("ipc", 0, Names(c::IPC)),
    ("kill", 1, Signal),
    ("linkat", 0, Directory),
    ("linkat", 2, Directory),
    ("lseek", 2, Names(c::SEEK)),
    ("mkdir", 1, Permissions),
    ("mkdirat", 0, Directory),
    ("mkdirat", 2, Permissions),
    ("mknod", 1, Mode),
    ("mknodat", 0, Directory),
    ("mknodat", 2, Permissions),
    ("mmap", 2, Flags(c::PROT, 7, "PROT_NONE")),
    ("mmap", 3, Flags(c::MAP, 15, "MAP_FILE")),
    ("mmap2", 2, Flags(c::PROT, 7, "PROT_NONE")),
    ("mmap2", 3, Flags(c::MAP, 15, "MAP_FILE")),
    ("mount", 3, Flags(c::MOUNT, 0, "")),
    ("mprotect", 2, Flags(c::PROT, 7, "PROT_NONE")),
    ("mq_open", 1, Open),
    ("mq_open", 2, OpenMode),
    ("name_to_handle_at", 0, Directory),
    ("newfstatat", 0, Directory),
    ("open", 1, Open),
    ("open", 2, OpenMode),
    ("open_by_handle_at", 2, Open),
    ("openat", 0, Directory),
    ("openat", 2, Open),
    ("openat2", 0, Directory),
    ("personality", 0, Personality),
    ("prctl", 0, Names(c::PRCTL)),
    ("prctl", 1, PrctlArgument),
    ("ptrace", 0, Names(c::PTRACE)),
    ("readlinkat", 0, Directory),
    ("readlinkat", 2, Directory),
    ("recvfrom", 3, Flags(c::MSG, 0, "")),
    ("recvmmsg", 3, Flags(c::MSG, 0, "")),
    ("recvmsg", 2, Flags(c::MSG, 0, "")),
    ("renameat", 0, Directory),
    ("renameat", 2, Directory),
    ("renameat2", 0, Directory),
    ("renameat2", 2, Directory),
    ("rt_sigaction", 0, Signal),
    ("sched_setscheduler", 1, Scheduler),
    ("sendmmsg", 3, Flags(c::MSG, 0, "")),
    ("sendmsg", 2, Flags(c::MSG, 0, "")),
    ("sendto", 3, Flags(c::MSG, 0, "")),
    ("setfsgid", 0, Group),
    ("setfsuid", 0, User),
    ("setgid", 0, Group),
    ("setgid32", 0, Group),
    ("setns", 1, Clone),
    ("setregid", 0, Group),
    ("setregid", 1, Group),
    ("setregid32", 0, Group),
    ("setregid32", 1, Group),
    ("setresgid", 0, Group),
    ("setresgid", 1, Group),
    ("setresgid", 2, Group),
    ("setresgid32", 0, Group),
    ("setresgid32", 1, Group),
    ("setresgid32", 2, Group),
    ("setresuid", 0, User),
    ("setresuid", 1, User),
    ("setresuid", 2, User),
    ("setresuid32", 0, User),
    ("setresuid32", 1, User),
    ("setresuid32", 2, User),
    ("setreuid", 0, User),
    ("setreuid", 1, User),
    ("setreuid32", 0, User),
    ("setreuid32", 1, User),
    ("setrlimit", 0, Names(c::RLIMIT)),
    ("setsockopt", 1, Level),
    ("setsockopt", 2, SocketOption),
    ("setuid", 0, User),
    ("setuid32", 0, User),
    ("shmget", 2, Shm),
    ("socket", 0, Family),
    ("socket", 1, SocketType),
    ("socket", 2, Names(c::PROTOCOL)),
    ("socketcall", 0, Names(c::SOCKETCALL)),
    ("tgkill", 2, Signal),
    ("tkill", 1, Signal),
    ("umount2", 1, Flags(c::UMOUNT, 0, "")),
    ("unlinkat", 0, Directory),
    ("unshare", 0, Clone),
    ("utimensat", 0, Directory),
];

impl Meaning {
    /// Whose name the argument is, if it is an id.
    pub fn id_kind(self) -> Option<Kind> {
        match self {
            User => Some(Kind::User),
            Group => Some(Kind::Group),
            _ => None,
        }
    }

    /// The argument at a place in words; `None` for one that is only a number. `arguments` are `a0` to `a3`.
    pub fn words(self, place: usize, arguments: &[u64; 4]) -> Option<Cow<'static, str>> {
        words(self, place, arguments)
    }
}

fn words(meaning: Meaning, place: usize, arguments: &[u64; 4]) -> Option<Cow<'static, str>> {
    let value = *arguments.get(place)?;
    let before = place.checked_sub(1).and_then(|place| arguments.get(place)).copied().unwrap_or(0);
    // Machines of 64 bits record an int with whatever is above it.
    let low = value & 0xffff_ffff;
    Some(match meaning {
        Names(names) => Cow::Borrowed(name(names, low)?),
        Flags(names, mask, none) => flags(names, mask, none, low)?,
        Open => flags(c::OPEN, 3, "O_RDONLY", low)?,
        OpenMode if before & CREATES != 0 => Cow::Owned(permissions(low)),
        OpenMode => return None,
        Permissions => Cow::Owned(permissions(low)),
        Mode => Cow::Owned(codes::mode(u32::try_from(low).ok()?)),
        Shm => {
            let names = flags(c::SHM, 0, "", low);
            Cow::Owned(
                names.map(|names| names + "|").unwrap_or_default().into_owned() + &permissions(low & 0o777),
            )
        }
        Directory if low == AT_FDCWD => Cow::Borrowed("AT_FDCWD"),
        Directory => return None,
        Signal => signal(low)?,
        Clone => clone(low)?,
        Family => Cow::Borrowed(match low {
            0 => return None,
            1 => "local",
            _ => address::family_name(u16::try_from(low).ok()?)?,
        }),
        SocketType => Cow::Borrowed(name(c::SOCKET_TYPE, low & 0xff)?),
        Level => Cow::Borrowed(name(c::SOCKET_LEVEL, low).or_else(|| name(c::PROTOCOL, low))?),
        SocketOption => {
            let names = match before {
                0 => c::IP_OPTION,
                1 => c::SOCKET_OPTION,
                6 => c::TCP_OPTION,
                41 => c::IPV6_OPTION,
                _ => return None,
            };
            Cow::Borrowed(name(names, low)?)
        }
        Status => Cow::Borrowed(match low {
            0 => "EXIT_SUCCESS",
            1 => "EXIT_FAILURE",
            _ => return None,
        }),
        FcntlArgument => match before {
            2 if low == 1 => Cow::Borrowed("FD_CLOEXEC"),
            _ => return None,
        },
        PrctlArgument => match before {
            1 => signal(low)?,
            23 | 24 => codes::capabilities(1u64.checked_shl(u32::try_from(low).ok()?)?),
            _ => return None,
        },
        Personality => personality(low)?,
        Scheduler => with_flag(c::SCHEDULER, low, 0xf, 0x4000_0000, "SCHED_RESET_ON_FORK")?,
        User | Group => (low == u64::from(UNSET)).then_some(Cow::Borrowed("unset"))?,
    })
}

/// `O_CREAT` and the part of `O_TMPFILE` that is its own.
const CREATES: u64 = 0x40 | 0x40_0000;

/// `AT_FDCWD` of `fcntl.h` in 32 bits.
const AT_FDCWD: u64 = 0xffff_ff9c;

/// What the argument at a place of a system call is.
pub fn meaning(syscall: &str, place: usize) -> Option<Meaning> {
    let found = ARGUMENTS.binary_search_by(|(known, at, _)| (*known, *at).cmp(&(syscall, place)));
    found.ok().and_then(|at| ARGUMENTS.get(at)).map(|(.., meaning)| *meaning)
}

/// The name of a number in an ascending list.
pub fn name(names: Names, number: u64) -> Option<&'static str> {
    let found = names.binary_search_by(|(known, _)| known.cmp(&number));
    found.ok().and_then(|at| names.get(at)).map(|(_, name)| *name)
}

/// The names of the bits that are set, joined by `|`; `None` when none has a name.
fn flags(names: Names, mask: u64, none: &'static str, value: u64) -> Option<Cow<'static, str>> {
    let first = (mask != 0 && value & mask == 0).then_some(none);
    let set = names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name);
    let mut found = first.into_iter().chain(set);
    let one = found.next()?;
    let mut text = Cow::Borrowed(one);
    for name in found {
        text += "|";
        text += name;
    }
    Some(text)
}

/// Flags of open as words.
pub fn open_flags(value: u64) -> Option<Cow<'static, str>> {
    flags(c::OPEN, 3, "O_RDONLY", value)
}

/// Flags of openat2's `resolve` as words.
pub fn resolve_flags(value: u64) -> Option<Cow<'static, str>> {
    flags(c::RESOLVE, 0, "", value)
}

/// Flags of mmap as words.
pub fn map_flags(value: u64) -> Option<Cow<'static, str>> {
    flags(c::MAP, 15, "MAP_FILE", value)
}

/// An execution domain as words.
pub fn personality(value: u64) -> Option<Cow<'static, str>> {
    with_flag(c::PERSONALITY, value, 0xff, 0x0004_0000, "~ADDR_NO_RANDOMIZE")
}

fn with_flag(names: Names, value: u64, mask: u64, flag: u64, flag_name: &str) -> Option<Cow<'static, str>> {
    let name = name(names, value & mask)?;
    Some(match value & flag {
        0 => Cow::Borrowed(name),
        _ => Cow::Owned(format!("{name}|{flag_name}")),
    })
}

fn clone(value: u64) -> Option<Cow<'static, str>> {
    let flags = flags(c::CLONE, 0, "", value);
    let signal = signal(value & 0xff).filter(|_| value & 0xff != 0);
    match (flags, signal) {
        (Some(flags), Some(signal)) => Some(flags + "|" + signal),
        (flags, signal) => flags.or(signal),
    }
}

fn signal(value: u64) -> Option<Cow<'static, str>> {
    match value {
        0 => Some(Cow::Borrowed("SIG0")),
        _ => codes::signal(u32::try_from(value).ok()?).map(Cow::Borrowed),
    }
}

/// `0644`, with `suid,`, `sgid,` and `sticky,` before it.
fn permissions(mode: u64) -> String {
    let mut text = String::new();
    for (bit, name) in [(0o4000, "suid,"), (0o2000, "sgid,"), (0o1000, "sticky,")] {
        if mode & bit != 0 {
            text.push_str(name);
        }
    }
    text + &format!("0{:03o}", mode & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ascending() {
        assert!(ARGUMENTS.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
    }

    #[test]
    fn arguments_are_told_by_their_system_call() {
        let cases: &[(&str, usize, [u64; 4], Option<&str>)] = &[
            ("openat", 0, [0xffff_ff9c, 0, 0, 0], Some("AT_FDCWD")),
            ("openat", 0, [5, 0, 0, 0], None),
            ("openat", 2, [0, 0, 0x241, 0], Some("O_WRONLY|O_CREAT|O_TRUNC")),
            ("open", 2, [0, 0x40, 0o1644, 0], Some("sticky,0644")),
            ("open", 2, [0, 0, 0o644, 0], None),
            ("kill", 1, [0, 9, 0, 0], Some("SIGKILL")),
            ("clone", 0, [0x11, 0, 0, 0], None),
            ("unshare", 0, [0x4000_0000, 0, 0, 0], Some("CLONE_NEWNET")),
            ("clone", 2, [0, 0, 0x111, 0], Some("CLONE_VM|SIGCHLD")),
            ("setsockopt", 2, [3, 1, 2, 0], Some("SO_REUSEADDR")),
            ("setsockopt", 2, [3, 99, 2, 0], None),
            ("mmap", 3, [0, 0, 0, 0x22], Some("MAP_PRIVATE|MAP_ANONYMOUS")),
            ("mmap", 2, [0, 0, 0, 0], Some("PROT_NONE")),
            ("mount", 3, [0, 0, 0, 0], None),
            ("prctl", 1, [24, 21, 0, 0], Some("sys_admin")),
            ("shmget", 2, [0, 0, 0o1600, 0], Some("IPC_CREAT|0600")),
            ("personality", 0, [0x40000, 0, 0, 0], Some("PER_LINUX|~ADDR_NO_RANDOMIZE")),
            ("no such call", 0, [0; 4], None),
            ("open", 4, [0; 4], None),
        ];
        for (syscall, place, arguments, expected) in cases {
            let found = meaning(syscall, *place).and_then(|meaning| meaning.words(*place, arguments));
            assert_eq!(found.as_deref(), *expected, "{syscall} a{place}");
        }
    }
}
