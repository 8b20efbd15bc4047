/** The variables of a request of protocol 2: those of --env, the last of each name, and this program's own LANG, as in version 1. */
import { claim, entryOf } from "../../boundary/wasi";
import { cString, stringLength } from "../../lib/text";
import { environmentOption, options } from "./options";

const EQUALS: u8 = 0x3d;

let entries: usize = 0;
let count: i32 = 0;
/** The entries by their names: a table of offsets, a power of two of them, at most half of them in use. */
let names: usize = 0;
let places: u32 = 0;

/** Decides which variables there are. */
export function collectVariables(): void {
  const most = options.environmentCount + 1;
  places = 4;
  while (places < <u32>most * 2) places *= 2;
  entries = claim(most * 4);
  names = claim(places * 4);
  for (let i = options.environmentCount - 1; i >= 0; i--) add(ofOption(environmentOption(i)));
  const lang = entryOf(cString("LANG"));
  if (lang != 0 && load<u8>(lang + 5) != 0) add(lang);
}

export function variableCount(): i32 { return count; }
/** "NAME=VALUE" */
export function variableAt(index: i32): usize { return load<u32>(entries + index * 4); }

/** Bytes of all variables, with their NULs. */
export function variableBytes(): i32 {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += stringLength(variableAt(i)) + 1;
  return bytes;
}

/** The value of the variable with this name; 0 if there is none. */
export function valueOf(name: string): usize {
  for (let i = 0; i < count; i++) {
    const entry = variableAt(i);
    let length = 0;
    while (length < name.length && load<u8>(entry + length) == <u8>name.charCodeAt(length)) length++;
    if (length == name.length && load<u8>(entry + length) == EQUALS) return entry + length + 1;
  }
  return 0;
}

/** The variable of an --env: "NAME=VALUE", or of a NAME alone what this program has; 0 if it has none. */
function ofOption(given: usize): usize {
  for (let at = given; load<u8>(at) != 0; at++) if (load<u8>(at) == EQUALS) return given;
  return entryOf(given);
}

/** Adds an entry, unless there is one of its name. */
function add(entry: usize): void {
  if (entry == 0) return;
  const place = placeOf(entry);
  if (load<u32>(place) != 0) return;
  store<u32>(place, <u32>entry);
  store<u32>(entries + count++ * 4, <u32>entry);
}

/** The place of the entry's name in the table, empty or with an entry of the same name. FNV-1a */
function placeOf(entry: usize): usize {
  let hash: u32 = 2166136261;
  for (let at = entry; load<u8>(at) != EQUALS; at++) hash = (hash ^ load<u8>(at)) * 16777619;
  let index = hash & (places - 1);
  while (load<u32>(names + index * 4) != 0 && !sameName(load<u32>(names + index * 4), entry)) index = (index + 1) & (places - 1);
  return names + index * 4;
}

function sameName(a: usize, b: usize): bool {
  for (; load<u8>(a) == load<u8>(b); a++, b++) if (load<u8>(a) == EQUALS) return true;
  return false;
}
