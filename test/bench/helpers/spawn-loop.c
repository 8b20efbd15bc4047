/* Starts a program again and again, waits for each to end, and prints a line a run: wall time and CPU time, both in
 * microseconds, and the exit code. vfork(2), because posix_spawn(3) alone makes more than 120 system calls in the child. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct sample {
    double wall_us, cpu_us;
    int code;
};

/* Where stderr was. */
static int errors;

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static double microseconds(struct timeval time) { return time.tv_sec * 1e6 + time.tv_usec; }

static struct sample run(char **argv) {
    struct rusage used;
    int status;
    double start = now_us();
    pid_t pid = vfork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(255);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) < 0) {
        dprintf(errors, "spawn-loop: cannot run %s\n", argv[0]);
        exit(1);
    }
    double end = now_us();
    return (struct sample){
        end - start, microseconds(used.ru_utime) + microseconds(used.ru_stime), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[1]) : 0;
    struct sample *samples = calloc(count > 0 ? count : 1, sizeof *samples);
    // The programs get /dev/null three times; what this one prints goes where its stdout was.
    int output = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR | O_CLOEXEC);
    errors = fcntl(2, F_DUPFD_CLOEXEC, 3);
    if (count <= 0 || !samples || output < 0 || errors < 0 || null < 0) {
        fprintf(stderr, "usage: spawn-loop COUNT PROGRAM [ARG...]\n");
        return 2;
    }
    for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
    // Printed last: a reader that wakes up would take a processor from the runs.
    for (long i = 0; i < count; i++) samples[i] = run(argv + 2);
    dup2(output, 1);
    for (long i = 0; i < count; i++) printf("%.1f %.0f %d\n", samples[i].wall_us, samples[i].cpu_us, samples[i].code);
    return 0;
}
