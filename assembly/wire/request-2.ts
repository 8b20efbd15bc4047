/**
 * wsh → wshd: the request of protocol 2, 13,736 bytes. docs/reference/protocol.md §6
 *
 *      0  version            i32, 2
 *      4  tty                i32, 1 for a pty, else 0
 *      8  rows               i32, the pty's first size; 0 leaves the kernel's
 *     12  columns            i32
 *     16  umask              i32; -1 for 022
 *     20  argument bytes     i32, of the arguments in the block; 0 asks for the user's login shell
 *     24  environment bytes  i32, of the variables behind them
 *     28  limit count        i32
 *     32  limits             16 of: id i32, (4 bytes), soft u64, hard u64
 *    416  descriptor count   i32, descriptors that the command gets from number 3 on
 *    420  (4 bytes)
 *    424  user               u8[1024], "USER[:GROUP][,GROUP…]", names or numbers; an empty USER is root
 *   1448  directory          u8[4096], NUL-terminated, as all texts; empty for the user's home
 *   5544  path               u8[4096], where the command is searched; empty for the user's usual PATH
 *   9640  command            u8[4096], the file to execute
 *
 * With the bytes behind the version travel descriptors: the block, if it has bytes, then the command's. The block is a sealed
 * memfd: the arguments, then the variables "NAME=VALUE", NUL-terminated, back to back.
 */
import { afterString, stringLength } from "../lib/text";
import { LIMIT_BYTES, LIMIT_HARD, LIMIT_ID, LIMIT_ID_MAX, LIMIT_SOFT, LIMITS_MAX, TTY_MAX, Verdict } from "./request";

export const VERSION_2: i32 = 2;
/** struct winsize has 16 bits for each. ioctl_tty(2) */
export const SIZE_MAX: i32 = 65_535;
export const UMASK_DEFAULT: i32 = -1;
export const UMASK_MAX: i32 = 0o777;
/** execve(2) takes no more, whatever the limit of the stack: three quarters of 8 MiB. */
export const BLOCK_BYTES_MAX: i32 = 6 << 20;
export const DESCRIPTORS_MAX: i32 = 16;
export const USER_2_BYTES: u32 = 1024;
/** PATH_MAX */
export const PATH_BYTES: u32 = 4096;

export const AT_2_VERSION: u32 = 0;
export const AT_2_TTY: u32 = AT_2_VERSION + 4;
export const AT_2_ROWS: u32 = AT_2_TTY + 4;
export const AT_2_COLUMNS: u32 = AT_2_ROWS + 4;
export const AT_2_UMASK: u32 = AT_2_COLUMNS + 4;
export const AT_2_ARGUMENT_BYTES: u32 = AT_2_UMASK + 4;
export const AT_2_ENVIRONMENT_BYTES: u32 = AT_2_ARGUMENT_BYTES + 4;
export const AT_2_LIMIT_COUNT: u32 = AT_2_ENVIRONMENT_BYTES + 4;
export const AT_2_LIMITS: u32 = AT_2_LIMIT_COUNT + 4;
export const AT_2_DESCRIPTOR_COUNT: u32 = AT_2_LIMITS + <u32>LIMITS_MAX * LIMIT_BYTES;
export const AT_2_USER: u32 = AT_2_DESCRIPTOR_COUNT + 4 + 4;
export const AT_2_DIRECTORY: u32 = AT_2_USER + USER_2_BYTES;
export const AT_2_PATH: u32 = AT_2_DIRECTORY + PATH_BYTES;
export const AT_2_COMMAND: u32 = AT_2_PATH + PATH_BYTES;
export const REQUEST_2_BYTES: u32 = AT_2_COMMAND + PATH_BYTES;
if (AT_2_USER != 424 || AT_2_COMMAND != 9640 || REQUEST_2_BYTES != 13736) ERROR("the request's layout is not the wire's");

/** Reasons beside `Verdict`'s. */
export const BAD_VERSION_2: i32 = -19, BAD_SIZE: i32 = -20, BAD_UMASK: i32 = -21;
export const BAD_BLOCK_SIZE: i32 = -22, BAD_DESCRIPTOR_COUNT: i32 = -23;
export const UNTERMINATED_DIRECTORY: i32 = -24, UNTERMINATED_PATH: i32 = -25, UNTERMINATED_COMMAND: i32 = -26;

/** Where the fields stand that can be wrong. */
const FIELDS: u32 = 14;
const fields = memory.data<u32>([
  AT_2_VERSION, AT_2_TTY, AT_2_ROWS, AT_2_COLUMNS, AT_2_UMASK, AT_2_ARGUMENT_BYTES, AT_2_ENVIRONMENT_BYTES, AT_2_LIMIT_COUNT,
  AT_2_LIMITS, AT_2_DESCRIPTOR_COUNT, AT_2_USER, AT_2_DIRECTORY, AT_2_PATH, AT_2_COMMAND,
]);

/** Validates a request of which `have` bytes are at `at`: `Verdict`, or a reason of above. A client's mistake never traps. */
export function judge2(at: usize, have: u32): i32 {
  if (have < REQUEST_2_BYTES) return Verdict.NEED_MORE;
  if (have > REQUEST_2_BYTES) return Verdict.TOO_LONG;
  for (let i: u32 = 0; i < FIELDS; i++) {
    const fault = faultIn(at, load<u32>(fields + i * 4));
    if (fault != 0) return fault;
  }
  return Verdict.WHOLE;
}

/** What is wrong with the field at this offset of a request of the right size; 0 if nothing is. */
export function faultIn(at: usize, field: u32): i32 {
  switch (field) {
    case AT_2_VERSION: return load<i32>(at + field) != VERSION_2 ? BAD_VERSION_2 : 0;
    case AT_2_TTY: return isOutside(at + field, 0, TTY_MAX) ? <i32>Verdict.BAD_TTY : 0;
    case AT_2_ROWS: case AT_2_COLUMNS: return isOutside(at + field, 0, SIZE_MAX) ? BAD_SIZE : 0;
    case AT_2_UMASK: return isOutside(at + field, UMASK_DEFAULT, UMASK_MAX) ? BAD_UMASK : 0;
    case AT_2_ARGUMENT_BYTES: case AT_2_ENVIRONMENT_BYTES: return isOutside(at + field, 0, BLOCK_BYTES_MAX) ? BAD_BLOCK_SIZE : 0;
    case AT_2_LIMIT_COUNT: return isOutside(at + field, 0, LIMITS_MAX) ? <i32>Verdict.BAD_LIMIT_COUNT : 0;
    case AT_2_LIMITS: {
      for (let i: u32 = 0; i < limitsUsed2(at); i++) if (limitIdIsBad2(at, i)) return Verdict.BAD_LIMIT_ID;
      return 0;
    }
    case AT_2_DESCRIPTOR_COUNT: return isOutside(at + field, 0, DESCRIPTORS_MAX) ? BAD_DESCRIPTOR_COUNT : 0;
    case AT_2_USER: return hasNoEnd(at + field, USER_2_BYTES) ? <i32>Verdict.UNTERMINATED_USER : 0;
    case AT_2_DIRECTORY: return hasNoEnd(at + field, PATH_BYTES) ? UNTERMINATED_DIRECTORY : 0;
    case AT_2_PATH: return hasNoEnd(at + field, PATH_BYTES) ? UNTERMINATED_PATH : 0;
    case AT_2_COMMAND: return hasNoEnd(at + field, PATH_BYTES) ? UNTERMINATED_COMMAND : 0;
    default: return 0;
  }
}

function isOutside(at: usize, low: i32, high: i32): bool { return load<i32>(at) < low || load<i32>(at) > high; }
function hasNoEnd(at: usize, size: u32): bool { return afterString(at, at + size) == 0; }

/** Number of limits in a request, at most LIMITS_MAX. */
export function limitsUsed2(at: usize): u32 { return min(load<u32>(at + AT_2_LIMIT_COUNT), <u32>LIMITS_MAX); }
export function limitAt2(at: usize, index: u32): usize { return at + AT_2_LIMITS + index * LIMIT_BYTES; }
export function limitIdIsBad2(at: usize, index: u32): bool { return load<u32>(limitAt2(at, index) + LIMIT_ID) > <u32>LIMIT_ID_MAX; }

/** An empty request: root's login shell, without a pty. */
export function beginRequest2(at: usize): void {
  memory.fill(at, 0, REQUEST_2_BYTES);
  store<i32>(at + AT_2_VERSION, VERSION_2);
  store<i32>(at + AT_2_UMASK, UMASK_DEFAULT);
}

export function putLimit2(at: usize, id: i32, soft: u64, hard: u64): void {
  const count = load<u32>(at + AT_2_LIMIT_COUNT);
  assert(count < <u32>LIMITS_MAX, "more limits than a request holds");
  const entry = limitAt2(at, count);
  store<i32>(entry + LIMIT_ID, id);
  store<u64>(entry + LIMIT_SOFT, soft);
  store<u64>(entry + LIMIT_HARD, hard);
  store<u32>(at + AT_2_LIMIT_COUNT, count + 1);
}

/** Puts a text in the field of `size` bytes at `field`; false if the text with its NUL does not fit. */
export function putText2(at: usize, field: u32, size: u32, text: usize): bool {
  const length = stringLength(text);
  if (length >= size) return false;
  memory.copy(at + field, text, length + 1);
  return true;
}
