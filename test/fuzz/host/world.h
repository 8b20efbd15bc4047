/* What the files that answer for the world share: its things, its script. */
#ifndef WARDEN_WORLD_H
#define WARDEN_WORLD_H

#include "machine.h"
#include "../../../shim/sys/host.h"
#include <asm/errno.h>

/* Handles that one run may make: none is given out twice, so that the use of a closed one shows. */
#define THINGS_MAX 4096
/* Open at the same time, more than the programs' tables have places; more is -EMFILE. */
#define OPEN_MAX 1600
#define OFFSPRING_MAX 128
/* A module that calls more often than this in one entry, all answers alike, does not come back. */
#define CALLS_MAX 100000

enum role {
    ROLE_NONE,
    /* A connection to wshd: what it sends may be one of the recorded requests. */
    ROLE_CLIENT,
    ROLE_LISTENER,
    /* Streams with the pattern: a command's output, a link's connection, a link's own output. */
    ROLE_SOURCE, ROLE_LINK, ROLE_SINK,
    /* A file that was opened by its name. */
    ROLE_FILE,
};

struct thing {
    uint8_t kind, wanted;
    bool open;
    uint8_t role, channel;
    /* Of streams: how many bytes of the header have passed, and the position behind the last byte. */
    uint8_t header_have;
    uint8_t header[4];
    bool positioned;
    uint32_t position;
};

struct world {
    struct world_options options;
    const uint8_t *next, *end;
    struct thing things[THINGS_MAX];
    uint32_t things_used, open_count, listener_count, accepted_count, pipe_count;
    struct { int32_t pid; bool alive; } children[OFFSPRING_MAX];
    uint32_t child_count;
    int32_t next_pid;
    bool described;
    uint64_t now_ms;
    int64_t wake_at;
    uint64_t signals;
    uint32_t calls, unmounts;
    /* What regular files hold, when not the script says it; NULL. */
    const uint8_t *file, *file_end;
    /* Cursors that a link saved last. */
    uint8_t saved[8];
    bool has_saved;
};

extern struct world world;

/* The script's next byte; 0 when it is used up. */
uint8_t take(void);
bool used_up(void);
/* At most `most` of the script's bytes; how many there were. */
uint32_t take_bytes(uint8_t *into, uint32_t most);
/* The script's byte, or a fault: FAULTS and above are errors, which `*error` gets. */
#define FAULTS 0xf0
uint8_t take_or_fault(int32_t *error);

/* A new thing's handle; -EMFILE. */
int32_t add_thing(uint8_t kind, enum role role);
/* The thing behind a handle; NULL for what never was one, and a fault of the module's for what is closed. */
struct thing *thing_of(uint32_t handle);

/* --- calls.c, processes.c */

#define CALL(name, count) int32_t on_##name(const uint32_t *a);
#include "../../../shim/sys/calls.h"
#undef CALL
/* For calls whose only answers are 0 and an errno: about a thing, about a path. */
int32_t answer_for(const struct thing *thing);
int32_t answer_path(const uint32_t *a);

/* --- oracle.c: every byte of a stream tells its position */

uint8_t pattern_at(uint32_t channel, uint32_t position);
/* Fills with what follows in the stream. */
void fill_pattern(struct thing *from, uint32_t at, uint32_t size);
/* Holds what leaves against what it must be. */
void check_written(struct thing *to, const uint8_t *bytes, uint32_t size);
void note_spliced(struct thing *from, struct thing *to, uint32_t size);
void note_saved(const uint8_t *cursors);
/* What an earlier link delivered, as this one is told of it. */
void note_saved_before(const uint8_t *cursors);
uint32_t big_endian(const uint8_t *bytes);

#endif
