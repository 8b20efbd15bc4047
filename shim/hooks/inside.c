/*
 * Makes the container's root, in the container's namespaces, while the host's files are still reachable: step by step, as
 * src/core/rootfs/setup-steps.ts wrote to etc/steps.
 *
 *   hostname  NAME
 *   root      SOURCE TYPE FLAGS DATA           mount(2) as the container's root; the paths of later steps are inside it
 *   bind-root SOURCE RECURSIVE ATTRIBUTES      the same with a directory
 *   mount     SOURCE TARGET TYPE FLAGS DATA    mount(2); makes the directory TARGET if it is missing
 *   bind      SOURCE TARGET RECURSIVE ATTRIBUTES   a directory; with ids of the container's own SOURCE is a name that
 *                                              hook-parent-before-clone.sh has mounted it by
 *   bind-file SOURCE TARGET RECURSIVE ATTRIBUTES   what is no directory; makes the file TARGET if it is missing
 *   directory PATH MODE OWNER GROUP            sets mode and owner of an existing directory, too
 *   link      PATH TO
 *   device    PATH MODE MAJOR MINOR            in a user namespace the host's own device of that path
 *   file      PATH MODE OWNER GROUP SIZE, and SIZE bytes
 *   read-only PATH                             PATH and all below become read-only, nosuid, nodev and noexec; skipped if missing
 *   mask      PATH                             PATH becomes an empty directory or file; skipped if missing
 *   sysctl    PATH VALUE                       writes a kernel parameter of the container's namespaces
 *   read-only-root                             the root's own mount becomes read-only
 *
 * The root may be a directory that others have filled, such as an earlier container. So links are resolved inside the root
 * (RESOLVE_IN_ROOT), and a resolved directory is entered, not resolved again.
 */
#include "inside.h"
#include "steps.h"
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>

/* In the container's directory. */
static const char mount_point[] = "root";

static long root = -1;
/* Where the binds' sources are mounted by their names. */
static long staging = -1;
/* The container has a user namespace of its own. */
static bool own_ids;

/* Makes the directory in the root the current one. */
static long enter(const char *path) {
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd;
    // EAGAIN: a rename or mount anywhere on the machine while the kernel followed a "..".
    do fd = sys(openat2, root, path, &how, sizeof how);
    while (fd == -EAGAIN);
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
            long made = sys(mkdirat, AT_FDCWD, name, 0755);
            result = enter(path);
            // EEXIST and no way to enter: a dangling link. Otherwise another process was faster.
            if (result < 0) must(made, "cannot make the directory", path);
        }
        must(result, words, path);
        *at = kept;
        if (kept == 0) return;
        name = at + 1;
    }
}

/* Enters the path's directory; returns the path's last name. */
static const char *enter_parent(char *path) {
    char *slash = path;
    for (char *at = path; *at; at++)
        if (*at == '/') slash = at;
    *slash = 0;
    must(enter(slash == path ? "/" : path), "cannot enter", path);
    *slash = '/';
    return slash + 1;
}

static const char *mounting(const char *type) { return *type ? "cannot mount a file system on" : "cannot bind a directory to"; }

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

/* Of the mount behind the descriptor and, with AT_RECURSIVE, of all mounts below. */
static void set_attributes(long mount, int recursive, unsigned long attributes, const char *path) {
    struct mount_attr change = {.attr_set = attributes};
    long result = sys(mount_setattr, mount, "", AT_EMPTY_PATH | recursive, &change, sizeof change);
    must(result, "cannot change the flags of the mount (mount_setattr, Linux 5.12)", path);
}

/* Reads SOURCE; a name stands for what is mounted by it. */
static long source_field(const char **name) {
    *name = field();
    return **name == '/' ? AT_FDCWD : staging;
}

/* A mount of the directory, with the fields RECURSIVE and ATTRIBUTES, which is nowhere yet. */
static long bind_fields(long from, const char *source) {
    static const char words[] = "cannot bind";
    int recursive = number_field() ? AT_RECURSIVE : 0;
    unsigned long attributes = number_field();
    long tree = must(sys(open_tree, from, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive), words, source);
    if (attributes) set_attributes(tree, recursive, attributes, source);
    return tree;
}

static void take_bind_root(void) {
    const char *source;
    long from = source_field(&source);
    root = bind_fields(from, source);
    must(sys(move_mount, root, "", AT_FDCWD, mount_point, MOVE_MOUNT_F_EMPTY_PATH), "cannot make it the root:", source);
}

static void take_bind(void) {
    const char *source;
    long from = source_field(&source);
    char *target = field();
    long tree = bind_fields(from, source);
    enter_making(target, mounting(""));
    must(sys(move_mount, tree, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH), mounting(""), target);
    sys(close, tree);
}

static void take_directory(void) {
    char *path = field();
    unsigned long mode = number_field(), owner = number_field(), group = number_field();
    const char *name = enter_parent(path);
    long result = sys(mkdirat, AT_FDCWD, name, mode);
    if (result == -EEXIST) result = sys(fchmodat, AT_FDCWD, name, mode);
    must(result, "cannot make the directory", path);
    if (!owner && !group) return;
    must(sys(fchownat, AT_FDCWD, name, owner, group, 0), "cannot give away the directory", path);
    // chown(2) takes set-group-id away.
    must(sys(fchmodat, AT_FDCWD, name, mode), "cannot make the directory", path);
}

static void take_link(void) {
    char *path = field();
    const char *to = field();
    must(sys(symlinkat, to, AT_FDCWD, enter_parent(path)), "cannot make the link", path);
}

static void take_file(void) {
    char *path = field();
    unsigned long mode = number_field(), owner = number_field(), group = number_field(), size = number_field();
    const char *bytes = bytes_field(size);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    long fd = must(sys(openat, AT_FDCWD, enter_parent(path), flags, mode), "cannot make the file", path);
    write_all((int)fd, bytes, size, path);
    if (owner || group) must(sys(fchown, fd, owner, group), "cannot give away the file", path);
    sys(close, fd);
}

static void take_hostname(void) {
    const char *name = field();
    unsigned long size = 0;
    while (name[size]) size++;
    must(sys(sethostname, name, size), "cannot set the host name", name);
}

/* The place of a path inside the root, through no link; -ENOENT if it is missing. */
static long place(const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    long fd;
    do fd = sys(openat2, root, path, &how, sizeof how);
    while (fd == -EAGAIN);
    return fd == -ENOENT ? fd : must(fd, "cannot find", path);
}

static struct statx status_of(long fd, const char *path) {
    struct statx status;
    must(sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "cannot find out what this is:", path);
    return status;
}

static void cover(long mount, long target, const char *path) {
    const int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    must(sys(move_mount, mount, "", target, "", flags), "cannot mount over", path);
    sys(close, mount);
    sys(close, target);
}

/* A copy of the descriptor's mount, with the descriptor as its root. */
static long copy_of(long fd, int recursive, const char *path) {
    return must(sys(open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive), "cannot copy the mount of", path);
}

/* No user namespace has a device of its own. */
static void bind_device(const char *path, const char *name, unsigned long major, unsigned long minor) {
    static const char words[] = "cannot bind the host's device";
    long device = must(sys(openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC), words, path);
    struct statx status = status_of(device, path);
    if ((status.stx_mode & S_IFMT) != S_IFCHR || status.stx_rdev_major != major || status.stx_rdev_minor != minor)
        fail("not the device that it should be:", path, 0);
    long place = must(sys(openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), words, path);
    long mount = copy_of(device, 0, path);
    set_attributes(mount, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, path);
    cover(mount, place, path);
    sys(close, device);
}

static void take_device(void) {
    char *path = field();
    unsigned long mode = number_field(), major = number_field(), minor = number_field();
    const char *name = enter_parent(path);
    if (own_ids) return bind_device(path, name, major, minor);
    must(sys(mknodat, AT_FDCWD, name, S_IFCHR | mode, major << 8 | minor), "cannot make the device", path);
}

static const unsigned long harmless = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/* A file system with nothing but its root directory. */
static long empty_directory(const char *path) {
    static const char words[] = "cannot make an empty file system for";
    long context = must(sys(fsopen, "tmpfs", FSOPEN_CLOEXEC), words, path);
    must(sys(fsconfig, context, FSCONFIG_SET_STRING, "nr_inodes", "1", 0), words, path);
    must(sys(fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), words, path);
    long mount = must(sys(fsmount, context, FSMOUNT_CLOEXEC, harmless), words, path);
    sys(close, context);
    return mount;
}

/* The container's own /dev/null, which an earlier step has made; no other file of that name. */
static long null_device(void) {
    static const char path[] = "/dev/null";
    long fd = must(place(path), "cannot find", path);
    struct statx status = status_of(fd, path);
    if ((status.stx_mode & S_IFMT) != S_IFCHR || status.stx_rdev_major != 1 || status.stx_rdev_minor != 3)
        fail("not the null device:", path, 0);
    long mount = copy_of(fd, 0, path);
    sys(close, fd);
    return mount;
}

/* The file in the root that is to be covered, made with its directories if it is missing. */
static long file_target(char *path) {
    static const char words[] = "cannot bind a file to";
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd;
    do fd = sys(openat2, root, path, &how, sizeof how);
    while (fd == -EAGAIN);
    if (fd != -ENOENT) return must(fd, words, path);
    char *slash = path;
    for (char *at = path; *at; at++)
        if (*at == '/') slash = at;
    if (slash > path) {
        *slash = 0;
        enter_making(path, words);
        *slash = '/';
    } else {
        must(enter("/"), words, path);
    }
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    long made = must(sys(openat, AT_FDCWD, slash + 1, flags, 0644), words, path);
    sys(close, made);
    return must(sys(openat, AT_FDCWD, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC), words, path);
}

static void take_bind_file(void) {
    const char *source;
    long from = source_field(&source);
    char *path = field();
    long mount = bind_fields(from, source);
    cover(mount, file_target(path), path);
}

static void take_mask(void) {
    const char *path = field();
    long target = place(path);
    if (target < 0) return;
    bool is_directory = (status_of(target, path).stx_mode & S_IFMT) == S_IFDIR;
    cover(is_directory ? empty_directory(path) : null_device(), target, path);
}

static void take_read_only(void) {
    const char *path = field();
    long target = place(path);
    if (target < 0) return;
    long mount = copy_of(target, AT_RECURSIVE, path);
    set_attributes(mount, AT_RECURSIVE, harmless, path);
    cover(mount, target, path);
}

static void take_sysctl(void) {
    static const char words[] = "cannot set the kernel parameter";
    const char *path = field(), *value = field();
    unsigned long size = 0;
    while (value[size]) size++;
    struct open_how how = {.flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    long fd;
    do fd = sys(openat2, root, path, &how, sizeof how);
    while (fd == -EAGAIN);
    must(fd, words, path);
    write_all((int)fd, value, size, path);
    sys(close, fd);
}

static void take_read_only_root(void) { set_attributes(root, 0, MOUNT_ATTR_RDONLY, "/"); }

static const struct step steps[] = {
    {"root", take_root},
    {"bind-root", take_bind_root},
    {"mount", take_mount},
    {"bind-file", take_bind_file},
    {"bind", take_bind},
    {"directory", take_directory},
    {"link", take_link},
    {"device", take_device},
    {"file", take_file},
    {"hostname", take_hostname},
    {"read-only", take_read_only},
    {"mask", take_mask},
    {"read-only-root", take_read_only_root},
    {"sysctl", take_sysctl},
};

void make_root(bool has_own_ids) {
    own_ids = has_own_ids;
    // The steps state the modes.
    sys(umask, 0);
    staging = must(sys(openat, AT_FDCWD, mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC), "cannot open", mount_point);
    take_steps(steps, sizeof steps / sizeof *steps);
}
