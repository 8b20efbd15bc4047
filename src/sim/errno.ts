/** Errors by their Linux numbers: errno(3). Calls answer with them negated. */
export const errnos = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, ENOEXEC: 8, EBADF: 9, ECHILD: 10, EAGAIN: 11,
  ENOMEM: 12, EACCES: 13, EFAULT: 14, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19, ENOTDIR: 20, EISDIR: 21,
  EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EROFS: 30, EPIPE: 32,
  ENAMETOOLONG: 36, ENOSYS: 38, ENOTEMPTY: 39, ELOOP: 40, ENOTSOCK: 88, EMSGSIZE: 90, EPROTOTYPE: 91, EOPNOTSUPP: 95, EAFNOSUPPORT: 97,
  EADDRINUSE: 98, ECONNABORTED: 103,
  ECONNRESET: 104, ENOBUFS: 105, EISCONN: 106, ENOTCONN: 107, ETOOMANYREFS: 109, ECONNREFUSED: 111, EDQUOT: 122,
} as const;

export type ErrnoName = keyof typeof errnos;

const names = new Map<number, string>(Object.entries(errnos).map(([name, number]) => [number, name]));

/** "EAGAIN" for 11; "errno 1000" for one that has no name here. */
export function errnoName(number: number): string { return names.get(number) ?? `errno ${number}`; }

export const {
  EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY,
  EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, ENOSPC, ESPIPE, EROFS, EPIPE,
  ENAMETOOLONG, ENOSYS, ENOTEMPTY, ELOOP, ENOTSOCK, EMSGSIZE, EOPNOTSUPP, EADDRINUSE, ECONNRESET, ENOBUFS, EISCONN,
  ENOTCONN, ECONNREFUSED, EDQUOT,
} = errnos;
