/**
 * The errnos with which each call of the boundary can fail on Linux when the module makes no mistake of its own: no unknown handle
 * (EBADF), no address outside its memory (EFAULT). Sources: the ERRORS of the man pages, and shim/sys. For a call that makes several
 * system calls, the errors of all of them. Simulations fail calls by this table.
 */
import type { ErrnoName } from '../kernel/errno.js';

/** Of every call that walks a path: path_resolution(7). */
const PATH: readonly ErrnoName[] = ['EACCES', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOMEM', 'ENOTDIR', 'EIO'];
/** Of every call that changes a directory's entries. */
const CHANGE: readonly ErrnoName[] = [...PATH, 'EPERM', 'EROFS'];
/** Of every call that allocates room there. */
const ROOM: readonly ErrnoName[] = ['ENOSPC', 'EDQUOT'];
/** Of every call that makes a descriptor. */
const DESCRIPTOR: readonly ErrnoName[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** By the names of assembly/boundary/shim.ts; every call has a row. */
export const CALL_ERRNOS: Readonly<Record<string, readonly ErrnoName[]>> = {
  // read(2), recv(2); a directory opened as a file, a socket reset by its peer
  read: ['EAGAIN', 'EIO', 'EISDIR', 'ECONNRESET', 'ENOMEM'],
  // write(2), send(2)
  write: ['EAGAIN', 'EPIPE', 'EIO', 'ECONNRESET', 'EFBIG', 'ENOBUFS', 'ENOMEM', ...ROOM],
  readv: ['EAGAIN', 'EIO', 'ECONNRESET', 'ENOMEM'],
  writev: ['EAGAIN', 'EPIPE', 'EIO', 'ECONNRESET', 'ENOBUFS', 'ENOMEM', ...ROOM],
  // splice(2): EINVAL when one of the two does not support splicing
  splice: ['EAGAIN', 'EINVAL', 'EPIPE', 'EIO', 'ECONNRESET', 'ENOMEM', ...ROOM],
  // ioctl(2): never fails on pipes, sockets and terminals; on other files it always returns ENOTTY
  bytesAvailable: [],
  // pread(2), fsync(2)
  readAt: ['EIO', 'ENOMEM'],
  fsync: ['EIO', 'EINTR', 'EROFS', ...ROOM],
  duplicate: ['EMFILE'],
  // close(2): the descriptor is closed even then
  close: ['EINTR', 'EIO', ...ROOM],
  handleType: ['ENOMEM', 'EIO'],
  adoptFd: DESCRIPTOR,
  pipe: DESCRIPTOR,
  // fcntl(2): setting O_NONBLOCK fails only for append-only files
  setNonblocking: [],
  // fcntl(2): more than pipe-max-size, or less than the pipe holds
  setPipeSize: ['EPERM', 'EBUSY', 'ENOMEM'],
  // fchmod(2)
  tagPipe: ['EPERM', 'EIO', 'ENOMEM', 'EROFS'],
  pipeTag: ['ENOMEM', 'EIO'],
  // A host that has no memory for it tries again: docs/internals/architecture.md, "Readiness"
  watch: [],
  wakeAfter: [],
  // signalfd(2)
  routeSignals: [...DESCRIPTOR, 'ENODEV'],
  // socket(2), bind(2), listen(2)
  // fchmod(2) of a new socket does not fail
  listen: [...CHANGE, ...ROOM, ...DESCRIPTOR, 'EADDRINUSE', 'ENOBUFS'],
  listenPackets: [...CHANGE, ...ROOM, ...DESCRIPTOR, 'EADDRINUSE', 'ENOBUFS'],
  // accept(2)
  accept: [...DESCRIPTOR, 'EAGAIN', 'ECONNABORTED', 'ENOBUFS', 'EPERM'],
  // socket(2), connect(2), unix(7)
  connect: [...PATH, ...DESCRIPTOR, 'EAGAIN', 'ECONNREFUSED', 'ENOBUFS', 'EPERM', 'EPROTOTYPE'],
  connectDatagrams: [...PATH, ...DESCRIPTOR, 'ECONNREFUSED', 'ENOBUFS', 'EPERM', 'EPROTOTYPE'],
  // socket(2), bind(2); fchmod(2) of a new socket does not fail
  listenDatagrams: [...CHANGE, ...ROOM, ...DESCRIPTOR, 'EADDRINUSE', 'ENOBUFS'],
  socketPair: DESCRIPTOR,
  peerPid: [],
  // sendmsg(2), unix(7): too many descriptors in flight
  send: ['EAGAIN', 'EPIPE', 'ECONNRESET', 'ENOBUFS', 'ENOMEM', 'ETOOMANYREFS'],
  // recvmsg(2); shim/sys returns EMSGSIZE when descriptors were dropped
  receive: ['EAGAIN', 'ECONNRESET', 'ENOMEM', 'EMSGSIZE'],
  // open(2)
  open: [...CHANGE, ...ROOM, 'EEXIST', 'EMFILE', 'ENFILE', 'EISDIR', 'ENODEV', 'ENXIO', 'ETXTBSY'],
  pathType: PATH,
  // memfd_create(2), write(2)
  sealedFile: [...DESCRIPTOR, 'ENOSPC', 'EPERM'],
  // mknod(2)
  makeFifo: [...CHANGE, ...ROOM, 'EEXIST'],
  // symlink(2)
  makeLink: [...CHANGE, ...ROOM, 'EEXIST'],
  rename: [...CHANGE, ...ROOM, 'EBUSY', 'EISDIR'],
  unlink: [...CHANGE, 'EBUSY', 'EISDIR'],
  realpath: [...PATH, 'EMFILE', 'ENFILE'],
  // shim/sys/spawn.c: all arenas are in use, or one is full
  spawnBegin: ['ENOMEM'],
  spawnFiles: ['E2BIG', 'ENOMEM'],
  spawnSelf: ['ENOMEM'],
  spawnArguments: ['E2BIG', 'ENOMEM'],
  spawnEnvironment: ['E2BIG', 'ENOMEM'],
  spawnDescriptor: ['E2BIG', 'ENOMEM'],
  spawnUser: ['ENOMEM'],
  spawnLimit: ['E2BIG', 'ENOMEM'],
  spawnDirectory: ['E2BIG', 'ENOMEM'],
  spawnBlock: ['E2BIG', 'ENOMEM'],
  spawnGroups: ['E2BIG', 'ENOMEM'],
  spawnUmask: ['ENOMEM'],
  spawnOwner: ['ENOMEM'],
  spawnStartPipe: ['ENOMEM'],
  // clone(2), pipe2(2); for a copy of itself also memfd_create(2), /proc/self/exe
  spawn: [...DESCRIPTOR, 'EAGAIN', 'E2BIG', 'EACCES', 'ENOENT', 'ENOSPC', 'EPERM'],
  // wait4(2): only a mistake of the caller's leads to ECHILD
  wait: [],
  waitUsage: [],
  // kill(2): an unreaped child exists, but it may run as another user now, or have no group yet
  kill: ['EPERM', 'ESRCH'],
  raise: [],
  isIgnored: [],
  // setsid(2)
  setsid: ['EPERM'],
  setChildSubreaper: [],
  // waitid(2)
  adoptChild: ['ECHILD', 'EAGAIN'],
  setParentDeathSignal: [],
  setProcessName: [],
  raiseNofileLimit: ['EPERM'],
  // close_range(2): before Linux 5.9
  dropStdioAndEnvironment: ['ENOSYS'],
  // unshare(2), mount(2)
  unshareMounts: ['EPERM', 'EINVAL', 'ENOMEM', 'ENOSPC'],
  bindRootAndEnter: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  // pivot_root(2)
  pivot: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  // umount2(2)
  unmount: [...PATH, 'EPERM', 'EINVAL', 'EBUSY'],
  makeDirectory: [...CHANGE, ...ROOM, 'EEXIST'],
  removeDirectory: [...CHANGE, 'EBUSY', 'ENOTEMPTY'],
  enterDirectory: PATH,
  // socket(2), netdevice(7)
  loopbackUp: [...DESCRIPTOR, 'EPERM', 'ENODEV', 'ENOBUFS', 'EAFNOSUPPORT'],
  // A runtime's own process: memfd_create(2), execveat(2)
  seal: [...DESCRIPTOR, 'EACCES', 'EPERM', 'ENOSPC'],
  // clone(2)
  fork: ['EAGAIN', 'ENOMEM', 'ENOSPC', 'EPERM'],
  joinNamespace: ['EINVAL', 'ENOMEM', 'EPERM'],
  unshare: ['EINVAL', 'ENOMEM', 'ENOSPC', 'EPERM'],
  execute: [...PATH, 'E2BIG', 'EPERM', 'ENOEXEC', 'ETXTBSY', 'EMFILE', 'EAGAIN'],
  openProcess: [...DESCRIPTOR, 'ESRCH', 'EINVAL'],
  signalProcess: ['EPERM', 'ESRCH'],
  placeDescriptor: ['EBUSY', 'EMFILE'],
  takeTerminal: ['EPERM', 'EIO', 'ENOTTY'],
  setUmask: [],
  setGroups: ['EPERM', 'ENOMEM', 'EINVAL'],
  setUser: ['EPERM', 'EINVAL', 'EAGAIN'],
  setCapabilities: ['EPERM'],
  processControl: ['EPERM', 'EINVAL'],
  setLimit: ['EPERM', 'EINVAL'],
  setFilter: ['EACCES', 'EINVAL', 'ENOMEM', 'ENOSYS'],
  // sched_setattr(2), ioprio_set(2), personality(2)
  setScheduler: ['EBUSY', 'EINVAL', 'EPERM'],
  setIoPriority: ['EINVAL', 'EPERM'],
  setPersonality: ['EINVAL'],
  newKeyring: ['EDQUOT', 'ENOMEM', 'ENOSYS', 'EPERM'],
  // personality(2), sched_setattr(2), sched_setaffinity(2), ioprio_set(2)
  resetAttributes: ['EPERM', 'EINVAL', 'ENOMEM', 'EBUSY'],
  setHostName: ['EPERM', 'EINVAL'],
  // Files by a directory's handle: openat2(2), and the man pages of the calls' names
  openAt: [...CHANGE, ...ROOM, 'EMFILE', 'ENFILE', 'EEXIST', 'EISDIR', 'ENODEV', 'ENXIO', 'ETXTBSY', 'EAGAIN'],
  makeDirectoryAt: [...CHANGE, ...ROOM, 'EEXIST'],
  makeNodeAt: [...CHANGE, ...ROOM, 'EEXIST'],
  makeLinkAt: [...CHANGE, ...ROOM, 'EEXIST'],
  removeAt: [...CHANGE, 'EBUSY', 'EISDIR', 'ENOTEMPTY'],
  renameAt: [...CHANGE, ...ROOM, 'EBUSY', 'EISDIR'],
  statAt: PATH,
  readLinkAt: [...PATH, 'EINVAL'],
  readDirectory: ['ENOENT', 'EIO', 'ENOMEM'],
  changeOwner: ['EPERM', 'EROFS', 'EIO', 'ENOMEM', 'EDQUOT'],
  changeMode: ['EPERM', 'EROFS', 'EIO', 'ENOMEM'],
  enterDirectoryAt: ['EACCES', 'ENOTDIR'],
  // fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2)
  openFileSystem: [...DESCRIPTOR, 'ENODEV', 'EPERM', 'ENOSYS'],
  configureFileSystem: ['EINVAL', 'EBUSY', 'EPERM', 'ENOMEM', 'ENOSPC'],
  mountFileSystem: [...DESCRIPTOR, 'EINVAL', 'EPERM', 'EBUSY'],
  cloneMount: [...DESCRIPTOR, 'EINVAL', 'EPERM', 'ENOSPC'],
  moveMount: ['EINVAL', 'EPERM', 'ENOTDIR', 'ELOOP', 'EBUSY'],
  changeMount: ['EINVAL', 'EPERM', 'EBUSY', 'EROFS'],
  mapMount: ['EINVAL', 'EPERM', 'EBUSY'],
  // open(2) of /dev/ptmx, ioctl_tty(2)
  openPty: [...PATH, ...DESCRIPTOR, 'EPERM', 'ENODEV', 'ENXIO', 'ENOSPC', 'ENOTTY'],
  // ioctl_tty(2): EIO after a hangup
  setRawMode: ['EIO', 'ENOTTY'],
  restoreTermios: ['EIO', 'ENOTTY', 'EINTR'],
  copyWindowSize: ['EIO', 'ENOTTY'],
  windowSize: ['EIO', 'ENOTTY'],
  setWindowSize: ['EIO', 'ENOTTY'],
  // eventfd(2)
  eventfd: [...DESCRIPTOR, 'ENODEV'],
  // cgroup-v1/memory.rst: writing to cgroup.event_control
  cgroupNotify: ['EACCES', 'EINVAL', 'ENODEV', 'ENOENT', 'ENOMEM', 'EBUSY'],
  // inotify_init1(2), inotify_add_watch(2)
  watchMemoryEvents: [...PATH, ...DESCRIPTOR, 'ENOSPC'],
  // bpf(2): EACCES where the program is refused
  attachDeviceFilter: [...DESCRIPTOR, 'E2BIG', 'EACCES', 'EINVAL', 'ENOSYS', 'EPERM'],
};

/** WASI's calls that can fail. The only one is the write of a message to a stderr that cannot be written. */
const WASI_ERRNOS: Readonly<Record<string, readonly ErrnoName[]>> = { fd_write: ['EIO'] };

/** Each errno once, in the table's order; an empty list for a call that cannot fail. */
export function errnosOf(call: string): readonly ErrnoName[] {
  const errnos = CALL_ERRNOS[call] ?? WASI_ERRNOS[call] ?? [];
  return [...new Set(errnos)];
}
