/* Runs inputs as the fuzzer does, and writes down what the module and its world did to each other, for V8 to do it again
 * (differential.ts): recorder TARGET < INPUTS > TRACE. An input is its size, a u32, then its bytes. The trace is made of
 * words of 32 bits: an event (trace.h) with the count of its words in the upper half, then these. It begins with the names
 * of all calls, and what brings the module to where each run starts; each run ends with what it leaves. */
#include "trace.h"
#include "sanitizer.h"
#include "../../../shim/launcher/wasm-rt.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_BYTES (1u << PAGE_SHIFT)
#define INPUT_BYTES (1u << 16)
#define GLOBALS_MAX 256

uint32_t machine_size(void);
uint32_t machine_globals(uint64_t *into);

static jmp_buf way_out;

static void put(const void *bytes, size_t size) {
    if (fwrite(bytes, 1, size, stdout) != size) exit(3);
}

static void put_word(uint32_t word) { put(&word, sizeof word); }

void trace(enum event event, const uint32_t *words, uint32_t count) {
    put_word((uint32_t)event | count << 8);
    put(words, count * sizeof *words);
}

/* FNV-1a */
static uint32_t hash(const uint8_t *bytes, uint32_t size) {
    uint32_t value = 0x811c9dc5;
    for (uint32_t i = 0; i < size; i++) value = (value ^ bytes[i]) * 0x01000193;
    return value;
}

void trace_look(uint32_t at, const void *bytes, uint32_t size) { trace(EVENT_LOOK, (const uint32_t[]){at, size, hash(bytes, size)}, 3); }

static void trace_bytes(enum event event, uint32_t at, const void *bytes, uint32_t size) {
    static const uint8_t padding[4];
    trace(event, (const uint32_t[]){at, size}, 2);
    put(bytes, size);
    put(padding, -size & 3);
}

void trace_give(uint32_t at, const void *bytes, uint32_t size) {
    // The codec's host writes where it likes.
    touch_memory(arena + at, size);
    trace_bytes(EVENT_GIVE, at, bytes, size);
}

static void trace_end(void) {
    static uint32_t words[1 + 2 * GLOBALS_MAX];
    static uint64_t globals[GLOBALS_MAX];
    uint32_t size = machine_size(), count = machine_globals(globals);
    for (uint32_t at = 0; at < size; at += PAGE_BYTES)
        if (touched[at >> PAGE_SHIFT]) trace_bytes(EVENT_PAGE, at, arena + at, PAGE_BYTES);
    words[0] = size;
    memcpy(words + 1, globals, count * sizeof *globals);
    trace(EVENT_END, words, 1 + 2 * count);
}

/* What every run starts from, whole. */
static void trace_start(void) {
    static const uint8_t nothing[PAGE_BYTES];
    for (uint32_t at = 0; at < machine_size(); at += PAGE_BYTES)
        if (memcmp(arena + at, nothing, PAGE_BYTES)) touch_memory(arena + at, PAGE_BYTES);
    trace_end();
}

void wasm_rt_trap(wasm_rt_trap_t trap) {
    trace(EVENT_TRAP, (const uint32_t[]){trap}, 1);
    wasm_rt_call_stack_depth = 0;
    longjmp(way_out, 1);
}

void violation(const char *words) {
    fflush(stdout);
    fprintf(stderr, "the module did wrong: %s\n", words);
    exit(4);
}

static void put_names(void) {
    static const char names[] =
#define CALL(name, count) "shim." #name "\0"
#include "../../../shim/sys/calls.h"
#undef CALL
#define WASI_CALL(name) "wasi_snapshot_preview1." #name "\0"
        WASI_CALLS(WASI_CALL);
    static const uint8_t padding[4];
    put_word(sizeof names - 1);
    put(names, sizeof names - 1);
    put(padding, -(sizeof names - 1) & 3);
}

/* A trap is answered as the launcher does: by asking the module what it costs. */
static void run_to_end(const struct target *target, const uint8_t *input, size_t size) {
    if (!setjmp(way_out)) target->run(input, size);
    else if (!setjmp(way_out)) recover_machine();
    trace_end();
}

int main(int count, char **arguments) {
    static uint8_t input[INPUT_BYTES];
    const struct target *target = count == 2 ? find_target(arguments[1]) : NULL;
    if (!target) {
        fprintf(stderr, "usage: recorder TARGET < INPUTS > TRACE, where TARGET is one of %s's\n", program_name);
        return 2;
    }
    static char buffer[1 << 18];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    put_names();
    make_machine();
    if (target->prepare) target->prepare();
    trace_start();
    for (uint32_t size; fread(&size, sizeof size, 1, stdin) == 1;) {
        if (size > sizeof input || fread(input, 1, size, stdin) != size) {
            fprintf(stderr, "recorder: an input is cut off, or longer than %u bytes\n", INPUT_BYTES);
            return 2;
        }
        rewind_machine();
        run_to_end(target, input, size);
    }
    return 0;
}
