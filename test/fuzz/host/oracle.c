/* Streams whose every byte tells where it belongs: what a module passes on is held against what it was given. */
#include "world.h"

uint8_t pattern_at(uint32_t channel, uint32_t position) { return (uint8_t)(position ^ position >> 8 ^ position >> 16 ^ channel << 7); }

void fill_pattern(struct thing *from, uint32_t at, uint32_t size) {
    static uint8_t bytes[1 << 16];
    for (uint32_t done = 0; done < size;) {
        uint32_t part = size - done < sizeof bytes ? size - done : (uint32_t)sizeof bytes;
        for (uint32_t i = 0; i < part; i++) bytes[i] = pattern_at(from->channel, from->position + i);
        give(at + done, bytes, part);
        from->position += part;
        done += part;
    }
}

uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* What iomux-spawn sends a link: four bytes of position, then the stream from there. */
static void check_link(struct thing *to, const uint8_t *bytes, uint32_t size) {
    for (; size && to->header_have < 4; size--) {
        to->header[to->header_have++] = *bytes++;
        if (to->header_have == 4) to->position = big_endian(to->header);
    }
    for (; size; size--)
        if (*bytes++ != pattern_at(to->channel, to->position++)) violation("a link's stream has another byte than the command wrote there");
}

static void check_sink(struct thing *to, const uint8_t *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != pattern_at(to->channel, to->position + i)) violation("an output has another byte than the stream had there");
    to->position += size;
}

/* Behind what was delivered before, or where the stream begins when that is behind it. */
static void begin_sink(struct thing *to, const struct thing *from) {
    if (to->positioned) return;
    uint32_t first = big_endian(from->header), saved = big_endian(world.saved + 4 * to->channel);
    bool skips = world.has_saved && (int32_t)(saved - first) > 0;
    to->position = skips ? saved : first;
    to->positioned = true;
}

static const struct thing *source_of(uint32_t channel) {
    for (uint32_t i = 1; i < world.things_used; i++)
        if (world.things[i].role == ROLE_SOURCE && world.things[i].channel == channel) return &world.things[i];
    return NULL;
}

void check_written(struct thing *to, const uint8_t *bytes, uint32_t size) {
    if (to->role == ROLE_LINK) return check_link(to, bytes, size);
    if (to->role != ROLE_SINK) return;
    const struct thing *from = source_of(to->channel);
    if (!from || from->header_have < 4) violation("an output before the stream's position is known");
    begin_sink(to, from);
    check_sink(to, bytes, size);
}

void note_spliced(struct thing *from, struct thing *to, uint32_t size) {
    if (from->role != ROLE_SOURCE || to->role != ROLE_SINK) return;
    begin_sink(to, from);
    if (from->position != to->position) violation("a splice although bytes read before are not written yet");
    from->position += size;
    to->position += size;
}

void note_saved_before(const uint8_t *cursors) {
    memcpy(world.saved, cursors, sizeof world.saved);
    world.has_saved = true;
}

/* Whether its position is known: by then a header has come, or something was delivered. */
static bool is_placed(struct thing *sink) {
    const struct thing *from = source_of(sink->channel);
    if (from && from->header_have == 4) begin_sink(sink, from);
    else if (!sink->positioned && from && !world.has_saved) violation("a position is saved that no header has told");
    return sink->positioned;
}

void note_saved(const uint8_t *cursors) {
    for (uint32_t i = 1; i < world.things_used; i++) {
        struct thing *sink = &world.things[i];
        if (sink->role != ROLE_SINK || !is_placed(sink)) continue;
        if (big_endian(cursors + 4 * sink->channel) != sink->position) violation("a saved position that is not the delivered one");
    }
}
