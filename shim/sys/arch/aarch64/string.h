/* Large copies and fills, 16 bytes at a time. */
#ifndef WARDEN_STRING_H
#define WARDEN_STRING_H

/* Below this size a loop of single bytes and words is as good. */
#define LARGE_COPY_BYTES 32

static inline void copy_large(void *to, const void *from, size_t size) {
    unsigned char *target = to;
    const unsigned char *source = from;
    for (; size >= 16; size -= 16)
        __asm__ volatile("ldp x9, x10, [%1], #16\n\t"
                         "stp x9, x10, [%0], #16"
                         : "+r"(target), "+r"(source)
                         :
                         : "x9", "x10", "memory");
    // Volatile, or the compiler would turn the loop into a call of memcpy.
    for (; size; size--) *(volatile unsigned char *)target++ = *source++;
}

static inline void fill(void *to, int byte, size_t size) {
    unsigned char *target = to;
    uint64_t pattern = 0x0101010101010101u * (uint8_t)byte;
    for (; size >= 16; size -= 16) __asm__ volatile("stp %1, %1, [%0], #16" : "+r"(target) : "r"(pattern) : "memory");
    for (; size; size--) *(volatile unsigned char *)target++ = (unsigned char)byte;
}

#endif
