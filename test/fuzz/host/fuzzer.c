/* libFuzzer's entry points, and how faults end. The environment says which of the program's targets it is. */
#include "machine.h"
#include "../../../shim/launcher/wasm-rt.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const struct target *target;

void wasm_rt_trap(wasm_rt_trap_t trap) {
    static const char *const words[] = {
        "none", "memory access out of bounds", "integer overflow", "division by zero", "invalid conversion",
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
