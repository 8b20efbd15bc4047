/* libFuzzer's entry points, and how faults end. The environment says which of the program's targets it is. */
#include "machine.h"
#include "../../../shim/launcher/wasm-rt.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const struct target *target;

void wasm_rt_trap(wasm_rt_trap_t trap) {
    static const char *const words[] = {"none", "memory access out of bounds", "integer overflow", "division by zero", "invalid conversion",
        "unreachable (an assertion)", "bad indirect call", "uncaught exception", "unaligned access", "call stack exhausted"};
    fprintf(stderr, "the module trapped: %s\n", words[trap]);
    abort();
}

void violation(const char *words) {
    fprintf(stderr, "the module did wrong: %s\n", words);
    abort();
}

/* The machine may be busy with something else: only the processor's time tells how fast it is. */
static void tell_time(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    fprintf(stderr, "processor seconds: %.3f\n",
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    const char *name = getenv("WARDEN_FUZZ_TARGET");
    (void)count, (void)arguments;
    target = name ? find_target(name) : NULL;
    if (!target) {
        fprintf(stderr, "WARDEN_FUZZ_TARGET names no target of %s\n", program_name);
        exit(2);
    }
    atexit(tell_time);
    make_machine();
    if (target->prepare) target->prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    target->run(input, size);
    return 0;
}

/* --- changes to JSON that mostly leave it JSON: a value for another, out, or twice. test/fuzz/mutate.ts has the same for V8. */

#define SPANS_MAX 512
#define DEPTH_MAX 64
#define VALUE_BYTES 4096

struct span {
    size_t at, end;
};

static const char *const usual[] = {
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "7",
    "1.5",
    "1e3",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "\"\"",
    "\"a\"",
    "\"/\"",
    "\"/a/../b\"",
    "\"rw\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "{}",
    "[]",
    "[[]]",
    "[\"a\"]",
    "{\"a\":{}}",
    "[1,2]",
};

static uint32_t below(uint32_t *state, uint32_t count) {
    *state ^= *state << 13, *state ^= *state >> 17, *state ^= *state << 5;
    return count ? *state % count : 0;
}

static size_t string_end(const uint8_t *text, size_t at, size_t size) {
    for (at++; at < size && text[at] != '"'; at++) at += text[at] == '\\';
    return at + 1 < size ? at + 1 : size;
}

/* Values and keys of the text, whole objects and arrays among them. */
static uint32_t spans_of(const uint8_t *text, size_t size, struct span *list) {
    uint32_t count = 0, depth = 0, open[DEPTH_MAX];
    for (size_t at = 0; at < size && count < SPANS_MAX;) {
        uint8_t byte = text[at];
        if (strchr(" \t\r\n,:", byte)) {
            at++;
        } else if (byte == '}' || byte == ']') {
            at++;
            if (depth) list[open[--depth]].end = at;
        } else {
            list[count] = (struct span){at, size};
            if (byte == '{' || byte == '[') {
                if (depth < DEPTH_MAX) open[depth++] = count;
                at++;
            } else if (byte == '"') {
                list[count].end = at = string_end(text, at, size);
            } else {
                while (at < size && text[at] && !strchr(" \t\r\n,:{}[]\"", text[at])) at++;
                list[count].end = at;
                if (at == list[count].at) at++;
            }
            count++;
        }
    }
    return count;
}

static size_t replace(uint8_t *data, size_t size, size_t most, struct span old, const void *with, size_t length) {
    if (size - (old.end - old.at) + length > most) return size;
    memmove(data + old.at + length, data + old.end, size - old.end);
    memcpy(data + old.at, with, length);
    return size - (old.end - old.at) + length;
}

/* A key goes with its value, and either with the comma behind. */
static struct span with_comma(const uint8_t *data, size_t size, struct span of) {
    while (of.end < size && data[of.end] == ' ') of.end++;
    if (of.end < size && data[of.end] == ',') of.end++;
    return of;
}

static size_t mutate_json(uint8_t *data, size_t size, size_t most, unsigned seed) {
    static struct span spans[SPANS_MAX];
    static uint8_t value[VALUE_BYTES + 1];
    uint32_t random = seed ? seed : 1;
    const uint8_t *nul = memchr(data, 0, size);
    uint32_t count = spans_of(data, nul ? (size_t)(nul - data) : size, spans);
    if (!count) return size;
    struct span chosen = spans[below(&random, count)], other = spans[below(&random, count)];
    size_t length = other.end - other.at;
    if (length > VALUE_BYTES) length = VALUE_BYTES;
    const char *text = usual[below(&random, sizeof usual / sizeof *usual)];
    switch (below(&random, 5)) {
    case 0: return replace(data, size, most, chosen, text, strlen(text));
    case 1: return replace(data, size, most, with_comma(data, size, chosen), "", 0);
    case 2:
        memcpy(value, data + other.at, length);
        value[length] = ',';
        return replace(data, size, most, (struct span){chosen.at, chosen.at}, value, length + 1);
    default: memcpy(value, data + other.at, length); return replace(data, size, most, chosen, value, length);
    }
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* Documents change by their grammar two times in three; what follows them, and all others, byte by byte. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    return target->is_json && seed % 3 ? mutate_json(data, size, most, seed) : LLVMFuzzerMutate(data, size, most);
}
