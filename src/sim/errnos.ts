/**
 * What each call of the boundary can answer instead of doing its work, on Linux, for a module that makes no mistake of its
 * own: no unknown handle (EBADF), no address outside its memory (EFAULT). From the man pages' ERRORS and what shim/sys
 * makes of them; where a call is several system calls, the errors of all. Simulations fail calls by this table.
 */
import type { ErrnoName } from './errno.js';

/** Of every path that is walked: path_resolution(7). */
const PATH: readonly ErrnoName[] = ['EACCES', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOMEM', 'ENOTDIR', 'EIO'];
/** Where a directory's entries change. */
const CHANGE: readonly ErrnoName[] = [...PATH, 'EPERM', 'EROFS'];
/** Where something new takes room there. */
const ROOM: readonly ErrnoName[] = ['ENOSPC', 'EDQUOT'];
/** A new descriptor. */
const DESCRIPTOR: readonly ErrnoName[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** By the calls' names in assembly/shim.ts; every call has a row. */
export const CALL_ERRNOS: Readonly<Record<string, readonly ErrnoName[]>> = {
  // read(2), recv(2); a directory opened as a file, a socket reset by its peer
  read: ['EAGAIN', 'EIO', 'EISDIR', 'ECONNRESET', 'ENOMEM'],
  // write(2), send(2)
  write: ['EAGAIN', 'EPIPE', 'EIO', 'ECONNRESET', 'EFBIG', 'ENOBUFS', 'ENOMEM', ...ROOM],
  readv: ['EAGAIN', 'EIO', 'ECONNRESET', 'ENOMEM'],
  writev: ['EAGAIN', 'EPIPE', 'EIO', 'ECONNRESET', 'ENOBUFS', 'ENOMEM', ...ROOM],
  // splice(2): EINVAL where one of the two cannot be spliced
  splice: ['EAGAIN', 'EINVAL', 'EPIPE', 'EIO', 'ECONNRESET', 'ENOMEM', ...ROOM],
  // ioctl(2): pipes, sockets and terminals always know; what does not, answers ENOTTY every time
  pending: [],
  duplicate: ['EMFILE'],
  // close(2): the descriptor is gone all the same
  close: ['EINTR', 'EIO', ...ROOM],
  describe: ['ENOMEM', 'EIO'],
  inherit: DESCRIPTOR,
  pipe: DESCRIPTOR,
  // fcntl(2): setting O_NONBLOCK fails for append-only files alone
  unblock: [],
  // fcntl(2): more than pipe-max-size, less than is in it
  capacity: ['EPERM', 'EBUSY', 'ENOMEM'],
  // fchmod(2)
  mark: ['EPERM', 'EIO', 'ENOMEM', 'EROFS'],
  marked: ['ENOMEM', 'EIO'],
  // A host that cannot watch ends the program: docs/architecture.md, "Readiness"
  watch: [],
  wakeAfter: [],
  // signalfd(2)
  signals: [...DESCRIPTOR, 'ENODEV'],
  // socket(2), bind(2), listen(2)
  listen: [...CHANGE, ...ROOM, ...DESCRIPTOR, 'EADDRINUSE', 'ENOBUFS'],
  // accept(2)
  accept: [...DESCRIPTOR, 'EAGAIN', 'ECONNABORTED', 'ENOBUFS', 'EPERM'],
  // socket(2), connect(2), unix(7)
  connect: [...PATH, ...DESCRIPTOR, 'EAGAIN', 'ECONNREFUSED', 'ENOBUFS', 'EPERM', 'EPROTOTYPE'],
  socketPair: DESCRIPTOR,
  peer: [],
  // sendmsg(2), unix(7): too many descriptors in flight
  send: ['EAGAIN', 'EPIPE', 'ECONNRESET', 'ENOBUFS', 'ENOMEM', 'ETOOMANYREFS'],
  // recvmsg(2); EMSGSIZE is shim/sys's word for descriptors that were dropped
  receive: ['EAGAIN', 'ECONNRESET', 'ENOMEM', 'EMSGSIZE'],
  // open(2)
  open: [...CHANGE, ...ROOM, 'EMFILE', 'ENFILE', 'EISDIR', 'ENODEV', 'ENXIO', 'ETXTBSY'],
  inspect: PATH,
  rename: [...CHANGE, ...ROOM, 'EBUSY', 'EISDIR'],
  unlink: [...CHANGE, 'EBUSY', 'EISDIR'],
  absolute: [...PATH, 'EMFILE', 'ENFILE'],
  // shim/sys/description.c: all arenas are busy, or one is full
  spawnBegin: ['ENOMEM'],
  spawnFiles: ['E2BIG', 'ENOMEM'],
  spawnSelf: ['ENOMEM'],
  spawnArguments: ['E2BIG', 'ENOMEM'],
  spawnEnvironment: ['E2BIG', 'ENOMEM'],
  spawnDescriptor: ['E2BIG', 'ENOMEM'],
  spawnUser: ['ENOMEM'],
  spawnLimit: ['E2BIG', 'ENOMEM'],
  spawnDirectory: ['E2BIG', 'ENOMEM'],
  spawnGate: ['ENOMEM'],
  // clone(2), pipe2(2); for a copy of itself also memfd_create(2), /proc/self/exe
  spawn: [...DESCRIPTOR, 'EAGAIN', 'E2BIG', 'EACCES', 'ENOENT', 'ENOSPC', 'EPERM'],
  // wait4(2): ECHILD for who has no such child is its own mistake
  wait: [],
  // kill(2): who was not reaped is there; it may be another user's by now
  kill: ['EPERM'],
  raise: [],
  // setsid(2)
  session: ['EPERM'],
  dieWithParent: [],
  title: [],
  moreDescriptors: ['EPERM'],
  // close_range(2) before Linux 5.9
  forgetOrigin: ['ENOSYS'],
  // unshare(2), mount(2)
  isolateMounts: ['EPERM', 'EINVAL', 'ENOMEM', 'ENOSPC'],
  enterRoot: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  // pivot_root(2)
  pivot: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  // umount2(2)
  unmount: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  makeDirectory: [...CHANGE, ...ROOM, 'EEXIST'],
  removeDirectory: [...CHANGE, 'EBUSY', 'ENOTEMPTY'],
  enterDirectory: PATH,
  // socket(2), netdevice(7)
  loopbackUp: [...DESCRIPTOR, 'EPERM', 'ENODEV', 'ENOBUFS', 'EAFNOSUPPORT'],
  // open(2) of /dev/ptmx, ioctl_tty(2)
  openPty: [...PATH, ...DESCRIPTOR, 'EPERM', 'ENODEV', 'ENXIO', 'ENOSPC', 'ENOTTY'],
  // ioctl_tty(2): EIO after a hangup
  raw: ['EIO', 'ENOTTY'],
  cooked: ['EIO', 'ENOTTY', 'EINTR'],
  windowSize: ['EIO', 'ENOTTY'],
  setWindowSize: ['EIO', 'ENOTTY'],
  // eventfd(2)
  counter: [...DESCRIPTOR, 'ENODEV'],
  // cgroup-v1/memory.rst: the write to cgroup.event_control
  cgroupNotify: ['EACCES', 'EINVAL', 'ENODEV', 'ENOENT', 'ENOMEM', 'EBUSY'],
  // inotify_init1(2), inotify_add_watch(2)
  follow: [...PATH, ...DESCRIPTOR, 'ENOSPC'],
};

/** WASI's calls that can fail, all with IO: of these only a message on a stderr that cannot be written. */
export const WASI_ERRNOS: Readonly<Record<string, readonly ErrnoName[]>> = { fd_write: ['EIO'] };

/** Each errno once, in the table's order; none for a call that cannot fail. */
export function errnosOf(call: string): readonly ErrnoName[] {
  const errnos = CALL_ERRNOS[call] ?? WASI_ERRNOS[call] ?? [];
  return [...new Set(errnos)];
}
