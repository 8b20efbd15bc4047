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
/* Of a request, and of a record of protocol 2, in bytes. */
#define REQUEST_MAX 13736
#define RECORD_SIZE 48

enum role {
    ROLE_NONE,
    /* A connection to wshd: what it sends may be one of the recorded requests. */
    ROLE_CLIENT,
    ROLE_LISTENER,
    /* Streams with the pattern: a command's output, a link's connection, a link's own output. */
    ROLE_SOURCE,
    ROLE_LINK,
    ROLE_SINK,
    /* A file that was opened by its name. */
    ROLE_FILE,
    /* One of `world_options.files`, the `channel`th; its next byte is at `position`. */
    ROLE_GIVEN,
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
    struct {
        int32_t pid;
        bool alive;
    } children[OFFSPRING_MAX];
    uint32_t child_count;
    int32_t next_pid;
    bool described;
    uint64_t now_ms;
    int64_t wake_at;
    uint64_t signals;
    uint32_t calls, unmounts;
    /* What regular files hold, when not the script says it; NULL. */
    const uint8_t *file, *file_end;
    /* A client's request that came in parts so far: whose, how much of it has come, its bytes. */
    struct {
        uint32_t client, at, size;
        uint8_t bytes[REQUEST_MAX];
    } request;
    /* wshd's record, of which `record_at` bytes have come; 0 between two. */
    uint8_t record[RECORD_SIZE];
    uint32_t record_at;
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

bool is_program(const char *name);
/* How much of `size` one call moves: all of it when the script has nothing to say. */
uint32_t part_of(uint8_t byte, uint32_t size);
/* Kind and directions of what somebody else has made; a terminal when the script does not say. */
uint8_t any_kind(void);
/* --- wire/messages.c */

/* Of a client's request, bytes that are still to come. */
uint32_t rest_of_request(const struct thing *from);
/* The first of them: a recorded request, or with 0xec one of protocol 2. */
uint32_t begin_request(const struct thing *from, uint8_t byte, uint8_t *into, uint32_t most);
/* Answers read(). */
int32_t give_request(const uint32_t *a);

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
/* Opens what the target says a path holds: its handle; 0 when the target says nothing of this path. */
int32_t open_given(const char *path);
/* A child of somebody else's that has become one of the module's. */
void adopt_child(int32_t pid);

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

/* --- targets.c, and what the files of targets share */

#define TEXT_BYTES 10240

/* NUL-terminated strings of the input as a list; what is behind `size`, or TEXT_BYTES, is not looked at. */
void split(const uint8_t *input, size_t size, char *text, const char **list, size_t most);
/* The program's name, then arguments: when the input's first byte is not 0, so many of its bytes, or very many; else `usual`. */
const char *const *arguments_from(const uint8_t **input, size_t *size, const char *const *usual);
void run_from_start(const struct world_options *options, const uint8_t *script, size_t size);

/* --- containers.c: the OCI runtime's and the monitor's */

void run_config(const uint8_t *input, size_t size);
void run_seccomp(const uint8_t *input, size_t size);
void run_process(const uint8_t *input, size_t size);
void run_state(const uint8_t *input, size_t size);
void run_runtime_options(const uint8_t *input, size_t size);
void run_monitor_options(const uint8_t *input, size_t size);
void run_monitor(const uint8_t *input, size_t size);
void prepare_attach(void);
void run_attach(const uint8_t *input, size_t size);

#endif
