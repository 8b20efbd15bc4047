/** events: what a container uses, once or again and again, as runc prints it; and that its memory ran out. */
import { READ, wakeAfter, watch } from "../../../boundary/shim";
import { exit, print } from "../../../boundary/wasi";
import { afterDigits, digitsValue, putCopy, putDigits, putText } from "../../../lib/text";
import { groupOf, groupPath, groupsOfState, isUnified } from "../cgroup/groups";
import { die } from "../files/end";
import { joinName, PATH_BYTES, readText } from "../files/paths";
import { recorded, requireState, Status, statusOf } from "../files/state";
import { options } from "../input/options";

const TEXT_BYTES: u32 = 8192, LINE_BYTES: u32 = 4096;
const path = memory.data(PATH_BYTES), text = memory.data(TEXT_BYTES), line = memory.data(LINE_BYTES);
let oomKills: u64 = 0;

export function startEvents(): void {
  requireState();
  if (statusOf() == Status.STOPPED) die("container not running:", options.id);
  groupsOfState(recorded.root);
  oomKills = readOomKills();
  if (!options.stats) watch(recorded.initProcess, READ);
  report();
}

function report(): void {
  printStats();
  if (options.stats) return exit(0);
  wakeAfter(options.intervalMs);
}

/** The container's process has ended. */
export function eventsReady(): void { exit(0); }

export function eventsDeadline(): void {
  const kills = readOomKills();
  if (kills > oomKills) printLine(putText(begin("oom"), "}\n"));
  oomKills = kills;
  report();
}

/** Reads a file of the controller's group; false where there is none. */
function readGroup(controller: string, ofV1: string, ofV2: string): bool {
  const group = groupOf(controller);
  if (group < 0) return false;
  joinName(path, groupPath(group), isUnified(group) ? ofV2 : ofV1);
  return readText(path, text, TEXT_BYTES) > 0;
}

/** 0 for "max" and what is not there. */
function numberAt(at: usize): u64 { return digitsValue(at, afterDigits(at)); }
function numberIn(controller: string, ofV1: string, ofV2: string): u64 { return readGroup(controller, ofV1, ofV2) ? numberAt(text) : 0; }

/** The number behind "KEY " at the beginning of a line of `text`. */
function valueOf(key: string): u64 {
  for (let at: usize = text; load<u8>(at) != 0; at++) {
    let i = 0;
    while (i < key.length && load<u8>(at + i) == <u8>key.charCodeAt(i)) i++;
    if (i == key.length && load<u8>(at + i) == 0x20) return numberAt(at + i + 1);
    while (load<u8>(at) != 0x0a) if (load<u8>(at++) == 0) return 0;
  }
  return 0;
}

function readOomKills(): u64 { return readGroup("memory", "memory.oom_control", "memory.events") ? valueOf("oom_kill") : 0; }

function begin(type: string): usize {
  const to = putText(putText(putText(line, "{\"type\":\""), type), "\",\"id\":\"");
  return putText(putCopy(to, options.id), "\"");
}

function putMember(to: usize, name: string, value: u64): usize {
  const comma = load<u8>(to - 1) == 0x7b ? "\"" : ",\"";
  return putDigits(putText(putText(putText(to, comma), name), "\":"), value);
}

const US_NS: u64 = 1000;

function printStats(): void {
  let to = putText(begin("stats"), ",\"data\":{\"cpu\":{\"usage\":{");
  const group = groupOf("cpuacct");
  if (group >= 0 && isUnified(group)) {
    readGroup("cpuacct", "", "cpu.stat");
    to = putMember(to, "total", valueOf("usage_usec") * US_NS);
    to = putMember(putMember(to, "kernel", valueOf("system_usec") * US_NS), "user", valueOf("user_usec") * US_NS);
  } else {
    to = putMember(to, "total", numberIn("cpuacct", "cpuacct.usage", ""));
    to = putMember(to, "kernel", numberIn("cpuacct", "cpuacct.usage_sys", ""));
    to = putMember(to, "user", numberIn("cpuacct", "cpuacct.usage_user", ""));
  }
  to = putText(to, "},\"throttling\":{}},\"memory\":{\"usage\":{");
  to = putMember(to, "limit", numberIn("memory", "memory.limit_in_bytes", "memory.max"));
  to = putMember(to, "usage", numberIn("memory", "memory.usage_in_bytes", "memory.current"));
  to = putMember(to, "max", numberIn("memory", "memory.max_usage_in_bytes", "memory.peak"));
  to = putText(to, "}},\"pids\":{");
  to = putMember(to, "current", numberIn("pids", "pids.current", "pids.current"));
  to = putMember(to, "limit", numberIn("pids", "pids.max", "pids.max"));
  printLine(putText(to, "}}}\n"));
}

function printLine(end: usize): void { print(1, line, <u32>(end - line)); }
