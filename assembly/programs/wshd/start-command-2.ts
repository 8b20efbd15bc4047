/**
 * Runs the command of a request of protocol 2: finds user and groups, makes the descriptors, sends RUNNING, starts the process. A
 * failure is a record. docs/reference/protocol.md §6
 */
import {
  LOWERED, send, setWindowSize, spawn, SPAWN_HOME, SPAWN_NO_GROUPS, SPAWN_NO_NEW_PRIVS, SPAWN_SESSION, SPAWN_TERMINAL,
  spawnArguments, spawnBegin, spawnBlock, spawnDescriptor, spawnDirectory, spawnEnvironment, spawnFiles, spawnGroups, spawnLimit,
  spawnUmask, spawnUser, watch, READ,
} from "../../boundary/shim";
import { nowMs } from "../../boundary/wasi";
import { EMFILE, ENAMETOOLONG, ENFILE } from "../../lib/errno";
import { hasSlash, putCandidates, putEnd } from "../../lib/exec-path";
import { putCopy, putText, stringLength } from "../../lib/text";
import { beginRecord, Failure, putFailure, RECORD_BYTES, RecordKind } from "../../wire/record";
import { LIMIT_HARD, LIMIT_ID, LIMIT_SOFT } from "../../wire/request";
import {
  AT_2_ARGUMENT_BYTES, AT_2_COLUMNS, AT_2_COMMAND, AT_2_DESCRIPTOR_COUNT, AT_2_DIRECTORY, AT_2_ENVIRONMENT_BYTES, AT_2_PATH, AT_2_ROWS,
  AT_2_TTY, AT_2_UMASK, AT_2_USER, BAD_DESCRIPTOR_COUNT, limitAt2, limitsUsed2, PATH_BYTES, UMASK_DEFAULT,
} from "../../wire/request-2";
import { PipesHandle } from "../../wire/response";
import { limitDefault, LIMITS_SENT, sentId } from "../../wire/rlimits";
import { failedErrno, findAccount, group, groupCount, groups, groupsAreGiven } from "./accounts";
import { addConnection, addStart, hasRoomForCommand } from "./commands";
import { account } from "./passwd";
import {
  closeAt, closeHandles, expendable, files, handleAt, handles, makePipes, makePty, noGroups, noNewPrivs, ROOT_PATH, Served, setHandle,
  Slot, USER_PATH,
} from "./start-command";

/** NAME_MAX */
const NAME_BYTES_MAX: u32 = 255;
/** The first descriptor of the client's that the command gets. */
const FIRST_GIVEN: i32 = 3;
const record = memory.data(RECORD_BYTES, 8);
/** HOME, USER and PATH. */
const environment = memory.data(2 * PATH_BYTES + 1024);

/** Sends a FAILED; what becomes of it is not the sender's concern. `errno`: positive, or 0. */
export function refuse2(socket: i32, failure: Failure, errno: i32, detail: i32): Served {
  putFailure(record, failure, errno, detail);
  send(socket, record, RECORD_BYTES, handles, 0);
  closeHandles();
  return Served.FAILED;
}

/** Starts the command of the request at `at`. `given`: the `count` handles that came with it, which stay the caller's. */
export function serveRequest2(socket: i32, at: usize, given: usize, count: i32): Served {
  // There is no memory for the description; retry later.
  if (spawnBegin() < 0) return Served.NOT_NOW;
  const hasBlock = blockBytes(at) > 0;
  if (count != load<i32>(at + AT_2_DESCRIPTOR_COUNT) + hasBlock) return refuse2(socket, Failure.REQUEST, 0, BAD_DESCRIPTOR_COUNT);
  if (!hasRoomForCommand()) return refuse2(socket, Failure.BUSY, 0, 0);
  const missing = findAccount(at + AT_2_USER);
  if (missing != Failure.NONE) return refuse2(socket, missing, failedErrno, 0);
  const tty = load<i32>(at + AT_2_TTY) != 0, made = tty ? makePty() : makePipes();
  if (made == -EMFILE || made == -ENFILE) {
    closeHandles();
    return Served.NOT_NOW;
  }
  if (made < 0) return refuse2(socket, Failure.PROCESS, -made, 0);
  if (tty) setWindowSize(handleAt(0), load<i32>(at + AT_2_ROWS), load<i32>(at + AT_2_COLUMNS));
  const handed = tty ? 1 : <i32>PipesHandle.STATUS;
  beginRecord(record, RecordKind.RUNNING);
  if (send(socket, record, RECORD_BYTES, handles, handed) < 0) {
    closeHandles();
    return Served.FAILED;
  }
  for (let i = 0; i < handed; i++) closeAt(i);
  return start2(socket, at, given, count, tty);
}

function blockBytes(at: usize): i32 { return load<i32>(at + AT_2_ARGUMENT_BYTES) + load<i32>(at + AT_2_ENVIRONMENT_BYTES); }

function start2(socket: i32, at: usize, given: usize, count: i32, tty: bool): Served {
  const command = load<i32>(at + AT_2_ARGUMENT_BYTES) > 0 ? at + AT_2_COMMAND : account.shell;
  if (!hasSlash(command) && stringLength(command) > NAME_BYTES_MAX) return refuse2(socket, Failure.EXECUTE, ENAMETOOLONG, 0);
  describe2(at, tty, command);
  describeStreams(at, given, count, tty);
  describeLimits(at);
  const privileges = noNewPrivs && account.uid != 0 ? SPAWN_NO_NEW_PRIVS : 0;
  const home = load<u8>(at + AT_2_DIRECTORY) == 0 ? SPAWN_HOME : 0;
  const flags = SPAWN_SESSION | describeGroups() | (tty ? SPAWN_TERMINAL : 0) | privileges | home | expendable;
  const pid = spawn(flags, handles + Slot.REPORT * 4);
  if (pid < 0) return refuse2(socket, Failure.PROCESS, -pid, 0);
  addConnection(pid, socket);
  // A request that had to wait was not read from.
  watch(socket, READ);
  const report = handleAt(Slot.REPORT);
  if (report > 0) {
    addStart(pid, report, 0, command, command, nowMs());
    setHandle(Slot.REPORT, 0);
    watch(report, READ);
  }
  closeHandles();
  return Served.DONE;
}

function describe2(at: usize, tty: bool, command: usize): void {
  spawnBegin();
  if (command == account.shell) spawnArguments(account.shell, stringLength(account.shell) + 1);
  const path = putEnvironment2(at);
  spawnFiles(files, <u32>(putCandidates(files, path, command) - files));
  spawnDirectory(load<u8>(at + AT_2_DIRECTORY) != 0 ? at + AT_2_DIRECTORY : account.home);
  spawnUser(account.uid, group);
  if (load<i32>(at + AT_2_UMASK) != UMASK_DEFAULT) spawnUmask(load<u32>(at + AT_2_UMASK));
}

/** Describes HOME, USER and PATH; returns PATH's value. */
function putEnvironment2(at: usize): usize {
  const given = at + AT_2_PATH;
  let end = putEnd(putCopy(putText(environment, "HOME="), account.home));
  end = putEnd(putCopy(putText(end, "USER="), account.name));
  const path = putText(end, "PATH=");
  end = putEnd(load<u8>(given) != 0 ? putCopy(path, given) : putText(path, account.uid == 0 ? ROOT_PATH : USER_PATH));
  spawnEnvironment(environment, <u32>(end - environment));
  return path;
}

function describeStreams(at: usize, given: usize, count: i32, tty: bool): void {
  spawnDescriptor(0, handleAt(tty ? Slot.STDERR : Slot.STDIN));
  spawnDescriptor(1, handleAt(tty ? Slot.STDERR : Slot.STDOUT));
  spawnDescriptor(2, handleAt(Slot.STDERR));
  const first = blockBytes(at) > 0 ? 1 : 0;
  if (first == 1) spawnBlock(load<i32>(given), load<u32>(at + AT_2_ARGUMENT_BYTES), load<u32>(at + AT_2_ENVIRONMENT_BYTES));
  for (let i = first; i < count; i++) spawnDescriptor(FIRST_GIVEN + i - first, load<i32>(given + i * 4));
}

/** The limits that were asked for; of the usual ones that were not, the default, as far as the hard limit lets it be. */
function describeLimits(at: usize): void {
  for (let i: u32 = 0; i < limitsUsed2(at); i++) {
    const limit = limitAt2(at, i);
    putLimit(load<u32>(limit + LIMIT_ID), load<u64>(limit + LIMIT_SOFT), load<u64>(limit + LIMIT_HARD));
  }
  for (let i: u32 = 0; i < LIMITS_SENT; i++) {
    const id = sentId(i);
    if (!asksFor(at, id)) putLimit(id | LOWERED, limitDefault(id), limitDefault(id));
  }
}

function asksFor(at: usize, id: i32): bool {
  for (let i: u32 = 0; i < limitsUsed2(at); i++) if (load<i32>(limitAt2(at, i) + LIMIT_ID) == id) return true;
  return false;
}

function putLimit(id: u32, soft: u64, hard: u64): void { spawnLimit(id, <u32>soft, <u32>(soft >> 32), <u32>hard, <u32>(hard >> 32)); }

/** The flag of `spawn` for the groups. Where setgroups(2) is denied, only groups that were asked for are set, and fail. */
function describeGroups(): i32 {
  if (groupCount == 0 || (noGroups == 0 && !groupsAreGiven)) return noGroups;
  spawnGroups(groups, groupCount);
  return 0;
}
