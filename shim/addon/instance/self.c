#define _GNU_SOURCE
#include "self.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

/* execve() resets handlers, but SIGPIPE, which Node ignores, would stay ignored. signal(7) */
static void default_signals(void) {
    sigset_t none;
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Node sets FD_CLOEXEC on them at its start. */
static void keep_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0) fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
    }
}

int32_t execute(const char *file, char *const arguments[], int kept) {
    // Check first: the following steps are not undone.
    if (access(file, X_OK) < 0) return -errno;
    default_signals();
    keep_standard_descriptors();
    // Node does this at its start, but stops at the first closed number above 15.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (kept == 3) fcntl(kept, F_SETFD, 0);
    else if (kept >= 0) dup2(kept, 3);
    execve(file, arguments, environ);
    return -errno;
}

void give_memory_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

bool is_terminal(int fd) { return isatty(fd); }

bool peer_credentials(int fd, uint32_t numbers[3]) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof peer || peer.pid == 0) return false;
    numbers[0] = (uint32_t)peer.pid;
    numbers[1] = peer.uid;
    numbers[2] = peer.gid;
    return true;
}
