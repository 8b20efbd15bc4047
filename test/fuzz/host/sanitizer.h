/* What the sanitizers offer, and nothing where the program is built without them. */
#ifndef WARDEN_SANITIZER_H
#define WARDEN_SANITIZER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif

#ifdef WITH_SANITIZER
#include <sanitizer/asan_interface.h>
#define NO_SANITIZER __attribute__((no_sanitize("address", "undefined")))
#define POISON(at, size) __asan_poison_memory_region(at, size)
#define UNPOISON(at, size) __asan_unpoison_memory_region(at, size)
#define IS_POISONED(at, size) (__asan_region_is_poisoned(at, size) != NULL)
#else
#define NO_SANITIZER
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#define IS_POISONED(at, size) ((void)(at), (void)(size), false)
#endif

/* The module's memory, with room for both rings of iomux-spawn at their largest; and which of its pages were written to. */
#define ARENA_BYTES (136u << 20)
#define PAGE_SHIFT 12
extern uint8_t arena[ARENA_BYTES], touched[ARENA_BYTES >> PAGE_SHIFT];

void touch_memory(const void *at, size_t size);
void note_guard(unsigned at, unsigned size);

/* Every store of the module's passes here (build.ts), so that a run is undone page by page. */
static inline void touch_store(const uint8_t *at, size_t size) {
    if (!touched[(at - arena) >> PAGE_SHIFT] || !touched[(at + size - 1 - arena) >> PAGE_SHIFT]) touch_memory(at, size);
}

#endif
