/* Pipes, socket pairs, listeners, event counters: what descriptors do. */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BYTES_MAX (1 << 20)
#define RIGHTS_MAX 16

static uint8_t buffer[BYTES_MAX];

static int fd_of(const struct step *step, int index) { return slots[step->numbers[index]]; }

static void make_two(const struct step *step, int error, const int *ends) {
    if (error) return result(-errno);
    put_slot((int)step->numbers[0], ends[0]);
    put_slot((int)step->numbers[1], ends[1]);
    result(0);
}

static void make_pipe(const struct step *step) {
    int ends[2];
    make_two(step, pipe2(ends, O_CLOEXEC | O_NONBLOCK), ends);
}

static void make_pair(const struct step *step) {
    int ends[2];
    make_two(step, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ends);
}

static void put_new(const struct step *step, int fd) {
    if (fd < 0) return result(-errno);
    put_slot((int)step->numbers[0], fd);
    result(0);
}

static void make_counter(const struct step *step) { put_new(step, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
static void duplicate(const struct step *step) { put_new(step, fcntl(fd_of(step, 1), F_DUPFD_CLOEXEC, 3)); }

/* Abstract addresses: nothing is left behind. */
static socklen_t address(struct sockaddr_un *at, long number) {
    memset(at, 0, sizeof *at);
    at->sun_family = AF_UNIX;
    int size = snprintf(at->sun_path + 1, sizeof at->sun_path - 1, "warden-sequence-%d-%ld", getpid(), number);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

static int with_address(const struct step *step, long number, int (*use)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un at;
    socklen_t size = address(&at, number);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (use(fd, (struct sockaddr *)&at, size) == 0) {
        put_slot((int)step->numbers[0], fd);
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* listen SLOT ADDRESS BACKLOG */
static void make_listener(const struct step *step) {
    int fd = with_address(step, step->numbers[1], bind);
    result(fd < 0 ? -errno : outcome(listen(fd, (int)step->numbers[2])));
}

/* connect SLOT ADDRESS */
static void make_connection(const struct step *step) { result(with_address(step, step->numbers[1], connect) < 0 ? -errno : 0); }

/* accept SLOT LISTENER */
static void accept_connection(const struct step *step) { put_new(step, accept4(fd_of(step, 1), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

static void close_one(const struct step *step) {
    int fd = fd_of(step, 0);
    slots[step->numbers[0]] = -1;
    result(outcome(close(fd)));
}

/* read SLOT SIZE: the result, and a hash of the bytes. */
static void read_one(const struct step *step) {
    long got = outcome(read(fd_of(step, 0), buffer, (size_t)step->numbers[1]));
    result_text("%ld %u", got, got > 0 ? hash(buffer, (size_t)got) : 0);
}

static void write_one(const struct step *step) {
    size_t size = (size_t)step->numbers[1];
    result(outcome(write(fd_of(step, 0), next_bytes(size), size)));
}

/* add SLOT VALUE: to an event counter. */
static void add(const struct step *step) {
    uint64_t value = (uint64_t)step->numbers[1];
    result(outcome(write(fd_of(step, 0), &value, sizeof value)));
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * RIGHTS_MAX)];
};

/* send SLOT SIZE RIGHT... */
static void send_one(const struct step *step) {
    size_t size = (size_t)step->numbers[1], count = (size_t)step->count - 2;
    union control control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)next_bytes(size), .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * count)};
        for (size_t i = 0; i < count; i++) ((int *)(void *)CMSG_DATA(&control.header))[i] = fd_of(step, (int)i + 2);
    }
    result(outcome(sendmsg(fd_of(step, 0), &message, MSG_NOSIGNAL)));
}

/* receive SLOT SIZE FIRST: the result, a hash, and how many descriptors came, which go to the slots from FIRST on. */
static void receive_one(const struct step *step) {
    union control control;
    struct iovec part = {.iov_base = buffer, .iov_len = (size_t)step->numbers[1]};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    long got = outcome(recvmsg(fd_of(step, 0), &message, MSG_CMSG_CLOEXEC));
    size_t count = 0;
    struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header) count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) put_slot((int)step->numbers[2] + (int)i, ((int *)(void *)CMSG_DATA(header))[i]);
    result_text("%ld %u %zu", got, got > 0 ? hash(buffer, (size_t)got) : 0, count);
}

static void splice_one(const struct step *step) {
    result(outcome(splice(fd_of(step, 0), NULL, fd_of(step, 1), NULL, (size_t)step->numbers[2], SPLICE_F_MOVE | SPLICE_F_NONBLOCK)));
}

static void available(const struct step *step) {
    int bytes = 0;
    result(ioctl(fd_of(step, 0), FIONREAD, &bytes) ? -errno : bytes);
}

static void resize(const struct step *step) { result(outcome(fcntl(fd_of(step, 0), F_SETPIPE_SZ, (int)step->numbers[1]))); }
static void end_writing(const struct step *step) { result(outcome(shutdown(fd_of(step, 0), SHUT_WR))); }
static void poll_one(const struct step *step) { result(poll_events(fd_of(step, 0))); }
static void set_mode(const struct step *step) { result(outcome(fchmod(fd_of(step, 0), (mode_t)step->numbers[1]))); }

static void get_mode(const struct step *step) {
    struct stat info;
    result(fstat(fd_of(step, 0), &info) ? -errno : (long)(info.st_mode & 07777));
}

/* reopen SLOT OF: a description of its own of the same object, as /proc/self/fd gives it. */
static void reopen(const struct step *step) {
    char path[64];
    int fd = fd_of(step, 1), access = fcntl(fd, F_GETFL) & O_ACCMODE;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    put_new(step, open(path, access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

const struct operation descriptor_operations[] = {
    {"pipe", make_pipe},
    {"pair", make_pair},
    {"counter", make_counter},
    {"duplicate", duplicate},
    {"listen", make_listener},
    {"connect", make_connection},
    {"accept", accept_connection},
    {"close", close_one},
    {"read", read_one},
    {"write", write_one},
    {"add", add},
    {"send", send_one},
    {"receive", receive_one},
    {"splice", splice_one},
    {"available", available},
    {"resize", resize},
    {"shutdown", end_writing},
    {"poll", poll_one},
    {"setmode", set_mode},
    {"mode", get_mode},
    {"reopen", reopen},
    {NULL, NULL},
};
