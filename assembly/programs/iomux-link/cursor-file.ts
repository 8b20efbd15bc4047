/** The cursor file: where the last link stopped. It is replaced by rename(2), so that no crash leaves half a file. */
import { close, open, OPEN_READ, OPEN_REPLACE, read, rename, write } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { putCopy, putText, stringLength } from "../../lib/text";
import { ENOENT, ENOSPC } from "../../lib/errno";
import { fail, printError } from "../../lib/diagnostics";
import { CURSORS_BYTES, position, putPosition } from "../../wire/stream";
import { EXIT_UNKNOWN } from "../../wire/status";

const ENDING = ".new";
/** Room for one byte more than a cursor file, to detect a longer one. */
const cursors = memory.data(CURSORS_BYTES + 1, 4);

let path: usize = 0, newPath: usize = 0;
let failureReported: bool = false;

/** The positions in the file. */
export namespace saved {
  export let stdout: u32 = 0, stderr: u32 = 0;
  /** Whether the file has been read or written. */
  export let known: bool = false;
}

/** Reads the file, if there is one. Ends the program when it is not a cursor file. */
export function loadCursor(file: usize): void {
  path = file;
  newPath = claim(stringLength(file) + ENDING.length + 1);
  putText(putCopy(newPath, file), ENDING);
  const handle = open(path, OPEN_READ);
  if (handle == -ENOENT) return;
  const got = handle < 0 ? handle : read(handle, cursors, CURSORS_BYTES + 1);
  if (got < 0) return fail(EXIT_UNKNOWN, "iomux-link: cannot read the cursor file", file, got);
  const advice = "remove it to start without";
  if (got != CURSORS_BYTES) return fail(EXIT_UNKNOWN, "iomux-link: a cursor file has 8 bytes, this one has not:", file, 0, advice);
  close(handle);
  saved.stdout = position(cursors);
  saved.stderr = position(cursors + 4);
  saved.known = true;
}

export function differs(stdout: u32, stderr: u32): bool {
  return !saved.known || stdout != saved.stdout || stderr != saved.stderr;
}

/** Saves the positions. False on failure; only the first failure prints an error. */
export function saveCursor(stdout: u32, stderr: u32): bool {
  putPosition(cursors, stdout);
  putPosition(cursors + 4, stderr);
  const error = replace();
  if (error < 0) {
    if (!failureReported) printError("iomux-link: cannot save the positions in", path, error);
    failureReported = true;
    return false;
  }
  saved.stdout = stdout;
  saved.stderr = stderr;
  saved.known = true;
  return true;
}

function replace(): i32 {
  const handle = open(newPath, OPEN_REPLACE);
  if (handle < 0) return handle;
  const wrote = write(handle, cursors, CURSORS_BYTES);
  close(handle);
  if (wrote != CURSORS_BYTES) return wrote < 0 ? wrote : -ENOSPC;
  return rename(newPath, path);
}
