/**
 * Hooks of config.json: programs that get the container's state on stdin, one after the other. flow.ts goes on
 * when all of a list are done.
 */
import {
  close, kill, pipe, read, REPORT_BYTES, spawn, SPAWN_INHERIT_ENVIRONMENT, SPAWN_SESSION, spawnArguments, spawnBegin,
  spawnDescriptor, spawnDirectory, spawnEnvironment, spawnFiles, wait, wakeAfter, write,
} from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { put, putError, putNumber, putSignal, putString } from "../../../lib/diagnostics";
import {
  jsonCount, jsonFirst, jsonIsCString, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText, jsonU64,
} from "../../../lib/json/nodes";
import { putCopy } from "../../../lib/text";
import { putEnd } from "../../../lib/exec-path";
import { SIGKILL } from "../../../lib/signal";
import { exitCode, exited, signalOf } from "../../../wire/status";
import { die } from "../files/end";
import { beginMessage, flushMessage } from "../files/log";
import { putState, stateText, Status } from "../files/state";

export const enum HookPoint { NONE, PRESTART, CREATE_RUNTIME, CREATE_CONTAINER, START_CONTAINER, POSTSTART, POSTSTOP }

/** What has become of a list of hooks. The failure of one that runs before the container's start ends the list. */
export const enum HookResult { RUNNING, DONE, FAILED }

/** The list that runs, and its hook that runs. */
export namespace running {
  export let point: HookPoint = HookPoint.NONE;
  export let node: usize = 0, left: u32 = 0;
  export let pid: i32 = 0, report: i32 = -1;
  export let timedOut: bool = false;
}
/** What hooks read on stdin. */
namespace shown {
  export let status: Status = Status.CREATING, containerPid: i32 = 0, bundle: usize = 0, annotations: usize = 0;
}

const TEXT_BYTES: u32 = 1 << 16;
let args: usize = 0, env: usize = 0;
const pair = memory.data(8, 4), raw = memory.data(8, 4), failure = memory.data(REPORT_BYTES, 4);

/** The most that a timeout is, in seconds: what wakeAfter takes, in milliseconds. */
const TIMEOUT_MAX: u64 = 2_000_000;

export function pointName(which: HookPoint): string {
  switch (which) {
    case HookPoint.PRESTART: return "prestart";
    case HookPoint.CREATE_RUNTIME: return "createRuntime";
    case HookPoint.CREATE_CONTAINER: return "createContainer";
    case HookPoint.START_CONTAINER: return "startContainer";
    case HookPoint.POSTSTART: return "poststart";
    default: return "poststop";
  }
}

/** Looks through all hooks, and claims what running them needs. True when there is one. */
export function prepareHooks(hooks: usize): bool {
  let any = false;
  for (let which = HookPoint.PRESTART; which <= HookPoint.POSTSTOP; which++) {
    const list = jsonMember(hooks, pointName(which));
    let hook = jsonFirst(list);
    for (let i = jsonCount(list); i > 0; i--, hook = jsonNext(hook)) {
      any = true;
      checkHook(hook);
    }
  }
  if (any && args == 0) {
    args = claim(TEXT_BYTES);
    env = claim(TEXT_BYTES);
  }
  return any;
}

function checkHook(hook: usize): void {
  const path = jsonMember(hook, "path"), timeout = jsonMember(hook, "timeout");
  if (!jsonIsCString(path) || load<u8>(jsonText(path)) != 0x2f) die("a hook's path is not absolute");
  if (timeout != 0 && (!jsonIsU64(timeout) || jsonU64(timeout) == 0)) die("a hook's timeout is not a number of seconds above 0:", jsonText(path));
  checkList(jsonMember(hook, "args"));
  checkList(jsonMember(hook, "env"));
}

function checkList(list: usize): void {
  let size: u32 = 0, member = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, member = jsonNext(member)) {
    size += jsonSize(member) + 1;
    if (!jsonIsCString(member) || size > TEXT_BYTES) die("a hook's args or env are not strings of 64 KiB at most");
  }
}

/** Runs the hooks of a point; the result of a list that does not run on is the caller's to go on with. */
export function runHooks(which: HookPoint, hooks: usize, now: Status, init: i32, bundlePath: usize, annotationsNode: usize): HookResult {
  const list = jsonMember(hooks, pointName(which));
  running.point = which;
  running.left = jsonCount(list);
  running.node = jsonFirst(list);
  shown.status = now;
  shown.containerPid = init;
  shown.bundle = bundlePath;
  shown.annotations = annotationsNode;
  return next();
}

export function hookIsRunning(): bool { return running.pid > 0; }

function next(): HookResult { return running.left == 0 ? HookResult.DONE : start(); }

function strings(at: usize, list: usize): u32 {
  let to = at, member = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, member = jsonNext(member)) to = putEnd(putCopy(to, jsonText(member)));
  return <u32>(to - at);
}

function start(): HookResult {
  const hook = running.node, path = jsonMember(hook, "path"), list = jsonMember(hook, "args");
  const given = jsonMember(hook, "env"), timeout = jsonMember(hook, "timeout");
  const paired = pipe(pair);
  if (paired < 0) return failed(paired);
  spawnBegin();
  spawnFiles(jsonText(path), jsonSize(path) + 1);
  spawnArguments(jsonCount(list) > 0 ? args : jsonText(path), jsonCount(list) > 0 ? strings(args, list) : jsonSize(path) + 1);
  if (given != 0) spawnEnvironment(env, strings(env, given));
  spawnDescriptor(0, load<i32>(pair));
  // In the container's root there is no bundle.
  if (running.point != HookPoint.START_CONTAINER) spawnDirectory(shown.bundle);
  running.pid = spawn(SPAWN_SESSION | (given == 0 || jsonKind(given) == JsonKind.NULL ? SPAWN_INHERIT_ENVIRONMENT : 0), raw);
  close(load<i32>(pair));
  if (running.pid < 0) {
    close(load<i32>(pair + 4));
    return failed(running.pid);
  }
  running.report = load<i32>(raw);
  running.timedOut = false;
  if (timeout != 0) wakeAfter(<i32>min(jsonU64(timeout), TIMEOUT_MAX) * 1000);
  // One that ends without reading its input has had it all the same: a closed pipe is no failure.
  write(load<i32>(pair + 4), stateText(), putState(shown.status, shown.containerPid, shown.bundle, shown.annotations));
  close(load<i32>(pair + 4));
  return HookResult.RUNNING;
}

/** A child has ended. */
export function hookEnded(): HookResult {
  if (running.pid <= 0 || wait(running.pid, raw) != running.pid) return HookResult.RUNNING;
  running.pid = 0;
  wakeAfter(-1);
  const got = running.report >= 0 ? read(running.report, failure, REPORT_BYTES) : 0, ended = load<i32>(raw);
  if (running.report >= 0) close(running.report);
  running.report = -1;
  if (got == REPORT_BYTES) return failed(-load<i32>(failure + 4));
  if (ended != 0 || running.timedOut) return failed(0);
  running.left--;
  running.node = jsonNext(running.node);
  return next();
}

export function hookDeadline(): void {
  running.timedOut = true;
  if (running.pid > 0) kill(running.pid, SIGKILL);
}

/** Those of poststart and poststop that follow run all the same: runtime.md, "Lifecycle". */
function failed(errno: i32): HookResult {
  beginMessage();
  put("the ");
  put(pointName(running.point));
  put(" hook ");
  putString(jsonText(jsonMember(running.node, "path")));
  put(" failed");
  const ended = load<i32>(raw);
  if (errno < 0) putError(errno);
  else if (running.timedOut) put(": it ran longer than its timeout");
  else if (exited(ended)) {
    put(": exit code ");
    putNumber(exitCode(ended));
  } else {
    put(": ");
    putSignal(signalOf(ended));
  }
  flushMessage();
  if (running.point < HookPoint.POSTSTART) return HookResult.FAILED;
  running.left--;
  running.node = jsonNext(running.node);
  return next();
}
