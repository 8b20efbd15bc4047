/**
 * create and run, on the host's side.
 *
 *   PLANNED → FORKED → MOUNTED (prestart, createRuntime) → CREATED, where create ends
 *   → STARTED (poststart) → RUNNING, where run waits for the end → ENDED (delete.ts)
 *
 * What fails before the container is created is taken back: process, groups, state directory. runtime.md, "Lifecycle"
 */
import {
  close, connect, HANGUP, joinNamespace, kill, makeNodeAt, openAt, OPENAT_READ, READ, read, routeSignals, seal,
  setProcessName, socketPair, unshare, wait, watch, write,
} from "../../../boundary/shim";
import { claim, exit, realtimeNs } from "../../../boundary/wasi";
import { put } from "../../../lib/diagnostics";
import { EAGAIN, EIO } from "../../../lib/errno";
import { jsonCount, jsonI64, jsonIsCString, jsonIsI64, jsonMember, jsonText } from "../../../lib/json/nodes";
import {
  ARCHITECTURE_AARCH64, ARCHITECTURE_RISCV64, ARCHITECTURE_X86_64, compileSeccomp, INSTRUCTION_BYTES, INSTRUCTIONS_MAX,
  seccompErrorWords, seccompFlags,
} from "../../../lib/seccomp/index";
import { bit, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGWINCH } from "../../../lib/signal";
import { cString, putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { exitCode, exited, signalOf } from "../../../wire/status";
import { makeGroups, planGroups } from "../cgroup/make";
import { checkConfig, namespaceSetup, otherKind, otherNamespace, readConfig, readNamespaces, spec } from "../input/config";
import { NEW_TIME, NEW_USER } from "../input/namespace-kinds";
import { deleteEnded } from "./delete";
import { HookPoint, HookResult, prepareHooks, runHooks } from "../process/hooks";
import { forkInit, GO, HOOKS_DONE, KEPT, MOUNTED, READY } from "./init";
import { limitDevices, setResources } from "../cgroup/limits";
import { die, flushAndLeave, leave, undoWith } from "../files/end";
import { beginMessage, complainAbout, NS_A_SECOND, passOn, putTime, REPORT_FAILED } from "../files/log";
import { Command, options } from "../input/options";
import { readText, replaceFile, S_IFIFO, writeFile } from "../files/paths";
import { idMapPath, numberOf, writeIdMaps } from "../process/id-maps";
import { writePidFile } from "../files/pid-file";
import { hasTerminal, prepareProcess, useFilter } from "../process/process";
import { reapHolders } from "../root/mount-maps";
import { copyMounts, mapsMounts, sharesMounts } from "../root/rootfs";
import { CONFIG_COPY, directory, FILTER, openStartFifo, openStartFifoToRead, removeStartFifo, START_FIFO } from "../files/state-directory";
import { makeState, startTime, Status, writeState } from "../files/state";

const enum State { PLANNED, FORKED, MOUNTED, CREATED, STARTED, RUNNING, ENDED, FAILING }
let state: State = State.PLANNED;

/** The container's process. */
namespace child {
  export let sync: i32 = -1, other: i32 = -1, console: i32 = -1, start: i32 = -1;
  export let pid: i32 = 0, ended: i32 = 0;
  /** The process has ended and was waited for; its raw status. */
  export let hasEnded: bool = false;
}
let hasHooks: bool = false;
let fifoHandle: i32 = -1;
const pair = memory.data(8, 4);
const REPORT_MAX: u32 = 2048;
const report = memory.data(REPORT_MAX);

function moveTo(next: State): void {
  assert(next > state, "the making of a container never goes back");
  state = next;
}

export function startCreate(): void {
  // The container may look at this process, and must find nothing that it could write to. CVE-2019-5736
  const sealed = seal();
  if (sealed < 0) return die("cannot run from a sealed copy", 0, sealed, "memfd_create has to be allowed to execute (vm.memfd_noexec)");
  setProcessName(cString("warden-runtime"));
  plan();
  make();
  forkContainer();
}

function plan(): void {
  readConfig(options.bundle);
  readNamespaces();
  checkConfig();
  if (namespaceSetup.userNamespace >= 0 && namespaceSetup.newNamespaces != 0) die("joining a user namespace is supported only when all other namespaces are joined, too");
  const offsets = jsonMember(spec.linux, "timeOffsets");
  if (jsonCount(offsets) > 0 && (namespaceSetup.newNamespaces & NEW_TIME) == 0) die("linux.timeOffsets needs a new time namespace");
  prepareProcess(spec.process);
  hasHooks = prepareHooks(spec.hooks);
  planFilter();
  if (!options.cgroupsDisabled) planGroups(groupsPlace());
  if (hasTerminal) connectConsole();
  else if (options.consoleSocket != 0) die("--console-socket is of use only where process.terminal is true");
}

function planFilter(): void {
  const profile = jsonMember(spec.linux, "seccomp");
  if (profile == 0) return;
  // In the state directory the flags stand in front of it.
  compiled.at = claim(INSTRUCTIONS_MAX * INSTRUCTION_BYTES + 8);
  const program = compiled.at + 8, count = compileSeccomp(profile, architecture(), program, INSTRUCTIONS_MAX);
  if (count == 0) {
    beginMessage();
    put("linux.seccomp: ");
    put(seccompErrorWords());
    flushAndLeave();
  }
  useFilter(program, count, seccompFlags);
  store<u32>(compiled.at, seccompFlags);
  compiled.instructions = count;
}

/** `e_machine` of elf(5): EM_X86_64 is 62, EM_AARCH64 183, EM_RISCV 243. */
const ELF_BYTES: u32 = 20, AT_MACHINE: usize = 18, EM_AARCH64: u16 = 183, EM_RISCV: u16 = 243;
const elf = memory.data(ELF_BYTES + 4), ownProgram = cString("/proc/self/exe");

/** The machine's architecture: the one that this program is for. */
function architecture(): u32 {
  const got = readText(ownProgram, elf, ELF_BYTES + 1);
  if (got < <i32>ELF_BYTES) die("cannot read", ownProgram, min(got, -EIO));
  const machine = load<u16>(elf + AT_MACHINE);
  if (machine == EM_AARCH64) return ARCHITECTURE_AARCH64;
  return machine == EM_RISCV ? ARCHITECTURE_RISCV64 : ARCHITECTURE_X86_64;
}

/** The filter of system calls. */
namespace compiled {
  export let at: usize = 0, instructions: u32 = 0;
}

function groupsPlace(): usize {
  const given = jsonMember(spec.linux, "cgroupsPath"), prefix = "/warden-runtime/";
  if (jsonIsCString(given) && load<u8>(jsonText(given)) != 0) {
    if (leadsUp(jsonText(given))) die("linux.cgroupsPath leads out of its hierarchy:", jsonText(given));
    return jsonText(given);
  }
  const place = claim(stringLength(options.id) + prefix.length + 1);
  putCopy(putText(place, prefix), options.id);
  return place;
}

/** Whether a part of the path is "..". */
function leadsUp(path: usize): bool {
  for (let at = path; load<u8>(at) != 0; at++) {
    const begins = at == path || load<u8>(at - 1) == 0x2f;
    if (begins && load<u16>(at) == 0x2e2e && (load<u8>(at + 2) == 0x2f || load<u8>(at + 2) == 0)) return true;
  }
  return false;
}

function connectConsole(): void {
  if (options.consoleSocket == 0) return die("process.terminal is true: --console-socket has to name a socket that takes the terminal");
  child.console = connect(options.consoleSocket);
  if (child.console < 0) die("cannot connect to the console socket", options.consoleSocket, child.console);
}

function make(): void {
  const mounts = jsonMember(spec.root, "mounts"), propagation = jsonMember(spec.linux, "rootfsPropagation");
  const shares = sharesMounts(jsonIsCString(propagation) ? jsonText(propagation) : 0, mounts);
  if ((namespaceSetup.newNamespaces & NEW_USER) != 0 || shares || mapsMounts(mounts)) {
    copyMounts(spec.rootfsPath, mounts, spec.linux, namespaceSetup.userNamespace);
  }
  makeState();
  undoWith(true);
  const fifo = makeNodeAt(directory, START_FIFO, S_IFIFO | 0o600, 0, 0);
  if (fifo < 0) return die("cannot make start.fifo in the state directory", 0, fifo);
  // From another user namespace the child could not.
  fifoHandle = openStartFifoToRead();
  if (fifoHandle < 0) return die("cannot open start.fifo", 0, fifoHandle);
  if (compiled.instructions > 0) keepFile(FILTER, compiled.at, compiled.instructions * INSTRUCTION_BYTES + 8);
  if (hasHooks) keepFile(CONFIG_COPY, spec.originalText, spec.originalSize);
  makeGroups();
  const resources = jsonMember(spec.linux, "resources");
  if (options.cgroupsDisabled) return;
  setResources(resources);
  limitDevices(jsonMember(resources, "devices"));
}

function keepFile(name: usize, at: usize, size: u32): void {
  const kept = replaceFile(directory, name, 0o600, at, size);
  if (kept < 0) die("cannot write to the state directory:", name, kept);
}

const OWN_MAX: i32 = 5;
const ownNamespaces = memory.data(OWN_MAX * 4, 4);

/** Joined by the parent, since a child could not any more from its own user namespace; and left again. */
function joinOthers(): void {
  const leavesNone = namespaceSetup.otherCount == 0 && (namespaceSetup.newNamespaces & NEW_TIME) == 0;
  for (let i = 0; i < OWN_MAX; i++) {
    store<i32>(ownNamespaces + i * 4, leavesNone ? -1 : openOwn(i == 0 ? "net" : i == 1 ? "ipc" : i == 2 ? "uts" : i == 3 ? "pid" : "time"));
  }
  for (let i = 0; i < namespaceSetup.otherCount; i++) {
    const joined = joinNamespace(otherNamespace(i), otherKind(i));
    if (joined < 0) die("cannot join a namespace of linux.namespaces", 0, joined, "its path has to lead to a namespace of its type");
  }
}

/** Two lines, of two numbers each. */
const offsetsText = memory.data(128);

/** The child is in the new one; this process goes back. time_namespaces(7) */
function makeTimeNamespace(): void {
  if ((namespaceSetup.newNamespaces & NEW_TIME) == 0) return;
  const made = unshare(NEW_TIME);
  if (made < 0) die("cannot make a time namespace", 0, made, "this needs CAP_SYS_ADMIN, and a kernel with CONFIG_TIME_NS");
  const offsets = jsonMember(spec.linux, "timeOffsets");
  let to = putOffset(offsetsText, "monotonic", jsonMember(offsets, "monotonic"));
  to = putOffset(to, "boottime", jsonMember(offsets, "boottime"));
  if (to == offsetsText) return;
  const written = writeFile(0, cString("/proc/self/timens_offsets"), offsetsText, <u32>(to - offsetsText));
  if (written < 0) die("cannot set linux.timeOffsets", 0, written);
}

/** "CLOCK SECONDS NANOSECONDS" */
function putOffset(to: usize, clock: string, offset: usize): usize {
  if (offset == 0) return to;
  const seconds = jsonMember(offset, "secs"), nanoseconds = jsonMember(offset, "nanosecs");
  to = putText(putText(to, clock), " ");
  const number = jsonIsI64(seconds) ? jsonI64(seconds) : 0;
  to = putDigits(number < 0 ? putText(to, "-") : to, <u64>abs(number));
  return putText(putDigits(putText(to, " "), numberOf(nanoseconds)), "\n");
}

const ownPath = memory.data(32);

function openOwn(kind: string): i32 {
  store<u8>(putText(putText(ownPath, "/proc/self/ns/"), kind), 0);
  return openAt(0, ownPath, OPENAT_READ, 0);
}

function leaveOthers(): void {
  for (let i = 0; i < OWN_MAX; i++) {
    const own = load<i32>(ownNamespaces + i * 4);
    if (own < 0) continue;
    joinNamespace(own, 0);
    close(own);
  }
}

function forkContainer(): void {
  const caught = routeSignals(bit(SIGCHLD) | (options.command == Command.RUN ? FORWARDED : 0), 0);
  if (caught < 0) return die("cannot wait for signals", 0, caught);
  const paired = socketPair(pair);
  if (paired < 0) return die("cannot make a socket pair", 0, paired);
  child.sync = load<i32>(pair);
  child.other = load<i32>(pair + 4);
  joinOthers();
  makeTimeNamespace();
  const own = jsonCount(jsonMember(spec.hooks, "prestart")) + jsonCount(jsonMember(spec.hooks, "createRuntime"));
  child.pid = forkInit(namespaceSetup.newNamespaces & ~NEW_TIME, child.other, fifoHandle, child.console, own > 0);
  if (child.pid < 0) return die("cannot start a process in new namespaces", 0, child.pid, "this needs CAP_SYS_ADMIN");
  leaveOthers();
  close(child.other);
  close(fifoHandle);
  if (child.console >= 0) close(child.console);
  moveTo(State.FORKED);
  watch(child.sync, READ);
  const mapped = (namespaceSetup.newNamespaces & NEW_USER) != 0 ? writeIdMaps(child.pid, spec.linux) : 0;
  if (mapped < 0) return fall("cannot write the user namespace's map", idMapPath(), mapped);
  tell(GO);
}

/** The other end of the socket pair, which the child closes first. */
export function parentsEnd(): i32 { return child.sync; }

function tell(word: u8): void {
  store<u8>(report, word);
  const sent = write(child.sync, report, 1);
  if (sent < 0) fall("cannot tell the container's process to go on", 0, sent);
}

// --- what the child reports

export function createReady(handle: i32): void {
  if (handle == child.start) return startClosed();
  // Of this turn, before it was not watched any more.
  if (state == State.FAILING) return;
  const got = read(child.sync, report, REPORT_MAX);
  if (got == -EAGAIN) return;
  const word = got > 0 ? load<u8>(report) : <u8>0;
  if (word == MOUNTED) return runtimeHooks();
  if (word == READY) return created();
  watch(child.sync, 0);
  if (word == REPORT_FAILED) passOn(report + 1, got - 1);
  else complainAbout("the container's process ended before the container was created");
  fail();
}

function runtimeHooks(): void {
  moveTo(State.MOUNTED);
  prestartDone(runHooks(HookPoint.PRESTART, spec.hooks, Status.CREATED, child.pid, spec.bundlePath, annotations()));
}
function annotations(): usize { return jsonMember(spec.root, "annotations"); }

/** Before the container's start a hook that fails is the end of it: its process has to be gone before its groups can go. */
export function prestartDone(result: HookResult): void {
  if (result == HookResult.FAILED) return fail();
  if (result != HookResult.DONE) return;
  runtimeHooksDone(runHooks(HookPoint.CREATE_RUNTIME, spec.hooks, Status.CREATED, child.pid, spec.bundlePath, annotations()));
}

export function runtimeHooksDone(result: HookResult): void {
  if (result == HookResult.FAILED) return fail();
  if (result == HookResult.DONE) tell(HOOKS_DONE);
}

const time = memory.data(48);

function created(): void {
  moveTo(State.CREATED);
  watch(child.sync, 0);
  store<u8>(putTime(time, realtimeNs() / NS_A_SECOND), 0);
  const written = writeState(child.pid, startTime(child.pid), spec.bundlePath, spec.rootfsPath, time, annotations());
  if (written < 0) return fall("cannot write state.json", 0, written);
  // Until now the container's process would have ended with this one.
  store<u8>(report, KEPT);
  const left = write(child.sync, report, 1);
  if (left < 0) return fall("cannot tell the container's process that its state is kept", 0, left);
  close(child.sync);
  child.sync = -1;
  // The last of all: who reads it may call at once.
  const told = writePidFile(child.pid);
  if (told < 0) return fall("cannot write the pid file", options.pidFile, told);
  if (options.command == Command.RUN) return startNow();
  undoWith(false);
  reapHolders();
  exit(0);
}

/** Fails when there is a child, which has to be gone before its groups can go. */
function fall(words: string, subject: usize, errno: i32): void {
  complainAbout(words, subject, errno);
  fail();
}

function fail(): void {
  moveTo(State.FAILING);
  if (child.sync >= 0) watch(child.sync, 0);
  kill(child.pid, SIGKILL);
  reapFailed();
}

function reapFailed(): void {
  if (wait(child.pid, pair) == 0) return;
  leave(1);
}

export function createSignal(signal: i32): void {
  if (signal != SIGCHLD) {
    if (child.pid > 0 && state >= State.CREATED) kill(child.pid, signal);
    return;
  }
  if (state == State.FAILING) return reapFailed();
  reapHolders();
  if (options.command != Command.RUN || state < State.CREATED || state >= State.ENDED) return;
  if (child.hasEnded || wait(child.pid, pair) != child.pid) return;
  child.hasEnded = true;
  child.ended = load<i32>(pair);
  if (state == State.RUNNING) runEnded();
}

// --- run

const FORWARDED: u32 = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGWINCH);

function startNow(): void {
  child.start = openStartFifo();
  const started = child.start < 0 ? child.start : write(child.start, report, 1);
  if (started < 0) return fall("cannot start the container", 0, started);
  undoWith(false);
  watch(child.start, HANGUP);
}

/** The container's process has executed, or ended: its end of the FIFO is closed. */
function startClosed(): void {
  watch(child.start, 0);
  close(child.start);
  child.start = -1;
  removeStartFifo();
  moveTo(State.STARTED);
  poststartDone(runHooks(HookPoint.POSTSTART, spec.hooks, Status.RUNNING, child.pid, spec.bundlePath, annotations()));
}

export function poststartDone(result: HookResult): void {
  if (result == HookResult.RUNNING) return;
  if (options.command != Command.RUN || options.detach) return exit(0);
  moveTo(State.RUNNING);
  // A short one may have ended before its poststart hooks did.
  if (child.hasEnded) runEnded();
}

function runEnded(): void {
  moveTo(State.ENDED);
  deleteEnded(spec.hooks, spec.bundlePath, annotations(), exited(child.ended) ? exitCode(child.ended) : 128 + signalOf(child.ended));
}
