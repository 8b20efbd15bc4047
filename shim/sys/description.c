#include "description.h"
#include "policy.h"
#include <asm/errno.h>
#include <linux/mman.h>

/* execve(2) takes some 2 MiB of arguments and environment; pages that are not touched cost nothing. */
#define ARENA_BYTES (3 << 20)
#define STACK_BYTES 8192
/* Room for the shell in front of the arguments: execute() in process.c. */
#define LISTS_EXTRA 4

static struct description *arena_at(struct host *host, uint32_t index) {
    if (host->starts[index]) return host->starts[index];
    long at = sys(mmap, NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at < 0) return NULL;
    sys(madvise, at, ARENA_BYTES, MADV_NOHUGEPAGE);
    return host->starts[index] = (struct description *)at;
}

int32_t shim_spawnBegin(struct host *host) {
    host->child = NULL;
    for (uint32_t i = 0; i < STARTS_MAX && !host->child; i++)
        if (!host->starts[i] || !host->starts[i]->busy) host->child = arena_at(host, i);
    if (!host->child) return -ENOMEM;
    *host->child = (struct description){.arena_size = ARENA_BYTES, .used = sizeof *host->child + STACK_BYTES};
    return 0;
}

void *stack_top(struct description *child) {
    return (void *)(((uintptr_t)(child + 1) + STACK_BYTES) & ~(uintptr_t)15);
}

/* What the description of a part answers; its failure is kept for shim_spawn. */
static int32_t part(struct host *host, int32_t result) {
    if (result < 0 && host->child && !host->child->failed) host->child->failed = result;
    return result;
}

static void *take(struct description *child, uint64_t size) {
    if (size > child->arena_size - child->used) return NULL;
    void *at = (uint8_t *)child + child->used;
    child->used += (uint32_t)(size + 7) & ~7U;
    return at;
}

/* Copies the guest's strings: it may have other uses for that memory before the child executes. */
static int32_t copy_strings(struct host *host, uint32_t at, uint32_t size, struct strings *into) {
    const char *text = guest(host, at, size);
    if (!text || (size && text[size - 1] != 0)) return part(host, -EFAULT);
    if (!host->child) return -ENOMEM;
    char *copy = take(host->child, size);
    if (!copy) return part(host, -E2BIG);
    *into = (struct strings){copy, size, 0};
    for (uint32_t i = 0; i < size; i++) {
        copy[i] = text[i];
        into->count += text[i] == 0;
    }
    return 0;
}

int32_t shim_spawnFiles(struct host *host, uint32_t at, uint32_t size) {
    const char *text = guest(host, at, size);
    if (!text || (size && text[size - 1] != 0)) return part(host, -EFAULT);
    for (uint32_t start = 0; start < size; start++)
        if ((start == 0 || text[start - 1] == 0) && !path_allowed(host, text + start, USE_RUN)) return part(host, -EACCES);
    return host->child ? copy_strings(host, at, size, &host->child->files) : -ENOMEM;
}

int32_t shim_spawnArguments(struct host *host, uint32_t at, uint32_t size) {
    return host->child ? copy_strings(host, at, size, &host->child->arguments) : -ENOMEM;
}

int32_t shim_spawnEnvironment(struct host *host, uint32_t at, uint32_t size) {
    return host->child ? copy_strings(host, at, size, &host->child->environment) : -ENOMEM;
}

int32_t shim_spawnDirectory(struct host *host, uint32_t path) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_HOME, &error);
    if (!name) return part(host, error);
    if (!host->child) return -ENOMEM;
    uint32_t size = 1;
    while (name[size - 1]) size++;
    return copy_strings(host, path, size, &host->child->directory);
}

int32_t shim_spawnSelf(struct host *host) {
    if (!host->child) return -ENOMEM;
    host->child->self = true;
    return 0;
}

int32_t shim_spawnDescriptor(struct host *host, uint32_t target, uint32_t handle) {
    struct description *child = host->child;
    int fd = fd_of(host, handle);
    if (fd < 0) return part(host, fd);
    if (!child) return -ENOMEM;
    if (child->descriptor_count == DESCRIPTORS_MAX || target >= DESCRIPTORS_MAX) return part(host, -E2BIG);
    child->descriptors[child->descriptor_count].target = (int)target;
    child->descriptors[child->descriptor_count++].handle = handle;
    return 0;
}

int32_t shim_spawnUser(struct host *host, uint32_t uid, uint32_t gid) {
    if (!host->child) return -ENOMEM;
    host->child->uid = uid;
    host->child->gid = gid;
    host->child->set_user = true;
    return 0;
}

int32_t shim_spawnLimit(struct host *host, uint32_t id, uint32_t soft_low, uint32_t soft_high, uint32_t hard_low, uint32_t hard_high) {
    struct description *child = host->child;
    if (!child) return -ENOMEM;
    if (child->limit_count == LIMITS_MAX) return part(host, -E2BIG);
    child->limits[child->limit_count++] = (struct limit){
        id, {(uint64_t)soft_high << 32 | soft_low, (uint64_t)hard_high << 32 | hard_low}};
    return 0;
}

int32_t shim_spawnGate(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return part(host, fd);
    if (!host->child) return -ENOMEM;
    host->child->gate_handle = handle;
    return 0;
}

void release_arenas(struct host *host) {
    for (uint32_t i = 0; i < STARTS_MAX; i++) {
        // One that is busy outlives its host: the child still runs in it.
        if (host->starts[i] && !host->starts[i]->busy) sys(munmap, host->starts[i], ARENA_BYTES);
        host->starts[i] = NULL;
    }
}

static uint32_t length_of(const char *const *list) {
    uint32_t count = 0;
    while (list && list[count]) count++;
    return count;
}

/* Whether one of the strings sets the same variable: "NAME=...". */
static bool sets(const struct strings *strings, const char *variable) {
    for (uint32_t start = 0; start < strings->size; start++) {
        if (start > 0 && strings->text[start - 1] != 0) continue;
        uint32_t at = 0;
        while (variable[at] && variable[at] != '=' && strings->text[start + at] == variable[at]) at++;
        if (variable[at] == '=' && strings->text[start + at] == '=') return true;
    }
    return false;
}

/* A NULL-terminated list of the strings, then of what `more` sets and they do not. */
static const char **list_of(struct description *child, const struct strings *strings, const char *const *more) {
    const char **list = take(child, (uint64_t)(strings->count + length_of(more) + LISTS_EXTRA) * sizeof *list);
    if (!list) return NULL;
    const char **next = ++list;
    for (uint32_t at = 0; at < strings->size; at++)
        if (at == 0 || strings->text[at - 1] == 0) *next++ = strings->text + at;
    for (; more && *more; more++)
        if (!sets(strings, *more)) *next++ = *more;
    *next = NULL;
    return list;
}

int32_t prepare_descriptors(const struct host *host, struct description *child) {
    for (uint32_t i = 0; i < child->descriptor_count; i++) {
        if (child->descriptors[i].handle == 0) continue;
        child->descriptors[i].fd = fd_of(host, child->descriptors[i].handle);
        if (child->descriptors[i].fd < 0) return -EBADF;
    }
    child->gate = child->gate_handle ? fd_of(host, child->gate_handle) : -1;
    return child->gate_handle && child->gate < 0 ? -EBADF : 0;
}

bool prepare_lists(struct description *child, const char *const *inherited) {
    child->file_list = list_of(child, &child->files, NULL);
    child->argument_list = list_of(child, &child->arguments, NULL);
    child->environment_list = list_of(child, &child->environment, inherited);
    return child->file_list && child->argument_list && child->environment_list;
}
