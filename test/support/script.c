/*
 * Runs the scripts of docs/internals/simulation.md on Linux, step for step as the simulated kernel does (src/sim/script/runner.ts):
 *
 *   script -c 'TEXT' [ARG…]   or   script FILE [ARG…], as "#!/…/script" in a file's first line
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE_BYTES 4096
#define BUFFER_BYTES 65536
#define DESCRIPTORS 16
#define EXIT_BAD_SCRIPT 2

extern char **environ;
static char **arguments;
/* Bytes of the pattern written so far, by descriptor. */
static uint64_t written[DESCRIPTORS];
static uint8_t buffer[BUFFER_BYTES];

static void fail(const char *words, const char *what) {
    dprintf(2, "script: %s%s\n", words, what);
    _exit(EXIT_BAD_SCRIPT);
}

/* src/sim/script/pattern.ts */
static uint8_t pattern_byte(uint32_t fd, uint64_t position) {
    uint32_t low = (uint32_t)position, high = (uint32_t)(position >> 32);
    uint32_t mixed = (low ^ (low >> 15) ^ (high + fd * 0x51) * 0x2545f491u) * 0x9e3779b1u;
    return (uint8_t)((mixed >> 24) ^ mixed);
}

/* False when nobody reads it any more: the rest is given up. */
static int put(int fd, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t sent = write(fd, at, size);
        if (sent < 0) return 0;
        at += sent;
        size -= (size_t)sent;
    }
    return 1;
}

static void write_stream(int fd, uint64_t count, uint64_t piece, int zeros) {
    if (fd >= DESCRIPTORS) fail("no pattern for so high a descriptor", "");
    if (piece < 1 || piece > BUFFER_BYTES) piece = piece < 1 ? 1 : BUFFER_BYTES;
    while (count > 0) {
        size_t size = count < piece ? count : piece;
        for (size_t i = 0; i < size; i++) buffer[i] = zeros ? 0 : pattern_byte((uint32_t)fd, written[fd] + i);
        if (!put(fd, buffer, size)) return;
        written[fd] += size;
        count -= size;
    }
}

/* Reads so many bytes from stdin, or to its end; copies them to stdout. */
static void take(uint64_t count, int copies) {
    while (count > 0) {
        ssize_t got = read(0, buffer, count < BUFFER_BYTES ? count : BUFFER_BYTES);
        if (got <= 0) return;
        if (copies && !put(1, buffer, (size_t)got)) return;
        count -= (uint64_t)got;
    }
}

static void print_list(int fd, char *const *list) {
    for (; *list; list++) dprintf(fd, "%s%s", *list, list[1] ? " " : "");
    dprintf(fd, "\n");
}

static void print_descriptors(int fd) {
    char line[256] = "";
    for (int each = 0; each < DESCRIPTORS * 4; each++)
        if (fcntl(each, F_GETFD) >= 0) sprintf(line + strlen(line), *line ? " %d" : "%d", each);
    dprintf(fd, "%s\n", line);
}

static void print_size(int fd) {
    struct winsize size;
    for (int each = 0; each < 3; each++)
        if (ioctl(each, TIOCGWINSZ, &size) == 0) {
            dprintf(fd, "%d %d\n", size.ws_row, size.ws_col);
            return;
        }
    dprintf(fd, "no terminal\n");
}

static void print(int fd, const char *what) {
    char path[PATH_MAX];
    if (!strcmp(what, "pid")) dprintf(fd, "%d\n", getpid());
    else if (!strcmp(what, "cwd")) dprintf(fd, "%s\n", getcwd(path, sizeof path) ? path : "?");
    else if (!strcmp(what, "uid")) dprintf(fd, "%u %u\n", getuid(), getgid());
    else if (!strcmp(what, "env")) print_list(fd, environ);
    else if (!strcmp(what, "args")) print_list(fd, arguments);
    else if (!strcmp(what, "descriptors")) print_descriptors(fd);
    else if (!strcmp(what, "size")) print_size(fd);
    else dprintf(fd, "nothing is known about %s\n", what);
}

static const char *run(const char *text, int acts, int in_braces);

static const char *skip(const char *text) {
    for (;;) {
        while (isspace((unsigned char)*text) || *text == ';') text++;
        if (*text != '#') return text;
        text += strcspn(text, "\n");
    }
}

/* The steps in braces at `text`, done or not; where they end. */
static const char *block(const char *text, int acts) {
    text = skip(text);
    if (*text != '{') fail("{ steps } is missing", "");
    return run(text + 1, acts, 1);
}

static const char *fork_block(const char *text, int acts) {
    pid_t child = acts ? fork() : -1;
    if (child == 0) {
        block(text, 1);
        _exit(0);
    }
    return block(text, 0);
}

static void pause_for(uint64_t milliseconds) { usleep((useconds_t)(milliseconds * 1000)); }

/* One step without braces. */
static void act(const char *op, const char *rest) {
    char what[32] = "";
    unsigned long long number[3] = {0, 0, PIECE_BYTES};
    int given = sscanf(rest, "%llu %llu %llu", &number[0], &number[1], &number[2]);
    if (!strcmp(op, "write") && given >= 2) write_stream((int)number[0], number[1], number[2], 0);
    else if (!strcmp(op, "zeros") && given >= 2) write_stream((int)number[0], number[1], BUFFER_BYTES, 1);
    else if (!strcmp(op, "say") && given >= 1) {
        int skipped = 0;
        sscanf(rest, "%*u%n", &skipped);
        dprintf((int)number[0], "%s\n", rest[skipped] == ' ' ? rest + skipped + 1 : rest + skipped);
    } else if (!strcmp(op, "print") && sscanf(rest, "%*u %31s", what) == 1) print((int)number[0], what);
    else if (!strcmp(op, "read") && given >= 1) take(number[0], 0);
    else if (!strcmp(op, "drain")) take(UINT64_MAX, 0);
    else if (!strcmp(op, "copy")) take(UINT64_MAX, 1);
    else if (!strcmp(op, "sleep") && given >= 1) pause_for(number[0]);
    else if (!strcmp(op, "exit") && given >= 1) _exit((int)number[0]);
    else if (!strcmp(op, "die") && given >= 1) kill(getpid(), (int)number[0]);
    else if (!strcmp(op, "ignore") && given >= 1) signal((int)number[0], SIG_IGN);
    else if (!strcmp(op, "close") && given >= 1) close((int)number[0]);
    else if (!strcmp(op, "wait"))
        while (wait(NULL) > 0) {}
    else if (!strcmp(op, "hang"))
        for (;;) pause();
    else fail("unknown step: ", op);
}

/* Runs the steps up to the end, or to the brace that closes them; where that is. */
static const char *run(const char *text, int acts, int in_braces) {
    for (;;) {
        text = skip(text);
        if (*text == '}' && in_braces) return text + 1;
        if (!*text) {
            if (in_braces) fail("a { has no }", "");
            return text;
        }
        size_t length = strcspn(text, ";{}\n");
        char step[4096], op[32] = "";
        if (length >= sizeof step) fail("a step is too long", "");
        memcpy(step, text, length);
        while (length > 0 && isspace((unsigned char)step[length - 1])) length--;
        step[length] = 0;
        text += strcspn(text, ";{}\n");
        int behind = 0;
        if (sscanf(step, "%31s%n", op, &behind) != 1) fail("unknown step: ", step);
        const char *rest = step + behind + (step[behind] == ' ');
        if (!strcmp(op, "fork")) text = fork_block(text, acts);
        else if (!strcmp(op, "repeat")) {
            const char *start = text;
            for (unsigned long times = acts ? strtoul(rest, NULL, 10) : 0; times > 0; times--) block(start, 1);
            text = block(start, 0);
        } else if (acts) act(op, rest);
    }
}

static char *text_of(const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) fail("cannot read ", path);
    static char text[1 << 16];
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

int main(int count, char **argv) {
    arguments = argv;
    if (count < 2) fail("which script?", "");
    int in_line = count > 2 && !strcmp(argv[1], "-c");
    run(in_line ? argv[2] : text_of(argv[1]), 1, 0);
    return 0;
}
