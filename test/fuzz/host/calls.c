/* What descriptors, sockets and files answer. A call keeps to what the kernel may do, and to nothing more likely than that. */
#include "world.h"

bool is_program(const char *name) { return strcmp(program_name, name) == 0; }

static int kind_of(const struct thing *thing) { return thing->kind & 7; }

uint32_t part_of(uint8_t byte, uint32_t size) {
    if (byte < 0x80 || size == 0) return size;
    uint32_t part = byte < 0xc0 ? byte - 0x7fu : (byte - 0xbfu) * 1021u;
    return part < size ? part : size;
}

/* In a stream the script says how many bytes come; elsewhere which ones. */
static uint32_t amount(uint8_t byte, uint32_t most) {
    uint32_t size = byte < 0x80 ? byte : (byte - 0x7fu) * 600u;
    return size < most ? size : most;
}

static int32_t read_stream(struct thing *from, uint8_t byte, uint32_t at, uint32_t size) {
    if (from->header_have < 4) {
        uint8_t header[4];
        uint32_t most = 4u - from->header_have, got = take_bytes(header, size < most ? size : most);
        if (!got) return -EAGAIN;
        memcpy(from->header + from->header_have, header, got);
        from->header_have += (uint8_t)got;
        from->position = big_endian(from->header);
        give(at, header, got);
        return (int32_t)got;
    }
    uint32_t got = amount(byte, size);
    if (!got) return -EAGAIN;
    fill_pattern(from, at, got);
    return (int32_t)got;
}

static int32_t read_file(uint32_t at, uint32_t size) {
    uint32_t left = (uint32_t)(world.file_end - world.file), got = left < size ? left : size;
    give(at, world.file, got);
    world.file += got;
    return (int32_t)got;
}

static int32_t read_script(const struct thing *from, uint8_t byte, uint32_t at, uint32_t size) {
    static uint8_t bytes[1 << 16];
    uint32_t most = size < sizeof bytes ? size : (uint32_t)sizeof bytes, got;
    if (world.file && kind_of(from) == FILE_TYPE_FILE) return read_file(at, size);
    if (byte == 0xee) memset(bytes, take(), got = most);
    else if (byte >= 0xe8 && from->role == ROLE_CLIENT) got = begin_request(from, byte, bytes, most);
    else got = take_bytes(bytes, byte < most ? byte : most);
    // A script at its end has nothing more to read, which is no end of file.
    if (!got && size) return kind_of(from) == FILE_TYPE_FILE ? 0 : -EAGAIN;
    give(at, bytes, got);
    if (from->role == ROLE_FILE && got == 8) note_saved_before(bytes);
    return (int32_t)got;
}

static int32_t read_given(struct thing *from, uint32_t at, uint32_t size) {
    const struct world_file *file = &world.options.files[from->channel];
    uint32_t left = (uint32_t)file->size - from->position, got = left < size ? left : size;
    give(at, file->bytes + from->position, got);
    from->position += got;
    return (int32_t)got;
}

int32_t on_read(const uint32_t *a) {
    struct thing *from = thing_of(a[0]);
    int32_t error;
    guest_room(a[1], a[2]);
    if (!from) return -EBADF;
    // Behind the first bytes of a request comes the rest, of which the script says nothing.
    if (rest_of_request(from)) return give_request(a);
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte == 0xef) return 0;
    // What comes is something that trips an assertion, of which nobody knows.
    if (byte == 0xed) leave_machine(TRAPPED);
    if (from->role == ROLE_GIVEN) return read_given(from, a[1], a[2]);
    return from->role == ROLE_SOURCE ? read_stream(from, byte, a[1], a[2]) : read_script(from, byte, a[1], a[2]);
}

int32_t on_readv(const uint32_t *a) {
    struct thing *from = thing_of(a[0]);
    int32_t error;
    guest_room(a[1], a[2]);
    guest_room(a[3], a[4]);
    if (!from) return -EBADF;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte == 0xef) return 0;
    uint32_t got = amount(byte, a[2] + a[4]), first = got < a[2] ? got : a[2];
    if (!got) return -EAGAIN;
    fill_pattern(from, a[1], first);
    fill_pattern(from, a[3], got - first);
    return (int32_t)got;
}

int32_t on_write(const uint32_t *a) {
    struct thing *to = thing_of(a[0]);
    int32_t error;
    const uint8_t *bytes = guest_at(a[1], a[2]);
    if (!to) return -EBADF;
    if (to->role == ROLE_FILE && a[2] == 8) note_saved(bytes);
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    uint32_t sent = part_of(byte, a[2]);
    check_written(to, bytes, sent);
    return (int32_t)sent;
}

int32_t on_writev(const uint32_t *a) {
    struct thing *to = thing_of(a[0]);
    int32_t error;
    const uint8_t *bytes = guest_at(a[1], a[2]), *then = guest_at(a[3], a[4]);
    if (!to) return -EBADF;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    uint32_t sent = part_of(byte, a[2] + a[4]), first = sent < a[2] ? sent : a[2];
    check_written(to, bytes, first);
    check_written(to, then, sent - first);
    return (int32_t)sent;
}

int32_t on_splice(const uint32_t *a) {
    struct thing *from = thing_of(a[0]), *to = thing_of(a[1]);
    int32_t error;
    if (!from || !to) return -EBADF;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte == 0xef) return 0;
    uint32_t moved = amount(byte, a[2]);
    if (!moved) return -EAGAIN;
    note_spliced(from, to, moved);
    return (int32_t)moved;
}

int32_t answer_for(const struct thing *thing) {
    int32_t error;
    if (!thing) return -EBADF;
    take_or_fault(&error);
    return error;
}

int32_t on_bytesAvailable(const uint32_t *a) {
    int32_t error;
    if (!thing_of(a[0])) return -EBADF;
    uint8_t byte = take_or_fault(&error);
    return error ? error : byte * 37;
}

int32_t on_duplicate(const uint32_t *a) {
    const struct thing *thing = thing_of(a[0]);
    int32_t error = answer_for(thing);
    return error ? error : add_thing(thing->kind, (enum role)thing->role);
}

int32_t on_close(const uint32_t *a) {
    struct thing *thing = thing_of(a[0]);
    if (!thing) return -EBADF;
    thing->open = false;
    world.open_count--;
    return 0;
}

int32_t on_handleType(const uint32_t *a) {
    const struct thing *thing = thing_of(a[0]);
    int32_t error = answer_for(thing);
    return error ? error : thing->kind;
}

uint8_t any_kind(void) {
    uint8_t byte = take();
    return byte ? (uint8_t)(byte % (FILE_TYPE_TERMINAL + 1) | (byte & (CAN_READ | CAN_WRITE))) : FILE_TYPE_TERMINAL | CAN_READ | CAN_WRITE;
}

int32_t on_adoptFd(const uint32_t *a) {
    int32_t error;
    take_or_fault(&error);
    if (error) return error;
    bool sink = world.options.patterned && (a[0] == 1 || a[0] == 2);
    int32_t handle = add_thing(any_kind(), sink ? ROLE_SINK : ROLE_NONE);
    if (handle > 0) world.things[handle].channel = (uint8_t)(a[0] - 1);
    return handle;
}

static int32_t make_two(uint32_t at, uint8_t first_kind, uint8_t second_kind) {
    int32_t error;
    guest_room(at, 8);
    take_or_fault(&error);
    if (error) return error;
    if (world.open_count + 2 > OPEN_MAX) return -EMFILE;
    int32_t first = add_thing(first_kind, ROLE_NONE), second = add_thing(second_kind, ROLE_NONE);
    if (first < 0 || second < 0) return -EMFILE;
    give_u32(at, (uint32_t)first);
    give_u32(at + 4, (uint32_t)second);
    return first;
}

int32_t on_pipe(const uint32_t *a) {
    int32_t first = make_two(a[0], FILE_TYPE_PIPE | CAN_READ, FILE_TYPE_PIPE | CAN_WRITE);
    if (first < 0) return first;
    // A job's first two pipes are its command's output.
    struct thing *end = &world.things[first];
    end->channel = (uint8_t)world.pipe_count++;
    end->header_have = 4;
    if (world.options.patterned && end->channel < 2) end->role = ROLE_SOURCE;
    return 0;
}

int32_t on_socketPair(const uint32_t *a) {
    int32_t first = make_two(a[0], FILE_TYPE_SOCKET | CAN_READ | CAN_WRITE, FILE_TYPE_SOCKET | CAN_READ | CAN_WRITE);
    return first < 0 ? first : 0;
}

int32_t on_openPty(const uint32_t *a) {
    int32_t first = make_two(a[0], FILE_TYPE_TERMINAL | CAN_READ | CAN_WRITE, FILE_TYPE_TERMINAL | CAN_READ | CAN_WRITE);
    return first < 0 ? first : 0;
}

int32_t on_setNonblocking(const uint32_t *a) { return answer_for(thing_of(a[0])); }
int32_t on_setPipeSize(const uint32_t *a) { return answer_for(thing_of(a[0])); }
int32_t on_tagPipe(const uint32_t *a) { return answer_for(thing_of(a[0])); }
int32_t on_setRawMode(const uint32_t *a) { return answer_for(thing_of(a[0])); }
int32_t on_restoreTermios(const uint32_t *a) { return answer_for(thing_of(a[0])); }

int32_t on_copyWindowSize(const uint32_t *a) {
    const struct thing *from = thing_of(a[0]);
    return answer_for(thing_of(a[1]) ? from : NULL);
}

int32_t on_windowSize(const uint32_t *a) {
    int32_t result = answer_for(thing_of(a[0]));
    if (result < 0) return result;
    const int32_t rows_columns[] = {take() * 2, take()};
    give(a[1], (const uint8_t *)rows_columns, sizeof rows_columns);
    return 0;
}

int32_t on_setWindowSize(const uint32_t *a) { return answer_for(thing_of(a[0])); }

int32_t on_pipeTag(const uint32_t *a) { return thing_of(a[0]) ? take() * 2 : -EBADF; }

int32_t on_watch(const uint32_t *a) {
    struct thing *thing = thing_of(a[0]);
    if (!thing) return -EBADF;
    thing->wanted = a[1] & (READ | WRITE | HANGUP);
    return 0;
}

int32_t on_listen(const uint32_t *a) {
    int32_t error;
    guest_text(a[0]);
    take_or_fault(&error);
    if (error) return error;
    int32_t handle = add_thing(FILE_TYPE_SOCKET, ROLE_LISTENER);
    if (handle > 0) world.things[handle].channel = (uint8_t)world.listener_count++;
    return handle;
}

int32_t on_accept(const uint32_t *a) {
    const struct thing *listener = thing_of(a[0]);
    int32_t error;
    if (!listener) return -EBADF;
    // Nobody connects any more when the script ends.
    if (used_up()) return -EAGAIN;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte < 0x60) return -EAGAIN;
    bool link = world.options.patterned && listener->channel < 2;
    int32_t handle = add_thing(FILE_TYPE_SOCKET | CAN_READ | CAN_WRITE, link ? ROLE_LINK : ROLE_CLIENT);
    if (handle > 0) world.things[handle].channel = listener->channel;
    return handle;
}

int32_t on_connect(const uint32_t *a) {
    int32_t error;
    guest_text(a[0]);
    // A daemon that is about to listen finds nobody there, as a rule.
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if ((is_program("wshd") || is_program("iomux-spawn")) && byte < 0x80) return -ECONNREFUSED;
    bool source = world.options.patterned && is_program("iomux-link") && world.accepted_count < 2;
    int32_t handle = add_thing(FILE_TYPE_SOCKET | CAN_READ | CAN_WRITE, source ? ROLE_SOURCE : ROLE_NONE);
    if (handle > 0) world.things[handle].channel = (uint8_t)world.accepted_count++;
    return handle;
}

int32_t on_connectDatagrams(const uint32_t *a) { return on_connect(a); }

int32_t on_peerPid(const uint32_t *a) { return thing_of(a[0]) ? 1 + take() % 4 : -EBADF; }

int32_t on_send(const uint32_t *a) {
    const struct thing *to = thing_of(a[0]);
    int32_t error;
    const uint8_t *handles = guest_at(a[3], a[4] * 4);
    guest_at(a[1], a[2]);
    if (!to) return -EBADF;
    for (uint32_t i = 0; i < a[4]; i++) {
        uint32_t handle;
        memcpy(&handle, handles + i * 4, 4);
        if (!thing_of(handle)) violation("the sending of a handle that it does not have");
    }
    uint8_t byte = take_or_fault(&error);
    return error ? error : (int32_t)part_of(byte, a[2]);
}

static bool ends_with(const char *text, const char *ending) {
    size_t length = strlen(text), size = strlen(ending);
    return length >= size && strcmp(text + length - size, ending) == 0;
}

int32_t open_given(const char *path) {
    for (uint8_t i = 0; i < WORLD_FILES_MAX && world.options.files[i].ending; i++) {
        if (!ends_with(path, world.options.files[i].ending)) continue;
        int32_t handle = add_thing(FILE_TYPE_FILE | CAN_READ, ROLE_GIVEN);
        if (handle > 0) world.things[handle].channel = i;
        return handle;
    }
    return 0;
}

int32_t on_open(const uint32_t *a) {
    int32_t error;
    const char *path = guest_text(a[0]);
    take_or_fault(&error);
    int32_t given = !error && a[1] == OPEN_READ ? open_given(path) : 0;
    if (given) return given;
    // What is opened to be read may be anything that lies at the path.
    uint8_t kind = take();
    if (error) return error;
    return add_thing((uint8_t)((kind < 0xe0 ? FILE_TYPE_FILE : kind % 6) | (a[1] == OPEN_READ ? CAN_READ : CAN_WRITE)), ROLE_FILE);
}

int32_t on_pathType(const uint32_t *a) {
    const char *path = guest_text(a[0]);
    int32_t error;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    // A wshd that knows protocol 2, as a rule.
    if (is_program("wsh")) return FILE_TYPE_SOCKET | (byte < 0x80 ? MARKED : 0);
    if (byte >= 0xe0) return byte % 6;
    bool hook = ends_with(path, ".sh");
    if (hook && byte < 0x80) return -ENOENT;
    return hook || strstr(path, "/memory.") || ends_with(path, "event_control") ? FILE_TYPE_FILE : FILE_TYPE_DIRECTORY;
}

int32_t answer_path(const uint32_t *a) {
    int32_t error;
    guest_text(a[0]);
    take_or_fault(&error);
    return error;
}

int32_t on_rename(const uint32_t *a) {
    guest_text(a[1]);
    return answer_path(a);
}

int32_t on_realpath(const uint32_t *a) {
    static char path[4096];
    int32_t error;
    guest_text(a[0]);
    guest_room(a[1], a[2]);
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    // The kernel has paths of up to 4,095 bytes.
    uint32_t length = byte < 0x80 ? 1u + byte : (byte - 0x7fu) * 40u;
    if (length > sizeof path - 1) length = sizeof path - 1;
    if (length > a[2] - 1) length = a[2] - 1;
    memset(path, 'd', length);
    path[0] = '/';
    path[length] = 0;
    give(a[1], path, length + 1);
    return (int32_t)length;
}
