/*
 * hook-child-before-pivot.sh of the library: in the container's new namespaces, in the container's directory, while the
 * host's files are in reach, it takes the steps that src/container/steps.ts wrote down in etc/steps. Each field of a step
 * ends with a NUL; numbers are decimal.
 *
 *   hostname  NAME
 *   mount     SOURCE TARGET TYPE FLAGS DATA    the directory TARGET is made where it is missing; mount(2)
 *   directory PATH MODE OWNER                  one that is there gets the mode and the owner, too
 *   link      PATH TO
 *   device    PATH MODE MAJOR MINOR
 *   file      PATH MODE OWNER SIZE, and SIZE bytes
 */
#include "hook.h"
#include <linux/mman.h>
#include <linux/stat.h>

const char hook_name[] = "hook-child-before-pivot.sh";
static const char steps_path[] = "etc/steps";

/* What of the steps is still to be read. */
static char *next, *end;

static void map_steps(void) {
    long fd = must(sys(openat, AT_FDCWD, steps_path, O_RDONLY | O_CLOEXEC), "cannot open", steps_path);
    long size = must(sys(lseek, fd, 0, 2), "cannot find out the size of", steps_path);
    if (size == 0) fail("nothing is in", steps_path, 0);
    next = (char *)must(sys(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), "cannot map", steps_path);
    end = next + size;
    sys(close, fd);
}

static char *field(void) {
    char *text = next;
    while (next < end && *next) next++;
    if (next == end) fail("a step is not whole in", steps_path, 0);
    next++;
    return text;
}

static unsigned long number_field(void) { return number(field()); }

static void make_directories(char *path) {
    for (char *at = path + 1;; at++) {
        char kept = *at;
        if (kept != '/' && kept != 0) continue;
        *at = 0;
        long result = sys(mkdir, path, 0755);
        if (result != -EEXIST) must(result, "cannot make the directory", path);
        *at = kept;
        if (kept == 0) return;
    }
}

static void take_mount(void) {
    const char *source = field();
    char *target = field();
    const char *type = field();
    unsigned long flags = number_field();
    const char *data = field();
    long result = sys(mount, source, target, type, flags, data);
    if (result == -ENOENT) {
        make_directories(target);
        result = sys(mount, source, target, type, flags, data);
    }
    must(result, *type ? "cannot mount a file system on" : "cannot bind a directory to", target);
}

static void take_directory(void) {
    const char *path = field();
    unsigned long mode = number_field(), owner = number_field();
    long result = sys(mkdir, path, mode);
    if (result == -EEXIST) result = sys(chmod, path, mode);
    must(result, "cannot make the directory", path);
    if (owner) must(sys(chown, path, owner, owner), "cannot give away the directory", path);
}

static void take_link(void) {
    const char *path = field(), *to = field();
    must(sys(symlink, to, path), "cannot make the link", path);
}

static void take_device(void) {
    const char *path = field();
    unsigned long mode = number_field(), major = number_field(), minor = number_field();
    must(sys(mknod, path, S_IFCHR | mode, major << 8 | minor), "cannot make the device", path);
}

static void take_file(void) {
    const char *path = field();
    unsigned long mode = number_field(), owner = number_field(), size = number_field();
    if (size > (unsigned long)(end - next)) fail("a file is not whole in", steps_path, 0);
    long fd = must(sys(openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), "cannot make the file", path);
    write_all((int)fd, next, size, path);
    if (owner) must(sys(fchown, fd, owner, owner), "cannot give away the file", path);
    sys(close, fd);
    next += size;
}

static void take_hostname(void) {
    const char *name = field();
    unsigned long size = (unsigned long)(next - 1 - name);
    must(sys(sethostname, name, size), "cannot set the host name", name);
}

static const struct step { const char *name; void (*take)(void); } steps[] = {
    {"mount", take_mount}, {"directory", take_directory}, {"link", take_link},
    {"device", take_device}, {"file", take_file}, {"hostname", take_hostname},
};

static void take_step(void) {
    const char *name = field();
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *rest = after(name, steps[i].name);
        if (rest && !*rest) return steps[i].take();
    }
    fail("there is no step called", name, 0);
}

void begin(const char *const *arguments, const char *const *environment) {
    (void)arguments;
    (void)environment;
    // The modes are what the steps say.
    sys(umask, 0);
    map_steps();
    while (next < end) take_step();
    leave(0);
}
