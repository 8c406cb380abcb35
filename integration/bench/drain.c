// The least an audit daemon can do: registers, receives, and keeps only a count of the system calls with KEY: drain KEY.
// Ends at SIGTERM, when nothing is left to receive; closing the socket unregisters.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BATCH = 32, MESSAGE = 9216 };
static volatile sig_atomic_t stop;
static char buffers[BATCH][MESSAGE];
static void on_term(int number) { (void)number; stop = 1; }

int main(int count, char **words) {
    if (count != 2) return 2;
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct { struct nlmsghdr head; struct audit_status status; } request = {
        .head = {.nlmsg_len = sizeof request, .nlmsg_type = AUDIT_SET, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1},
        .status = {.mask = AUDIT_STATUS_PID, .pid = (unsigned)getpid()}};
    struct timeval patience = {.tv_usec = 200000};
    int bytes = 16 << 20;
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (sock < 0 || sendto(sock, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) {
        perror("drain");
        return 1;
    }
    struct mmsghdr messages[BATCH] = {0};
    struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){.iov_base = buffers[i], .iov_len = MESSAGE};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    long found = 0;
    for (;;) {
        int received = recvmmsg(sock, messages, BATCH, MSG_WAITFORONE, NULL);
        if (received < 0 && errno == EAGAIN && stop) break;
        for (int i = 0; i < received; i++) {
            struct nlmsghdr *head = (void *)buffers[i];
            if (head->nlmsg_type == AUDIT_SYSCALL && memmem(buffers[i], messages[i].msg_len, words[1], strlen(words[1])))
                found++;
        }
    }
    printf("%ld\n", found);
    return 0;
}
