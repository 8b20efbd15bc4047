/** The resource limits that a client sends: its environment's RLIMIT_*, else these. docs/protocol.md §1 */
import { variable } from "../wasi";
import { afterDigits, digitsValue } from "../shared/bytes";
import { limitDefault, limitName, LIMITS_SENT, sentId, UNLIMITED } from "../wire/limits";
import { putLimit } from "../wire/request";

const SPACE: u8 = 0x20, TAB: u8 = 0x09, MINUS: u8 = 0x2d;

/** Name of the variable that made no sense; empty while all do. */
export let badVariable: string = "";

/** Puts all limits into the request at `at`, in the order in which an original client sends them. */
export function putLimits(at: usize): bool {
  for (let i: u32 = 0; i < LIMITS_SENT; i++) if (!put(at, sentId(i))) return false;
  return true;
}

/** Set by `parse`. */
let soft: u64 = 0, hard: u64 = 0;

function put(at: usize, id: i32): bool {
  const name = limitName(id);
  soft = hard = limitDefault(id);
  const text = variable(name);
  if (text != 0 && !parse(text)) {
    badVariable = name;
    return false;
  }
  putLimit(at, id, soft, hard);
  return true;
}

/** "SOFT HARD", or "N" for both; -1 is unlimited. */
function parse(text: usize): bool {
  let next = afterNumber(skipSpace(text));
  if (next == 0) return false;
  soft = hard = number;
  next = skipSpace(next);
  if (load<u8>(next) == 0) return true;
  next = afterNumber(next);
  if (next == 0) return false;
  hard = number;
  return load<u8>(skipSpace(next)) == 0;
}

function skipSpace(at: usize): usize {
  while (load<u8>(at) == SPACE || load<u8>(at) == TAB) at++;
  return at;
}

/** Set by `afterNumber`. */
let number: u64 = 0;

/** Where a number ends; 0 when there is none, or anything but space stuck to it. */
function afterNumber(at: usize): usize {
  const minus = load<u8>(at) == MINUS;
  if (minus) at++;
  const end = afterDigits(at);
  if (end == at) return 0;
  number = digitsValue(at, end);
  const next = load<u8>(end);
  if (next != 0 && next != SPACE && next != TAB) return 0;
  if (!minus) return end;
  number = UNLIMITED;
  // -1 is the only negative number that means something.
  return end == at + 1 && load<u8>(at) == 0x31 ? end : 0;
}
