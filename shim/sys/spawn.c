#include "spawn.h"
#include "policy.h"
#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

/* execve(2) takes at most 6 MiB of strings and pointers to them. Untouched pages cost nothing. */
#define ARENA_BYTES (7 << 20)
#define BLOCK_BYTES_MAX (6U << 20)
#define GROUPS_MAX 65536U
#define STACK_BYTES 8192
/* Room for the shell in front of the arguments: try_exec() in process.c. */
#define LISTS_EXTRA 4

static struct spawn *arena_at(struct host *host, uint32_t index) {
    if (host->starts[index]) return host->starts[index];
    long at = sys(mmap, NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at < 0) return NULL;
    sys(madvise, at, ARENA_BYTES, MADV_NOHUGEPAGE);
    return host->starts[index] = (struct spawn *)at;
}

int32_t shim_spawnBegin(struct host *host) {
    host->child = NULL;
    for (uint32_t i = 0; i < STARTS_MAX && !host->child; i++)
        if (!host->starts[i] || !host->starts[i]->busy) host->child = arena_at(host, i);
    if (!host->child) return -ENOMEM;
    *host->child = (struct spawn){.arena_size = ARENA_BYTES, .used = sizeof *host->child + STACK_BYTES, .umask = 022};
    return 0;
}

void *spawn_stack_top(struct spawn *child) { return (void *)(((uintptr_t)(child + 1) + STACK_BYTES) & ~(uintptr_t)15); }

/* Returns `result`; keeps the first failure for shim_spawn. */
static int32_t remember_failure(struct host *host, int32_t result) {
    if (result < 0 && host->child && !host->child->failed) host->child->failed = result;
    return result;
}

static void *arena_alloc(struct spawn *child, uint64_t size) {
    if (size > child->arena_size - child->used) return NULL;
    void *at = (uint8_t *)child + child->used;
    child->used += (uint32_t)(size + 7) & ~7U;
    return at;
}

/* Copies the guest's strings: the guest may reuse that memory before the child executes. */
static int32_t copy_strings(struct host *host, uint32_t at, uint32_t size, struct strings *into) {
    const char *text = guest(host, at, size);
    if (!text || (size && text[size - 1] != 0)) return remember_failure(host, -EFAULT);
    if (!host->child) return -ENOMEM;
    char *copy = arena_alloc(host->child, size);
    if (!copy) return remember_failure(host, -E2BIG);
    *into = (struct strings){copy, size, 0};
    for (uint32_t i = 0; i < size; i++) {
        copy[i] = text[i];
        into->count += text[i] == 0;
    }
    return 0;
}

int32_t shim_spawnFiles(struct host *host, uint32_t at, uint32_t size) {
    const char *text = guest(host, at, size);
    if (!text || (size && text[size - 1] != 0)) return remember_failure(host, -EFAULT);
    for (uint32_t start = 0; start < size; start++)
        if ((start == 0 || text[start - 1] == 0) && !path_allowed(host, text + start, USE_RUN)) return remember_failure(host, -EACCES);
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
    if (!name) return remember_failure(host, error);
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
    struct spawn *child = host->child;
    int fd = fd_of(host, handle);
    if (fd < 0) return remember_failure(host, fd);
    if (!child) return -ENOMEM;
    if (child->descriptor_count == DESCRIPTORS_MAX || target >= DESCRIPTORS_MAX) return remember_failure(host, -E2BIG);
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
    struct spawn *child = host->child;
    if (!child) return -ENOMEM;
    if (child->limit_count == LIMITS_MAX) return remember_failure(host, -E2BIG);
    child->limits[child->limit_count++] = (struct limit){id, {(uint64_t)soft_high << 32 | soft_low, (uint64_t)hard_high << 32 | hard_low}};
    return 0;
}

int32_t shim_spawnBlock(struct host *host, uint32_t handle, uint32_t argument_bytes, uint32_t environment_bytes) {
    struct spawn *child = host->child;
    int fd = fd_of(host, handle);
    if (fd < 0) return remember_failure(host, fd);
    if (!child) return -ENOMEM;
    if (argument_bytes > BLOCK_BYTES_MAX || environment_bytes > BLOCK_BYTES_MAX) return remember_failure(host, -E2BIG);
    child->block_handle = handle;
    child->block_arguments = argument_bytes;
    child->block_environment = environment_bytes;
    return 0;
}

int32_t shim_spawnGroups(struct host *host, uint32_t at, uint32_t count) {
    struct spawn *child = host->child;
    const guest_u32 *from = count <= GROUPS_MAX ? guest(host, at, count * 4) : NULL;
    if (!from) return remember_failure(host, -EFAULT);
    if (!child) return -ENOMEM;
    uint32_t *groups = arena_alloc(child, count * 4ULL);
    if (!groups) return remember_failure(host, -E2BIG);
    for (uint32_t i = 0; i < count; i++) groups[i] = from[i];
    child->groups = groups;
    child->group_count = count;
    child->set_groups = true;
    return 0;
}

int32_t shim_spawnUmask(struct host *host, uint32_t mask) {
    if (!host->child) return -ENOMEM;
    host->child->umask = mask;
    return 0;
}

int32_t shim_spawnOwner(struct host *host, uint32_t uid) {
    if (!is_starting_wshd(host)) return remember_failure(host, -EPERM);
    if (!host->child) return -ENOMEM;
    host->child->owner = uid;
    host->child->has_owner = true;
    return 0;
}

int32_t shim_spawnStartPipe(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return remember_failure(host, fd);
    if (!host->child) return -ENOMEM;
    host->child->start_pipe_handle = handle;
    return 0;
}

void release_arenas(struct host *host) {
    for (uint32_t i = 0; i < STARTS_MAX; i++) {
        // A busy arena outlives its host: the child still runs in it.
        if (host->starts[i] && !host->starts[i]->busy) sys(munmap, host->starts[i], ARENA_BYTES);
        host->starts[i] = NULL;
    }
}

static uint32_t length_of(const char *const *list) {
    uint32_t count = 0;
    while (list && list[count]) count++;
    return count;
}

/* Whether one of the strings sets the variable of "NAME=...". */
static bool sets(const struct strings *strings, const char *variable) {
    for (uint32_t start = 0; start < strings->size; start++) {
        if (start > 0 && strings->text[start - 1] != 0) continue;
        uint32_t at = 0;
        while (variable[at] && variable[at] != '=' && strings->text[start + at] == variable[at]) at++;
        if (variable[at] == '=' && strings->text[start + at] == '=') return true;
    }
    return false;
}

/* A NULL-terminated list of the strings, then of the variables of `more` that they do not set. */
static const char **list_of(struct spawn *child, const struct strings *strings, const char *const *more) {
    const char **list = arena_alloc(child, (uint64_t)(strings->count + length_of(more) + LISTS_EXTRA) * sizeof *list);
    if (!list) return NULL;
    const char **next = ++list;
    for (uint32_t at = 0; at < strings->size; at++)
        if (at == 0 || strings->text[at - 1] == 0) *next++ = strings->text + at;
    for (; more && *more; more++)
        if (!sets(strings, *more)) *next++ = *more;
    *next = NULL;
    return list;
}

int32_t prepare_descriptors(const struct host *host, struct spawn *child) {
    for (uint32_t i = 0; i < child->descriptor_count; i++) {
        if (child->descriptors[i].handle == 0) continue;
        child->descriptors[i].fd = fd_of(host, child->descriptors[i].handle);
        if (child->descriptors[i].fd < 0) return -EBADF;
        child->descriptors[i].own_pipe = host->handles[child->descriptors[i].handle].own_pipe;
    }
    child->block = child->block_handle ? fd_of(host, child->block_handle) : -1;
    if (child->block_handle && child->block < 0) return -EBADF;
    child->start_pipe = child->start_pipe_handle ? fd_of(host, child->start_pipe_handle) : -1;
    return child->start_pipe_handle && child->start_pipe < 0 ? -EBADF : 0;
}

bool prepare_lists(struct spawn *child, const char *const *inherited) {
    child->file_list = list_of(child, &child->files, NULL);
    child->argument_list = list_of(child, &child->arguments, NULL);
    child->environment_list = list_of(child, &child->environment, inherited);
    return child->file_list && child->argument_list && child->environment_list;
}

/* The strings in [text, text + size), which end with a NUL. */
static struct strings strings_at(const char *text, uint32_t size) {
    struct strings strings = {text, size, 0};
    for (uint32_t i = 0; i < size; i++) strings.count += text[i] == 0;
    return strings;
}

long read_block(struct spawn *child) {
    const int sealed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    uint32_t size = child->block_arguments + child->block_environment, have = 0;
    struct stat info;
    // Only files in memory have seals: what has them is read without waiting for anybody.
    long result = sys(fcntl, child->block, F_GET_SEALS);
    if (result < 0) return result;
    if ((result & sealed) != sealed) return -EINVAL;
    if ((result = sys(fstat, child->block, &info)) < 0) return result;
    if ((uint64_t)info.st_size != size) return -EINVAL;
    char *text = arena_alloc(child, size);
    if (!text) return -E2BIG;
    for (; have < size; have += (uint32_t)result)
        if ((result = sys(pread64, child->block, text + have, size - have, (uint64_t)have)) <= 0) return result < 0 ? result : -EINVAL;
    if (child->block_arguments && text[child->block_arguments - 1]) return -EINVAL;
    if (child->block_environment && text[size - 1]) return -EINVAL;
    struct strings arguments = strings_at(text, child->block_arguments);
    struct strings environment = strings_at(text + child->block_arguments, child->block_environment);
    if (arguments.count) child->argument_list = list_of(child, &arguments, NULL);
    child->environment_list = list_of(child, &environment, child->environment_list);
    return child->argument_list && child->environment_list ? 0 : -E2BIG;
}
