/** The resource limits that a client sends: RLIMIT_* of its environment, else the defaults. docs/reference/protocol.md §1 */
import { variable } from "../../boundary/wasi";
import { afterDigits, digitsValue } from "../../lib/text";
import { limitDefault, limitName, LIMITS_SENT, sentId, UNLIMITED } from "../../wire/rlimits";
import { putLimit } from "../../wire/request";
import { putLimit2 } from "../../wire/request-2";

const SPACE: u8 = 0x20, TAB: u8 = 0x09, MINUS: u8 = 0x2d;

/** Name of the invalid variable; empty without one. */
export let badVariable: string = "";

/** Puts all limits into the request at `at`, in the order in which an original client sends them. */
export function putLimits(at: usize): bool {
  for (let i: u32 = 0; i < LIMITS_SENT; i++) if (!put(at, sentId(i))) return false;
  return true;
}

/** Set by `parse`. */
let soft: u64 = 0, hard: u64 = 0;

/** Puts the limits that the environment names into the request of protocol 2 at `at`. */
export function putLimits2(at: usize): bool {
  for (let i: u32 = 0; i < LIMITS_SENT; i++) {
    const id = sentId(i), name = limitName(id), text = variable(name);
    if (text == 0) continue;
    if (!parse(text)) {
      badVariable = name;
      return false;
    }
    putLimit2(at, id, soft, hard);
  }
  return true;
}

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

/** Returns the offset behind a number; 0 without one, or if anything but a space follows. */
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
  // -1 is the only valid negative number.
  return end == at + 1 && load<u8>(at) == 0x31 ? end : 0;
}
