/* How a native program starts. */
#include "entry.h"
#include "launcher.h"
#include "../sys/policy.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>

struct host the_host;

__attribute__((noreturn)) void __stack_chk_fail(void) {
    say("a stack frame was overwritten");
    leave(EXIT_HOST);
}

static void ignore_sigpipe(void) {
    // A reader that went away is an error code to the module, not a death.
    struct { void *handler; uint64_t flags, restorer, mask; } ignore = {(void *)1, 0, 0, 0};
    sys(rt_sigaction, SIGPIPE, &ignore, NULL, sizeof(uint64_t));
}

static void reserve_standard_descriptors(void) {
    // Started without one of them, our next descriptor would take its place: a socket that gets our diagnostics.
    // A pipe without a writer is at its end for who reads, refuses who writes, and asks no file system for anything.
    int ends[2];
    for (int fd = 0; fd <= 2; fd++)
        if (sys(fcntl, fd, F_GETFD) == -EBADF && sys(pipe2, ends, 0) == 0) sys(close, ends[1]);
}

void begin(const char *const *arguments, const char *const *environment) {
    the_host.program = PROGRAM;
    the_host.arguments = arguments;
    the_host.environment = environment;
    reserve_standard_descriptors();
    note_given(&the_host);
    ignore_sigpipe();
    start_module();
    run_loop();
}
