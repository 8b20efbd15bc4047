/** iomux-link [-v] [-w CURSOR_FILE] DIRECTORY, in any order, as getopt(3) takes it. */
import { argument, argumentsGiven } from "../../boundary/wasi";
import { equals } from "../../lib/text";

const MINUS: u8 = 0x2d, LETTER_W: u8 = 0x77;

/** What the command line asks for. */
export namespace options {
  /** 0 without one. */
  export let directory: usize = 0;
  /** 0 without -w: positions are neither read nor saved. */
  export let cursorFile: usize = 0;
  /** Index of the invalid argument; 0 without one. */
  export let badIndex: i32 = 0;
  export let helpWanted: bool = false;
  /** Report on stderr that a signal killed the job, also where stderr is no terminal. */
  export let verbose: bool = false;
}

/** Reads the command line; false: see `badIndex` and `helpWanted`. */
export function parse(): bool {
  let onlyOperands = false;
  for (let index = 1; index < argumentsGiven(); index++) {
    const text = argument(index);
    if (onlyOperands || load<u8>(text) != MINUS || load<u8>(text + 1) == 0) {
      if (options.directory != 0) return refuse(index);
      options.directory = text;
    } else if (equals(text, "--")) {
      onlyOperands = true;
    } else if (equals(text, "-h") || equals(text, "--help")) {
      options.helpWanted = true;
      return false;
    } else if (equals(text, "-v") || equals(text, "--verbose")) {
      options.verbose = true;
    } else if (load<u8>(text + 1) == LETTER_W) {
      options.cursorFile = load<u8>(text + 2) != 0 ? text + 2 : argument(++index);
      if (options.cursorFile == 0 || load<u8>(options.cursorFile) == 0) return refuse(index - 1);
    } else {
      return refuse(index);
    }
  }
  return options.directory != 0;
}

function refuse(index: i32): bool {
  options.badIndex = index;
  return false;
}
