/* Does, once each and in a child of its own, what makes the kernel write one kind of audit record.
 *
 *   provoke DIR [CASE…]     DIR belongs to the test and holds bin/ with true, setuid-true and script
 *
 * Each case runs in a new process, so one that is killed or refused does not end the rest. A line on standard output
 * says how it ended; a kernel that lacks something is no failure, it only leaves a smaller corpus.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define MUST(call) do { if ((long)(call) < 0) return errno; } while (0)

static int touch(const char *name) {
    int fd = open(name, O_WRONLY | O_CREAT, 0640);
    if (fd < 0) return -1;
    return close(fd);
}

/* A request to the audit subsystem. */
static int audit_send(int s, int type, const void *data, size_t bytes) {
    static char buffer[9216]; struct nlmsghdr *header = (void *)buffer;
    static unsigned sequence = 1;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    memset(buffer, 0, sizeof buffer);
    header->nlmsg_len = NLMSG_LENGTH(bytes); header->nlmsg_type = type; header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header->nlmsg_seq = sequence++;
    memcpy(NLMSG_DATA(header), data, bytes);
    return sendto(s, buffer, NLMSG_SPACE(bytes), 0, (void *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

/* Files. */

static int file_open(void) { MUST(touch("plain")); MUST(open("plain", O_RDONLY)); return 0; }
static int file_creat(void) { MUST(creat("created", 0600)); return 0; }
static int file_append(void) {
    int fd = open("plain", O_WRONLY | O_APPEND | O_CREAT, 0600);
    MUST(fd); MUST(write(fd, "one line\n", 9)); return 0;
}
static int file_rename(void) { MUST(touch("old name")); MUST(rename("old name", "new name")); return 0; }
static int file_replace(void) { MUST(touch("a")); MUST(touch("b")); MUST(rename("a", "b")); return 0; }
static int file_link(void) { MUST(touch("plain")); MUST(link("plain", "hard")); MUST(symlink("plain", "soft")); return 0; }
static int file_unlink(void) { MUST(touch("gone")); MUST(unlink("gone")); return 0; }
static int file_dirs(void) { MUST(mkdir("sub", 0711)); MUST(rmdir("sub")); return 0; }
static int file_chmod(void) { MUST(touch("plain")); MUST(chmod("plain", 04755)); return 0; }
static int file_chown(void) { MUST(touch("plain")); MUST(chown("plain", 1, 2)); return 0; }
static int file_truncate(void) { MUST(touch("plain")); MUST(truncate("plain", 7)); return 0; }
static int file_xattr(void) { MUST(touch("plain")); MUST(setxattr("plain", "user.note", "x", 1, 0)); return 0; }
static int file_fifo(void) { MUST(mknod("fifo", S_IFIFO | 0600, 0)); return 0; }
static int file_missing(void) { if (open("no/such/file", O_RDONLY) >= 0) return EEXIST; return 0; }
static int file_is_directory(void) { if (open(".", O_WRONLY) >= 0) return EEXIST; return 0; }
static int file_null_name(void) { if (open((char *)8, O_RDONLY) >= 0) return EEXIST; return 0; }
static int file_empty_name(void) { if (open("", O_RDONLY) >= 0) return EEXIST; return 0; }
static int file_denied(void) {
    MUST(touch("secret")); MUST(chmod("secret", 0600)); MUST(setgid(65534)); MUST(setuid(65534));
    if (open("secret", O_RDONLY) >= 0) return EEXIST;
    return 0;
}
static int file_openat2(void) {
    struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0x08 /* RESOLVE_BENEATH */ };
    MUST(touch("plain"));
    MUST(syscall(437, AT_FDCWD, "plain", &how, sizeof how));
    return 0;
}

/* Names with bytes that the record must write in hex, or that look like syntax. */
static int odd_names(void) {
    static const char *const names[] = {
        "with space", "with\"quote", "with\nnewline", "with\ttab", "umlaut-\xc3\xa4", "byte-\xff", "(null)", "=equals=",
        "single'quote", "trailing\\", "type=SYSCALL", "DEADBEEF", "12", "\x1d" "enriched", "esc\x1b[31m", "key=\"x\"",
    };
    char longest[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) MUST(touch(names[i]));
    memset(longest, 'L', 255); longest[255] = 0;
    MUST(touch(longest));
    return 0;
}
static int odd_comm(void) {
    MUST(prctl(PR_SET_NAME, "a \"b\"\n\xff")); MUST(touch("plain"));
    return 0;
}
static int odd_cwd(void) { MUST(mkdir("dir with\nnewline", 0700)); MUST(chdir("dir with\nnewline")); MUST(touch("x")); return 0; }

/* Programs. */

static int run(char **argv) {
    pid_t child = fork();
    MUST(child);
    if (child == 0) { execv("../bin/true", argv); _exit(127); }
    int status;
    MUST(waitpid(child, &status, 0));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}
static int exec_plain(void) { char *argv[] = { "true", "--flag", "value", NULL }; return run(argv); }
static int exec_odd(void) {
    char *argv[] = { "true", "", "two words", "\"quoted\"", "line\nbreak", "\xc3\xa4\xff", "(null)", "a0=\"x\"", "C0FFEE", NULL };
    return run(argv);
}
static int exec_no_arguments(void) { char *argv[] = { NULL }; return run(argv); }
static int exec_many(void) {
    static char text[301][16]; static char *argv[302];
    for (int i = 0; i <= 300; i++) { snprintf(text[i], sizeof text[i], "argument-%d", i); argv[i] = text[i]; }
    return run(argv);
}
static int exec_long(void) {
    static char plain[9001], hex[6001];
    memset(plain, 'p', 9000); memset(hex, ' ', 6000);
    char *argv[] = { "true", "before", plain, "between", hex, "after", NULL };
    return run(argv);
}
static int exec_missing(void) { char *argv[] = { "x", NULL }; execv("../bin/no such program", argv); return errno == ENOENT ? 0 : errno; }
static int exec_script(void) { char *argv[] = { "script", "one", NULL }; pid_t c = fork(); MUST(c); if (!c) { execv("../bin/script", argv); _exit(127); } MUST(waitpid(c, NULL, 0)); return 0; }
static int exec_gains_rights(void) {
    pid_t c = fork(); MUST(c);
    if (!c) {
        char *argv[] = { "setuid-true", NULL };
        if (setgid(65534) || setuid(65534)) _exit(1);
        execv("../bin/setuid-true", argv); _exit(127);
    }
    MUST(waitpid(c, NULL, 0));
    return 0;
}

/* Sockets. */

static int inet4(int port, struct sockaddr_in *to) {
    memset(to, 0, sizeof *to); to->sin_family = AF_INET; to->sin_port = htons(port); to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_STREAM, 0);
}
static int socket_inet(void) {
    struct sockaddr_in at; socklen_t n = sizeof at; int l = inet4(0, &at);
    MUST(l); MUST(bind(l, (void *)&at, sizeof at)); MUST(listen(l, 1)); MUST(getsockname(l, (void *)&at, &n));
    int c = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(c, (void *)&at, sizeof at)); MUST(accept4(l, NULL, NULL, 0));
    return 0;
}
static int socket_refused(void) {
    struct sockaddr_in to; int c = inet4(1, &to);
    if (connect(c, (void *)&to, sizeof to) == 0) return EEXIST;
    return 0;
}
static int socket_inet6(void) {
    struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int c = socket(AF_INET6, SOCK_DGRAM, 0);
    MUST(c); MUST(connect(c, (void *)&to, sizeof to));
    return 0;
}
static int unix_pair(const char *name, socklen_t bytes) {
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    memcpy(at.sun_path, name, bytes);
    socklen_t n = offsetof(struct sockaddr_un, sun_path) + bytes;
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(l, (void *)&at, n)); MUST(listen(l, 1)); MUST(connect(c, (void *)&at, n));
    return 0;
}
static int socket_unix(void) { return unix_pair("sock et", 8); }
static int socket_abstract(void) { return unix_pair("\0abstract name", 14); }
static int socket_netlink(void) {
    struct sockaddr_nl at = { .nl_family = AF_NETLINK };
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    MUST(s); MUST(bind(s, (void *)&at, sizeof at));
    return 0;
}
static int fd_pair(void) { int fd[2]; MUST(pipe(fd)); MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd)); return 0; }

/* Processes. */

static int signal_process(void) {
    pid_t c = fork(); MUST(c);
    if (!c) { pause(); _exit(0); }
    MUST(kill(c, SIGTERM)); MUST(waitpid(c, NULL, 0));
    return 0;
}
static int trace_process(void) {
    pid_t c = fork(); MUST(c);
    if (!c) { pause(); _exit(0); }
    MUST(ptrace(PTRACE_SEIZE, c, 0, 0)); MUST(kill(c, SIGKILL)); MUST(waitpid(c, NULL, 0));
    return 0;
}
static int set_ids(void) { MUST(setresgid(1, 2, 3)); MUST(setresuid(1, 2, 3)); return 0; }
static int set_capabilities(void) {
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 1 << CAP_KILL, 1 << CAP_KILL, 0 }, { 0, 0, 0 } };
    MUST(syscall(SYS_capset, &header, data));
    return 0;
}
static int set_loginuid(void) {
    int fd = open("/proc/self/loginuid", O_WRONLY);
    MUST(fd); MUST(write(fd, "1000", 4)); MUST(touch("by-a-user"));
    return 0;
}
static int map_executable(void) {
    int fd = open("../bin/true", O_RDONLY);
    MUST(fd);
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}
static int crash(void) { signal(SIGSEGV, SIG_DFL); *(volatile int *)8 = 1; return 0; }
static int filter_syscall(uint32_t verdict) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program));
    syscall(SYS_getppid);
    return 0;
}
static int seccomp_log(void) { return filter_syscall(SECCOMP_RET_LOG); }
static int seccomp_errno(void) { return filter_syscall(SECCOMP_RET_ERRNO | EPERM); }
static int seccomp_kill(void) { return filter_syscall(SECCOMP_RET_KILL_PROCESS); }

/* Kernel objects. */

static int message_queue(void) {
    struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 };
    struct timespec soon = { 1, 0 }; char text[64]; unsigned priority;
    mqd_t q = mq_open("/ktrail-corpus", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
    MUST(q);
    struct sigevent quiet = { .sigev_notify = SIGEV_NONE };
    mq_timedsend(q, "hello", 5, 3, &soon); mq_timedreceive(q, text, sizeof text, &priority, &soon);
    mq_notify(q, &quiet); mq_setattr(q, &attr, NULL);
    MUST(mq_unlink("/ktrail-corpus"));
    return 0;
}
static int system_v_ipc(void) {
    int m = shmget(IPC_PRIVATE, 4096, 0600), q = msgget(IPC_PRIVATE, 0600), s = semget(IPC_PRIVATE, 1, 0600);
    struct shmid_ds shared; struct msqid_ds queue;
    MUST(m); MUST(q); MUST(s);
    MUST(shmctl(m, IPC_STAT, &shared)); shared.shm_perm.mode = 0640; MUST(shmctl(m, IPC_SET, &shared));
    MUST(msgctl(q, IPC_STAT, &queue)); queue.msg_perm.uid = 1; MUST(msgctl(q, IPC_SET, &queue));
    MUST(shmctl(m, IPC_RMID, NULL)); MUST(msgctl(q, IPC_RMID, NULL)); MUST(semctl(s, 0, IPC_RMID));
    return 0;
}
static int bpf_program(void) {
    struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
    union bpf_attr attr; memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER; attr.insns = (uintptr_t)code; attr.insn_cnt = 2; attr.license = (uintptr_t)"GPL";
    MUST(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr));
    return 0;
}
static int uring_open(void) {
    struct io_uring_params p; memset(&p, 0, sizeof p);
    int ring = syscall(SYS_io_uring_setup, 4, &p);
    MUST(ring);
    char *queue = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *sqe = mmap(NULL, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (queue == MAP_FAILED || sqe == MAP_FAILED) return errno;
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = IORING_OP_OPENAT; sqe->fd = AT_FDCWD; sqe->addr = (uintptr_t)"through-the-ring"; sqe->len = 0600;
    sqe->open_flags = O_CREAT | O_WRONLY;
    ((unsigned *)(queue + p.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(queue + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    MUST(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    return 0;
}
/* The rule is made here: Debian 12's auditctl does not know the list of the rings. */
static int uring_audited(void) {
    struct { struct audit_rule_data head; char key[12]; } rule;
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    memset(&rule, 0, sizeof rule);
    rule.head.flags = 7 /* AUDIT_FILTER_URING_EXIT */; rule.head.action = AUDIT_ALWAYS; rule.head.field_count = 1;
    rule.head.mask[AUDIT_WORD(IORING_OP_OPENAT)] = AUDIT_BIT(IORING_OP_OPENAT);
    rule.head.fields[0] = AUDIT_FILTERKEY; rule.head.fieldflags[0] = AUDIT_EQUAL; rule.head.values[0] = 11;
    rule.head.buflen = 11; memcpy(rule.head.buf, "corpus-ring", 11);
    MUST(audit_send(s, AUDIT_ADD_RULE, &rule, sizeof rule));
    int failed = uring_open();
    MUST(audit_send(s, AUDIT_DEL_RULE, &rule, sizeof rule));
    return failed;
}
static int kernel_module(void) {
    if (syscall(SYS_delete_module, "no such module", O_NONBLOCK) == 0) return EEXIST;
    return 0;
}
static int fanotify_answer(void) {
    MUST(touch("guarded"));
    int group = fanotify_init(FAN_CLASS_CONTENT | 0x40 /* FAN_ENABLE_AUDIT */, O_RDONLY);
    MUST(group); MUST(fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "guarded"));
    pid_t c = fork(); MUST(c);
    if (!c) { close(group); _exit(open("guarded", O_RDONLY) < 0 ? 0 : 1); }
    struct fanotify_event_metadata event;
    MUST(read(group, &event, sizeof event));
    struct fanotify_response answer = { .fd = event.fd, .response = FAN_DENY | 0x10 /* FAN_AUDIT */ };
    MUST(write(group, &answer, sizeof answer)); MUST(waitpid(c, NULL, 0));
    return 0;
}
static int landlock_denial(void) {
    uint64_t handled[] = { 1 << 2 /* LANDLOCK_ACCESS_FS_READ_FILE */ };
    int rules = syscall(444, handled, sizeof handled, 0);
    MUST(rules); MUST(touch("forbidden")); MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(syscall(446, rules, 2 /* log what a later program is denied */));
    if (open("forbidden", O_RDONLY) >= 0) return EEXIST;
    return 0;
}
static int promiscuous(void) {
    struct ifreq request = { .ifr_name = "lo" };
    MUST(unshare(CLONE_NEWNET));
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(s); MUST(ioctl(s, SIOCGIFFLAGS, &request));
    request.ifr_flags |= IFF_PROMISC; MUST(ioctl(s, SIOCSIFFLAGS, &request));
    request.ifr_flags &= ~IFF_PROMISC; MUST(ioctl(s, SIOCSIFFLAGS, &request));
    return 0;
}
static int protected_link(void) {
    MUST(mkdir("sticky", 01777)); MUST(chmod("sticky", 01777)); MUST(touch("target"));
    MUST(symlink("../target", "sticky/link")); MUST(lchown("sticky/link", 1, 1));
    MUST(mknod("sticky/fifo", S_IFIFO | 0666, 0)); MUST(chmod("sticky/fifo", 0666)); MUST(chown("sticky/fifo", 1, 1));
    if (open("sticky/link", O_RDONLY) >= 0 || open("sticky/fifo", O_RDWR | O_CREAT | O_NONBLOCK, 0600) >= 0) return EEXIST;
    return 0;
}
#ifdef KTRAIL_GUEST
/* For a guest only: these move its clock. */
static int clock_steps(void) {
    struct timex step = { .modes = 0x0100 | 0x2000 /* ADJ_SETOFFSET | ADJ_NANO */, .time = { 0, 1000 } };
    struct timex frequency = { .modes = ADJ_FREQUENCY | ADJ_TICK, .freq = 6553, .tick = 10001 };
    MUST(clock_adjtime(CLOCK_REALTIME, &step)); MUST(clock_adjtime(CLOCK_REALTIME, &frequency));
    return 0;
}
#endif
#if defined(__x86_64__) && !defined(KTRAIL_GUEST)
/* A system call of the 32-bit table: arch=i386 and, on that table only, SOCKETCALL. */
static int socketcall_32(void) {
    uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) return errno;
    low[0] = AF_INET; low[1] = SOCK_DGRAM; low[2] = 0;
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(102L), "b"(1L), "c"(low) : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? -result : 0;
}
#endif

/* Messages to and from the audit subsystem itself. */

static int user_messages(void) {
    static const struct { int type; const char *text; } messages[] = {
        { 1100, "op=PAM:authentication grantors=? acct=\"nobody\" exe=\"/usr/bin/su\" hostname=? addr=? terminal=pts/0 res=failed" },
        { 1101, "op=PAM:accounting grantors=pam_permit acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.1 addr=192.0.2.1 terminal=ssh res=success" },
        { 1103, "op=PAM:setcred grantors=pam_permit acct=\"root\" exe=\"/usr/sbin/cron\" hostname=? addr=? terminal=cron res=success" },
        { 1105, "op=PAM:session_open grantors=pam_limits,pam_unix acct=\"root\" exe=\"/usr/sbin/cron\" hostname=? addr=? terminal=cron res=success" },
        { 1106, "op=PAM:session_close acct=6120626F6479 exe=2F7573722F62696E2F6120 hostname=? addr=? terminal=? res=success" },
        { 1107, "avc:  denied  { acquire_svc } for  scontext=system_u:system_r:init_t:s0 tclass=dbus permissive=0 exe=\"/usr/bin/dbus-daemon\" sauid=81 hostname=? addr=? terminal=?" },
        { 1112, "op=login id=1000 exe=\"/usr/sbin/sshd\" hostname=host.example addr=2001:db8::1 terminal=/dev/pts/1 res=success" },
        { 1116, "op=add-group id=1001 exe=\"/usr/sbin/groupadd\" hostname=? addr=? terminal=? res=success" },
        { 1123, "cwd=\"/root\" cmd=6C73202D6C61202F726F6F74 exe=\"/usr/bin/sudo\" terminal=pts/0 res=success" },
        { 1124, "op=tty data=6C730D" },
        { 1127, " comm=\"systemd-update-utmp\" exe=\"/lib/systemd/systemd-update-utmp\" hostname=? addr=? terminal=? res=success" },
        { 1130, "unit=getty@tty1 comm=\"systemd\" exe=\"/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success" },
        { 1111, "text with 'single quotes' and \"double\" ones, msg='nested' and an = sign" },
        { 1195, "" },
        { 2100, "pam_tally2 uid=1000 tty=? res=failed" },
        { 2404, "op=destroy kind=session fp=? direction=both spid=1 suid=0 rport=50000 laddr=192.0.2.2 lport=22 exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.1 terminal=? res=success" },
        { 2500, "virt=kvm op=start reason=booted vm=\"a vm\" uuid=00000000-0000-0000-0000-000000000000 vm-pid=1 exe=\"/usr/sbin/libvirtd\" hostname=? addr=? terminal=? res=success" },
        { 2777, "op=unheard-of a=1 b=\"two\" c=" },
    };
    static char longest[8400];
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    MUST(s);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        MUST(audit_send(s, messages[i].type, messages[i].text, strlen(messages[i].text) + 1));
    memset(longest, 'u', sizeof longest - 1); memcpy(longest, "text=", 5);
    MUST(audit_send(s, 1005, longest, sizeof longest));
    return 0;
}
static int listener(void) {
    struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    MUST(s); MUST(bind(s, (void *)&at, sizeof at));
    return 0;
}
static int keystrokes(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    MUST(master); MUST(grantpt(master)); MUST(unlockpt(master));
    pid_t c = fork(); MUST(c);
    if (!c) {
        uint32_t on[2] = { 1, 0 }; char line[64];
        setsid();
        int tty = open(ptsname(master), O_RDWR), s = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
        if (tty < 0 || s < 0 || audit_send(s, AUDIT_TTY_SET, on, sizeof on)) _exit(1);
        if (write(tty, "?", 1) < 0 || read(tty, line, sizeof line) < 0) _exit(1);
        _exit(0);
    }
    char prompt; int status;
    MUST(read(master, &prompt, 1)); MUST(write(master, "typed by hand\n", 14)); MUST(waitpid(c, &status, 0));
    return WEXITSTATUS(status) ? EIO : 0;
}

#define CASE(name) { #name, name }
static const struct { const char *name; int (*act)(void); } cases[] = {
    CASE(file_open), CASE(file_creat), CASE(file_append), CASE(file_rename), CASE(file_replace), CASE(file_link),
    CASE(file_unlink), CASE(file_dirs), CASE(file_chmod), CASE(file_chown), CASE(file_truncate), CASE(file_xattr),
    CASE(file_fifo), CASE(file_missing), CASE(file_is_directory), CASE(file_null_name), CASE(file_empty_name),
    CASE(file_denied), CASE(file_openat2), CASE(odd_names), CASE(odd_comm), CASE(odd_cwd), CASE(exec_plain), CASE(exec_odd),
    CASE(exec_no_arguments), CASE(exec_many), CASE(exec_long), CASE(exec_missing), CASE(exec_script), CASE(exec_gains_rights),
    CASE(socket_inet), CASE(socket_refused), CASE(socket_inet6), CASE(socket_unix), CASE(socket_abstract),
    CASE(socket_netlink), CASE(fd_pair), CASE(signal_process), CASE(trace_process), CASE(set_ids), CASE(set_capabilities),
    CASE(set_loginuid), CASE(map_executable), CASE(crash), CASE(seccomp_log), CASE(seccomp_errno), CASE(seccomp_kill),
    CASE(message_queue), CASE(system_v_ipc), CASE(bpf_program), CASE(uring_audited), CASE(kernel_module), CASE(fanotify_answer),
    CASE(landlock_denial), CASE(promiscuous), CASE(protected_link), CASE(user_messages), CASE(listener), CASE(keystrokes),
#ifdef KTRAIL_GUEST
    CASE(clock_steps),
#elif defined(__x86_64__)
    CASE(socketcall_32),
#endif
};

/* Runs one case in a folder of its own below DIR, which is the working directory. */
static void run_case(size_t i) {
    char how[64];
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        if (mkdir(cases[i].name, 0755) || chdir(cases[i].name)) _exit(errno);
        _exit(cases[i].act());
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) snprintf(how, sizeof how, "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status)) snprintf(how, sizeof how, "%s", strerror(WEXITSTATUS(status)));
    else snprintf(how, sizeof how, "done");
    printf("%-18s %s\n", cases[i].name, how);
}

int main(int argc, char **argv) {
    if (argc < 2 || chdir(argv[1])) { fprintf(stderr, "usage: provoke DIR [CASE...]\n"); return 2; }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int wanted = argc == 2;
        for (int a = 2; a < argc; a++) wanted |= strcmp(argv[a], cases[i].name) == 0;
        if (wanted) run_case(i);
    }
    return 0;
}
