/*
 * hook-parent-before-clone.sh of the library. It runs on the host, in the container's directory and in a mount namespace that
 * wshd has made. For a container with ids of its own it mounts there what the container shall get of the host's, under the
 * container's ids (idmapped mounts): only a process of the host's user namespace can do that. The container's mount namespace
 * is a copy of this one, in which root of the container can change none of these mounts. src/core/rootfs/setup-steps.ts wrote
 * etc/sources:
 *
 *   source  NAME PATH RECURSIVE ATTRIBUTES MAPPED   mounts PATH at root/NAME, under the container's ids unless MAPPED is 0
 *   overlay NAME LOWER UPPER WORK BASE UID     an overlay; UPPER and WORK are below BASE, and UID is the container's root
 *
 * Exit code 3: these files cannot appear under other ids.
 */
#include "ids.h"
#include "steps.h"
#include <asm/signal.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/stat.h>

#define PATH_BYTES 4096

const char hook_name[] = "hook-parent-before-clone.sh";
/* In the container's directory; the container's own root covers it later. */
static const char staging_path[] = "root";

static long staging = -1, ids_namespace = -1;

/* A user namespace with these ids, in which no process is left. */
static long namespace_of(const struct ids *ids) {
    static const char words[] = "cannot make a user namespace";
    static char digits[32], path[64];
    int ends[2];
    must(sys(pipe2, ends, O_CLOEXEC), "cannot make a pipe", NULL);
    long pid = must(sys(clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL), words, NULL);
    if (pid == 0) {
        char byte;
        sys(close, ends[1]);
        sys(read, ends[0], &byte, 1);
        leave(0);
    }
    *put_number(digits, (unsigned long)pid) = 0;
    write_maps(ids, digits, NULL);
    *put(put(put(path, "/proc/"), digits), "/ns/user") = 0;
    long fd = must(sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), "cannot open", path);
    sys(close, ends[0]);
    sys(close, ends[1]);
    sys(wait4, pid, NULL, 0, NULL);
    return fd;
}

/* Exit code 3 where that is not because of us. */
static void must_map(long result, const char *path) {
    if (result == -EINVAL || result == -EPERM || result == -EOPNOTSUPP || result == -ENOSYS || result == -EOVERFLOW)
        fail_with(3, "cannot show under the container's ids what is in", path, result);
    must(result, "cannot mount what the container gets of", path);
}

/* A directory is mounted on a directory, anything else on a file. */
static void make_place(const char *name, long tree, const char *path) {
    static const char words[] = "cannot make a place for";
    struct statx status;
    must(sys(statx, tree, "", AT_EMPTY_PATH, STATX_TYPE, &status), words, path);
    if ((status.stx_mode & S_IFMT) == S_IFDIR) {
        must(sys(mkdirat, staging, name, 0700), words, path);
        return;
    }
    long made = must(sys(openat, staging, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), words, path);
    sys(close, made);
}

/* Mounts it in the staging directory, with the container's ids. */
static void stage(const char *name, const char *path, int recursive, unsigned long attributes, bool mapped) {
    struct mount_attr change = {.attr_set = attributes};
    if (mapped) {
        change.attr_set |= MOUNT_ATTR_IDMAP;
        change.userns_fd = (unsigned long)ids_namespace;
    }
    long tree = must(sys(open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive), "cannot bind", path);
    must_map(sys(mount_setattr, tree, "", AT_EMPTY_PATH | recursive, &change, sizeof change), path);
    make_place(name, tree, path);
    must(sys(move_mount, tree, "", staging, name, MOVE_MOUNT_F_EMPTY_PATH), "cannot mount what the container gets of", path);
    sys(close, tree);
}

static void take_source(void) {
    const char *name = field(), *path = field();
    int recursive = number_field() ? AT_RECURSIVE : 0;
    unsigned long attributes = number_field();
    stage(name, path, recursive, attributes, number_field());
}

static void configure(long context, const char *key, const char *head, const char *rest) {
    static char value[2 * PATH_BYTES];
    *put(put(value, head), rest) = 0;
    must_map(sys(fsconfig, context, FSCONFIG_SET_STRING, key, value, 0), rest);
}

/* The container's root makes the overlay's own files: the root of the host has no id in these mounts. */
static void be_owner(unsigned long id) {
    // Without this a change of the file system's ids takes capabilities away. capabilities(7)
    must(sys(prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "cannot keep capabilities", NULL);
    sys(setfsgid, id);
    sys(setfsuid, id);
}

static void take_overlay(void) {
    static char lower_name[64], base_name[64], head[PATH_BYTES];
    const char *name = field(), *lower = field(), *upper = field(), *work = field(), *base = field();
    unsigned long owner = number_field();
    *put(put(lower_name, name), "-lower") = 0;
    *put(put(base_name, name), "-upper") = 0;
    stage(lower_name, lower, 0, 0, true);
    stage(base_name, base, 0, 0, true);
    must(sys(mkdirat, staging, name, 0700), "cannot make a place for", lower);
    be_owner(owner);
    must(sys(fchdir, staging), "cannot enter", staging_path);
    long context = must(sys(fsopen, "overlay", FSOPEN_CLOEXEC), "cannot make an overlay over", lower);
    configure(context, "lowerdir", "", lower_name);
    *put(put(head, base_name), "/") = 0;
    configure(context, "upperdir", head, upper);
    configure(context, "workdir", head, work);
    must_map(sys(fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), lower);
    long mount = must(sys(fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), "cannot mount an overlay over", lower);
    must(sys(move_mount, mount, "", staging, name, MOVE_MOUNT_F_EMPTY_PATH), "cannot mount an overlay over", lower);
    sys(close, mount);
    sys(close, context);
}

static const struct step steps[] = {{"source", take_source}, {"overlay", take_overlay}};

void begin(const char *const *arguments, const char *const *environment) {
    (void)arguments;
    (void)environment;
    struct ids ids = read_ids();
    if (!read_steps("etc/sources")) leave(0);
    ids_namespace = namespace_of(&ids);
    long mounted = sys(mount, "staging", staging_path, "tmpfs", MS_NODEV | MS_NOSUID, "mode=755,size=64k");
    must(mounted, "cannot mount a file system on", staging_path);
    staging = must(sys(openat, AT_FDCWD, staging_path, O_PATH | O_DIRECTORY | O_CLOEXEC), "cannot open", staging_path);
    take_steps(steps, sizeof steps / sizeof *steps);
    leave(0);
}
