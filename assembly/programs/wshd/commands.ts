/**
 * The table of running commands: each has a pipe for its exit status, in protocol 2 its connection. A second, smaller table holds
 * the commands between fork and exec, whose client may still need an error message.
 */
import {
  close, kill, read, REPORT_BYTES, send, setNonblocking, Step, tagPipe, USAGE_BYTES, waitUsage, watch, write,
} from "../../boundary/shim";
import * as line from "../../lib/line";
import { putCopy, stringLength } from "../../lib/text";
import { EAGAIN, EINVAL, EPERM, ESRCH, ETIMEDOUT } from "../../lib/errno";
import { SIGKILL } from "../../lib/signal";
import { AT_STATUS, AT_USER_TIME, beginRecord, Failure, putFailure, RECORD_BYTES, RecordKind } from "../../wire/record";
import { AT_SIGNAL, AT_TARGET, judgeSignal, SIGNAL_BYTES, Target } from "../../wire/signal";
import { exitCode, exited, putExitStatus, signalOf, STATUS_BYTES } from "../../wire/status";

/** Commands that run at the same time in one container. */
export const COMMANDS_MAX: u32 = 4096;
/** Commands between fork and exec whose client can still get a message; each start takes microseconds. */
const STARTS_MAX: u32 = 64;
/**
 * Time for a command to execute. Its user may stop it before it does: a process answers to its user's signals as soon as it has the
 * user's id. kill(2)
 */
const START_DEADLINE_MS: u64 = 30_000;
export const NEVER: u64 = u64.MAX_VALUE;
const NAME_BYTES: u32 = 256;

@unmanaged class Command {
  pid: i32;
  /** The pipe, or the connection; 0 when it is closed. */
  status: i32;
  isConnection: bool;
  /** Of a signal on the connection: bytes that have come. */
  have: u32;
}

@unmanaged class Start {
  pid: i32;
  report: i32;
  errors: i32;
  deadlineMs: u64;
}

const commands = memory.data(COMMANDS_MAX * offsetof<Command>(), 8);
const starts = memory.data(STARTS_MAX * offsetof<Start>(), 8);
/** Names for the error message of each start: the command's, then the directory's. */
const names = memory.data(STARTS_MAX * 2 * NAME_BYTES);
namespace counts {
  export let placesUsed: u32 = 0;
  export let commands: u32 = 0, starts: u32 = 0;
  /** The start that lost its place last. */
  export let victim: u32 = 0;
}

/** What has come of a signal, for each command. */
const messages = memory.data(COMMANDS_MAX * SIGNAL_BYTES, 4);
const usage = memory.data(USAGE_BYTES, 8);
const record = memory.data(RECORD_BYTES, 8);
if (<i32>Failure.EXECUTE != <i32>Step.EXECUTE || <i32>Failure.BLOCK != <i32>Step.BLOCK) ERROR("a failure has another number than its step");
const exitStatus = memory.data(STATUS_BYTES, 4);
const report = memory.data(REPORT_BYTES, 4);

function commandAt(index: u32): Command { return changetype<Command>(commands + index * offsetof<Command>()); }
function startAt(index: u32): Start { return changetype<Start>(starts + index * offsetof<Start>()); }

function freeCommand(): u32 {
  let index: u32 = 0;
  while (index < counts.placesUsed && commandAt(index).pid != 0) index++;
  return index;
}

/** Descriptors that the two tables hold. */
export function commandDescriptors(): u32 { return counts.commands + 2 * counts.starts; }

export function hasRoomForCommand(): bool { return freeCommand() < COMMANDS_MAX; }

/** Adds a forked command. The table owns the pipe of its exit status from now on. */
export function addCommand(pid: i32, status: i32): void { add(pid, status, false); }

/** The same of protocol 2: the table owns the connection. */
export function addConnection(pid: i32, socket: i32): void { add(pid, socket, true); }

/** Whether the handle is a running command's connection. */
export function isConnection(handle: i32): bool { return commandOn(handle) != 0; }

function commandOn(handle: i32): usize {
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const command = commandAt(i);
    if (command.isConnection && command.status == handle) return changetype<usize>(command);
  }
  return 0;
}

/** Handles a signal on a connection, a part of one, or the client's end. False if the handle is no connection. */
export function takeSignal(handle: i32): bool {
  const found = commandOn(handle);
  if (found == 0) return false;
  const command = changetype<Command>(found);
  const message = messages + <usize>((found - commands) / offsetof<Command>()) * SIGNAL_BYTES;
  const got = read(handle, message + command.have, SIGNAL_BYTES - command.have);
  if (got == -EAGAIN) return true;
  if (got > 0) command.have += got;
  if (got > 0 && command.have < SIGNAL_BYTES) return true;
  command.have = 0;
  // A client that has shut down its side may still read the record of the end.
  if (got <= 0) watch(handle, 0);
  else if (judgeSignal(message, SIGNAL_BYTES) != 0) closeConnection(command);
  else signalCommand(command.pid, load<i32>(message + AT_SIGNAL), load<i32>(message + AT_TARGET));
  return true;
}

function signalCommand(pid: i32, signal: i32, target: i32): void {
  // Before the command is the leader of its session, it is its whole group.
  if (target == Target.GROUP && kill(-pid, signal) != -ESRCH) return;
  kill(pid, signal);
}

function closeConnection(command: Command): void {
  const socket = command.status;
  command.status = 0;
  close(socket);
}

function add(pid: i32, status: i32, isConnection: bool): void {
  const index = freeCommand();
  const command = commandAt(index);
  command.pid = pid;
  command.status = status;
  command.isConnection = isConnection;
  command.have = 0;
  counts.commands++;
  if (index >= counts.placesUsed) counts.placesUsed = index + 1;
}

/**
 * Adds a start, which reports errors on `errors`, or with 0 on its command's connection. The table owns the handles. In a full table
 * the new start takes the place of another, which goes on without a message if it fails: a start that was stopped keeps nobody from
 * anything.
 */
export function addStart(pid: i32, report: i32, errors: i32, command: usize, directory: usize, nowMs: u64): void {
  const index = counts.starts < STARTS_MAX ? freeStart() : nextVictim();
  if (startAt(index).pid != 0) forgetStart(index);
  const start = startAt(index);
  start.pid = pid;
  start.report = report;
  start.errors = errors;
  start.deadlineMs = nowMs + START_DEADLINE_MS;
  counts.starts++;
  keepName(commandName(index), command);
  keepName(directoryName(index), directory);
}

function freeStart(): u32 {
  let index: u32 = 0;
  while (startAt(index).pid != 0) index++;
  return index;
}

/** In a full table each start loses its place in turn. */
function nextVictim(): u32 {
  counts.victim = (counts.victim + 1) % STARTS_MAX;
  return counts.victim;
}

function forgetStart(index: u32): void {
  const start = startAt(index);
  // The entry is cleared first: after a trap the table must not name a closed handle.
  start.pid = 0;
  counts.starts--;
  close(start.report);
  if (start.errors != 0) close(start.errors);
}

/** When the next start has to be ended; NEVER without one. */
export function nextStartDeadlineMs(): u64 {
  let earliest = NEVER;
  for (let i: u32 = 0; i < STARTS_MAX; i++) if (startAt(i).pid != 0) earliest = min(earliest, startAt(i).deadlineMs);
  return earliest;
}

/** Kills the commands that have not executed in time. Their exit status is that of a command killed by SIGKILL. */
export function endLateStarts(nowMs: u64): void {
  for (let i: u32 = 0; i < STARTS_MAX; i++) {
    const start = startAt(i);
    if (start.pid == 0 || start.deadlineMs > nowMs) continue;
    if (start.errors != 0) describeLateStart(i);
    else recordFailure(start.pid, Failure.EXECUTE, ETIMEDOUT, 0);
    // Its end removes the start; a kill that fails is tried again.
    start.deadlineMs = nowMs + START_DEADLINE_MS;
    kill(start.pid, SIGKILL);
  }
}

function describeLateStart(index: u32): void {
  line.begin();
  line.put("wshd: ");
  line.putString(commandName(index));
  line.put(" was not executed within 30 s, and is killed; a process of its user may have stopped it");
  line.end();
  writeFailure(startAt(index).errors);
}

function commandName(index: u32): usize { return names + index * 2 * NAME_BYTES; }
function directoryName(index: u32): usize { return commandName(index) + NAME_BYTES; }

function keepName(at: usize, name: usize): void {
  const length = stringLength(name);
  if (length < NAME_BYTES) store<u8>(putCopy(at, name), 0);
  else {
    memory.copy(at, name, NAME_BYTES - 1);
    store<u8>(at + NAME_BYTES - 1, 0);
  }
}

/** Handles the end of a start. False if the handle is no start's exec error pipe. */
export function takeReport(handle: i32): bool {
  for (let i: u32 = 0; i < STARTS_MAX; i++) {
    if (startAt(i).pid == 0 || startAt(i).report != handle) continue;
    finishStart(i);
    return true;
  }
  return false;
}

function finishStart(index: u32): void {
  const start = startAt(index);
  const failed = read(start.report, report, REPORT_BYTES) == <i32>REPORT_BYTES;
  const step = load<i32>(report);
  if (failed && start.errors == 0) recordFailure(start.pid, step & 0xff, load<i32>(report + 4), step >> 8);
  else if (failed) {
    describeFailure(step, load<i32>(report + 4), commandName(index), directoryName(index));
    writeFailure(start.errors);
  }
  forgetStart(index);
}

/** Sends the failure of a start on its command's connection, and closes that. */
function recordFailure(pid: i32, failure: i32, errno: i32, detail: i32): void {
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const command = commandAt(i);
    if (command.pid != pid || command.status == 0) continue;
    putFailure(record, failure, errno, detail);
    send(command.status, record, RECORD_BYTES, report, 0);
    closeConnection(command);
  }
}

/**
 * Writes the message to the stderr of a command that does not run. If the client has filled that pipe or stopped the terminal,
 * the message is lost; the exit code still reports the failure. No other process shares this end, so O_NONBLOCK harms nobody.
 */
export function writeFailure(errors: i32): void {
  setNonblocking(errors);
  write(errors, line.at(), line.size());
}

function isIdStep(step: i32): bool { return step == Step.GROUP || step == Step.USER; }

function describeFailure(step: i32, errno: i32, command: usize, directory: usize): void {
  line.begin();
  line.put("wshd: cannot ");
  switch (step & 0xff) {
    case Step.EXECUTE:
      line.put("execute ");
      line.putString(command);
      break;
    case Step.DIRECTORY:
      line.put("change to the home directory ");
      line.putString(directory);
      break;
    case Step.LIMIT:
      line.put("set resource limit ");
      line.putNumber(step >> 8);
      break;
    case Step.SESSION: line.put("start a session"); break;
    case Step.TERMINAL: line.put("make the pty the controlling terminal"); break;
    case Step.GROUPS: line.put("drop supplementary groups"); break;
    case Step.GROUP: line.put("set the group id"); break;
    case Step.USER: line.put("set the user id"); break;
    case Step.PRIVILEGES: line.put("set no_new_privs"); break;
    default: line.put("set up the command's descriptors"); break;
  }
  line.putError(errno);
  if ((step & 0xff) == Step.LIMIT && errno == EPERM) line.put("; is it above the hard limit that wshd was started with?");
  if (isIdStep(step & 0xff) && errno == EINVAL) line.put("; the container's user namespace has no such id");
  line.end();
}

/** Reaps all children that have ended, orphans too, and writes each command's exit status to its client. */
export function reap(): void {
  for (;;) {
    const pid = waitUsage(-1, usage);
    if (pid <= 0) return;
    for (let i: u32 = 0; i < STARTS_MAX; i++) if (startAt(i).pid == pid) finishStart(i);
    for (let i: u32 = 0; i < counts.placesUsed; i++) if (commandAt(i).pid == pid) finishCommand(commandAt(i), load<i32>(usage));
    while (counts.placesUsed > 0 && commandAt(counts.placesUsed - 1).pid == 0) counts.placesUsed--;
  }
}

function finishCommand(command: Command, rawStatus: i32): void {
  if (!command.isConnection) writeStatus(command.status, rawStatus);
  else if (command.status != 0) {
    beginRecord(record, RecordKind.ENDED);
    store<i32>(record + AT_STATUS, rawStatus);
    memory.copy(record + AT_USER_TIME, usage + 8, USAGE_BYTES - 8);
    send(command.status, record, RECORD_BYTES, report, 0);
    closeConnection(command);
  }
  command.pid = 0;
  counts.commands--;
}

/** Writes an exit status and closes the pipe. After a death by a signal the pipe is closed empty, tagged with the signal. */
export function writeStatus(pipe: i32, rawStatus: i32): void {
  if (exited(rawStatus)) {
    putExitStatus(exitStatus, exitCode(rawStatus));
    write(pipe, exitStatus, STATUS_BYTES);
  } else {
    tagPipe(pipe, signalOf(rawStatus));
  }
  close(pipe);
}
