/** iomux-spawn [--ring SIZE] [--slow-reader block|disconnect] [--linger DURATION] [--log FILE …] [--exit-file FILE] DIRECTORY COMMAND [ARG…] */
import { argument, exit } from "../../boundary/wasi";
import { afterDigits, digitsValue, equals } from "../../lib/text";
import * as line from "../../lib/line";
import { fail } from "../../lib/diagnostics";

const MINUS: u8 = 0x2d;
/** Larger files have a size that open(2) of a 32-bit module cannot tell. */
const LOG_SIZE_MAX: u64 = 1 << 30;
/** What readers look for: FILE.1 to FILE.9. */
const LOG_FILES_MAX: u64 = 9;
const RING_BYTES_MIN: u64 = 1 << 12;
const RING_BYTES_MAX: u64 = 1 << 26;
/** A day. */
const LINGER_MS_MAX: u64 = 86_400_000;

/** What the command line asks for. */
export namespace options {
  export let ringBytes: u32 = 1 << 16;
  /** A link that does not read is disconnected. Otherwise the command blocks once the ring is full. */
  export let dropSlow: bool = false;
  export let lingerMs: i32 = 0;
  /** A file for the output, with times; 0: none. */
  export let logPath: usize = 0;
  /** 0: no limit. */
  export let logSizeMax: u64 = 0;
  export let logFilesMax: u32 = 1;
  /** A file for the command's exit status; 0: none. */
  export let exitPath: usize = 0;
  export let directory: usize = 0;
  /** Index of COMMAND. */
  export let commandIndex: i32 = 0;
}

/** Reads the command line, or ends the program. */
export function parse(): void {
  let index = 1;
  for (; isOption(argument(index)); index += 2) {
    const option = argument(index), value = argument(index + 1);
    if (equals(option, "--")) {
      index++;
      break;
    }
    if (equals(option, "-h") || equals(option, "--help")) return help();
    if (value == 0) return refuse(option);
    if (equals(option, "--ring")) parseRing(value);
    else if (equals(option, "--slow-reader")) parseSlowReader(value);
    else if (equals(option, "--slow")) parseSlow(value);
    else if (equals(option, "--linger")) parseLinger(value);
    else if (equals(option, "--log")) options.logPath = value;
    else if (equals(option, "--log-size-max")) options.logSizeMax = parseNumber(option, value, 1, LOG_SIZE_MAX);
    else if (equals(option, "--log-max-files")) options.logFilesMax = <u32>parseNumber(option, value, 0, LOG_FILES_MAX);
    else if (equals(option, "--exit-file")) options.exitPath = value;
    else return refuse(option);
  }
  options.directory = argument(index);
  options.commandIndex = index + 1;
  if (argument(options.commandIndex) == 0) fail(1, "iomux-spawn: DIRECTORY and COMMAND are missing", 0, 0, "iomux-spawn --help shows how to call it");
}

function isOption(at: usize): bool { return at != 0 && load<u8>(at) == MINUS && load<u8>(at + 1) != 0; }

function refuse(option: usize): void {
  fail(1, "iomux-spawn: invalid option, or one without its value:", option, 0, "iomux-spawn --help shows all of them");
}

function parseRing(text: usize): void {
  const end = afterDigits(text);
  let size = digitsValue(text, end);
  const unit = load<u8>(end) & ~0x20;
  const shift: u64 = unit == 0x4b ? 10 : unit == 0x4d ? 20 : 0; // K, M
  const last = shift != 0 ? end + 1 : end;
  if (end == text || load<u8>(last) != 0 || size > RING_BYTES_MAX || (size << shift) > RING_BYTES_MAX || (size << shift) < RING_BYTES_MIN) {
    return fail(1, "iomux-spawn: --ring takes a size from 4K to 64M, not", text);
  }
  size <<= shift;
  options.ringBytes = 1;
  while (options.ringBytes < size) options.ringBytes <<= 1;
}

function parseSlowReader(text: usize): void {
  options.dropSlow = equals(text, "disconnect");
  if (!options.dropSlow && !equals(text, "block")) fail(1, "iomux-spawn: --slow-reader takes block or disconnect, not", text);
}

/** The name of `--slow-reader` in version 0.2. */
function parseSlow(text: usize): void {
  options.dropSlow = equals(text, "drop");
  if (!options.dropSlow && !equals(text, "wait")) fail(1, "iomux-spawn: --slow takes wait or drop, not", text);
}

/** A number of seconds, or a number with a unit: 500ms, 30s, 10m, 1h. */
function parseLinger(text: usize): void {
  const end = afterDigits(text), count = digitsValue(text, end), unit = msPerUnit(end);
  if (end == text || unit == 0 || count > LINGER_MS_MAX / unit) {
    return fail(1, "iomux-spawn: --linger takes a time from 0 to 86400 seconds, such as 30s, 10m or 1h, not", text);
  }
  options.lingerMs = <i32>(count * unit);
}

function parseNumber(option: usize, text: usize, least: u64, most: u64): u64 {
  const end = afterDigits(text), value = digitsValue(text, end);
  if (end == text || load<u8>(end) != 0 || value < least || value > most) fail(1, "iomux-spawn: no such number for the option", option, 0, "iomux-spawn --help shows its bounds");
  return value;
}

/** Milliseconds of the unit at `at`; 0 for an unknown one. */
function msPerUnit(at: usize): u64 {
  if (load<u8>(at) == 0 || equals(at, "s")) return 1_000;
  if (equals(at, "ms")) return 1;
  if (equals(at, "m")) return 60_000;
  return equals(at, "h") ? 3_600_000 : 0;
}

function help(): void {
  line.begin();
  line.put("usage: iomux-spawn [--ring SIZE] [--slow-reader block|disconnect] [--linger DURATION]\n                   [--log FILE [--log-size-max BYTES] [--log-max-files N]] [--exit-file FILE]\n                   DIRECTORY COMMAND [ARG...]\n");
  line.put("Runs COMMAND and gives its output and exit status to every iomux-link that connects to DIRECTORY's sockets.\n");
  line.put("  --ring SIZE               how much of each stream is kept for links that come later (64K)\n");
  line.put("  --slow-reader block       when a link does not read and the ring is full: COMMAND blocks (default)\n");
  line.put("  --slow-reader disconnect  ... that link is disconnected; it may come back with its cursors\n");
  line.put("  --linger DURATION         how long new links still get output and status after the end (0)\n");
  line.put("  --log FILE                write the output to FILE, each line with its time; SIGHUP opens FILE again\n");
  line.put("  --log-size-max BYTES      rename a FILE of this size to FILE.1 and begin a new one, 1 to 1073741824 (no limit)\n");
  line.put("  --log-max-files N         how many older files are kept, 0 to 9 (1)\n");
  line.put("  --exit-file FILE          write time and status of COMMAND's end to FILE\n");
  line.put("Prints child_pid=N, then \"child active\" once a link is on each socket and COMMAND runs.\n");
  line.put("Exit code: 0 when COMMAND has ended, 1 when it could not be started.");
  line.flush();
  exit(0);
}
