/** Numbers of system calls by name: binary search in the table of syscalls.ts. */
import { isDigit } from "../text";
import { SYSCALLS } from "./syscalls";

/** The columns of the table. */
export const enum CallTable { X86_64, X86, X32, AARCH64, RISCV64, COUNT }

const NAMES_MAX: u32 = 640;
/** The offset of each name in SYSCALLS, in the table's order. */
const index = memory.data(NAMES_MAX * 2, 2);
let names: u32 = 0;

const SPACE: u16 = 0x20, NEWLINE: u16 = 0x0a, COMMA: u16 = 0x2c;

function letter(at: u32): u16 { return <u16>SYSCALLS.charCodeAt(at); }

function makeIndex(): void {
  let begins = true;
  for (let at: u32 = 0; at < <u32>SYSCALLS.length; at++) {
    const here = letter(at);
    if (here == SPACE && begins || here == NEWLINE) continue;
    if (begins) {
      assert(names < NAMES_MAX, "more system calls than the index has room for");
      store<u16>(index + names++ * 2, <u16>at);
    }
    begins = here == COMMA;
  }
}

/** Negative, 0 or positive when the name is before, equal to or after the entry's. */
function compare(name: usize, size: u32, entry: u32): i32 {
  for (let i: u32 = 0; i < size; i++) {
    const there = letter(entry + i);
    // The table's name is the shorter one.
    if (there == SPACE) return 1;
    const difference = <i32>load<u8>(name + i) - <i32>there;
    if (difference != 0) return difference;
  }
  return letter(entry + size) == SPACE ? 0 : -1;
}

/** The index of the call with this name, for `callNumber`; -1 for an unknown name. */
export function findCall(name: usize, size: u32): i32 {
  if (names == 0) makeIndex();
  let low: u32 = 0, high = names;
  while (low < high) {
    const middle = (low + high) >> 1, entry: u32 = load<u16>(index + middle * 2);
    const order = compare(name, size, entry);
    if (order == 0) return entry;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1;
}

/** The call's number on an architecture; -1 when the architecture does not have the call. */
export function callNumber(call: i32, table: CallTable): i32 {
  let at = <u32>call;
  for (let spaces = 0; spaces <= table; at++) if (letter(at) == SPACE) spaces++;
  if (!isDigit(<u8>letter(at))) return -1;
  let number = 0;
  for (; isDigit(<u8>letter(at)); at++) number = number * 10 + <i32>letter(at) - 0x30;
  return number;
}
