/* One module, compiled by wasm2c, in a world that a script makes up: every answer of the boundary comes from the script's
 * bytes. fuzzer.c links it with libFuzzer. */
#ifndef WARDEN_MACHINE_H
#define WARDEN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARGUMENTS_MAX 64

/* What of WASI a module may import. */
#define WASI_CALLS(each) \
    each(args_sizes_get) each(args_get) each(environ_sizes_get) each(environ_get) each(clock_time_get) each(fd_write) each(proc_exit)

/* The calls of the boundary, numbered in the order of shim/sys/calls.h, then WASI's. */
enum call {
#define CALL(name, count) CALL_##name,
#include "../../../shim/sys/calls.h"
#undef CALL
    CALLS,
#define WASI_CALL(name) WASI_##name,
    BEFORE_WASI = CALLS - 1,
    WASI_CALLS(WASI_CALL)
#undef WASI_CALL
};

enum entry {
    ENTER_START,
    ENTER_READY,
    ENTER_SIGNAL,
    ENTER_DEADLINE,
    ENTER_TRAP,
    /* Those of a host inside of a larger program; nothing where the module has no such export. */
    ENTER_RESIZE,
    ENTER_RESUME,
    ENTER_QUESTIONS,
    ENTER_FORK,
};
/* How an entry, or a whole run, ended; after a trap the module has said itself whether it goes on. */
enum outcome { RETURNED, EXITED, TRAPPED, FORKED };

/* --- machine.c: memory, entries, snapshots */

/* The module's name. */
extern const char program_name[];

/* Instantiates the module; what it holds then is what `rewind_machine` goes back to, until `keep_machine`. */
void make_machine(void);
/* From now on this is what every run starts from. */
void keep_machine(void);
void rewind_machine(void);
enum outcome enter_machine(enum entry entry, uint32_t first, uint32_t second);
/* After a trap: RETURNED when the program goes on without what it was handling, as the module says. */
enum outcome recover_machine(void);
/* Leaves the module's frames from inside of an import. */
_Noreturn void leave_machine(enum outcome outcome);
/* Guest memory that the host may write to: what is not all the module's, or touches the ground between two of its tables,
 * is the module's fault. */
uint8_t *guest_room(uint32_t at, uint32_t size);
/* The same for memory that the host reads. */
const uint8_t *guest_at(uint32_t at, uint32_t size);
const char *guest_text(uint32_t at);
/* Writes to guest memory. */
void give(uint32_t at, const void *bytes, uint32_t size);
void give_u32(uint32_t at, uint32_t value);
/* --- fuzzer.c, recorder.c */

/* A fault of the module that no trap shows. */
_Noreturn void violation(const char *words);

/* --- world.c, calls.c: what the module sees */

/* What a file holds whose path has this end. */
struct world_file {
    const char *ending;
    const uint8_t *bytes;
    size_t size;
};
#define WORLD_FILES_MAX 4

struct world_options {
    /* NULL-terminated; `environment` may be NULL. */
    const char *const *arguments, *const *environment;
    /* Streams carry the pattern, and what leaves is held against it (oracle.c). */
    bool patterned;
    struct world_file files[WORLD_FILES_MAX];
};

/* Forgets everything; what follows is answered from the script. */
void begin_world(const struct world_options *options);
/* The same, but goes on where the kept world stood. */
void keep_world(void);
void rewind_world(void);
void set_script(const uint8_t *script, size_t size);
/* Enters the module as the script says, until it is used up or the module has ended. */
enum outcome run_script(void);
enum outcome start_and_run(void);
int32_t answer(enum call call, const uint32_t *given);

/* --- targets.c, codec.c */

struct target {
    const char *name;
    /* Once, after `make_machine`: brings the module to where each run starts. May be NULL. */
    void (*prepare)(void);
    void (*run)(const uint8_t *input, size_t size);
    /* The input begins with JSON. */
    bool is_json;
};
/* NULL when the program has none of that name. */
const struct target *find_target(const char *name);

#endif
