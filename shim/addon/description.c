/* What a described child needs here, over what it needs in a native program. */
#include "internal.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <stdlib.h>
#include <string.h>

static bool is_given(const struct description *child, int target) {
    for (uint32_t i = 0; i < child->descriptor_count; i++)
        if (child->descriptors[i].target == target) return true;
    return false;
}

/* Gives the child the instance's standard descriptors where it was not given others. */
static int32_t complete_stdio(struct host *host) {
    static const char nothing[] = "/dev/null";
    struct description *child = host->child;
    for (int target = 0; target < 3; target++) {
        int *own = &instance_of(host)->stdio[target];
        if (is_given(child, target)) continue;
        if (child->descriptor_count == DESCRIPTORS_MAX) return -E2BIG;
        // What the module has taken for itself is not left for its children; nor do they get the process's.
        if (*own < 0) *own = (int)sys(openat, AT_FDCWD, nothing, O_RDWR | O_CLOEXEC);
        if (*own < 0) return *own;
        child->descriptors[child->descriptor_count].target = target;
        child->descriptors[child->descriptor_count++].fd = *own;
    }
    return 0;
}

static void add_list(const char **list, uint32_t count, size_t *size) {
    for (uint32_t i = 0; i < count; i++) *size += strlen(list[i]) + 1;
}

static const char *copy_to(char **end, const char *text) {
    size_t size = strlen(text) + 1;
    const char *copy = memcpy(*end, text, size);
    *end += size;
    return copy;
}

static void copy_list(const char **list, uint32_t count, char **end) {
    for (uint32_t i = 0; i < count; i++) list[i] = copy_to(end, list[i]);
}

/* V8 keeps the modules' memory out of forked processes (MADV_DONTFORK): copies of the description's texts outside of it,
 * to be freed by the caller. */
static void *copy_strings(struct host *host) {
    struct description *child = &host->child;
    size_t size = child->directory ? strlen(child->directory) + 1 : 1;
    add_list(child->files, child->file_count, &size);
    add_list(arguments_of(child), child->argument_count, &size);
    add_list(child->environment, child->environment_count, &size);
    char *copies = malloc(size), *end = copies;
    if (!copies) return NULL;
    if (child->directory) child->directory = copy_to(&end, child->directory);
    copy_list(child->files, child->file_count, &end);
    copy_list(arguments_of(child), child->argument_count, &end);
    copy_list(child->environment, child->environment_count, &end);
    return copies;
}

int32_t instance_spawn(struct host *host, uint32_t flags, uint32_t report_at) {
    int32_t error = complete_stdio(host);
    if (error < 0) return error;
    void *copies = copy_strings(host);
    if (!copies) return -ENOMEM;
    int32_t pid = shim_spawn(host, flags, report_at);
    free(copies);
    // The description has lost its texts: it serves once.
    shim_spawnBegin(host);
    return pid;
}
