/**
 * Looks a user up in the container's own /etc/passwd, without any name service. The file belongs to the container: it
 * may be missing, endless or no file at all, and is read in pieces with a limit. passwd(5)
 *
 *   name:password:uid:gid:comment:home:shell
 */
import { close, describe, Kind, open, OPEN_READ, read } from "../shim";
import { afterDigits, digitsValue, equals, putText } from "../shared/bytes";
import { ENOENT } from "../shared/errno";

const PIECE_BYTES: u32 = 4096;
/** A longer line is no user's. */
const LINE_BYTES: u32 = 2048;
/** Some 20,000 users. */
const FILE_BYTES_MAX: u32 = 1 << 20;
const FIELDS: i32 = 7;
const COLON: u8 = 0x3a, NEWLINE: u8 = 0x0a;
const ID_MAX: u64 = 0xffff_fffe;

const enum Field { NAME, PASSWORD, UID, GID, COMMENT, HOME, SHELL }
export const enum Lookup { FOUND, UNKNOWN_USER, NO_FILE, TOO_LARGE }

export let uid: u32 = 0;
export let gid: u32 = 0;
/** NUL-terminated, until the next lookup. */
export let home: usize = 0;
export let shell: usize = 0;

const path = memory.data<u8>([0x2f, 0x65, 0x74, 0x63, 0x2f, 0x70, 0x61, 0x73, 0x73, 0x77, 0x64, 0]); // /etc/passwd
const piece = memory.data(4096);
const line = memory.data(2049);
const fields = memory.data(28, 4);
if (PIECE_BYTES != 4096 || LINE_BYTES != 2048 || FIELDS * 4 != 28) ERROR("the file's buffers have another size");
const fallback = memory.data(16);

let file: i32 = -1;

/** Errno of the last `NO_FILE`. */
export let openError: i32 = 0;

/** `name` is NUL-terminated; root is known even to a container without the file. */
export function lookUp(name: usize): Lookup {
  file = open(path, OPEN_READ);
  if (file >= 0 && (describe(file) & Kind.MASK) == Kind.FILE) {
    const result = search(name);
    closeFile();
    if (result == Lookup.FOUND) return result;
    return equals(name, "root") ? rootWithoutFile() : result;
  }
  openError = file >= 0 ? ENOENT : -file;
  closeFile();
  return equals(name, "root") ? rootWithoutFile() : Lookup.NO_FILE;
}

function rootWithoutFile(): Lookup {
  uid = gid = 0;
  home = fallback;
  shell = fallback + 2;
  store<u8>(putText(home, "/"), 0);
  store<u8>(putText(shell, "/bin/sh"), 0);
  return Lookup.FOUND;
}

/** Closes what a lookup has open, also one that a trap has ended. */
export function closeFile(): void {
  const handle = file;
  file = -1;
  if (handle >= 0) close(handle);
}

function search(name: usize): Lookup {
  let length: u32 = 0, total: u32 = 0;
  let got = read(file, piece, PIECE_BYTES);
  while (got > 0) {
    total += got;
    if (total > FILE_BYTES_MAX) return Lookup.TOO_LARGE;
    for (let i = 0; i < got; i++) {
      const byte = load<u8>(piece + i);
      if (byte != NEWLINE) {
        if (length < LINE_BYTES) store<u8>(line + length, byte);
        if (length <= LINE_BYTES) length++;
        continue;
      }
      if (length <= LINE_BYTES && matches(length, name)) return Lookup.FOUND;
      length = 0;
    }
    got = read(file, piece, PIECE_BYTES);
  }
  return length <= LINE_BYTES && matches(length, name) ? Lookup.FOUND : Lookup.UNKNOWN_USER;
}

/** Whether the line is this user's; takes its fields over when it is. */
function matches(length: u32, name: usize): bool {
  let count = 0, start = line;
  for (let at = line; at <= line + length; at++) {
    if (at != line + length && load<u8>(at) != COLON) continue;
    if (count == FIELDS) return false;
    store<u32>(fields + count * 4, <u32>start);
    store<u8>(at, 0);
    count++;
    start = at + 1;
  }
  if (count != FIELDS || !same(field(Field.NAME), name)) return false;
  if (!isId(field(Field.UID)) || !isId(field(Field.GID))) return false;
  uid = id(field(Field.UID));
  gid = id(field(Field.GID));
  home = field(Field.HOME);
  shell = field(Field.SHELL);
  if (load<u8>(home) == 0) store<u8>(putText((home = fallback), "/"), 0);
  if (load<u8>(shell) == 0) store<u8>(putText((shell = fallback + 2), "/bin/sh"), 0);
  return true;
}

function field(index: Field): usize { return load<u32>(fields + <usize>index * 4); }

function same(a: usize, b: usize): bool {
  for (; load<u8>(a) == load<u8>(b); a++, b++) if (load<u8>(a) == 0) return true;
  return false;
}

function isId(at: usize): bool {
  const end = afterDigits(at);
  return end != at && load<u8>(end) == 0 && digitsValue(at, end) <= ID_MAX;
}

function id(at: usize): u32 { return <u32>digitsValue(at, afterDigits(at)); }
