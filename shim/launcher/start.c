/* Where the kernel enters a native program: there is no C library that would do it. */
#include "launcher.h"
#include "../sys/policy.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>

uintptr_t __stack_chk_guard;

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

__attribute__((noreturn, used)) static void begin(void) {
    reserve_standard_descriptors();
    note_given(&the_host);
    ignore_sigpipe();
    start_module();
    run_loop();
}

/* The stack as the kernel left it: argc, argv, NULL, environment, NULL, auxiliary vector. execve(2), getauxval(3) */
__attribute__((noreturn, used, no_stack_protector)) void program_entry(const uintptr_t *stack) {
    the_host.program = PROGRAM;
    the_host.arguments = (const char *const *)(stack + 1);
    the_host.environment = the_host.arguments + stack[0] + 1;
    const uintptr_t *auxiliary = (const uintptr_t *)the_host.environment;
    while (*auxiliary++) {}
    for (; auxiliary[0] != AT_NULL; auxiliary += 2)
        if (auxiliary[0] == AT_RANDOM) __stack_chk_guard = *(const uintptr_t *)auxiliary[1] & ~(uintptr_t)0xff;
    begin();
}

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call program_entry\n");
