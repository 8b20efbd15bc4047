/**
 * The boundary: every call that a module may make of its host, stated once. The native programs and the addon implement
 * it in `shim/sys`, the simulated kernel in `src/sim`; a test holds all of them to this file.
 *
 * - A handle is a small integer that the host gave out; nothing else can be named.
 * - No call blocks. Each returns a number >= 0 or a negated errno, and the module decides what an error means.
 * - `at` is an offset in the module's memory, `size` counts bytes, `path` is the offset of a NUL-terminated string.
 * - What lies outside the module's memory is answered with -EFAULT, an unknown handle with -EBADF, a path that the
 *   program has no business with, with -EACCES (`shim/sys/policy.c`).
 *
 * The host calls the module's exports: `onStart()` once; `onReady(handle, events)` while a watched handle is ready;
 * `onSignal(signal)` for signals asked for with `signals`; `onDeadline()` when `wakeAfter` has run out; `onTrap()` when
 * one of these trapped: it answers -1 when the program can go on without what it was handling, else its exit code.
 *
 * A host that runs a module inside a larger program may ask for more than an exit code. None of these calls the host,
 * `resize` excepted; all but `resumeAt` may come at any time, also after the program's end:
 *
 * - wsh, iomux-link: `ending()`, how the command or the job ended: its raw status (wait(2)), or an `Ending`
 *   (assembly/shared/ending.ts);
 * - wsh: `resize(rows, columns)` of the terminal that --tty asked for;
 * - iomux-link, where a channel is 0 for stdout and 1 for stderr: `resumeAt(stdout, stderr)`, before `onStart`: positions
 *   to go on from instead of a cursor file's; `positionsAreKnown()`, 1 as soon as it is known where both streams begin;
 *   `originOf(channel)`, the position that the stream's first byte has for this link, then; `gapFrom(channel)`,
 *   `gapTo(channel)`, what is lost before it: equal when nothing is; `brokenBy(channel)`, the negated errno of a stream that
 *   could not be copied to its end, else 0.
 */

// --- descriptors

/** Reads at most `size` bytes; 0 is end of file, -EAGAIN nothing there yet. read(2) */
@external("shim", "read") export declare function read(handle: i32, at: usize, size: u32): i32;
/** Writes at most `size` bytes and says how many. write(2); a closed reader is -EPIPE, never a signal. */
@external("shim", "write") export declare function write(handle: i32, at: usize, size: u32): i32;
/** Reads into two places, for a ring's wrap. readv(2) */
@external("shim", "readv") export declare function readv(handle: i32, at: usize, size: u32, thenAt: usize, thenSize: u32): i32;
/** Writes from two places. writev(2) */
@external("shim", "writev") export declare function writev(handle: i32, at: usize, size: u32, thenAt: usize, thenSize: u32): i32;
/** Moves bytes between a pipe and another handle without a copy. splice(2) with SPLICE_F_NONBLOCK */
@external("shim", "splice") export declare function splice(from: i32, to: i32, size: u32): i32;
/** Bytes that wait to be read. FIONREAD, see pipe(7) */
@external("shim", "pending") export declare function pending(handle: i32): i32;
/** A second handle for the same thing, with interests of its own. F_DUPFD_CLOEXEC */
@external("shim", "duplicate") export declare function duplicate(handle: i32): i32;
@external("shim", "close") export declare function close(handle: i32): i32;
/** What a handle is: a `Kind`, plus `CAN_READ` and `CAN_WRITE`. fstat(2), F_GETFL */
@external("shim", "describe") export declare function describe(handle: i32): i32;
/**
 * A handle for a descriptor that the program was started with, made so that it never blocks. It takes the descriptor's
 * place; only stderr stays open beside it, for messages.
 */
@external("shim", "inherit") export declare function inherit(fd: i32): i32;
/** Two handles at `handlesAt`: the pipe's read end, then its write end. Both block until `unblock`. pipe2(2) */
@external("shim", "pipe") export declare function pipe(handlesAt: usize): i32;
/** From now on the handle answers -EAGAIN instead of blocking. Only for what the program does not share. O_NONBLOCK */
@external("shim", "unblock") export declare function unblock(handle: i32): i32;
/** Asks that a pipe hold `size` bytes. F_SETPIPE_SZ */
@external("shim", "capacity") export declare function capacity(handle: i32, size: u32): i32;
/** Leaves a number (1..511) on a pipe that whoever holds its other end can see. fchmod(2); docs/protocol.md §3 */
@external("shim", "mark") export declare function mark(handle: i32, value: i32): i32;
/** The number that `mark` left on a pipe; its permission bits where nobody did. fstat(2) */
@external("shim", "marked") export declare function marked(handle: i32): i32;

// --- readiness, time, signals

/** Calls `onReady` while the handle is ready for `events`; 0 ends it. `HANGUP` comes with any. epoll(7), level-triggered */
@external("shim", "watch") export declare function watch(handle: i32, events: i32): i32;
/** Calls `onDeadline` once, that many milliseconds from now; a later call replaces an earlier one; -1 for never. */
@external("shim", "wakeAfter") export declare function wakeAfter(milliseconds: i32): i32;
/** Delivers the signals of this set (bit n - 1 is signal n) to `onSignal` instead of their default. signalfd(2) */
@external("shim", "signals") export declare function signals(low: u32, high: u32): i32;

// --- unix stream sockets

/** A listening socket at `path`, for its owner only (0600). unix(7) */
@external("shim", "listen") export declare function listen(path: usize, backlog: i32): i32;
/** The next connection, or -EAGAIN. accept4(2) */
@external("shim", "accept") export declare function accept(listener: i32): i32;
@external("shim", "connect") export declare function connect(path: usize): i32;
/** Two connected handles at `handlesAt`. socketpair(2) */
@external("shim", "socketPair") export declare function socketPair(handlesAt: usize): i32;
/** Process id of whoever connected. SO_PEERCRED */
@external("shim", "peer") export declare function peer(handle: i32): i32;
/** Sends bytes and `count` handles with them. SCM_RIGHTS */
@external("shim", "send") export declare function send(handle: i32, at: usize, size: u32, handlesAt: usize, count: u32): i32;
/**
 * Receives bytes and at most `count` handles, stored at `handlesAt`; -1 marks places that none came for. Descriptors
 * beyond `count` are closed. -EMSGSIZE when the kernel had to drop descriptors.
 */
@external("shim", "receive") export declare function receive(handle: i32, at: usize, size: u32, handlesAt: usize, count: u32): i32;

// --- files

/** `OPEN_READ` an existing file, or `OPEN_REPLACE`: an empty one of mode 0600, made or emptied. open(2) */
@external("shim", "open") export declare function open(path: usize, how: i32): i32;
/** The `Kind` of what is at `path`, or -ENOENT. stat(2) */
@external("shim", "inspect") export declare function inspect(path: usize): i32;
@external("shim", "rename") export declare function rename(from: usize, to: usize): i32;
@external("shim", "unlink") export declare function unlink(path: usize): i32;
/** Stores the absolute path of a directory, NUL-terminated; its length. /proc/self/fd, see proc(5) */
@external("shim", "absolute") export declare function absolute(path: usize, at: usize, size: u32): i32;

// --- processes: a description is built field by field, then started. What one field answers with an error, `spawn` answers
// again, and starts nothing: a module need not look at each.

/** Forgets an earlier description. */
@external("shim", "spawnBegin") export declare function spawnBegin(): i32;
/** Files to try, in order, as NUL-terminated strings back to back. execve(2) */
@external("shim", "spawnFiles") export declare function spawnFiles(at: usize, size: u32): i32;
/** Instead of files: this program itself, from a sealed copy that nobody can write to. memfd_create(2), F_SEAL_WRITE */
@external("shim", "spawnSelf") export declare function spawnSelf(): i32;
@external("shim", "spawnArguments") export declare function spawnArguments(at: usize, size: u32): i32;
@external("shim", "spawnEnvironment") export declare function spawnEnvironment(at: usize, size: u32): i32;
/** The child's descriptor `fd` is this handle. Without any it keeps 0, 1 and 2; others never reach it. */
@external("shim", "spawnDescriptor") export declare function spawnDescriptor(fd: i32, handle: i32): i32;
@external("shim", "spawnUser") export declare function spawnUser(uid: u32, gid: u32): i32;
/** A resource limit; the halves of two u64. setrlimit(2) */
@external("shim", "spawnLimit") export declare function spawnLimit(id: u32, softLow: u32, softHigh: u32, hardLow: u32, hardHigh: u32): i32;
@external("shim", "spawnDirectory") export declare function spawnDirectory(path: usize): i32;
/** The child waits here for one byte before it executes; it ends when the other end closes first. */
@external("shim", "spawnGate") export declare function spawnGate(handle: i32): i32;
/**
 * Forks, with the `SPAWN_` flags. Its pid; at `reportAt` a handle that ends when the command runs, or yields a report of
 * `REPORT_BYTES`: the step (`Step`) that failed, then its errno. The child's exit code is 255 then.
 */
@external("shim", "spawn") export declare function spawn(flags: i32, reportAt: usize): i32;
/** Reaps `pid`, or any child with -1: its pid, 0 while none has ended; the raw status at `statusAt`. wait4(2), WNOHANG */
@external("shim", "wait") export declare function wait(pid: i32, statusAt: usize): i32;
@external("shim", "kill") export declare function kill(pid: i32, signal: i32): i32;
/** Lets a signal do to this program what it does by default. */
@external("shim", "raise") export declare function raise(signal: i32): i32;
@external("shim", "session") export declare function session(): i32;
/** The signal that this program gets when its parent dies from now on. PR_SET_PDEATHSIG */
@external("shim", "dieWithParent") export declare function dieWithParent(signal: i32): i32;
/** The name that ps and pstree show for the process. PR_SET_NAME */
@external("shim", "title") export declare function title(path: usize): i32;

/** Raises the limit of open descriptors as far as it may be raised; what it is now. RLIMIT_NOFILE, getrlimit(2) */
@external("shim", "moreDescriptors") export declare function moreDescriptors(): i32;
/**
 * Gives up what the program was started with: its stdin, stdout and stderr are closed, its environment is wiped where
 * /proc would show it. From now on it says nothing.
 */
@external("shim", "forgetOrigin") export declare function forgetOrigin(): i32;

// --- containers

/** A mount namespace of its own, from which nothing propagates. unshare(2), MS_PRIVATE */
@external("shim", "isolateMounts") export declare function isolateMounts(): i32;
/** Makes the directory a mount point, by binding it on itself, and enters it: pivot_root(2) asks for that. */
@external("shim", "enterRoot") export declare function enterRoot(path: usize): i32;
/** The current directory becomes the root, the old one lies at `oldRoot` below it. pivot_root(2) */
@external("shim", "pivot") export declare function pivot(oldRoot: usize): i32;
/** Detaches the mount and all below it, however often stacked. umount2(2), MNT_DETACH */
@external("shim", "unmount") export declare function unmount(path: usize): i32;
@external("shim", "makeDirectory") export declare function makeDirectory(path: usize, mode: u32): i32;
@external("shim", "removeDirectory") export declare function removeDirectory(path: usize): i32;
@external("shim", "enterDirectory") export declare function enterDirectory(path: usize): i32;
/** Sets the loopback interface up, which a new network namespace has down. netdevice(7) */
@external("shim", "loopbackUp") export declare function loopbackUp(): i32;

// --- terminals

/** Two handles at `handlesAt`: master and slave of a pty of this root's /dev/ptmx. pts(4), TIOCGPTPEER */
@external("shim", "openPty") export declare function openPty(handlesAt: usize): i32;
/** Raw mode; the first call keeps the settings for `cooked`. termios(3), cfmakeraw */
@external("shim", "raw") export declare function raw(handle: i32): i32;
/** The settings from before `raw`. */
@external("shim", "cooked") export declare function cooked(handle: i32): i32;
/** Copies a terminal's size to another. TIOCGWINSZ, TIOCSWINSZ */
@external("shim", "windowSize") export declare function windowSize(from: i32, to: i32): i32;
/** TIOCSWINSZ */
@external("shim", "setWindowSize") export declare function setWindowSize(handle: i32, rows: i32, columns: i32): i32;

// --- memory cgroups

/** An eventfd. */
@external("shim", "counter") export declare function counter(): i32;
/** Registers `counter` for events of `control` in a v1 group's cgroup.event_control. cgroup-v1/memory.rst */
@external("shim", "cgroupNotify") export declare function cgroupNotify(counter: i32, control: i32, eventControl: i32): i32;
/**
 * A handle that becomes readable when the file of the v2 group `directory` is modified, when the group loses its last
 * process, and when it or one beside it is removed. inotify(7)
 */
@external("shim", "follow") export declare function follow(file: usize, directory: usize): i32;

// --- the vocabulary

export const enum Kind { OTHER = 0, FILE = 1, DIRECTORY = 2, PIPE = 3, SOCKET = 4, TERMINAL = 5, MASK = 7 }
export const CAN_READ: i32 = 8;
export const CAN_WRITE: i32 = 16;

export const READ: i32 = 1;
export const WRITE: i32 = 2;
/** The other end is gone: reported whatever is watched for; alone, for who waits for nothing else. */
export const HANGUP: i32 = 4;

export const OPEN_READ: i32 = 0;
export const OPEN_REPLACE: i32 = 1;

export const SPAWN_SESSION: i32 = 1;
/** Descriptor 0 becomes the controlling terminal and belongs to the user. */
export const SPAWN_TERMINAL: i32 = 2;
export const SPAWN_NO_GROUPS: i32 = 4;
export const SPAWN_NO_NEW_PRIVS: i32 = 8;
/** SIGKILL when the parent dies. */
export const SPAWN_DIE_WITH_PARENT: i32 = 16;
/** New IPC, network, mount, PID and UTS namespaces. */
export const SPAWN_CONTAINER: i32 = 32;

/** The child also gets this program's own environment, behind what it was given. */
export const SPAWN_INHERIT_ENVIRONMENT: i32 = 64;

export const enum Step { DESCRIPTORS = 1, SESSION, TERMINAL, LIMIT, GROUPS, GROUP, USER, PRIVILEGES, DIRECTORY, EXECUTE, PARENT }
export const REPORT_BYTES: u32 = 8;
