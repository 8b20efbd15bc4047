/* player DIRECTORY < SEQUENCES: each sequence is lines up to an empty one, and runs in a process of its own. The answer is a
 * line for each of the sequence's lines, then an empty line. */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 4096
#define TEXT_BYTES_MAX (1 << 20)
#define STREAM_BYTES (1 << 21)
/* A sequence that blocks is a difference from the simulation, too. */
#define SECONDS_MAX 20

int slots[SLOTS_MAX];
const char *directory;

static char results[TEXT_BYTES_MAX];
static size_t results_size;
static uint8_t stream[STREAM_BYTES];
static size_t stream_at;

void flush_results(void) {
    for (size_t sent = 0; sent < results_size;) {
        ssize_t more = write(STDOUT_FILENO, results + sent, results_size - sent);
        if (more <= 0) _exit(3);
        sent += (size_t)more;
    }
    results_size = 0;
}

void result_text(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    results_size += (size_t)vsnprintf(results + results_size, sizeof results - results_size, format, arguments);
    va_end(arguments);
    if (results_size + 1 >= sizeof results) abort();
    results[results_size++] = '\n';
}

void result(long value) { result_text("%ld", value); }

long outcome(long value) { return value == -1 ? -errno : value; }

uint32_t hash(const void *bytes, size_t size) {
    uint32_t value = 2166136261u;
    for (const uint8_t *next = bytes; size; size--) value = (value ^ *next++) * 16777619u;
    return value;
}

static void fill_stream(void) {
    for (size_t at = 0; at < STREAM_BYTES; at++) stream[at] = (uint8_t)(at * 167 + (at >> 8));
}

const uint8_t *next_bytes(size_t size) {
    const uint8_t *bytes = stream + stream_at;
    if (stream_at + size > STREAM_BYTES) abort();
    stream_at += size;
    return bytes;
}

void put_slot(int slot, int fd) {
    if (slots[slot] >= 0) close(slots[slot]);
    slots[slot] = fd;
}

long pending_signals(void) {
    sigset_t set;
    long came = 0;
    sigpending(&set);
    for (int number = 1; number < 32; number++) {
        sigset_t one;
        struct timespec none = {0};
        sigemptyset(&one);
        sigaddset(&one, number);
        if (sigismember(&set, number) && sigtimedwait(&one, NULL, &none) == number) came |= 1L << number;
    }
    return came;
}

long poll_events(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
    if (poll(&one, 1, 0) < 0) return -errno;
    return (one.revents & POLLIN ? 1 : 0) | (one.revents & POLLOUT ? 2 : 0) | (one.revents & (POLLHUP | POLLERR) ? 4 : 0);
}

static const struct operation *find(const char *name) {
    const struct operation *const tables[] = {
        descriptor_operations,
        terminal_operations,
        process_operations,
        file_operations,
        cgroup_operations,
    };
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
        for (const struct operation *one = tables[table]; one->name; one++)
            if (strcmp(one->name, name) == 0) return one;
    fprintf(stderr, "no such operation: %s\n", name);
    exit(2);
}

static void run_line(char *line) {
    struct step step = {.name = strsep(&line, " ")};
    for (char *word; step.count < NUMBERS_MAX && (word = strsep(&line, " "));) step.numbers[step.count++] = atol(word);
    find(step.name)->run(&step);
}

static void play(char **lines, int count) {
    for (int slot = 0; slot < SLOTS_MAX; slot++) slots[slot] = -1;
    alarm(SECONDS_MAX);
    for (int line = 0; line < count; line++) run_line(lines[line]);
    flush_results();
    end_processes();
    _exit(0);
}

static void play_apart(char **lines, int count) {
    int status = 0, pid = fork();
    if (pid == 0) play(lines, count);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) exit(2);
    if (status) printf("the sequence's process ended with status %d\n", status);
    // Processes that the sequence left behind are children now, killed by it: they end before the next sequence begins.
    while (waitpid(-1, NULL, 0) > 0) {}
    remove_files();
    remove_groups();
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    static char text[TEXT_BYTES_MAX], *lines[LINES_MAX];
    if (argc != 2) return 2;
    directory = argv[1];
    fill_stream();
    remove_groups();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN);
    char *line = NULL;
    size_t room = 0, used = 0;
    int count = 0;
    for (ssize_t size; (size = getline(&line, &room, stdin)) > 0;) {
        line[strcspn(line, "\n")] = 0;
        if (*line) {
            if (count == LINES_MAX || used + (size_t)size > sizeof text) return 2;
            lines[count++] = strcpy(text + used, line);
            used += (size_t)size;
            continue;
        }
        play_apart(lines, count);
        used = 0;
        count = 0;
    }
    return 0;
}
