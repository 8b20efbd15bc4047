/* What the compiler may call for any copy or fill: there is no C library that has them. */
#include <stddef.h>
#include <stdint.h>

/* Below this the start of a string instruction costs more than the copy. */
#define SMALL 128

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    if (size >= SMALL) {
        void *start = to;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
        return start;
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
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *left = a, *right = b;
    for (; size; size--, left++, right++)
        if (*left != *right) return *left - *right;
    return 0;
}
