/* A pty: the sequence's process is the session's leader, with the slave as its terminal. */
#define _GNU_SOURCE
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BYTES_MAX (1 << 16)
#define SAMPLES_MAX 500
#define PAUSE_NS 200000

static const int watched_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGCONT, SIGTSTP, SIGWINCH};
static uint8_t buffer[BYTES_MAX];
static struct termios first;
static int master = -1;
static long patience_ms;

static int fd_of(const struct step *step, int index) { return slots[step->numbers[index]]; }

/* patience MILLISECONDS: how long each `await` waits at least. */
static void set_patience(const struct step *step) {
    patience_ms = step->numbers[0];
    result(0);
}

static long waiting(long slot) {
    int bytes = 0;
    if (slot < 0) return -1;
    return ioctl(slots[slot], FIONREAD, &bytes) ? -errno : bytes;
}

/* await MASTER SLAVE OUT IN: bytes go through workers of the kernel's. Waits until so many can be read; prints how many can. */
static void await_bytes(const struct step *step) {
    const long *numbers = step->numbers;
    long out, in;
    struct timespec least = {.tv_nsec = patience_ms * 1000000};
    if (patience_ms > 0) nanosleep(&least, NULL);
    for (int sample = 0; sample < SAMPLES_MAX; sample++) {
        struct timespec pause = {.tv_nsec = PAUSE_NS};
        out = waiting(numbers[0]);
        in = waiting(numbers[1]);
        if (out == numbers[2] && in == numbers[3]) break;
        nanosleep(&pause, NULL);
    }
    result_text("%ld %ld", out, in);
}

/* terminal MASTER SLAVE */
static void open_terminal(const struct step *step) {
    int locked = 0;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched_signals / sizeof *watched_signals; i++) sigaddset(&set, watched_signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setsid();
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &locked)) return result(-errno);
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) || tcgetattr(slave, &first)) return result(-errno);
    put_slot((int)step->numbers[0], master);
    put_slot((int)step->numbers[1], slave);
    result(0);
}

/* type SLOT BYTE... */
static void type(const struct step *step) {
    uint8_t keys[NUMBERS_MAX];
    for (int i = 1; i < step->count; i++) keys[i - 1] = (uint8_t)step->numbers[i];
    result(outcome(write(fd_of(step, 0), keys, (size_t)step->count - 1)));
}

/* fill SLOT SIZE BYTE: writes one byte SIZE times; with a newline at each 50th place when BYTE is negative. */
static void fill(const struct step *step) {
    long size = step->numbers[1], byte = step->numbers[2];
    for (long i = 0; i < size; i++) buffer[i] = (uint8_t)(byte < 0 ? (i % 50 == 49 ? '\n' : -byte) : byte);
    result(outcome(write(fd_of(step, 0), buffer, (size_t)size)));
}

/* take SLOT SIZE: reads; the result, and a hash of the bytes. */
static void take(const struct step *step) {
    long got = outcome(read(fd_of(step, 0), buffer, (size_t)step->numbers[1]));
    result_text("%ld %u", got, got > 0 ? hash(buffer, (size_t)got) : 0);
}

static void raw(const struct step *step) {
    struct termios now;
    if (tcgetattr(fd_of(step, 0), &now)) return result(-errno);
    now.c_iflag &= ~(unsigned)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    now.c_oflag &= ~(unsigned)OPOST;
    now.c_lflag &= ~(unsigned)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    result(tcsetattr(fd_of(step, 0), TCSANOW, &now) ? -errno : 0);
}

static void cooked(const struct step *step) { result(tcsetattr(fd_of(step, 0), TCSADRAIN, &first) ? -errno : 0); }

/* size SLOT */
static void size(const struct step *step) {
    struct winsize size = {0};
    result(ioctl(fd_of(step, 0), TIOCGWINSZ, &size) ? -errno : size.ws_row * 1000 + size.ws_col);
}

/* setsize SLOT ROWS COLUMNS */
static void set_size(const struct step *step) {
    struct winsize size = {.ws_row = (unsigned short)step->numbers[1], .ws_col = (unsigned short)step->numbers[2]};
    result(outcome(ioctl(fd_of(step, 0), TIOCSWINSZ, &size)));
}

/* signals: those that came since the last question, as a set of bits. */
static void signals(const struct step *step) {
    (void)step;
    result(pending_signals());
}

/* slave SLOT: opens the slave once more. */
static void open_slave(const struct step *step) {
    int fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return result(-errno);
    put_slot((int)step->numbers[0], fd);
    result(0);
}

/* hangup SLOT: closes a terminal's end. */
static void hang_up(const struct step *step) {
    int fd = fd_of(step, 0);
    if (fd == master) master = -1;
    slots[step->numbers[0]] = -1;
    result(outcome(close(fd)));
}

const struct operation terminal_operations[] = {
    {"await", await_bytes},
    {"patience", set_patience},
    {"terminal", open_terminal},
    {"type", type},
    {"fill", fill},
    {"take", take},
    {"raw", raw},
    {"cooked", cooked},
    {"size", size},
    {"setsize", set_size},
    {"signals", signals},
    {"slave", open_slave},
    {"hangup", hang_up},
    {NULL, NULL},
};
