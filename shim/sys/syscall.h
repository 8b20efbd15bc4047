/* Raw Linux system calls for x86-64: the result is >= 0 or a negated errno, exactly what the boundary promises.
 * The native programs have no C library (a static glibc costs 100 KiB and half a millisecond a process), and the
 * addon calls the same functions, so nothing here may use errno, stdio or malloc. */
#ifndef WARDEN_SYSCALL_H
#define WARDEN_SYSCALL_H

#ifndef __x86_64__
#error "warden-wasm's native shim is written for x86-64 Linux"
#endif

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

static inline long sys6(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYS_COUNT(_n, _1, _2, _3, _4, _5, _6, count, ...) count
#define SYS1(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define SYS2(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS3(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS4(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS5(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS6(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS7(n, a, b, c, d, e, f) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/** sys(read, fd, buffer, size): the system call of that name with up to six arguments. */
#define sys(name, ...) SYS_COUNT(__NR_##name, ##__VA_ARGS__, SYS7, SYS6, SYS5, SYS4, SYS3, SYS2, SYS1)(__NR_##name, ##__VA_ARGS__)

#endif
