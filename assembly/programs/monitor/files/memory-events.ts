/**
 * Whether the kernel has killed a process of the container's because its memory was used up: the counter `oom_kill` of its
 * control group, read when the container has ended, while the group is still there. cgroup-v1/memory.rst, cgroup-v2.rst
 */
import { close, open, OPEN_READ, read } from "../../../boundary/shim";
import { afterDigits, digitsValue, putDigits, putText } from "../../../lib/text";

const TEXT_BYTES: u32 = 8192;
const PATH_BYTES: u32 = 4096;
const text = memory.data(TEXT_BYTES);
const path = memory.data(PATH_BYTES);
const NEWLINE: u8 = 0x0a, COLON: u8 = 0x3a;
let isKnown: bool = false;

/** Reads a file as a NUL-terminated text; false when it cannot be read. */
function readAll(): bool {
  const file = open(path, OPEN_READ);
  if (file < 0) return false;
  const got = read(file, text, TEXT_BYTES - 1);
  close(file);
  store<u8>(text + max(got, 0), 0);
  return got > 0;
}

function begins(at: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(at + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

function nextLine(at: usize): usize {
  while (load<u8>(at) != NEWLINE && load<u8>(at) != 0) at++;
  return load<u8>(at) == 0 ? at : at + 1;
}

/** Finds the group of the container's first process while that is there to ask: /proc/PID/cgroup, cgroups(7) */
export function watchMemory(pid: i32): void {
  store<u8>(putText(putDigits(putText(path, "/proc/"), pid), "/cgroup"), 0);
  if (!readAll()) return;
  let ofV2: usize = 0;
  for (let line: usize = text; load<u8>(line) != 0; line = nextLine(line)) {
    const controllers = afterColon(line), group = afterColon(controllers);
    if (begins(controllers, "memory:")) return keepPath("/sys/fs/cgroup/memory", group, "/memory.oom_control");
    if (group == controllers + 1) ofV2 = group;
  }
  if (ofV2 != 0) keepPath("/sys/fs/cgroup", ofV2, "/memory.events");
}

/** Where the line's end is when it has no colon. */
function afterColon(at: usize): usize {
  while (load<u8>(at) != COLON) {
    if (load<u8>(at) == NEWLINE || load<u8>(at) == 0) return at;
    at++;
  }
  return at + 1;
}

function keepPath(mount: string, group: usize, name: string): void {
  let to = putText(path, mount);
  for (; load<u8>(group) != NEWLINE && load<u8>(group) != 0; group++) {
    if (to + name.length + 1 >= path + PATH_BYTES) return;
    store<u8>(to++, load<u8>(group));
  }
  store<u8>(putText(to, name), 0);
  isKnown = true;
}

const COUNTER = "oom_kill ";

export function ranOutOfMemory(): bool {
  if (!isKnown || !readAll()) return false;
  for (let line: usize = text; load<u8>(line) != 0; line = nextLine(line)) {
    if (begins(line, COUNTER)) return digitsValue(line + COUNTER.length, afterDigits(line + COUNTER.length)) > 0;
  }
  return false;
}
