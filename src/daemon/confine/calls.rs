//! Which system calls can be made, by a seccomp filter: those that the daemon, its libraries and ordinary commands make.
//!
//! All others fail with ENOSYS, as on a kernel that does not have them, so that a library falls back on an older one.
//! Among them is `clone3`, of which a filter cannot see what it is asked for.

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::libc;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::protocol::Enforced;
use crate::tables::{Arch, syscall_number};

/// The version of the list: another one for each list, since a process keeps the list that it began with.
pub(super) const LIST: u32 = 1;

/// Files and directories.
const FILES: &str = "access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 \
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fstat \
    fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 \
    inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr llistxattr lseek lstat mkdir mkdirat newfstatat open openat \
    openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename \
    renameat renameat2 rmdir sendfile splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate \
    umask unlink unlinkat utime utimensat utimes write writev";
/// Memory.
const MEMORY: &str = "brk madvise membarrier memfd_create mincore mlock mlock2 mmap mprotect mremap msync munlock munmap \
    get_mempolicy";
/// Time and waiting.
const TIME: &str = "alarm clock_getres clock_gettime clock_nanosleep epoll_create epoll_create1 epoll_ctl epoll_pwait \
    epoll_pwait2 epoll_wait eventfd eventfd2 getitimer gettimeofday nanosleep pause poll ppoll pselect6 select setitimer \
    signalfd signalfd4 time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create \
    timerfd_gettime timerfd_settime times";
/// Processes, threads, signals, and what they are.
const PROCESSES: &str = "arch_prctl capget execve execveat exit exit_group fork futex futex_waitv get_robust_list getcpu \
    getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit \
    getrusage getsid gettid getuid ioprio_get kill pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall riscv_flush_icache \
    riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
    rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
    sched_getscheduler sched_rr_get_interval sched_yield set_robust_list set_tid_address setpgid setpriority setrlimit setsid \
    sigaltstack sysinfo tgkill tkill uname vfork wait4 waitid";
/// Sockets, once there are some.
const SOCKETS: &str = "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg \
    sendmmsg sendmsg sendto setsockopt shutdown socketpair";

/// Flags of `clone` that make namespaces (`CLONE_NEW…`, linux/sched.h).
const NAMESPACES: u64 = 0x7e02_0080;
/// `NETLINK_AUDIT` (linux/netlink.h).
const NETLINK_AUDIT: u64 = 9;

/// Filters the calls of all threads from now on; `network`: sockets of IP too. `None` where no filter can be made for this
/// machine, or the kernel has none.
pub(super) fn filter(network: bool) -> Result<Enforced, Error> {
    let (allowed, families) = match programs(network) {
        Ok(Some(programs)) => programs,
        Ok(None) => return Ok(Enforced::None),
        Err(error) => return Err(Error::Backend(error)),
    };
    for program in [&families, &allowed] {
        match seccompiler::apply_filter_all_threads(program) {
            Err(Error::Seccomp(error)) if error.raw_os_error() == Some(libc::EINVAL) => {
                return Ok(Enforced::None);
            }
            applied => applied?,
        }
    }
    Ok(Enforced::All)
}

/// The filter of calls, and that of families of sockets. Two, because the second says EAFNOSUPPORT, as a kernel without
/// the family does.
fn programs(network: bool) -> Result<Option<(BpfProgram, BpfProgram)>, BackendError> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(None) };
    let number = |name: &str| syscall_number(Arch::native(), name).map(i64::from);
    let names = [FILES, MEMORY, TIME, PROCESSES, SOCKETS].into_iter().flat_map(str::split_ascii_whitespace);
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> =
        names.filter_map(number).map(|number| (number, Vec::new())).collect();
    let same = |index, operator, value| SeccompCondition::new(index, Dword, operator, value);
    let rule = |conditions| SeccompRule::new(conditions);
    calls.extend(
        number("clone")
            .map(|clone| Ok::<_, BackendError>((clone, vec![rule(vec![same(0, MaskedEq(NAMESPACES), 0)?])?])))
            .transpose()?,
    );
    calls.extend(number("socket").map(|socket| (socket, Vec::new())));
    let allowed =
        SeccompFilter::new(calls, SeccompAction::Errno(Errno::ENOSYS as u32), SeccompAction::Allow, arch)?;

    let family = |number: i32| u64::from(number.unsigned_abs());
    let ip = [family(libc::AF_INET), family(libc::AF_INET6)];
    let known = [family(libc::AF_UNIX), family(libc::AF_NETLINK)]
        .into_iter()
        .chain(ip.into_iter().filter(|_| network));
    let others = known.map(|family| same(0, Ne, family)).collect::<Result<Vec<_>, _>>()?;
    let other_netlink = vec![same(0, Eq, family(libc::AF_NETLINK))?, same(2, Ne, NETLINK_AUDIT)?];
    let refused = vec![rule(others)?, rule(other_netlink)?];
    let families = number("socket").map(|socket| (socket, refused)).into_iter().collect();
    let no_family = SeccompAction::Errno(Errno::EAFNOSUPPORT as u32);
    let families = SeccompFilter::new(families, SeccompAction::Allow, no_family, arch)?;
    Ok(Some((allowed.try_into()?, families.try_into()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_call_of_some_machine_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for name in
            [FILES, MEMORY, TIME, PROCESSES, SOCKETS].into_iter().flat_map(str::split_ascii_whitespace)
        {
            let known = [Arch::X86_64, Arch::Aarch64, Arch::Riscv64]
                .into_iter()
                .any(|arch| syscall_number(arch, name).is_some());
            assert!(known, "{name}");
            assert!(seen.insert(name), "{name}");
        }
    }
}
