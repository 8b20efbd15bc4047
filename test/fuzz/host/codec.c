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
#include "program.h"
#include "requests.h"
#include "sanitizer.h"
#include "trace.h"
#include "exports.h"

#define EDITS_MAX 512

w2c_program *machine_instance(void);

static uint8_t *message;
static uint32_t message_bytes;

/* `Message` of assembly/codec/fields.ts */
#define REQUEST 0
#define REQUEST_2 6

/* The buffer is larger than a request: what is behind the longest input is no ground of the decoder's. */
static void prepare_for(uint32_t longest) {
    w2c_program *codec = machine_instance();
    message_bytes = longest + 1;
    message = guest_room(w2c_program_messageAt(codec), w2c_program_messageBytes(codec));
    POISON(message + message_bytes, w2c_program_messageBytes(codec) - message_bytes);
}

static void prepare(void) { prepare_for(w2c_program_requestBytes(machine_instance())); }
static void prepare_message(void) { prepare_for(w2c_program_sizeOfMessage(machine_instance(), REQUEST_2)); }

/* Of a request that was found good, every part lies inside of it. */
static void read_all(w2c_program *codec) {
    uint32_t size = w2c_program_argumentsBytes(codec);
    guest_at(w2c_program_argumentsAt(codec), size);
    w2c_program_version(codec);
    w2c_program_tty(codec);
    if (size < w2c_program_argumentCount(codec)) violation("fewer bytes of arguments than arguments");
    guest_at(w2c_program_userAt(codec), w2c_program_userLength(codec) + 1);
    guest_at(w2c_program_langAt(codec), w2c_program_langLength(codec) + 1);
    for (uint32_t i = 0; i < w2c_program_limitCount(codec); i++) {
        if (w2c_program_limitId(codec, i) > 15) violation("a limit that Linux does not know was let through");
        w2c_program_limitSoft(codec, i);
        w2c_program_limitHard(codec, i);
    }
}

/* Changes the message of `have` bytes as described; how long it is then. */
static uint32_t change(uint32_t have, const uint8_t *edits, size_t size) {
    for (; size >= 3; edits += 3, size -= 3) {
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

/* Makes the message that the changes describe; how long it is. */
static uint32_t edit(const uint8_t *edits, size_t size) {
    memcpy(message, requests[*edits % REQUESTS], REQUEST_SIZE);
    return change(REQUEST_SIZE, edits + 1, size - 1);
}

/* The same of a request of protocol 2, in which everything is zero but the version. */
static uint32_t edit_2(const uint8_t *edits, size_t size) {
    memset(message, 0, message_bytes);
    message[0] = 2;
    return change(message_bytes - 1, edits, size);
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
    trace_give((uint32_t)(message - arena), message, message_bytes);
    if (w2c_program_judgeRequest(codec, have) == 0) read_all(codec);
}

/* Everything that may be asked of a field of the message that is there. */
static void read_field(w2c_program *codec, uint32_t index, uint32_t have) {
    guest_at(w2c_program_textAt(codec), w2c_program_fieldName(codec, index));
    uint32_t offset = w2c_program_fieldOffset(codec, index), size = w2c_program_fieldSize(codec, index);
    w2c_program_fieldGroup(codec, index);
    w2c_program_fieldKind(codec, index);
    w2c_program_fieldLow(codec, index);
    w2c_program_fieldHigh(codec, index);
    if ((int32_t)w2c_program_judgeField(codec, index, have) > 0) return;
    guest_at(w2c_program_messageAt(codec) + offset, size);
    w2c_program_setFieldNumber(codec, index, w2c_program_fieldNumber(codec, index));
    int32_t length = (int32_t)w2c_program_textLength(codec, index, 0);
    if (length >= (int32_t)size) violation("a text that is longer than its field");
}

/* What numbers mean, whatever they are. */
static void read_number(w2c_program *codec, uint32_t number) {
    if (w2c_program_exited(codec, number)) w2c_program_exitCode(codec, number);
    else w2c_program_signalOf(codec, number);
    w2c_program_rawOfExit(codec, number & 0xff);
    guest_at(w2c_program_textAt(codec), w2c_program_signalName(codec, number));
    guest_at(w2c_program_textAt(codec), w2c_program_limitName(codec, number));
    w2c_program_limitDefault(codec, number);
    w2c_program_limitSent(codec, number % w2c_program_limitsSent(codec));
}

/* A request made of the input's texts, which must be a good one when all of them fit. */
static void make_request(w2c_program *codec, const uint8_t *texts, size_t size) {
    uint32_t text = w2c_program_textAt(codec);
    bool fits = true;
    w2c_program_beginMessage(codec, size & 1);
    for (uint32_t count = 0; size && fits; count++) {
        const uint8_t *end = memchr(texts, 0, size);
        uint32_t length = end ? (uint32_t)(end - texts) : (uint32_t)size;
        give(text, texts, length);
        give(text + length, "", 1);
        fits = count % 4 == 2 ? w2c_program_setUser(codec) : count % 4 == 3 ? w2c_program_setLang(codec) : w2c_program_addArgument(codec);
        texts += length + (end != NULL);
        size -= length + (end != NULL);
    }
    w2c_program_addLimit(codec, size & 15, text, 1);
    if (fits && w2c_program_judgeRequest(codec, w2c_program_requestBytes(codec)) != 0) violation("the request that it made is not good");
}

/* The first byte says which message the rest is; 255: texts that one is made of. */
static void run_message(const uint8_t *input, size_t size) {
    w2c_program *codec = machine_instance();
    if (!size) return;
    rewind_machine();
    if (*input == 255) return make_request(codec, input + 1, size - 1);
    uint32_t kind = *input++ % w2c_program_messageKinds(codec), have = 0;
    size--;
    if (kind == REQUEST && size && size <= EDITS_MAX) have = edit(input, size);
    else if (kind == REQUEST_2 && size <= EDITS_MAX) have = edit_2(input, size);
    else have = copy(input, size);
    trace_give((uint32_t)(message - arena), message, message_bytes);
    touch_memory(message, message_bytes);
    w2c_program_sizeOfMessage(codec, kind);
    uint32_t fields = w2c_program_describe(codec, kind);
    w2c_program_judgeMessage(codec, have);
    for (uint32_t i = 0; i < fields; i++) read_field(codec, i, have);
    if (have >= 4) read_number(codec, *(uint32_t *)message);
}

const struct target *find_target(const char *name) {
    static const struct target all[] = {{"request", prepare, run, false}, {"message", prepare_message, run_message, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i].name) == 0) return &all[i];
    return NULL;
}
