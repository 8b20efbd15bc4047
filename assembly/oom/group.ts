/** What a memory cgroup's files say. */
import { close, inspect, Kind, open, OPEN_READ, read } from "../shim";
import { claim } from "../wasi";
import { afterDigits, digitsValue, putCopy, putText, stringLength } from "../shared/bytes";
import { ENOENT } from "../shared/errno";

/** "oom_kill 3", a line of memory.oom_control (v1) and of memory.events (v2). */
const KEY = "oom_kill ";
const NEWLINE: u8 = 0x0a;
/** Either file has some 100 bytes. */
const FILE_BYTES: u32 = 4096;
const text = memory.data(4096);
if (FILE_BYTES != 4096) ERROR("the buffer for a file has another size");

/** The path of a file in the group's directory. */
export function pathIn(directory: usize, name: string): usize {
  const path = claim(stringLength(directory) + name.length + 1);
  putText(putCopy(path, directory), name);
  return path;
}

export function isThere(path: usize): bool { return inspect(path) == Kind.FILE; }

/** The kernel takes the files away before it tells anybody that the group is removed. */
export function isGone(path: usize): bool { return inspect(path) == -ENOENT; }

/** How many processes of the group the kernel has killed for memory; a negated errno. Kernels before 4.13 say nothing: 0. */
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
