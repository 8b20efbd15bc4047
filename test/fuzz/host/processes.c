/* What processes, time and the container answer; and the table of all calls. */
#include "world.h"

#define SIGSTOP 19

static int32_t plain(const uint32_t *a) {
    int32_t error;
    (void)a;
    take_or_fault(&error);
    return error;
}

/* Something is unmounted as often as somebody mounted it: once, when the script does not say. */
int32_t on_unmount(const uint32_t *a) {
    int32_t error = answer_path(a);
    return used_up() && world.unmounts++ > 0 ? -EINVAL : error;
}

int32_t on_wakeAfter(const uint32_t *a) {
    world.wake_at = (int32_t)a[0] < 0 ? -1 : (int64_t)world.now_ms + a[0];
    return 0;
}

int32_t on_routeSignals(const uint32_t *a) {
    // It fails so rarely that the script has to say it: else it says nothing here.
    if (world.next < world.end && *world.next == 0xff) {
        take();
        return -EINVAL;
    }
    world.signals = (uint64_t)a[1] << 32 | a[0];
    return 0;
}

int32_t on_raise(const uint32_t *a) {
    if (a[0] < 1 || a[0] > 64) violation("the raising of what is no signal");
    // Some end the program, a stop does not.
    if (a[0] == SIGSTOP) return 0;
    leave_machine(EXITED);
}

int32_t on_isIgnored(const uint32_t *a) {
    // nohup(1) is as rare.
    bool ignored = world.next < world.end && *world.next == 0xfe;
    world.next += ignored;
    return a[0] < 1 || a[0] > 64 ? -EINVAL : ignored;
}

int32_t on_spawnBegin(const uint32_t *a) { return (world.described = plain(a) == 0) ? 0 : -ENOMEM; }

static int32_t described(void) {
    int32_t error;
    if (!world.described) return -ENOMEM;
    take_or_fault(&error);
    return error ? -E2BIG : 0;
}

static int32_t strings(const uint32_t *a) {
    const uint8_t *text = guest_at(a[0], a[1]);
    if (a[1] && text[a[1] - 1] != 0) violation("a list of strings whose last has no end");
    return described();
}

int32_t on_spawnDirectory(const uint32_t *a) {
    guest_text(a[0]);
    return described();
}

int32_t on_spawnDescriptor(const uint32_t *a) { return thing_of(a[1]) ? described() : -EBADF; }
int32_t on_spawnStartPipe(const uint32_t *a) { return thing_of(a[0]) ? described() : -EBADF; }

static int32_t detail(const uint32_t *a) {
    (void)a;
    return described();
}

int32_t on_spawn(const uint32_t *a) {
    int32_t error;
    guest_room(a[1], 4);
    uint8_t byte = take_or_fault(&error);
    if (!world.described) return -ENOMEM;
    if (error) return error;
    if (world.child_count == OFFSPRING_MAX) return -EAGAIN;
    world.described = false;
    give_u32(a[1], byte == 0xef ? (uint32_t)-EMFILE : (uint32_t)add_thing(FILE_TYPE_PIPE | CAN_READ, ROLE_NONE));
    world.children[world.child_count].pid = world.next_pid;
    world.children[world.child_count++].alive = true;
    return world.next_pid++;
}

/* The `index`th living child of this pid, or of any; NULL when there is none. */
static int32_t *child_of(int32_t pid, uint32_t index) {
    int32_t *found = NULL;
    for (uint32_t i = 0; i < world.child_count; i++) {
        if (!world.children[i].alive || (pid != -1 && world.children[i].pid != pid)) continue;
        found = &world.children[i].pid;
        if (index-- == 0) break;
    }
    return found;
}

int32_t on_wait(const uint32_t *a) {
    guest_room(a[1], 4);
    const int32_t *child = child_of((int32_t)a[0], world.next < world.end ? *world.next & 15 : 0);
    uint8_t byte = take();
    if (!child) return -ECHILD;
    if (byte < 0x60) return 0;
    int32_t pid = *child;
    // An orphan of somebody's, as PID 1 gets them.
    if (byte >= 0xf0 && (int32_t)a[0] == -1) pid = 50;
    else
        for (uint32_t i = 0; i < world.child_count; i++)
            if (world.children[i].pid == pid) world.children[i].alive = false;
    uint32_t status = take() * 256u;
    give_u32(a[1], byte < 0xc0 ? status : status >> 8 & 0x7f);
    return pid;
}

void adopt_child(int32_t pid) {
    if (world.child_count == OFFSPRING_MAX || child_of(pid, 0)) return;
    world.children[world.child_count].pid = pid;
    world.children[world.child_count++].alive = true;
}

/* Whom the kernel has made it the parent of. */
int32_t on_adoptChild(const uint32_t *a) {
    int32_t error = plain(a);
    if (error || (int32_t)a[0] < 1) return error ? -ECHILD : -EINVAL;
    adopt_child((int32_t)a[0]);
    return 0;
}

int32_t on_waitUsage(const uint32_t *a) {
    static const uint8_t nothing[32];
    give(a[1], nothing, sizeof nothing);
    return on_wait(a);
}

int32_t on_sealedFile(const uint32_t *a) {
    int32_t error;
    guest_at(a[0], a[1]);
    take_or_fault(&error);
    return error ? error : add_thing(FILE_TYPE_FILE | CAN_READ, ROLE_NONE);
}

int32_t on_spawnBlock(const uint32_t *a) { return thing_of(a[0]) ? detail(a) : -EBADF; }

int32_t on_spawnGroups(const uint32_t *a) {
    guest_at(a[0], a[1] * 4);
    return detail(a);
}

int32_t on_kill(const uint32_t *a) {
    int32_t pid = (int32_t)a[0];
    if (!child_of(pid < 0 ? -pid : pid, 0)) violation("a signal to a process that is not its child");
    int32_t error;
    uint8_t byte = take_or_fault(&error);
    // No such process, or group.
    return byte == 0xef ? -ESRCH : error;
}

int32_t on_raiseNofileLimit(const uint32_t *a) {
    int32_t error = plain(a);
    uint8_t byte = take();
    return error ? error : byte ? 16 + byte : 4096;
}

int32_t on_eventfd(const uint32_t *a) {
    int32_t error = plain(a);
    return error ? error : add_thing(FILE_TYPE_OTHER | CAN_READ | CAN_WRITE, ROLE_NONE);
}

int32_t on_cgroupNotify(const uint32_t *a) { return thing_of(a[0]) && thing_of(a[1]) ? answer_for(thing_of(a[2])) : -EBADF; }

int32_t on_watchMemoryEvents(const uint32_t *a) {
    guest_text(a[1]);
    int32_t error = answer_path(a);
    return error ? error : add_thing(FILE_TYPE_OTHER | CAN_READ, ROLE_NONE);
}

/* Calls that differ in nothing that matters here. */
#define LIKE(name, other) \
    int32_t on_##name(const uint32_t *a) { return other(a); }
LIKE(spawnFiles, strings)
LIKE(spawnArguments, strings)
LIKE(spawnEnvironment, strings)
LIKE(spawnSelf, detail)
LIKE(spawnUser, detail)
LIKE(spawnLimit, detail)
LIKE(spawnUmask, detail)
LIKE(spawnOwner, detail)
LIKE(setsid, plain)
LIKE(setParentDeathSignal, plain)
LIKE(dropStdioAndEnvironment, plain)
LIKE(unshareMounts, plain)
LIKE(loopbackUp, plain)
LIKE(unlink, answer_path)
LIKE(makeDirectory, answer_path)
LIKE(removeDirectory, answer_path)
LIKE(bindRootAndEnter, answer_path)
LIKE(pivot, answer_path)
LIKE(enterDirectory, answer_path)
LIKE(setProcessName, answer_path)
LIKE(makeFifo, answer_path)
LIKE(listenPackets, on_listen)
LIKE(listenDatagrams, on_listen)
LIKE(readAt, on_read)
LIKE(fsync, plain)
LIKE(setChildSubreaper, plain)

static int32_t (*const answers[])(const uint32_t *) = {
#define CALL(name, count) on_##name,
#include "../../../shim/sys/calls.h"
#undef CALL
};

int32_t answer(enum call call, const uint32_t *given) {
    if (++world.calls > CALLS_MAX) violation("so many calls in one turn that it will not come back");
    return answers[call](given);
}
