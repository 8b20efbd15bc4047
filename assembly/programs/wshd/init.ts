/**
 * wshd as the container's PID 1, from its start until it serves.
 *
 *   DIRECTORIES → WAITING → (leaveCaller) → BEFORE_PIVOT (hook) → AFTER_PIVOT (hook) → (confineCommands) → SERVING
 *
 * PID 1 runs from a sealed copy of the program, so that /proc/1/exe is not a file of the host. Once it serves it holds
 * nothing of the host's file system. If the parent dies before that, PID 1 ends, too.
 */
import {
  adoptFd, bindRootAndEnter, close, dropStdioAndEnvironment, enterDirectory, FileType, loopbackUp, makeDirectory,
  pathType, pivot, raiseNofileLimit, read, READ, removeDirectory, routeSignals, setProcessName, setsid, unlink,
  unmount, watch, write,
} from "../../boundary/shim";
import { exit, variable } from "../../boundary/wasi";
import { afterString, cString, putCopy } from "../../lib/text";
import { EAGAIN, EEXIST } from "../../lib/errno";
import { printError } from "../../lib/diagnostics";
import { bit, SIGCHLD } from "../../lib/signal";
import { confineCommands, failure, leaveCaller, takeConfinement } from "./confine";
import { Hook, hookState, startHook } from "./hook";
import { join, PATH_BYTES } from "./paths";
import { claimTables, serve } from "./serve";
import { CHILD_LISTENER_FD, CHILD_SYNC_FD, GO, SERVING, SHARE_NETWORK_VARIABLE } from "./handshake";

const enum State { DIRECTORIES, WAITING, BEFORE_PIVOT, AFTER_PIVOT, SERVING }
let state: State = State.DIRECTORIES;

/** The socket pair with the parent, and what has come over it. */
namespace handshake {
  export let handle: i32 = -1;
  export let size: u32 = 0;
}
let listener: i32 = -1;

/** What the parent sends: the directories lib, root and run, then GO. */
const DIRECTORIES_BYTES: u32 = 3 * PATH_BYTES;
const syncBuffer = memory.data(DIRECTORIES_BYTES + 1);
const path = memory.data(2 * PATH_BYTES);
const nothing = memory.data(8);
namespace directories {
  export let lib: usize = 0, root: usize = 0, run: usize = 0;
}

const oldRoot = cString("/mnt"), mnt = cString("mnt"), here = cString("."), top = cString("/");
namespace pivoting {
  /** Where the old root is mounted: `oldRoot`, or `here` when the root directory has no /mnt. */
  export let oldRootAt: usize = oldRoot;
  export let madeOldRoot: bool = false;
  export let hasPivoted: bool = false;
}

function moveTo(next: State): void {
  assert(next > state, "the start of a container never goes back");
  state = next;
}

export function startChild(): void {
  listener = adoptFd(CHILD_LISTENER_FD);
  handshake.handle = adoptFd(CHILD_SYNC_FD);
  const caught = routeSignals(bit(SIGCHLD), 0);
  const failed = min(listener, min(handshake.handle, caught));
  // A failure here ends this process, and the parent reads the end of the socket pair.
  if (failed < 0) return giveUp("wshd: the container's first process cannot take over what it was started with", failed);
  const asked = takeConfinement();
  if (asked < 0) return giveUp(failure.words, asked, failure.advice);
  setProcessName(cString("wshd"));
  claimTables();
  watch(handshake.handle, READ);
}

export function isServing(): bool { return state == State.SERVING; }

export function childReady(handle: i32): void {
  if (handle != handshake.handle) return;
  const got = read(handshake.handle, syncBuffer + handshake.size, DIRECTORIES_BYTES + 1 - handshake.size);
  if (got == -EAGAIN) return;
  if (got <= 0) return giveUp("wshd: the parent died while the container started", 0);
  handshake.size += got;
  if (state == State.DIRECTORIES) takeDirectories();
  if (state == State.WAITING && load<u8>(syncBuffer + handshake.size - 1) == GO) begin();
}

function takeDirectories(): void {
  const end = syncBuffer + handshake.size;
  const second = afterString(syncBuffer, end), third = second != 0 ? afterString(second, end) : 0;
  if (third == 0 || afterString(third, end) == 0) return;
  directories.lib = syncBuffer;
  directories.root = second;
  directories.run = third;
  moveTo(State.WAITING);
}

export function childSignal(signal: i32): void {
  if (signal == SIGCHLD && (state == State.BEFORE_PIVOT || state == State.AFTER_PIVOT)) onHookResult(hookState());
}

/** The parent has looked, and sends an empty lib where there is none: this process need not be able to pass through to it. */
function hasHooks(): bool { return load<u8>(directories.lib) != 0; }

function begin(): void {
  // The hooks of the parent have moved this process to its cgroups by now.
  const left = leaveCaller();
  if (left < 0) return giveUp(failure.words, left, failure.advice);
  moveTo(State.BEFORE_PIVOT);
  onHookResult(hasHooks() ? startHook(join(path, directories.lib, "hook-child-before-pivot.sh"), 0) : Hook.DONE);
}

function onHookResult(hook: Hook): void {
  if (hook == Hook.RUNNING) return;
  if (hook == Hook.FAILED) return end();
  if (state == State.BEFORE_PIVOT) return pivotRoot();
  finish();
}

function pivotRoot(): void {
  const afterPivot = hasHooks() && pathType(join(path, directories.lib, "hook-child-after-pivot.sh")) >= 0;
  const entered = bindRootAndEnter(directories.root);
  if (entered < 0) return giveUp("wshd: cannot enter the root file system", entered);
  findOldRoot(afterPivot);
  const pivoted = pivot(pivoting.oldRootAt == here ? here : mnt);
  if (pivoted < 0) return giveUp("wshd: cannot make it the root (pivot_root)", pivoted, "DIR/mnt must be a directory of its own, not a link");
  pivoting.hasPivoted = true;
  // A hook may mount something over /mnt. The current directory still refers to the old root.
  const within = pivoting.oldRootAt == here ? 0 : enterDirectory(oldRoot);
  if (within < 0) return giveUp("wshd: cannot enter the old root", within);
  // A network that is not the container's own is as others have set it up.
  const up = variable(SHARE_NETWORK_VARIABLE) != 0 ? 0 : loopbackUp();
  if (up < 0) {
    printError("wshd: cannot set the loopback interface up", 0, up, "it needs CAP_NET_ADMIN");
    return end();
  }
  moveTo(State.AFTER_PIVOT);
  const after = putCopy(path, pivoting.oldRootAt == here ? nothing : oldRoot);
  join(after, directories.lib, "hook-child-after-pivot.sh");
  onHookResult(afterPivot ? startHook(path, 0, top) : Hook.DONE);
}

/** The after-pivot hook expects the host at /mnt. Without that hook no directory in the root is needed. */
function findOldRoot(needed: bool): void {
  if (pathType(mnt) == FileType.DIRECTORY) return;
  if (!needed) {
    pivoting.oldRootAt = here;
    return;
  }
  const made = makeDirectory(mnt, 0o700);
  pivoting.madeOldRoot = made >= 0;
  if (made < 0 && made != -EEXIST) giveUp("wshd: cannot make the directory mnt in the root, for hook-child-after-pivot.sh", made);
}

function finish(): void {
  setsid();
  const unmounted = unmountOldRoot();
  if (unmounted < 0) return giveUp("wshd: cannot unmount the old root", unmounted);
  if (pivoting.madeOldRoot) removeDirectory(oldRoot);
  const limit = raiseNofileLimit();
  const confined = confineCommands();
  if (confined < 0) return giveUp(failure.words, confined, failure.advice);
  const forgotten = dropStdioAndEnvironment();
  if (forgotten < 0) return giveUp("wshd: cannot close what it was started with (close_range)", forgotten);
  moveTo(State.SERVING);
  serve(listener, limit > 0 ? limit : i32.MAX_VALUE);
  store<u8>(syncBuffer, SERVING);
  // If the parent did not get this byte it reports failure, so exit: otherwise a running container would have no owner.
  if (write(handshake.handle, syncBuffer, 1) != 1) return exit(1);
  close(handshake.handle);
}

/** Unmounts the old root and every mount stacked on it: each unmount(".") takes the uppermost. */
function unmountOldRoot(): i32 {
  const first = unmount(here);
  if (first < 0 || pivoting.oldRootAt == here) return first;
  // It fails when the current directory is in no mount any more.
  while (unmount(here) >= 0) {}
  return enterDirectory(top);
}

function giveUp(words: string, errno: i32, advice: string = ""): void {
  printError(words, directories.root, errno, advice);
  end();
}

/** The end of PID 1 ends its namespaces. Only the socket's file and the directory mnt, if we made it, have to be removed. */
function end(): void {
  if (directories.run != 0 && !(pivoting.hasPivoted && pivoting.oldRootAt == here)) {
    const prefix = pivoting.hasPivoted ? oldRoot : nothing;
    join(putCopy(path, prefix), directories.run, "wshd.sock");
    unlink(path);
  }
  if (pivoting.madeOldRoot && pivoting.hasPivoted) unmountOldRoot();
  if (pivoting.madeOldRoot) removeDirectory(pivoting.hasPivoted ? oldRoot : mnt);
  exit(1);
}
