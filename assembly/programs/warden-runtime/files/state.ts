/**
 * What is kept of a container between the calls: its state directory, ROOT/ID.
 *
 *   state.json   pid, the time that the process started at (proc(5)), bundle and root file system, control groups, annotations
 *   start.fifo   there while the container is created and not started
 *   filter.bpf   the seccomp filter, for exec
 *   config.json  a copy, where there are hooks for later
 */
import { close, makeDirectoryAt, openAt, OPENAT_DIRECTORY, OPENAT_READ, openProcess, renameAt } from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { EEXIST, ENOENT, ESRCH } from "../../../lib/errno";
import {
  JSON_NODE_BYTES, jsonCount, jsonFirst, jsonIsCString, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText,
  jsonU64, jsonValue,
} from "../../../lib/json/nodes";
import { readJson } from "../../../lib/json/read";
import { afterDigits, cString, digitsValue, putDigits, putText } from "../../../lib/text";
import { groupPath, groups, groupsAreFrozen } from "../cgroup/groups";
import { die } from "./end";
import { putJsonString } from "./log";
import { options } from "../input/options";
import { look, lookAt, makeDirectories, PATH_BYTES, readFully, replaceFile, seenSize, SLASH } from "./paths";
import {
  directory, directoryPath, makeDirectory, nameDirectory, openDirectory, START_FIFO, STATE_JSON, STATE_NEW,
} from "./state-directory";

export const enum Status { CREATING, CREATED, RUNNING, PAUSED, STOPPED }

export const OCI_VERSION = "1.2.0";

/** What state.json has of a container. */
export namespace recorded {
  export let pid: i32 = 0;
  export let pidStart: u64 = 0;
  /** The container's init; -ESRCH when it is gone. */
  export let initProcess: i32 = -ESRCH;
  /** Nodes of state.json, or 0. */
  export let root: usize = 0;
}

const path = memory.data(PATH_BYTES * 2);

/** Makes ROOT/ID; an id is taken by this, once. */
export function makeState(): void {
  let made = makeDirectoryAt(0, options.root, 0o700);
  // containerd names a directory of its own, below one that may not be there.
  if (made == -ENOENT) made = makeRoot();
  if (made < 0 && made != -EEXIST) die("cannot make the directory of all containers' states", options.root, made);
  nameDirectory(options.root, options.id);
  made = makeDirectory();
  if (made == -EEXIST) die("a container with this id exists:", options.id);
  if (made < 0) die("cannot make the state directory", directoryPath(), made);
}

const top = cString("/"), dot = cString(".");

/** Makes the directory of all states, and those above. */
function makeRoot(): i32 {
  const above = openAt(0, load<u8>(options.root) == SLASH ? top : dot, OPENAT_READ | OPENAT_DIRECTORY, 0);
  if (above < 0) return above;
  const made = makeDirectories(above, options.root, 0o700);
  close(above);
  return made < 0 ? made : close(made);
}

/** Opens ROOT/ID; false when there is none. */
export function openState(): bool {
  nameDirectory(options.root, options.id);
  const opened = openDirectory();
  if (opened < 0 && opened != -ENOENT) die("cannot open the state directory", directoryPath(), opened);
  return opened >= 0;
}

/** Opens ROOT/ID and reads its state; ends when there is no such container. */
export function requireState(): void {
  if (!openState()) die("container does not exist:", options.id);
  if (!readState()) die("the container's state.json is damaged, delete --force removes the container:", options.id);
}

/** Reads a file of the state directory as JSON: its node, 0 when it is not there or damaged. */
export function readStateFile(name: usize): usize {
  const file = openAt(directory, name, OPENAT_READ, 0);
  if (file < 0) return 0;
  if (look(file) < 0 || seenSize() > 1 << 24) return 0;
  const size = <u32>seenSize(), text = claim(size + 1), most = size / 2 + 2;
  const got = readFully(file, text, size);
  close(file);
  const nodes = claim(most * JSON_NODE_BYTES);
  return got >= 0 && readJson(text, got, nodes, most) > 0 ? nodes : 0;
}

export function readState(): bool {
  recorded.root = readStateFile(STATE_JSON);
  const number = jsonMember(recorded.root, "pid"), start = jsonMember(recorded.root, "pidStart");
  if (!jsonIsU64(number) || !jsonIsU64(start) || !jsonIsCString(jsonMember(recorded.root, "bundle"))) return false;
  recorded.pid = <i32>jsonU64(number);
  recorded.pidStart = jsonU64(start);
  openInit();
  return true;
}

/** Another process may have got the number meanwhile; the descriptor is of the right one, or there is none. */
function openInit(): void {
  recorded.initProcess = recorded.pid > 0 ? openProcess(recorded.pid) : -ESRCH;
  if (recorded.initProcess < 0 || startTime(recorded.pid) == recorded.pidStart) return;
  close(recorded.initProcess);
  recorded.initProcess = -ESRCH;
}

const STAT_BYTES: u32 = 1024;
const stat = memory.data(STAT_BYTES);
let seenState: u8 = 0;

/** When the process started, in clock ticks after the boot; 0 when it is gone. /proc/PID/stat, proc(5) */
export function startTime(process: i32): u64 {
  let at = putText(path, "/proc/");
  at = putText(putDigits(at, process), "/stat");
  store<u8>(at, 0);
  const file = openAt(0, path, OPENAT_READ, 0);
  if (file < 0) return 0;
  const got = readFully(file, stat, STAT_BYTES - 1);
  close(file);
  if (got <= 0) return 0;
  store<u8>(stat + got, 0);
  return parseStat(stat + got);
}

/** The name in it may hold anything: what follows the last parenthesis is counted. */
function parseStat(end: usize): u64 {
  let at = end;
  while (at > stat && load<u8>(at) != 0x29) at--;
  at += 2;
  seenState = load<u8>(at);
  // The state is field 3, the time field 22.
  for (let field = 3; field < 22; at++) {
    if (load<u8>(at) == 0) return 0;
    if (load<u8>(at) == 0x20) field++;
  }
  return digitsValue(at, afterDigits(at));
}

export function statusOf(): Status {
  if (recorded.initProcess < 0) return Status.STOPPED;
  // Z and X: it has ended, and is not waited for.
  if (startTime(recorded.pid) != recorded.pidStart || seenState == 0x5a || seenState == 0x58) return Status.STOPPED;
  if (lookAt(directory, START_FIFO) == 0) return Status.CREATED;
  return groupsAreFrozen(recorded.root) ? Status.PAUSED : Status.RUNNING;
}

export function statusName(status: Status): string {
  switch (status) {
    case Status.CREATING: return "creating";
    case Status.CREATED: return "created";
    case Status.RUNNING: return "running";
    case Status.PAUSED: return "paused";
    default: return "stopped";
  }
}

// --- writing

const TEXT_BYTES: u32 = 1 << 16;
const text = memory.data(TEXT_BYTES);
let to: usize = 0;

function putKey(name: string): void {
  to = putText(putText(putText(to, load<u8>(to - 1) == 0x7b ? "\"" : ",\""), name), "\":");
}
function putWord(name: string, value: string): void {
  putKey(name);
  to = putText(putText(putText(to, "\""), value), "\"");
}
function putString(name: string, at: usize, size: u32): void {
  putKey(name);
  // What does not fit is left out: a text of 64 KiB has room for every path.
  to = putJsonString(to, at, to + 6 * size + 64 < text + TEXT_BYTES ? size : 0);
}
function putNumber(name: string, value: u64): void {
  putKey(name);
  to = putDigits(to, value);
}

function length(at: usize): u32 {
  let size: u32 = 0;
  while (load<u8>(at + size) != 0) size++;
  return size;
}

/** The state that the specification has, as hooks and `state` get it: where it is, and, as the result, its bytes. */
export function putState(status: Status, containerPid: i32, bundle: usize, annotations: usize): u32 {
  to = putText(text, "{");
  putWord("ociVersion", OCI_VERSION);
  putString("id", options.id, length(options.id));
  putWord("status", statusName(status));
  if (status != Status.STOPPED) putNumber("pid", containerPid);
  putString("bundle", bundle, length(bundle));
  putAnnotations(annotations);
  to = putText(to, "}");
  return <u32>(to - text);
}
export function stateText(): usize { return text; }

function putAnnotations(node: usize): void {
  if (jsonKind(node) != JsonKind.OBJECT) return;
  putKey("annotations");
  to = putText(to, "{");
  let key = jsonFirst(node), first = true;
  for (let i = jsonCount(node); i > 0; i--, key = jsonNext(jsonValue(key))) {
    const value = jsonValue(key);
    if (jsonKind(value) != JsonKind.STRING || to + 6 * (jsonSize(key) + jsonSize(value)) + 64 > text + TEXT_BYTES) continue;
    if (!first) to = putText(to, ",");
    first = false;
    to = putJsonString(to, jsonText(key), jsonSize(key));
    to = putJsonString(putText(to, ":"), jsonText(value), jsonSize(value));
  }
  to = putText(to, "}");
}

/** Those that are not the container's own: they stay behind it. */
function putFoundGroups(): void {
  putKey("foundGroups");
  to = putText(to, "[");
  let first = true;
  for (let i = 0; i < groups.count; i++) {
    if ((groups.found >> i & 1) == 0) continue;
    if (!first) to = putText(to, ",");
    first = false;
    to = putJsonString(to, groupPath(i), length(groupPath(i)));
  }
  to = putText(to, "]");
}

/** Replaces state.json. */
export function writeState(init: i32, start: u64, bundle: usize, rootfs: usize, created: usize, annotations: usize): i32 {
  to = putText(text, "{");
  putWord("ociVersion", OCI_VERSION);
  putString("id", options.id, length(options.id));
  putNumber("pid", init);
  putNumber("pidStart", start);
  putString("bundle", bundle, length(bundle));
  putString("rootfs", rootfs, length(rootfs));
  putString("created", created, length(created));
  putKey("groups");
  to = putText(to, "[");
  for (let i = 0; i < groups.count; i++) {
    if (i > 0) to = putText(to, ",");
    to = putJsonString(to, groupPath(i), length(groupPath(i)));
  }
  to = putText(to, "]");
  if (groups.found != 0) putFoundGroups();
  putAnnotations(annotations);
  to = putText(to, "}\n");
  const written = replaceFile(directory, STATE_NEW, 0o600, text, <u32>(to - text));
  return written < 0 ? written : renameAt(directory, STATE_NEW, STATE_JSON);
}
