/**
 * What each message consists of: a table of fields, made from the constants of assembly/wire, for whoever shows a message
 * or makes one field by field. A field is judged by the check that the programs judge it by.
 */
import {
  ARGUMENTS_BYTES, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_LIMITS, AT_TTY, AT_USER, AT_VERSION,
  judge, LANG_BYTES, LIMIT_BYTES, LIMIT_HARD, LIMIT_ID, LIMIT_ID_MAX, LIMIT_SOFT, limitIdIsBad, LIMITS_MAX, limitsUsed,
  REQUEST_BYTES, suffersFrom, TTY_MAX, USER_BYTES, Verdict, VERSION,
} from "../wire/request";
import {
  AT_2_ARGUMENT_BYTES, AT_2_COLUMNS, AT_2_COMMAND, AT_2_DESCRIPTOR_COUNT, AT_2_DIRECTORY, AT_2_ENVIRONMENT_BYTES, AT_2_LIMIT_COUNT,
  AT_2_LIMITS, AT_2_PATH, AT_2_ROWS, AT_2_TTY, AT_2_UMASK, AT_2_USER, AT_2_VERSION, BLOCK_BYTES_MAX, DESCRIPTORS_MAX, faultIn, judge2,
  limitIdIsBad2, limitsUsed2, PATH_BYTES, REQUEST_2_BYTES, SIZE_MAX, UMASK_DEFAULT, UMASK_MAX, USER_2_BYTES, VERSION_2,
} from "../wire/request-2";
import {
  AT_DETAIL, AT_ERRNO, AT_FAILURE, AT_MEMORY, AT_RECORD_KIND, AT_RECORD_VERSION, AT_STATUS, AT_SYSTEM_TIME, AT_USER_TIME, ERRNO_MAX,
  FAILURE_MAX, faultInRecord, judgeRecord, RECORD_BYTES, RecordKind,
} from "../wire/record";
import { AT_SIGNAL, AT_SIGNAL_VERSION, AT_TARGET, faultInSignal, judgeSignal, SIGNAL_BYTES, Target } from "../wire/signal";
import { SIGNAL_MAX } from "../lib/signal";
import { RESPONSE_BYTES, responseIsGood } from "../wire/response";
import { endIsUnknown, EXIT_CODE_MAX, exitStatus, rawStatus, STATUS_BYTES } from "../wire/status";
import { CURSORS_BYTES, HEADER_BYTES } from "../wire/stream";

export const enum Message { REQUEST, RESPONSE, EXIT_STATUS, RAW_STATUS, STREAM, CURSOR, REQUEST_2, RECORD, SIGNAL, COUNT }

export const enum FieldKind { I32, U64, BIG_U32, TEXT, TEXTS, UNUSED, REST }

/** Why a message other than a request is refused; a request's reasons are `Verdict`'s. */
export const BAD_EXIT_STATUS: i32 = -10, BAD_RAW_STATUS: i32 = -11;
if (Verdict.UNTERMINATED_LANG <= BAD_EXIT_STATUS) ERROR("a request's verdict and another message's are the same number");

@unmanaged export class Field {
  name: string;
  /** Which of the request's limits it belongs to; -1 for none. */
  group: i32;
  offset: u32;
  size: u32;
  kind: FieldKind;
  /** What may stand in it, both included; anything when `low` is above `high`. */
  low: i32;
  high: i32;
}

/** A request's of protocol 2: fifteen, and four for each limit. */
const FIELDS_MAX: u32 = 79;
const fields = memory.data(FIELDS_MAX * offsetof<Field>(), 4);
let message: Message = Message.COUNT;
let used: u32 = 0;

export function fieldAt(index: u32): Field {
  assert(index < used, "there is no such field");
  return changetype<Field>(fields + index * offsetof<Field>());
}

/** Bytes of the whole message, or of what stands before its `REST`. */
export function sizeOf(which: Message): u32 {
  switch (which) {
    case Message.REQUEST: return REQUEST_BYTES;
    case Message.RESPONSE: return RESPONSE_BYTES;
    case Message.STREAM: return HEADER_BYTES;
    case Message.CURSOR: return CURSORS_BYTES;
    case Message.REQUEST_2: return REQUEST_2_BYTES;
    case Message.RECORD: return RECORD_BYTES;
    case Message.SIGNAL: return SIGNAL_BYTES;
    default: return STATUS_BYTES;
  }
}

/** Fills the table with the fields of a message; how many there are. */
export function list(which: Message): u32 {
  message = which;
  used = 0;
  switch (which) {
    case Message.REQUEST: listRequest(); break;
    case Message.RESPONSE: add("version", 0, RESPONSE_BYTES, FieldKind.I32, VERSION, VERSION); break;
    case Message.EXIT_STATUS: add("exit-status", 0, STATUS_BYTES, FieldKind.I32, 0, EXIT_CODE_MAX); break;
    case Message.RAW_STATUS: add("status", 0, STATUS_BYTES, FieldKind.BIG_U32); break;
    case Message.STREAM:
      add("position", 0, HEADER_BYTES, FieldKind.BIG_U32);
      add("content", HEADER_BYTES, 0, FieldKind.REST);
      break;
    case Message.CURSOR:
      add("stdout", 0, HEADER_BYTES, FieldKind.BIG_U32);
      add("stderr", HEADER_BYTES, CURSORS_BYTES - HEADER_BYTES, FieldKind.BIG_U32);
      break;
    case Message.REQUEST_2: listRequest2(); break;
    case Message.RECORD: listRecord(); break;
    case Message.SIGNAL:
      add("version", AT_SIGNAL_VERSION, 4, FieldKind.I32, VERSION_2, VERSION_2);
      add("signal", AT_SIGNAL, 4, FieldKind.I32, 1, SIGNAL_MAX);
      add("target", AT_TARGET, 4, FieldKind.I32, Target.COMMAND, Target.GROUP);
      break;
  }
  return used;
}

function listRequest(): void {
  add("version", AT_VERSION, 4, FieldKind.I32, VERSION, VERSION);
  add("tty", AT_TTY, 4, FieldKind.I32, 0, TTY_MAX);
  add("argument-count", AT_ARGUMENT_COUNT, 4, FieldKind.I32, 0, <i32>ARGUMENTS_BYTES);
  add("arguments", AT_ARGUMENTS, ARGUMENTS_BYTES, FieldKind.TEXTS);
  unusedUpTo("padding-1", AT_LIMIT_COUNT);
  add("limit-count", AT_LIMIT_COUNT, 4, FieldKind.I32, 0, LIMITS_MAX);
  unusedUpTo("padding-2", AT_LIMITS);
  listLimits(AT_LIMITS);
  add("user", AT_USER, USER_BYTES, FieldKind.TEXT);
  add("lang", AT_LANG, LANG_BYTES, FieldKind.TEXT);
}

function listLimits(first: u32): void {
  for (let i = 0; i < LIMITS_MAX; i++) {
    const at = first + <u32>i * LIMIT_BYTES;
    add("id", at + LIMIT_ID, 4, FieldKind.I32, 0, LIMIT_ID_MAX, i);
    unusedUpTo("padding", at + LIMIT_SOFT, i);
    add("soft", at + LIMIT_SOFT, 8, FieldKind.U64, 0, -1, i);
    add("hard", at + LIMIT_HARD, 8, FieldKind.U64, 0, -1, i);
  }
}

function listRequest2(): void {
  add("version", AT_2_VERSION, 4, FieldKind.I32, VERSION_2, VERSION_2);
  add("tty", AT_2_TTY, 4, FieldKind.I32, 0, TTY_MAX);
  add("rows", AT_2_ROWS, 4, FieldKind.I32, 0, SIZE_MAX);
  add("columns", AT_2_COLUMNS, 4, FieldKind.I32, 0, SIZE_MAX);
  add("umask", AT_2_UMASK, 4, FieldKind.I32, UMASK_DEFAULT, UMASK_MAX);
  add("argument-bytes", AT_2_ARGUMENT_BYTES, 4, FieldKind.I32, 0, BLOCK_BYTES_MAX);
  add("environment-bytes", AT_2_ENVIRONMENT_BYTES, 4, FieldKind.I32, 0, BLOCK_BYTES_MAX);
  add("limit-count", AT_2_LIMIT_COUNT, 4, FieldKind.I32, 0, LIMITS_MAX);
  listLimits(AT_2_LIMITS);
  add("descriptor-count", AT_2_DESCRIPTOR_COUNT, 4, FieldKind.I32, 0, DESCRIPTORS_MAX);
  unusedUpTo("padding", AT_2_USER);
  add("user", AT_2_USER, USER_2_BYTES, FieldKind.TEXT);
  add("directory", AT_2_DIRECTORY, PATH_BYTES, FieldKind.TEXT);
  add("path", AT_2_PATH, PATH_BYTES, FieldKind.TEXT);
  add("command", AT_2_COMMAND, PATH_BYTES, FieldKind.TEXT);
}

function listRecord(): void {
  add("version", AT_RECORD_VERSION, 4, FieldKind.I32, VERSION_2, VERSION_2);
  add("kind", AT_RECORD_KIND, 4, FieldKind.I32, RecordKind.RUNNING, RecordKind.ENDED);
  add("failure", AT_FAILURE, 4, FieldKind.I32, 0, FAILURE_MAX);
  add("errno", AT_ERRNO, 4, FieldKind.I32, 0, ERRNO_MAX);
  add("detail", AT_DETAIL, 4, FieldKind.I32);
  add("status", AT_STATUS, 4, FieldKind.I32);
  add("user-time", AT_USER_TIME, 8, FieldKind.U64);
  add("system-time", AT_SYSTEM_TIME, 8, FieldKind.U64);
  add("largest-memory", AT_MEMORY, 8, FieldKind.U64);
}

function add(name: string, offset: u32, size: u32, kind: FieldKind, low: i32 = 0, high: i32 = -1, group: i32 = -1): void {
  assert(used < FIELDS_MAX && offset == end(), "fields stand back to back, and in the table");
  const field = changetype<Field>(fields + used++ * offsetof<Field>());
  field.name = name;
  field.group = group;
  field.offset = offset;
  field.size = size;
  field.kind = kind;
  field.low = low;
  field.high = high;
}

/** Behind the last field. */
function end(): u32 {
  if (used == 0) return 0;
  const last = fieldAt(used - 1);
  return last.offset + last.size;
}

function unusedUpTo(name: string, offset: u32, group: i32 = -1): void { add(name, end(), offset - end(), FieldKind.UNUSED, 0, -1, group); }

/** What is wrong with this field of the message at `at`, of which `have` bytes are there. */
export function judgeField(index: u32, at: usize, have: u32): i32 {
  const field = fieldAt(index);
  if (field.offset + field.size > have) return Verdict.NEED_MORE;
  switch (message) {
    case Message.REQUEST: return judgeRequestField(field, at);
    case Message.REQUEST_2: return judgeRequest2Field(field, at);
    case Message.RECORD: return faultInRecord(at, field.offset);
    case Message.SIGNAL: return faultInSignal(at, field.offset);
    case Message.RESPONSE: return responseIsGood(at) ? Verdict.WHOLE : Verdict.BAD_VERSION;
    case Message.EXIT_STATUS: return exitStatus(at) >= 0 ? Verdict.WHOLE : BAD_EXIT_STATUS;
    case Message.RAW_STATUS: return endIsUnknown(rawStatus(at)) ? BAD_RAW_STATUS : Verdict.WHOLE;
    default: return Verdict.WHOLE;
  }
}

/** What is wrong with the message at `at`, of which `have` bytes are there. */
export function judgeWhole(at: usize, have: u32): i32 {
  switch (message) {
    case Message.REQUEST: return judge(at, have);
    case Message.REQUEST_2: return judge2(at, have);
    case Message.RECORD: return judgeRecord(at, have);
    case Message.SIGNAL: return judgeSignal(at, have);
  }
  // The end of the pipe without a status: the command was killed.
  if (message == Message.EXIT_STATUS && have == 0) return Verdict.WHOLE;
  if (have < sizeOf(message)) return Verdict.NEED_MORE;
  if (have > sizeOf(message) && message != Message.STREAM) return Verdict.TOO_LONG;
  return judgeField(0, at, have);
}

function judgeRequest2Field(field: Field, at: usize): i32 {
  if (field.group < 0) return faultIn(at, field.offset);
  const isBad = field.kind == FieldKind.I32 && <u32>field.group < limitsUsed2(at) && limitIdIsBad2(at, field.group);
  return isBad ? Verdict.BAD_LIMIT_ID : Verdict.WHOLE;
}

function judgeRequestField(field: Field, at: usize): i32 {
  if (field.group >= 0) {
    const isBad = field.kind == FieldKind.I32 && <u32>field.group < limitsUsed(at) && limitIdIsBad(at, field.group);
    return isBad ? Verdict.BAD_LIMIT_ID : Verdict.WHOLE;
  }
  const fault = faultAt(field.offset);
  // With a count that no request can have, there is nothing to be said about the arguments.
  if (fault == Verdict.UNTERMINATED_ARGUMENT && suffersFrom(at, Verdict.BAD_ARGUMENT_COUNT)) return Verdict.WHOLE;
  return suffersFrom(at, fault) ? fault : Verdict.WHOLE;
}

function faultAt(offset: u32): Verdict {
  switch (offset) {
    case AT_VERSION: return Verdict.BAD_VERSION;
    case AT_TTY: return Verdict.BAD_TTY;
    case AT_ARGUMENT_COUNT: return Verdict.BAD_ARGUMENT_COUNT;
    case AT_ARGUMENTS: return Verdict.UNTERMINATED_ARGUMENT;
    case AT_LIMIT_COUNT: return Verdict.BAD_LIMIT_COUNT;
    case AT_USER: return Verdict.UNTERMINATED_USER;
    case AT_LANG: return Verdict.UNTERMINATED_LANG;
    default: return Verdict.WHOLE;
  }
}
