/**
 * wshd on the host: prepares the container, starts its first process, waits until that serves.
 *
 *   START → BEFORE_CLONE (hook) → AFTER_CLONE (hook) → RELEASED → exit 0
 *
 * What fails on the way ends in FAILING: the child is killed and reaped, the socket removed, exit 1.
 */
import {
  absolute, close, connect, inspect, isolateMounts, kill, Kind, listen, read, READ, send, signals, socketPair, spawn,
  SPAWN_CONTAINER, SPAWN_INHERIT_ENVIRONMENT, spawnArguments, spawnBegin, spawnDescriptor, spawnEnvironment, spawnSelf,
  unlink, wait, watch, write,
} from "../shim";
import { exit } from "../wasi";
import { putDigits, putText, stringLength } from "../shared/bytes";
import { EACCES, EAGAIN, ECONNREFUSED, ENOENT } from "../shared/errno";
import { complain, fail } from "../shared/program";
import { bit, SIGCHLD, SIGKILL } from "../shared/signal";
import { Hook, hookState, startHook } from "./hook";
import { lib, parse, root, run, title } from "./options";
import { join, PATH_BYTES } from "./paths";
import { CHILD_LISTENER_FD, CHILD_STAGE, CHILD_SYNC_FD, GO, SERVING } from "./stages";

const BACKLOG: i32 = 4096;

const enum State { START, BEFORE_CLONE, AFTER_CLONE, RELEASED, FAILING }
let state: State = State.START;

let listener: i32 = -1;
let sync: i32 = -1;
let child: i32 = 0;
/** The child has reported, or ended: what it says is known already. */
let childEnded: bool = false;

const socketPath = memory.data(4096), path = memory.data(4096);
/** Absolute paths of lib, root and run, NUL-terminated, back to back: what the child is told first. */
const places = memory.data(12288);
if (PATH_BYTES != 4096) ERROR("a path's buffer has another size");
let placesSize: u32 = 0;
const pair = memory.data(8, 4);
const byte = memory.data(8, 4);
const stage = memory.data(32);
const pidVariable = memory.data(16);

function moveTo(next: State): void {
  assert(next > state, "the start of a container never goes back");
  state = next;
}

export function startParent(): void {
  parse();
  requireDirectory("wshd: the run directory is missing (--run):", run);
  requireDirectory("wshd: the lib directory is missing (--lib):", lib);
  requireDirectory("wshd: the root directory is missing (--root):", root);
  addPlace(lib);
  addPlace(root);
  addPlace(run);
  const caught = signals(bit(SIGCHLD), 0);
  if (caught < 0) return fail(1, "wshd: cannot wait for signals", 0, caught);
  join(socketPath, run, "wshd.sock");
  removeStaleSocket();
  listener = listen(socketPath, BACKLOG);
  if (listener < 0) return fail(1, "wshd: cannot listen on", socketPath, listener, "the path of a socket has at most 107 bytes");
  const isolated = isolateMounts();
  if (isolated < 0) return abandon("wshd: cannot make a mount namespace", isolated, "wshd has to run as root (CAP_SYS_ADMIN)");
  moveTo(State.BEFORE_CLONE);
  take(startHook(join(path, lib, "hook-parent-before-clone.sh"), 0));
}

function requireDirectory(words: string, at: usize): void {
  const kind = inspect(at);
  if (kind != Kind.DIRECTORY) fail(1, words, at, kind < 0 ? kind : 0);
}

function addPlace(directory: usize): void {
  const length = absolute(directory, places + placesSize, PATH_BYTES);
  if (length < 0) return fail(1, "wshd: cannot find out the absolute path of", directory, length, "is /proc mounted?");
  placesSize += length + 1;
}

/** A socket that nobody listens on is left over from an earlier container; one that answers belongs to a living one. */
function removeStaleSocket(): void {
  const other = connect(socketPath);
  if (other >= 0) return fail(1, "wshd: another wshd serves already on", socketPath);
  if (other == -EAGAIN || other == -EACCES) return fail(1, "wshd: cannot tell whether another wshd serves on", socketPath, other);
  if (other != -ECONNREFUSED) return;
  if (inspect(socketPath) == Kind.FILE) return fail(1, "wshd: a file that is no socket is in the way:", socketPath);
  const removed = unlink(socketPath);
  if (removed < 0 && removed != -ENOENT) fail(1, "wshd: cannot remove the stale socket", socketPath, removed);
}

function take(hook: Hook): void {
  if (hook == Hook.RUNNING) return;
  if (hook == Hook.FAILED) return fall();
  if (state == State.BEFORE_CLONE) return cloneChild();
  release();
}

function cloneChild(): void {
  const paired = socketPair(pair);
  if (paired < 0) return abandon("wshd: cannot make a socket pair", paired);
  sync = load<i32>(pair);
  const theirs = load<i32>(pair + 4);
  store<u8>(putText(stage, CHILD_STAGE), 0);
  spawnBegin();
  spawnSelf();
  spawnArguments(title, stringLength(title) + 1);
  spawnEnvironment(stage, stringLength(stage) + 1);
  spawnDescriptor(CHILD_LISTENER_FD, listener);
  spawnDescriptor(CHILD_SYNC_FD, theirs);
  child = spawn(SPAWN_CONTAINER | SPAWN_INHERIT_ENVIRONMENT, byte);
  close(theirs);
  if (child < 0) return abandon("wshd: cannot start the container's first process in new namespaces", child, "it needs CAP_SYS_ADMIN, and memfd_create allowed to execute (vm.memfd_noexec)");
  close(load<i32>(byte));
  close(listener);
  watch(sync, READ);
  const told = send(sync, places, placesSize, 0, 0);
  if (told != <i32>placesSize) return abandon("wshd: cannot tell the container's first process where its directories are", min(told, 0));
  moveTo(State.AFTER_CLONE);
  store<u8>(putDigits(putText(pidVariable, "PID="), child), 0);
  take(startHook(join(path, lib, "hook-parent-after-clone.sh"), pidVariable));
}

function release(): void {
  if (childEnded) return abandon("wshd: the container's first process ended before it served", 0);
  moveTo(State.RELEASED);
  store<u8>(byte, GO);
  const told = write(sync, byte, 1);
  if (told != 1) abandon("wshd: cannot tell the container's first process to go on", min(told, 0));
}

export function parentReady(handle: i32): void {
  if (handle != sync) return;
  const got = read(sync, byte, 1);
  if (got == -EAGAIN) return;
  if (got == 1 && load<u8>(byte) == SERVING && state == State.RELEASED) return exit(0);
  // The child says on stderr itself what went wrong with it.
  watch(sync, 0);
  childEnded = true;
  // While a hook runs it is the hook's end that is waited for; when we have ended the child ourselves, it is no news.
  if (state != State.RELEASED) return;
  abandon("wshd: the container's first process ended before it served", 0);
}

export function parentSignal(signal: i32): void {
  if (signal != SIGCHLD) return;
  if (state == State.FAILING) {
    if (wait(child, byte) != 0) exit(1);
    return;
  }
  if (state == State.BEFORE_CLONE || state == State.AFTER_CLONE) take(hookState());
}

function abandon(words: string, errno: i32, advice: string = ""): void {
  complain(words, 0, errno, advice);
  fall();
}

/** Takes everything back; ends when the child is gone, and with it its namespaces and mounts. */
function fall(): void {
  if (state == State.FAILING) return;
  moveTo(State.FAILING);
  unlink(socketPath);
  if (child <= 0) return exit(1);
  const killed = kill(child, SIGKILL);
  // It ends by itself when we do, should it not serve yet; to wait for it could be for ever.
  if (killed < 0) return fail(1, "wshd: cannot kill the container's first process", 0, killed);
  if (wait(child, byte) != 0) exit(1);
}
