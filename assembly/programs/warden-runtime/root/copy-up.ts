/**
 * tmpcopyup: what a tmpfs is going to cover is copied to it, with owners, modes and links; devices and FIFOs, too. Times and hard
 * links are not kept.
 */
import {
  changeMode, changeOwner, close, makeDirectoryAt, makeLinkAt, makeNodeAt, openAt, OPENAT_CREATE, OPENAT_DIRECTORY,
  OPENAT_EXCLUSIVE, OPENAT_NOFOLLOW, OPENAT_PATH, OPENAT_READ, OPENAT_WRITE, read, readDirectory, readLinkAt,
} from "../../../boundary/shim";
import { ELOOP } from "../../../lib/errno";
import { cString, equals } from "../../../lib/text";
import { die } from "../files/end";
import {
  lookAt, PATH_BYTES, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, seenGid, seenMajor, seenMinor, seenMode, seenUid, writeAll,
} from "../files/paths";

/** Directories inside each other. */
const LEVELS_MAX: i32 = 32;
/** Of each level: both handles, where the next entry is, and how many bytes of entries there are. */
const levels = memory.data(LEVELS_MAX * 16, 4);
const ENTRIES_BYTES: u32 = 4096;
const entries = memory.data(LEVELS_MAX * ENTRIES_BYTES, 8);
const PIECE_BYTES: u32 = 65536;
const piece = memory.data(PIECE_BYTES, 8);
const dot = cString(".");
const target = memory.data(PATH_BYTES);

/** Of `struct linux_dirent64`: the size of the entry, and its name. getdents64(2) */
const AT_SIZE: usize = 16, AT_NAME: usize = 19;

let depth = 0;
function from(): i32 { return load<i32>(levels + depth * 16); }
function to(): i32 { return load<i32>(levels + depth * 16 + 4); }

function enter(source: i32, copy: i32): void {
  const level = levels + depth * 16;
  store<i32>(level, source);
  store<i32>(level + 4, copy);
  store<u64>(level + 8, 0);
}

/** Copies what is in the directory `place` to the root of `mount`; `destination` is for the error. */
export function copyUp(place: i32, mount: i32, destination: usize): void {
  depth = 0;
  const source = openAt(place, dot, OPENAT_READ | OPENAT_DIRECTORY, 0), copy = openAt(mount, dot, OPENAT_READ | OPENAT_DIRECTORY, 0);
  if (source < 0 || copy < 0) die("cannot open the directory that is to be copied up:", destination, min(source, copy));
  enter(source, copy);
  while (depth >= 0) {
    const name = nextName();
    if (name == 0) {
      close(from());
      close(to());
      depth--;
      continue;
    }
    if (equals(name, ".") || equals(name, "..")) continue;
    const copied = copyEntry(name);
    if (copied < 0) die("cannot copy up what is in", destination, copied);
  }
}

/** The name of the level's next entry; 0 at its end. */
function nextName(): usize {
  const level = levels + depth * 16, buffer = entries + depth * ENTRIES_BYTES;
  if (load<u32>(level + 8) == load<u32>(level + 12)) {
    const got = readDirectory(from(), buffer, ENTRIES_BYTES);
    if (got <= 0) return 0;
    store<u32>(level + 8, 0);
    store<u32>(level + 12, got);
  }
  const entry = buffer + load<u32>(level + 8);
  store<u32>(level + 8, load<u32>(level + 8) + load<u16>(entry + AT_SIZE));
  return entry + AT_NAME;
}

function copyEntry(name: usize): i32 {
  const seen = lookAt(from(), name);
  if (seen < 0) return seen;
  const mode = seenMode(), uid = seenUid(), gid = seenGid();
  switch (mode & S_IFMT) {
    case S_IFDIR: return copyDirectory(name, mode, uid, gid);
    case S_IFREG: return copyFile(name, mode, uid, gid);
    case S_IFLNK: {
      const size = readLinkAt(from(), name, target, PATH_BYTES - 1);
      if (size < 0) return size;
      store<u8>(target + size, 0);
      const made = makeLinkAt(target, to(), name);
      return made < 0 ? made : own(name, 0, uid, gid);
    }
    default: {
      const made = makeNodeAt(to(), name, mode, seenMajor(), seenMinor());
      return made < 0 ? made : own(name, 0, uid, gid);
    }
  }
}

/** Gives the copy its owner, and after that its mode, which a change of the owner may cut; a mode of 0 is left as it is. */
function own(name: usize, mode: u32, uid: u32, gid: u32): i32 {
  const copy = openAt(to(), name, mode == 0 ? OPENAT_PATH | OPENAT_NOFOLLOW : OPENAT_READ | OPENAT_NOFOLLOW, 0);
  if (copy < 0) return copy;
  let result = changeOwner(copy, uid, gid);
  if (result >= 0 && mode != 0) result = changeMode(copy, mode & 0o7777);
  close(copy);
  return result;
}

function copyDirectory(name: usize, mode: u32, uid: u32, gid: u32): i32 {
  if (depth + 1 == LEVELS_MAX) return -ELOOP;
  const made = makeDirectoryAt(to(), name, 0o700), owned = made < 0 ? made : own(name, mode, uid, gid);
  if (owned < 0) return owned;
  const source = openAt(from(), name, OPENAT_READ | OPENAT_DIRECTORY | OPENAT_NOFOLLOW, 0);
  const copy = openAt(to(), name, OPENAT_READ | OPENAT_DIRECTORY | OPENAT_NOFOLLOW, 0);
  if (source < 0 || copy < 0) return min(source, copy);
  depth++;
  enter(source, copy);
  return 0;
}

function copyFile(name: usize, mode: u32, uid: u32, gid: u32): i32 {
  const source = openAt(from(), name, OPENAT_READ | OPENAT_NOFOLLOW, 0);
  if (source < 0) return source;
  const copy = openAt(to(), name, OPENAT_WRITE | OPENAT_CREATE | OPENAT_EXCLUSIVE, 0o600);
  let result = copy;
  while (result >= 0) {
    const got = read(source, piece, PIECE_BYTES);
    result = got <= 0 ? got : writeAll(copy, piece, got);
    if (got <= 0) break;
  }
  close(source);
  if (copy >= 0) close(copy);
  return result < 0 ? result : own(name, mode, uid, gid);
}
