/**
 * The process that becomes the container's.
 *
 *   WAITING → MOUNTED (prestart, createRuntime by the parent) → ENTERING (createContainer) → CREATED → STARTING (startContainer) → executes
 *
 * It is told to go on by its parent, over a socket pair, and by `start`, over a FIFO; what fails it reports to its parent. When
 * the parent ends before the container is created, it ends, too.
 */
import {
  close, fork, joinNamespace, loopbackUp, READ, read, routeSignals, setHostName, setsid, setUser, unshare, watch, write,
} from "../../../boundary/shim";
import { exit } from "../../../boundary/wasi";
import { EAGAIN, ECONNRESET, EPERM } from "../../../lib/errno";
import { jsonIsCString, JsonKind, jsonKind, jsonMember, jsonSize, jsonText } from "../../../lib/json/nodes";
import { bit, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../../../lib/signal";
import { joinGroups } from "../cgroup/make";
import { namespaceSetup, spec } from "../input/config";
import { NEW_CGROUP, NEW_MOUNT, NEW_NETWORK, NEW_USER } from "../input/namespace-kinds";
import { bindConsole, makeDevices } from "../root/devices";
import { HookPoint, HookResult, runHooks } from "../process/hooks";
import { die, leave, must } from "../files/end";
import { openTerminal, takeOpenTerminal } from "../process/terminal";
import { reportTo } from "../files/log";
import { options } from "../input/options";
import {
  addHome, becomeProcess, enterWorkingDirectory, findCommand, hasTerminal, joinKeyring, ownStdio, setLimits,
  setOomScore,
} from "../process/process";
import { setScheduling } from "../process/scheduling";
import { enterRoot, finishRoot, makeMounts, makeWorkingDirectory, restrictPaths, takeRoot } from "../root/rootfs";
import { Status } from "../files/state";
import { setSysctls } from "../process/sysctl";

/** What the parent says, and what it is told: `REPORT_FAILED` (log.ts) with a text is the third. */
export const GO: u8 = 0x47, MOUNTED: u8 = 0x4d, HOOKS_DONE: u8 = 0x48, READY: u8 = 0x52, KEPT: u8 = 0x4b;

const enum State { WAITING, MOUNTED, ENTERING, CREATED, STARTING }
let state: State = State.WAITING;

namespace parent {
  export let sync: i32 = -1, start: i32 = -1, consoleHandle: i32 = -1, waitsForHooks: bool = false;
}
const byte = memory.data(8);

function moveTo(next: State): void {
  assert(next > state, "the making of a container never goes back");
  state = next;
}

/** Forks the process that `onFork` goes on with: its pid. The parent keeps its own end of the socket pair. */
export function forkInit(namespaces: u32, own: i32, fifo: i32, console: i32, hasHooks: bool): i32 {
  parent.sync = own;
  parent.start = fifo;
  parent.consoleHandle = console;
  parent.waitsForHooks = hasHooks;
  return fork(namespaces);
}

export function startInit(parentsEnd: i32): void {
  close(parentsEnd);
  reportTo(parent.sync);
  setsid();
  const caught = routeSignals(bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGCHLD), 0);
  if (caught < 0) return die("cannot wait for signals", 0, caught);
  watch(parent.sync, READ);
}

export function initReady(handle: i32): void {
  const got = read(handle, byte, 1);
  if (got == -EAGAIN) return;
  if (handle == parent.start) return startProcess(got);
  // The parent has ended, maybe before it read the last report: nobody will ever know of the container.
  if (got == 0 || got == -ECONNRESET || got < 0 && state < State.CREATED) return exit(state < State.CREATED ? 1 : 255);
  if (state == State.WAITING) prepare();
  else if (state == State.CREATED) leaveParent();
  else enter();
}

/** While it waits for `start` it ends as its user's process would; as PID 1 it would not of itself. signal(7) */
export function initSignal(signal: i32): void {
  if (signal != SIGCHLD) exit(128 + signal);
}

function tell(word: u8): void {
  store<u8>(byte, word);
  // Nobody hears of it any more.
  if (write(parent.sync, byte, 1) != 1) exit(1);
}

function prepare(): void {
  joinGroups(0);
  if ((namespaceSetup.newNamespaces & NEW_USER) != 0) {
    const became = setUser(0, 0);
    if (became < 0) return die("cannot become root of the user namespace", 0, became, "linux.uidMappings and gidMappings have to map 0");
  }
  if ((namespaceSetup.newNamespaces & NEW_CGROUP) != 0) must(unshare(NEW_CGROUP), "cannot make a cgroup namespace");
  if (namespaceSetup.mountNamespace >= 0) must(joinNamespace(namespaceSetup.mountNamespace, NEW_MOUNT), "cannot join the mount namespace");
  if (!options.noNewKeyring) joinKeyring();
  if ((namespaceSetup.newNamespaces & NEW_NETWORK) != 0) {
    const up = loopbackUp();
    if (up < 0 && up != -EPERM) return die("cannot set the loopback interface up", 0, up);
  }
  setName(jsonMember(spec.root, "hostname"), 0);
  setName(jsonMember(spec.root, "domainname"), 1);
  ownStdio();
  setOomScore();
  const propagation = jsonMember(spec.linux, "rootfsPropagation");
  takeRoot(spec.rootfsPath, jsonIsCString(propagation) ? jsonText(propagation) : 0);
  makeMounts(jsonMember(spec.root, "mounts"), jsonMember(spec.linux, "mountLabel"));
  makeDevices(jsonMember(spec.linux, "devices"), (namespaceSetup.newNamespaces & NEW_USER) != 0);
  moveTo(State.MOUNTED);
  if (parent.waitsForHooks) tell(MOUNTED);
  else enter();
}

function setName(name: usize, domain: i32): void {
  if (jsonKind(name) != JsonKind.STRING || jsonSize(name) == 0) return;
  must(setHostName(jsonText(name), jsonSize(name), domain), domain == 0 ? "cannot set hostname" : "cannot set domainname");
}

function enter(): void {
  moveTo(State.ENTERING);
  createHooksDone(runHooks(HookPoint.CREATE_CONTAINER, spec.hooks, Status.CREATED, 1, spec.bundlePath, jsonMember(spec.root, "annotations")));
}

export function createHooksDone(result: HookResult): void {
  if (result == HookResult.FAILED) return leave(1);
  if (result == HookResult.DONE) finishContainer();
}

function finishContainer(): void {
  enterRoot();
  if (hasTerminal) {
    bindConsole(openTerminal(spec.process));
    takeOpenTerminal(parent.consoleHandle);
  }
  makeWorkingDirectory(jsonText(jsonMember(spec.process, "cwd")));
  setSysctls(jsonMember(spec.linux, "sysctl"));
  restrictPaths(jsonMember(spec.linux, "readonlyPaths"), jsonMember(spec.linux, "maskedPaths"));
  const propagation = jsonMember(spec.linux, "rootfsPropagation");
  finishRoot(spec.rootIsReadonly, jsonIsCString(propagation) ? jsonText(propagation) : 0);
  setLimits();
  setScheduling();
  enterWorkingDirectory(false);
  addHome();
  findCommand();
  moveTo(State.CREATED);
  watch(parent.start, READ);
  tell(READY);
}

/** The container's state is written: `delete` finds this process without its parent. */
function leaveParent(): void {
  reportTo(-1);
  watch(parent.sync, 0);
  close(parent.sync);
  parent.sync = -1;
}

/** What comes through the FIFO is the word to start. */
function startProcess(got: i32): void {
  if (parent.sync >= 0) leaveParent();
  if (got != 1) return die("cannot read start.fifo", 0, got);
  moveTo(State.STARTING);
  watch(parent.start, 0);
  startHooksDone(runHooks(HookPoint.START_CONTAINER, spec.hooks, Status.CREATED, 1, spec.bundlePath, jsonMember(spec.root, "annotations")));
}

export function startHooksDone(result: HookResult): void {
  if (result == HookResult.FAILED) return leave(1);
  if (result == HookResult.DONE) becomeProcess(options.preserveFds);
}
