/* Calls about the Node process itself and its descriptors. */
#ifndef WARDEN_SELF_H
#define WARDEN_SELF_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Replaces this process by `file`; it keeps descriptors 0, 1 and 2, environment and working directory, and has `kept`, unless
 * that is negative, as descriptor 3. Returns only on failure, with a negated errno. execve(2) */
int32_t execute(const char *file, char *const arguments[], int kept);
/* Pages of the heap that hold nothing go back to the kernel, wherever they lie. malloc_trim(3) */
void give_memory_back(void);
bool is_terminal(int fd);
/* Who connected to the unix socket: pid, user and group id; false for what is no such socket. unix(7), SO_PEERCRED */
bool peer_credentials(int fd, uint32_t numbers[3]);

#ifdef __cplusplus
}
#endif
#endif
