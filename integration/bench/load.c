// Opens and closes FILE N times and prints opens per second: load N FILE [OTHER EVERY]. With OTHER, each time whose number is a
// multiple of EVERY it is opened in place of FILE.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 3 && count != 5) return 2;
    long events = atol(words[1]);
    long every = count == 5 ? atol(words[4]) : events + 1;
    if (every < 1) return 2;
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (long i = 1; i <= events; i++) {
        int file = open(words[i % every == 0 ? 3 : 2], O_RDONLY);
        if (file < 0) return 1;
        close(file);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds = (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
    printf("%.0f\n", (double)events / seconds);
    return 0;
}
