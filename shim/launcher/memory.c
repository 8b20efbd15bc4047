/* memcpy, memmove, memset and memcmp: the compiler may call them for any copy or fill, and there is no C library. */
#include "../sys/arch/arch.h"
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    if (size >= LARGE_COPY_BYTES) {
        copy_large(to, from, size);
        return to;
    }
    unsigned char *target = to;
    const unsigned char *source = from;
    for (; size >= 8; size -= 8, target += 8, source += 8) __builtin_memcpy(target, source, 8);
    // Volatile, or the compiler would turn the loop into a call of this very function.
    for (; size; size--) *(volatile unsigned char *)target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    if ((uintptr_t)to - (uintptr_t)from >= size) return memcpy(to, from, size);
    unsigned char *target = (unsigned char *)to + size;
    const unsigned char *source = (const unsigned char *)from + size;
    while (size--) *(volatile unsigned char *)--target = *--source;
    return to;
}

void *memset(void *to, int byte, size_t size) {
    fill(to, byte, size);
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *left = a, *right = b;
    for (; size; size--, left++, right++)
        if (*left != *right) return *left - *right;
    return 0;
}
