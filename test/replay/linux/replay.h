/* What the driver of a replay and its processes say to each other. */
#ifndef WARDEN_REPLAY_H
#define WARDEN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_BYTES (1 << 21)

/* The boundary's calls, then what scripts do and what the driver wants to know. */
enum op {
#define CALL(name, count) CALL_##name,
#include "../../../shim/sys/calls.h"
#undef CALL
    OP_POLL,
    OP_SIGNAL,
    OP_RELEASE,
    OP_PRINT,
    OP_WRITE,
    OP_READ,
    OP_CLOSE,
    OP_IGNORE,
    OP_FORK,
    OP_WAIT,
    OP_DIE,
    OP_REAPER,
    OP_EXIT
};

struct request {
    uint32_t op, args[5], in_at, in_size, out_at, out_size;
};
struct reply {
    int32_t result;
    uint32_t size;
};

_Noreturn void serve_module(int fd, const char *path);
_Noreturn void serve_executed(const char *path);

#endif
