/** The records that wshd sends in protocol 2, and their failures in words. docs/reference/protocol.md §7 */
import { receive } from "../../boundary/shim";
import { EAGAIN, EINVAL, ENOSPC, EPERM, EPROTO, ETIMEDOUT } from "../../lib/errno";
import * as line from "../../lib/line";
import {
  AT_DETAIL, AT_ERRNO, AT_FAILURE, AT_MEMORY, AT_RECORD_KIND, AT_STATUS, AT_SYSTEM_TIME, AT_USER_TIME, Failure, judgeRecord,
  RECORD_BYTES, RecordKind,
} from "../../wire/record";
import { AT_2_ARGUMENT_BYTES, AT_2_COMMAND, AT_2_DIRECTORY, AT_2_USER } from "../../wire/request-2";
import { limitName } from "../../wire/rlimits";
import { request2 } from "./protocol-2";

export const enum Figure { USER_TIME = 0, SYSTEM_TIME = 1, MEMORY = 2 }
const record = memory.data(RECORD_BYTES, 8);
const noHandles = memory.data(8, 4);
let have: u32 = 0;

/**
 * Reads a record, and with its first bytes at most `count` handles. Returns its kind, 0 at the end of the connection, -EPROTO for a
 * bad record, or another errno: -EAGAIN while it is incomplete.
 */
export function takeRecord(socket: i32, handles: usize, count: u32): i32 {
  const isFirst = have == 0;
  const got = receive(socket, record + have, RECORD_BYTES - have, isFirst ? handles : noHandles, isFirst ? count : 0);
  if (got <= 0) return have > 0 && got == 0 ? -EPROTO : got;
  have += got;
  if (have < RECORD_BYTES) return takeRecord(socket, handles, count);
  have = 0;
  return judgeRecord(record, RECORD_BYTES) == 0 ? load<i32>(record + AT_RECORD_KIND) : -EPROTO;
}

/** Of an ENDED: the raw wait status. */
export function recordedStatus(): i32 { return load<i32>(record + AT_STATUS); }

/** Of an ENDED: what the command used, in microseconds and KiB. */
export function recordedFigure(which: i32): i64 {
  if (load<i32>(record + AT_RECORD_KIND) != RecordKind.ENDED) return -1;
  switch (which) {
    case Figure.USER_TIME: return load<i64>(record + AT_USER_TIME);
    case Figure.SYSTEM_TIME: return load<i64>(record + AT_SYSTEM_TIME);
    default: return load<i64>(record + AT_MEMORY);
  }
}

/** Of a FAILED: prints the sentence. */
export function printFailure(): void {
  const failure = load<i32>(record + AT_FAILURE), errno = load<i32>(record + AT_ERRNO);
  line.begin();
  line.put("wsh: ");
  putFailure(failure);
  if (errno != 0) line.putError(errno);
  if (failure == Failure.LIMIT && errno == EPERM) line.put("; is it above the hard limit that wshd was started with?");
  if ((failure == Failure.GROUP || failure == Failure.USER) && errno == EINVAL) line.put("; the container's user namespace has no such id");
  if (failure == Failure.PROCESS && errno == EAGAIN) line.put("; is the container's limit of processes reached?");
  if (failure == Failure.EXECUTE && errno == ETIMEDOUT) line.put("; a process of its user may have stopped it");
  // Pipes and processes need no space. pts(4)
  if (failure == Failure.PROCESS && errno == ENOSPC) line.put("; all terminals of the container are in use");
  line.flush();
}

function putFailure(failure: i32): void {
  switch (failure) {
    case Failure.EXECUTE: return putOf("cannot execute ", AT_2_COMMAND);
    case Failure.DIRECTORY: return putOf("cannot change to the directory ", AT_2_DIRECTORY);
    case Failure.LIMIT: {
      line.put("cannot set the limit ");
      return line.put(limitName(load<i32>(record + AT_DETAIL)));
    }
    case Failure.NO_USER: return putOf("no such user in the container's /etc/passwd: ", AT_2_USER);
    case Failure.NO_GROUP: return putOf("no such group in the container's /etc/group: ", AT_2_USER);
    case Failure.ACCOUNTS: return putOf("cannot read the container's users and groups for ", AT_2_USER);
    case Failure.BUSY: return line.put("as many commands run in this container as it can have");
    case Failure.BLOCK: return line.put("the container's wshd cannot read command and variables");
    case Failure.PROCESS: return line.put("wshd cannot make the command's streams or its process");
    case Failure.GROUPS: return line.put("cannot set the supplementary groups");
    case Failure.GROUP: return line.put("cannot set the group id");
    case Failure.USER: return line.put("cannot set the user id");
    case Failure.REQUEST: {
      line.put("wshd refused the request, reason ");
      return line.putNumber(-load<i32>(record + AT_DETAIL));
    }
    default: {
      line.put("wshd cannot start the command, step ");
      line.putNumber(failure);
    }
  }
}

/** A request without a command is one for the user's shell, which wshd alone knows. */
function putOf(words: string, field: u32): void {
  line.put(words);
  if (load<i32>(request2 + AT_2_ARGUMENT_BYTES) == 0 && field == AT_2_COMMAND) line.put("the user's shell");
  else line.putString(request2 + field);
}
