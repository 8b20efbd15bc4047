/* What a runtime's calls answer: its own process, files by directories' handles, mounts. It runs its setup with answers that let it
 * get far, and every now and then with an error. */
#include "world.h"
#include <linux/prctl.h>

static int32_t answer_plain(const uint32_t *a) {
    int32_t error;
    (void)a;
    take_or_fault(&error);
    return error;
}

static int32_t answer_handle(const uint32_t *a) { return answer_for(thing_of(a[0])); }

static int32_t made(int32_t error, uint8_t kind) { return error ? error : add_thing(kind, ROLE_NONE); }

/* The handle 0 is no directory, but the program's own paths. */
static int32_t in_directory(const uint32_t *a, uint32_t name_at) {
    guest_text(name_at);
    return a[0] && !thing_of(a[0]) ? -EBADF : answer_plain(a);
}

int32_t on_seal(const uint32_t *a) { return answer_plain(a); }
int32_t on_joinNamespace(const uint32_t *a) { return answer_handle(a); }
int32_t on_unshare(const uint32_t *a) { return answer_plain(a); }
int32_t on_signalProcess(const uint32_t *a) { return answer_handle(a); }
int32_t on_takeTerminal(const uint32_t *a) { return answer_handle(a); }
int32_t on_setUmask(const uint32_t *a) { return (void)a, 022; }
int32_t on_setUser(const uint32_t *a) { return answer_plain(a); }
int32_t on_setLimit(const uint32_t *a) { return answer_plain(a); }
int32_t on_setScheduler(const uint32_t *a) { return answer_plain(a); }
int32_t on_setIoPriority(const uint32_t *a) { return answer_plain(a); }
int32_t on_setPersonality(const uint32_t *a) { return answer_plain(a); }
int32_t on_attachDeviceFilter(const uint32_t *a) { return answer_plain(a); }
int32_t on_resetAttributes(const uint32_t *a) { return answer_plain(a); }
int32_t on_changeOwner(const uint32_t *a) { return answer_handle(a); }
int32_t on_changeMode(const uint32_t *a) { return answer_handle(a); }
int32_t on_enterDirectoryAt(const uint32_t *a) { return answer_handle(a); }
int32_t on_changeMount(const uint32_t *a) { return answer_handle(a); }
int32_t on_mapMount(const uint32_t *a) { return thing_of(a[2]) ? answer_handle(a) : -EBADF; }
int32_t on_makeLink(const uint32_t *a) {
    guest_text(a[0]);
    guest_text(a[1]);
    return answer_plain(a);
}

/* One side of it: the other one would be another machine. */
int32_t on_fork(const uint32_t *a) {
    int32_t error;
    (void)a;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte & 1) leave_machine(FORKED);
    if (world.child_count == OFFSPRING_MAX) return -EAGAIN;
    adopt_child(world.next_pid);
    return world.next_pid++;
}

/* What was executed does not come back. */
int32_t on_execute(const uint32_t *a) {
    int32_t error = answer_plain(a);
    if (!error) leave_machine(EXITED);
    return error;
}

int32_t on_openProcess(const uint32_t *a) { return made(answer_plain(a), FILE_TYPE_OTHER); }

int32_t on_placeDescriptor(const uint32_t *a) { return answer_for(thing_of(a[1])); }

/* The bounding set has all capabilities but those of which the script says otherwise. */
int32_t on_processControl(const uint32_t *a) {
    int32_t error;
    uint8_t byte = take_or_fault(&error);
    return error || a[0] != PR_CAPBSET_READ ? error : !(byte & 1);
}

/* Without ENOENT, which it does not know, but a kernel without keyrings. */
int32_t on_newKeyring(const uint32_t *a) {
    int32_t error = answer_plain(a);
    return error == -ENOENT ? -ENOSYS : error;
}

int32_t on_setGroups(const uint32_t *a) {
    guest_at(a[0], a[1] * 4);
    return answer_plain(a);
}

int32_t on_setCapabilities(const uint32_t *a) {
    guest_at(a[0], 32);
    return answer_plain(a);
}

int32_t on_setFilter(const uint32_t *a) {
    guest_at(a[1], a[2] * 8);
    return answer_plain(a);
}

int32_t on_setHostName(const uint32_t *a) {
    guest_at(a[0], a[1]);
    return answer_plain(a);
}

int32_t on_openAt(const uint32_t *a) {
    int32_t error = in_directory(a, a[1]);
    bool reads = (a[2] & (OPENAT_READ | OPENAT_DIRECTORY)) == OPENAT_READ;
    int32_t given = !error && reads ? open_given(guest_text(a[1])) : 0;
    return given ? given : made(error, (uint8_t)(a[2] & OPENAT_DIRECTORY ? FILE_TYPE_DIRECTORY : FILE_TYPE_FILE | CAN_READ | CAN_WRITE));
}

int32_t on_makeDirectoryAt(const uint32_t *a) { return in_directory(a, a[1]); }
int32_t on_makeNodeAt(const uint32_t *a) { return in_directory(a, a[1]); }
int32_t on_removeAt(const uint32_t *a) { return in_directory(a, a[1]); }

int32_t on_makeLinkAt(const uint32_t *a) {
    guest_text(a[0]);
    return in_directory(a + 1, a[2]);
}

int32_t on_renameAt(const uint32_t *a) {
    guest_text(a[2]);
    return in_directory(a, a[1]);
}

int32_t on_statAt(const uint32_t *a) {
    static const uint16_t modes[] = {0100644, 0040755, 0120777, 0020666, 0010600};
    uint8_t info[256] = {0};
    guest_room(a[2], sizeof info);
    int32_t error = in_directory(a, a[1]);
    if (error) return error;
    const struct thing *thing = a[0] && !*guest_text(a[1]) ? thing_of(a[0]) : NULL;
    bool is_given = thing && thing->role == ROLE_GIVEN;
    uint16_t mode = modes[is_given ? 0 : take() % 5];
    uint32_t size = is_given ? (uint32_t)world.options.files[thing->channel].size : take() * 17u;
    memcpy(info + 28, &mode, sizeof mode);
    memcpy(info + 40, &size, sizeof size);
    give(a[2], info, sizeof info);
    return 0;
}

int32_t on_readLinkAt(const uint32_t *a) {
    uint8_t text[255];
    guest_room(a[2], a[3]);
    int32_t error = in_directory(a, a[1]);
    if (error) return error;
    uint32_t size = take();
    size = size < a[3] ? size : a[3];
    memset(text, 'l', sizeof text);
    give(a[2], text, size);
    return (int32_t)size;
}

/* Entries that are whole, as the kernel writes them; names as they come. */
int32_t on_readDirectory(const uint32_t *a) {
    uint8_t entry[64] = {0};
    guest_room(a[1], a[2]);
    int32_t error = answer_handle(a);
    if (error) return error;
    uint32_t length = take() % 24;
    if (!length || a[2] < sizeof entry) return 0;
    entry[16] = sizeof entry;
    take_bytes(entry + 19, length);
    give(a[1], entry, sizeof entry);
    return sizeof entry;
}

int32_t on_openFileSystem(const uint32_t *a) {
    guest_text(a[0]);
    return made(answer_plain(a), FILE_TYPE_OTHER);
}

int32_t on_configureFileSystem(const uint32_t *a) {
    guest_text(a[1]);
    guest_text(a[2]);
    return answer_handle(a);
}

int32_t on_mountFileSystem(const uint32_t *a) { return made(answer_handle(a), FILE_TYPE_DIRECTORY); }
int32_t on_cloneMount(const uint32_t *a) { return made(answer_handle(a), FILE_TYPE_DIRECTORY); }
int32_t on_moveMount(const uint32_t *a) { return thing_of(a[1]) ? answer_handle(a) : -EBADF; }
