/* As much of WASI preview 1 as the modules import: arguments, environment, clock, stdout and stderr, exit. */
#include "launcher.h"
#include "program.h"
#include <linux/poll.h>
#include <linux/time.h>

#define SUCCESS 0
#define BAD_DESCRIPTOR 8
#define FAULT 21
#define IO_ERROR 29
/* A line of diagnostics is not worth more waiting than this. */
#define PRINT_DEADLINE_MS 1000

typedef struct w2c_wasi__snapshot__preview1 wasi;

static uint32_t length_with_end(const char *text) {
    uint32_t length = 1;
    while (*text++) length++;
    return length;
}

static u32 sizes(const char *const *list, u32 count_at, u32 bytes_at) {
    guest_u32 *count = guest(&the_host, count_at, 4), *bytes = guest(&the_host, bytes_at, 4);
    // Counted apart from them: nothing keeps the guest from giving one place for both.
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

/* A write to a descriptor that others share and that may block: only once there is room, and not for ever. */
static long print(uint32_t fd, const char *text, uint32_t size) {
    if (the_host.silent) return size;
    // The module has taken it: its number may be another descriptor's by now.
    if (!(the_host.given >> fd & 1)) return -1;
    struct pollfd room = {.fd = (int)fd, .events = POLLOUT};
    if (sys(poll, &room, 1, PRINT_DEADLINE_MS) <= 0) return -1;
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

void say(const char *words) {
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
