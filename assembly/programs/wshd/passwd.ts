/**
 * Looks a user up in the container's own /etc/passwd, without a name service. passwd(5)
 *
 *   name:password:uid:gid:comment:home:shell
 */
import { afterDigits, cString, digitsValue, equals, putDigits } from "../../lib/text";
import { closeFile, Line, line, LINE_BYTES, lineLength, nextLine, openLines } from "./lines";

const FIELDS: i32 = 7;
const COLON: u8 = 0x3a;
const ID_MAX: u64 = 0xffff_fffe;

const enum Field { NAME, PASSWORD, UID, GID, COMMENT, HOME, SHELL }
export const enum Lookup { FOUND, UNKNOWN_USER, NO_FILE, TOO_LARGE }

/** The entry that the last lookup found. */
export namespace account {
  export let uid: u32 = 0;
  export let gid: u32 = 0;
  /** NUL-terminated, until the next lookup. */
  export let name: usize = 0;
  export let home: usize = 0;
  export let shell: usize = 0;
}

const path = cString("/etc/passwd"), rootName = cString("root");
/** For empty fields. */
const defaultHome = cString("/"), defaultShell = cString("/bin/sh");
const digits = memory.data(16);
/** The line of the user that was found. */
const entry = memory.data(LINE_BYTES + 1);
const fields = memory.data(FIELDS * 4, 4);

/** Looks up a NUL-terminated name. root is found even without the file. */
export function lookUp(name: usize): Lookup {
  const result = find(name, 0);
  return result != Lookup.FOUND && equals(name, "root") ? rootWithoutFile() : result;
}

/** Looks up a user by number; the first of several counts. */
export function lookUpId(number: u32): Lookup { return find(0, number); }

/** `name` 0: by number. */
function find(name: usize, number: u32): Lookup {
  if (!openLines(path)) return Lookup.NO_FILE;
  const result = search(name, number);
  closeFile();
  return result;
}

function rootWithoutFile(): Lookup {
  account.uid = account.gid = 0;
  account.name = rootName;
  account.home = defaultHome;
  account.shell = defaultShell;
  return Lookup.FOUND;
}

/** A number without an entry: its own group, and no home. */
export function numberWithoutEntry(number: u32): void {
  account.uid = account.gid = number;
  store<u8>(putDigits(digits, number), 0);
  account.name = digits;
  account.home = defaultHome;
  account.shell = defaultShell;
}

function search(name: usize, number: u32): Lookup {
  for (let next = nextLine(); next != Line.END; next = nextLine()) {
    if (next == Line.TOO_LARGE) return Lookup.TOO_LARGE;
    if (matches(lineLength, name, number)) return Lookup.FOUND;
  }
  return Lookup.UNKNOWN_USER;
}

/** Whether the line is this user's; if so, stores its fields. */
function matches(length: u32, name: usize, number: u32): bool {
  let count = 0, start = line;
  for (let at = line; at <= line + length; at++) {
    if (at != line + length && load<u8>(at) != COLON) continue;
    if (count == FIELDS) return false;
    store<u32>(fields + count * 4, <u32>start);
    store<u8>(at, 0);
    count++;
    start = at + 1;
  }
  if (count != FIELDS || (name != 0 && !same(field(Field.NAME), name))) return false;
  if (!isId(field(Field.UID)) || !isId(field(Field.GID))) return false;
  if (name == 0 && id(field(Field.UID)) != number) return false;
  memory.copy(entry, line, length + 1);
  account.uid = id(field(Field.UID));
  account.gid = id(field(Field.GID));
  account.name = entry + (field(Field.NAME) - line);
  account.home = entry + (field(Field.HOME) - line);
  account.shell = entry + (field(Field.SHELL) - line);
  if (load<u8>(account.home) == 0) account.home = defaultHome;
  if (load<u8>(account.shell) == 0) account.shell = defaultShell;
  return true;
}

function field(index: Field): usize { return load<u32>(fields + <usize>index * 4); }

export function same(a: usize, b: usize): bool {
  for (; load<u8>(a) == load<u8>(b); a++, b++) if (load<u8>(a) == 0) return true;
  return false;
}

export function isId(at: usize): bool {
  const end = afterDigits(at);
  return end != at && load<u8>(end) == 0 && digitsValue(at, end) <= ID_MAX;
}

export function id(at: usize): u32 { return <u32>digitsValue(at, afterDigits(at)); }
