/*
 * Fills pipes until nothing more goes in, then waits: with neither a C library nor memory of its own, the smallest process that makes
 * the kernel use much memory.
 */
#include "../../shim/sys/arch/arch.h"
#include <linux/fcntl.h>

enum { PIPES = 480, STDOUT = 1 };

void _start(void);
void _start(void) {
    static const char full[] = "full\n";
    for (int i = 0; i < PIPES; i++) {
        int ends[2];
        if (sys(pipe2, ends, O_NONBLOCK) < 0) break;
        // The program's own code is what it writes.
        while (sys(write, ends[1], (const char *)_start, 4096) > 0) {}
    }
    sys(write, STDOUT, full, sizeof full - 1);
    for (;;) sys(ppoll, NULL, 0, NULL, NULL, 0);
}
