/** Runs what a judged request asks for: descriptors, answer, user, process. */
import {
  close, duplicate, openPty, pipe, READ, send, spawn, SPAWN_NO_GROUPS, SPAWN_NO_NEW_PRIVS, SPAWN_SESSION, SPAWN_TERMINAL,
  spawnArguments, spawnBegin, spawnDescriptor, spawnDirectory, spawnEnvironment, spawnFiles, spawnLimit, spawnUser, unblock, watch,
} from "../shim";
import { putCopy, putText, stringLength } from "../shared/bytes";
import { EAGAIN, EMFILE, ENFILE } from "../shared/errno";
import { begin, endLine, put, putError, putNumber, putString } from "../shared/message";
import { putCandidates, putEnd } from "../shared/search";
import {
  argumentsSize, ARGUMENTS_BYTES, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_TTY, AT_USER, LANG_BYTES,
  LIMIT_HARD, LIMIT_ID, LIMIT_SOFT, limitAt, USER_BYTES,
} from "../wire/request";
import { PipesHandle, PtyHandle, putResponse, RESPONSE_BYTES } from "../wire/response";
import { EXIT_UNKNOWN, rawExit } from "../wire/status";
import { addJob, addStart, hasRoomForJob, JOBS_MAX, tellFailure, tellStatus } from "./jobs";
import { gid, home, Lookup, lookUp, openError, shell, uid } from "./passwd";

export const enum Served { DONE, NOT_NOW, FAILED }

const ROOT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin";
const USER_PATH = "/bin:/usr/bin";

/**
 * Handles of the command that is being served, so that all are closed whatever happens, a trap between any two lines
 * included: what is handed on leaves the table at once, what is closed leaves it first. Shape of what travels first.
 */
const enum Made { OURS = 0, STDIN = 4, STDOUT = 5, STDERR = 6, STATUS = 7, ERRORS = 8, REPORT = 9, PAIR = 10, COUNT = 12 }
const made = memory.data(48, 4);
if (Made.COUNT * 4 != 48) ERROR("the table of handles has another size");

const response = memory.data(4, 4);
const rootName = memory.data<u8>([0x72, 0x6f, 0x6f, 0x74, 0]);
/** HOME, USER, PATH, LANG; an argument may be tried in four directories. */
const environment = memory.data(4096);
const files = memory.data(33024);
/** The PATH that stands in the environment. */
let searchPath: usize = 0;
if (33024 < 4 * (ARGUMENTS_BYTES + 16)) ERROR("an argument in four directories does not fit");
if (4096 < 2048 + USER_BYTES + LANG_BYTES + 128) ERROR("the environment does not fit");

function madeAt(index: i32): i32 { return load<i32>(made + index * 4); }
function setMade(index: i32, handle: i32): void { store<i32>(made + index * 4, handle); }
function move(from: i32, to: i32): void {
  setMade(to, madeAt(from));
  setMade(from, 0);
}

export function closeMade(): void { for (let i = 0; i < Made.COUNT; i++) closeAt(i); }

function closeAt(index: i32): void {
  const handle = madeAt(index);
  setMade(index, 0);
  if (handle > 0) close(handle);
}

/** Answers the client on `socket` and starts the command of the request at `at`. */
export function serveRequest(socket: i32, at: usize): Served {
  const tty = load<i32>(at + AT_TTY) != 0;
  // As many commands as can be on their way to execution are on it; they need microseconds, or a processor.
  if (spawnBegin() < 0) return Served.NOT_NOW;
  const failure = tty ? makePty() : makePipes();
  if (failure < 0) {
    closeMade();
    return failure == -EMFILE || failure == -ENFILE ? Served.NOT_NOW : Served.FAILED;
  }
  putResponse(response);
  const count = tty ? <i32>PtyHandle.COUNT : <i32>PipesHandle.COUNT;
  if (send(socket, response, RESPONSE_BYTES, made, count) < 0) {
    closeMade();
    return Served.FAILED;
  }
  for (let i = 0; i < count; i++) closeAt(i);
  start(at, tty);
  closeMade();
  return Served.DONE;
}

function makePipe(readIndex: i32, writeIndex: i32): i32 {
  const result = pipe(made + Made.PAIR * 4);
  if (result < 0) return result;
  move(Made.PAIR, readIndex);
  move(Made.PAIR + 1, writeIndex);
  return 0;
}

function makePipes(): i32 {
  const stdin = makePipe(Made.STDIN, PipesHandle.STDIN);
  if (stdin < 0) return stdin;
  const stdout = makePipe(PipesHandle.STDOUT, Made.STDOUT);
  if (stdout < 0) return stdout;
  const stderr = makePipe(PipesHandle.STDERR, Made.STDERR);
  return stderr < 0 ? stderr : makeStatus(PipesHandle.STATUS);
}

/** Whoever reads the status can fill its pipe, too (/proc/self/fd): that must not stop us. */
function makeStatus(readIndex: i32): i32 {
  const status = makePipe(readIndex, Made.STATUS);
  return status < 0 ? status : unblock(madeAt(Made.STATUS));
}

function makePty(): i32 {
  const result = openPty(made + Made.PAIR * 4);
  if (result < 0) return result;
  move(Made.PAIR, PtyHandle.MASTER);
  move(Made.PAIR + 1, Made.STDERR);
  return makeStatus(PtyHandle.STATUS);
}

/** From here on the client has its descriptors: whatever fails is told on the command's stderr, and is exit code 255. */
function start(at: usize, tty: bool): void {
  if (!hasRoomForJob()) {
    begin();
    put("wshd: ");
    putNumber(JOBS_MAX);
    put(" commands run in this container already, and that is the limit");
    return refuse();
  }
  const user = load<u8>(at + AT_USER) != 0 ? at + AT_USER : rootName;
  const lookup = lookUp(user);
  if (lookup != Lookup.FOUND) return refuseUser(user, lookup);
  const hasCommand = load<i32>(at + AT_ARGUMENT_COUNT) != 0;
  const command = hasCommand ? at + AT_ARGUMENTS : shell;
  describe(at, tty, user, command, hasCommand ? argumentsSize(at) : stringLength(shell) + 1);
  const errors = duplicate(madeAt(Made.STDERR));
  setMade(Made.ERRORS, errors);
  const flags = SPAWN_SESSION | SPAWN_NO_GROUPS | (tty ? SPAWN_TERMINAL : 0) | (uid != 0 ? SPAWN_NO_NEW_PRIVS : 0);
  const pid = errors < 0 ? errors : spawn(flags, made + Made.REPORT * 4);
  if (pid < 0) {
    begin();
    put("wshd: cannot start a process for ");
    putString(command);
    putError(pid);
    if (pid == -EAGAIN) put("; is the container's limit of processes reached?");
    return refuse();
  }
  addJob(pid, madeAt(Made.STATUS));
  setMade(Made.STATUS, 0);
  const report = madeAt(Made.REPORT);
  // Too many at once to say why one of them fails; its exit code still does.
  if (!addStart(pid, report, errors, command, home)) return;
  setMade(Made.REPORT, 0);
  setMade(Made.ERRORS, 0);
  watch(report, READ);
}

function describe(at: usize, tty: bool, user: usize, command: usize, size: u32): void {
  spawnBegin();
  spawnArguments(command, size);
  const end = putEnvironment(user, at + AT_LANG);
  spawnEnvironment(environment, <u32>(end - environment));
  spawnFiles(files, <u32>(putCandidates(files, searchPath, command) - files));
  spawnDirectory(home);
  spawnUser(uid, gid);
  spawnDescriptor(0, madeAt(tty ? Made.STDERR : Made.STDIN));
  spawnDescriptor(1, madeAt(tty ? Made.STDERR : Made.STDOUT));
  spawnDescriptor(2, madeAt(Made.STDERR));
  const count = load<u32>(at + AT_LIMIT_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const limit = limitAt(at, i), soft = limit + LIMIT_SOFT, hard = limit + LIMIT_HARD;
    spawnLimit(load<u32>(limit + LIMIT_ID), load<u32>(soft), load<u32>(soft + 4), load<u32>(hard), load<u32>(hard + 4));
  }
}

/** HOME, USER, PATH and LANG, and nothing else; where they end. */
function putEnvironment(user: usize, lang: usize): usize {
  let end = putEnd(putCopy(putText(environment, "HOME="), home));
  end = putEnd(putCopy(putText(end, "USER="), user));
  searchPath = putText(end, "PATH=");
  end = putEnd(putText(searchPath, uid == 0 ? ROOT_PATH : USER_PATH));
  return load<u8>(lang) != 0 ? putEnd(putCopy(putText(end, "LANG="), lang)) : end;
}

function refuseUser(user: usize, lookup: Lookup): void {
  begin();
  if (lookup == Lookup.NO_FILE) {
    put("wshd: cannot look up the user ");
    putString(user);
    put(" in the container's /etc/passwd");
    putError(openError);
  } else if (lookup == Lookup.TOO_LARGE) {
    put("wshd: the container's /etc/passwd is larger than 1 MiB; not searched for the user ");
    putString(user);
  } else {
    put("wshd: no such user in the container's /etc/passwd: ");
    putString(user);
  }
  refuse();
}

function refuse(): void {
  endLine();
  tellFailure(madeAt(Made.STDERR));
  const status = madeAt(Made.STATUS);
  setMade(Made.STATUS, 0);
  tellStatus(status, rawExit(EXIT_UNKNOWN));
}
