// Measures how long one event takes, one at a time: latency FILE LOG SOCKET KEY N.
// Opens FILE, whose opens by this program are audited with KEY, and waits until the event is in LOG and has come on a tail of
// SOCKET, asleep in between as any other reader would be. Times are from the return of the open. Prints a line for each of both.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, PATIENCE_MS = 5000 };
static char text[ROOM];

static void fail(const char *what) { perror(what); exit(1); }
static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}
static int by_size(const void *a, const void *b) { return (*(long *)a > *(long *)b) - (*(long *)a < *(long *)b); }
static void print(const char *name, long *times, long count) {
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("%-14s %7ld %8.1f %8.1f %8.1f %8.1f\n", name, count, (double)times[count / 2] / 1e3,
           (double)times[count * 9 / 10] / 1e3, (double)times[count * 99 / 100] / 1e3, (double)times[count - 1] / 1e3);
}
static int follow(const char *path, const char *key) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int tail = socket(AF_UNIX, SOCK_STREAM, 0);
    if (tail < 0 || connect(tail, (struct sockaddr *)&address, sizeof address) < 0) fail("the socket");
    int length = snprintf(text, ROOM, "GET /v1/tail?q=key%%3D%s HTTP/1.1\r\nHost: x\r\n\r\n", key);
    if (write(tail, text, (size_t)length) != length) fail("the request");
    if (read(tail, text, ROOM) <= 0 || strncmp(text, "HTTP/1.1 200", 12)) fail("the answer");
    return tail;
}
// Whether a whole entry with the key is in what has come; the stream and the file end each with a newline.
static int arrived(int file, const char *key) {
    ssize_t length = read(file, text, ROOM);
    if (length <= 0) return 0;
    char *found = memmem(text, (size_t)length, key, strlen(key));
    return found && memmem(found, (size_t)(text + length - found), "}\n", 2);
}

int main(int words, char **word) {
    if (words != 6) return 2;
    long count = atol(word[5]);
    long *to_log = calloc((size_t)count, sizeof *to_log), *to_tail = calloc((size_t)count, sizeof *to_tail);
    int notify = inotify_init1(IN_NONBLOCK), tail = follow(word[3], word[4]), log = open(word[2], O_RDONLY);
    if (log < 0 || inotify_add_watch(notify, word[2], IN_MODIFY) < 0) fail("the log");
    srand(1);
    for (long event = 0; event < count; event++) {
        // Long enough that all is asleep again, and never in step with a timer of the daemon's.
        struct timespec pause = {.tv_nsec = 2000000 + rand() % 10000000};
        nanosleep(&pause, NULL);
        char ignored[4096];
        while (read(notify, ignored, sizeof ignored) > 0) {}
        lseek(log, 0, SEEK_END);
        int file = open(word[1], O_RDONLY);
        long begun = now_ns();
        if (file < 0) fail("the file");
        close(file);
        for (int in_log = 0, in_tail = 0; !in_log || !in_tail;) {
            struct pollfd wait[] = {{.fd = in_log ? -1 : notify, .events = POLLIN}, {.fd = in_tail ? -1 : tail, .events = POLLIN}};
            if (poll(wait, 2, PATIENCE_MS) <= 0) { fprintf(stderr, "event %ld has not come\n", event); return 1; }
            long ended = now_ns();
            if (wait[0].revents) {
                while (read(notify, ignored, sizeof ignored) > 0) {}
                if (arrived(log, word[4])) { in_log = 1; to_log[event] = ended - begun; }
            }
            if (wait[1].revents && arrived(tail, word[4])) { in_tail = 1; to_tail[event] = ended - begun; }
        }
    }
    print("log file", to_log, count);
    print("tail", to_tail, count);
    return 0;
}
