/**
 * oom: waits until a memory cgroup runs out of memory, or is removed. docs/oom.md
 *
 *   onStart: counts the kills so far → arms the watch → counts again → an event → exit; with --follow: a line, and on
 *
 * The count before and the count after leave no moment between them in which a kill could be missed.
 */
import { cgroupNotify, counter, dieWithParent, follow, open, OPEN_READ, OPEN_REPLACE, read, READ, wakeAfter, watch } from "../shim";
import { argument, argumentsGiven, exit, loadArguments, print } from "../wasi";
import { equals, putText } from "../shared/bytes";
import { EAGAIN, EMFILE } from "../shared/errno";
import { begin, put, tell } from "../shared/message";
import { fail } from "../shared/program";
import { SIGKILL } from "../shared/signal";
import { isGone, isThere, killCount, pathIn } from "./group";

const EXIT_OUT_OF_MEMORY: i32 = 0;
const EXIT_OTHERWISE: i32 = 1;
const MINUS: u8 = 0x2d;
const SEE_HELP = "oom --help shows how to call it";

/** v1: an eventfd's counter. v2: inotify's events, of which only the arrival matters. */
const EVENT_BYTES: u32 = 4096;
const event = memory.data(4096, 8);
if (EVENT_BYTES != 4096) ERROR("the buffer for events has another size");

const line = memory.data(16);

let directory: usize = 0;
let controlPath: usize = 0;
let eventsPath: usize = 0;
let firstVersion: bool = false;
let watched: i32 = -1;
let killsKnown: i64 = 0;
let following: bool = false;
/** v1: the kernel counts each attempt of a process that is out of memory, thousands a second until somebody is dead. */
let calming: bool = false;
const CALM_MS: i32 = 100;

export function onStart(): void {
  dieWithParent(SIGKILL);
  loadArguments();
  parse();
  controlPath = pathIn(directory, "/memory.oom_control");
  eventsPath = pathIn(directory, "/memory.events");
  const eventControlPath = pathIn(directory, "/cgroup.event_control");
  firstVersion = isThere(controlPath) && isThere(eventControlPath);
  if (!firstVersion && !isThere(eventsPath)) return refuseDirectory();
  killsKnown = countKills();
  if (firstVersion) arm(eventControlPath);
  else followEvents();
  watch(watched, READ);
  tellNewKills();
}

/** Whether there were kills that nobody was told of; they are told now. */
function tellNewKills(): void {
  const count = countKills();
  if (count <= killsKnown) return;
  killsKnown = count;
  tellOutOfMemory();
}

function tellOutOfMemory(): void {
  if (!following) return exit(EXIT_OUT_OF_MEMORY);
  const end = putText(line, "out of memory\n");
  print(1, line, <u32>(end - line));
}

function parse(): void {
  let index = 1;
  while (index < argumentsGiven() && load<u8>(argument(index)) == MINUS) {
    const option = argument(index++);
    if (equals(option, "--")) break;
    if (equals(option, "-h") || equals(option, "--help")) return help();
    if (!equals(option, "--follow")) fail(EXIT_OTHERWISE, "oom: invalid option:", option, 0, SEE_HELP);
    following = true;
  }
  if (argumentsGiven() != index + 1) fail(EXIT_OTHERWISE, "oom: one CGROUP_DIRECTORY is wanted", 0, 0, SEE_HELP);
  directory = argument(index);
}

function help(): void {
  begin();
  put("usage: oom [--follow] CGROUP_DIRECTORY\n");
  put("Waits for the memory cgroup (v1 or v2) to run out of memory.\n");
  put("  --follow  then prints a line, and goes on until it is removed\n");
  put("Exit code: 0 when it did, 1 when it was removed and on errors.");
  tell();
  exit(0);
}

function refuseDirectory(): void {
  const advice = "the memory controller must be enabled for it (v2: in its parent's cgroup.subtree_control)";
  if (isGone(directory)) fail(EXIT_OTHERWISE, "oom: there is no cgroup", directory);
  fail(EXIT_OTHERWISE, "oom: neither memory.oom_control nor memory.events is in", directory, 0, advice);
}

function countPath(): usize { return firstVersion ? controlPath : eventsPath; }

function arm(eventControlPath: usize): void {
  const control = open(controlPath, OPEN_READ), eventControl = open(eventControlPath, OPEN_REPLACE);
  if (control < 0) return failOrGone("oom: cannot open memory.oom_control of", control);
  if (eventControl < 0) return failOrGone("oom: cannot open cgroup.event_control of", eventControl);
  watched = counter();
  const result = watched < 0 ? watched : cgroupNotify(watched, control, eventControl);
  if (result < 0) failOrGone("oom: cannot watch", result);
}

function followEvents(): void {
  watched = follow(eventsPath, directory);
  const advice = watched == -EMFILE ? "the limit is fs.inotify.max_user_instances" : "";
  if (watched < 0) failOrGone("oom: cannot watch memory.events of", watched, advice);
}

/** What failed may have failed because the group is no more. */
function failOrGone(what: string, error: i32, advice: string = ""): void {
  if (isGone(countPath())) return endRemoved();
  fail(EXIT_OTHERWISE, what, directory, error, advice);
}

function countKills(): i64 {
  const count = killCount(countPath());
  if (count < 0) failOrGone("oom: cannot read the counts of", <i32>count);
  return count;
}

export function onReady(handle: i32, events: i32): void {
  const got = read(watched, event, EVENT_BYTES);
  if (got == -EAGAIN) return;
  // It stays ready, and would be read over and over.
  if (got < 0) return failOrGone("oom: cannot read the events of", got);
  if (firstVersion) takeCounter();
  else tellNewKills();
}

/**
 * The kernel counts once for every time that memory ran out, and once more when the group is removed: after its files
 * are gone. So one without files is the removal alone, two mean that both have happened.
 */
function takeCounter(): void {
  const gone = isGone(controlPath);
  if (!calming && (!gone || load<u64>(event) > 1)) tellOutOfMemory();
  if (gone) return endRemoved();
  calming = true;
  watch(watched, 0);
  wakeAfter(CALM_MS);
}

/** What came meanwhile belongs to what was told. */
export function onDeadline(): void {
  if (read(watched, event, EVENT_BYTES) > 0) return takeCounter();
  calming = false;
  watch(watched, READ);
}

function endRemoved(): void { fail(EXIT_OTHERWISE, "oom: the group was removed:", directory); }

export function onTrap(): i32 { return EXIT_OTHERWISE; }
export function onSignal(signal: i32): void {}
