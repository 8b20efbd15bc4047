/** The program's own streams: whether they are terminals, and whether the command gets one. */
import { adoptFd, CAN_WRITE, handleType, windowSize } from "../../boundary/shim";
import { EPIPE } from "../../lib/errno";
import { Flow, isTerminal, Relay } from "../../lib/relay";
import { options } from "./options";
import { Pty, ssh } from "./ssh";

/** Size of a pty without a terminal: a VT100's. */
const ROWS_DEFAULT: i32 = 24, COLUMNS_DEFAULT: i32 = 80;
/** Capacity of the pipes to and from the command: larger pipes need fewer turns. */
export const PIPE_BYTES: u32 = 1 << 18;
/** More than a pty ever holds: 64 KiB on the way, 4 KiB to be read. */
export const PTY_BYTES_MAX: u32 = 1 << 17;
/** stdout, once it is adopted. */
let localOutput: i32 = -1;

export function hasNoInput(): bool { return options.isSsh ? ssh.noInput : options.noInput; }

/** Whether the command gets a pty. */
export function wantsPty(stdinIsTerminal: bool): bool {
  if (!options.isSsh) return options.rows > 0 || (stdinIsTerminal && !options.noTty && !options.noInput);
  if (ssh.pty == Pty.ALWAYS) return true;
  if (!stdinIsTerminal || ssh.pty == Pty.NEVER) return false;
  if (ssh.pty == Pty.AT_TERMINAL) return true;
  return ssh.line == 0 && isTerminal(adoptOutput());
}

/** Adopted only once: a second time the descriptor is closed. */
export function adoptOutput(): i32 {
  if (localOutput < 0) localOutput = adoptFd(1);
  return localOutput;
}

/** The first size of the command's pty. */
export namespace firstSize {
  export let rows: i32 = ROWS_DEFAULT, columns: i32 = COLUMNS_DEFAULT;
}
const size = memory.data(8, 4);

/** Decides the first size: that of the terminal `local`, or with -1 that of --tty. */
export function decideFirstSize(local: i32): void {
  if (local < 0 && options.rows > 0) {
    firstSize.rows = options.rows;
    firstSize.columns = options.columns;
  }
  if (local < 0 || windowSize(local, size) < 0) return;
  firstSize.rows = load<i32>(size);
  firstSize.columns = load<i32>(size + 4);
}

/** The errno of a stream that broke off; 0 if it did not, or if its reader closed it. */
export function lossOf(relay: Relay): i32 { return relay.flow == Flow.BROKEN && relay.error != -EPIPE ? relay.error : 0; }

/** Without the descriptor at start, the host puts an unwritable one in its place. */
export function isMissing(handle: i32): bool {
  const what = handleType(handle);
  return what >= 0 && (what & CAN_WRITE) == 0;
}
