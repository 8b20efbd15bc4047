/**
 * Lines that podman writes to the FIFOs `ctl` and `winsz` in the bundle: "1 ROWS COLUMNS" resizes the terminal, "2 0 0" opens the
 * log file again; `winsz` has "ROWS COLUMNS". A line that says anything else is dropped.
 */
import { makeFifo, open, OPEN_BOTH, read, READ, watch } from "../../boundary/shim";
import { EAGAIN, EEXIST } from "../../lib/errno";
import { afterDigits, digitsValue } from "../../lib/text";
import { joinText, Place } from "./words";

const LINE_BYTES: u32 = 128;
const BLANK: u8 = 0x20, NEWLINE: u8 = 0x0a;
const FIFO_MODE: u32 = 0o660;
/** conmon 2.2 refuses larger terminals. */
const CELLS_MAX: u64 = 1000;

export const enum Control { NONE, RESIZE, REOPEN_LOG }

@unmanaged class Fifo {
  handle: i32;
  used: u32;
  /** The line is longer than any that means something: dropped up to its end. */
  overflowing: bool;
  line: usize;
}

const fifos = memory.data(2 * offsetof<Fifo>(), 8);
const lines = memory.data(2 * LINE_BYTES);

export namespace windowSize {
  export let rows: i32 = 0;
  export let columns: i32 = 0;
}

function fifo(index: u32): Fifo { return changetype<Fifo>(fifos + index * offsetof<Fifo>()); }
function nameOf(index: u32): string { return index == 0 ? "/ctl" : "/winsz"; }

/** 0, or the negated errno of the FIFO that could not be made. */
export function openControls(bundle: usize): i32 {
  for (let index: u32 = 0; index < 2; index++) {
    const it = fifo(index), path = joinText(Place.FIRST, bundle, nameOf(index));
    it.line = lines + index * LINE_BYTES;
    const made = makeFifo(path, FIFO_MODE);
    if (made < 0 && made != -EEXIST) return made;
    // Open for writing, too: it never is at its end when a writer goes.
    it.handle = open(path, OPEN_BOTH);
    if (it.handle < 0) return it.handle;
    watch(it.handle, READ);
  }
  return 0;
}

export function isControl(handle: i32): bool { return handle == fifo(0).handle || handle == fifo(1).handle; }

/** Reads what is there; what the last whole line asks for. */
export function readControl(handle: i32): Control {
  const index: u32 = handle == fifo(0).handle ? 0 : 1, it = fifo(index);
  const got = read(handle, it.line + it.used, LINE_BYTES - it.used);
  // What cannot be read would be ready for ever.
  if (got < 0 && got != -EAGAIN) watch(handle, 0);
  if (got <= 0) return Control.NONE;
  it.used += got;
  let asked = Control.NONE, start = it.line;
  const end = it.line + it.used;
  for (let at = it.line; at < end; at++) {
    if (load<u8>(at) != NEWLINE) continue;
    store<u8>(at, 0);
    if (!it.overflowing) asked = max(asked, index == 0 ? parseControl(start) : parseSize(start));
    it.overflowing = false;
    start = at + 1;
  }
  it.used = <u32>(end - start);
  memory.copy(it.line, start, it.used);
  if (it.used < LINE_BYTES) return asked;
  it.overflowing = true;
  it.used = 0;
  return asked;
}

function parseControl(at: usize): Control {
  const end = afterDigits(at);
  if (end == at || load<u8>(end) != BLANK) return Control.NONE;
  switch (<u32>digitsValue(at, end)) {
    case 1: return parseSize(end + 1);
    case 2: return Control.REOPEN_LOG;
    default: return Control.NONE;
  }
}

function parseSize(at: usize): Control {
  const middle = afterDigits(at);
  if (middle == at || load<u8>(middle) != BLANK) return Control.NONE;
  const end = afterDigits(middle + 1);
  // What stands behind a blank does not count, as in conmon.
  if (end == middle + 1 || load<u8>(end) != 0 && load<u8>(end) != BLANK) return Control.NONE;
  const height = digitsValue(at, middle), width = digitsValue(middle + 1, end);
  if (height > CELLS_MAX || width > CELLS_MAX) return Control.NONE;
  windowSize.rows = <i32>height;
  windowSize.columns = <i32>width;
  return Control.RESIZE;
}
