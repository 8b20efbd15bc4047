/**
 * wshd → wsh: a record of protocol 2, 48 bytes on the connection. docs/reference/protocol.md §7
 *
 *   0  version        i32, 2
 *   4  kind           i32: 1 RUNNING, 2 FAILED, 3 ENDED
 *   8  failure        i32, of FAILED: what failed (`Failure`), else 0
 *  12  errno          i32, of FAILED: Linux's number, or 0
 *  16  detail         i32, of FAILED: of LIMIT its id, of REQUEST the verdict, negative; else 0
 *  20  status         i32, of ENDED: the raw wait status of wait(2), else 0
 *  24  user time      u64, of ENDED: microseconds of the processor, with the children that it has waited for
 *  32  system time    u64
 *  40  largest memory u64, of ENDED: KiB, of the largest of these processes
 *
 * With RUNNING travel descriptors: without a pty the write end of stdin and the read ends of stdout and stderr, else the pty's
 * master. One FAILED, or RUNNING and then FAILED or ENDED, then end of file.
 */
import { Verdict } from "./request";
import { BAD_VERSION_2, VERSION_2 } from "./request-2";
import { endIsUnknown } from "./status";

export const RECORD_BYTES: u32 = 48;
export const enum RecordKind { RUNNING = 1, FAILED = 2, ENDED = 3 }

/** What failed. Those of the starting process have the numbers of the boundary's `Step`. */
export const enum Failure {
  NONE = 0, DESCRIPTORS = 1, SESSION, TERMINAL, LIMIT, GROUPS, GROUP, USER, PRIVILEGES, DIRECTORY, EXECUTE, PARENT, BLOCK,
  /** The request is invalid, or its descriptors are not those that it announces. */
  REQUEST = 32,
  /** Too many commands run. */
  BUSY,
  NO_USER, NO_GROUP,
  /** The file of users, or of groups, cannot be read. */
  ACCOUNTS,
  /** No pipe, no pty or no process can be made. */
  PROCESS,
}
export const FAILURE_MAX: i32 = 37;
export const ERRNO_MAX: i32 = 4095;

export const AT_RECORD_VERSION: u32 = 0, AT_RECORD_KIND: u32 = 4, AT_FAILURE: u32 = 8, AT_ERRNO: u32 = 12;
export const AT_DETAIL: u32 = 16, AT_STATUS: u32 = 20;
export const AT_USER_TIME: u32 = 24, AT_SYSTEM_TIME: u32 = 32, AT_MEMORY: u32 = 40;
if (<i32>Failure.PROCESS != FAILURE_MAX || AT_MEMORY + 8 != RECORD_BYTES) ERROR("the record has another layout");

/** Reasons beside `Verdict`'s. */
export const BAD_KIND: i32 = -27, BAD_FAILURE: i32 = -28, BAD_ERRNO: i32 = -29, BAD_STATUS: i32 = -30;

export function beginRecord(at: usize, kind: RecordKind): void {
  memory.fill(at, 0, RECORD_BYTES);
  store<i32>(at + AT_RECORD_VERSION, VERSION_2);
  store<i32>(at + AT_RECORD_KIND, kind);
}

/** `errno`: positive, or 0 for none. */
export function putFailure(at: usize, failure: i32, errno: i32, detail: i32): void {
  beginRecord(at, RecordKind.FAILED);
  store<i32>(at + AT_FAILURE, failure);
  store<i32>(at + AT_ERRNO, errno);
  store<i32>(at + AT_DETAIL, detail);
}

export function judgeRecord(at: usize, have: u32): i32 {
  if (have < RECORD_BYTES) return Verdict.NEED_MORE;
  if (have > RECORD_BYTES) return Verdict.TOO_LONG;
  for (let field = AT_RECORD_VERSION; field < AT_USER_TIME; field += 4) {
    const fault = faultInRecord(at, field);
    if (fault != 0) return fault;
  }
  return Verdict.WHOLE;
}

/** What is wrong with the field at this offset of a whole record; 0 if nothing is. */
export function faultInRecord(at: usize, field: u32): i32 {
  const value = load<i32>(at + field);
  switch (field) {
    case AT_RECORD_VERSION: return value != VERSION_2 ? BAD_VERSION_2 : 0;
    case AT_RECORD_KIND: return value < RecordKind.RUNNING || value > RecordKind.ENDED ? BAD_KIND : 0;
    case AT_FAILURE: return value < 0 || value > FAILURE_MAX ? BAD_FAILURE : 0;
    case AT_ERRNO: return value < 0 || value > ERRNO_MAX ? BAD_ERRNO : 0;
    case AT_STATUS: return endIsUnknown(value) ? BAD_STATUS : 0;
    default: return 0;
  }
}
