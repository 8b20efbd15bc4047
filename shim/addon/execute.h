/* What a Node process can do to itself, beside running instances. */
#ifndef WARDEN_EXECUTE_H
#define WARDEN_EXECUTE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This process goes on as `file`, with its descriptors 0, 1 and 2, its environment and its directory; returns only when
 * that cannot be, with a negated errno. execve(2) */
int32_t execute(const char *file, char *const arguments[]);
/* No program executed from here on inherits more than 0, 1 and 2 and what it is given. Node's start sees to that for the
 * descriptors that it finds, but stops at the first number above 15 that is not open. close_range(2); 0 or a negated errno. */
int32_t seal_descriptors(void);
bool is_terminal(int fd);

#ifdef __cplusplus
}
#endif
#endif
