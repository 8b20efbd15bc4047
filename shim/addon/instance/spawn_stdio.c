/* Standard descriptors of a child: those of the instance instead of the Node process's. */
#include "internal.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

static bool is_set(const struct spawn *child, int target) {
    for (uint32_t i = 0; i < child->descriptor_count; i++)
        if (child->descriptors[i].target == target) return true;
    return false;
}

/* Sets the child's standard descriptors to the instance's where the module has set none. */
static int32_t complete_stdio(struct host *host) {
    static const char nothing[] = "/dev/null";
    struct spawn *child = host->child;
    for (int target = 0; target < 3; target++) {
        int *own = &instance_of(host)->stdio[target];
        if (is_set(child, target)) continue;
        if (child->descriptor_count == DESCRIPTORS_MAX) return -E2BIG;
        // The module may have adopted the descriptor: then the child gets /dev/null, not the Node process's descriptor.
        if (*own < 0) *own = (int)sys(openat, AT_FDCWD, nothing, O_RDWR | O_CLOEXEC);
        if (*own < 0) return *own;
        child->descriptors[child->descriptor_count].target = target;
        child->descriptors[child->descriptor_count].handle = 0;
        child->descriptors[child->descriptor_count++].fd = *own;
    }
    return 0;
}

int32_t instance_spawn(struct host *host, uint32_t flags, uint32_t report_at) {
    int32_t error = host->child ? complete_stdio(host) : -ENOMEM;
    return error < 0 ? error : shim_spawn(host, flags, report_at);
}
