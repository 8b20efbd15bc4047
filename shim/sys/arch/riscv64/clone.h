/* clone(2) with a stack for the child: the child calls `entry(argument)` there, which never returns. The kernel clears
 * `*child_tid` when the child executes or ends (CLONE_CHILD_CLEARTID). Here child_tid is the fifth argument, behind tls. */
#ifndef WARDEN_CLONE_H
#define WARDEN_CLONE_H

static inline long clone_onto(unsigned long flags, void *stack_top, volatile int *child_tid, void (*entry)(void *), void *argument) {
    void **stack = stack_top;
    *--stack = argument;
    *--stack = (void *)entry;
    register long a7 __asm__("a7") = __NR_clone;
    register long a0 __asm__("a0") = (long)flags;
    register void *a1 __asm__("a1") = stack;
    register long a2 __asm__("a2") = 0;
    register long a3 __asm__("a3") = 0;
    register volatile int *a4 __asm__("a4") = child_tid;
    __asm__ volatile("ecall\n\t"
                     "bnez a0, 1f\n\t"
                     "mv s0, zero\n\t"
                     "ld a1, 0(sp)\n\t"
                     "ld a0, 8(sp)\n\t"
                     "addi sp, sp, 16\n\t"
                     "jalr a1\n\t"
                     "ebreak\n"
                     "1:"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4)
                     : "memory");
    return a0;
}

#endif
