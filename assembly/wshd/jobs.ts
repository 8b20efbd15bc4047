/**
 * Commands that run: whose exit status goes into which pipe. What a command's start still owes its client, a message
 * when it could not be executed, stands in a second, smaller table until the command runs.
 */
import { close, mark, read, REPORT_BYTES, Step, unblock, wait, write } from "../shim";
import { begin, endLine, messageAt, messageSize, put, putError, putNumber, putString } from "../shared/message";
import { putCopy, stringLength } from "../shared/bytes";
import { EPERM } from "../shared/errno";
import { exitCode, exited, putExitStatus, signalOf, STATUS_BYTES } from "../wire/status";

/** Commands that run side by side in one container. */
export const JOBS_MAX: u32 = 4096;
/** Commands that are being started at the same moment: some microseconds each. */
const STARTS_MAX: u32 = 64;
const NAME_BYTES: u32 = 256;

@unmanaged class Job {
  pid: i32;
  status: i32;
}

@unmanaged class Start {
  pid: i32;
  report: i32;
  errors: i32;
}

const jobs = memory.data(32768, 8);
const starts = memory.data(768, 8);
/** What a start says when it fails: the command's name, then the directory. */
const names = memory.data(32768);
if (JOBS_MAX * offsetof<Job>() != 32768) ERROR("the jobs' table has another size");
if (STARTS_MAX * offsetof<Start>() != 768) ERROR("the starts' table has another size");
if (STARTS_MAX * 2 * NAME_BYTES != 32768) ERROR("the starts' names have another size");
let jobsUsed: u32 = 0;
let jobCount: u32 = 0, startCount: u32 = 0;

const statusOut = memory.data(4, 4);
const exitStatus = memory.data(4, 4);
const report = memory.data(8, 4);

function jobAt(index: u32): Job { return changetype<Job>(jobs + index * offsetof<Job>()); }
function startAt(index: u32): Start { return changetype<Start>(starts + index * offsetof<Start>()); }

function freeJob(): u32 {
  let index: u32 = 0;
  while (index < jobsUsed && jobAt(index).pid != 0) index++;
  return index;
}

/** Descriptors that commands and their starts hold. */
export function jobDescriptors(): u32 { return jobCount + 2 * startCount; }

export function hasRoomForJob(): bool { return freeJob() < JOBS_MAX; }

/** Remembers a command that was forked; the handle belongs to the table now. */
export function addJob(pid: i32, status: i32): void {
  const index = freeJob();
  const job = jobAt(index);
  job.pid = pid;
  job.status = status;
  jobCount++;
  if (index >= jobsUsed) jobsUsed = index + 1;
}

/** Remembers what its start may still say, on `errors`. False when there is no place: only then the handles stay the caller's. */
export function addStart(pid: i32, report: i32, errors: i32, command: usize, directory: usize): bool {
  for (let i: u32 = 0; i < STARTS_MAX && report > 0; i++) {
    const start = startAt(i);
    if (start.pid != 0) continue;
    start.pid = pid;
    start.report = report;
    start.errors = errors;
    startCount++;
    keepName(commandName(i), command);
    keepName(directoryName(i), directory);
    return true;
  }
  return false;
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

/** True when the handle was a start's report. */
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
  if (read(start.report, report, REPORT_BYTES) == <i32>REPORT_BYTES) {
    describeFailure(load<i32>(report), load<i32>(report + 4), commandName(index), directoryName(index));
    tellFailure(start.errors);
  }
  close(start.report);
  close(start.errors);
  start.pid = 0;
  startCount--;
}

/**
 * Writes the message to the stderr of a command that does not run. The client may have filled it, or stopped the terminal:
 * then the message is lost, and the exit code tells. Nobody else has this end any more who would mind that it does not block.
 */
export function tellFailure(errors: i32): void {
  unblock(errors);
  write(errors, messageAt(), messageSize());
}

function describeFailure(step: i32, errno: i32, command: usize, directory: usize): void {
  begin();
  put("wshd: cannot ");
  switch (step & 0xff) {
    case Step.EXECUTE:
      put("execute ");
      putString(command);
      break;
    case Step.DIRECTORY:
      put("change to the home directory ");
      putString(directory);
      break;
    case Step.LIMIT:
      put("set resource limit ");
      putNumber(step >> 8);
      break;
    case Step.SESSION: put("start a session"); break;
    case Step.TERMINAL: put("make the pty the controlling terminal"); break;
    case Step.GROUPS: put("drop supplementary groups"); break;
    case Step.GROUP: put("set the group id"); break;
    case Step.USER: put("set the user id"); break;
    case Step.PRIVILEGES: put("set no_new_privs"); break;
    default: put("set up the command's descriptors"); break;
  }
  putError(errno);
  if ((step & 0xff) == Step.LIMIT && errno == EPERM) put("; is it above the hard limit that wshd was started with?");
  endLine();
}

/** Reaps whatever has ended, orphans too, and tells each client its command's end. */
export function reap(): void {
  for (;;) {
    const pid = wait(-1, statusOut);
    if (pid <= 0) return;
    for (let i: u32 = 0; i < STARTS_MAX; i++) if (startAt(i).pid == pid) finishStart(i);
    for (let i: u32 = 0; i < jobsUsed; i++) if (jobAt(i).pid == pid) finishJob(jobAt(i), load<i32>(statusOut));
    while (jobsUsed > 0 && jobAt(jobsUsed - 1).pid == 0) jobsUsed--;
  }
}

function finishJob(job: Job, rawStatus: i32): void {
  tellStatus(job.status, rawStatus);
  job.pid = 0;
  jobCount--;
}

/** Tells an exit status and closes the pipe; a death by a signal is the pipe's end, with the signal left on it. */
export function tellStatus(pipe: i32, rawStatus: i32): void {
  if (exited(rawStatus)) {
    putExitStatus(exitStatus, exitCode(rawStatus));
    write(pipe, exitStatus, STATUS_BYTES);
  } else {
    mark(pipe, signalOf(rawStatus));
  }
  close(pipe);
}
