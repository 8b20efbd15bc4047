/**
 * The wire formats for whoever is not one of the programs: makes and reads messages in its own memory, with the very code
 * that the programs run. All it imports is a place to say why an assertion failed, so it runs anywhere.
 */
import "../lib/abort";
import { afterString, putText, stringLength } from "../lib/text";
import { signalName as nameOfSignal } from "../lib/signal";
import { limitDefault as defaultOfLimit, limitName as nameOfLimit, LIMITS_SENT, sentId } from "../wire/rlimits";
import {
  argumentsSize, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_TTY, AT_USER, AT_VERSION, beginRequest,
  judge, LIMIT_HARD, LIMIT_ID, LIMIT_SOFT, limitAt, putArgument as appendArgument, putLang, putLimit, putUser,
  REQUEST_BYTES,
} from "../wire/request";
import { REQUEST_2_BYTES } from "../wire/request-2";
import { exitCode as codeOf, exited as hasExited, rawExit, signalOf as numberOfSignal } from "../wire/status";
import { position, putPosition } from "../wire/stream";
import { fieldAt, FieldKind, judgeField as judgeOne, judgeWhole, list, Message, sizeOf } from "./fields";

const MESSAGE_BYTES: u32 = 16384;
const message = memory.data(MESSAGE_BYTES, 8);
const text = memory.data(MESSAGE_BYTES, 8);
if (REQUEST_BYTES >= MESSAGE_BYTES || REQUEST_2_BYTES >= MESSAGE_BYTES) ERROR("a request does not fit the buffer");
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

// --- any message, field by field: `describe` says which one is meant

/** How many messages there are; `describe` takes 0 to one less. */
export function messageKinds(): u32 { return Message.COUNT; }
/** The fields of what follows are this message's (`Message`); how many there are. */
export function describe(kind: i32): u32 { return list(kind); }
/** Bytes of the whole message; of a stream, those before its content. */
export function sizeOfMessage(kind: i32): u32 { return sizeOf(kind); }

/** Writes a field's name to `textAt()`; its length. */
export function fieldName(index: u32): u32 { return putName(fieldAt(index).name); }
export function fieldGroup(index: u32): i32 { return fieldAt(index).group; }
export function fieldOffset(index: u32): u32 { return fieldAt(index).offset; }
export function fieldSize(index: u32): u32 { return fieldAt(index).size; }
/** `FieldKind` */
export function fieldKind(index: u32): i32 { return fieldAt(index).kind; }
/** What may stand in the field: from `fieldLow` to `fieldHigh`, anything when that is the lower one. */
export function fieldLow(index: u32): i32 { return fieldAt(index).low; }
export function fieldHigh(index: u32): i32 { return fieldAt(index).high; }
/** `Verdict`, or a reason of the other messages', on this field alone, when `have` bytes of the message are there. */
export function judgeField(index: u32, have: u32): i32 { return judgeOne(index, message, have); }

/** The same on all that is there. */
export function judgeMessage(have: u32): i32 { return judgeWhole(message, have); }

/** The number in a field of numbers; a u64 comes out as i64. */
export function fieldNumber(index: u32): i64 {
  const field = fieldAt(index), at = message + field.offset;
  if (field.kind == FieldKind.U64) return load<i64>(at);
  return field.kind == FieldKind.BIG_U32 ? <i64>position(at) : load<i32>(at);
}

export function setFieldNumber(index: u32, value: i64): void {
  const field = fieldAt(index), at = message + field.offset;
  if (field.kind == FieldKind.U64) store<i64>(at, value);
  else if (field.kind == FieldKind.BIG_U32) putPosition(at, value);
  else store<i32>(at, <i32>value);
}

/** Length of the text that begins `from` bytes into a field; -1 when it does not end in it. */
export function textLength(index: u32, from: u32): i32 {
  const field = fieldAt(index), at = message + field.offset + from;
  const after = afterString(at, message + field.offset + field.size);
  return after == 0 ? -1 : <i32>(after - at) - 1;
}

// --- what numbers mean

export function exited(raw: i32): bool { return hasExited(raw); }
export function exitCode(raw: i32): i32 { return codeOf(raw); }
export function signalOf(raw: i32): i32 { return numberOfSignal(raw); }
export function rawOfExit(code: i32): i32 { return rawExit(code); }
/** Writes a signal's name to `textAt()`; its length, 0 when it has none. */
export function signalName(signal: i32): u32 { return putName(nameOfSignal(signal)); }
/** The same for a resource limit. */
export function limitName(id: i32): u32 { return putName(nameOfLimit(id)); }
/** Limits that a wsh sends, what they are in its order, and their defaults. */
export function limitsSent(): u32 { return LIMITS_SENT; }
export function limitSent(index: u32): i32 { return sentId(index); }
export function limitDefault(id: i32): u64 { return defaultOfLimit(id); }

function putName(name: string): u32 {
  return <u32>(putText(text, name) - text);
}
