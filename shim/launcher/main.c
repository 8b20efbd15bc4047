/* How a native program starts. */
#include "entry.h"
#include "launcher.h"
#include "../sys/policy.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>

struct host the_host;

/* The compiler calls it by this name. */
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void) {
    print_error("a stack frame was overwritten");
    leave(EXIT_HOST);
}

static void ignore_sigpipe(void) {
    // A write to a closed pipe returns EPIPE to the module instead of killing the program.
    struct {
        void *handler;
        uint64_t flags, restorer, mask;
    } ignore = {(void *)1, 0, 0, 0};
    sys(rt_sigaction, SIGPIPE, &ignore, NULL, sizeof(uint64_t));
}

static void reserve_standard_descriptors(void) {
    // A missing standard descriptor would be reused by our next one: diagnostics would go into a socket. A pipe's read end
    // takes its place: reads return end of file, writes fail, and no file system is needed.
    int ends[2];
    for (int fd = 0; fd <= 2; fd++)
        if (sys(fcntl, fd, F_GETFD) == -EBADF && sys(pipe2, ends, 0) == 0) sys(close, ends[1]);
}

void begin(const char *const *arguments, const char *const *environment) {
    the_host.program = PROGRAM;
    the_host.alone = true;
    the_host.arguments = arguments;
    the_host.environment = environment;
    reserve_standard_descriptors();
    note_inheritable_fds(&the_host);
    ignore_sigpipe();
    start_module();
    run_loop(ON_START);
}
