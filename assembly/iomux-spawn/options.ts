/** iomux-spawn [--ring SIZE] [--slow wait|drop] [--linger SECONDS] DIRECTORY COMMAND [ARG…] */
import { argument, exit } from "../wasi";
import { afterDigits, digitsValue, equals } from "../shared/bytes";
import { begin, put, tell } from "../shared/message";
import { fail } from "../shared/program";

const MINUS: u8 = 0x2d;
const RING_BYTES_MIN: u64 = 1 << 12;
const RING_BYTES_MAX: u64 = 1 << 26;
const LINGER_SECONDS_MAX: u64 = 86_400;

export let ringBytes: u32 = 1 << 16;
/** A link that does not read costs itself its connection, instead of costing the command its progress. */
export let dropSlow: bool = false;
export let lingerMs: i32 = 0;
export let directory: usize = 0;
/** Index of COMMAND. */
export let commandIndex: i32 = 0;

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
    else if (equals(option, "--slow")) parseSlow(value);
    else if (equals(option, "--linger")) parseLinger(value);
    else return refuse(option);
  }
  directory = argument(index);
  commandIndex = index + 1;
  if (argument(commandIndex) == 0) fail(1, "iomux-spawn: DIRECTORY and COMMAND are missing", 0, 0, "iomux-spawn --help shows how to call it");
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
  ringBytes = 1;
  while (ringBytes < size) ringBytes <<= 1;
}

function parseSlow(text: usize): void {
  dropSlow = equals(text, "drop");
  if (!dropSlow && !equals(text, "wait")) fail(1, "iomux-spawn: --slow takes wait or drop, not", text);
}

function parseLinger(text: usize): void {
  const end = afterDigits(text), seconds = digitsValue(text, end);
  if (end == text || load<u8>(end) != 0 || seconds > LINGER_SECONDS_MAX) {
    return fail(1, "iomux-spawn: --linger takes seconds from 0 to 86400, not", text);
  }
  lingerMs = <i32>seconds * 1000;
}

function help(): void {
  begin();
  put("usage: iomux-spawn [--ring SIZE] [--slow wait|drop] [--linger SECONDS] DIRECTORY COMMAND [ARG...]\n");
  put("Runs COMMAND and gives its output and exit status to every iomux-link that connects to DIRECTORY's sockets.\n");
  put("  --ring SIZE       how much of each stream is kept for links that come later (64K)\n");
  put("  --slow wait       when a link does not read and the ring is full of it: COMMAND waits (default)\n");
  put("  --slow drop       ... that link is closed instead; it may come back with its cursors\n");
  put("  --linger SECONDS  stream ends and status stay to be had for that long after the end (0)\n");
  put("Prints child_pid=N, then \"child active\" once a link is on each socket and COMMAND runs.\n");
  put("Exit code: 0 when COMMAND has ended, 1 when it could not be started.");
  tell();
  exit(0);
}
