/** wsh [--socket PATH] [--user USER] [--tty ROWSxCOLUMNS] [--raise] [--rsh] [COMMAND [ARG…]] */
import { argument, argumentsGiven } from "../wasi";
import { afterDigits, digitsValue, equals, stringLength } from "../shared/bytes";

const MINUS: u8 = 0x2d, LETTER_X: u8 = 0x78;
/** What the kernel keeps a terminal's size in: struct winsize, ioctl_tty(2). */
const SIZE_MAX: u64 = 65_535;

/** 0: the default path. */
export let socketPath: usize = 0;
/** 0: root. */
export let user: usize = 0;
/** Size of the terminal that is wanted although stdin is none; 0: none is. */
export let rows: i32 = 0, columns: i32 = 0;
/** The signal that killed the command kills us, too: whoever waits for us learns it from wait(2). */
export let raising: bool = false;
/** Index of the command's first argument; `argumentsGiven()` when there is none. */
export let commandIndex: i32 = 1;
/** Index of the argument that makes no sense; 0 when all do. */
export let badIndex: i32 = 0;
export let helpWanted: bool = false;

function isOption(index: i32): bool {
  const at = argument(index);
  return at != 0 && load<u8>(at) == MINUS;
}

/** Reads the command line; false: see `badIndex` and `helpWanted`. */
export function parse(): bool {
  let index = 1;
  while (isOption(index)) {
    const option = argument(index), value = argument(index + 1);
    if (equals(option, "--")) {
      index++;
      break;
    }
    if (equals(option, "-h") || equals(option, "--help")) {
      helpWanted = true;
      return false;
    }
    if (equals(option, "--rsh")) {
      index = parseRsh(index + 1);
      break;
    }
    if (equals(option, "--raise")) {
      raising = true;
      index++;
      continue;
    }
    if (value == 0) return refuse(index);
    if (equals(option, "--socket")) socketPath = value;
    else if (equals(option, "--user")) user = value;
    else if (!equals(option, "--tty") || !parseSize(value)) return refuse(index);
    index += 2;
  }
  commandIndex = min(index, argumentsGiven());
  return badIndex == 0;
}

/** "24x80" */
function parseSize(text: usize): bool {
  const end = afterDigits(text);
  if (end == text || load<u8>(end) != LETTER_X) return false;
  const last = afterDigits(end + 1);
  if (last == end + 1 || load<u8>(last) != 0) return false;
  const high = digitsValue(text, end), wide = digitsValue(end + 1, last);
  rows = <i32>high;
  columns = <i32>wide;
  return high >= 1 && high <= SIZE_MAX && wide >= 1 && wide <= SIZE_MAX;
}

/** [-46dn] [-l USER] [-t TIMEOUT] HOST [COMMAND…], as rsh(1) gets it; where the command begins. */
function parseRsh(index: i32): i32 {
  while (isOption(index)) {
    const option = argument(index);
    const letter = stringLength(option) == 2 ? load<u8>(option + 1) : 0;
    switch (letter) {
      case 0x34: case 0x36: case 0x64: case 0x6e: // 4 6 d n
        index++;
        break;
      case 0x6c: // l
        user = argument(index + 1);
        if (user == 0) refuse(index);
        index += 2;
        break;
      case 0x74: // t
        if (argument(index + 1) == 0) refuse(index);
        index += 2;
        break;
      default:
        refuse(index);
        return index;
    }
  }
  if (argument(index) == 0) refuse(index - 1);
  return index + 1;
}

function refuse(index: i32): bool {
  if (badIndex == 0) badIndex = index;
  return false;
}
