/* Large copies and fills by string instructions, which the kernel's and the processor's manuals call the fastest. */
#ifndef WARDEN_STRING_H
#define WARDEN_STRING_H

/* Below this size the start of a string instruction costs more than a loop. */
#define LARGE_COPY_BYTES 128

static inline void copy_large(void *to, const void *from, size_t size) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static inline void fill(void *to, int byte, size_t size) { __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory"); }

#endif
