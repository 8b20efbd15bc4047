/* Processes: fork, signals, stop and continue, sessions, death signals, wait. Process 0 is the sequence's own; the others are its
 * descendants, and do what it asks them to. */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 8
#define SAMPLES_MAX 500
#define PAUSE_NS 200000
#define ANSWER_MS 3000

enum task { FORK, SIGNAL, SETSID, IGNORE, CATCH, TAKE, DEATH_SIGNAL, EXIT, WAIT };
struct request {
    enum task task;
    long first, second;
};

/* The number that a sequence's state line shows. */
enum state { RUNNING, STOPPED, ZOMBIE, GONE };

static int controls[PROCESSES_MAX][2];
static int pids[PROCESSES_MAX];
static int player;

static void serve(int id);

static enum state state_of(int pid) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return GONE;
    if (!fgets(text, sizeof text, file)) text[0] = 0;
    fclose(file);
    const char *rest = strrchr(text, ')');
    if (!rest) return GONE;
    int parent = atoi(rest + 4);
    // The player is the init of orphans; it reaps them later.
    if (rest[2] == 'Z' || rest[2] == 'X') return parent == player ? GONE : ZOMBIE;
    return rest[2] == 'T' ? STOPPED : RUNNING;
}

void end_processes(void) {
    for (int id = 1; id < PROCESSES_MAX; id++)
        if (pids[id] > 0 && state_of(pids[id]) != GONE) kill(pids[id], SIGKILL);
}

static long catch (int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return outcome(sigprocmask(SIG_BLOCK, &set, NULL));
}

static long await_child(int pid) {
    int status = 0, got = waitpid(pid, &status, WNOHANG);
    if (got < 0) return -errno;
    return got == 0 ? -1 : status;
}

static long perform(const struct request *asked) {
    switch (asked->task) {
    case FORK: {
        int pid = fork();
        if (pid == 0) serve((int)asked->first);
        return pid;
    }
    case SIGNAL: return outcome(kill((int)asked->first, (int)asked->second));
    case SETSID: return setsid() < 0 ? -errno : 0;
    case IGNORE: return signal((int)asked->first, SIG_IGN) == SIG_ERR ? -errno : 0;
    case CATCH: return catch ((int)asked->first);
    case TAKE: return pending_signals();
    case DEATH_SIGNAL: return outcome(prctl(PR_SET_PDEATHSIG, asked->first));
    case EXIT: _exit((int)asked->first);
    case WAIT: return await_child((int)asked->first);
    }
    return -ENOSYS;
}

static void serve(int id) {
    for (struct request asked;;) {
        if (read(controls[id][1], &asked, sizeof asked) != sizeof asked) _exit(0);
        long answer = perform(&asked);
        if (write(controls[id][1], &answer, sizeof answer) != sizeof answer) _exit(0);
    }
}

static long ask(long id, enum task task, long first, long second) {
    struct request asked = {task, first, second};
    if (id == 0) return perform(&asked);
    struct pollfd one = {.fd = controls[id][0], .events = POLLIN};
    long answer = -ENOMSG;
    if (write(controls[id][0], &asked, sizeof asked) != sizeof asked) return -ENOMSG;
    if (task == EXIT) return 0;
    if (poll(&one, 1, ANSWER_MS) != 1 || read(controls[id][0], &answer, sizeof answer) != sizeof answer) return -ENOMSG;
    return answer;
}

/* processes: the sequence's process begins, in a session of its own. */
static void begin(const struct step *step) {
    (void)step;
    player = getppid();
    setsid();
    signal(SIGPIPE, SIG_DFL);
    pids[0] = getpid();
    for (int id = 0; id < PROCESSES_MAX; id++)
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, controls[id])) return result(-errno);
    result(0);
}

/* fork PARENT ID */
static void make(const struct step *step) {
    long pid = ask(step->numbers[0], FORK, step->numbers[1], 0);
    pids[step->numbers[1]] = (int)pid;
    result(pid > 0 ? 0 : pid);
}

/* signal FROM TO NUMBER */
static void send_signal(const struct step *step) { result(ask(step->numbers[0], SIGNAL, pids[step->numbers[1]], step->numbers[2])); }
static void new_session(const struct step *step) { result(ask(step->numbers[0], SETSID, 0, 0)); }
static void ignore(const struct step *step) { result(ask(step->numbers[0], IGNORE, step->numbers[1], 0)); }
static void catch_signal(const struct step *step) { result(ask(step->numbers[0], CATCH, step->numbers[1], 0)); }
static void take_signals(const struct step *step) { result(ask(step->numbers[0], TAKE, 0, 0)); }
static void death_signal(const struct step *step) { result(ask(step->numbers[0], DEATH_SIGNAL, step->numbers[1], 0)); }
static void leave(const struct step *step) { result(ask(step->numbers[0], EXIT, step->numbers[1], 0)); }
/* wait PARENT ID: the status; -1 for a child that has not ended. */
static void wait_for(const struct step *step) { result(ask(step->numbers[0], WAIT, pids[step->numbers[1]], 0)); }

/* states EXPECTED...: of the processes from 1 on; waits until they are so. */
static void states(const struct step *step) {
    char text[64] = "";
    for (int sample = 0; sample < SAMPLES_MAX; sample++) {
        struct timespec pause = {.tv_nsec = PAUSE_NS};
        int same = 1, size = 0;
        for (int id = 1; id <= step->count; id++) {
            enum state now = state_of(pids[id]);
            if ((long)now != step->numbers[id - 1]) same = 0;
            size += snprintf(text + size, sizeof text - (size_t)size, "%s%d", id > 1 ? " " : "", now);
        }
        if (same) break;
        nanosleep(&pause, NULL);
    }
    result_text("%s", text);
}

const struct operation process_operations[] = {
    {"processes", begin},
    {"fork", make},
    {"signal", send_signal},
    {"setsid", new_session},
    {"ignore", ignore},
    {"catch", catch_signal},
    {"taken", take_signals},
    {"deathsignal", death_signal},
    {"exit", leave},
    {"wait", wait_for},
    {"states", states},
    {NULL, NULL},
};
