/* Large copies and fills, 8 bytes at a time where both ends are aligned: what is not may trap to the firmware for each word. */
#ifndef WARDEN_STRING_H
#define WARDEN_STRING_H

/* All copies: elsewhere memcpy moves small ones by words, for which the compiler calls memcpy here, as they may be unaligned. */
#define LARGE_COPY_BYTES 1
#define WORD_BYTES sizeof(uint64_t)

static inline void copy_large(void *to, const void *from, size_t size) {
    unsigned char *target = to;
    const unsigned char *source = from;
    // Volatile, or the compiler would turn the loops into a call of memcpy.
    if (((uintptr_t)target - (uintptr_t)source) % WORD_BYTES == 0) {
        for (; (uintptr_t)target % WORD_BYTES && size; size--) *(volatile unsigned char *)target++ = *source++;
        for (; size >= WORD_BYTES; size -= WORD_BYTES, target += WORD_BYTES, source += WORD_BYTES)
            __asm__ volatile("ld t0, 0(%1)\n\t"
                             "sd t0, 0(%0)"
                             :
                             : "r"(target), "r"(source)
                             : "t0", "memory");
    }
    for (; size; size--) *(volatile unsigned char *)target++ = *source++;
}

static inline void fill(void *to, int byte, size_t size) {
    unsigned char *target = to;
    uint64_t pattern = 0x0101010101010101u * (uint8_t)byte;
    for (; (uintptr_t)target % WORD_BYTES && size; size--) *(volatile unsigned char *)target++ = (unsigned char)byte;
    for (; size >= WORD_BYTES; size -= WORD_BYTES, target += WORD_BYTES)
        __asm__ volatile("sd %1, 0(%0)" : : "r"(target), "r"(pattern) : "memory");
    for (; size; size--) *(volatile unsigned char *)target++ = (unsigned char)byte;
}

#endif
