/* Memory groups of cgroup v1: their control files, who is told of their events, and their removal. cgroup-v1/memory.rst */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY "/sys/fs/cgroup/memory"
#define PATH_BYTES 256
#define GROUPS_MAX 4
#define LIMIT "1048576"
#define USED_BYTES (8 << 20)
#define TOLD_MS_MAX 2000
#define TEXT_BYTES 256

/* The player's process names the groups: that of the sequence ends before they are removed. */
static pid_t owner(void) {
    static pid_t player;
    if (!player) player = getpid();
    return player;
}

static const char *path_of(long group, const char *file, char *path) {
    snprintf(path, PATH_BYTES, MEMORY "/warden-sequences-%d-%ld%s", owner(), group, file);
    return path;
}

static void put_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) abort();
    close(fd);
}

void remove_groups(void) {
    char path[PATH_BYTES];
    for (int group = 0; group < GROUPS_MAX; group++)
        for (int tries = 0; rmdir(path_of(group, "", path)) && errno == EBUSY && tries < TOLD_MS_MAX; tries++) usleep(1000);
}

/* mgroup GROUP */
static void make_group(const struct step *step) {
    char path[PATH_BYTES];
    if (mkdir(path_of(step->numbers[0], "", path), 0755)) return result(-errno);
    put_text(path_of(step->numbers[0], "/memory.limit_in_bytes", path), LIMIT);
    result(0);
}

static void open_control(const struct step *step, const char *file, int flags) {
    char path[PATH_BYTES];
    int fd = open(path_of(step->numbers[1], file, path), flags | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return result(-errno);
    put_slot((int)step->numbers[0], fd);
    result(0);
}

/* mcontrol SLOT GROUP, mevents SLOT GROUP */
static void open_oom_control(const struct step *step) { open_control(step, "/memory.oom_control", O_RDONLY); }
static void open_event_control(const struct step *step) { open_control(step, "/cgroup.event_control", O_WRONLY); }

/* mnotify EVENTS COUNTER CONTROL */
static void notify(const struct step *step) {
    char text[TEXT_BYTES];
    int size = snprintf(text, sizeof text, "%d %d", slots[step->numbers[1]], slots[step->numbers[2]]);
    long written = outcome(write(slots[step->numbers[0]], text, (size_t)size));
    result(written > 0 ? 1 : written);
}

/* moom GROUP: a process of the group needs more memory than the group may have. */
static void run_out(const struct step *step) {
    char path[PATH_BYTES];
    int status = 0;
    path_of(step->numbers[0], "/cgroup.procs", path);
    flush_results();
    pid_t child = fork();
    if (child == 0) {
        put_text(path, "0");
        char *bytes = mmap(NULL, USED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(bytes, 1, USED_BYTES);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) abort();
    result(status);
}

/* What an eventfd counts: proc_pid_fdinfo(5). */
static long counted(int fd) {
    char path[PATH_BYTES], bytes[TEXT_BYTES + 1];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    long got = read(info, bytes, TEXT_BYTES);
    close(info);
    if (got < 0) abort();
    bytes[got] = 0;
    const char *count = strstr(bytes, "eventfd-count:");
    return count ? strtol(count + strlen("eventfd-count:"), NULL, 16) : -1;
}

/* mremove GROUP, then SLOT COUNT...: until each eventfd counts as much as the simulation's. A worker of the kernel tells them. */
static void remove_group(const struct step *step) {
    char path[PATH_BYTES];
    long error = outcome(rmdir(path_of(step->numbers[0], "", path)));
    for (int at = 1; at < step->count; at += 2)
        for (int ms = 0; ms < TOLD_MS_MAX && counted(slots[step->numbers[at]]) != step->numbers[at + 1]; ms++) usleep(1000);
    result(error);
}

/* mtext GROUP: what memory.oom_control says. */
static void text(const struct step *step) {
    char path[PATH_BYTES], bytes[TEXT_BYTES];
    int fd = open(path_of(step->numbers[0], "/memory.oom_control", path), O_RDONLY | O_CLOEXEC);
    long got = outcome(read(fd, bytes, sizeof bytes));
    close(fd);
    result_text("%ld %u", got, got > 0 ? hash(bytes, (size_t)got) : 0);
}

const struct operation cgroup_operations[] = {
    {"mgroup", make_group},
    {"mcontrol", open_oom_control},
    {"mevents", open_event_control},
    {"mnotify", notify},
    {"moom", run_out},
    {"mremove", remove_group},
    {"mtext", text},
    {NULL, NULL},
};
