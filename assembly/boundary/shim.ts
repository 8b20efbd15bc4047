/**
 * The boundary: every call that a module may make of its host, stated once. The native programs and the addon implement it in
 * `shim/sys`, the simulated kernel in `src/sim`; a test holds all of them to this file.
 *
 * - A handle is a small integer that the host gave out. A module cannot name a descriptor in another way.
 * - No call blocks. Each returns a number >= 0 or a negated errno. The module decides how to treat an error.
 * - `at` is an offset in the module's memory, `size` counts bytes, `path` is the offset of a NUL-terminated string.
 * - A range outside the module's memory is -EFAULT, an unknown handle -EBADF, a forbidden path (`shim/sys/policy.c`) -EACCES.
 *
 * The host calls the module's exports: `onStart()` once; `onReady(handle, events)` while a watched handle is ready; `onFork()`
 * once, in the child of `fork`; `onSignal(signal)` for the signals of `routeSignals`; `onDeadline()` when the time of `wakeAfter`
 * is over; `onTrap()` when one of these trapped. `onTrap` returns -1 if the program can go on without that request, else its code.
 *
 * A host that runs a module inside a larger program needs more than an exit code, and calls the exports below. None of them calls
 * the host, except `resize` and `sendSignal`. All but `resumeAt` may be called at any time, also after the program's end:
 *
 * - wsh, iomux-link: `ending()`, how the command or the job ended: its raw status (wait(2)), or an `Ending` of lib/outcome.ts;
 * - wsh: `resize(rows, columns)` sets the size of the terminal of --tty; `sendSignal(signal, toGroup)` passes a signal on by
 *   protocol 2; `figure(which)` is what the command used, `Figure` of assembly/programs/wsh/records.ts;
 * - iomux-link, where a channel is 0 for stdout and 1 for stderr: `resumeAt(stdout, stderr)`, before `onStart`, sets the positions
 *   instead of a cursor file; `positionsAreKnown()` is 1 once the start of both streams is known; then `originOf(channel)` is the
 *   position of the stream's first byte for this link; `gapFrom(channel)` and `gapTo(channel)` are the bounds of the bytes lost
 *   before it, equal if none are; `brokenBy(channel)` is the negated errno of a stream that could not be copied to its end, else 0.
 */

// --- descriptors

/** Reads at most `size` bytes; 0 is end of file, -EAGAIN means no bytes yet. read(2) */
@external("shim", "read") export declare function read(handle: i32, at: usize, size: u32): i32;
/** Writes at most `size` bytes; returns their number. A closed reader is -EPIPE, never a signal. write(2) */
@external("shim", "write") export declare function write(handle: i32, at: usize, size: u32): i32;
/** Reads into two ranges, for a ring that wraps. readv(2) */
@external("shim", "readv") export declare function readv(handle: i32, at: usize, size: u32, thenAt: usize, thenSize: u32): i32;
/** Writes from two ranges. writev(2) */
@external("shim", "writev") export declare function writev(handle: i32, at: usize, size: u32, thenAt: usize, thenSize: u32): i32;
/** Moves bytes between a pipe and another handle without a copy. splice(2) with SPLICE_F_NONBLOCK */
@external("shim", "splice") export declare function splice(from: i32, to: i32, size: u32): i32;
/** Bytes that can be read now. FIONREAD, see pipe(7) */
@external("shim", "bytesAvailable") export declare function bytesAvailable(handle: i32): i32;
/** A second handle for the same open file, watched separately. F_DUPFD_CLOEXEC */
@external("shim", "duplicate") export declare function duplicate(handle: i32): i32;
@external("shim", "close") export declare function close(handle: i32): i32;
/** The handle's `FileType`, plus `CAN_READ` and `CAN_WRITE`. fstat(2), F_GETFL */
@external("shim", "handleType") export declare function handleType(handle: i32): i32;
/**
 * Turns a descriptor that the program was started with into a non-blocking handle. The descriptor is closed, except stderr,
 * which stays open for messages.
 */
@external("shim", "adoptFd") export declare function adoptFd(fd: i32): i32;
/** Two handles at `handlesAt`: the pipe's read end, then its write end. Both block until `setNonblocking`. pipe2(2) */
@external("shim", "pipe") export declare function pipe(handlesAt: usize): i32;
/** Calls on the handle return -EAGAIN instead of blocking. Only for open files that no other process shares. O_NONBLOCK */
@external("shim", "setNonblocking") export declare function setNonblocking(handle: i32): i32;
/** Sets a pipe's capacity to at least `size` bytes. F_SETPIPE_SZ */
@external("shim", "setPipeSize") export declare function setPipeSize(handle: i32, size: u32): i32;
/** Reads at most `size` bytes at an offset (the halves of a u64) of a file, and leaves its position alone. pread(2) */
@external("shim", "readAt") export declare function readAt(handle: i32, at: usize, size: u32, offsetLow: u32, offsetHigh: u32): i32;
/** Waits until a file's bytes are on the disk: milliseconds. fsync(2) */
@external("shim", "fsync") export declare function fsync(handle: i32): i32;
/** Stores a number (1..511) as the mode of a pipe, where the holder of its other end can read it. fchmod(2); docs/reference/protocol.md §3 */
@external("shim", "tagPipe") export declare function tagPipe(handle: i32, value: i32): i32;
/** The number that `tagPipe` stored on a pipe; without one, the pipe's permission bits. fstat(2) */
@external("shim", "pipeTag") export declare function pipeTag(handle: i32): i32;

// --- readiness, time, signals

/** Calls `onReady` while the handle is ready for `events`, or hung up (`HANGUP`); 0 stops. epoll(7), level-triggered */
@external("shim", "watch") export declare function watch(handle: i32, events: i32): i32;
/** Calls `onDeadline` once after that many milliseconds. A later call replaces an earlier one; -1 cancels it. */
@external("shim", "wakeAfter") export declare function wakeAfter(milliseconds: i32): i32;
/** Whether the program was started to ignore the signal, before it is in `routeSignals`: 1 or 0. sigaction(2), nohup(1) */
@external("shim", "isIgnored") export declare function isIgnored(signal: i32): i32;
/** Delivers the signals of this set (bit n - 1 is signal n) to `onSignal` instead of their default action. signalfd(2) */
@external("shim", "routeSignals") export declare function routeSignals(low: u32, high: u32): i32;

// --- unix stream sockets

/** Makes a listening socket at `path`, for its owner only (0600); `marked`: with the sticky bit besides, see `pathType`. unix(7) */
@external("shim", "listen") export declare function listen(path: usize, backlog: i32, marked: i32): i32;
/** A listening SOCK_SEQPACKET socket for its owner only (0700); its path may be longer than unix(7) allows. */
@external("shim", "listenPackets") export declare function listenPackets(path: usize, backlog: i32): i32;
/** The next connection, or -EAGAIN. accept4(2) */
@external("shim", "accept") export declare function accept(listener: i32): i32;
@external("shim", "connect") export declare function connect(path: usize): i32;
/** A datagram socket whose messages go to the one at `path`. unix(7) */
@external("shim", "connectDatagrams") export declare function connectDatagrams(path: usize): i32;
/** A socket at `path` that everybody may send datagrams to (0777); its path may be longer than unix(7) allows. */
@external("shim", "listenDatagrams") export declare function listenDatagrams(path: usize): i32;
/** Two connected handles at `handlesAt`. socketpair(2) */
@external("shim", "socketPair") export declare function socketPair(handlesAt: usize): i32;
/** Process id of the peer that connected. SO_PEERCRED */
@external("shim", "peerPid") export declare function peerPid(handle: i32): i32;
/** Sends bytes and `count` handles with them. SCM_RIGHTS */
@external("shim", "send") export declare function send(handle: i32, at: usize, size: u32, handlesAt: usize, count: u32): i32;
/**
 * Receives bytes and at most `count` handles, stored at `handlesAt`; unused entries are -1. Descriptors beyond `count` are
 * closed. -EMSGSIZE if the kernel dropped descriptors.
 */
@external("shim", "receive") export declare function receive(handle: i32, at: usize, size: u32, handlesAt: usize, count: u32): i32;

// --- files

/**
 * `OPEN_READ`: opens an existing file. `OPEN_REPLACE`: creates or truncates a file, with mode 0600; EEXIST if the file has a second
 * name. `OPEN_APPEND`: opens a file at its end, creates it with mode 0640. `OPEN_BOTH`: opens an existing file for reading and
 * writing. open(2)
 */
@external("shim", "open") export declare function open(path: usize, how: i32): i32;
/** The `FileType` of the file at `path`, of a socket plus `MARKED` if it has the sticky bit; -ENOENT without one. stat(2) */
@external("shim", "pathType") export declare function pathType(path: usize): i32;
/** A file in memory with these bytes, which nobody can change any more. memfd_create(2), F_ADD_SEALS */
@external("shim", "sealedFile") export declare function sealedFile(at: usize, size: u32): i32;
/** Makes a FIFO. mkfifo(3) */
@external("shim", "makeFifo") export declare function makeFifo(path: usize, mode: u32): i32;
/** A symbolic link at `path`. symlink(2) */
@external("shim", "makeLink") export declare function makeLink(target: usize, path: usize): i32;
@external("shim", "rename") export declare function rename(from: usize, to: usize): i32;
@external("shim", "unlink") export declare function unlink(path: usize): i32;
/** Stores the absolute path of a directory, NUL-terminated; returns its length. /proc/self/fd, see proc(5) */
@external("shim", "realpath") export declare function realpath(path: usize, at: usize, size: u32): i32;

// --- processes: a description is built field by field, then started. `spawn` returns the first error of a field and starts
// nothing, so a module need not check each field.

/** Begins a new description. */
@external("shim", "spawnBegin") export declare function spawnBegin(): i32;
/** Files to try, in order, as NUL-terminated strings back to back. execve(2) */
@external("shim", "spawnFiles") export declare function spawnFiles(at: usize, size: u32): i32;
/** Executes this program itself instead of files, from a sealed copy that nobody can write to. memfd_create(2), F_SEAL_WRITE */
@external("shim", "spawnSelf") export declare function spawnSelf(): i32;
@external("shim", "spawnArguments") export declare function spawnArguments(at: usize, size: u32): i32;
@external("shim", "spawnEnvironment") export declare function spawnEnvironment(at: usize, size: u32): i32;
/** Sets the child's descriptor `fd`. Descriptors 0, 1 and 2 are inherited unless set; no other is. */
@external("shim", "spawnDescriptor") export declare function spawnDescriptor(fd: i32, handle: i32): i32;
@external("shim", "spawnUser") export declare function spawnUser(uid: u32, gid: u32): i32;
/** Sets a resource limit, given as the halves of two u64; with `LOWERED` in the id, no higher than the hard limit. setrlimit(2) */
@external("shim", "spawnLimit") export declare function spawnLimit(id: u32, softLow: u32, softHigh: u32, hardLow: u32, hardHigh: u32): i32;
@external("shim", "spawnDirectory") export declare function spawnDirectory(path: usize): i32;
/**
 * The child reads its arguments, if `arguments` is not 0, and variables in front of those of `spawnEnvironment` from the file of a
 * handle: so many bytes of NUL-terminated strings. The file must be sealed against writing, growing and shrinking, and be as long
 * as both. memfd_create(2)
 */
@external("shim", "spawnBlock") export declare function spawnBlock(handle: i32, argumentBytes: u32, environmentBytes: u32): i32;
/** Sets the supplementary groups: `count` of u32, instead of those that the child inherits or SPAWN_NO_GROUPS. setgroups(2) */
@external("shim", "spawnGroups") export declare function spawnGroups(at: usize, count: u32): i32;
/** With `spawnUser`: the umask, instead of 022. umask(2) */
@external("shim", "spawnUmask") export declare function spawnUmask(mask: u32): i32;
/**
 * With SPAWN_USER_NAMESPACE: the user of this host for whom the kernel counts the namespace, and what its processes use up of what each
 * user has a number of. user_namespaces(7)
 */
@external("shim", "spawnOwner") export declare function spawnOwner(uid: u32): i32;
/** The child reads one byte from this pipe before it executes, and exits at end of file. */
@external("shim", "spawnStartPipe") export declare function spawnStartPipe(handle: i32): i32;
/**
 * Forks, with the `SPAWN_` flags, and returns the pid. Stores a handle of the exec error pipe at `reportAt`: end of file
 * means that the command runs; else it holds `REPORT_BYTES`, the `Step` that failed and its errno, and the child exits 255.
 */
@external("shim", "spawn") export declare function spawn(flags: i32, reportAt: usize): i32;
/** Reaps `pid`, or any child with -1. Returns its pid, 0 while none has ended; stores the raw status. wait4(2), WNOHANG */
@external("shim", "wait") export declare function wait(pid: i32, statusAt: usize): i32;
/**
 * The same as `wait`; stores `USAGE_BYTES`: the raw status (i32), 4 bytes, microseconds of user and of system time, and KiB of the
 * largest resident set (u64 each), the child's descendants included. getrusage(2)
 */
@external("shim", "waitUsage") export declare function waitUsage(pid: i32, at: usize): i32;
/** Signals a child, or with -pid its process group. */
@external("shim", "kill") export declare function kill(pid: i32, signal: i32): i32;
/** Sends this program a signal, with the default action. */
@external("shim", "raise") export declare function raise(signal: i32): i32;
@external("shim", "setsid") export declare function setsid(): i32;
/** Makes this program the reaper of its orphaned descendants (1), or no longer (0). PR_SET_CHILD_SUBREAPER */
@external("shim", "setChildSubreaper") export declare function setChildSubreaper(on: i32): i32;
/** Lets `kill` name a child that this program did not start itself: -ECHILD when `pid` is no child. waitid(2), WNOWAIT */
@external("shim", "adoptChild") export declare function adoptChild(pid: i32): i32;
/** Sets the signal that this program gets when its parent dies. PR_SET_PDEATHSIG */
@external("shim", "setParentDeathSignal") export declare function setParentDeathSignal(signal: i32): i32;
/** Sets the name that ps and pstree show for the process. PR_SET_NAME */
@external("shim", "setProcessName") export declare function setProcessName(path: usize): i32;

/** Raises the soft limit of open descriptors to the hard limit, and returns it. RLIMIT_NOFILE, getrlimit(2) */
@external("shim", "raiseNofileLimit") export declare function raiseNofileLimit(): i32;
/**
 * Closes stdin, stdout and stderr, and wipes the environment that /proc shows. Messages of this program are lost from now
 * on.
 */
@external("shim", "dropStdioAndEnvironment") export declare function dropStdioAndEnvironment(): i32;

// --- containers

/** Moves to a new mount namespace, from which no mount propagates. unshare(2), MS_PRIVATE */
@external("shim", "unshareMounts") export declare function unshareMounts(): i32;
/** Binds the directory on itself and enters it: pivot_root(2) needs a mount point. */
@external("shim", "bindRootAndEnter") export declare function bindRootAndEnter(path: usize): i32;
/** Makes the current directory the root; the old root is mounted at `oldRoot` below it. pivot_root(2) */
@external("shim", "pivot") export declare function pivot(oldRoot: usize): i32;
/** Detaches the uppermost mount and all below it. umount2(2), MNT_DETACH */
@external("shim", "unmount") export declare function unmount(path: usize): i32;
@external("shim", "makeDirectory") export declare function makeDirectory(path: usize, mode: u32): i32;
@external("shim", "removeDirectory") export declare function removeDirectory(path: usize): i32;
@external("shim", "enterDirectory") export declare function enterDirectory(path: usize): i32;
/** Sets the loopback interface up: a new network namespace has it down. netdevice(7) */
@external("shim", "loopbackUp") export declare function loopbackUp(): i32;

// --- a runtime's own process: native programs that are alone in their process. A host inside a larger one answers -EPERM.

/**
 * Goes on from a copy of the program's file that nobody can write to: 0 when it runs from one already; else it does not
 * return. Descriptors that the program was started with stay. memfd_create(2), execveat(2)
 */
@external("shim", "seal") export declare function seal(): i32;
/**
 * A child with a copy of the memory and of the handles, in new namespaces (`CLONE_NEW…` of namespaces(7)): its pid. The child
 * waits for nothing and has no children; it begins with `onFork()`. clone(2)
 */
@external("shim", "fork") export declare function fork(namespaces: u32): i32;
/**
 * Moves into the namespace of a file in /proc/PID/ns, if it is of this kind (a `CLONE_NEW`); into a pid or time namespace its
 * children. setns(2)
 */
@external("shim", "joinNamespace") export declare function joinNamespace(handle: i32, kind: u32): i32;
/** unshare(2) */
@external("shim", "unshare") export declare function unshare(namespaces: u32): i32;
/** Executes what was described with `spawnFiles`, `spawnArguments`, `spawnEnvironment`; `keep` descriptors from 3 on stay. */
@external("shim", "execute") export declare function execute(keep: u32): i32;
/** A handle for another process. pidfd_open(2) */
@external("shim", "openProcess") export declare function openProcess(pid: i32): i32;
/** pidfd_send_signal(2) */
@external("shim", "signalProcess") export declare function signalProcess(process: i32, signal: i32): i32;
/** Descriptor `fd`, from 0 on, becomes the handle's; it stays when a program is executed. dup3(2) */
@external("shim", "placeDescriptor") export declare function placeDescriptor(fd: u32, handle: i32): i32;
/** The handle becomes the controlling terminal. TIOCSCTTY */
@external("shim", "takeTerminal") export declare function takeTerminal(handle: i32): i32;
/** The mask from before. umask(2) */
@external("shim", "setUmask") export declare function setUmask(mask: u32): i32;
/** `count` u32 at `at`. setgroups(2) */
@external("shim", "setGroups") export declare function setGroups(at: usize, count: u32): i32;
/** setresgid(2), then setresuid(2) */
@external("shim", "setUser") export declare function setUser(uid: u32, gid: u32): i32;
/** `struct __user_cap_header_struct`, then two of `__user_cap_data_struct`: 32 bytes. capset(2) */
@external("shim", "setCapabilities") export declare function setCapabilities(at: usize): i32;
/** What a process may say of itself: `PR_` of linux/prctl.h, of which the host lets some through. prctl(2) */
@external("shim", "processControl") export declare function processControl(option: u32, first: u32, second: u32): i32;
/** A resource limit of this process; the halves of two u64. setrlimit(2) */
@external("shim", "setLimit") export declare function setLimit(id: u32, softLow: u32, softHigh: u32, hardLow: u32, hardHigh: u32): i32;
/** `count` instructions at `at`, `SECCOMP_FILTER_FLAG_` in `flags`. seccomp(2), SECCOMP_SET_MODE_FILTER */
@external("shim", "setFilter") export declare function setFilter(flags: u32, at: usize, count: u32): i32;
/** `struct sched_attr` of this process. sched_setattr(2) */
@external("shim", "setScheduler") export declare function setScheduler(at: usize, size: u32): i32;
/** The class, shifted by 13, and the level of this process. ioprio_set(2) */
@external("shim", "setIoPriority") export declare function setIoPriority(priority: u32): i32;
/** A `PER_` of linux/personality.h. personality(2) */
@external("shim", "setPersonality") export declare function setPersonality(domain: u32): i32;
/** A session keyring of its own. keyctl(2), KEYCTL_JOIN_SESSION_KEYRING */
@external("shim", "newKeyring") export declare function newKeyring(): i32;
/**
 * Attributes that a process inherits and no namespace separates get their usual values: no personality(2); SCHED_OTHER and nice 0,
 * sched_setattr(2); every processor, sched_setaffinity(2); no ioprio_set(2). Each is tried; the error is the first one's.
 */
@external("shim", "resetAttributes") export declare function resetAttributes(): i32;
/** sethostname(2), or setdomainname(2) where `domain` is not 0 */
@external("shim", "setHostName") export declare function setHostName(at: usize, size: u32, domain: i32): i32;

// --- files by a directory's handle. With the handle 0 a path is one of the program's own, which the policy judges; with
// another, the path is walked as if that directory were the root, by openat2(2) with RESOLVE_IN_ROOT and no magic links.

/** `OPENAT_` flags; the descriptor never blocks. openat2(2) */
@external("shim", "openAt") export declare function openAt(directory: i32, path: usize, flags: u32, mode: u32): i32;
/** The following take a name in the directory, without a slash. mkdirat(2) */
@external("shim", "makeDirectoryAt") export declare function makeDirectoryAt(directory: i32, name: usize, mode: u32): i32;
/** A FIFO or a device; `mode` with its `S_IF` bits. mknodat(2) */
@external("shim", "makeNodeAt") export declare function makeNodeAt(directory: i32, name: usize, mode: u32, major: u32, minor: u32): i32;
/** symlinkat(2) */
@external("shim", "makeLinkAt") export declare function makeLinkAt(target: usize, directory: i32, name: usize): i32;
/** A file, or with `isDirectory` an empty directory. unlinkat(2) */
@external("shim", "removeAt") export declare function removeAt(directory: i32, name: usize, isDirectory: i32): i32;
/** Replaces a file of the new name. renameat(2) */
@external("shim", "renameAt") export declare function renameAt(directory: i32, from: usize, to: usize): i32;
/** `struct statx` of the name itself, of the handle where the name is empty, to 256 bytes at `at`. statx(2) */
@external("shim", "statAt") export declare function statAt(directory: i32, name: usize, at: usize): i32;
/** Where a link leads, without a NUL: its length. readlinkat(2) */
@external("shim", "readLinkAt") export declare function readLinkAt(directory: i32, name: usize, at: usize, size: u32): i32;
/** Entries as `struct linux_dirent64`: bytes of them, 0 at the end. getdents64(2) */
@external("shim", "readDirectory") export declare function readDirectory(handle: i32, at: usize, size: u32): i32;
/** fchownat(2) with AT_EMPTY_PATH */
@external("shim", "changeOwner") export declare function changeOwner(handle: i32, uid: u32, gid: u32): i32;
/** fchmod(2) */
@external("shim", "changeMode") export declare function changeMode(handle: i32, mode: u32): i32;
/** fchdir(2) */
@external("shim", "enterDirectoryAt") export declare function enterDirectoryAt(handle: i32): i32;

// --- mounts by handles: of Linux 5.12

/** A context for a file system of this type. fsopen(2) */
@external("shim", "openFileSystem") export declare function openFileSystem(type: usize): i32;
/** A parameter of the context; a `value` of 0 is a flag, a `key` of 0 makes the file system. fsconfig(2) */
@external("shim", "configureFileSystem") export declare function configureFileSystem(context: i32, key: usize, value: usize): i32;
/** A mount that is nowhere yet; `MOUNT_ATTR_` of linux/mount.h. fsmount(2) */
@external("shim", "mountFileSystem") export declare function mountFileSystem(context: i32, attributes: u32): i32;
/** A copy of the mount that a handle lies in, with that as its root, which is nowhere yet. open_tree(2), OPEN_TREE_CLONE */
@external("shim", "cloneMount") export declare function cloneMount(handle: i32, recursive: i32): i32;
/** Puts a mount over a file or a directory. move_mount(2) */
@external("shim", "moveMount") export declare function moveMount(mount: i32, target: i32): i32;
/** `MOUNT_ATTR_` to set and to clear, and a propagation (`MS_`, or 0). mount_setattr(2) */
@external("shim", "changeMount") export declare function changeMount(mount: i32, recursive: i32, set: u32, clear: u32, propagation: u32): i32;
/** Gives the files of a mount that is nowhere yet the owners that a user namespace maps theirs to. mount_setattr(2), MOUNT_ATTR_IDMAP */
@external("shim", "mapMount") export declare function mapMount(mount: i32, recursive: i32, namespace: i32): i32;

// --- terminals

/** Stores two handles at `handlesAt`: master and slave of a pty of this root's /dev/ptmx. pts(4), TIOCGPTPEER */
@external("shim", "openPty") export declare function openPty(handlesAt: usize): i32;
/** Sets raw mode; the first call saves the settings for `restoreTermios`. termios(3), cfmakeraw */
@external("shim", "setRawMode") export declare function setRawMode(handle: i32): i32;
/** Restores the settings from before `setRawMode`. */
@external("shim", "restoreTermios") export declare function restoreTermios(handle: i32): i32;
/** Copies a terminal's window size to another terminal. TIOCGWINSZ, TIOCSWINSZ */
@external("shim", "copyWindowSize") export declare function copyWindowSize(from: i32, to: i32): i32;
/** Stores a terminal's rows and columns, an i32 each, at `at`. TIOCGWINSZ */
@external("shim", "windowSize") export declare function windowSize(handle: i32, at: usize): i32;
/** Sets a terminal's window size. TIOCSWINSZ */
@external("shim", "setWindowSize") export declare function setWindowSize(handle: i32, rows: i32, columns: i32): i32;

// --- memory cgroups

/** Makes an eventfd. eventfd(2) */
@external("shim", "eventfd") export declare function eventfd(): i32;
/** Registers `eventfd` for events of `control` in a v1 group's cgroup.event_control. cgroup-v1/memory.rst */
@external("shim", "cgroupNotify") export declare function cgroupNotify(eventfd: i32, control: i32, eventControl: i32): i32;
/**
 * Makes a handle that becomes readable when the file of the v2 group `directory` is modified, when the group loses its last
 * process, and when it or a sibling is removed. inotify(7)
 */
@external("shim", "watchMemoryEvents") export declare function watchMemoryEvents(file: usize, directory: usize): i32;

/**
 * `count` instructions at `at` decide which devices processes of the v2 group may use: a program of the type
 * BPF_PROG_TYPE_CGROUP_DEVICE, beside those that are attached already. bpf(2)
 */
@external("shim", "attachDeviceFilter") export declare function attachDeviceFilter(group: i32, at: usize, count: u32): i32;

// --- the vocabulary

export const enum FileType { OTHER = 0, FILE = 1, DIRECTORY = 2, PIPE = 3, SOCKET = 4, TERMINAL = 5, MASK = 7 }
export const CAN_READ: i32 = 8;
export const CAN_WRITE: i32 = 16;
export const MARKED: i32 = 32;

export const READ: i32 = 1;
export const WRITE: i32 = 2;
/** The other end is gone: always reported; as the only event, watches for nothing else. */
export const HANGUP: i32 = 4;

export const OPEN_READ: i32 = 0;
export const OPEN_REPLACE: i32 = 1;
export const OPEN_APPEND: i32 = 2;
export const OPEN_BOTH: i32 = 3;

export const SPAWN_SESSION: i32 = 1;
/** Descriptor 0 becomes the controlling terminal and belongs to the user. */
export const SPAWN_TERMINAL: i32 = 2;
export const SPAWN_NO_GROUPS: i32 = 4;
export const SPAWN_NO_NEW_PRIVS: i32 = 8;
/** SIGKILL when the parent dies. */
export const SPAWN_DIE_WITH_PARENT: i32 = 16;
/** New IPC, network, mount, PID and UTS namespaces. */
export const SPAWN_CONTAINER: i32 = 32;
/** With SPAWN_CONTAINER: these are of a new user namespace, too, which needs its ids before the child may go on. */
export const SPAWN_USER_NAMESPACE: i32 = 128;
/** The kernel ends the child rather than this program when memory is short: its oom_score_adj is 300. proc(5) */
export const SPAWN_EXPENDABLE: i32 = 256;

/** With SPAWN_CONTAINER: the network namespace stays that of this program. */
export const SPAWN_SHARE_NETWORK: i32 = 1024;

/** A working directory that cannot be entered becomes /. */
export const SPAWN_HOME: i32 = 512;
/** In the id of `spawnLimit`. */
export const LOWERED: i32 = 256;

export const OPENAT_READ: u32 = 1;
export const OPENAT_WRITE: u32 = 2;
/** No more than a place in the file system. O_PATH */
export const OPENAT_PATH: u32 = 4;
export const OPENAT_DIRECTORY: u32 = 8;
export const OPENAT_CREATE: u32 = 16;
/** It is made, or it is an error. O_EXCL */
export const OPENAT_EXCLUSIVE: u32 = 32;
export const OPENAT_TRUNCATE: u32 = 64;
export const OPENAT_APPEND: u32 = 128;
/** A link at the path's end is not followed. O_NOFOLLOW */
export const OPENAT_NOFOLLOW: u32 = 256;

/** The child also gets this program's own environment, behind that of `spawnEnvironment`. */
export const SPAWN_INHERIT_ENVIRONMENT: i32 = 64;

export const enum Step { DESCRIPTORS = 1, SESSION, TERMINAL, LIMIT, GROUPS, GROUP, USER, PRIVILEGES, DIRECTORY, EXECUTE, PARENT, BLOCK }
export const REPORT_BYTES: u32 = 8;
export const USAGE_BYTES: u32 = 32;
