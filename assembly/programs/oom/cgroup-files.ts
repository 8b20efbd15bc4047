/** Reads the files of a memory cgroup. */
import { close, FileType, open, OPEN_READ, pathType, read } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { afterDigits, digitsValue, putCopy, putText, stringLength } from "../../lib/text";
import { ENOENT } from "../../lib/errno";

/** "oom_kill 3", a line of memory.oom_control (v1) and of memory.events (v2). */
const KEY = "oom_kill ";
const NEWLINE: u8 = 0x0a;
/** Either file has some 100 bytes. */
const FILE_BYTES: u32 = 4096;
const text = memory.data(FILE_BYTES);

/** Returns the path of a file in the group's directory. */
export function pathIn(directory: usize, name: string): usize {
  const path = claim(stringLength(directory) + name.length + 1);
  putText(putCopy(path, directory), name);
  return path;
}

export function isThere(path: usize): bool { return pathType(path) == FileType.FILE; }

/** The kernel removes the files before it reports the group's removal. */
export function isGone(path: usize): bool { return pathType(path) == -ENOENT; }

/** Number of processes of the group that the OOM killer has killed; a negated errno. Kernels before 4.13 do not report it: 0. */
export function killCount(path: usize): i64 {
  const handle = open(path, OPEN_READ);
  if (handle < 0) return handle;
  const got = read(handle, text, FILE_BYTES - 1);
  close(handle);
  if (got < 0) return got;
  store<u8>(text + got, 0);
  return valueOf(text);
}

function valueOf(line: usize): i64 {
  while (load<u8>(line) != 0) {
    let length = 0;
    while (length < KEY.length && load<u8>(line + length) == <u8>KEY.charCodeAt(length)) length++;
    if (length == KEY.length) return <i64>digitsValue(line + length, afterDigits(line + length));
    while (load<u8>(line) != 0) if (load<u8>(line++) == NEWLINE) break;
  }
  return 0;
}
