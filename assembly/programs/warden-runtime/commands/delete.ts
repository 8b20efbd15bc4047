/**
 * kill and delete.
 *
 *   delete: (--force: SIGKILL → waits for the end) → control groups, which may need a while → state directory → poststop → exit
 */
import { close, openProcess, READ, signalProcess, wakeAfter, watch } from "../../../boundary/shim";
import { argument, exit, nowMs } from "../../../boundary/wasi";
import { ESRCH } from "../../../lib/errno";
import { jsonMember, jsonText } from "../../../lib/json/nodes";
import { SIGKILL, SIGNAL_MAX, SIGTERM } from "../../../lib/signal";
import { signalNumber } from "../../../lib/signal-number";
import { afterDigits, digitsValue } from "../../../lib/text";
import { freeze, groupsOfState, openMembers, removeGroups } from "../cgroup/groups";
import { HookPoint, HookResult, prepareHooks, runHooks } from "../process/hooks";
import { die } from "../files/end";
import { options } from "../input/options";
import { readFully } from "../files/paths";
import { CONFIG_COPY, removeState } from "../files/state-directory";
import { openState, readState, readStateFile, recorded, requireState, Status, statusOf } from "../files/state";

// --- kill

const NAME_BYTES: u32 = 32;
const name = memory.data(NAME_BYTES);

/** A number or a name, with or without SIG, in capitals or not; -1 for none. */
function parseSignal(at: usize): i32 {
  const end = afterDigits(at);
  if (end > at && load<u8>(end) == 0) return digitsValue(at, end) <= <u64>SIGNAL_MAX ? <i32>digitsValue(at, end) : -1;
  let length: u32 = 0;
  for (; load<u8>(at + length) != 0; length++) {
    if (length + 1 == NAME_BYTES) return -1;
    const byte = load<u8>(at + length);
    store<u8>(name + length, byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte);
  }
  store<u8>(name + length, 0);
  return signalNumber(name);
}

export function killContainer(): void {
  const signal = options.restCount > 0 ? parseSignal(argument(options.rest)) : SIGTERM;
  if (signal < 0) die("unknown signal:", argument(options.rest));
  requireState();
  groupsOfState(recorded.root);
  const status = statusOf();
  if (options.all) {
    signalMembers(signal);
    exit(0);
  }
  if (status == Status.STOPPED) die("container not running:", options.id);
  const sent = signalProcess(recorded.initProcess, signal);
  if (sent == -ESRCH) die("container not running:", options.id);
  if (sent < 0) die("cannot send the signal to the container's process", 0, sent);
  exit(0);
}

const MEMBERS_BYTES: u32 = 65536;
const members = memory.data(MEMBERS_BYTES);

/** Sends a signal to every process of the container's groups, while none of them can fork. */
function signalMembers(signal: i32): void {
  const frozen = freeze(true) >= 0, list = openMembers();
  if (list >= 0) {
    const got = readFully(list, members, MEMBERS_BYTES - 1);
    close(list);
    store<u8>(members + max(got, 0), 0);
    for (let at: usize = members; load<u8>(at) != 0; at++) {
      const end = afterDigits(at);
      if (end == at) continue;
      const member = openProcess(<i32>digitsValue(at, end));
      if (member >= 0) {
        signalProcess(member, signal);
        close(member);
      }
      at = end - (load<u8>(end) == 0 ? 1 : 0);
    }
  }
  if (frozen) freeze(false);
}

// --- delete

/** How long --force waits for the end of a killed process, and groups are tried again. */
const DEADLINE_MS: u64 = 10_000, PAUSE_MS: i32 = 2;
namespace removal {
  export let deadline: u64 = 0;
  export let exitAs: i32 = 0;
  export let hooksNode: usize = 0, bundle: usize = 0, annotations: usize = 0;
  export let waitsForEnd: bool = false;
}

export function deleteContainer(): void {
  if (!openState()) {
    if (options.force) exit(0);
    die("container does not exist:", options.id);
  }
  if (!readState()) {
    // Made by half: there is nothing in it that could say more.
    if (!options.force) die("the container's state.json is damaged, delete --force removes the container:", options.id);
    removeState();
    exit(0);
  }
  groupsOfState(recorded.root);
  removal.bundle = jsonText(jsonMember(recorded.root, "bundle"));
  removal.annotations = jsonMember(recorded.root, "annotations");
  removal.hooksNode = jsonMember(readStateFile(CONFIG_COPY), "hooks");
  prepareHooks(removal.hooksNode);
  const status = statusOf();
  if (!options.force && status != Status.STOPPED) {
    die(status == Status.CREATED ? "the container is created and not stopped, delete --force kills it first:"
      : "the container is running, delete --force kills it first:", options.id);
  }
  removal.deadline = nowMs() + DEADLINE_MS;
  if (status == Status.STOPPED) return removeAll();
  signalProcess(recorded.initProcess, SIGKILL);
  // Stopped by the freezer it would not end.
  freeze(false);
  removal.waitsForEnd = true;
  watch(recorded.initProcess, READ);
  wakeAfter(<i32>DEADLINE_MS);
}

export function deleteReady(handle: i32): void {
  if (handle != recorded.initProcess || !removal.waitsForEnd) return;
  removal.waitsForEnd = false;
  watch(recorded.initProcess, 0);
  removeAll();
}

export function deleteDeadline(): void {
  if (removal.waitsForEnd) die("the container's process did not end within 10 seconds of SIGKILL:", options.id);
  removeAll();
}

/** Ends run: what is left of the container goes, then the program exits with its code. */
export function deleteEnded(hooks: usize, bundlePath: usize, annotationsNode: usize, code: i32): void {
  removal.exitAs = code;
  removal.hooksNode = hooks;
  removal.bundle = bundlePath;
  removal.annotations = annotationsNode;
  removal.deadline = nowMs() + DEADLINE_MS;
  if (options.keep) return poststopDone(HookResult.DONE);
  removeAll();
}

/** What shares a pid namespace with others outlives its init; a group that is in use cannot go. */
function removeAll(): void {
  if (!removeGroups() && nowMs() < removal.deadline) {
    signalMembers(SIGKILL);
    wakeAfter(PAUSE_MS);
    return;
  }
  wakeAfter(-1);
  removeState();
  poststopDone(runHooks(HookPoint.POSTSTOP, removal.hooksNode, Status.STOPPED, 0, removal.bundle, removal.annotations));
}

export function poststopDone(result: HookResult): void { if (result != HookResult.RUNNING) exit(removal.exitAs); }
