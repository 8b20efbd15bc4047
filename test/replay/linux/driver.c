/* Replays traces of simulated runs on Linux: reads what happened, line by line, makes the same happen in real processes,
 * in the same order, and says where Linux answers otherwise. test/replay/recorder.ts has the lines. */
#define _GNU_SOURCE
#include "replay.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 256
#define SLOTS_MAX 1024
#define WORDS_MAX 24
#define PATIENCE_MS 5000
#define QUEUE_MAX 64
/* Above all that a new process is to have. */
#define ASIDE_FD 800
/* More than this might fill the connection, with both sides waiting for the other. */
#define QUEUED_BYTES_MAX 32768

static struct { int pid, pidfd, control; } processes[PROCESSES_MAX];
static int slots[SLOTS_MAX];
static int listener;
static char control_path[108];
/* The line as it is shown when Linux disagrees. */
static char shown[200];
static long line_number;
static int trace_number = -1, agreed, disagreed;
static bool failed;

static void disagree(const char *expected, const char *got) {
    if (failed) return;
    failed = true;
    printf("trace %d line %ld: %s: simulated %s, Linux %s\n", trace_number, line_number, shown, expected, got);
}

static void disagree_number(long expected, long got) {
    char a[32], b[32];
    snprintf(a, sizeof a, "%ld", expected);
    snprintf(b, sizeof b, "%ld", got);
    disagree(a, b);
}

static uint32_t hash(const uint8_t *bytes, size_t size) {
    uint32_t value = 2166136261u;
    for (; size; size--) value = (value ^ *bytes++) * 16777619u;
    return value;
}

static size_t unhex(const char *text, uint8_t *into) {
    size_t size = 0;
    for (; text[0] && text[0] != '-'; text += 2) {
        unsigned high = (unsigned char)text[0], low = (unsigned char)text[1];
        into[size++] = (uint8_t)((high % 32 + 9) % 25 << 4 | (low % 32 + 9) % 25);
    }
    return size;
}

/* "12", or "p3": the number that Linux gave process 3. */
static long number(const char *text) { return text[0] == 'p' ? processes[atoi(text + 1)].pid : atol(text); }

static bool arrives(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, PATIENCE_MS) == 1;
}

static void close_slot(int slot) {
    if (slots[slot]) close(slots[slot]);
    slots[slot] = 0;
}

static void know(int id, int pid) {
    processes[id].pid = pid;
    processes[id].pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
}

static void end_trace(void) {
    for (int id = 0; id < PROCESSES_MAX; id++) {
        if (processes[id].pidfd) {
            syscall(SYS_pidfd_send_signal, processes[id].pidfd, SIGKILL, NULL, 0);
            arrives(processes[id].pidfd);
            close(processes[id].pidfd);
        }
        if (processes[id].control) close(processes[id].control);
    }
    memset(processes, 0, sizeof processes);
    for (int slot = 0; slot < SLOTS_MAX; slot++) close_slot(slot);
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    // Who came and was not waited for is of no other trace's concern.
    for (struct pollfd one = {.fd = listener, .events = POLLIN}; poll(&one, 1, 0) == 1;) close(accept(listener, NULL, NULL));
    if (trace_number >= 0) failed ? disagreed++ : agreed++;
    failed = false;
}

static bool receive_all(int fd, void *at, size_t size) {
    for (uint8_t *next = at; size > 0;) {
        ssize_t got = arrives(fd) ? recv(fd, next, size, 0) : -1;
        if (got <= 0) return false;
        next += got;
        size -= (size_t)got;
    }
    return true;
}

static bool ask_for(int id, const struct request *request, const uint8_t *in) {
    int control = processes[id].control;
    if (send(control, request, sizeof *request, MSG_NOSIGNAL | MSG_MORE) < 0) return false;
    for (uint32_t sent = 0; sent < request->in_size;) {
        ssize_t more = send(control, in + sent, request->in_size - sent, MSG_NOSIGNAL);
        if (more <= 0) return false;
        sent += (uint32_t)more;
    }
    return true;
}

/* False when the process is gone, or does not come back. */
static bool hear(int id, int32_t *result, uint8_t *out) {
    struct reply reply;
    if (!receive_all(processes[id].control, &reply, sizeof reply) || !receive_all(processes[id].control, out, reply.size)) return false;
    *result = reply.result;
    return true;
}

static bool ask(int id, const struct request *request, const uint8_t *in, int32_t *result, uint8_t *out) {
    return ask_for(id, request, in) && hear(id, result, out);
}

static int op_of(const char *name) {
    static const char *const names[] = {
#define CALL(name, count) #name,
#include "../../../shim/sys/calls.h"
#undef CALL
        "POLL", "SIGNAL", "RELEASE", "PRINT", "WRITE", "READ", "CLOSE", "IGNORE", "FORK", "WAIT", "DIE", "REAPER", "EXIT"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return (int)i;
    fprintf(stderr, "no such call: %s\n", name);
    exit(2);
}

static uint8_t in[MEMORY_BYTES], out[MEMORY_BYTES];

/* Calls of one process that it was asked for and whose answers are still to come: most of the time goes into waking up. */
static struct asked {
    int id;
    long result;
    char hash[16], shown[200];
    long line;
    uint32_t out_size;
} queue[QUEUE_MAX];
static uint32_t queued, queued_bytes;

static void compare(const struct asked *asked, int32_t result) {
    if (result != asked->result) disagree_number(asked->result, result);
    else if (asked->hash[0] != '-' && hash(out, asked->out_size) != strtoul(asked->hash, NULL, 10)) disagree("other bytes", "these");
}

static void hear_queued(void) {
    long line = line_number;
    char now[sizeof shown];
    memcpy(now, shown, sizeof now);
    for (uint32_t i = 0; i < queued && !failed; i++) {
        int32_t result;
        line_number = queue[i].line;
        memcpy(shown, queue[i].shown, sizeof shown);
        if (hear(queue[i].id, &result, out)) compare(&queue[i], result);
        else disagree("an answer", "is gone, or blocks");
    }
    queued = queued_bytes = 0;
    line_number = line;
    memcpy(shown, now, sizeof now);
}

/* call ID NAME RESULT OUTHASH A B C D E INAT INHEX OUTAT OUTSIZE */
static void call(char **word) {
    int id = atoi(word[1]);
    struct request request = {
        .op = (uint32_t)op_of(word[2]),
        .in_at = (uint32_t)atol(word[10]),
        .out_at = (uint32_t)atol(word[12]),
        .out_size = (uint32_t)atol(word[13]),
    };
    for (int i = 0; i < 5; i++) request.args[i] = (uint32_t)number(word[5 + i]);
    request.in_size = (uint32_t)unhex(word[11], in);
    bool starts = word[3][0] == 's';
    if (queued && (starts || queue[0].id != id || queued == QUEUE_MAX || queued_bytes > QUEUED_BYTES_MAX)) hear_queued();
    if (failed) return;
    if (!starts) {
        struct asked asked = {.id = id, .result = number(word[3]), .line = line_number, .out_size = request.out_size};
        snprintf(asked.hash, sizeof asked.hash, "%s", word[4]);
        memcpy(asked.shown, shown, sizeof shown);
        queue[queued++] = asked;
        queued_bytes += request.in_size + request.out_size;
        if (!ask_for(id, &request, in)) disagree("an answer", "is gone");
        return;
    }
    int32_t result;
    if (!ask(id, &request, in, &result, out)) return disagree(word[3], "is gone, or blocks");
    if (result < 0) return disagree_number(0, result);
    know(atoi(word[3] + 1), result);
}

static bool accept_process(int id) {
    if (!arrives(listener)) return false;
    processes[id].control = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct ucred who;
    socklen_t size = sizeof who;
    getsockopt(processes[id].control, SOL_SOCKET, SO_PEERCRED, &who, &size);
    if (!processes[id].pid) know(id, who.pid);
    if (who.pid != processes[id].pid) disagree("the process that it started", "another");
    return true;
}

/* start ID STDIN STDOUT STDERR */
static void start(char **word) {
    int id = atoi(word[1]), ends[2], stdio[3];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    int pid = fork();
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++) stdio[fd] = fcntl(slots[atoi(word[2 + fd])], F_DUPFD, ASIDE_FD);
        int control = fcntl(ends[1], F_DUPFD, ASIDE_FD);
        for (int fd = 0; fd < 3; fd++) dup2(stdio[fd], fd);
        syscall(SYS_close_range, 3, (unsigned)control - 1, 0);
        for (int fd = 0; fd < 3; fd++)
            if (stdio[fd] != control) close(stdio[fd]);
        syscall(SYS_close_range, (unsigned)control + 1, ~0U, 0);
        send(control, "", 1, MSG_NOSIGNAL);
        serve_module(control, control_path);
    }
    close(ends[1]);
    processes[id].control = ends[0];
    know(id, pid);
    // Until then it holds copies of all pipes, whose ends would not come.
    char there;
    if (!receive_all(ends[0], &there, 1)) disagree("starts", "does not");
}

/* execute ID PARENT: the parent lets it go, and it runs what it is to run. */
static void execute(char **word) {
    int id = atoi(word[1]), parent = atoi(word[2]);
    struct request request = {.op = OP_RELEASE, .args = {(uint32_t)processes[id].pid}};
    int32_t result;
    if (!ask(parent, &request, in, &result, out)) return disagree("executes", "has no parent");
    if (result != 1) return disagree_number(1, result);
    if (!accept_process(id)) disagree("executes", "does not");
}

static void expect_fork(int id) {
    if (!accept_process(id)) disagree("forks", "does not");
}

static void gone(int id) {
    if (!arrives(processes[id].pidfd)) disagree("ends", "lives on");
}

/* fail ID PARENT: the parent lets it go, and it cannot execute. */
static void fail(char **word) {
    int id = atoi(word[1]);
    struct request request = {.op = OP_RELEASE, .args = {(uint32_t)processes[id].pid}};
    int32_t result;
    if (!ask(atoi(word[2]), &request, in, &result, out)) return disagree("fails", "has no parent");
    if (result != 1) return disagree_number(1, result);
    gone(id);
}

/* exit ID CODE */
static void leave(char **word) {
    int id = atoi(word[1]);
    struct request request = {.op = OP_EXIT, .args = {(uint32_t)atol(word[2])}};
    send(processes[id].control, &request, sizeof request, MSG_NOSIGNAL);
    gone(id);
}

/* deadly ID NAME FD INAT INHEX: asked for, and never answered. */
static void deadly(char **word) {
    int id = atoi(word[1]);
    struct request request = {.op = (uint32_t)op_of(word[2]), .args = {(uint32_t)atol(word[3])}, .in_at = (uint32_t)atol(word[4])};
    request.in_size = (uint32_t)unhex(word[5], in);
    send(processes[id].control, &request, sizeof request, MSG_NOSIGNAL);
    send(processes[id].control, in, request.in_size, MSG_NOSIGNAL);
}

/* What stands outside: read SLOT SIZE RESULT HASH, write SLOT RESULT HEX. */
static void outside(char **word, bool writes) {
    int fd = slots[atoi(word[1])], flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    ssize_t result = writes ? write(fd, in, unhex(word[3], in)) : read(fd, out, (size_t)atol(word[2]));
    if (result < 0) result = -errno;
    const char *expected = word[writes ? 2 : 3];
    if (result != atol(expected)) disagree_number(atol(expected), result);
    else if (!writes && result > 0 && hash(out, (size_t)result) != strtoul(word[4], NULL, 10)) disagree("other bytes", "these");
}

static void begin_trace(char **word) {
    end_trace();
    trace_number = atoi(word[1]);
}

static void make_file(const char *path, const char *hex) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (write(fd, in, unhex(hex, in)) < 0) disagree("a file", "none");
    close(fd);
}

static void make_pipe(char **word) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return disagree("a pipe", "none");
    slots[atoi(word[1])] = ends[0];
    slots[atoi(word[2])] = ends[1];
}

static void obey(char **word) {
    const char *what = word[0];
    if (queued && strcmp(what, "call") != 0) hear_queued();
    if (strcmp(what, "trace") == 0) return begin_trace(word);
    if (failed) return;
    if (strcmp(what, "call") == 0) return call(word);
    if (strcmp(what, "read") == 0 || strcmp(what, "write") == 0) return outside(word, what[0] == 'w');
    if (strcmp(what, "directory") == 0) mkdir(word[1], 0755);
    else if (strcmp(what, "file") == 0) make_file(word[1], word[2]);
    else if (strcmp(what, "pipe") == 0) make_pipe(word);
    else if (strcmp(what, "null") == 0) slots[atoi(word[1])] = open("/dev/null", O_RDWR | O_CLOEXEC);
    else if (strcmp(what, "close") == 0) close_slot(atoi(word[1]));
    else if (strcmp(what, "start") == 0) start(word);
    else if (strcmp(what, "execute") == 0) execute(word);
    else if (strcmp(what, "accept") == 0) expect_fork(atoi(word[1]));
    else if (strcmp(what, "fail") == 0) fail(word);
    else if (strcmp(what, "exit") == 0) leave(word);
    else if (strcmp(what, "deadly") == 0) deadly(word);
    else if (strcmp(what, "gone") == 0) gone(atoi(word[1]));
    else disagree("a line that is known", "none");
}

static void listen_at(const char *directory) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(control_path, sizeof control_path, "%s/control", directory);
    memcpy(at.sun_path, control_path, sizeof control_path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || chmod(control_path, 0666) || listen(listener, 64)) {
        perror(control_path);
        exit(2);
    }
}

/* replay DIRECTORY < TRACES, or, in a process that it starts: replay CONTROL-PATH process */
int main(int count, char **arguments) {
    if (count == 3) serve_executed(arguments[1]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    // A reader that is gone is an answer to be compared.
    signal(SIGPIPE, SIG_IGN);
    listen_at(arguments[1]);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *word[WORDS_MAX] = {0}, *rest = line;
        line_number++;
        line[strcspn(line, "\n")] = 0;
        snprintf(shown, sizeof shown, "%s", line);
        for (int i = 0; i < WORDS_MAX && rest; i++) word[i] = strsep(&rest, " ");
        if (word[0] && *word[0]) obey(word);
    }
    hear_queued();
    end_trace();
    printf("%d agreed, %d disagreed\n", agreed, disagreed);
    return disagreed > 0;
}
