/**
 * wsh → wshd: the request, 9,656 bytes on the stream socket. docs/reference/protocol.md §1
 *
 *      0  version        i32, 1
 *      4  tty            i32, 1 when the client's stdin is a terminal, else 0
 *      8  argument count i32; 0 asks for the user's login shell
 *     12  arguments      u8[8192], NUL-terminated, back to back, then zero
 *   8204  (4 bytes)
 *   8208  limit count    i32
 *   8212  (4 bytes)
 *   8216  limits         16 of: id i32, (4 bytes), soft u64, hard u64
 *   8600  user           u8[32], NUL-terminated; empty for root
 *   8632  LANG           u8[1024], NUL-terminated; empty when it is not set
 */
import { afterString, stringLength } from "../lib/text";

export const VERSION: i32 = 1;
export const ARGUMENTS_BYTES: u32 = 8192;
export const LIMITS_MAX: i32 = 16;
export const LIMIT_BYTES: u32 = 24;
export const USER_BYTES: u32 = 32;
export const LANG_BYTES: u32 = 1024;

export const AT_VERSION: u32 = 0;
export const AT_TTY: u32 = AT_VERSION + 4;
export const AT_ARGUMENT_COUNT: u32 = AT_TTY + 4;
export const AT_ARGUMENTS: u32 = AT_ARGUMENT_COUNT + 4;
export const AT_LIMIT_COUNT: u32 = AT_ARGUMENTS + ARGUMENTS_BYTES + 4;
export const AT_LIMITS: u32 = AT_LIMIT_COUNT + 4 + 4;
export const AT_USER: u32 = AT_LIMITS + <u32>LIMITS_MAX * LIMIT_BYTES;
export const AT_LANG: u32 = AT_USER + USER_BYTES;
export const REQUEST_BYTES: u32 = AT_LANG + LANG_BYTES;
if (AT_LIMIT_COUNT != 8208 || AT_USER != 8600 || REQUEST_BYTES != 9656) ERROR("the request's layout is not the wire's");

/** Within a limit. */
export const LIMIT_ID: u32 = 0, LIMIT_SOFT: u32 = 8, LIMIT_HARD: u32 = 16;
export const TTY_MAX: i32 = 1;
/** RLIMIT_RTTIME, the last resource of setrlimit(2). */
export const LIMIT_ID_MAX: i32 = 15;

/** Why a request is refused; `NEED_MORE` while it is incomplete. */
export const enum Verdict {
  WHOLE = 0,
  NEED_MORE = 1,
  TOO_LONG = -1,
  BAD_VERSION = -2,
  BAD_TTY = -3,
  BAD_ARGUMENT_COUNT = -4,
  UNTERMINATED_ARGUMENT = -5,
  BAD_LIMIT_COUNT = -6,
  BAD_LIMIT_ID = -7,
  UNTERMINATED_USER = -8,
  UNTERMINATED_LANG = -9,
}

/** Validates a request of which `have` bytes are at `at`. A client's mistake never traps. */
export function judge(at: usize, have: u32): Verdict {
  if (have < REQUEST_BYTES) return Verdict.NEED_MORE;
  if (have > REQUEST_BYTES) return Verdict.TOO_LONG;
  for (let fault = Verdict.BAD_VERSION; fault >= Verdict.UNTERMINATED_LANG; fault--) if (suffersFrom(at, fault)) return fault;
  return Verdict.WHOLE;
}

/** Whether a request of the right size has this fault, whatever other faults it has. */
export function suffersFrom(at: usize, fault: Verdict): bool {
  switch (fault) {
    case Verdict.BAD_VERSION: return load<i32>(at + AT_VERSION) != VERSION;
    case Verdict.BAD_TTY: return load<u32>(at + AT_TTY) > <u32>TTY_MAX;
    case Verdict.BAD_ARGUMENT_COUNT: return load<u32>(at + AT_ARGUMENT_COUNT) > ARGUMENTS_BYTES;
    case Verdict.UNTERMINATED_ARGUMENT: return argumentsEnd(at, load<u32>(at + AT_ARGUMENT_COUNT)) == 0;
    case Verdict.BAD_LIMIT_COUNT: return load<u32>(at + AT_LIMIT_COUNT) > <u32>LIMITS_MAX;
    case Verdict.BAD_LIMIT_ID: {
      for (let i: u32 = 0; i < limitsUsed(at); i++) if (limitIdIsBad(at, i)) return true;
      return false;
    }
    case Verdict.UNTERMINATED_USER: return afterString(at + AT_USER, at + AT_USER + USER_BYTES) == 0;
    case Verdict.UNTERMINATED_LANG: return afterString(at + AT_LANG, at + AT_LANG + LANG_BYTES) == 0;
    default: return false;
  }
}

/** Number of limits in a request, at most LIMITS_MAX. */
export function limitsUsed(at: usize): u32 { return min(load<u32>(at + AT_LIMIT_COUNT), <u32>LIMITS_MAX); }
export function limitIdIsBad(at: usize, index: u32): bool { return load<u32>(limitAt(at, index) + LIMIT_ID) > <u32>LIMIT_ID_MAX; }

export function limitAt(at: usize, index: u32): usize { return at + AT_LIMITS + index * LIMIT_BYTES; }

/** Returns the offset behind the last of `count` arguments; 0 if one is not terminated inside the field. */
function argumentsEnd(at: usize, count: u32): usize {
  const end = at + AT_ARGUMENTS + ARGUMENTS_BYTES;
  let next = at + AT_ARGUMENTS;
  for (; count > 0; count--) if ((next = afterString(next, end)) == 0) return 0;
  return next;
}

/** Size of a valid request's arguments, with their NULs. */
export function argumentsSize(at: usize): u32 {
  return <u32>(argumentsEnd(at, load<u32>(at + AT_ARGUMENT_COUNT)) - at - AT_ARGUMENTS);
}

/** An empty request: version 1, everything else zero. */
export function beginRequest(at: usize, tty: bool): void {
  memory.fill(at, 0, REQUEST_BYTES);
  store<i32>(at + AT_VERSION, VERSION);
  store<i32>(at + AT_TTY, tty);
}

/** Appends an argument at `next` (0: the first). Returns the offset of the following one, or 0 if it does not fit. */
export function putArgument(at: usize, next: usize, text: usize): usize {
  if (next == 0) next = at + AT_ARGUMENTS;
  const size = stringLength(text) + 1;
  if (next + size > at + AT_ARGUMENTS + ARGUMENTS_BYTES) return 0;
  memory.copy(next, text, size);
  store<i32>(at + AT_ARGUMENT_COUNT, load<i32>(at + AT_ARGUMENT_COUNT) + 1);
  return next + size;
}

export function putLimit(at: usize, id: i32, soft: u64, hard: u64): void {
  const count = load<u32>(at + AT_LIMIT_COUNT);
  assert(count < <u32>LIMITS_MAX, "more limits than a request holds");
  const entry = limitAt(at, count);
  store<i32>(entry + LIMIT_ID, id);
  store<u64>(entry + LIMIT_SOFT, soft);
  store<u64>(entry + LIMIT_HARD, hard);
  store<u32>(at + AT_LIMIT_COUNT, count + 1);
}

/** False if the text with its NUL does not fit the field. */
export function putUser(at: usize, text: usize): bool { return putField(at + AT_USER, text, USER_BYTES); }
export function putLang(at: usize, text: usize): bool { return putField(at + AT_LANG, text, LANG_BYTES); }

function putField(field: usize, text: usize, size: u32): bool {
  const length = stringLength(text);
  if (length >= size) return false;
  memory.copy(field, text, length);
  return true;
}
