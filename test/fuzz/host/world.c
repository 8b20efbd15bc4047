/* The script, and how it drives the module. Of each entry's byte:
 *   below 0xc0  a watched handle is ready (the byte says which; one more byte, for what)
 *   below 0xe0  a signal that was asked for comes
 *   below 0xec  the deadline passes
 *   below 0xf0  the host that the program is a part of has another window size (two more bytes)
 *   the others  time passes */
#include "world.h"

struct world world;
static struct world kept;

uint8_t take(void) { return world.next < world.end ? *world.next++ : 0; }
bool used_up(void) { return world.next == world.end; }

uint32_t take_bytes(uint8_t *into, uint32_t most) {
    uint32_t left = (uint32_t)(world.end - world.next), count = left < most ? left : most;
    memcpy(into, world.next, count);
    world.next += count;
    return count;
}

uint8_t take_or_fault(int32_t *error) {
    static const uint8_t errors[16] = {EAGAIN, EIO, EPIPE, ECONNRESET, ENOENT, EMFILE, ENFILE, ENOMEM, EINVAL, EACCES, EPERM, ENOSPC,
        EEXIST, ECONNREFUSED, ENAMETOOLONG, 127};
    uint8_t byte = take();
    *error = byte >= FAULTS ? -(int32_t)errors[byte - FAULTS] : 0;
    return byte;
}

void begin_world(const struct world_options *options) {
    memset(&world, 0, offsetof(struct world, things));
    memset(&world.things_used, 0, sizeof world - offsetof(struct world, things_used));
    world.options = *options;
    // 0 is never a handle.
    world.things_used = 1;
    world.next_pid = 100;
    world.now_ms = 1000;
    world.wake_at = -1;
}

static void copy_world(struct world *to, const struct world *from) {
    memcpy(to, from, offsetof(struct world, things) + from->things_used * sizeof *from->things);
    memcpy(&to->things_used, &from->things_used, sizeof *to - offsetof(struct world, things_used));
}

void keep_world(void) { copy_world(&kept, &world); }
void rewind_world(void) { copy_world(&world, &kept); }

void set_script(const uint8_t *script, size_t size) {
    static const uint8_t nothing[1];
    world.next = script ? script : nothing;
    world.end = world.next + size;
}

int32_t add_thing(uint8_t kind, enum role role) {
    if (world.open_count == OPEN_MAX || world.things_used == THINGS_MAX) return -EMFILE;
    world.things[world.things_used] = (struct thing){.kind = kind, .open = true, .role = (uint8_t)role};
    world.open_count++;
    return (int32_t)world.things_used++;
}

struct thing *thing_of(uint32_t handle) {
    if (handle == 0 || handle >= world.things_used) return NULL;
    if (!world.things[handle].open) violation("the use of a handle that it has closed");
    return &world.things[handle];
}

/* The `index`th watched handle, counted round and round; 0 when nothing is watched. */
static uint32_t watched_handle(uint32_t index) {
    uint32_t count = 0;
    for (uint32_t i = 1; i < world.things_used; i++) count += world.things[i].open && world.things[i].wanted;
    if (!count) return 0;
    index %= count;
    for (uint32_t i = 1;; i++)
        if (world.things[i].open && world.things[i].wanted && index-- == 0) return i;
}

static enum outcome enter_ready(uint8_t which) {
    uint32_t handle = watched_handle(which);
    if (!handle) return RETURNED;
    uint8_t wanted = world.things[handle].wanted, events = take() & (wanted | HANGUP);
    return enter_machine(ENTER_READY, handle, events ? events : wanted);
}

static enum outcome enter_signal(uint8_t which) {
    // Signals below 32 are all that a program asks for.
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t signal = (which + i) % 32;
        if (signal && world.signals >> (signal - 1) & 1) return enter_machine(ENTER_SIGNAL, signal, 0);
    }
    return RETURNED;
}

static enum outcome enter_deadline(void) {
    if (world.wake_at < 0) return RETURNED;
    if (world.now_ms < (uint64_t)world.wake_at) world.now_ms = (uint64_t)world.wake_at;
    world.wake_at = -1;
    return enter_machine(ENTER_DEADLINE, 0, 0);
}

static enum outcome enter_resize(void) {
    uint8_t rows = take(), columns = take();
    return enter_machine(ENTER_RESIZE, rows, columns);
}

static enum outcome enter_as(uint8_t byte) {
    world.calls = 0;
    if (byte < 0xc0) return enter_ready(byte);
    if (byte < 0xe0) return enter_signal(byte & 31);
    if (byte < 0xec) return enter_deadline();
    if (byte < 0xf0) return enter_resize();
    world.now_ms += (byte & 15u) * 400u;
    return RETURNED;
}

enum outcome run_script(void) {
    enum outcome outcome = RETURNED;
    while (outcome == RETURNED && !used_up()) outcome = enter_as(take());
    return outcome;
}

enum outcome start_and_run(void) {
    world.calls = 0;
    enum outcome outcome = enter_machine(ENTER_START, 0, 0);
    return outcome == RETURNED ? run_script() : outcome;
}
