/*
 * hook-child-before-pivot.sh of the library: in the container's new namespaces, in the container's directory, while the
 * host's files are in reach, it takes the steps that src/container/steps.ts wrote down in etc/steps. Each field of a step
 * ends with a NUL; numbers are decimal.
 *
 *   hostname  NAME
 *   root      SOURCE TYPE FLAGS DATA           mount(2) as the container's root; the paths of all that follows are inside it
 *   mount     SOURCE TARGET TYPE FLAGS DATA    the directory TARGET is made where it is missing; mount(2)
 *   directory PATH MODE OWNER                  one that is there gets the mode and the owner, too
 *   link      PATH TO
 *   device    PATH MODE MAJOR MINOR
 *   file      PATH MODE OWNER SIZE, and SIZE bytes
 *
 * The root can be a directory that others filled, an earlier container for one. So its links lead where they do in the
 * container, never out of it, and what is looked up once is entered, not looked up again.
 */
#include "hook.h"
#include <linux/mman.h>
#include <linux/openat2.h>
#include <linux/stat.h>

const char hook_name[] = "hook-child-before-pivot.sh";
static const char steps_path[] = "etc/steps";
/* Of the container's directory. */
static const char mount_point[] = "root";

static long root = -1;

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

/* Makes the directory in the root the current one. */
static long enter(const char *path) {
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd;
    // Whatever is renamed or mounted on the machine while a ".." is followed makes the kernel unsure.
    do fd = sys(openat2, root, path, &how, sizeof how); while (fd == -EAGAIN);
    if (fd < 0) return fd;
    long result = sys(fchdir, fd);
    sys(close, fd);
    return result;
}

static void enter_making(char *path, const char *words) {
    must(enter("/"), words, path);
    for (char *at = path + 1, *name = at;; at++) {
        char kept = *at;
        if (kept != '/' && kept != 0) continue;
        *at = 0;
        long result = enter(path);
        if (result == -ENOENT) {
            long made = sys(mkdir, name, 0755);
            result = enter(path);
            // What exists and cannot be entered is a link that leads nowhere; else somebody else was faster.
            if (result < 0) must(made, "cannot make the directory", path);
        }
        must(result, words, path);
        *at = kept;
        if (kept == 0) return;
        name = at + 1;
    }
}

/* The last name of the path, in the directory that it is in. */
static const char *enter_parent(char *path) {
    char *slash = path;
    for (char *at = path; *at; at++)
        if (*at == '/') slash = at;
    *slash = 0;
    must(enter(slash == path ? "/" : path), "cannot enter", path);
    *slash = '/';
    return slash + 1;
}

static const char *mounting(const char *type) {
    return *type ? "cannot mount a file system on" : "cannot bind a directory to";
}

static void take_root(void) {
    const char *source = field(), *type = field();
    unsigned long flags = number_field();
    const char *data = field();
    must(sys(mount, source, mount_point, type, flags, data), mounting(type), mount_point);
    root = must(sys(openat, AT_FDCWD, mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC), "cannot open", mount_point);
}

static void take_mount(void) {
    const char *source = field();
    char *target = field();
    const char *type = field();
    unsigned long flags = number_field();
    const char *data = field();
    enter_making(target, mounting(type));
    must(sys(mount, source, ".", type, flags, data), mounting(type), target);
}

static void take_directory(void) {
    char *path = field();
    unsigned long mode = number_field(), owner = number_field();
    const char *name = enter_parent(path);
    long result = sys(mkdir, name, mode);
    if (result == -EEXIST) result = sys(chmod, name, mode);
    must(result, "cannot make the directory", path);
    if (owner) must(sys(chown, name, owner, owner), "cannot give away the directory", path);
}

static void take_link(void) {
    char *path = field();
    const char *to = field();
    must(sys(symlink, to, enter_parent(path)), "cannot make the link", path);
}

static void take_device(void) {
    char *path = field();
    unsigned long mode = number_field(), major = number_field(), minor = number_field();
    must(sys(mknod, enter_parent(path), S_IFCHR | mode, major << 8 | minor), "cannot make the device", path);
}

static void take_file(void) {
    char *path = field();
    unsigned long mode = number_field(), owner = number_field(), size = number_field();
    if (size > (unsigned long)(end - next)) fail("a file is not whole in", steps_path, 0);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    long fd = must(sys(openat, AT_FDCWD, enter_parent(path), flags, mode), "cannot make the file", path);
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
    {"root", take_root}, {"mount", take_mount}, {"directory", take_directory}, {"link", take_link},
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
