/** A file of CRI's records that is written as output comes, renamed when it is full, and opened again on request. */
import { bytesAvailable, close, fsync, open, OPEN_APPEND, rename, write } from "../../boundary/shim";
import { claim, realtimeNs } from "../../boundary/wasi";
import { putCopy, putDigits, stringLength } from "../text";
import { putRecords, setPrefix, SLACK_BYTES, textEnd } from "./cri";
import { putDockerRecord } from "./docker";

/** Records on their way to the file: many a write(2), each whole. */
const BUFFER_BYTES: u32 = 1 << 16;
/** shim/sys/policy.c: the number of an older file has at most four digits. */
export const LOG_FILES_MAX: u32 = 9_999;
const NEWLINE: u8 = 0x0a;

/** The file, and its limits. */
namespace log {
  export let path: usize = 0;
  export let buffer: usize = 0;
  export let file: i32 = 0;
  /** 0: no limit. */
  export let logSizeMax: u64 = 0;
  export let logFilesMax: u32 = 0;
  /** The last write broke off within a record: the next one begins on a line of its own. */
  export let torn: bool = false;
}
export namespace counts {
  /** Bytes of records since the start. */
  export let logged: u64 = 0;
  /** The time of the last piece. */
  export let pieceNs: u64 = 0;
  /** How often a piece of a record could not be written. */
  export let losses: u32 = 0;
}

/** Names the file, and claims memory for it. `sizeMax` of 0 is no limit; `filesMax` older files are kept, at most LOG_FILES_MAX. */
export function claimLog(logPath: usize, sizeMax: u64, filesMax: u32): void {
  assert(filesMax <= LOG_FILES_MAX, "a file's number has four digits");
  log.path = logPath;
  log.logSizeMax = sizeMax;
  log.logFilesMax = filesMax;
  log.buffer = claim(BUFFER_BYTES);
  claimNames(stringLength(log.path));
}

/** Opens the file, or opens it again: 0, or the negated errno. What is open stays so after an error. */
export function openLog(): i32 {
  if (log.path == 0) return 0;
  const opened = open(log.path, OPEN_APPEND);
  if (opened < 0) return opened;
  if (log.file != 0) close(log.file);
  log.file = opened;
  // An older run's records may stand there already. A size of 2 GiB and more has no number here.
  rotation.sizeAtOpening = bytesAvailable(log.file);
  rotation.fileBytes = rotation.sizeAtOpening > 0 ? rotation.sizeAtOpening : 0;
  return 0;
}

/** Writes a piece of a stream's output, into as many files as it takes; the byte behind it is overwritten for a moment. */
export function writeLog(isStderr: bool, text: usize, size: u32): void {
  beginPiece(isStderr);
  for (let at = text; (at = writeUntilFull(at, text + size)) < text + size;) renew();
}

/** All records of a piece have one time. */
export function beginPiece(isStderr: bool): void {
  counts.pieceNs = realtimeNs();
  setPrefix(isStderr, counts.pieceNs);
}

/** Writes records of a piece's rest; where that ended: at `end`, or where the file has no room for one more. */
export function writeUntilFull(text: usize, end: usize): usize {
  if (log.file == 0) return end;
  while (text < end) {
    const start = log.torn ? log.buffer + 1 : log.buffer;
    if (log.torn) store<u8>(log.buffer, 0x0a);
    const recordsEnd = putRecords(text, rotation.unlimited ? lineEnd(text, end) : end, start, start + room());
    if (recordsEnd == start) return text;
    rotation.unlimited = false;
    text = textEnd;
    writeRecords(<u32>(recordsEnd - log.buffer));
  }
  return end;
}

/** Behind the first newline, or `end`. */
function lineEnd(text: usize, end: usize): usize {
  while (text < end && load<u8>(text++) != NEWLINE);
  return text;
}

/** A newline, and what is read behind it. */
const lastNewline = memory.data(2 * SLACK_BYTES);

/** Ends a line whose pieces have no newline. Not a byte of the output: `counts.logged` stays. */
export function endLine(isStderr: bool): void {
  const logged = counts.logged;
  store<u8>(lastNewline, NEWLINE);
  writeLog(isStderr, lastNewline, 1);
  counts.logged = logged;
}

/** After a file has become full: whether a new one was begun. */
export function renew(): bool {
  if (rotation.fileBytes != 0 && rotate()) return true;
  // Not one more fits: a record that is larger than a whole file stands there alone.
  rotation.unlimited = true;
  return false;
}

/** Text of one record: with all of it escaped it has room in the buffer. */
const DOCKER_TEXT_BYTES: u32 = 8192;
if (DOCKER_TEXT_BYTES * 7 > BUFFER_BYTES) ERROR("a record must fit the buffer");

/** The same in docker's format, which is not read back. */
export function writeDocker(isStderr: bool, text: usize, end: usize): void {
  if (log.file == 0) return;
  const now = counts.pieceNs = realtimeNs();
  while (text < end) {
    let next = text;
    while (next < end && <u32>(next - text) < DOCKER_TEXT_BYTES && load<u8>(next) != NEWLINE) next++;
    if (next < end && load<u8>(next) == NEWLINE) next++;
    const start = log.torn ? log.buffer + 1 : log.buffer;
    if (log.torn) store<u8>(log.buffer, NEWLINE);
    const size = <u32>(putDockerRecord(start, isStderr, now, text, <u32>(next - text)) - log.buffer);
    if (log.logSizeMax > 0 && rotation.fileBytes > 0 && rotation.fileBytes + size > log.logSizeMax) rotate();
    writeRecords(size);
    text = next;
  }
}

/** What the next write may take, without the slack that `putRecords` needs behind it. */
function room(): u32 {
  const most = BUFFER_BYTES - SLACK_BYTES - 1;
  if (log.logSizeMax == 0 || rotation.unlimited) return most;
  return rotation.fileBytes >= log.logSizeMax ? 0 : <u32>min(<u64>most, log.logSizeMax - rotation.fileBytes + SLACK_BYTES);
}

export namespace rotation {
  /** The next record is written although it makes the file larger than it may be: it fits no file, or none can be renamed. */
  export let unlimited: bool = false;
  export let fileBytes: u64 = 0;
  /** Of the file that is written; negative: has no number. */
  export let sizeAtOpening: i32 = 0;
  export let names: usize = 0;
  export let nameBytes: u32 = 0;
}

function claimNames(length: u32): void {
  rotation.nameBytes = length + 6;
  rotation.names = claim(2 * rotation.nameBytes);
}

/** PATH.NUMBER, or PATH itself for 0; two at a time. */
function numbered(number: u32): usize {
  const at = rotation.names + (number & 1) * rotation.nameBytes, end = putCopy(at, log.path);
  store<u8>(end, number == 0 ? 0 : 0x2e);
  if (number > 0) store<u8>(putDigits(end + 1, number), 0);
  return at;
}

/** Renames PATH to PATH.1, PATH.1 to PATH.2 and so on, and begins PATH anew; whether that worked. */
function rotate(): bool {
  for (let number = log.logFilesMax; number > 0; number--) {
    const result = rename(numbered(number - 1), numbered(number));
    if (number == 1 && result < 0) return false;
  }
  return openLog() >= 0;
}

function writeRecords(size: u32): void {
  let done: u32 = 0;
  while (done < size) {
    const sent = write(log.file, log.buffer + done, size - done);
    // A full disk costs the log what does not fit, never the container its progress.
    if (sent <= 0) {
      log.torn = log.torn || done > 0;
      counts.losses++;
      break;
    }
    log.torn = false;
    done += sent;
  }
  counts.logged += done;
  rotation.fileBytes += done;
}

/** The log's end is on the disk. */
export function syncLog(): void { if (log.file != 0) fsync(log.file); }
