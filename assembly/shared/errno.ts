/** Errors that the boundary answers with, as on Linux: errno(3). Calls return them negated. */
export const EPERM: i32 = 1;
export const ENOENT: i32 = 2;
export const ESRCH: i32 = 3;
export const EIO: i32 = 5;
export const E2BIG: i32 = 7;
export const ENOEXEC: i32 = 8;
export const EBADF: i32 = 9;
export const ECHILD: i32 = 10;
export const EAGAIN: i32 = 11;
export const ENOMEM: i32 = 12;
export const EACCES: i32 = 13;
export const EFAULT: i32 = 14;
export const EBUSY: i32 = 16;
export const EEXIST: i32 = 17;
export const ENODEV: i32 = 19;
export const ENOTDIR: i32 = 20;
export const EISDIR: i32 = 21;
export const EINVAL: i32 = 22;
export const ENFILE: i32 = 23;
export const EMFILE: i32 = 24;
export const ENOTTY: i32 = 25;
export const ETXTBSY: i32 = 26;
export const ENOSPC: i32 = 28;
export const EROFS: i32 = 30;
export const EPIPE: i32 = 32;
export const ENAMETOOLONG: i32 = 36;
export const ENOSYS: i32 = 38;
export const ELOOP: i32 = 40;
export const EMSGSIZE: i32 = 90;
export const EADDRINUSE: i32 = 98;
export const ENOBUFS: i32 = 105;
export const ECONNRESET: i32 = 104;
export const ECONNREFUSED: i32 = 111;
export const EDQUOT: i32 = 122;

/** What an errno says to a person; empty for one that we never saw. */
export function describeError(errno: i32): string {
  switch (errno) {
    case EPERM: return "operation not permitted";
    case ENOENT: return "no such file or directory";
    case ESRCH: return "no such process";
    case EIO: return "input/output error";
    case E2BIG: return "argument list too long";
    case ENOEXEC: return "not a program that this kernel can run";
    case EBADF: return "bad descriptor";
    case ECHILD: return "no such child";
    case EAGAIN: return "resource temporarily unavailable";
    case ENOMEM: return "out of memory";
    case EACCES: return "permission denied";
    case EBUSY: return "device or resource busy";
    case EEXIST: return "file exists";
    case ENODEV: return "no such device";
    case ENOTDIR: return "not a directory";
    case EISDIR: return "is a directory";
    case EINVAL: return "invalid argument";
    case ENFILE: return "too many open files in the system";
    case EMFILE: return "too many open files";
    case ENOTTY: return "not a terminal";
    case ETXTBSY: return "file is being written to";
    case ENOSPC: return "no space left on device";
    case EROFS: return "read-only file system";
    case EPIPE: return "broken pipe";
    case ENAMETOOLONG: return "name too long";
    case ENOSYS: return "not supported by this kernel";
    case ELOOP: return "too many symbolic links";
    case EMSGSIZE: return "message too long";
    case EADDRINUSE: return "address already in use";
    case ECONNRESET: return "connection reset by peer";
    case ENOBUFS: return "no buffer space available";
    case ECONNREFUSED: return "connection refused";
    case EDQUOT: return "disk quota exceeded";
    default: return "";
  }
}
