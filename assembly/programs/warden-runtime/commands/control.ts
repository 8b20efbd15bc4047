/** start, state, pause, resume, ps, list, update, events: what looks at a container, or changes it, without being it. */
import {
  HANGUP, openAt, OPENAT_DIRECTORY, OPENAT_READ, READ, read, readDirectory, routeSignals, watch, write,
} from "../../../boundary/shim";
import { claim, exit, print } from "../../../boundary/wasi";
import { EAGAIN, ENOENT, ENXIO } from "../../../lib/errno";
import { JSON_NODE_BYTES, jsonIsCString, jsonMember, jsonText } from "../../../lib/json/nodes";
import { bit, SIGCHLD } from "../../../lib/signal";
import { afterDigits, cString, digitsValue, equals, putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { freeze, groupsOfState, openMembers } from "../cgroup/groups";
import { parseText, readFile } from "../input/config";
import { HookPoint, HookResult, prepareHooks, runHooks } from "../process/hooks";
import { setDevices, setResources } from "../cgroup/limits";
import { die } from "../files/end";
import { forgetId, options } from "../input/options";
import { printText } from "../input/texts";
import { hasUpdate, updateSize, updateText } from "../input/update-options";
import { readFully } from "../files/paths";
import { CONFIG_COPY, openStartFifo, removeStartFifo } from "../files/state-directory";
import {
  openState, putState, readState, readStateFile, recorded, requireState, stateText, Status, statusName, statusOf,
} from "../files/state";

const byte = memory.data(8);

// --- start

let fifo: i32 = -1;

export function startContainer(): void {
  requireState();
  const status = statusOf();
  if (status == Status.STOPPED) die("cannot start a container that has stopped:", options.id);
  if (status != Status.CREATED) die("cannot start an already running container:", options.id);
  const hooks = jsonMember(readStateFile(CONFIG_COPY), "hooks");
  if (prepareHooks(hooks)) routeSignals(bit(SIGCHLD), 0);
  hooksNode = hooks;
  fifo = openStartFifo();
  if (fifo == -ENXIO || fifo == -ENOENT) die("cannot start an already running container:", options.id);
  if (fifo < 0) die("cannot open start.fifo", 0, fifo);
  const sent = write(fifo, byte, 1);
  if (sent < 0) die("cannot start the container:", options.id, sent);
  watch(fifo, HANGUP);
}

let hooksNode: usize = 0;

/** Its end of the FIFO is closed: the process has executed, or has ended. */
export function startReady(): void {
  watch(fifo, 0);
  removeStartFifo();
  const place = jsonText(jsonMember(recorded.root, "bundle")), annotations = jsonMember(recorded.root, "annotations");
  if (runHooks(HookPoint.POSTSTART, hooksNode, Status.RUNNING, recorded.pid, place, annotations) != HookResult.RUNNING) exit(0);
}

// --- state, list

export function printState(): void {
  requireState();
  const size = putState(statusOf(), recorded.pid, jsonText(jsonMember(recorded.root, "bundle")), jsonMember(recorded.root, "annotations"));
  const text = stateText();
  // Within "}": what runc adds to the specification's members.
  let to = text + size - 1;
  to = putMember(to, "rootfs");
  to = putMember(to, "created");
  to = putText(to, ",\"owner\":\"\"}");
  printIndented(text, <u32>(to - text));
  exit(0);
}

const INDENTED_BYTES: u32 = 1 << 17;
const indented = memory.data(INDENTED_BYTES);

/** Two columns a level, a blank behind a colon: scripts look for `"status": "running"`, as runc prints it. */
function printIndented(text: usize, size: u32): void {
  let to = indented, level = 0, inString = false;
  for (let at = text; at < text + size && to < indented + INDENTED_BYTES - 256; at++) {
    const byte = load<u8>(at);
    if (inString) {
      store<u8>(to++, byte);
      if (byte == 0x5c) store<u8>(to++, load<u8>(++at));
      else if (byte == 0x22) inString = false;
      continue;
    }
    if (byte == 0x7d) to = putBreak(to, --level);
    store<u8>(to++, byte);
    if (byte == 0x22) inString = true;
    else if (byte == 0x7b) to = putBreak(to, ++level);
    else if (byte == 0x2c) to = putBreak(to, level);
    else if (byte == 0x3a) store<u8>(to++, 0x20);
  }
  store<u8>(to++, 0x0a);
  print(1, indented, <u32>(to - indented));
}

function putBreak(to: usize, level: i32): usize {
  store<u8>(to++, 0x0a);
  for (let i = 0; i < level; i++) to = putText(to, "  ");
  return to;
}

function putMember(to: usize, name: string): usize {
  const node = jsonMember(recorded.root, name);
  if (!jsonIsCString(node)) return to;
  to = putText(putText(putText(to, ",\""), name), "\":\"");
  return putText(putCopy(to, jsonText(node)), "\"");
}

const ENTRIES_BYTES: u32 = 32768;
const entries = memory.data(ENTRIES_BYTES, 8);

export function listContainers(): void {
  if (!options.quiet && !options.json) printText("ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n");
  if (options.json) printText("[");
  const all = openAt(0, options.root, OPENAT_READ | OPENAT_DIRECTORY, 0);
  let first = true;
  while (all >= 0) {
    const got = readDirectory(all, entries, ENTRIES_BYTES);
    if (got <= 0) break;
    for (let at: usize = entries; at < entries + <u32>got; at += load<u16>(at + 16)) {
      const name = at + 19;
      if (equals(name, ".") || equals(name, "..")) continue;
      forgetId(name);
      if (!openState() || !readState()) continue;
      printEntry(first);
      first = false;
    }
  }
  if (options.json) printText("]\n");
  exit(0);
}

function printEntry(first: bool): void {
  if (options.quiet) return printString(options.id, "\n");
  if (options.json) {
    if (!first) printText(",");
    const size = putState(statusOf(), recorded.pid, jsonText(jsonMember(recorded.root, "bundle")), jsonMember(recorded.root, "annotations"));
    let to = putMember(putMember(stateText() + size - 1, "rootfs"), "created");
    to = putText(to, ",\"owner\":\"\"}");
    print(1, stateText(), <u32>(to - stateText()));
    return;
  }
  const status = statusOf();
  printString(options.id, "\t");
  printNumber(status == Status.STOPPED ? 0 : recorded.pid, "\t");
  printText(statusName(status));
  printText("\t");
  printString(jsonText(jsonMember(recorded.root, "bundle")), "\t");
  const created = jsonMember(recorded.root, "created");
  printString(jsonIsCString(created) ? jsonText(created) : options.id, "\troot\n");
}

function printString(at: usize, behind: string): void {
  print(1, at, stringLength(at));
  printText(behind);
}

const digits = memory.data(24);

function printNumber(value: u64, behind: string): void {
  print(1, digits, <u32>(putDigits(digits, value) - digits));
  printText(behind);
}

// --- pause, resume, ps, update, events

export function pauseContainer(stop: bool): void {
  requireState();
  const status = statusOf();
  if (stop && status != Status.RUNNING) die("the container is not running:", options.id);
  if (!stop && status != Status.PAUSED) die("the container is not paused:", options.id);
  const frozen = freeze(stop);
  if (frozen < 0) die(stop ? "cannot pause the container" : "cannot resume the container", 0, frozen);
  exit(0);
}

const MEMBERS_BYTES: u32 = 65536;
const members = memory.data(MEMBERS_BYTES);

export function listProcesses(): void {
  requireState();
  groupsOfState(recorded.root);
  const list = openMembers();
  if (list < 0) die("cannot list the container's processes", 0, list);
  const got = readFully(list, members, MEMBERS_BYTES - 1);
  if (got < 0) die("cannot list the container's processes", 0, got);
  store<u8>(members + got, 0);
  printText(options.json ? "[" : "PID\n");
  for (let at: usize = members, first = true; load<u8>(at) != 0; at++) {
    const end = afterDigits(at);
    if (end == at) break;
    if (options.json && !first) printText(",");
    printNumber(digitsValue(at, end), options.json ? "" : "\n");
    first = false;
    at = end;
  }
  if (options.json) printText("]\n");
  exit(0);
}

const STDIN_BYTES: u32 = 1 << 20;
const stdinName = cString("/proc/self/fd/0");
/** --resources - */
namespace stdinFile {
  export let text: usize = 0, size: u32 = 0, handle: i32 = -1;
  export let nodes: usize = 0;
}

export function updateContainer(): void {
  if (options.resourcesFile == 0 && !hasUpdate() && !options.hasKernelMemory) die("update needs limits: --resources FILE, - for stdin, or options as --memory");
  requireState();
  if (statusOf() == Status.STOPPED) die("container not running:", options.id);
  groupsOfState(recorded.root);
  if (options.resourcesFile == 0 && !hasUpdate()) exit(0);
  if (options.resourcesFile == 0) {
    const text = updateText();
    return setLimits(parseText(text, text, updateSize, claim((updateSize / 2 + 2) * JSON_NODE_BYTES)));
  }
  if (!equals(options.resourcesFile, "-")) return setLimits(readFile(options.resourcesFile, false));
  stdinFile.text = claim(STDIN_BYTES + 1);
  stdinFile.nodes = claim(STDIN_BYTES / 2 * 16 + 32);
  stdinFile.handle = openAt(0, stdinName, OPENAT_READ, 0);
  if (stdinFile.handle < 0) die("cannot read stdin", 0, stdinFile.handle);
  watch(stdinFile.handle, READ);
}

export function updateReady(): void {
  const got = read(stdinFile.handle, stdinFile.text + stdinFile.size, STDIN_BYTES - stdinFile.size);
  if (got == -EAGAIN) return;
  if (got < 0) return die("cannot read stdin", 0, got);
  stdinFile.size += got;
  if (got > 0 && stdinFile.size < STDIN_BYTES) return;
  setLimits(parseText(stdinName, stdinFile.text, stdinFile.size, stdinFile.nodes));
}

function setLimits(resources: usize): void {
  setResources(resources);
  // With v2 alone the filter of the start stays: a second one could only take more away.
  setDevices(jsonMember(resources, "devices"));
  exit(0);
}
