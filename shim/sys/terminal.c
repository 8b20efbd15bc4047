#include "host.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <asm/termios.h>

int32_t shim_openPty(struct host *host, uint32_t handles_at) {
    static const char multiplexer[] = "/dev/ptmx";
    int locked = 0, fds[2];
    // The container's root decides which file is at this path: it must not block us or become our terminal.
    fds[0] = (int)sys(openat, AT_FDCWD, multiplexer, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fds[0] < 0) return fds[0];
    long result = sys(ioctl, fds[0], TIOCSPTLCK, &locked);
    // Opens the slave of this master, whatever is mounted on /dev/pts.
    if (result >= 0) result = sys(ioctl, fds[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    // Clients get a blocking master, as from openpty(3).
    if (result >= 0) sys(fcntl, fds[0], F_SETFL, O_RDWR);
    if (result < 0) {
        sys(close, fds[0]);
        return (int32_t)result;
    }
    fds[1] = (int)result;
    return handle_pair(host, handles_at, fds);
}

int32_t shim_setRawMode(struct host *host, uint32_t handle) {
    struct termios now;
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    long result = sys(ioctl, fd, TCGETS, &now);
    if (result < 0) return (int32_t)result;
    if (!host->settings_kept) host->settings = now;
    host->settings_kept = true;
    now.c_iflag &= ~(unsigned)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    now.c_oflag &= ~(unsigned)OPOST;
    now.c_lflag &= ~(unsigned)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    now.c_cflag = (now.c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8;
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    return (int32_t)sys(ioctl, fd, TCSETS, &now);
}

int32_t shim_restoreTermios(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    // TCSETSW: pending output was written for the raw terminal, so let it drain first.
    return host->settings_kept ? (int32_t)sys(ioctl, fd, TCSETSW, &host->settings) : 0;
}

int32_t shim_copyWindowSize(struct host *host, uint32_t from, uint32_t to) {
    struct winsize size;
    int source = fd_of(host, from), target = fd_of(host, to);
    if (source < 0 || target < 0) return -EBADF;
    long result = sys(ioctl, source, TIOCGWINSZ, &size);
    return (int32_t)(result < 0 ? result : sys(ioctl, target, TIOCSWINSZ, &size));
}

int32_t shim_windowSize(struct host *host, uint32_t handle, uint32_t at) {
    struct winsize size;
    int fd = fd_of(host, handle);
    guest_i32 *rows_columns = guest(host, at, 2 * sizeof *rows_columns);
    if (fd < 0) return fd;
    if (!rows_columns) return -EFAULT;
    long result = sys(ioctl, fd, TIOCGWINSZ, &size);
    if (result < 0) return (int32_t)result;
    rows_columns[0] = size.ws_row;
    rows_columns[1] = size.ws_col;
    return 0;
}

int32_t shim_setWindowSize(struct host *host, uint32_t handle, uint32_t rows, uint32_t columns) {
    int fd = fd_of(host, handle);
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    return fd < 0 ? fd : (int32_t)sys(ioctl, fd, TIOCSWINSZ, &size);
}
