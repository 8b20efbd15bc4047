/**
 * oom: waits until a memory cgroup runs out of memory, or is removed. docs/reference/oom.md
 *
 *   onStart: counts the kills so far → arms the watch → counts again → an event → exit; with --follow: a line, and on
 *
 * The count before and the count after leave no moment between them in which a kill could be missed.
 */
import {
  cgroupNotify, eventfd, open, OPEN_READ, OPEN_REPLACE, read, READ, setParentDeathSignal, wakeAfter, watch,
  watchMemoryEvents,
} from "../../boundary/shim";
import { exit, loadArguments, print } from "../../boundary/wasi";
import { putText } from "../../lib/text";
import { EAGAIN, EMFILE } from "../../lib/errno";
import { fail } from "../../lib/diagnostics";
import { SIGKILL } from "../../lib/signal";
import { isGone, isThere, killCount, pathIn } from "./cgroup-files";
import { EXIT_OTHERWISE, options, parse } from "./options";

const EXIT_OUT_OF_MEMORY: i32 = 0;

/** Buffer for v1's eventfd counter and for v2's inotify events, whose content is ignored. */
const EVENT_BYTES: u32 = 4096;
const event = memory.data(EVENT_BYTES, 8);

const printed = memory.data(16);

/** The memory group that is watched. */
namespace group {
  export let controlPath: usize = 0;
  export let eventsPath: usize = 0;
  export let firstVersion: bool = false;
  export let watched: i32 = -1;
  export let killsKnown: i64 = 0;
}
/** v1: an event was reported less than CALM_MS ago. The kernel counts thousands of events a second until a process is killed. */
let calming: bool = false;
const CALM_MS: i32 = 100;

export function onStart(): void {
  setParentDeathSignal(SIGKILL);
  loadArguments();
  parse();
  group.controlPath = pathIn(options.directory, "/memory.oom_control");
  group.eventsPath = pathIn(options.directory, "/memory.events");
  const eventControlPath = pathIn(options.directory, "/cgroup.event_control");
  group.firstVersion = isThere(group.controlPath) && isThere(eventControlPath);
  if (!group.firstVersion && !isThere(group.eventsPath)) return refuseDirectory();
  group.killsKnown = countKills();
  if (group.firstVersion) arm(eventControlPath);
  else followEvents();
  watch(group.watched, READ);
  reportNewKills();
}

/** Reports kills since the last report. */
function reportNewKills(): void {
  const count = countKills();
  if (count <= group.killsKnown) return;
  group.killsKnown = count;
  reportOutOfMemory();
}

function reportOutOfMemory(): void {
  if (!options.following) return exit(EXIT_OUT_OF_MEMORY);
  const end = putText(printed, "out of memory\n");
  print(1, printed, <u32>(end - printed));
}

function refuseDirectory(): void {
  const advice = "the memory controller must be enabled for it (v2: in its parent's cgroup.subtree_control)";
  if (isGone(options.directory)) fail(EXIT_OTHERWISE, "oom: there is no cgroup", options.directory);
  fail(EXIT_OTHERWISE, "oom: neither memory.oom_control nor memory.events is in", options.directory, 0, advice);
}

function countPath(): usize { return group.firstVersion ? group.controlPath : group.eventsPath; }

function arm(eventControlPath: usize): void {
  const control = open(group.controlPath, OPEN_READ), eventControl = open(eventControlPath, OPEN_REPLACE);
  if (control < 0) return failOrGone("oom: cannot open memory.oom_control of", control);
  if (eventControl < 0) return failOrGone("oom: cannot open cgroup.event_control of", eventControl);
  group.watched = eventfd();
  const result = group.watched < 0 ? group.watched : cgroupNotify(group.watched, control, eventControl);
  if (result < 0) failOrGone("oom: cannot watch", result);
}

function followEvents(): void {
  group.watched = watchMemoryEvents(group.eventsPath, options.directory);
  const advice = group.watched == -EMFILE ? "the limit is fs.inotify.max_user_instances" : "";
  if (group.watched < 0) failOrGone("oom: cannot watch memory.events of", group.watched, advice);
}

/** Ends the program. A call may have failed because the group was removed. */
function failOrGone(what: string, error: i32, advice: string = ""): void {
  if (isGone(countPath())) return endRemoved();
  fail(EXIT_OTHERWISE, what, options.directory, error, advice);
}

function countKills(): i64 {
  const count = killCount(countPath());
  if (count < 0) failOrGone("oom: cannot read the counts of", <i32>count);
  return count;
}

export function onReady(handle: i32, events: i32): void {
  const got = read(group.watched, event, EVENT_BYTES);
  if (got == -EAGAIN) return;
  // The handle stays ready: without an exit the loop would spin.
  if (got < 0) return failOrGone("oom: cannot read the events of", got);
  if (group.firstVersion) takeCounter();
  else reportNewKills();
}

/**
 * The kernel counts every out-of-memory event, and the removal of the group, after its files are gone. Without files, a count
 * of one is the removal alone; a higher count means out-of-memory events before it.
 */
function takeCounter(): void {
  const gone = isGone(group.controlPath);
  if (!calming && (!gone || load<u64>(event) > 1)) reportOutOfMemory();
  if (gone) return endRemoved();
  calming = true;
  watch(group.watched, 0);
  wakeAfter(CALM_MS);
}

/** Events within CALM_MS belong to the one already reported. */
export function onDeadline(): void {
  if (read(group.watched, event, EVENT_BYTES) > 0) return takeCounter();
  calming = false;
  watch(group.watched, READ);
}

function endRemoved(): void { fail(EXIT_OTHERWISE, "oom: the group was removed:", options.directory); }

export function onTrap(): i32 { return EXIT_OTHERWISE; }
export function onSignal(signal: i32): void {}
