/* The calls of WASI preview 1 that the modules import: arguments, environment, clock, stdout and stderr, exit. */
#include "launcher.h"
#include "program.h"
#include <linux/poll.h>
#include <linux/time.h>

#define SUCCESS 0
#define BAD_DESCRIPTOR 8
#define FAULT 21
#define IO_ERROR 29
/* Time that a line of diagnostics may block. */
#define PRINT_DEADLINE_SECONDS 1

typedef struct w2c_wasi__snapshot__preview1 wasi;

/* A program's generated header declares only the calls that the program imports, so all of them are declared here. */
u32 w2c_wasi__snapshot__preview1_args_sizes_get(wasi *w, u32 count_at, u32 bytes_at);
u32 w2c_wasi__snapshot__preview1_args_get(wasi *w, u32 pointers_at, u32 text_at);
u32 w2c_wasi__snapshot__preview1_environ_sizes_get(wasi *w, u32 count_at, u32 bytes_at);
u32 w2c_wasi__snapshot__preview1_environ_get(wasi *w, u32 pointers_at, u32 text_at);
u32 w2c_wasi__snapshot__preview1_clock_time_get(wasi *w, u32 clock, u64 precision, u32 at);
u32 w2c_wasi__snapshot__preview1_fd_write(wasi *w, u32 fd, u32 vectors_at, u32 count, u32 written_at);
void w2c_wasi__snapshot__preview1_proc_exit(wasi *w, u32 code);

static uint32_t length_with_end(const char *text) {
    uint32_t length = 1;
    while (*text++) length++;
    return length;
}

static u32 sizes(const char *const *list, u32 count_at, u32 bytes_at) {
    guest_u32 *count = guest(&the_host, count_at, 4), *bytes = guest(&the_host, bytes_at, 4);
    // Count in local variables: the guest may pass the same address for both.
    uint32_t strings = 0, size = 0;
    if (!count || !bytes) return FAULT;
    for (; list[strings]; strings++) size += length_with_end(list[strings]);
    *count = strings;
    *bytes = size;
    return SUCCESS;
}

static u32 copy(const char *const *list, u32 pointers_at, u32 text_at) {
    for (; *list; list++, pointers_at += 4) {
        uint32_t size = length_with_end(*list);
        guest_u32 *pointer = guest(&the_host, pointers_at, 4);
        char *text = guest(&the_host, text_at, size);
        if (!pointer || !text) return FAULT;
        *pointer = text_at;
        memcpy(text, *list, size);
        text_at += size;
    }
    return SUCCESS;
}

u32 w2c_wasi__snapshot__preview1_args_sizes_get(wasi *w, u32 count_at, u32 bytes_at) {
    (void)w;
    return sizes(the_host.arguments, count_at, bytes_at);
}

u32 w2c_wasi__snapshot__preview1_args_get(wasi *w, u32 pointers_at, u32 text_at) {
    (void)w;
    return copy(the_host.arguments, pointers_at, text_at);
}

u32 w2c_wasi__snapshot__preview1_environ_sizes_get(wasi *w, u32 count_at, u32 bytes_at) {
    (void)w;
    return sizes(the_host.environment, count_at, bytes_at);
}

u32 w2c_wasi__snapshot__preview1_environ_get(wasi *w, u32 pointers_at, u32 text_at) {
    (void)w;
    return copy(the_host.environment, pointers_at, text_at);
}

u32 w2c_wasi__snapshot__preview1_clock_time_get(wasi *w, u32 clock, u64 precision, u32 at) {
    (void)w, (void)precision;
    struct timespec now;
    guest_u64 *nanoseconds = guest(&the_host, at, 8);
    if (!nanoseconds) return FAULT;
    // WASI's numbers for the realtime and the monotonic clock are Linux's.
    if (clock > CLOCK_MONOTONIC || sys(clock_gettime, clock, &now) < 0) return IO_ERROR;
    *nanoseconds = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return SUCCESS;
}

/* Writes to a blocking descriptor that other processes share: waits for room, up to the deadline. */
static long print(uint32_t fd, const char *text, uint32_t size) {
    if (the_host.stdio_closed) return size;
    // The module has adopted it: the number may be reused by now.
    if (!(the_host.inheritable_fds >> fd & 1)) return -1;
    struct pollfd room = {.fd = (int)fd, .events = POLLOUT};
    struct timespec deadline = {.tv_sec = PRINT_DEADLINE_SECONDS};
    if (sys(ppoll, &room, 1, &deadline, NULL, 8) <= 0) return -1;
    return sys(write, fd, text, size);
}

u32 w2c_wasi__snapshot__preview1_fd_write(wasi *w, u32 fd, u32 vectors_at, u32 count, u32 written_at) {
    (void)w;
    guest_u32 *written = guest(&the_host, written_at, 4);
    if (!written) return FAULT;
    if (fd != 1 && fd != 2) return BAD_DESCRIPTOR;
    *written = 0;
    for (; count > 0; count--, vectors_at += 8) {
        const guest_u32 *vector = guest(&the_host, vectors_at, 8);
        const char *text = vector ? guest(&the_host, vector[0], vector[1]) : NULL;
        if (!text) return FAULT;
        long sent = print(fd, text, vector[1]);
        if (sent < 0) return IO_ERROR;
        *written += (uint32_t)sent;
    }
    return SUCCESS;
}

void w2c_wasi__snapshot__preview1_proc_exit(wasi *w, u32 code) {
    (void)w;
    leave((int)code);
}

void print_error(const char *words) {
    char line[160];
    uint32_t used = 0;
    static const char separator[] = ": ";
    for (const char *at = the_host.program; *at && used < sizeof line - 2; at++) line[used++] = *at;
    for (const char *at = separator; *at && used < sizeof line - 2; at++) line[used++] = *at;
    for (; *words && used < sizeof line - 2; words++) line[used++] = *words;
    line[used++] = '\n';
    print(2, line, used);
}

_Noreturn void leave(int code) {
    sys(exit_group, code);
    __builtin_unreachable();
}
