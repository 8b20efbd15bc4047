/** Options of update, and linux.resources as a JSON text of what they ask for. */
import { claim } from "../../../boundary/wasi";
import { afterDigits, digitsValue, equals, isDigit, putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { die } from "../files/end";

/** In the order of their objects: --memory… of memory, --cpu… of cpu, --pids-limit of pids, --blkio-weight of blockIO. */
const NAMES = 14, FIRST_CPU = 3, FIRST_LIST = 10, PIDS = 12, BLOCK_IO = 13;
const given = memory.data(NAMES * 4, 4);

function nameOf(index: i32): string {
  switch (index) {
    case 0: return "--memory";
    case 1: return "--memory-reservation";
    case 2: return "--memory-swap";
    case 3: return "--cpu-period";
    case 4: return "--cpu-quota";
    case 5: return "--cpu-share";
    case 6: return "--cpu-burst";
    case 7: return "--cpu-rt-period";
    case 8: return "--cpu-rt-runtime";
    case 9: return "--cpu-idle";
    case 10: return "--cpuset-cpus";
    case 11: return "--cpuset-mems";
    case 12: return "--pids-limit";
    default: return "--blkio-weight";
  }
}

function memberOf(index: i32): string {
  switch (index) {
    case 0: return "limit";
    case 1: return "reservation";
    case 2: return "swap";
    case 3: return "period";
    case 4: return "quota";
    case 5: return "shares";
    case 6: return "burst";
    case 7: return "realtimePeriod";
    case 8: return "realtimeRuntime";
    case 9: return "idle";
    case 10: return "cpus";
    case 11: return "mems";
    case 12: return "limit";
    default: return "weight";
  }
}

function objectOf(index: i32): string {
  return index < FIRST_CPU ? "memory" : index < PIDS ? "cpu" : index < BLOCK_IO ? "pids" : "blockIO";
}

export const UPDATE_OPTIONS: i32 = NAMES;
export function updateOption(index: i32): string { return nameOf(index); }
export function giveUpdate(index: i32, value: usize): void { store<u32>(given + index * 4, <u32>value); }

function valueAt(index: i32): usize { return <usize>load<u32>(given + index * 4); }

/** Whether any was given. */
export function hasUpdate(): bool {
  for (let i = 0; i < NAMES; i++) if (valueAt(i) != 0) return true;
  return false;
}

/** The text, and its bytes in `updateSize`. */
export let updateSize: u32 = 0;
export function updateText(): usize {
  let size: u32 = 64;
  for (let i = 0; i < NAMES; i++) size += valueAt(i) == 0 ? 0 : stringLength(valueAt(i)) + 64;
  const text = claim(size);
  let to = putText(text, "{");
  for (let i = 0; i < NAMES; i++) {
    if (valueAt(i) == 0) continue;
    const begins = !isOpen(i);
    if (begins) to = putText(putText(putText(to, load<u8>(to - 1) == 0x7b ? "\"" : "},\""), objectOf(i)), "\":{\"");
    else to = putText(to, ",\"");
    to = putText(putText(to, memberOf(i)), "\":");
    to = i == FIRST_LIST || i == FIRST_LIST + 1 ? putList(to, i) : putNumber(to, i);
  }
  to = putText(to, "}}");
  updateSize = <u32>(to - text);
  return text;
}

/** Whether the object has a member before this one. */
function isOpen(index: i32): bool {
  for (let i = 0; i < index; i++) if (valueAt(i) != 0 && objectOf(i) == objectOf(index)) return true;
  return false;
}

function putList(to: usize, index: i32): usize {
  const text = valueAt(index);
  for (let at = text; load<u8>(at) != 0; at++) {
    const byte = load<u8>(at);
    if (!isDigit(byte) && byte != 0x2c && byte != 0x2d) die("not a list of numbers, as 0-2,5:", text);
  }
  return putText(putCopy(putText(to, "\""), text), "\"");
}

/** A whole number; of bytes with k, m or g behind it. */
function putNumber(to: usize, index: i32): usize {
  const text = valueAt(index), isNegative = load<u8>(text) == 0x2d, from = isNegative ? text + 1 : text, end = afterDigits(from);
  const unit = load<u8>(end) | 0x20;
  const shift: u64 = index >= FIRST_CPU || load<u8>(end) == 0 ? 0 : unit == 0x6b ? 10 : unit == 0x6d ? 20 : unit == 0x67 ? 30 : 0;
  const rest = shift > 0 ? end + 1 : end;
  if (end == from || load<u8>(rest) != 0 && !equals(rest, "b") && !equals(rest, "B")) die("not a whole number:", text);
  const number = digitsValue(from, end);
  if (number > <u64>i64.MAX_VALUE >> shift) die("this number is too large:", text);
  return putDigits(isNegative ? putText(to, "-") : to, number << shift);
}
