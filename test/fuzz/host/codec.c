/* The request decoder alone, through the codec: nothing but the decoder runs, so it is the fastest target.
 *
 * An input of more than EDITS_MAX bytes is a request as it is. A shorter one says how a recorded request is changed, which
 * spares the fuzzer the handling of ten kilobytes an execution: a byte for the request, then for each change the place
 * (u16; in its excess over the size, what is done there) and a byte:
 *
 *   0, 1  the byte is put there                   3  255 times
 *   2     four times                              4  up to the end of the message
 *   5     the request is only that long (the byte does not matter)
 */
#include "machine.h"
#include "requests.h"
#include "sanitizer.h"

#define EDITS_MAX 512

w2c_program *machine_instance(void);

static uint8_t *message;
static uint32_t message_bytes;

/* The buffer is larger than a request: what is behind the longest input is no ground of the decoder's. */
static void prepare(void) {
    w2c_program *codec = machine_instance();
    message_bytes = w2c_program_requestBytes(codec) + 1;
    message = guest_at(w2c_program_messageAt(codec), w2c_program_messageBytes(codec));
    POISON(message + message_bytes, w2c_program_messageBytes(codec) - message_bytes);
}

/* Of a request that was found good, every part lies inside of it. */
static void read_all(w2c_program *codec) {
    uint32_t size = w2c_program_argumentsBytes(codec);
    guest_at(w2c_program_argumentsAt(codec), size);
    if (size < w2c_program_argumentCount(codec)) violation("fewer bytes of arguments than arguments");
    guest_at(w2c_program_userAt(codec), w2c_program_userLength(codec) + 1);
    guest_at(w2c_program_langAt(codec), w2c_program_langLength(codec) + 1);
    for (uint32_t i = 0; i < w2c_program_limitCount(codec); i++)
        if (w2c_program_limitId(codec, i) > 15) violation("a limit that Linux does not know was let through");
}

/* Makes the message that the changes describe; how long it is. */
static uint32_t edit(const uint8_t *edits, size_t size) {
    uint32_t have = REQUEST_SIZE;
    memcpy(message, requests[*edits % REQUESTS], REQUEST_SIZE);
    for (edits++, size--; size >= 3; edits += 3, size -= 3) {
        uint32_t place = edits[0] | (uint32_t)edits[1] << 8, at = place % message_bytes, left = message_bytes - at;
        switch (place / message_bytes) {
        case 2: memset(message + at, edits[2], left < 4 ? left : 4); break;
        case 3: memset(message + at, edits[2], left < 255 ? left : 255); break;
        case 4: memset(message + at, edits[2], left); break;
        case 5: have = at + 1; break;
        default: message[at] = edits[2];
        }
    }
    return have;
}

static uint32_t copy(const uint8_t *input, size_t size) {
    uint32_t have = size < message_bytes ? (uint32_t)size : message_bytes;
    memcpy(message, input, have);
    return have;
}

static void run(const uint8_t *input, size_t size) {
    w2c_program *codec = machine_instance();
    if (!size) return;
    uint32_t have = size > EDITS_MAX ? copy(input, size) : edit(input, size);
    if (w2c_program_judgeRequest(codec, have) == 0) read_all(codec);
}

const struct target *find_target(const char *name) {
    static const struct target request = {"request", prepare, run};
    return strcmp(name, request.name) == 0 ? &request : NULL;
}
