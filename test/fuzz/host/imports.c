/* The module's imports: the boundary's, one entry a call, and WASI's. */
#include "world.h"
#include "sanitizer.h"
#include "trace.h"
#include "../../../shim/launcher/imports.h"
#include <stdio.h>

typedef uint32_t u32;
typedef uint64_t u64;

struct w2c_shim;
struct w2c_wasi__snapshot__preview1;
struct w2c_fuzz;

#define GIVEN_0 0
#define GIVEN_1 a
#define GIVEN_2 a, b
#define GIVEN_3 a, b, c
#define GIVEN_4 a, b, c, d
#define GIVEN_5 a, b, c, d, e
#define CALL(name, count) \
    u32 w2c_shim_##name(TAKE_##count) { \
        (void)host; \
        const uint32_t given[] = {GIVEN_##count}; \
        trace_named(EVENT_CALL, CALL_##name, given, count); \
        return trace_answer((u32)answer(CALL_##name, given)); \
    }
#include "../../../shim/sys/calls.h"

#define DAY_NS 86400000000000u
#undef CALL

typedef struct w2c_wasi__snapshot__preview1 wasi;

static const char *const *list_of(bool environment) {
    static const char *const none[] = {NULL};
    const char *const *list = environment ? world.options.environment : world.options.arguments;
    return list ? list : none;
}

static u32 sizes(bool environment, u32 count_at, u32 bytes_at) {
    uint32_t count = 0, bytes = 0;
    for (const char *const *list = list_of(environment); list[count]; count++) bytes += (uint32_t)strlen(list[count]) + 1;
    give_u32(count_at, count);
    give_u32(bytes_at, bytes);
    return trace_answer(0);
}

static u32 copy(bool environment, u32 pointers_at, u32 text_at) {
    for (const char *const *list = list_of(environment); *list; list++, pointers_at += 4) {
        uint32_t size = (uint32_t)strlen(*list) + 1;
        give_u32(pointers_at, text_at);
        give(text_at, *list, size);
        text_at += size;
    }
    return trace_answer(0);
}

#define WASI(name) w2c_wasi__snapshot__preview1_##name

u32 WASI(args_sizes_get)(wasi *w, u32 count_at, u32 bytes_at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_args_sizes_get, (const uint32_t[]){count_at, bytes_at}, 2);
    return sizes(false, count_at, bytes_at);
}

u32 WASI(args_get)(wasi *w, u32 pointers_at, u32 text_at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_args_get, (const uint32_t[]){pointers_at, text_at}, 2);
    return copy(false, pointers_at, text_at);
}

u32 WASI(environ_sizes_get)(wasi *w, u32 count_at, u32 bytes_at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_environ_sizes_get, (const uint32_t[]){count_at, bytes_at}, 2);
    return sizes(true, count_at, bytes_at);
}

u32 WASI(environ_get)(wasi *w, u32 pointers_at, u32 text_at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_environ_get, (const uint32_t[]){pointers_at, text_at}, 2);
    return copy(true, pointers_at, text_at);
}

u32 WASI(clock_time_get)(wasi *w, u32 clock, u64 precision, u32 at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_clock_time_get, (const uint32_t[]){clock, (u32)precision, (u32)(precision >> 32), at}, 4);
    uint64_t nanoseconds = world.now_ms * 1000000;
    // On which day, the script says: 1970 to 2039.
    if (clock == 0) nanoseconds += take() * 100 * DAY_NS;
    give(at, &nanoseconds, sizeof nanoseconds);
    return trace_answer(0);
}

u32 WASI(fd_write)(wasi *w, u32 fd, u32 vectors_at, u32 count, u32 written_at) {
    (void)w;
    trace_named(EVENT_CALL, WASI_fd_write, (const uint32_t[]){fd, vectors_at, count, written_at}, 4);
    uint32_t written = 0;
    for (; count > 0; count--, vectors_at += 8) {
        uint32_t vector[2];
        memcpy(vector, guest_at(vectors_at, 8), 8);
        const uint8_t *text = guest_at(vector[0], vector[1]);
        // The reason of a trap that is about to come.
        if (vector[1] > 16 && memcmp(text, "assertion failed", 16) == 0) fwrite(text, 1, vector[1], stderr);
        written += vector[1];
    }
    give_u32(written_at, written);
    return trace_answer(0);
}

void WASI(proc_exit)(wasi *w, u32 with) {
    (void)w;
    trace_named(EVENT_CALL, WASI_proc_exit, &with, 1);
    leave_machine(EXITED);
}

/* The guarded build's own import: guards.ts. */
void w2c_fuzz_guard(struct w2c_fuzz *host, u32 at, u32 size) {
    (void)host;
    note_guard(at, size);
}
