/** Paths and small files. */
import {
  close, makeDirectoryAt, openAt, OPENAT_APPEND, OPENAT_CREATE, OPENAT_DIRECTORY, OPENAT_NOFOLLOW, OPENAT_PATH, OPENAT_READ,
  OPENAT_TRUNCATE, OPENAT_WRITE, read, readLinkAt, statAt, write,
} from "../../../boundary/shim";
import { EEXIST, EIO, ELOOP, ENAMETOOLONG } from "../../../lib/errno";
import { cString, putCopy, putText, stringLength } from "../../../lib/text";

/** PATH_MAX, limits.h */
export const PATH_BYTES: u32 = 4096;
export const SLASH: u8 = 0x2f;

/** `directory/name` at `into`, NUL-terminated; where it ends. The caller has seen that it fits. */
export function joinPath(into: usize, directory: usize, name: usize): usize {
  return terminate(putCopy(putDirectory(into, directory), name));
}

/** The same with a name that is known here. */
export function joinName(into: usize, directory: usize, name: string): usize {
  return terminate(putText(putDirectory(into, directory), name));
}

/** The directory and a slash; where they end. */
function putDirectory(into: usize, directory: usize): usize {
  const end = putCopy(into, directory);
  if (end != into && load<u8>(end - 1) == SLASH) return end;
  store<u8>(end, SLASH);
  return end + 1;
}

function terminate(end: usize): usize {
  store<u8>(end, 0);
  return end;
}

export function fits(directory: usize, more: u32): bool { return stringLength(directory) + more + 2 < PATH_BYTES; }

/** Of `struct statx` of statx(2). */
const STATX_BYTES: u32 = 256;
const info = memory.data(STATX_BYTES, 8);
const empty = memory.data(1);
export const S_IFMT: u32 = 0o170000, S_IFDIR: u32 = 0o040000, S_IFREG: u32 = 0o100000, S_IFLNK: u32 = 0o120000;
export const S_IFSOCK: u32 = 0o140000, S_IFCHR: u32 = 0o020000, S_IFBLK: u32 = 0o060000, S_IFIFO: u32 = 0o010000;

/** Looks at a handle; what the following answer is of it. 0 or a negated errno. */
export function look(handle: i32): i32 { return statAt(handle, empty, info); }
/** The same at a name in a directory, not following it. */
export function lookAt(directory: i32, name: usize): i32 { return statAt(directory, name, info); }
export function seenMode(): u32 { return load<u16>(info + 28); }
export function seenUid(): u32 { return load<u32>(info + 20); }
export function seenGid(): u32 { return load<u32>(info + 24); }
export function seenSize(): u64 { return load<u64>(info + 40); }
export function seenInode(): u64 { return load<u64>(info + 32); }
export function seenMajor(): u32 { return load<u32>(info + 128); }
export function seenMinor(): u32 { return load<u32>(info + 132); }
export function seenIsDirectory(): bool { return (seenMode() & S_IFMT) == S_IFDIR; }

const ownProcess = cString("/proc/self");

/** The effective user id, which owns what /proc says of the process; root's where there is no /proc. proc(5) */
export function ownUid(): u32 {
  const process = openAt(0, ownProcess, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  if (process < 0) return 0;
  const seen = look(process);
  close(process);
  return seen < 0 ? 0 : seenUid();
}

/** Reads until `size` bytes are there, or the end; how many, or a negated errno. */
export function readFully(handle: i32, at: usize, size: u32): i32 {
  let have: u32 = 0;
  while (have < size) {
    const got = read(handle, at + have, size - have);
    if (got < 0) return got;
    if (got == 0) break;
    have += got;
  }
  return have;
}

/** Reads a file of at most `size` - 1 bytes and ends it with a NUL; its bytes or a negated errno. */
export function readText(path: usize, into: usize, size: u32): i32 {
  const file = openAt(0, path, OPENAT_READ, 0);
  if (file < 0) return file;
  const got = readFully(file, into, size - 1);
  close(file);
  if (got >= 0) store<u8>(into + got, 0);
  return got;
}

/** Writes all of it at once: 0 or a negated errno. */
export function writeAll(handle: i32, at: usize, size: u32): i32 {
  const sent = write(handle, at, size);
  return sent < 0 ? sent : <u32>sent == size ? 0 : -EIO;
}

/** Writes to a file that is there, below a directory's handle or, with 0, at a path: 0 or a negated errno. */
export function writeFile(directory: i32, path: usize, at: usize, size: u32): i32 {
  const file = openAt(directory, path, OPENAT_WRITE, 0);
  if (file < 0) return file;
  const result = writeAll(file, at, size);
  close(file);
  return result;
}

/** A new or emptied file with this content. */
export function replaceFile(directory: i32, name: usize, mode: u32, at: usize, size: u32): i32 {
  const file = openAt(directory, name, OPENAT_WRITE | OPENAT_CREATE | OPENAT_TRUNCATE | OPENAT_NOFOLLOW, mode);
  if (file < 0) return file;
  const result = writeAll(file, at, size);
  close(file);
  return result;
}

export function openLog(path: usize): i32 { return openAt(0, path, OPENAT_WRITE | OPENAT_CREATE | OPENAT_APPEND, 0o600); }

const component = memory.data(PATH_BYTES);

/** Opens a directory below `root`, links followed inside of it, making what is missing: its handle or a negated errno. */
export function makeDirectories(root: i32, path: usize, mode: u32): i32 {
  let here = openAt(root, dot, OPENAT_PATH | OPENAT_DIRECTORY, 0), at = path, walked: u32 = 0;
  while (here >= 0) {
    while (load<u8>(at) == SLASH) at++;
    if (load<u8>(at) == 0) return here;
    let length: u32 = 0;
    for (; load<u8>(at + length) != 0 && load<u8>(at + length) != SLASH; length++) {
      if (length + 1 == PATH_BYTES) return -ENAMETOOLONG;
      store<u8>(component + length, load<u8>(at + length));
    }
    store<u8>(component + length, 0);
    at += length;
    walked = <u32>(at - path);
    const next = openPrefix(root, path, walked);
    if (next >= 0) {
      close(here);
      here = next;
      continue;
    }
    const made = makeDirectoryAt(here, component, mode);
    const leads = made == -EEXIST ? makeTarget(root, here, path, walked - length, mode) : made;
    close(here);
    if (leads < 0) return leads;
    here = openPrefix(root, path, walked);
  }
  return here;
}

/** Links that lead to links that lead nowhere. */
const LINKS_MAX: u32 = 8;
const targets = memory.data(LINKS_MAX * 2 * PATH_BYTES);
let links: u32 = 0;

/** Makes what a link leads to, as if it had been named itself: inside of the root, wherever it points. */
function makeTarget(root: i32, directory: i32, path: usize, before: u32, mode: u32): i32 {
  if (links == LINKS_MAX) return -ELOOP;
  const target = targets + links * 2 * PATH_BYTES;
  // Relative to where the link is.
  memory.copy(target, path, before);
  const size = readLinkAt(directory, component, target + before, PATH_BYTES - 1);
  if (size < 0) return size;
  store<u8>(target + before + size, 0);
  links++;
  const made = makeDirectories(root, load<u8>(target + before) == SLASH ? target + before : target, mode);
  links--;
  if (made < 0) return made;
  return close(made);
}

const dot = cString(".");
const prefix = memory.data(PATH_BYTES);

/** The directory that the first `length` bytes of a path lead to, from the root on: links may lead up. */
function openPrefix(root: i32, path: usize, length: u32): i32 {
  if (length >= PATH_BYTES) return -ENAMETOOLONG;
  memory.copy(prefix, path, length);
  store<u8>(prefix + length, 0);
  return openAt(root, prefix, OPENAT_PATH | OPENAT_DIRECTORY, 0);
}

/** Parts a path into its directory, NUL-terminated in place of its last slash, and its last name; the name. */
export function splitPath(path: usize): usize {
  let slash: usize = 0;
  for (let at = path; load<u8>(at) != 0; at++) if (load<u8>(at) == SLASH) slash = at;
  if (slash == 0) return path;
  store<u8>(slash, 0);
  return slash + 1;
}
