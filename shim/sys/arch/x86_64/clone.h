/* clone(2) with a stack for the child: the child calls `entry(argument)` there, which never returns. The kernel clears
 * `*child_tid` when the child executes or ends (CLONE_CHILD_CLEARTID). Here child_tid is the fourth argument, in r10. */
#ifndef WARDEN_CLONE_H
#define WARDEN_CLONE_H

static inline long clone_onto(unsigned long flags, void *stack_top, volatile int *child_tid, void (*entry)(void *), void *argument) {
    void **stack = stack_top;
    *--stack = argument;
    *--stack = (void *)entry;
    long pid;
    register volatile int *r10 __asm__("r10") = child_tid;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(pid)
                     : "a"(__NR_clone), "D"(flags), "S"(stack), "d"(NULL), "r"(r10)
                     : "rcx", "r11", "memory");
    return pid;
}

#endif
