/** The cursor file: where the last link stopped. It is replaced whole, so that no crash leaves half of one. */
import { close, open, OPEN_READ, OPEN_REPLACE, read, rename, write } from "../shim";
import { claim } from "../wasi";
import { putCopy, putText, stringLength } from "../shared/bytes";
import { ENOENT, ENOSPC } from "../shared/errno";
import { complain, fail } from "../shared/program";
import { CURSORS_BYTES, position, putPosition } from "../wire/stream";
import { EXIT_UNKNOWN } from "../wire/status";

const ENDING = ".new";
/** One byte more than a cursor file has: one that is too long is seen. */
const cursors = memory.data(9, 4);
if (CURSORS_BYTES + 1 != 9) ERROR("the buffer for a cursor file has another size");

let path: usize = 0, newPath: usize = 0;
let failureTold: bool = false;

export let savedStdout: u32 = 0, savedStderr: u32 = 0;
/** Whether there is a file that says so. */
export let known: bool = false;

/** Reads the file; the program ends when it is there and is no cursor file. */
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
  savedStdout = position(cursors);
  savedStderr = position(cursors + 4);
  known = true;
}

export function differs(stdout: u32, stderr: u32): bool {
  return !known || stdout != savedStdout || stderr != savedStderr;
}

/** False when it could not be saved, which is told once. */
export function saveCursor(stdout: u32, stderr: u32): bool {
  putPosition(cursors, stdout);
  putPosition(cursors + 4, stderr);
  const error = replace();
  if (error < 0) {
    if (!failureTold) complain("iomux-link: cannot save the positions in", path, error);
    failureTold = true;
    return false;
  }
  savedStdout = stdout;
  savedStderr = stderr;
  known = true;
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
