#include "ids.h"
#include "steps.h"
#include <asm/signal.h>

#define WORDS_MAX 64

struct ids read_ids(void) {
    struct ids ids = {IDS_OF_HOST, NULL, NULL};
    if (!read_steps("etc/ids")) return ids;
    ids.method = (enum ids_method)number_field();
    ids.uid_map = field();
    ids.gid_map = field();
    return ids;
}

static void write_to(const char *pid, const char *file, const char *text) {
    static char path[64];
    *put(put(put(path, "/proc/"), pid), file) = 0;
    long fd = must(sys(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC), "cannot open", path);
    unsigned long size = 0;
    while (text[size]) size++;
    // One write: the kernel takes a map only once, and whole.
    must(sys(write, fd, text, size), "cannot write the ids of the container to", path);
    sys(close, fd);
}

/* TOOL PID and the map's numbers. */
static void run_tool(const char *tool, const char *pid, char *map, const char *const *environment) {
    const char *arguments[WORDS_MAX] = {tool, pid};
    unsigned count = 2;
    for (char *at = map; *at;) {
        if (count == WORDS_MAX - 1) fail("too many ranges of ids for", tool, 0);
        arguments[count++] = at;
        while (*at && *at != ' ' && *at != '\n') at++;
        if (*at) *at++ = 0;
    }
    long child = must(sys(clone, SIGCHLD, NULL, NULL, NULL, NULL), "cannot start", tool);
    if (child == 0) must(sys(execve, tool, arguments, environment), "cannot execute", tool);
    int status = 0;
    must(sys(wait4, child, &status, 0, NULL), "cannot wait for", tool);
    if (status != 0) fail("the container got no ids: see the message of", tool, 0);
}

void write_maps(const struct ids *ids, const char *pid, const char *const *environment) {
    if (ids->method == IDS_TOOLS) {
        run_tool("/usr/bin/newuidmap", pid, ids->uid_map, environment);
        return run_tool("/usr/bin/newgidmap", pid, ids->gid_map, environment);
    }
    if (ids->method == IDS_SINGLE) write_to(pid, "/setgroups", "deny");
    write_to(pid, "/uid_map", ids->uid_map);
    write_to(pid, "/gid_map", ids->gid_map);
}
