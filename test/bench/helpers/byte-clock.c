/* How long a byte is on its way: one process writes bytes and notes when, another reads them at the far end and notes when.
 * CLOCK_MONOTONIC is the same for both, also in a container.
 *
 *   byte-clock write COUNT PAUSE_US FILE   bytes to stdout, one every PAUSE_US; then the times, in microseconds, to FILE
 *   byte-clock read COUNT                  as many bytes from stdin; then the times to stdout
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int print(FILE *to, const double *times, long count) {
    if (!to) return 1;
    for (long i = 0; i < count; i++) fprintf(to, "%.1f\n", times[i]);
    return fclose(to) != 0;
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[2]) : 0;
    double *times = calloc(count > 0 ? count : 1, sizeof *times);
    if (count <= 0 || !times) return 2;
    if (argc == 5 && !strcmp(argv[1], "write")) {
        long pause_us = atol(argv[3]);
        struct timespec pause = {pause_us / 1000000, pause_us % 1000000 * 1000};
        for (long i = 0; i < count; i++) {
            nanosleep(&pause, NULL);
            times[i] = now_us();
            if (write(1, "x", 1) != 1) return 1;
        }
        return print(fopen(argv[4], "w"), times, count);
    }
    if (argc != 3 || strcmp(argv[1], "read")) return 2;
    char bytes[4096];
    for (long i = 0; i < count;) {
        ssize_t got = read(0, bytes, sizeof bytes);
        if (got <= 0) return 1;
        // Bytes that come together have come when the last of them did.
        for (double now = now_us(); got-- > 0 && i < count; i++) times[i] = now;
    }
    // Who still holds the other end is not to find that nobody reads.
    while (read(0, bytes, sizeof bytes) > 0) {}
    return print(stdout, times, count);
}
