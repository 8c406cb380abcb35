//! What people call the things that system calls do.

/// What a system call is done to, and where the records tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The path.
    Path,
    /// The path, opened in the way that the argument at this place says.
    Open(Flags),
    /// From the deleted to the created path.
    Rename,
    /// The created path; the second object is the other name.
    Link,
    /// A program with its arguments.
    Program,
    /// The socket address, with the word before it.
    Address(&'static str),
    /// Another process, with the place of a signal among the arguments.
    Signal(usize),
    /// Another process.
    Process,
    /// A kernel module.
    Module,
    /// Nothing that a record tells.
    Nothing,
}

/// Where the flags of an open stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    /// Among the arguments of the call.
    Argument(usize),
    /// In the OPENAT2 record.
    Record,
    /// Writing and creating, always.
    Creat,
}

/// A verb as it follows the actor, and as it follows `tried to`.
pub(super) type Verb = (&'static str, &'static str);

/// System calls by name, ascending.
const SYSCALLS: &[(&str, Verb, On)] = &[
    ("accept", ("accepted a connection", "accept a connection"), On::Address("from")),
    ("accept4", ("accepted a connection", "accept a connection"), On::Address("from")),
    ("access", ("checked access to", "check access to"), On::Path),
    ("acct", ("set process accounting to", "set process accounting to"), On::Path),
    ("add_key", ("added a key", "add a key"), On::Nothing),
    ("adjtimex", ("adjusted the clock", "adjust the clock"), On::Nothing),
    ("bind", ("bound a socket", "bind a socket"), On::Address("to")),
    ("bpf", ("used bpf", "use bpf"), On::Nothing),
    ("capset", ("set its capabilities", "set its capabilities"), On::Nothing),
    ("chdir", ("went to", "go to"), On::Path),
    ("chmod", ("changed the mode of", "change the mode of"), On::Path),
    ("chown", ("changed the owner of", "change the owner of"), On::Path),
    ("chown32", ("changed the owner of", "change the owner of"), On::Path),
    ("chroot", ("changed the root to", "change the root to"), On::Path),
    ("clock_adjtime", ("adjusted the clock", "adjust the clock"), On::Nothing),
    ("clock_settime", ("set the clock", "set the clock"), On::Nothing),
    ("clone", ("started a process", "start a process"), On::Nothing),
    ("clone3", ("started a process", "start a process"), On::Nothing),
    ("connect", ("connected", "connect"), On::Address("to")),
    ("creat", ("wrote", "write"), On::Open(Flags::Creat)),
    ("delete_module", ("removed the kernel module", "remove the kernel module"), On::Module),
    ("execve", ("ran", "run"), On::Program),
    ("execveat", ("ran", "run"), On::Program),
    ("exit", ("ended", "end"), On::Nothing),
    ("exit_group", ("ended", "end"), On::Nothing),
    ("faccessat", ("checked access to", "check access to"), On::Path),
    ("faccessat2", ("checked access to", "check access to"), On::Path),
    ("fallocate", ("reserved space in", "reserve space in"), On::Path),
    ("fchdir", ("went to", "go to"), On::Path),
    ("fchmod", ("changed the mode of", "change the mode of"), On::Path),
    ("fchmodat", ("changed the mode of", "change the mode of"), On::Path),
    ("fchmodat2", ("changed the mode of", "change the mode of"), On::Path),
    ("fchown", ("changed the owner of", "change the owner of"), On::Path),
    ("fchown32", ("changed the owner of", "change the owner of"), On::Path),
    ("fchownat", ("changed the owner of", "change the owner of"), On::Path),
    ("fgetxattr", ("read an attribute of", "read an attribute of"), On::Path),
    ("finit_module", ("loaded the kernel module", "load the kernel module"), On::Module),
    ("fork", ("started a process", "start a process"), On::Nothing),
    ("fremovexattr", ("removed an attribute of", "remove an attribute of"), On::Path),
    ("fsetxattr", ("set an attribute of", "set an attribute of"), On::Path),
    ("fstat", ("examined", "examine"), On::Path),
    ("ftruncate", ("truncated", "truncate"), On::Path),
    ("futimesat", ("changed the times of", "change the times of"), On::Path),
    ("getdents", ("listed", "list"), On::Path),
    ("getdents64", ("listed", "list"), On::Path),
    ("getpeername", ("asked for the peer", "ask for the peer"), On::Address("at")),
    ("getsockname", ("asked for the address", "ask for the address"), On::Address("at")),
    ("getxattr", ("read an attribute of", "read an attribute of"), On::Path),
    ("init_module", ("loaded the kernel module", "load the kernel module"), On::Module),
    ("ioctl", ("controlled a device", "control a device"), On::Nothing),
    ("kexec_file_load", ("loaded a kernel to run next", "load a kernel to run next"), On::Nothing),
    ("kexec_load", ("loaded a kernel to run next", "load a kernel to run next"), On::Nothing),
    ("keyctl", ("used the keyring", "use the keyring"), On::Nothing),
    ("kill", ("sent a signal", "send a signal"), On::Signal(1)),
    ("lchown", ("changed the owner of", "change the owner of"), On::Path),
    ("lchown32", ("changed the owner of", "change the owner of"), On::Path),
    ("lgetxattr", ("read an attribute of", "read an attribute of"), On::Path),
    ("link", ("linked", "link"), On::Link),
    ("linkat", ("linked", "link"), On::Link),
    ("listen", ("listened on a socket", "listen on a socket"), On::Nothing),
    ("lremovexattr", ("removed an attribute of", "remove an attribute of"), On::Path),
    ("lsetxattr", ("set an attribute of", "set an attribute of"), On::Path),
    ("lstat", ("examined", "examine"), On::Path),
    ("mkdir", ("made the directory", "make the directory"), On::Path),
    ("mkdirat", ("made the directory", "make the directory"), On::Path),
    ("mknod", ("made the node", "make the node"), On::Path),
    ("mknodat", ("made the node", "make the node"), On::Path),
    ("mmap", ("mapped memory", "map memory"), On::Nothing),
    ("mount", ("mounted", "mount"), On::Path),
    ("mq_open", ("opened the message queue", "open the message queue"), On::Path),
    ("mq_unlink", ("deleted the message queue", "delete the message queue"), On::Path),
    ("newfstatat", ("examined", "examine"), On::Path),
    ("open", ("opened", "open"), On::Open(Flags::Argument(1))),
    ("open_by_handle_at", ("opened", "open"), On::Open(Flags::Argument(2))),
    ("openat", ("opened", "open"), On::Open(Flags::Argument(2))),
    ("openat2", ("opened", "open"), On::Open(Flags::Record)),
    ("personality", ("changed its execution domain", "change its execution domain"), On::Nothing),
    ("pidfd_send_signal", ("sent a signal", "send a signal"), On::Signal(1)),
    ("pivot_root", ("changed the root file system to", "change the root file system to"), On::Path),
    ("process_vm_readv", ("read the memory", "read the memory"), On::Process),
    ("process_vm_writev", ("wrote to the memory", "write to the memory"), On::Process),
    ("ptrace", ("traced", "trace"), On::Process),
    ("quotactl", ("controlled quotas of", "control quotas of"), On::Path),
    ("readlink", ("read the link", "read the link"), On::Path),
    ("readlinkat", ("read the link", "read the link"), On::Path),
    ("reboot", ("rebooted or stopped the machine", "reboot or stop the machine"), On::Nothing),
    ("recvfrom", ("received data", "receive data"), On::Address("from")),
    ("recvmsg", ("received data", "receive data"), On::Address("from")),
    ("removexattr", ("removed an attribute of", "remove an attribute of"), On::Path),
    ("rename", ("renamed", "rename"), On::Rename),
    ("renameat", ("renamed", "rename"), On::Rename),
    ("renameat2", ("renamed", "rename"), On::Rename),
    ("rmdir", ("removed the directory", "remove the directory"), On::Path),
    ("sendmmsg", ("sent data", "send data"), On::Address("to")),
    ("sendmsg", ("sent data", "send data"), On::Address("to")),
    ("sendto", ("sent data", "send data"), On::Address("to")),
    ("setdomainname", ("set the domain name", "set the domain name"), On::Nothing),
    ("setfsuid", ("changed its file system user", "change its file system user"), On::Nothing),
    ("setgid", ("changed its group", "change its group"), On::Nothing),
    ("setgroups", ("changed its groups", "change its groups"), On::Nothing),
    ("sethostname", ("set the host name", "set the host name"), On::Nothing),
    ("setns", ("entered a namespace", "enter a namespace"), On::Nothing),
    ("setregid", ("changed its group", "change its group"), On::Nothing),
    ("setresgid", ("changed its group", "change its group"), On::Nothing),
    ("setresuid", ("changed its user", "change its user"), On::Nothing),
    ("setreuid", ("changed its user", "change its user"), On::Nothing),
    ("settimeofday", ("set the clock", "set the clock"), On::Nothing),
    ("setuid", ("changed its user", "change its user"), On::Nothing),
    ("setxattr", ("set an attribute of", "set an attribute of"), On::Path),
    ("socket", ("opened a socket", "open a socket"), On::Nothing),
    ("stat", ("examined", "examine"), On::Path),
    ("statfs", ("examined the file system of", "examine the file system of"), On::Path),
    ("statx", ("examined", "examine"), On::Path),
    ("swapoff", ("stopped swapping to", "stop swapping to"), On::Path),
    ("swapon", ("started swapping to", "start swapping to"), On::Path),
    ("symlink", ("linked", "link"), On::Link),
    ("symlinkat", ("linked", "link"), On::Link),
    ("tgkill", ("sent a signal", "send a signal"), On::Signal(2)),
    ("tkill", ("sent a signal", "send a signal"), On::Signal(1)),
    ("truncate", ("truncated", "truncate"), On::Path),
    ("umount", ("unmounted", "unmount"), On::Path),
    ("umount2", ("unmounted", "unmount"), On::Path),
    ("unlink", ("deleted", "delete"), On::Path),
    ("unlinkat", ("deleted", "delete"), On::Path),
    ("unshare", ("left a namespace", "leave a namespace"), On::Nothing),
    ("utime", ("changed the times of", "change the times of"), On::Path),
    ("utimensat", ("changed the times of", "change the times of"), On::Path),
    ("utimes", ("changed the times of", "change the times of"), On::Path),
    ("vfork", ("started a process", "start a process"), On::Nothing),
];

/// What the system call of that name does.
pub(super) fn verb(name: &str) -> Option<(Verb, On)> {
    let found = SYSCALLS.binary_search_by(|(known, ..)| known.cmp(&name));
    found.ok().and_then(|at| SYSCALLS.get(at)).map(|(_, verb, on)| (*verb, *on))
}

/// What an open with these flags is for: O_ACCMODE is 3, O_PATH 0o10000000 on all architectures that ktrail knows.
pub(super) fn opened(flags: u64) -> Verb {
    match flags & 3 {
        _ if flags & 0o10_000_000 != 0 => ("referred to", "refer to"),
        0 => ("read", "read"),
        1 => ("wrote", "write"),
        2 => ("read and wrote", "read and write"),
        _ => ("opened", "open"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{self, Arch};

    #[test]
    fn the_table_is_ascending_and_its_names_are_system_calls() {
        assert!(SYSCALLS.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for (name, ..) in SYSCALLS {
            let known =
                [Arch::X86_64, Arch::I386].iter().any(|arch| tables::syscall_number(*arch, name).is_some());
            assert!(known, "{name}");
        }
    }
}
