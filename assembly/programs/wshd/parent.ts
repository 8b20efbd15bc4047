/**
 * wshd on the host: prepares the container, starts its PID 1, waits until PID 1 serves.
 *
 *   START → BEFORE_CLONE (hook) → AFTER_CLONE (hook) → RELEASED → exit 0
 *
 * A failure leads to FAILING from any state: the child is killed and reaped, the socket is removed, exit 1.
 */
import {
  close, connect, FileType, kill, listen, open, OPEN_READ, pathType, pipe, read, READ, realpath, routeSignals, send, socketPair,
  spawn, SPAWN_CONTAINER, SPAWN_INHERIT_ENVIRONMENT, SPAWN_NO_GROUPS, SPAWN_SHARE_NETWORK, SPAWN_USER_NAMESPACE, spawnArguments, spawnBegin,
  spawnDescriptor, spawnEnvironment, spawnOwner, spawnSelf, spawnStartPipe, spawnUser, unlink, unshareMounts, wait, watch, write,
} from "../../boundary/shim";
import { exit } from "../../boundary/wasi";
import { putDigits, putText, stringLength } from "../../lib/text";
import { EACCES, EAGAIN, ECONNREFUSED, ENOENT, EPERM } from "../../lib/errno";
import { fail, printError } from "../../lib/diagnostics";
import { putEnd } from "../../lib/exec-path";
import { bit, SIGCHLD, SIGKILL } from "../../lib/signal";
import { leaveAttributes } from "./attributes";
import { Hook, hookState, startHook } from "./hook";
import { options, parse } from "./options";
import { join, PATH_BYTES } from "./paths";
import {
  CAPABILITIES_VARIABLE, CHILD_FILTER_FD, CHILD_LISTENER_FD, CHILD_SYNC_FD, CHILD_VARIABLE, CONFINE_VARIABLE,
  FILTER_VARIABLE, GO, KEEP_GROUPS_VARIABLE, NO_NEW_PRIVS_VARIABLE, SERVING,
  SHARE_NETWORK_VARIABLE,
} from "./handshake";

const BACKLOG: i32 = 4096;

const enum State { START, BEFORE_CLONE, AFTER_CLONE, RELEASED, FAILING }
let state: State = State.START;

let listener: i32 = -1;
/** The container's first process. */
namespace child {
  export let sync: i32 = -1;
  /** To the child that waits for its ids before it executes: a byte lets it go on. -1 without a user namespace. */
  export let gate: i32 = -1;
  export let pid: i32 = 0;
  /** The child has closed its end of the socket pair, or has ended. */
  export let ended: bool = false;
}
/** The file of --filter, until the child has got it. */
let filterFile: i32 = -1;

const socketPath = memory.data(PATH_BYTES), path = memory.data(PATH_BYTES);
/**
 * Paths of lib, root and run, NUL-terminated, back to back: the first message to the child. The root's stays as it is: the child
 * enters it from the same directory, and as root of a user namespace it may pass through fewer directories than this process.
 */
const directories = memory.data(3 * PATH_BYTES);
/** An empty path: no hook is for the child. */
const nothing = memory.data(8);
let directoriesSize: u32 = 0;
const pair = memory.data(8, 4);
const byte = memory.data(8, 4);
const stage = memory.data(160);
const pidVariable = memory.data(16);

function moveTo(next: State): void {
  assert(next > state, "the start of a container never goes back");
  state = next;
}

export function startParent(): void {
  parse();
  requireDirectory("wshd: the run directory is missing (--run):", options.run);
  requireDirectory("wshd: the lib directory is missing (--lib):", options.lib);
  requireDirectory("wshd: the root directory is missing (--root):", options.root);
  openFilter();
  if (hasChildHook()) addDirectory(options.lib);
  else addPath(nothing);
  addPath(options.root);
  addDirectory(options.run);
  const caught = routeSignals(bit(SIGCHLD), 0);
  if (caught < 0) return fail(1, "wshd: cannot wait for signals", 0, caught);
  join(socketPath, options.run, "wshd.sock");
  removeStaleSocket();
  listener = listen(socketPath, BACKLOG, 1);
  if (listener < 0) return fail(1, "wshd: cannot listen on", socketPath, listener, "the path of a socket has at most 107 bytes");
  const isolated = unshareMounts();
  // A user other than root makes the container's mounts in the container's namespaces alone.
  if (isolated < 0 && !(options.userNamespace && isolated == -EPERM)) return abandon("wshd: cannot make a mount namespace", isolated, "wshd has to run as root (CAP_SYS_ADMIN)");
  moveTo(State.BEFORE_CLONE);
  onHookResult(startHook(join(path, options.lib, "hook-parent-before-clone.sh"), 0));
}

function requireDirectory(words: string, at: usize): void {
  const kind = pathType(at);
  if (kind != FileType.DIRECTORY) fail(1, words, at, kind < 0 ? kind : 0);
}

function openFilter(): void {
  if (options.filter == 0) return;
  filterFile = open(options.filter, OPEN_READ);
  if (filterFile < 0) fail(1, "wshd: cannot open the filter (--filter)", options.filter, filterFile);
}

function hasChildHook(): bool {
  return pathType(join(path, options.lib, "hook-child-before-pivot.sh")) != -ENOENT
    || pathType(join(path, options.lib, "hook-child-after-pivot.sh")) != -ENOENT;
}

function addDirectory(directory: usize): void {
  const length = realpath(directory, directories + directoriesSize, PATH_BYTES);
  if (length < 0) return fail(1, "wshd: cannot find out the absolute path of", directory, length, "is /proc mounted?");
  directoriesSize += length + 1;
}

function addPath(path: usize): void {
  memory.copy(directories + directoriesSize, path, stringLength(path) + 1);
  directoriesSize += stringLength(path) + 1;
}

/** Removes a socket that nobody listens on. If a process listens, another container runs here: ends the program. */
function removeStaleSocket(): void {
  const other = connect(socketPath);
  if (other >= 0) return fail(1, "wshd: another wshd serves already on", socketPath);
  if (other == -EAGAIN || other == -EACCES) return fail(1, "wshd: cannot tell whether another wshd serves on", socketPath, other);
  if (other != -ECONNREFUSED) return;
  if (pathType(socketPath) == FileType.FILE) return fail(1, "wshd: a file that is no socket is in the way:", socketPath);
  const removed = unlink(socketPath);
  if (removed < 0 && removed != -ENOENT) fail(1, "wshd: cannot remove the stale socket", socketPath, removed);
}

function onHookResult(hook: Hook): void {
  if (hook == Hook.RUNNING) return;
  if (hook == Hook.FAILED) return rollBack();
  if (state == State.BEFORE_CLONE) return cloneChild();
  release();
}

function cloneChild(): void {
  const left = options.confine ? leaveAttributes() : 0;
  if (left < 0) return abandon("wshd: cannot set scheduling and oom_score_adj to the usual", left);
  const paired = socketPair(pair);
  if (paired < 0) return abandon("wshd: cannot make a socket pair", paired);
  child.sync = load<i32>(pair);
  const theirs = load<i32>(pair + 4);
  const stageEnd = putStage();
  spawnBegin();
  spawnSelf();
  spawnArguments(options.title, stringLength(options.title) + 1);
  spawnEnvironment(stage, <u32>(stageEnd - stage));
  spawnDescriptor(CHILD_LISTENER_FD, listener);
  spawnDescriptor(CHILD_SYNC_FD, theirs);
  if (filterFile >= 0) spawnDescriptor(CHILD_FILTER_FD, filterFile);
  const gateRead = options.userNamespace ? makeGate() : 0;
  if (gateRead < 0) return abandon("wshd: cannot make a pipe", gateRead);
  child.pid = spawn(SPAWN_CONTAINER | SPAWN_INHERIT_ENVIRONMENT | namespaceFlags(), byte);
  close(theirs);
  if (gateRead > 0) close(gateRead);
  if (child.pid < 0) return abandon("wshd: cannot start the container's first process in new namespaces", child.pid, "it needs CAP_SYS_ADMIN, and memfd_create allowed to execute (vm.memfd_noexec)");
  close(load<i32>(byte));
  close(listener);
  if (filterFile >= 0) close(filterFile);
  watch(child.sync, READ);
  const sent = send(child.sync, directories, directoriesSize, 0, 0);
  if (sent != <i32>directoriesSize) return abandon("wshd: cannot tell the container's first process where its directories are", min(sent, 0));
  moveTo(State.AFTER_CLONE);
  store<u8>(putDigits(putText(pidVariable, "PID="), child.pid), 0);
  onHookResult(startHook(join(path, options.lib, "hook-parent-after-clone.sh"), pidVariable));
}

function namespaceFlags(): i32 {
  const user = options.userNamespace ? SPAWN_USER_NAMESPACE | (options.keepGroups ? 0 : SPAWN_NO_GROUPS) : 0;
  return options.shareNetwork ? user | SPAWN_SHARE_NETWORK : user;
}

/** Makes the child wait before it becomes root of its user namespace and executes. Returns the end to close, or an errno. */
function makeGate(): i32 {
  const made = pipe(pair);
  if (made < 0) return made;
  child.gate = load<i32>(pair + 4);
  spawnStartPipe(load<i32>(pair));
  spawnUser(0, 0);
  if (options.hasOwner) spawnOwner(options.owner);
  return load<i32>(pair);
}

/** What the child's environment says of its work, for `stage`; returns the offset behind it. */
function putStage(): usize {
  let end = putVariable(stage, CHILD_VARIABLE);
  if (options.noNewPrivs) end = putVariable(end, NO_NEW_PRIVS_VARIABLE);
  if (options.keepGroups) end = putVariable(end, KEEP_GROUPS_VARIABLE);
  if (options.shareNetwork) end = putVariable(end, SHARE_NETWORK_VARIABLE);
  if (options.confine) end = putVariable(end, CONFINE_VARIABLE);
  if (options.boundsCapabilities) end = putVariable(end, CAPABILITIES_VARIABLE, options.capabilities);
  return filterFile >= 0 ? putVariable(end, FILTER_VARIABLE) : end;
}

function putVariable(at: usize, name: string, value: u64 = 1): usize {
  return putEnd(putDigits(putText(putText(at, name), "="), value));
}

function release(): void {
  if (child.ended) return abandon("wshd: the container's first process ended before it served", 0);
  moveTo(State.RELEASED);
  store<u8>(byte, GO);
  // Its namespaces are complete: it becomes their root, and executes.
  const opened = child.gate < 0 ? 1 : write(child.gate, byte, 1);
  const sent = opened == 1 ? write(child.sync, byte, 1) : opened;
  if (sent != 1) abandon("wshd: cannot tell the container's first process to go on", min(sent, 0));
}

export function parentReady(handle: i32): void {
  if (handle != child.sync) return;
  const got = read(child.sync, byte, 1);
  if (got == -EAGAIN) return;
  if (got == 1 && load<u8>(byte) == SERVING && state == State.RELEASED) return exit(0);
  // The child itself prints its error to stderr.
  watch(child.sync, 0);
  child.ended = true;
  // While a hook runs, its end comes first. In FAILING the child was killed by us.
  if (state != State.RELEASED) return;
  abandon("wshd: the container's first process ended before it served", 0);
}

export function parentSignal(signal: i32): void {
  if (signal != SIGCHLD) return;
  if (state == State.FAILING) {
    if (wait(child.pid, byte) != 0) exit(1);
    return;
  }
  if (state == State.BEFORE_CLONE || state == State.AFTER_CLONE) onHookResult(hookState());
}

function abandon(words: string, errno: i32, advice: string = ""): void {
  printError(words, 0, errno, advice);
  rollBack();
}

/** Undoes the start. The program ends when the child is reaped, and its namespaces and mounts with it. */
function rollBack(): void {
  if (state == State.FAILING) return;
  moveTo(State.FAILING);
  unlink(socketPath);
  if (child.pid <= 0) return exit(1);
  const killed = kill(child.pid, SIGKILL);
  // A child that does not serve yet ends when this process does. Do not wait for it: that could take for ever.
  if (killed < 0) return fail(1, "wshd: cannot kill the container's first process", 0, killed);
  if (wait(child.pid, byte) != 0) exit(1);
}
