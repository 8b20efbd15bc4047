/**
 * The wire formats for whoever is not one of the programs: makes and reads messages in its own memory, with the very code
 * that the programs run. All it imports is a place to say why an assertion failed, so it runs anywhere.
 */
import "../shared/abort";
import { stringLength } from "../shared/bytes";
import {
  argumentsSize, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_TTY, AT_USER, AT_VERSION, beginRequest, judge,
  LIMIT_HARD, LIMIT_ID, LIMIT_SOFT, limitAt, putArgument as appendArgument, putLang, putLimit, putUser, REQUEST_BYTES,
} from "../wire/request";

const MESSAGE_BYTES: u32 = 16384;
const message = memory.data(16384, 8);
const text = memory.data(16384, 8);
if (REQUEST_BYTES >= MESSAGE_BYTES) ERROR("a request does not fit the buffer");
let next: usize = 0;

/** Where a message is made, or is put to be read; at most `messageBytes()`. */
export function messageAt(): usize { return message; }
export function messageBytes(): u32 { return MESSAGE_BYTES; }
/** Where a NUL-terminated text is put for `addArgument`, `setUser`, `setLang`. */
export function textAt(): usize { return text; }

export function requestBytes(): u32 { return REQUEST_BYTES; }

export function beginMessage(tty: bool): void {
  beginRequest(message, tty);
  next = 0;
}

/** 1 when the text fits, else 0. */
export function addArgument(): bool {
  const end = appendArgument(message, next, text);
  if (end == 0) return false;
  next = end;
  return true;
}
export function setUser(): bool { return putUser(message, text); }
export function setLang(): bool { return putLang(message, text); }
export function addLimit(id: i32, soft: u64, hard: u64): void { putLimit(message, id, soft, hard); }

/** The `Verdict` on what `have` bytes hold; 0 is a whole, good request, and only then the rest may be asked. */
export function judgeRequest(have: u32): i32 { return judge(message, have); }

export function version(): i32 { return load<i32>(message + AT_VERSION); }
export function tty(): i32 { return load<i32>(message + AT_TTY); }
export function argumentCount(): i32 { return load<i32>(message + AT_ARGUMENT_COUNT); }
export function argumentsAt(): usize { return message + AT_ARGUMENTS; }
/** Bytes of all arguments, their NULs counted. */
export function argumentsBytes(): u32 { return argumentsSize(message); }
export function limitCount(): i32 { return load<i32>(message + AT_LIMIT_COUNT); }
export function limitId(index: u32): i32 { return load<i32>(limitAt(message, index) + LIMIT_ID); }
export function limitSoft(index: u32): u64 { return load<u64>(limitAt(message, index) + LIMIT_SOFT); }
export function limitHard(index: u32): u64 { return load<u64>(limitAt(message, index) + LIMIT_HARD); }
export function userAt(): usize { return message + AT_USER; }
export function userLength(): u32 { return stringLength(message + AT_USER); }
export function langAt(): usize { return message + AT_LANG; }
export function langLength(): u32 { return stringLength(message + AT_LANG); }
