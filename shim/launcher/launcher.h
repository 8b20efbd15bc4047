/* The native host: one module, one epoll loop, one thread, no C library. */
#ifndef WARDEN_LAUNCHER_H
#define WARDEN_LAUNCHER_H

#include "../sys/host.h"

/* The host's own exit code when the module cannot be started or asks for what the kernel refuses. */
#define EXIT_HOST 255

enum entry { ON_START, ON_READY, ON_SIGNAL, ON_DEADLINE };

extern struct host the_host;

/* Calls into the module; a trap costs what the module says it costs (onTrap), at most the program. */
void enter_module(enum entry entry, uint32_t first, uint32_t second);
/* Instantiates the module and runs it until it exits. */
_Noreturn void run_loop(void);
void start_module(void);
_Noreturn void leave(int code);
/* One line on stderr, "PROGRAM: " in front. */
void say(const char *words);

#endif
