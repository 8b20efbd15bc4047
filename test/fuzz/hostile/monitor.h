/* In front of every source of shim/sys and shim/launcher, in the build for a hostile guest: what they ask of the kernel
 * passes monitor.c, which knows what is the guest's. */
#ifndef WARDEN_MONITOR_H
#define WARDEN_MONITOR_H

#define sys6 kernel_call
#include "../../../shim/sys/arch/arch.h"
#undef sys6

long sys6(long number, long a, long b, long c, long d, long e, long f);

#endif
