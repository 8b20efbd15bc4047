/* Files in memory that nobody can change any more. memfd_create(2) */
#include "spawn.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

/* MFD_NOEXEC_SEAL, which older headers lack. */
#define MFD_NOEXEC 8U
#define NAME "warden"

static long seal(long file) { return sys(fcntl, file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); }

int32_t shim_sealedFile(struct host *host, uint32_t at, uint32_t size) {
    static const char name[] = NAME;
    const uint8_t *from = guest(host, at, size);
    if (!from) return -EFAULT;
    // Where vm.memfd_noexec is 2, a file that can be executed is refused; before Linux 6.3 the flag is.
    long file = sys(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC);
    if (file == -EINVAL) file = sys(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return (int32_t)file;
    long wrote = 1;
    for (uint32_t done = 0; done < size && wrote > 0; done += (uint32_t)wrote) wrote = sys(write, file, from + done, size - done);
    long result = wrote > 0 ? seal(file) : wrote == 0 ? -ENOSPC : wrote;
    if (result >= 0) return handle_for(host, file);
    sys(close, file);
    return (int32_t)result;
}

long sealed_copy(void) {
    static const char running[] = "/proc/self/exe", name[] = NAME;
    long source = sys(openat, AT_FDCWD, running, O_RDONLY | O_CLOEXEC);
    if (source < 0) return source;
    long copy = sys(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    long moved = copy < 0 ? copy : 1;
    while (moved > 0) moved = sys(sendfile, copy, source, NULL, 1 << 20);
    sys(close, source);
    if (moved == 0) moved = seal(copy);
    if (moved == 0) return copy;
    if (copy >= 0) sys(close, copy);
    return moved;
}
