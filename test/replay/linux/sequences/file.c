/* Files by their paths: modes, owners, FIFOs, sockets. Each sequence has a directory of its own, which is where it is. */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_BYTES 64
#define TREE_DEPTH 16

static const char *const names[] = {"a", "b", "c", ".."};

static void top(char *path, size_t size) { snprintf(path, size, "%s/files", directory); }

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info, (void)type, (void)where;
    return remove(path);
}

void remove_files(void) {
    char path[4096];
    top(path, sizeof path);
    nftw(path, remove_entry, TREE_DEPTH, FTW_DEPTH | FTW_PHYS);
}

/* files: begins in an empty directory that all may write to. */
static void begin(const struct step *step) {
    char path[4096];
    (void)step;
    top(path, sizeof path);
    umask(0);
    if (setgroups(0, NULL) || mkdir(path, 0777) || chdir(path)) abort();
    result(0);
}

/* The path of the numbers from `from` to before `end`. */
static const char *path_of(const struct step *step, int from, int end, char *path) {
    size_t size = 0;
    path[0] = 0;
    for (int at = from; at < end; at++)
        size += (size_t)snprintf(path + size, PATH_BYTES - size, "%s%s", at > from ? "/" : "", names[step->numbers[at]]);
    return path;
}

static void become(long uid) {
    if (setegid((gid_t)uid) || seteuid((uid_t)uid)) abort();
}

static void become_root(void) {
    int error = errno;
    if (seteuid(0) || setegid(0)) abort();
    errno = error;
}

/* NAME NUMBER UID PATH... */
static void on_path(const struct step *step, int (*run)(const char *path, mode_t number)) {
    char path[PATH_BYTES];
    become(step->numbers[1]);
    int error = run(path_of(step, 2, step->count, path), (mode_t)step->numbers[0]);
    become_root();
    result(outcome(error));
}

static int remove_directory(const char *path, mode_t none) { return (void)none, rmdir(path); }
static int remove_file(const char *path, mode_t none) { return (void)none, unlink(path); }

static void make_directory(const struct step *step) { on_path(step, mkdir); }
static void make_fifo(const struct step *step) { on_path(step, mkfifo); }
static void change_mode(const struct step *step) { on_path(step, chmod); }
static void end_directory(const struct step *step) { on_path(step, remove_directory); }
static void end_file(const struct step *step) { on_path(step, remove_file); }

/* fstat 0 UID PATH...: type, mode and owner */
static void status(const struct step *step) {
    char path[PATH_BYTES];
    struct stat info;
    become(step->numbers[1]);
    int error = stat(path_of(step, 2, step->count, path), &info);
    become_root();
    if (error) return result_text("%d 0 0", -errno);
    result_text("%u %u %u", info.st_mode & S_IFMT, info.st_mode & 07777, info.st_uid);
}

/* frename UID COUNT FROM... TO... */
static void rename_file(const struct step *step) {
    char from[PATH_BYTES], to[PATH_BYTES];
    int end = 2 + (int)step->numbers[1];
    path_of(step, 2, end, from);
    path_of(step, end, step->count, to);
    become(step->numbers[0]);
    int error = rename(from, to);
    become_root();
    result(outcome(error));
}

static void put_opened(long slot, int fd) {
    if (fd < 0) return result(-errno);
    put_slot((int)slot, fd);
    result(0);
}

/* fopen SLOT HOW MODE UID PATH... */
static void open_file(const struct step *step) {
    static const int ways[] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, O_WRONLY | O_CREAT | O_APPEND, O_RDWR};
    char path[PATH_BYTES];
    become(step->numbers[3]);
    int fd = open(path_of(step, 4, step->count, path), ways[step->numbers[1]] | O_NONBLOCK | O_CLOEXEC, (mode_t)step->numbers[2]);
    become_root();
    put_opened(step->numbers[0], fd);
}

static int with_socket(const struct step *step, long uid, int from, int (*use)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    path_of(step, from, step->count, at.sun_path);
    become(uid);
    int error = use(fd, (struct sockaddr *)&at, sizeof at);
    become_root();
    if (error == 0) return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* fbind SLOT BACKLOG UID PATH... */
static void bind_socket(const struct step *step) {
    umask(0177);
    int fd = with_socket(step, step->numbers[2], 3, bind);
    umask(0);
    if (fd >= 0 && listen(fd, (int)step->numbers[1])) abort();
    put_opened(step->numbers[0], fd);
}

/* fconnect SLOT UID PATH... */
static void connect_socket(const struct step *step) { put_opened(step->numbers[0], with_socket(step, step->numbers[1], 2, connect)); }

const struct operation file_operations[] = {
    {"files", begin},
    {"fmkdir", make_directory},
    {"fmkfifo", make_fifo},
    {"fchmod", change_mode},
    {"frmdir", end_directory},
    {"funlink", end_file},
    {"fstat", status},
    {"frename", rename_file},
    {"fopen", open_file},
    {"fbind", bind_socket},
    {"fconnect", connect_socket},
    {NULL, NULL},
};
