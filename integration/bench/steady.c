// Opens files at a rate until SIGTERM: steady RATE PIECE DIR. It makes DIR/1, opens it PIECE times and says `1`, then DIR/2, and so
// on. It ends after a whole piece. What it is late it makes up for within a second, and no more than that.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static volatile sig_atomic_t is_enough;
static void on_term(int number) {
    (void)number;
    is_enough = 1;
}
static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

int main(int count, char **words) {
    if (count != 4) return 2;
    double rate = atof(words[1]);
    long piece = atol(words[2]);
    if (rate < 1 || piece < 1) return 2;
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    // In slices of a hundredth of a second.
    long slice = rate < 100 ? 1 : (long)(rate / 100);
    long long due = now();
    long left = slice;
    for (long number = 1; !is_enough; number++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%ld", words[3], number);
        // Not by open: this one is not to be counted.
        if (mknod(path, S_IFREG | 0644, 0) < 0) return 1;
        for (long i = 0; i < piece; i++) {
            int file = open(path, O_RDONLY);
            if (file < 0) return 1;
            close(file);
            if (--left) continue;
            left = slice;
            due += (long long)((double)(slice * SECOND) / rate);
            long long is = now();
            if (is > due + SECOND) due = is - SECOND;
            struct timespec until = {.tv_sec = due / SECOND, .tv_nsec = due % SECOND};
            if (due > is) while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL)) {}
        }
        printf("%ld\n", number);
    }
    return 0;
}
