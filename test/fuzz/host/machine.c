/* The module's memory, its entries, and the way back to where a run started. */
#include "machine.h"
#include "program.h"
#include "sanitizer.h"
#include "trace.h"
#include "exports.h"
#include <setjmp.h>
#include <stdlib.h>

#define PAGE_BYTES (1u << PAGE_SHIFT)
#define PAGES (ARENA_BYTES / PAGE_BYTES)
/* The ground on both sides of a table; guards.ts leaves it. */
#define GROUND_BYTES 32u

const char program_name[] = PROGRAM;
uint8_t arena[ARENA_BYTES] __attribute__((aligned(PAGE_BYTES)));
static w2c_program instance, kept_instance;
/* Memory as it was when it was kept, as far as it reached then. */
static uint8_t *kept;
static uint32_t kept_bytes;
/* Pages that were written to since. */
uint8_t touched[PAGES];
static uint16_t touched_list[PAGES];
static uint32_t touched_count;
/* Guards, those of before `keep_machine` first. */
static struct { uint32_t at, size; } guards[4096];
static uint32_t guard_count, kept_guards;
static jmp_buf way_out;
/* What onTrap answered last: -1 to go on. */
static int32_t trap_costs;

uint32_t wasm_rt_call_stack_depth;

/* Neither instrumented nor intercepted: the ground between tables is copied, too. */
NO_SANITIZER static void raw_copy(void *to, const void *from, size_t size) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

void touch_memory(const void *at, size_t size) {
    if (!size) return;
    uint32_t first = (uint32_t)((const uint8_t *)at - arena) / PAGE_BYTES;
    uint32_t last = (uint32_t)((const uint8_t *)at + size - 1 - arena) / PAGE_BYTES;
    for (uint32_t page = first; page <= last; page++) {
        if (touched[page]) continue;
        touched[page] = 1;
        touched_list[touched_count++] = (uint16_t)page;
    }
}

static void poison_around(uint32_t at, uint32_t size) {
    uint32_t end = (at + size + GROUND_BYTES) & ~7u;
    POISON(arena + at - GROUND_BYTES, GROUND_BYTES);
    POISON(arena + at + size, end - at - size);
}

static void unpoison_around(uint32_t at, uint32_t size) { UNPOISON(arena + at - GROUND_BYTES, size + 2 * GROUND_BYTES); }

/* What guards.ts has a table say of itself. */
void note_guard(uint32_t at, uint32_t size) {
    if (guard_count == sizeof guards / sizeof *guards) violation("more tables than the fuzz host has places for");
    guards[guard_count].at = at;
    guards[guard_count++].size = size;
    poison_around(at, size);
}

void make_machine(void) {
    INSTANTIATE(&instance);
    keep_machine();
}

void keep_machine(void) {
    kept_instance = instance;
    kept_bytes = (uint32_t)instance.w2c_memory.size;
    free(kept);
    kept = malloc(kept_bytes);
    raw_copy(kept, arena, kept_bytes);
    kept_guards = guard_count;
    for (; touched_count; touched_count--) touched[touched_list[touched_count - 1]] = 0;
}

void rewind_machine(void) {
    for (; guard_count > kept_guards; guard_count--) unpoison_around(guards[guard_count - 1].at, guards[guard_count - 1].size);
    static const uint8_t nothing[PAGE_BYTES];
    for (; touched_count; touched_count--) {
        uint32_t page = touched_list[touched_count - 1], at = page * PAGE_BYTES;
        raw_copy(arena + at, at < kept_bytes ? kept + at : nothing, PAGE_BYTES);
        touched[page] = 0;
    }
    instance = kept_instance;
    wasm_rt_call_stack_depth = 0;
}

/* What a host may ask for at any time. */
static void ask_all(void) {
#ifdef HAS_ending
    w2c_program_ending(&instance);
#endif
#ifdef HAS_figure
    for (uint32_t which = 0; which < 3; which++) w2c_program_figure(&instance, which);
#endif
#ifdef HAS_gapFrom
    w2c_program_positionsAreKnown(&instance);
    for (uint32_t channel = 0; channel < 2; channel++) {
        w2c_program_originOf(&instance, channel);
        w2c_program_gapFrom(&instance, channel);
        w2c_program_gapTo(&instance, channel);
        w2c_program_brokenBy(&instance, channel);
    }
#endif
}

static void call_entry(enum entry entry, uint32_t first, uint32_t second) {
    (void)first, (void)second;
    switch (entry) {
#ifdef HAS_onStart
    case ENTER_START: return w2c_program_onStart(&instance);
    case ENTER_READY: return w2c_program_onReady(&instance, first, second);
    case ENTER_SIGNAL: return w2c_program_onSignal(&instance, first);
    case ENTER_DEADLINE: return w2c_program_onDeadline(&instance);
    case ENTER_TRAP: trap_costs = (int32_t)w2c_program_onTrap(&instance); return;
#endif
#ifdef HAS_onFork
    case ENTER_FORK: return w2c_program_onFork(&instance);
#endif
#ifdef HAS_resize
    // One of so many is a signal instead.
    case ENTER_RESIZE:
        if (first >= 0x80) w2c_program_sendSignal(&instance, first & 63, second & 1);
        else w2c_program_resize(&instance, first, second);
        return;
#endif
#ifdef HAS_resumeAt
    case ENTER_RESUME: return w2c_program_resumeAt(&instance, first, second);
#endif
    case ENTER_QUESTIONS: return ask_all();
    default: return;
    }
}

enum outcome enter_machine(enum entry entry, uint32_t first, uint32_t second) {
    int left = setjmp(way_out);
    if (!left) call_entry(entry, first, second);
    else wasm_rt_call_stack_depth = 0;
    // The child has the memory as it was at its fork, and no frames.
    if (left == FORKED) return enter_machine(ENTER_FORK, 0, 0);
    return left == TRAPPED ? recover_machine() : (enum outcome)left;
}

enum outcome recover_machine(void) {
    trap_costs = 0;
    enum outcome outcome = enter_machine(ENTER_TRAP, 0, 0);
    return outcome == RETURNED && trap_costs == -1 ? RETURNED : EXITED;
}

void leave_machine(enum outcome outcome) {
    trace(EVENT_LEFT, NULL, 0);
    longjmp(way_out, (int)outcome);
}

w2c_program *machine_instance(void) { return &instance; }

uint32_t machine_size(void) { return (uint32_t)instance.w2c_memory.size; }

uint32_t machine_globals(uint64_t *into) {
    uint32_t count = 0;
#define EACH(accessor) into[count++] = *accessor(&instance);
    MODULE_GLOBALS(EACH)
#undef EACH
    (void)into;
    return count;
}

bool wasm_rt_is_initialized(void) { return true; }

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64, uint32_t page_size) {
    *memory = (wasm_rt_memory_t){arena, pages, max_pages, page_size, pages * page_size, is64};
}

uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t pages) {
    uint64_t before = memory->pages;
    if ((before + pages) * memory->page_size > ARENA_BYTES || before + pages > memory->max_pages) return (uint64_t)-1;
    memory->pages = before + pages;
    memory->size = memory->pages * memory->page_size;
    return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

uint8_t *guest_room(uint32_t at, uint32_t size) {
    if ((uint64_t)at + size > instance.w2c_memory.size) violation("a pointer and length that are not all its own memory");
    if (size && IS_POISONED(arena + at, size)) violation("a pointer and length that reach over the end of a table");
    return arena + at;
}

const uint8_t *guest_at(uint32_t at, uint32_t size) {
    const uint8_t *bytes = guest_room(at, size);
    trace_look(at, bytes, size);
    return bytes;
}

const char *guest_text(uint32_t at) {
    uint32_t size = 0;
    // Byte by byte, so that the sanitizer sees the table that has no end.
    while (at + size < instance.w2c_memory.size && ((volatile uint8_t *)arena)[at + size]) size++;
    return (const char *)guest_at(at, size + 1);
}

void give(uint32_t at, const void *bytes, uint32_t size) {
    memcpy(guest_room(at, size), bytes, size);
    touch_memory(arena + at, size);
    trace_give(at, bytes, size);
}

void give_u32(uint32_t at, uint32_t value) { give(at, &value, sizeof value); }
