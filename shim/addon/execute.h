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
bool is_terminal(int fd);

#ifdef __cplusplus
}
#endif
#endif
