#include "steps.h"
#include <linux/mman.h>

static const char *steps_path;
/* The rest of the file. */
static char *next, *end;

bool read_steps(const char *path) {
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd == -ENOENT) return false;
    long size = must(sys(lseek, must(fd, "cannot open", path), 0, 2), "cannot find out the size of", path);
    if (size == 0) fail("nothing is in", path, 0);
    next = (char *)must(sys(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), "cannot map", path);
    end = next + size;
    steps_path = path;
    sys(close, fd);
    return true;
}

char *field(void) {
    char *text = next;
    while (next < end && *next) next++;
    if (next == end) fail("a step is not whole in", steps_path, 0);
    next++;
    return text;
}

unsigned long number_field(void) { return number(field()); }

const char *bytes_field(unsigned long size) {
    const char *bytes = next;
    if (size > (unsigned long)(end - next)) fail("a file is not whole in", steps_path, 0);
    next += size;
    return bytes;
}

static void take_step(const struct step *steps, unsigned count) {
    const char *name = field();
    for (unsigned i = 0; i < count; i++) {
        const char *rest = after(name, steps[i].name);
        if (rest && !*rest) return steps[i].take();
    }
    fail("there is no step called", name, 0);
}

void take_steps(const struct step *steps, unsigned count) {
    while (next < end) take_step(steps, count);
}
