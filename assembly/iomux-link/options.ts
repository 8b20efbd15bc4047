/** iomux-link [-w CURSOR_FILE] DIRECTORY, in any order, as getopt(3) takes it. */
import { argument, argumentsGiven } from "../wasi";
import { equals } from "../shared/bytes";

const MINUS: u8 = 0x2d, LETTER_W: u8 = 0x77;

/** 0 when none was given. */
export let directory: usize = 0;
/** 0: positions are neither read nor saved. */
export let cursorFile: usize = 0;
/** Index of the argument that makes no sense; 0 when all do. */
export let badIndex: i32 = 0;
export let helpWanted: bool = false;

/** Reads the command line; false: see `badIndex` and `helpWanted`. */
export function parse(): bool {
  let onlyOperands = false;
  for (let index = 1; index < argumentsGiven(); index++) {
    const text = argument(index);
    if (onlyOperands || load<u8>(text) != MINUS || load<u8>(text + 1) == 0) {
      if (directory != 0) return refuse(index);
      directory = text;
    } else if (equals(text, "--")) {
      onlyOperands = true;
    } else if (equals(text, "-h") || equals(text, "--help")) {
      helpWanted = true;
      return false;
    } else if (load<u8>(text + 1) == LETTER_W) {
      cursorFile = load<u8>(text + 2) != 0 ? text + 2 : argument(++index);
      if (cursorFile == 0 || load<u8>(cursorFile) == 0) return refuse(index - 1);
    } else {
      return refuse(index);
    }
  }
  return directory != 0;
}

function refuse(index: i32): bool {
  badIndex = index;
  return false;
}
