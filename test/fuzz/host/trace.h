/* What the module and its world do to each other, told while they do it: the recorder writes it down (recorder.c), the
 * fuzzer has no need of it. */
#ifndef WARDEN_TRACE_H
#define WARDEN_TRACE_H

#include "machine.h"

enum event {
    /* The world calls an export (by its place among them; in the upper half a bit for each argument that is two words) with
     * these words; it comes back with these. */
    EVENT_ENTER,
    EVENT_RETURNED,
    /* The module makes a call (enum call) with these words; it gets this answer. */
    EVENT_CALL,
    EVENT_ANSWER,
    /* The call does not come back: the program has ended. */
    EVENT_LEFT,
    /* wasm_rt_trap_t */
    EVENT_TRAP,
    /* The world reads the module's memory: place, size, hash. */
    EVENT_LOOK,
    /* It writes to it: place, size, the bytes. */
    EVENT_GIVE,
    /* What a run leaves: a page that was written to, like EVENT_GIVE … */
    EVENT_PAGE,
    /* … and last, memory's size, the globals (two words each). */
    EVENT_END,
};

#ifdef RECORDED
void trace(enum event event, const uint32_t *words, uint32_t count);
void trace_look(uint32_t at, const void *bytes, uint32_t size);
void trace_give(uint32_t at, const void *bytes, uint32_t size);
#else
static inline void trace(enum event event, const uint32_t *words, uint32_t count) { (void)event, (void)words, (void)count; }
static inline void trace_look(uint32_t at, const void *bytes, uint32_t size) { (void)at, (void)bytes, (void)size; }
static inline void trace_give(uint32_t at, const void *bytes, uint32_t size) { (void)at, (void)bytes, (void)size; }
#endif

/* A call or an entry: its number, then what it is given. */
static inline void trace_named(enum event event, uint32_t number, const uint32_t *given, uint32_t count) {
    uint32_t words[8] = {number};
    memcpy(words + 1, given, count * sizeof *given);
    trace(event, words, count + 1);
}

static inline uint32_t trace_answer(uint32_t answer) {
    trace(EVENT_ANSWER, &answer, 1);
    return answer;
}

#endif
