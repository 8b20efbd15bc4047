/* Between the loop and wasm2c's output: entry points, imports, traps, memory. */
#include "launcher.h"
#include "imports.h"
#include "program.h"
#include <asm/errno.h>
#include <linux/mman.h>

/* Only modules that fork have this entry. */
__attribute__((weak)) void w2c_program_onFork(w2c_program *module);

static w2c_program instance;
static void *trap_return[5];
static bool inside;

uint32_t wasm_rt_call_stack_depth;

static const char *describe_trap(wasm_rt_trap_t trap) {
    switch (trap) {
    case WASM_RT_TRAP_OOB: return "the module trapped: memory access out of bounds";
    case WASM_RT_TRAP_DIV_BY_ZERO: return "the module trapped: division by zero";
    case WASM_RT_TRAP_INT_OVERFLOW: return "the module trapped: integer overflow";
    case WASM_RT_TRAP_UNREACHABLE: return "the module trapped: assertion failed";
    case WASM_RT_TRAP_EXHAUSTION: return "the module trapped: call stack exhausted";
    default: return "the module trapped";
    }
}

void wasm_rt_trap(wasm_rt_trap_t trap) {
    print_error(describe_trap(trap));
    if (!inside) leave(EXIT_HOST);
    __builtin_longjmp(trap_return, 1);
}

static void call(enum entry entry, uint32_t first, uint32_t second) {
    switch (entry) {
    case ON_START: return w2c_program_onStart(&instance);
    case ON_READY: return w2c_program_onReady(&instance, first, second);
    case ON_SIGNAL: return w2c_program_onSignal(&instance, first);
    case ON_DEADLINE: return w2c_program_onDeadline(&instance);
    case ON_FORK:
        if (w2c_program_onFork) w2c_program_onFork(&instance);
        return;
    }
}

/* False when the call trapped. Not inlined: __builtin_setjmp keeps no registers. */
__attribute__((noinline)) static bool call_guarded(enum entry entry, uint32_t first, uint32_t second) {
    if (__builtin_setjmp(trap_return)) {
        inside = false;
        wasm_rt_call_stack_depth = 0;
        return false;
    }
    inside = true;
    call(entry, first, second);
    inside = false;
    return true;
}

void enter_module(enum entry entry, uint32_t first, uint32_t second) {
    if (call_guarded(entry, first, second)) return;
    // A trap in onTrap itself ends the program.
    int32_t code = (int32_t)w2c_program_onTrap(&instance);
    if (code >= 0) leave(code);
}

void start_module(void) { wasm2c_program_instantiate(&instance, (void *)&the_host, (void *)&the_host); }

bool wasm_rt_is_initialized(void) { return true; }

static void note_memory(const wasm_rt_memory_t *memory) {
    the_host.memory = memory->data;
    the_host.memory_size = (uint32_t)memory->size;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
    uint64_t size = pages * page_size;
    long at = sys(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at < 0) {
        print_error("cannot map the module's memory; is RLIMIT_AS too small?");
        leave(EXIT_HOST);
    }
    // Untouched memory must not become resident as part of a huge page.
    sys(madvise, at, size, MADV_NOHUGEPAGE);
    // A child that executes another program never reads it: nothing is copied at the fork, nor afterwards at a write.
    if (!w2c_program_onFork) sys(madvise, at, size, MADV_DONTFORK);
    *memory = (wasm_rt_memory_t){(uint8_t *)at, pages, max_pages, page_size, size, is64};
    note_memory(memory);
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t pages) {
    uint64_t before = memory->pages, size = (before + pages) * memory->page_size;
    if (size > UINT32_MAX || before + pages > memory->max_pages) return (uint64_t)-1;
    long at = sys(mremap, memory->data, memory->size, size, 1 /* MREMAP_MAYMOVE */, 0);
    if (at < 0) return (uint64_t)-1;
    memory->data = (uint8_t *)at;
    memory->pages = before + pages;
    memory->size = size;
    note_memory(memory);
    return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; /* The program's end frees it. */ }

/* Once PID 1 serves, the calls that started it are gone, whatever becomes of the module. */
static bool serves(void) { return the_host.stdio_closed; }

/* The imports of module `shim`. The linker drops the calls that a program does not import. */
#define PASS_0 (struct host *)host
#define PASS_1 PASS_0, a
#define PASS_2 PASS_1, b
#define PASS_3 PASS_2, c
#define PASS_4 PASS_3, d
#define PASS_5 PASS_4, e
#define CALL(name, count) \
    u32 w2c_shim_##name(TAKE_##count); \
    u32 w2c_shim_##name(TAKE_##count) { return (u32)shim_##name(PASS_##count); }
#define STARTING(name, count) \
    u32 w2c_shim_##name(TAKE_##count); \
    u32 w2c_shim_##name(TAKE_##count) { return serves() ? (u32)-EPERM : (u32)shim_##name(PASS_##count); }
#include "../sys/calls.h"
