#define _GNU_SOURCE
#include "execute.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <unistd.h>

extern char **environ;

/* Handlers end with the image; what Node ignores, SIGPIPE, would stay ignored. signal(7) */
static void default_signals(void) {
    sigset_t none;
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int32_t seal_descriptors(void) {
    return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

/* Node's start has set the flag on them. */
static void keep_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0) fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
    }
}

int32_t execute(const char *file, char *const arguments[]) {
    // Asked first: what follows is not undone.
    if (access(file, X_OK) < 0) return -errno;
    default_signals();
    keep_standard_descriptors();
    seal_descriptors();
    execve(file, arguments, environ);
    return -errno;
}

bool is_terminal(int fd) { return isatty(fd); }
