//! System calls of each architecture.
//!
//! Written by `generate.py` from the `asm/unistd.h` of Linux 6.1,
//! completed up to Linux 6.18; do not edit.

use super::dense::{Table, dense};

pub(super) static X86_64: Table = Table {
    names: &dense::<548>(&[
        (
            0,
            "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction \
rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield \
mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm \
setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind \
listen getsockname getpeername socketpair setsockopt getsockopt clone fork vfork execve exit \
wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync \
fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink \
symlink readlink chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage \
sysinfo times ptrace getuid syslog getgid setuid setgid geteuid getegid setpgid getppid getpgrp \
setsid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid getpgid \
setfsuid setfsgid getsid capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo \
rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs fstatfs sysfs getpriority \
setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler \
sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock mlockall \
munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot \
sync acct settimeofday mount umount2 swapon swapoff reboot sethostname setdomainname iopl \
ioperm create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl \
getpmsg putpmsg afs_syscall tuxcall security gettid readahead setxattr lsetxattr fsetxattr \
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr \
fremovexattr tkill time futex sched_setaffinity sched_getaffinity set_thread_area io_setup \
io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie epoll_create \
epoll_ctl_old epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall \
semtimedop fadvise64 timer_create timer_settime timer_gettime timer_getoverrun timer_delete \
clock_settime clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill \
utimes vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive \
mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get \
inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat \
futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 \
ppoll unshare set_robust_list get_robust_list splice tee sync_file_range vmsplice move_pages \
utimensat epoll_pwait signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime \
accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev \
rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64 \
name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv \
process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom \
memfd_create kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 \
pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq uretprobe uprobe",
        ),
        (
            424,
            "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
        ),
        (
            512,
            "rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace \
rt_sigpending rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load \
waitid set_robust_list get_robust_list vmsplice move_pages preadv pwritev rt_tgsigqueueinfo \
recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt io_setup io_submit \
execveat preadv2 pwritev2",
        ),
    ]),
    by_name: &[
        156, 43, 288, 21, 163, 248, 159, 183, 37, 158, 49, 321, 12, 451, 125, 126, 80, 90, 92, 161, 305, 229,
        228, 230, 227, 56, 435, 3, 436, 42, 326, 85, 174, 176, 32, 33, 292, 213, 291, 233, 214, 281, 441,
        232, 215, 284, 290, 59, 322, 60, 231, 269, 439, 221, 285, 300, 301, 81, 91, 268, 452, 93, 260, 72,
        75, 193, 468, 469, 313, 196, 73, 57, 199, 431, 190, 432, 430, 433, 5, 138, 74, 77, 202, 456, 455,
        449, 454, 261, 177, 239, 274, 211, 309, 79, 78, 217, 108, 107, 104, 115, 36, 52, 121, 111, 39, 181,
        110, 140, 318, 120, 118, 97, 98, 124, 51, 55, 186, 96, 102, 191, 464, 175, 254, 253, 294, 255, 210,
        207, 208, 333, 206, 209, 426, 427, 425, 16, 173, 172, 252, 251, 312, 320, 246, 250, 62, 445, 444,
        446, 94, 192, 86, 265, 50, 458, 194, 465, 195, 212, 198, 8, 189, 459, 461, 460, 6, 28, 453, 237, 324,
        319, 447, 256, 27, 83, 258, 133, 259, 149, 325, 151, 9, 154, 165, 442, 429, 279, 10, 245, 244, 240,
        243, 242, 241, 25, 462, 71, 68, 70, 69, 26, 150, 152, 11, 303, 35, 262, 180, 2, 304, 428, 467, 257,
        437, 34, 298, 135, 438, 434, 424, 22, 293, 155, 330, 331, 329, 7, 271, 157, 17, 295, 327, 302, 440,
        448, 310, 311, 270, 101, 182, 18, 296, 328, 178, 179, 443, 0, 187, 89, 267, 19, 169, 45, 299, 47,
        216, 197, 466, 82, 264, 316, 249, 219, 84, 334, 13, 127, 14, 129, 15, 130, 128, 297, 146, 147, 204,
        315, 143, 145, 148, 203, 314, 142, 144, 24, 317, 185, 23, 66, 64, 65, 220, 40, 307, 46, 44, 238, 450,
        273, 205, 218, 171, 123, 122, 106, 116, 170, 38, 308, 109, 141, 114, 119, 117, 113, 160, 112, 54,
        164, 105, 188, 463, 30, 31, 67, 29, 48, 131, 282, 289, 41, 53, 275, 4, 137, 457, 332, 168, 167, 88,
        266, 162, 277, 306, 139, 99, 103, 276, 234, 201, 222, 226, 225, 224, 223, 283, 287, 286, 100, 200,
        76, 184, 95, 166, 63, 87, 263, 272, 336, 335, 134, 323, 136, 132, 280, 235, 58, 153, 278, 236, 61,
        247, 1, 20,
    ],
    far: &[],
    more: &[("pread", 17), ("pwrite", 18)],
};

pub(super) static I386: Table = Table {
    names: &dense::<470>(&[
        (
            0,
            "restart_syscall exit fork read write open close waitpid creat link unlink execve chdir time \
mknod chmod lchown break oldstat lseek getpid mount umount setuid getuid stime ptrace alarm \
oldfstat pause utime stty gtty access nice ftime sync kill rename mkdir rmdir dup pipe times \
prof brk setgid getgid signal geteuid getegid acct umount2 lock ioctl fcntl mpx setpgid ulimit \
oldolduname umask chroot ustat dup2 getppid getpgrp setsid sigaction sgetmask ssetmask setreuid \
setregid sigsuspend sigpending sethostname setrlimit getrlimit getrusage gettimeofday \
settimeofday getgroups setgroups select symlink oldlstat readlink uselib swapon reboot readdir \
mmap munmap truncate ftruncate fchmod fchown getpriority setpriority profil statfs fstatfs \
ioperm socketcall syslog setitimer getitimer stat lstat fstat olduname iopl vhangup idle \
vm86old wait4 swapoff sysinfo ipc fsync sigreturn clone setdomainname uname modify_ldt adjtimex \
mprotect sigprocmask create_module init_module delete_module get_kernel_syms quotactl getpgid \
fchdir bdflush sysfs personality afs_syscall setfsuid setfsgid _llseek getdents _newselect \
flock msync readv writev getsid fdatasync _sysctl mlock munlock mlockall munlockall \
sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield \
sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid \
getresuid vm86 query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction \
rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 \
chown getcwd capget capset sigaltstack sendfile getpmsg putpmsg vfork ugetrlimit mmap2 \
truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32 \
setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32 \
getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32 pivot_root mincore madvise \
getdents64 fcntl64 - - gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr \
fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill \
sendfile64 futex sched_setaffinity sched_getaffinity set_thread_area get_thread_area io_setup \
io_destroy io_getevents io_submit io_cancel fadvise64 - exit_group lookup_dcookie epoll_create \
epoll_ctl epoll_wait remap_file_pages set_tid_address timer_create timer_settime timer_gettime \
timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep statfs64 \
fstatfs64 tgkill utimes fadvise64_64 vserver mbind get_mempolicy set_mempolicy mq_open \
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid - add_key \
request_key keyctl ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch \
migrate_pages openat mkdirat mknodat fchownat futimesat fstatat64 unlinkat renameat linkat \
symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list get_robust_list \
splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimensat signalfd \
timerfd_create eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 \
epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open \
recvmmsg fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at \
clock_adjtime syncfs sendmmsg setns process_vm_readv process_vm_writev kcmp finit_module \
sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat socket \
socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername sendto \
sendmsg recvfrom recvmsg shutdown userfaultfd membarrier mlock2 copy_file_range preadv2 \
pwritev2 pkey_mprotect pkey_alloc pkey_free statx arch_prctl io_pgetevents rseq",
        ),
        (
            393,
            "semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl clock_gettime64 \
clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64 \
timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 \
ppoll_time64 - io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 \
semtimedop_time64 rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64 \
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
        ),
    ]),
    by_name: &[
        140, 142, 149, 364, 33, 51, 286, 124, 137, 27, 384, 134, 361, 357, 17, 45, 451, 184, 185, 12, 15,
        182, 212, 61, 343, 405, 266, 406, 265, 403, 267, 407, 264, 404, 120, 435, 6, 436, 362, 377, 8, 127,
        129, 41, 63, 330, 254, 329, 255, 319, 441, 256, 323, 328, 11, 358, 1, 252, 307, 439, 250, 272, 324,
        338, 339, 133, 94, 306, 452, 95, 207, 298, 55, 221, 148, 231, 468, 469, 350, 234, 143, 2, 237, 431,
        228, 432, 430, 433, 108, 197, 300, 100, 269, 118, 35, 93, 194, 240, 456, 422, 455, 449, 454, 299,
        130, 275, 312, 244, 318, 183, 141, 220, 50, 202, 49, 201, 47, 200, 80, 205, 105, 368, 132, 65, 20,
        188, 64, 96, 355, 171, 211, 165, 209, 76, 77, 147, 367, 365, 224, 78, 24, 199, 229, 464, 32, 112,
        128, 292, 291, 332, 293, 249, 246, 247, 385, 416, 245, 248, 426, 427, 425, 54, 101, 110, 290, 289,
        117, 349, 283, 288, 37, 445, 444, 446, 16, 198, 230, 9, 303, 363, 458, 232, 465, 233, 53, 253, 236,
        19, 227, 459, 461, 460, 107, 196, 219, 453, 274, 375, 356, 447, 294, 218, 39, 296, 14, 297, 150, 376,
        152, 90, 192, 123, 21, 442, 429, 317, 125, 56, 282, 281, 277, 280, 419, 279, 418, 278, 163, 462, 402,
        399, 401, 400, 144, 151, 153, 91, 341, 162, 169, 34, 28, 84, 59, 18, 109, 5, 342, 428, 467, 295, 437,
        29, 336, 136, 438, 434, 424, 42, 331, 217, 381, 382, 380, 168, 309, 414, 172, 180, 333, 378, 340,
        440, 448, 347, 348, 44, 98, 308, 413, 26, 189, 181, 334, 379, 167, 131, 443, 3, 225, 89, 85, 305,
        145, 88, 371, 337, 417, 372, 257, 235, 466, 38, 302, 353, 287, 0, 40, 386, 174, 176, 175, 178, 173,
        179, 177, 421, 335, 159, 160, 242, 352, 155, 157, 161, 423, 241, 351, 154, 156, 158, 354, 82, 394,
        393, 420, 187, 239, 345, 370, 369, 276, 450, 311, 243, 258, 121, 139, 216, 138, 215, 46, 214, 81,
        206, 74, 104, 346, 57, 97, 71, 204, 170, 210, 164, 208, 70, 203, 75, 66, 366, 79, 23, 213, 226, 463,
        68, 397, 396, 398, 395, 373, 67, 186, 48, 321, 327, 73, 126, 119, 72, 359, 102, 360, 313, 69, 106,
        195, 99, 268, 457, 383, 25, 31, 115, 87, 83, 304, 36, 314, 344, 135, 116, 103, 315, 270, 13, 259,
        263, 262, 261, 408, 260, 409, 322, 326, 410, 325, 411, 43, 238, 92, 193, 191, 58, 60, 22, 52, 122,
        10, 301, 310, 86, 374, 62, 30, 320, 412, 271, 190, 111, 166, 113, 316, 273, 114, 284, 7, 4, 146,
    ],
    far: &[],
    more: &[("pread", 180), ("pwrite", 181), ("sched_rr_get_interval64", 423), ("sys_kexec_load", 283)],
};

pub(super) static AARCH64: Table = Table {
    names: &dense::<470>(&[
        (
            0,
            "io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr \
lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr \
getcwd lookup_dcookie eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl inotify_init1 \
inotify_add_watch inotify_rm_watch ioctl ioprio_set ioprio_get flock mknodat mkdirat unlinkat \
symlinkat linkat renameat umount2 mount pivot_root nfsservctl statfs fstatfs truncate ftruncate \
fallocate faccessat chdir fchdir chroot fchmod fchmodat fchownat fchown openat close vhangup \
pipe2 quotactl getdents64 lseek read write readv writev pread64 pwrite64 preadv pwritev \
sendfile pselect6 ppoll signalfd4 vmsplice splice tee readlinkat newfstatat fstat sync fsync \
fdatasync sync_file_range timerfd_create timerfd_settime timerfd_gettime utimensat acct capget \
capset personality exit exit_group waitid set_tid_address unshare futex set_robust_list \
get_robust_list nanosleep getitimer setitimer kexec_load init_module delete_module timer_create \
timer_gettime timer_getoverrun timer_settime timer_delete clock_settime clock_gettime \
clock_getres clock_nanosleep syslog ptrace sched_setparam sched_setscheduler sched_getscheduler \
sched_getparam sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max \
sched_get_priority_min sched_rr_get_interval restart_syscall kill tkill tgkill sigaltstack \
rt_sigsuspend rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo \
rt_sigreturn setpriority getpriority reboot setregid setgid setreuid setuid setresuid getresuid \
setresgid getresgid setfsuid setfsgid times setpgid getpgid getsid setsid getgroups setgroups \
uname sethostname setdomainname getrlimit setrlimit getrusage umask prctl getcpu gettimeofday \
settimeofday adjtimex getpid getppid getuid geteuid getgid getegid gettid sysinfo mq_open \
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd \
semget semctl semtimedop semop shmget shmctl shmat shmdt socket socketpair bind listen accept \
connect getsockname getpeername sendto recvfrom setsockopt getsockopt shutdown sendmsg recvmsg \
readahead brk munmap mremap add_key request_key keyctl clone execve mmap fadvise64 swapon \
swapoff mprotect msync mlock munlock mlockall munlockall mincore madvise remap_file_pages mbind \
get_mempolicy set_mempolicy migrate_pages move_pages rt_tgsigqueueinfo perf_event_open accept4 \
recvmmsg",
        ),
        (
            260,
            "wait4 prlimit64 fanotify_init fanotify_mark name_to_handle_at open_by_handle_at clock_adjtime \
syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp finit_module sched_setattr \
sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat userfaultfd membarrier \
mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents \
rseq kexec_file_load",
        ),
        (
            424,
            "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
        ),
    ]),
    by_name: &[
        202, 242, 89, 217, 171, 200, 280, 214, 451, 90, 91, 49, 51, 266, 114, 113, 115, 112, 220, 435, 57,
        436, 203, 285, 106, 23, 24, 20, 21, 22, 441, 19, 221, 281, 93, 94, 48, 439, 223, 47, 262, 263, 50,
        52, 53, 452, 55, 54, 25, 83, 10, 468, 469, 273, 13, 32, 16, 431, 7, 432, 430, 433, 80, 44, 82, 46,
        98, 456, 455, 449, 454, 236, 100, 168, 17, 61, 177, 175, 176, 158, 102, 205, 155, 172, 173, 141, 278,
        150, 148, 163, 165, 156, 204, 209, 178, 169, 174, 8, 464, 105, 27, 26, 28, 3, 1, 4, 292, 0, 2, 426,
        427, 425, 29, 31, 30, 272, 294, 104, 219, 129, 445, 444, 446, 9, 37, 201, 458, 11, 465, 12, 18, 15,
        62, 6, 459, 461, 460, 233, 453, 235, 283, 279, 447, 238, 232, 34, 33, 228, 284, 230, 222, 40, 442,
        429, 239, 226, 185, 184, 180, 183, 182, 181, 216, 462, 187, 186, 188, 189, 227, 229, 231, 215, 264,
        101, 79, 42, 265, 428, 467, 56, 437, 241, 92, 438, 434, 424, 59, 41, 289, 290, 288, 73, 167, 67, 69,
        286, 261, 440, 448, 270, 271, 72, 117, 68, 70, 287, 60, 443, 63, 213, 78, 65, 142, 207, 243, 212,
        234, 14, 466, 38, 276, 218, 128, 293, 134, 136, 135, 138, 139, 133, 137, 240, 125, 126, 123, 275,
        121, 120, 127, 122, 274, 118, 119, 124, 277, 191, 190, 193, 192, 71, 269, 211, 206, 237, 450, 99, 96,
        162, 152, 151, 144, 159, 161, 103, 268, 154, 140, 143, 149, 147, 145, 164, 157, 208, 170, 146, 5,
        463, 196, 195, 197, 194, 210, 132, 74, 198, 199, 76, 43, 457, 291, 225, 224, 36, 81, 84, 267, 179,
        116, 77, 131, 107, 111, 109, 108, 110, 85, 87, 86, 153, 130, 45, 166, 39, 160, 35, 97, 282, 88, 58,
        75, 260, 95, 64, 66,
    ],
    far: &[],
    more: &[("getdents", 61), ("newfstat", 80), ("pread", 67), ("pwrite", 68)],
};

pub(super) static ARM: Table = Table {
    names: &dense::<470>(&[(
        0,
        "restart_syscall exit fork read write open close - creat link unlink execve chdir time mknod \
chmod lchown - - lseek getpid mount umount setuid getuid stime ptrace alarm - pause utime - - \
access nice - sync kill rename mkdir rmdir dup pipe times - brk setgid getgid - geteuid getegid \
acct umount2 - ioctl fcntl - setpgid - - umask chroot ustat dup2 getppid getpgrp setsid \
sigaction - - setreuid setregid sigsuspend sigpending sethostname setrlimit getrlimit getrusage \
gettimeofday settimeofday getgroups setgroups select symlink - readlink uselib swapon reboot \
readdir mmap munmap truncate ftruncate fchmod fchown getpriority setpriority - statfs fstatfs - \
socketcall syslog setitimer getitimer stat lstat fstat - - vhangup - syscall wait4 swapoff \
sysinfo ipc fsync sigreturn clone setdomainname uname - adjtimex mprotect sigprocmask - \
init_module delete_module - quotactl getpgid fchdir bdflush sysfs personality - setfsuid \
setfsgid _llseek getdents _newselect flock msync readv writev getsid fdatasync _sysctl mlock \
munlock mlockall munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler \
sched_yield sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep \
mremap setresuid getresuid - - poll nfsservctl setresgid getresgid prctl rt_sigreturn \
rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 \
pwrite64 chown getcwd capget capset sigaltstack sendfile - - vfork ugetrlimit mmap2 truncate64 \
ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32 setreuid32 \
setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32 getresgid32 \
chown32 setuid32 setgid32 setfsuid32 setfsgid32 getdents64 pivot_root mincore madvise fcntl64 - \
- gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr \
llistxattr flistxattr removexattr lremovexattr fremovexattr tkill sendfile64 futex \
sched_setaffinity sched_getaffinity io_setup io_destroy io_getevents io_submit io_cancel \
exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages - - \
set_tid_address timer_create timer_settime timer_gettime timer_getoverrun timer_delete \
clock_settime clock_gettime clock_getres clock_nanosleep statfs64 fstatfs64 tgkill utimes \
arm_fadvise64_64 pciconfig_iobase pciconfig_read pciconfig_write mq_open mq_unlink mq_timedsend \
mq_timedreceive mq_notify mq_getsetattr waitid socket bind connect listen accept getsockname \
getpeername socketpair send sendto recv recvfrom shutdown setsockopt getsockopt sendmsg recvmsg \
semop semget semctl msgsnd msgrcv msgget msgctl shmat shmdt shmget shmctl add_key request_key \
keyctl semtimedop vserver ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch \
mbind get_mempolicy set_mempolicy openat mkdirat mknodat fchownat futimesat fstatat64 unlinkat \
renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list \
get_robust_list splice arm_sync_file_range tee vmsplice move_pages getcpu epoll_pwait \
kexec_load utimensat signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime \
signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo \
perf_event_open recvmmsg accept4 fanotify_init fanotify_mark prlimit64 name_to_handle_at \
open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv process_vm_writev kcmp \
finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat \
userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc \
pkey_free statx rseq io_pgetevents migrate_pages kexec_file_load - clock_gettime64 \
clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64 \
timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 \
ppoll_time64 - io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 \
semtimedop_time64 rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64 \
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self - process_mrelease futex_waitv set_mempolicy_home_node \
cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount \
lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat \
removexattrat open_tree_attr file_getattr file_setattr",
    )]),
    by_name: &[
        140, 142, 149, 285, 366, 33, 51, 309, 124, 27, 270, 341, 134, 282, 386, 45, 451, 184, 185, 12, 15,
        182, 212, 61, 372, 405, 264, 406, 263, 403, 265, 407, 262, 404, 120, 435, 6, 436, 283, 391, 8, 129,
        41, 63, 358, 250, 357, 251, 346, 441, 252, 351, 356, 11, 387, 1, 248, 334, 439, 352, 367, 368, 133,
        94, 333, 452, 95, 207, 325, 55, 221, 148, 231, 468, 469, 379, 234, 143, 2, 237, 431, 228, 432, 430,
        433, 108, 197, 327, 100, 267, 118, 93, 194, 240, 456, 422, 455, 449, 454, 326, 320, 339, 345, 183,
        141, 217, 50, 202, 49, 201, 47, 200, 80, 205, 105, 287, 132, 65, 20, 64, 96, 384, 171, 211, 165, 209,
        76, 77, 147, 286, 295, 224, 78, 24, 199, 229, 464, 128, 317, 316, 360, 318, 247, 244, 245, 399, 416,
        243, 246, 426, 427, 425, 54, 315, 314, 117, 378, 401, 347, 311, 37, 445, 444, 446, 16, 198, 230, 9,
        330, 284, 458, 232, 465, 233, 249, 236, 19, 227, 459, 461, 460, 107, 196, 220, 453, 319, 389, 385,
        400, 219, 39, 323, 14, 324, 150, 390, 152, 90, 192, 21, 442, 429, 344, 125, 279, 278, 274, 277, 419,
        276, 418, 275, 163, 462, 304, 303, 302, 301, 144, 151, 153, 91, 370, 162, 169, 34, 5, 371, 428, 467,
        322, 437, 29, 271, 272, 273, 364, 136, 438, 434, 424, 42, 359, 218, 395, 396, 394, 168, 336, 414,
        172, 180, 361, 392, 369, 440, 448, 376, 377, 335, 413, 26, 181, 362, 393, 131, 443, 3, 225, 89, 85,
        332, 145, 88, 291, 292, 365, 417, 297, 253, 235, 466, 38, 329, 382, 310, 0, 40, 398, 174, 176, 175,
        178, 173, 179, 177, 421, 363, 159, 160, 242, 381, 155, 157, 161, 423, 241, 380, 154, 156, 158, 383,
        82, 300, 299, 298, 312, 420, 289, 187, 239, 374, 296, 290, 321, 450, 338, 256, 121, 139, 216, 138,
        215, 46, 214, 81, 206, 74, 104, 375, 57, 97, 71, 204, 170, 210, 164, 208, 70, 203, 75, 66, 294, 79,
        23, 213, 226, 463, 305, 308, 306, 307, 293, 67, 186, 349, 355, 73, 126, 119, 72, 281, 102, 288, 340,
        106, 195, 99, 266, 457, 397, 25, 115, 87, 83, 331, 36, 373, 113, 135, 116, 103, 342, 268, 13, 257,
        261, 260, 259, 408, 258, 409, 350, 354, 410, 353, 411, 43, 238, 92, 193, 191, 60, 22, 52, 122, 10,
        328, 337, 86, 388, 62, 30, 348, 412, 269, 190, 111, 343, 313, 114, 280, 4, 146,
    ],
    far: &[
        (983041, "breakpoint"),
        (983042, "cacheflush"),
        (983043, "usr26"),
        (983044, "usr32"),
        (983045, "set_tls"),
        (983046, "get_tls"),
    ],
    more: &[
        ("breakpoint", 983041),
        ("cacheflush", 983042),
        ("fadvise64_64", 270),
        ("get_tls", 983046),
        ("llseek", 140),
        ("newselect", 142),
        ("pread", 180),
        ("pwrite", 181),
        ("sched_rr_get_interval64", 423),
        ("set_tls", 983045),
        ("sync_file_range", 341),
        ("sync_file_range2", 341),
        ("sysctl", 149),
        ("usr26", 983043),
        ("usr32", 983044),
    ],
};

pub(super) static PPC64LE: Table = Table {
    names: &dense::<470>(&[
        (
            0,
            "restart_syscall exit fork read write open close waitpid creat link unlink execve chdir time \
mknod chmod lchown break oldstat lseek getpid mount umount setuid getuid stime ptrace alarm \
oldfstat pause utime stty gtty access nice ftime sync kill rename mkdir rmdir dup pipe times \
prof brk setgid getgid signal geteuid getegid acct umount2 lock ioctl fcntl mpx setpgid ulimit \
oldolduname umask chroot ustat dup2 getppid getpgrp setsid sigaction sgetmask ssetmask setreuid \
setregid sigsuspend sigpending sethostname setrlimit getrlimit getrusage gettimeofday \
settimeofday getgroups setgroups select symlink oldlstat readlink uselib swapon reboot readdir \
mmap munmap truncate ftruncate fchmod fchown getpriority setpriority profil statfs fstatfs \
ioperm socketcall syslog setitimer getitimer stat lstat fstat olduname iopl vhangup idle vm86 \
wait4 swapoff sysinfo ipc fsync sigreturn clone setdomainname uname modify_ldt adjtimex \
mprotect sigprocmask create_module init_module delete_module get_kernel_syms quotactl getpgid \
fchdir bdflush sysfs personality afs_syscall setfsuid setfsgid _llseek getdents _newselect \
flock msync readv writev getsid fdatasync _sysctl mlock munlock mlockall munlockall \
sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield \
sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid \
getresuid query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction \
rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 \
chown getcwd capget capset sigaltstack sendfile getpmsg putpmsg vfork ugetrlimit readahead",
        ),
        (
            198,
            "pciconfig_read pciconfig_write pciconfig_iobase multiplexer getdents64 pivot_root - madvise \
mincore gettid tkill setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr \
llistxattr flistxattr removexattr lremovexattr fremovexattr futex sched_setaffinity \
sched_getaffinity - tuxcall - io_setup io_destroy io_getevents io_submit io_cancel \
set_tid_address fadvise64 exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait \
remap_file_pages timer_create timer_settime timer_gettime timer_getoverrun timer_delete \
clock_settime clock_gettime clock_getres clock_nanosleep swapcontext tgkill utimes statfs64 \
fstatfs64 - rtas sys_debug_setcontext - migrate_pages mbind get_mempolicy set_mempolicy mq_open \
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load add_key request_key \
keyctl waitid ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch spu_run \
spu_create pselect6 ppoll unshare splice tee vmsplice openat mkdirat mknodat fchownat futimesat \
newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat get_robust_list \
set_robust_list move_pages getcpu epoll_pwait utimensat signalfd timerfd_create eventfd \
sync_file_range2 fallocate subpage_prot timerfd_settime timerfd_gettime signalfd4 eventfd2 \
epoll_create1 dup3 pipe2 inotify_init1 perf_event_open preadv pwritev rt_tgsigqueueinfo \
fanotify_init fanotify_mark prlimit64 socket bind connect listen accept getsockname getpeername \
socketpair send sendto recv recvfrom shutdown setsockopt getsockopt sendmsg recvmsg recvmmsg \
accept4 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns \
process_vm_readv process_vm_writev finit_module kcmp sched_setattr sched_getattr renameat2 \
seccomp getrandom memfd_create bpf execveat switch_endian userfaultfd membarrier",
        ),
        (
            378,
            "mlock2 copy_file_range preadv2 pwritev2 kexec_file_load statx pkey_alloc pkey_free \
pkey_mprotect rseq io_pgetevents - - - semtimedop semget semctl shmget shmctl shmat shmdt \
msgget msgsnd msgrcv msgctl",
        ),
        (
            424,
            "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self - process_mrelease futex_waitv set_mempolicy_home_node \
cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount \
lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat \
removexattrat open_tree_attr file_getattr file_setattr",
        ),
    ]),
    by_name: &[
        140, 142, 149, 330, 344, 33, 51, 269, 124, 137, 27, 134, 327, 361, 17, 45, 451, 183, 184, 12, 15,
        181, 61, 347, 247, 246, 248, 245, 120, 435, 6, 436, 328, 379, 8, 127, 129, 41, 63, 316, 236, 315,
        237, 303, 441, 238, 307, 314, 11, 362, 1, 234, 298, 439, 233, 309, 323, 324, 133, 94, 297, 452, 95,
        289, 55, 148, 214, 468, 469, 353, 217, 143, 2, 220, 431, 211, 432, 430, 433, 108, 100, 253, 118, 35,
        93, 221, 456, 455, 449, 454, 290, 130, 260, 299, 302, 182, 141, 202, 50, 49, 47, 80, 105, 332, 132,
        65, 20, 187, 64, 96, 359, 170, 165, 76, 77, 147, 331, 340, 207, 78, 24, 212, 464, 32, 112, 128, 276,
        275, 318, 277, 231, 228, 229, 388, 227, 230, 426, 427, 425, 54, 101, 110, 274, 273, 117, 354, 382,
        268, 271, 37, 445, 444, 446, 16, 213, 9, 294, 329, 458, 215, 465, 216, 53, 235, 219, 19, 210, 459,
        461, 460, 107, 205, 453, 259, 365, 360, 258, 206, 39, 287, 14, 288, 150, 378, 152, 90, 123, 21, 442,
        429, 301, 125, 56, 267, 266, 262, 265, 264, 263, 163, 462, 402, 399, 401, 400, 144, 201, 151, 153,
        91, 345, 162, 291, 168, 34, 28, 84, 59, 18, 109, 5, 346, 428, 467, 286, 437, 29, 200, 198, 199, 319,
        136, 438, 434, 424, 42, 317, 203, 384, 385, 386, 167, 281, 171, 179, 320, 380, 325, 440, 448, 351,
        352, 44, 98, 280, 26, 188, 180, 321, 381, 166, 131, 443, 3, 191, 89, 85, 296, 145, 88, 336, 337, 343,
        342, 239, 218, 466, 38, 293, 357, 270, 0, 40, 387, 173, 175, 174, 177, 172, 178, 176, 322, 255, 159,
        160, 223, 356, 155, 157, 161, 222, 355, 154, 156, 158, 358, 82, 394, 393, 392, 334, 186, 349, 341,
        335, 261, 450, 300, 232, 121, 139, 138, 46, 81, 74, 104, 350, 57, 97, 71, 169, 164, 70, 75, 66, 339,
        79, 23, 209, 463, 68, 397, 396, 398, 395, 338, 67, 185, 48, 305, 313, 73, 126, 119, 72, 326, 102,
        333, 283, 279, 278, 69, 106, 99, 252, 457, 383, 25, 31, 310, 249, 115, 87, 363, 83, 295, 36, 308,
        348, 256, 135, 116, 103, 284, 250, 13, 240, 244, 243, 242, 241, 306, 312, 311, 43, 208, 92, 225, 190,
        58, 60, 22, 52, 122, 10, 292, 282, 86, 364, 62, 30, 304, 251, 189, 111, 113, 285, 114, 272, 7, 4,
        146,
    ],
    far: &[],
    more: &[
        ("fstatat64", 291),
        ("perf_counter_open", 319),
        ("pread", 179),
        ("pwrite", 180),
        ("timerfd", 306),
    ],
};

pub(super) static S390X: Table = Table {
    names: &dense::<470>(&[
        (
            1,
            "exit fork read write open close restart_syscall creat link unlink execve chdir - mknod chmod - \
- - lseek getpid mount umount - - - ptrace alarm - pause utime - - access nice - sync kill \
rename mkdir rmdir dup pipe times - brk - - signal - - acct umount2 - ioctl fcntl - setpgid - - \
umask chroot ustat dup2 getppid getpgrp setsid sigaction",
        ),
        (
            72,
            "sigsuspend sigpending sethostname setrlimit - getrusage gettimeofday settimeofday - - - symlink \
- readlink uselib swapon reboot readdir mmap munmap truncate ftruncate fchmod - getpriority \
setpriority - statfs fstatfs - socketcall syslog setitimer getitimer stat lstat fstat - \
lookup_dcookie vhangup idle - wait4 swapoff sysinfo ipc fsync sigreturn clone setdomainname \
uname - adjtimex mprotect sigprocmask create_module init_module delete_module get_kernel_syms \
quotactl getpgid fchdir bdflush sysfs personality afs_syscall - - - getdents select flock msync \
readv writev getsid fdatasync _sysctl mlock munlock mlockall munlockall sched_setparam \
sched_getparam sched_setscheduler sched_getscheduler sched_yield sched_get_priority_max \
sched_get_priority_min sched_rr_get_interval nanosleep mremap - - - query_module poll \
nfsservctl - - prctl rt_sigreturn rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait \
rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 - getcwd capget capset sigaltstack sendfile \
getpmsg putpmsg vfork getrlimit",
        ),
        (
            198,
            "lchown getuid getgid geteuid getegid setreuid setregid getgroups setgroups fchown setresuid \
getresuid setresgid getresgid chown setuid setgid setfsuid setfsgid pivot_root mincore madvise \
getdents64 - readahead - setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr \
llistxattr flistxattr removexattr lremovexattr fremovexattr gettid tkill futex \
sched_setaffinity sched_getaffinity tgkill - io_setup io_destroy io_getevents io_submit \
io_cancel exit_group epoll_create epoll_ctl epoll_wait set_tid_address fadvise64 timer_create \
timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime \
clock_getres clock_nanosleep - - statfs64 fstatfs64 remap_file_pages mbind get_mempolicy \
set_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load \
add_key request_key keyctl waitid ioprio_set ioprio_get inotify_init inotify_add_watch \
inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat newfstatat unlinkat \
renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list \
get_robust_list splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimes \
fallocate utimensat signalfd timerfd eventfd timerfd_create timerfd_settime timerfd_gettime \
signalfd4 eventfd2 inotify_init1 pipe2 dup3 epoll_create1 preadv pwritev rt_tgsigqueueinfo \
perf_event_open fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at \
clock_adjtime syncfs setns process_vm_readv process_vm_writev s390_runtime_instr kcmp \
finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf \
s390_pci_mmio_write s390_pci_mmio_read execveat userfaultfd membarrier recvmmsg sendmmsg socket \
socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername sendto \
sendmsg recvfrom recvmsg shutdown mlock2 copy_file_range preadv2 pwritev2 s390_guarded_storage \
statx s390_sthyi kexec_file_load io_pgetevents rseq pkey_mprotect pkey_alloc pkey_free",
        ),
        (392, "semtimedop semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl"),
        (
            424,
            "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
        ),
    ]),
    by_name: &[
        149, 364, 33, 51, 278, 124, 137, 27, 134, 361, 351, 45, 451, 184, 185, 12, 15, 212, 61, 337, 261,
        260, 262, 259, 120, 435, 6, 436, 362, 375, 8, 127, 129, 41, 63, 326, 249, 327, 250, 312, 441, 251,
        318, 323, 11, 354, 1, 248, 300, 439, 253, 314, 332, 333, 133, 94, 299, 452, 207, 291, 55, 148, 229,
        468, 469, 344, 232, 143, 2, 235, 431, 226, 432, 430, 433, 108, 100, 266, 118, 93, 238, 456, 455, 449,
        454, 292, 130, 269, 305, 311, 183, 141, 220, 202, 201, 200, 205, 105, 368, 132, 65, 20, 188, 64, 96,
        349, 211, 209, 191, 77, 147, 367, 365, 236, 78, 199, 227, 464, 112, 128, 285, 284, 324, 286, 247,
        244, 245, 382, 243, 246, 426, 427, 425, 54, 283, 282, 117, 343, 381, 277, 280, 37, 445, 444, 446,
        198, 228, 9, 296, 363, 458, 230, 465, 231, 110, 234, 19, 225, 459, 461, 460, 107, 219, 453, 268, 356,
        350, 447, 287, 218, 39, 289, 14, 290, 150, 374, 152, 90, 21, 442, 429, 310, 125, 276, 275, 271, 274,
        273, 272, 163, 462, 402, 399, 401, 400, 144, 151, 153, 91, 335, 162, 293, 169, 34, 5, 336, 428, 467,
        288, 437, 29, 331, 136, 438, 434, 424, 42, 325, 217, 385, 386, 384, 168, 302, 172, 180, 328, 376,
        334, 440, 448, 340, 341, 301, 26, 189, 181, 329, 377, 167, 131, 443, 3, 222, 89, 85, 298, 145, 88,
        371, 357, 372, 267, 233, 466, 38, 295, 347, 279, 7, 40, 383, 174, 176, 175, 178, 173, 179, 177, 330,
        378, 353, 352, 342, 380, 159, 160, 240, 346, 155, 157, 161, 239, 345, 154, 156, 158, 348, 142, 394,
        393, 392, 187, 358, 370, 369, 270, 450, 304, 252, 121, 216, 215, 214, 206, 74, 104, 339, 57, 97, 204,
        210, 208, 203, 75, 66, 366, 79, 213, 224, 463, 397, 396, 398, 395, 373, 67, 186, 48, 316, 322, 73,
        126, 119, 72, 359, 102, 360, 306, 106, 99, 265, 457, 379, 115, 87, 83, 297, 36, 307, 338, 135, 116,
        103, 308, 241, 254, 258, 257, 256, 255, 317, 319, 321, 320, 43, 237, 92, 60, 22, 52, 122, 10, 294,
        303, 86, 355, 62, 30, 315, 313, 190, 111, 309, 114, 281, 4, 146,
    ],
    far: &[],
    more: &[("pread", 180), ("pwrite", 181)],
};

pub(super) static RISCV64: Table = Table {
    names: &dense::<470>(&[
        (
            0,
            "io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr \
lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr \
getcwd lookup_dcookie eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl inotify_init1 \
inotify_add_watch inotify_rm_watch ioctl ioprio_set ioprio_get flock mknodat mkdirat unlinkat \
symlinkat linkat - umount2 mount pivot_root nfsservctl statfs fstatfs truncate ftruncate \
fallocate faccessat chdir fchdir chroot fchmod fchmodat fchownat fchown openat close vhangup \
pipe2 quotactl getdents64 lseek read write readv writev pread64 pwrite64 preadv pwritev \
sendfile pselect6 ppoll signalfd4 vmsplice splice tee readlinkat newfstatat fstat sync fsync \
fdatasync sync_file_range timerfd_create timerfd_settime timerfd_gettime utimensat acct capget \
capset personality exit exit_group waitid set_tid_address unshare futex set_robust_list \
get_robust_list nanosleep getitimer setitimer kexec_load init_module delete_module timer_create \
timer_gettime timer_getoverrun timer_settime timer_delete clock_settime clock_gettime \
clock_getres clock_nanosleep syslog ptrace sched_setparam sched_setscheduler sched_getscheduler \
sched_getparam sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max \
sched_get_priority_min sched_rr_get_interval restart_syscall kill tkill tgkill sigaltstack \
rt_sigsuspend rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo \
rt_sigreturn setpriority getpriority reboot setregid setgid setreuid setuid setresuid getresuid \
setresgid getresgid setfsuid setfsgid times setpgid getpgid getsid setsid getgroups setgroups \
uname sethostname setdomainname getrlimit setrlimit getrusage umask prctl getcpu gettimeofday \
settimeofday adjtimex getpid getppid getuid geteuid getgid getegid gettid sysinfo mq_open \
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd \
semget semctl semtimedop semop shmget shmctl shmat shmdt socket socketpair bind listen accept \
connect getsockname getpeername sendto recvfrom setsockopt getsockopt shutdown sendmsg recvmsg \
readahead brk munmap mremap add_key request_key keyctl clone execve mmap fadvise64 swapon \
swapoff mprotect msync mlock munlock mlockall munlockall mincore madvise remap_file_pages mbind \
get_mempolicy set_mempolicy migrate_pages move_pages rt_tgsigqueueinfo perf_event_open accept4 \
recvmmsg",
        ),
        (
            258,
            "riscv_hwprobe riscv_flush_icache wait4 prlimit64 fanotify_init fanotify_mark name_to_handle_at \
open_by_handle_at clock_adjtime syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp \
finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat \
userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc \
pkey_free statx io_pgetevents rseq kexec_file_load",
        ),
        (
            424,
            "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
        ),
    ]),
    by_name: &[
        202, 242, 89, 217, 171, 200, 280, 214, 451, 90, 91, 49, 51, 266, 114, 113, 115, 112, 220, 435, 57,
        436, 203, 285, 106, 23, 24, 20, 21, 22, 441, 19, 221, 281, 93, 94, 48, 439, 223, 47, 262, 263, 50,
        52, 53, 452, 55, 54, 25, 83, 10, 468, 469, 273, 13, 32, 16, 431, 7, 432, 430, 433, 80, 44, 82, 46,
        98, 456, 455, 449, 454, 236, 100, 168, 17, 61, 177, 175, 176, 158, 102, 205, 155, 172, 173, 141, 278,
        150, 148, 163, 165, 156, 204, 209, 178, 169, 174, 8, 464, 105, 27, 26, 28, 3, 1, 4, 292, 0, 2, 426,
        427, 425, 29, 31, 30, 272, 294, 104, 219, 129, 445, 444, 446, 9, 37, 201, 458, 11, 465, 12, 18, 15,
        62, 6, 459, 461, 460, 233, 453, 235, 283, 279, 447, 238, 232, 34, 33, 228, 284, 230, 222, 40, 442,
        429, 239, 226, 185, 184, 180, 183, 182, 181, 216, 462, 187, 186, 188, 189, 227, 229, 231, 215, 264,
        101, 79, 42, 265, 428, 467, 56, 437, 241, 92, 438, 434, 424, 59, 41, 289, 290, 288, 73, 167, 67, 69,
        286, 261, 440, 448, 270, 271, 72, 117, 68, 70, 287, 60, 443, 63, 213, 78, 65, 142, 207, 243, 212,
        234, 14, 466, 276, 218, 128, 259, 258, 293, 134, 136, 135, 138, 139, 133, 137, 240, 125, 126, 123,
        275, 121, 120, 127, 122, 274, 118, 119, 124, 277, 191, 190, 193, 192, 71, 269, 211, 206, 237, 450,
        99, 96, 162, 152, 151, 144, 159, 161, 103, 268, 154, 140, 143, 149, 147, 145, 164, 157, 208, 170,
        146, 5, 463, 196, 195, 197, 194, 210, 132, 74, 198, 199, 76, 43, 457, 291, 225, 224, 36, 81, 84, 267,
        179, 116, 77, 131, 107, 111, 109, 108, 110, 85, 87, 86, 153, 130, 45, 166, 39, 160, 35, 97, 282, 88,
        58, 75, 260, 95, 64, 66,
    ],
    far: &[],
    more: &[("pread", 67), ("pwrite", 68)],
};
