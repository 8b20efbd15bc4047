/**
 * A guest that an attacker controls: it calls what it likes with what it likes, on every host. docs/internals/fuzzing.md
 *
 *   PROGRAM SEED CALLS [PATH…]      the paths are what it tries to reach besides those it knows
 *
 * A turn is a thousand calls; then it waits to be called again, so that the host's loop meets what it has done to it.
 */
import "../../../assembly/lib/abort";
import * as shim from "../../../assembly/boundary/shim";
import { argument, argumentsGiven, claim, exit, loadArguments, print } from "../../../assembly/boundary/wasi";
import { afterDigits, digitsValue, putCopy, putText, stringLength } from "../../../assembly/lib/text";

const CALLS_A_TURN: u32 = 1000;
/** What ends a process, or starts one, is not done as often as the rest. */
const RARELY: u32 = 2500;
const HANDLES_KEPT: u32 = 64;
const STRINGS_MAX: u32 = 64;
const STRING_BYTES: u32 = 512;
const SCRATCH_BYTES: u32 = 1 << 16;

let seed: u64 = 1;
let callsLeft: u32 = 0;
const handles = memory.data(256, 8);
let kept: u32 = 0;
const pids = memory.data(64, 8);
const strings = memory.data(32768, 8);
let stringCount: u32 = 0;
let scratch: usize = 0;

/** splitmix64 */
function random(): u64 {
  let z = (seed += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

function below(count: u32): u32 { return <u32>(random() % count); }

function addString(text: string): void { store<u8>(putText(nextString(), text), 0); }
function nextString(): usize { return strings + stringCount++ * STRING_BYTES; }

function number(text: usize): u32 { return <u32>digitsValue(text, afterDigits(text)); }

export function onStart(): void {
  loadArguments();
  scratch = claim(SCRATCH_BYTES);
  seed = number(argument(1)) + 1;
  callsLeft = number(argument(2));
  for (let i = 3; i < argumentsGiven() && stringCount < STRINGS_MAX / 2; i++) store<u8>(putCopy(nextString(), argument(i)), 0);
  addString("/run/canary/file");
  addString("/run/canary");
  addString("/run/canary/directory");
  addString("/etc/shadow");
  addString("/etc/passwd");
  addString("../../../../../../etc/passwd");
  addString("/");
  addString(".");
  addString("..");
  addString("mnt");
  addString("/mnt");
  addString("/proc/self/mem");
  addString("/proc/self/fd/3");
  addString("/proc/1/root/etc/shadow");
  addString("/dev/ptmx");
  addString("/bin/sh");
  addString("/bin/true");
  addString("run/wshd.sock");
  addString("/tmp/own/run/wshd.sock");
  addString("/tmp/own/lib/hook-child-before-pivot.sh");
  addString("");
  turn();
}

/** The child of a guest that may fork is done: its parent goes on. */
export function onFork(): void { exit(0); }
export function onReady(handle: i32, events: i32): void { turn(); }
export function onSignal(signal: i32): void { if (callsLeft > 0) call(); }
export function onDeadline(): void { turn(); }
export function onTrap(): i32 { return -1; }

function turn(): void {
  for (let i: u32 = 0; i < CALLS_A_TURN && callsLeft > 0; i++) {
    callsLeft--;
    call();
  }
  if (callsLeft == 0) return exit(0);
  shim.wakeAfter(0);
}

/** A number as likely to be meant as to be absurd. */
function any(): u32 {
  switch (below(16)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return <u32>-1;
    case 3: return 0x7fff_ffff;
    case 4: return 0x8000_0000;
    case 5: return <u32>(memory.size() << 16);
    case 6: return <u32>(memory.size() << 16) - below(64);
    case 7: return <u32>random();
    case 8: case 9: return below(8);
    case 10: return 1 << below(32);
    default: return below(70_000);
  }
}

function size(): u32 { return below(4) == 0 ? any() : below(300); }
function at(): u32 { return below(8) == 0 ? any() : <u32>scratch + below(SCRATCH_BYTES - 400); }
/** A handle that it has, one that it had, or none at all. */
function handle(): i32 { return below(8) == 0 ? any() : load<i32>(handles + below(HANDLES_KEPT) * 4); }
function pid(): i32 { return below(3) == 0 ? any() : below(2) == 0 ? below(400) : load<i32>(pids + below(16) * 4); }

/** A string that it knows, or two of them in one. */
function path(): u32 {
  const which = below(16);
  if (which == 0) return any();
  const first = strings + below(stringCount) * STRING_BYTES;
  if (which < 12) return <u32>first;
  let end = putCopy(scratch, first);
  if (which == 12) end = putText(end, "/../");
  else if (which == 13) end = putText(end, "/");
  store<u8>(putCopy(end, strings + below(stringCount) * STRING_BYTES), 0);
  return <u32>scratch;
}

/** Keeps what may be a handle, in the place of another. */
function keep(result: i32): void {
  if (result <= 0) return;
  store<i32>(handles + kept % HANDLES_KEPT * 4, result);
  kept++;
}

/** Two handles at `pair`, when there are; a pipe that blocks would block nobody but this guest. */
function keepTwo(result: i32, pair: usize): void {
  if (result < 0) return;
  for (let i = 0; i < 2; i++) {
    shim.setNonblocking(load<i32>(pair + i * 4));
    keep(load<i32>(pair + i * 4));
  }
}

function call(): void {
  if (below(RARELY) == 0) return callRare();
  switch (below(44)) {
    case 40: case 41: return callRuntimesFiles();
    case 42: return callMounts();
    case 43: return callProcess();
    case 0: shim.read(handle(), at(), size()); break;
    case 1: shim.write(handle(), at(), size()); break;
    case 2: shim.readv(handle(), at(), size(), at(), size()); break;
    case 3: shim.writev(handle(), at(), size(), at(), size()); break;
    case 4: shim.splice(handle(), handle(), size()); break;
    case 5: shim.bytesAvailable(handle()); break;
    case 6: keep(shim.duplicate(handle())); break;
    case 7: case 8: case 9: case 10: shim.close(handle()); break;
    case 11: shim.handleType(handle()); break;
    case 12: keep(shim.adoptFd(any())); break;
    case 13: { const pair = at(); keepTwo(shim.pipe(pair), pair); break; }
    case 14: shim.setNonblocking(handle()); break;
    case 15: shim.setPipeSize(handle(), any()); break;
    case 16: shim.tagPipe(handle(), any()); break;
    case 17: shim.pipeTag(handle()); break;
    case 18: shim.watch(handle(), any()); break;
    case 19: shim.wakeAfter(any()); break;
    case 20: keep(below(4) == 0 ? shim.listenDatagrams(path()) : shim.listen(path(), any(), any())); break;
    case 21: keep(shim.accept(handle())); break;
    case 22: keep(shim.connect(path())); break;
    case 23: { const pair = at(); keepTwo(shim.socketPair(pair), pair); break; }
    case 24: shim.peerPid(handle()); break;
    case 25: { const list = putHandles(); shim.send(handle(), at(), size(), below(8) == 0 ? any() : <u32>list, below(6)); break; }
    case 26: shim.send(handle(), at(), size(), at(), any()); break;
    case 27: { const list = at(); if (shim.receive(handle(), at(), size(), list, below(6)) >= 0) keep(load<i32>(scratch)); break; }
    case 28: shim.receive(handle(), at(), size(), at(), any()); break;
    case 29: keep(shim.open(path(), any())); break;
    case 30: shim.pathType(path()); break;
    case 31: shim.rename(path(), path()); break;
    case 32: if (below(4) == 0) shim.makeLink(path(), path()); else shim.unlink(path()); break;
    case 33: shim.realpath(path(), at(), size()); break;
    case 34: describeProcess(); break;
    case 35: shim.wait(pid(), at()); break;
    case 36: shim.kill(pid(), below(4) == 0 ? any() : below(65)); break;
    case 37: callContainer(); break;
    case 38: callTerminal(); break;
    default: shim.routeSignals(0x7fff_ffff & <u32>random(), any()); break;
  }
}

function putHandles(): usize {
  for (let i: u32 = 0; i < 6; i++) store<i32>(scratch + 1024 + i * 4, handle());
  return scratch + 1024;
}

function describeProcess(): void {
  const from = path(), length = below(4) == 0 || from > <u32>(memory.size() << 16) - STRING_BYTES ? size() : stringLength(from) + 1;
  switch (below(16)) {
    case 0: shim.spawnBegin(); break;
    case 1: shim.spawnFiles(from, length); break;
    case 2: shim.spawnSelf(); break;
    case 3: shim.spawnArguments(from, length); break;
    case 4: shim.spawnEnvironment(from, length); break;
    case 5: shim.spawnDescriptor(any(), handle()); break;
    case 6: shim.spawnUser(any(), any()); break;
    case 7: shim.spawnLimit(any(), any(), any(), any(), any()); break;
    case 8: shim.spawnDirectory(path()); break;
    case 9: shim.spawnStartPipe(handle()); break;
    case 10: shim.spawnBlock(handle(), any(), any()); break;
    case 11: shim.spawnGroups(at(), any()); break;
    case 12: shim.spawnUmask(any()); break;
    case 13: keep(shim.sealedFile(at(), size())); break;
    case 14: shim.spawnOwner(any()); break;
    default: shim.setProcessName(path()); break;
  }
}

/** What only the first process of a container may do, and only before it serves. */
function callConfinement(): void {
  switch (below(6)) {
    case 0: shim.unshare(any()); break;
    case 1: shim.setCapabilities(at()); break;
    case 2: shim.processControl(below(2) == 0 ? any() : below(70), any(), any()); break;
    case 3: shim.setFilter(any(), at(), size()); break;
    case 4: shim.newKeyring(); break;
    default: shim.resetAttributes(); break;
  }
}

function callContainer(): void {
  switch (below(10)) {
    case 8: callConfinement(); break;
    case 0: shim.bindRootAndEnter(path()); break;
    case 1: shim.pivot(path()); break;
    case 2: shim.unmount(path()); break;
    case 3: shim.makeDirectory(path(), any()); break;
    case 4: shim.removeDirectory(path()); break;
    case 5: shim.enterDirectory(path()); break;
    case 6: shim.loopbackUp(); break;
    case 7: keep(shim.watchMemoryEvents(path(), path())); break;
    default: shim.cgroupNotify(handle(), handle(), handle()); break;
  }
}

/** 0 for the program's own paths, or a directory, or anything. */
function directory(): i32 { return below(2) == 0 ? 0 : handle(); }

/** What only an OCI runtime may call: files by a directory's handle, */
function callRuntimesFiles(): void {
  switch (below(14)) {
    case 0: shim.makeDirectoryAt(directory(), path(), any()); break;
    case 1: shim.makeNodeAt(directory(), path(), any(), any(), any()); break;
    case 2: shim.makeLinkAt(path(), directory(), path()); break;
    case 3: shim.removeAt(directory(), path(), below(2)); break;
    case 4: shim.renameAt(directory(), path(), path()); break;
    case 5: shim.statAt(directory(), path(), at()); break;
    case 6: shim.readLinkAt(directory(), path(), at(), size()); break;
    case 7: shim.readDirectory(handle(), at(), size()); break;
    case 8: shim.changeOwner(handle(), any(), any()); break;
    case 9: shim.changeMode(handle(), any()); break;
    case 10: shim.enterDirectoryAt(handle()); break;
    default: keep(shim.openAt(directory(), path(), below(4) == 0 ? any() : below(512), any()));
  }
}

/** mounts, */
function callMounts(): void {
  switch (below(9)) {
    case 0: keep(shim.openFileSystem(path())); break;
    case 1: shim.configureFileSystem(handle(), path(), path()); break;
    case 2: keep(shim.mountFileSystem(handle(), any())); break;
    case 3: keep(shim.cloneMount(handle(), below(2))); break;
    case 4: shim.moveMount(handle(), handle()); break;
    case 5: shim.changeMount(handle(), below(2), any(), any(), any()); break;
    case 6: shim.attachDeviceFilter(handle(), at(), size()); break;
    case 7: shim.mapMount(handle(), below(2), handle()); break;
    default: shim.joinNamespace(handle(), any());
  }
}

/** and what becomes of its own process, and of others. */
function callProcess(): void {
  switch (below(14)) {
    case 0: keep(shim.openProcess(pid())); break;
    case 1: shim.signalProcess(handle(), below(65)); break;
    case 2: shim.placeDescriptor(any(), handle()); break;
    case 3: shim.takeTerminal(handle()); break;
    case 4: shim.setUmask(any()); break;
    case 5: shim.setGroups(at(), size()); break;
    case 6: shim.setLimit(any(), any(), any(), any(), any()); break;
    case 7: shim.setScheduler(at(), size()); break;
    case 8: shim.setIoPriority(any()); break;
    case 9: shim.setPersonality(any()); break;
    case 10: shim.setHostName(at(), size(), below(2)); break;
    case 11: shim.readAt(handle(), at(), size(), any(), any()); break;
    case 12: keep(shim.adoptChild(pid())); break;
    default: shim.fsync(handle());
  }
}

function callTerminal(): void {
  switch (below(8)) {
    case 6: shim.windowSize(handle(), at()); break;
    case 5: shim.setWindowSize(handle(), any(), any()); break;
    case 0: { const pair = at(); keepTwo(shim.openPty(pair), pair); break; }
    case 1: shim.setRawMode(handle()); break;
    case 2: shim.restoreTermios(handle()); break;
    case 3: shim.copyWindowSize(handle(), handle()); break;
    case 4: keep(shim.eventfd()); break;
    default: print(below(4), at(), size()); break;
  }
}

function callRare(): void {
  switch (below(21)) {
    case 20: shim.isIgnored(any()); break;
    case 16: shim.fork(below(2) == 0 ? 0 : any()); break;
    case 17: shim.execute(any()); break;
    case 18: shim.seal(); break;
    case 19: shim.setUser(any(), any()); break;
    case 0: shim.raise(below(8) == 0 ? any() : 0); break;
    case 1: shim.setsid(); break;
    case 2: shim.setParentDeathSignal(below(3)); break;
    case 3: shim.raiseNofileLimit(); break;
    case 4: if (below(2) == 0) shim.dropStdioAndEnvironment(); break;
    case 5: if (below(8) == 0) shim.unshareMounts(); break;
    default: {
      const child = shim.spawn(any(), <u32>scratch + 2048);
      if (child <= 0) break;
      store<i32>(pids + below(16) * 4, child);
      keep(load<i32>(scratch + 2048));
    }
  }
}
