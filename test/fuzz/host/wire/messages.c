/* The messages between wsh and wshd: requests, whole or in parts, answers, records. */
#include "world.h"
#include "requests.h"

/* One of the recorded requests, up to seven of its bytes changed. */
static void choose_request(void) {
    uint8_t *into = world.request.bytes;
    memcpy(into, requests[take() % REQUESTS], REQUEST_SIZE);
    for (uint8_t changes = take() & 7; changes; changes--) {
        uint32_t at = take();
        at = (at | (uint32_t)take() << 8) % REQUEST_SIZE;
        into[at] = take();
    }
    world.request.size = REQUEST_SIZE;
}

/* The fields of a request of protocol 2: the numbers have four bytes, the texts the others. */
static const struct {
    uint32_t at, size;
} fields2[] = {{0, 4}, {4, 4}, {8, 4}, {12, 4}, {16, 4}, {20, 4}, {24, 4}, {28, 4}, {32, 4}, {56, 4}, {416, 4}, {424, 1024}, {1448, 4096},
    {5544, 4096}, {9640, 4096}};
#define FIELDS_2 (sizeof fields2 / sizeof *fields2)

/* A small number, one that is larger than any limit, or a negative one. */
static void put_number(uint8_t *at) {
    uint8_t byte = take();
    uint32_t number = byte < 0x80 ? byte : byte < 0xf0 ? (uint32_t)(byte & 0x7f) << 16 : (uint32_t)(int8_t)byte;
    memcpy(at, &number, 4);
}

/* A request of protocol 2 for root's login shell, up to 15 of its fields changed. */
static void compose_request2(void) {
    uint8_t *into = world.request.bytes;
    memset(into, 0, REQUEST_MAX);
    into[0] = 2;
    memset(into + 16, 0xff, 4);
    for (uint8_t changes = take() & 15; changes; changes--) {
        uint8_t field = take() % FIELDS_2;
        uint32_t size = fields2[field].size;
        if (size == 4) put_number(into + fields2[field].at);
        else {
            uint8_t length = take();
            if (length >= 0xfe) memset(into + fields2[field].at, take(), size - (length == 0xfe));
            else take_bytes(into + fields2[field].at, length);
        }
    }
    world.request.size = REQUEST_MAX;
}

/* What is left of a client's request. */
uint32_t rest_of_request(const struct thing *from) {
    return from == &world.things[world.request.client] && world.request.client ? world.request.size - world.request.at : 0;
}

static uint32_t put_request(uint8_t *into, uint32_t most) {
    uint32_t left = world.request.size - world.request.at, size = most < left ? most : left;
    memcpy(into, world.request.bytes + world.request.at, size);
    world.request.at += size;
    return size;
}

uint32_t begin_request(const struct thing *from, uint8_t byte, uint8_t *into, uint32_t most) {
    if (byte == 0xec) compose_request2();
    else choose_request();
    world.request.client = (uint32_t)(from - world.things);
    world.request.at = 0;
    return put_request(into, most);
}

int32_t give_request(const uint32_t *a) {
    static uint8_t bytes[REQUEST_MAX];
    uint32_t got = put_request(bytes, a[2]);
    give(a[1], bytes, got);
    return (int32_t)got;
}

static void give_handles(const uint32_t *a, uint32_t count) {
    for (uint32_t i = 0; i < a[4]; i++) give_u32(a[3] + i * 4, i < count ? (uint32_t)add_thing(any_kind(), ROLE_NONE) : -1u);
}

/* More of a request of protocol 2, all of it when the script does not say; its handles, which may be too many. */
static int32_t receive_request(const struct thing *from, const uint32_t *a) {
    static uint8_t bytes[REQUEST_MAX];
    int32_t error;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte == 0xef) return 0;
    // As at read().
    if (byte == 0xed) leave_machine(TRAPPED);
    give_handles(a, take() & 31);
    uint32_t most = part_of(byte, rest_of_request(from)), got = put_request(bytes, most < a[2] ? most : a[2]);
    give(a[1], bytes, got);
    return got ? (int32_t)got : -EAGAIN;
}

/* wshd's record, RUNNING but for the numbers that the script changes; in parts when it says so. */
static int32_t receive_record(const uint32_t *a) {
    int32_t error;
    uint8_t byte = take_or_fault(&error);
    if (error) return error;
    if (byte == 0xef) return 0;
    give_handles(a, take() % 8);
    if (!world.record_at) {
        memset(world.record, 0, RECORD_SIZE);
        world.record[0] = 2;
        world.record[4] = 1;
        for (uint8_t changes = take() & 7; changes; changes--) {
            uint8_t *at = world.record + 4 * (take() % (RECORD_SIZE / 4));
            put_number(at);
        }
    }
    uint32_t got = part_of(byte, RECORD_SIZE - world.record_at);
    got = got < a[2] ? got : a[2];
    give(a[1], world.record + world.record_at, got);
    world.record_at = (world.record_at + got) % RECORD_SIZE;
    return (int32_t)got;
}

int32_t on_receive(const uint32_t *a) {
    const struct thing *from = thing_of(a[0]);
    int32_t error;
    uint8_t bytes[16] = {1};
    guest_room(a[1], a[2]);
    guest_room(a[3], a[4] * 4);
    if (!from) return -EBADF;
    if (used_up()) return -EAGAIN;
    if (is_program("wshd") && from->role == ROLE_CLIENT) return receive_request(from, a);
    if (is_program("wsh") && (a[2] > 4 || world.record_at)) return receive_record(a);
    uint8_t byte = take_or_fault(&error), count = take() % 8;
    if (error) return error;
    give_handles(a, count);
    // A good answer's bytes are 1, 0, 0, 0.
    uint32_t size = byte < 0x80 ? 4 : byte & 7;
    if (byte >= 0xc0) take_bytes(bytes, 4);
    size = size < a[2] ? size : a[2];
    give(a[1], bytes, size);
    return (int32_t)size;
}
