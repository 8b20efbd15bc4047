/* Raw Linux system calls: the result is >= 0 or a negated errno, exactly what the boundary promises. The folder of the
 * processor that is compiled for has the rest: syscall.h (sys6), clone.h, string.h, and start.h for the file that defines
 * WARDEN_ENTRY_POINT.
 *
 * The native programs have no C library (a static glibc costs 100 KiB and half a millisecond a process), and the addon calls
 * the same functions, so nothing here may use errno, stdio or malloc. Only system calls that every processor has are used:
 * openat, unlinkat, ppoll, clone instead of open, unlink, poll, fork. */
#ifndef WARDEN_ARCH_H
#define WARDEN_ARCH_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "x86_64/clone.h"
#include "x86_64/string.h"
#include "x86_64/syscall.h"
#ifdef WARDEN_ENTRY_POINT
#include "x86_64/start.h"
#endif
#elif defined(__aarch64__)
#include "aarch64/clone.h"
#include "aarch64/string.h"
#include "aarch64/syscall.h"
#ifdef WARDEN_ENTRY_POINT
#include "aarch64/start.h"
#endif
#elif defined(__riscv) && __riscv_xlen == 64
#include "riscv64/clone.h"
#include "riscv64/string.h"
#include "riscv64/syscall.h"
#ifdef WARDEN_ENTRY_POINT
#include "riscv64/start.h"
#endif
#else
#error "this processor has no folder in shim/sys/arch"
#endif

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
