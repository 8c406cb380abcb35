//! What people call the things that system calls do.

use super::act::Act;

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

/// System calls by name, ascending: the verb, what follows it, and what kind of act it is.
#[rustfmt::skip]
const SYSCALLS: &[(&str, Verb, On, Act)] = &[
    ("accept", ("accepted a connection", "accept a connection"), On::Address("from"), Act::NetworkAccept),
    ("accept4", ("accepted a connection", "accept a connection"), On::Address("from"), Act::NetworkAccept),
    ("access", ("checked access to", "check access to"), On::Path, Act::FileExamine),
    ("acct", ("set process accounting to", "set process accounting to"), On::Path, Act::Invoke),
    ("add_key", ("added a key", "add a key"), On::Nothing, Act::Invoke),
    ("adjtimex", ("adjusted the clock", "adjust the clock"), On::Nothing, Act::HostChange),
    ("bind", ("bound a socket", "bind a socket"), On::Address("to"), Act::NetworkBind),
    ("bpf", ("used bpf", "use bpf"), On::Nothing, Act::Invoke),
    ("capset", ("set its capabilities", "set its capabilities"), On::Nothing, Act::ProcessChange),
    ("chdir", ("went to", "go to"), On::Path, Act::ProcessChange),
    ("chmod", ("changed the mode of", "change the mode of"), On::Path, Act::FileSecurity),
    ("chown", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("chown32", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("chroot", ("changed the root to", "change the root to"), On::Path, Act::ProcessChange),
    ("clock_adjtime", ("adjusted the clock", "adjust the clock"), On::Nothing, Act::HostChange),
    ("clock_settime", ("set the clock", "set the clock"), On::Nothing, Act::HostChange),
    ("clone", ("started a process", "start a process"), On::Nothing, Act::ProcessStart),
    ("clone3", ("started a process", "start a process"), On::Nothing, Act::ProcessStart),
    ("connect", ("connected", "connect"), On::Address("to"), Act::NetworkConnect),
    ("creat", ("wrote", "write"), On::Open(Flags::Creat), Act::FileOpen),
    ("delete_module", ("removed the kernel module", "remove the kernel module"), On::Module, Act::ModuleUnload),
    ("execve", ("ran", "run"), On::Program, Act::ProcessStart),
    ("execveat", ("ran", "run"), On::Program, Act::ProcessStart),
    ("exit", ("ended", "end"), On::Nothing, Act::ProcessEnd),
    ("exit_group", ("ended", "end"), On::Nothing, Act::ProcessEnd),
    ("faccessat", ("checked access to", "check access to"), On::Path, Act::FileExamine),
    ("faccessat2", ("checked access to", "check access to"), On::Path, Act::FileExamine),
    ("fallocate", ("reserved space in", "reserve space in"), On::Path, Act::FileWrite),
    ("fchdir", ("went to", "go to"), On::Path, Act::ProcessChange),
    ("fchmod", ("changed the mode of", "change the mode of"), On::Path, Act::FileSecurity),
    ("fchmodat", ("changed the mode of", "change the mode of"), On::Path, Act::FileSecurity),
    ("fchmodat2", ("changed the mode of", "change the mode of"), On::Path, Act::FileSecurity),
    ("fchown", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("fchown32", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("fchownat", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("fgetxattr", ("read an attribute of", "read an attribute of"), On::Path, Act::FileExamine),
    ("finit_module", ("loaded the kernel module", "load the kernel module"), On::Module, Act::ModuleLoad),
    ("fork", ("started a process", "start a process"), On::Nothing, Act::ProcessStart),
    ("fremovexattr", ("removed an attribute of", "remove an attribute of"), On::Path, Act::FileAttributes),
    ("fsetxattr", ("set an attribute of", "set an attribute of"), On::Path, Act::FileAttributes),
    ("fstat", ("examined", "examine"), On::Path, Act::FileExamine),
    ("ftruncate", ("truncated", "truncate"), On::Path, Act::FileWrite),
    ("futimesat", ("changed the times of", "change the times of"), On::Path, Act::FileAttributes),
    ("getdents", ("listed", "list"), On::Path, Act::FileRead),
    ("getdents64", ("listed", "list"), On::Path, Act::FileRead),
    ("getpeername", ("asked for the peer", "ask for the peer"), On::Address("at"), Act::Invoke),
    ("getsockname", ("asked for the address", "ask for the address"), On::Address("at"), Act::Invoke),
    ("getxattr", ("read an attribute of", "read an attribute of"), On::Path, Act::FileExamine),
    ("init_module", ("loaded the kernel module", "load the kernel module"), On::Module, Act::ModuleLoad),
    ("ioctl", ("controlled a device", "control a device"), On::Nothing, Act::Invoke),
    ("kexec_file_load", ("loaded a kernel to run next", "load a kernel to run next"), On::Nothing, Act::Invoke),
    ("kexec_load", ("loaded a kernel to run next", "load a kernel to run next"), On::Nothing, Act::Invoke),
    ("keyctl", ("used the keyring", "use the keyring"), On::Nothing, Act::Invoke),
    ("kill", ("sent a signal", "send a signal"), On::Signal(1), Act::ProcessSignal),
    ("lchown", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("lchown32", ("changed the owner of", "change the owner of"), On::Path, Act::FileSecurity),
    ("lgetxattr", ("read an attribute of", "read an attribute of"), On::Path, Act::FileExamine),
    ("link", ("linked", "link"), On::Link, Act::FileCreate),
    ("linkat", ("linked", "link"), On::Link, Act::FileCreate),
    ("listen", ("listened on a socket", "listen on a socket"), On::Nothing, Act::NetworkListen),
    ("lremovexattr", ("removed an attribute of", "remove an attribute of"), On::Path, Act::FileAttributes),
    ("lsetxattr", ("set an attribute of", "set an attribute of"), On::Path, Act::FileAttributes),
    ("lstat", ("examined", "examine"), On::Path, Act::FileExamine),
    ("mkdir", ("made the directory", "make the directory"), On::Path, Act::FileCreate),
    ("mkdirat", ("made the directory", "make the directory"), On::Path, Act::FileCreate),
    ("mknod", ("made the node", "make the node"), On::Path, Act::FileCreate),
    ("mknodat", ("made the node", "make the node"), On::Path, Act::FileCreate),
    ("mmap", ("mapped memory", "map memory"), On::Nothing, Act::Invoke),
    ("mount", ("mounted", "mount"), On::Path, Act::Mount),
    ("mq_open", ("opened the message queue", "open the message queue"), On::Path, Act::Invoke),
    ("mq_unlink", ("deleted the message queue", "delete the message queue"), On::Path, Act::Invoke),
    ("newfstatat", ("examined", "examine"), On::Path, Act::FileExamine),
    ("open", ("opened", "open"), On::Open(Flags::Argument(1)), Act::FileOpen),
    ("open_by_handle_at", ("opened", "open"), On::Open(Flags::Argument(2)), Act::FileOpen),
    ("openat", ("opened", "open"), On::Open(Flags::Argument(2)), Act::FileOpen),
    ("openat2", ("opened", "open"), On::Open(Flags::Record), Act::FileOpen),
    ("personality", ("changed its execution domain", "change its execution domain"), On::Nothing, Act::ProcessChange),
    ("pidfd_send_signal", ("sent a signal", "send a signal"), On::Signal(1), Act::ProcessSignal),
    ("pivot_root", ("changed the root file system to", "change the root file system to"), On::Path, Act::ProcessChange),
    ("process_vm_readv", ("read the memory of", "read the memory of"), On::Process, Act::ProcessAccess),
    ("process_vm_writev", ("wrote to the memory of", "write to the memory of"), On::Process, Act::ProcessInject),
    ("ptrace", ("traced", "trace"), On::Process, Act::ProcessAccess),
    ("quotactl", ("controlled quotas of", "control quotas of"), On::Path, Act::Invoke),
    ("readlink", ("read the link", "read the link"), On::Path, Act::FileRead),
    ("readlinkat", ("read the link", "read the link"), On::Path, Act::FileRead),
    ("reboot", ("rebooted or stopped the machine", "reboot or stop the machine"), On::Nothing, Act::HostStop),
    ("recvfrom", ("received data", "receive data"), On::Address("from"), Act::NetworkTraffic),
    ("recvmsg", ("received data", "receive data"), On::Address("from"), Act::NetworkTraffic),
    ("removexattr", ("removed an attribute of", "remove an attribute of"), On::Path, Act::FileAttributes),
    ("rename", ("renamed", "rename"), On::Rename, Act::FileRename),
    ("renameat", ("renamed", "rename"), On::Rename, Act::FileRename),
    ("renameat2", ("renamed", "rename"), On::Rename, Act::FileRename),
    ("rmdir", ("removed the directory", "remove the directory"), On::Path, Act::FileDelete),
    ("sendmmsg", ("sent data", "send data"), On::Address("to"), Act::NetworkTraffic),
    ("sendmsg", ("sent data", "send data"), On::Address("to"), Act::NetworkTraffic),
    ("sendto", ("sent data", "send data"), On::Address("to"), Act::NetworkTraffic),
    ("setdomainname", ("set the domain name", "set the domain name"), On::Nothing, Act::HostChange),
    ("setfsuid", ("changed its file system user", "change its file system user"), On::Nothing, Act::ProcessIdentity),
    ("setgid", ("changed its group", "change its group"), On::Nothing, Act::ProcessIdentity),
    ("setgroups", ("changed its groups", "change its groups"), On::Nothing, Act::ProcessIdentity),
    ("sethostname", ("set the host name", "set the host name"), On::Nothing, Act::HostChange),
    ("setns", ("entered a namespace", "enter a namespace"), On::Nothing, Act::ProcessChange),
    ("setregid", ("changed its group", "change its group"), On::Nothing, Act::ProcessIdentity),
    ("setresgid", ("changed its group", "change its group"), On::Nothing, Act::ProcessIdentity),
    ("setresuid", ("changed its user", "change its user"), On::Nothing, Act::ProcessIdentity),
    ("setreuid", ("changed its user", "change its user"), On::Nothing, Act::ProcessIdentity),
    ("settimeofday", ("set the clock", "set the clock"), On::Nothing, Act::HostChange),
    ("setuid", ("changed its user", "change its user"), On::Nothing, Act::ProcessIdentity),
    ("setxattr", ("set an attribute of", "set an attribute of"), On::Path, Act::FileAttributes),
    ("socket", ("opened a socket", "open a socket"), On::Nothing, Act::Invoke),
    ("stat", ("examined", "examine"), On::Path, Act::FileExamine),
    ("statfs", ("examined the file system of", "examine the file system of"), On::Path, Act::FileExamine),
    ("statx", ("examined", "examine"), On::Path, Act::FileExamine),
    ("swapoff", ("stopped swapping to", "stop swapping to"), On::Path, Act::Invoke),
    ("swapon", ("started swapping to", "start swapping to"), On::Path, Act::Invoke),
    ("symlink", ("linked", "link"), On::Link, Act::FileCreate),
    ("symlinkat", ("linked", "link"), On::Link, Act::FileCreate),
    ("tgkill", ("sent a signal", "send a signal"), On::Signal(2), Act::ProcessSignal),
    ("tkill", ("sent a signal", "send a signal"), On::Signal(1), Act::ProcessSignal),
    ("truncate", ("truncated", "truncate"), On::Path, Act::FileWrite),
    ("umount", ("unmounted", "unmount"), On::Path, Act::Unmount),
    ("umount2", ("unmounted", "unmount"), On::Path, Act::Unmount),
    ("unlink", ("deleted", "delete"), On::Path, Act::FileDelete),
    ("unlinkat", ("deleted", "delete"), On::Path, Act::FileDelete),
    ("unshare", ("left a namespace", "leave a namespace"), On::Nothing, Act::ProcessChange),
    ("utime", ("changed the times of", "change the times of"), On::Path, Act::FileAttributes),
    ("utimensat", ("changed the times of", "change the times of"), On::Path, Act::FileAttributes),
    ("utimes", ("changed the times of", "change the times of"), On::Path, Act::FileAttributes),
    ("vfork", ("started a process", "start a process"), On::Nothing, Act::ProcessStart),
];

/// What the system call of that name does.
pub(super) fn verb(name: &str) -> Option<(Verb, On, Act)> {
    let found = SYSCALLS.binary_search_by(|(known, ..)| known.cmp(&name));
    found.ok().and_then(|at| SYSCALLS.get(at)).map(|(_, verb, on, act)| (*verb, *on, *act))
}

/// What an open with these flags is for: O_ACCMODE is 3, O_PATH 0o10000000 on all architectures that ktrail knows.
pub(super) fn opened(flags: u64) -> (Verb, Act) {
    match flags & 3 {
        _ if flags & 0o10_000_000 != 0 => (("referred to", "refer to"), Act::FileOpen),
        0 => (("read", "read"), Act::FileRead),
        1 => (("wrote", "write"), Act::FileWrite),
        2 => (("read and wrote", "read and write"), Act::FileWrite),
        _ => (("opened", "open"), Act::FileOpen),
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
