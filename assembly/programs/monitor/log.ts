/** Where the container's output is written besides clients: --log-path DRIVER[:PATH]. */
import { close, FileType, handleType, open, OPEN_READ } from "../../boundary/shim";
import * as log from "../../lib/log/file";
import { fail, printError } from "../../lib/diagnostics";
import { putDigits, putText, stringLength } from "../../lib/text";
import { beginFile, claimFeed, stopFeeding } from "./feed";
import { Stream } from "./history";
import { openJournal, writeJournal } from "./journal";
import { isGiven, labels, logs, options, value } from "./options";
import { Option } from "./option-names";

const COLON: u8 = 0x3a, EQUALS: u8 = 0x3d, NEWLINE: u8 = 0x0a;
/** journald gets so many characters of the container's id as CONTAINER_ID, and needs more for CONTAINER_ID_FULL. */
const SHORT_ID: u32 = 12;

export namespace primary {
  export let path: usize = 0;
  /** The file has docker's format, which is not read back. */
  export let isDocker: bool = false;
  /** The journal gets each line. */
  export let toJournal: bool = false;
  /** The container writes to the monitor's own stdout and stderr. */
  export let passesThrough: bool = false;
}

/** Reads --log-path's values, or ends the program. */
export function parseLogs(): void {
  for (let i = 0; i < logs.count; i++) parseLog(logs.get(i));
  if (isGiven(Option.NO_CONTAINER_PARTIAL_MESSAGE) && !primary.toJournal) {
    printError("conmon: --no-container-partial-message has no effect without journald log driver", 0, 0);
  }
  checkLabels();
  if (primary.toJournal && stringLength(value(Option.CID)) <= SHORT_ID) fail(1, "conmon: Container ID must be longer than 12 characters");
  if (primary.path == 0 || primary.toJournal) return;
  if (isGiven(Option.LOG_TAG)) fail(1, "conmon: k8s-file doesn't support --log-tag");
  if (labels.count > 0) fail(1, "conmon: k8s-file doesn't support --log-label");
}

/** DRIVER[:PATH], or a path alone. Behind a colon in front a driver's name is a path, too. */
function parseLog(text: usize): void {
  let driver = text;
  while (load<u8>(driver) == COLON) driver++;
  if (load<u8>(driver) == 0) return fail(1, "conmon: log-path must not be empty");
  const rest = behindColon(driver), isPath = rest == 0 && (driver != text || !hasColon(driver));
  if (driver != text && rest == 0) primary.path = driver;
  else if (isDriver(driver, "none") || isDriver(driver, "off") || isDriver(driver, "null")) return;
  else if (isDriver(driver, "passthrough") || isDriver(driver, "passthrough-tty")) {
    primary.passesThrough = true;
    // A terminal of the caller's would let the container type into it: only who says so hands it on.
    if (isDriver(driver, "passthrough") && !options.isDaemon && hasTerminal()) {
      return fail(1, "conmon: cannot use a tty with passthrough logging mode to prevent attacks via TIOCSTI");
    }
  } else if (isDriver(driver, "journald")) primary.toJournal = true;
  else if (isDriver(driver, "k8s-file")) {
    if (rest == 0) return fail(1, "conmon: k8s-file requires a filename");
    primary.path = rest;
  } else if (isDriver(driver, "json-file")) {
    if (rest == 0) return fail(1, "conmon: json-file requires a filename");
    primary.path = rest;
    primary.isDocker = true;
  } else if (isPath) primary.path = driver;
  else failWithDriver(driver);
}

function failWithDriver(driver: usize): void {
  for (let at = driver; load<u8>(at) != 0; at++) if (load<u8>(at) == COLON) store<u8>(at, 0);
  fail(1, "conmon: No such log driver", driver, 0, "k8s-file:PATH, json-file:PATH, journald, passthrough and none are supported");
}

/** Whether stdin, stdout or stderr is a terminal. */
function hasTerminal(): bool {
  for (let fd: u8 = 0; fd <= 2; fd++) if (isTerminal(fd)) return true;
  return false;
}

const OWN_DESCRIPTORS = "/proc/self/fd/";
const ownDescriptor = memory.data(16);

function isTerminal(fd: u8): bool {
  store<u8>(putDigits(putText(ownDescriptor, OWN_DESCRIPTORS), fd), 0);
  const file = open(ownDescriptor, OPEN_READ);
  if (file < 0) return false;
  const type = handleType(file);
  close(file);
  return type > 0 && (type & FileType.MASK) == FileType.TERMINAL;
}

function checkLabels(): void {
  for (let i = 0; i < labels.count; i++) {
    const label = labels.get(i);
    let equal: usize = 0;
    for (let at = label; load<u8>(at) != 0; at++) {
      if (load<u8>(at) == EQUALS) {
        if (equal != 0 || at == label) return fail(1, "conmon: Container labels must be in format LABEL=VALUE");
        equal = at;
      } else if (equal == 0 && !isLabelByte(load<u8>(at))) {
        return fail(1, "conmon: Container label names must contain only uppercase letters, numbers and underscore");
      }
    }
    if (equal == 0) return fail(1, "conmon: Container labels must be in format LABEL=VALUE");
  }
}

function isLabelByte(byte: u8): bool { return byte >= 0x41 && byte <= 0x5a || byte >= 0x30 && byte <= 0x39 || byte == 0x5f; }

function hasColon(text: usize): bool {
  for (; load<u8>(text) != 0; text++) if (load<u8>(text) == COLON) return true;
  return false;
}

/** What stands behind the driver's colon; 0 when there is none, or nothing behind. */
function behindColon(text: usize): usize {
  for (; load<u8>(text) != 0; text++) if (load<u8>(text) == COLON) return load<u8>(text + 1) != 0 ? text + 1 : 0;
  return 0;
}

function isDriver(text: usize, name: string): bool {
  for (let i = 0; i < name.length; i++) if (load<u8>(text + i) != <u8>name.charCodeAt(i)) return false;
  const next = load<u8>(text + name.length);
  return next == 0 || next == COLON;
}

/** 0, or the negated errno of the file that cannot be written. */
export function openLog(): i32 {
  if (primary.path == 0) return 0;
  const result = log.openLog();
  if (result == 0) feed();
  return result;
}

function feed(): void { if (!primary.isDocker) beginFile(primary.path, log.rotation.sizeAtOpening, log.counts.logged); }

export function claimLog(): void {
  if (primary.toJournal) openJournal();
  if (primary.path == 0) return;
  log.claimLog(primary.path, options.logSizeMax, options.logFilesMax);
  claimFeed();
}
export function logPath(): usize { return primary.path; }

/** Another process has renamed the file: what comes is written to a new one of its name. */
export function reopenLog(): void {
  const result = openLog();
  if (result < 0) printError("conmon: cannot open the log again:", primary.path, result);
}

/** Whether the last record of a stream is a piece of a line. */
namespace openLines {
  export let out: bool = false, err: bool = false;
}

/** Writes a piece of a stream's output; the byte behind it is overwritten for a moment. */
export function writeLog(stream: Stream, text: usize, size: u32): void {
  if (primary.toJournal) writeJournal(stream, text, size);
  if (primary.path == 0) return;
  if (options.logGlobalMax > 0 && log.counts.logged >= options.logGlobalMax) return stopFeeding();
  if (primary.isDocker) return log.writeDocker(stream == Stream.STDERR, text, text + size);
  const isOpen = load<u8>(text + size - 1) != NEWLINE;
  if (stream == Stream.STDERR) openLines.err = isOpen;
  else openLines.out = isOpen;
  log.beginPiece(stream == Stream.STDERR);
  const end = text + size;
  for (;;) {
    const before = log.counts.losses;
    text = log.writeUntilFull(text, end);
    if (log.counts.losses != before) stopFeeding();
    if (text == end) return;
    if (log.renew()) feed();
  }
}

/** The container has ended: a line without a newline ends, too, so that readers do not wait for more of it. */
export function endLog(): void {
  if (primary.path == 0 || primary.isDocker || options.logGlobalMax > 0 && log.counts.logged >= options.logGlobalMax) return;
  if (openLines.out) log.endLine(false);
  if (openLines.err) log.endLine(true);
}

/** The log's end is on the disk before the exit code is. */
export function syncLog(): void { if (!isGiven(Option.NO_SYNC_LOG)) log.syncLog(); }
