/* clone(2) with a stack for the child: the child calls `entry(argument)` there, which never returns. The kernel clears
 * `*child_tid` when the child executes or ends (CLONE_CHILD_CLEARTID). Here child_tid is the fifth argument, behind tls. */
#ifndef WARDEN_CLONE_H
#define WARDEN_CLONE_H

static inline long clone_onto(unsigned long flags, void *stack_top, volatile int *child_tid, void (*entry)(void *), void *argument) {
    void **stack = stack_top;
    *--stack = argument;
    *--stack = (void *)entry;
    register long x8 __asm__("x8") = __NR_clone;
    register long x0 __asm__("x0") = (long)flags;
    register void *x1 __asm__("x1") = stack;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register volatile int *x4 __asm__("x4") = child_tid;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "ldp x1, x0, [sp], #16\n\t"
                     "blr x1\n\t"
                     "brk #0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory");
    return x0;
}

#endif
