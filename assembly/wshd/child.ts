/**
 * wshd as the container's first process, from its start until it serves.
 *
 *   PLACES → WAITING → BEFORE_PIVOT (hook) → AFTER_PIVOT (hook) → SERVING
 *
 * It runs from a sealed copy of the program under its title, so that nothing of the host's is left to be found in
 * /proc/1, and holds nothing of the host's file system once it serves. When its parent dies before that, it ends too.
 */
import {
  close, enterDirectory, enterRoot, forgetOrigin, inherit, inspect, Kind, loopbackUp, makeDirectory, moreDescriptors, pivot,
  read, READ, removeDirectory, session, signals, title, unlink, unmount, watch, write,
} from "../shim";
import { exit } from "../wasi";
import { afterString, putCopy } from "../shared/bytes";
import { EAGAIN, EEXIST } from "../shared/errno";
import { complain } from "../shared/program";
import { bit, SIGCHLD } from "../shared/signal";
import { Hook, hookState, startHook } from "./hook";
import { join, PATH_BYTES } from "./paths";
import { claimTables, serve } from "./serve";
import { CHILD_LISTENER_FD, CHILD_SYNC_FD, GO, SERVING } from "./stages";

const enum State { PLACES, WAITING, BEFORE_PIVOT, AFTER_PIVOT, SERVING }
let state: State = State.PLACES;

let sync: i32 = -1;
let listener: i32 = -1;

/** lib, root and run as the parent sends them, then the word to go on. */
const told = memory.data(12289);
const PLACES_BYTES: u32 = 12288;
const path = memory.data(8192);
const nothing = memory.data(8);
if (PLACES_BYTES != 3 * PATH_BYTES) ERROR("three places have another size");
let toldSize: u32 = 0;
let lib: usize = 0, root: usize = 0, run: usize = 0;

const oldRoot = memory.data<u8>([0x2f, 0x6d, 0x6e, 0x74, 0]); // /mnt
const mnt = oldRoot + 1;
const here = memory.data<u8>([0x2e, 0]); // .
const top = memory.data<u8>([0x2f, 0]); // /
const name = memory.data<u8>([0x77, 0x73, 0x68, 0x64, 0]); // wshd
let oldRootAt: usize = oldRoot;
let madeOldRoot: bool = false;
let hasPivoted: bool = false;

export function startChild(): void {
  listener = inherit(CHILD_LISTENER_FD);
  sync = inherit(CHILD_SYNC_FD);
  const caught = signals(bit(SIGCHLD), 0);
  const failed = min(listener, min(sync, caught));
  // The parent sees that its end of the socket pair is closed.
  if (failed < 0) return giveUp("wshd: the container's first process cannot take over what it was started with", failed);
  title(name);
  claimTables();
  watch(sync, READ);
}

export function servesNow(): bool { return state == State.SERVING; }

export function childReady(handle: i32): void {
  if (handle != sync) return;
  const got = read(sync, told + toldSize, PLACES_BYTES + 1 - toldSize);
  if (got == -EAGAIN) return;
  if (got <= 0) return giveUp("wshd: the parent died while the container started", 0);
  toldSize += got;
  if (state == State.PLACES) takePlaces();
  if (state == State.WAITING && load<u8>(told + toldSize - 1) == GO) begin();
}

function takePlaces(): void {
  const end = told + toldSize;
  const second = afterString(told, end), third = second != 0 ? afterString(second, end) : 0;
  if (third == 0 || afterString(third, end) == 0) return;
  lib = told;
  root = second;
  run = third;
  state = State.WAITING;
}

export function childSignal(signal: i32): void {
  if (signal == SIGCHLD && (state == State.BEFORE_PIVOT || state == State.AFTER_PIVOT)) take(hookState());
}

function begin(): void {
  state = State.BEFORE_PIVOT;
  take(startHook(join(path, lib, "hook-child-before-pivot.sh"), 0));
}

function take(hook: Hook): void {
  if (hook == Hook.RUNNING) return;
  if (hook == Hook.FAILED) return end();
  if (state == State.BEFORE_PIVOT) return pivotRoot();
  finish();
}

function pivotRoot(): void {
  const afterPivot = inspect(join(path, lib, "hook-child-after-pivot.sh")) >= 0;
  const entered = enterRoot(root);
  if (entered < 0) return giveUp("wshd: cannot enter the root file system", entered);
  findOldRoot(afterPivot);
  const pivoted = pivot(oldRootAt == here ? here : mnt);
  if (pivoted < 0) return giveUp("wshd: cannot make it the root (pivot_root)", pivoted, "DIR/mnt must be a directory of its own, not a link");
  hasPivoted = true;
  // A hook may mount something over it: as the current directory it is found all the same.
  const within = oldRootAt == here ? 0 : enterDirectory(oldRoot);
  if (within < 0) return giveUp("wshd: cannot enter the old root", within);
  const up = loopbackUp();
  if (up < 0) return giveUp("wshd: cannot set the loopback interface up", up);
  state = State.AFTER_PIVOT;
  const after = putCopy(path, oldRootAt == here ? nothing : oldRoot);
  join(after, lib, "hook-child-after-pivot.sh");
  take(afterPivot ? startHook(path, 0, top) : Hook.DONE);
}

/** /mnt is where the after-pivot hook finds the host; without that hook nothing is needed inside the root at all. */
function findOldRoot(needed: bool): void {
  if (inspect(mnt) == Kind.DIRECTORY) return;
  if (!needed) {
    oldRootAt = here;
    return;
  }
  const made = makeDirectory(mnt, 0o700);
  madeOldRoot = made >= 0;
  if (made < 0 && made != -EEXIST) giveUp("wshd: cannot make the directory mnt in the root, for hook-child-after-pivot.sh", made);
}

function finish(): void {
  session();
  const unmounted = unmountOldRoot();
  if (unmounted < 0) return giveUp("wshd: cannot unmount the old root", unmounted);
  if (madeOldRoot) removeDirectory(oldRoot);
  const limit = moreDescriptors();
  const forgotten = forgetOrigin();
  if (forgotten < 0) return giveUp("wshd: cannot close what it was started with (close_range)", forgotten);
  state = State.SERVING;
  serve(listener, limit > 0 ? limit : i32.MAX_VALUE);
  store<u8>(told, SERVING);
  // Who has not heard it takes us for failed, and says so: a container that serves all the same would be nobody's.
  if (write(sync, told, 1) != 1) return exit(1);
  close(sync);
}

/** Unmounts the old root, and before it what lies over it: unmount(".") takes the uppermost each time. */
function unmountOldRoot(): i32 {
  const first = unmount(here);
  if (first < 0 || oldRootAt == here) return first;
  // The one that fails finds the current directory in no mount any more.
  while (unmount(here) >= 0) {}
  return enterDirectory(top);
}

function giveUp(words: string, errno: i32, advice: string = ""): void {
  complain(words, root, errno, advice);
  end();
}

/** Ending as PID 1 ends everything else in the namespaces; outside of them are only the socket's name and a mnt of ours. */
function end(): void {
  if (run != 0 && !(hasPivoted && oldRootAt == here)) {
    const prefix = hasPivoted ? oldRoot : nothing;
    join(putCopy(path, prefix), run, "wshd.sock");
    unlink(path);
  }
  if (madeOldRoot && hasPivoted) unmountOldRoot();
  if (madeOldRoot) removeDirectory(hasPivoted ? oldRoot : mnt);
  exit(1);
}
