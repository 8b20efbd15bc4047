/* The native host: one module, one epoll loop, one thread, no C library. */
#ifndef WARDEN_LAUNCHER_H
#define WARDEN_LAUNCHER_H

#include "../sys/host.h"

/* Exit code of the host itself: the module cannot be started, or traps in onTrap. */
#define EXIT_HOST 255

enum entry { ON_START, ON_READY, ON_SIGNAL, ON_DEADLINE, ON_FORK };

extern struct host the_host;

/* Calls an export of the module. After a trap, onTrap decides whether the program goes on. */
void enter_module(enum entry entry, uint32_t first, uint32_t second);
/* Calls this entry point, then delivers events until the module exits. */
_Noreturn void run_loop(enum entry first);
/* For a new child: forgets the handles and deadlines that the parent watched. */
void loop_again(void);
void start_module(void);
_Noreturn void leave(int code);
/* Prints one line to stderr, with "PROGRAM: " in front. */
void print_error(const char *words);

#endif
