/** Runs what a judged request asks for: descriptors, answer, user, process. */
import {
  close, duplicate, openPty, pipe, send, spawn, SPAWN_NO_GROUPS, SPAWN_NO_NEW_PRIVS, SPAWN_SESSION, SPAWN_TERMINAL,
  spawnArguments, spawnBegin, spawnDescriptor, spawnDirectory, spawnEnvironment, spawnFiles, spawnLimit, spawnUser, write,
} from "../shim";
import { putCopy, putText, stringLength } from "../shared/bytes";
import { EAGAIN, EMFILE, ENFILE } from "../shared/errno";
import { begin, endLine, messageAt, messageSize, put, putError, putNumber, putString } from "../shared/message";
import { putCandidates, putEnd } from "../shared/search";
import {
  argumentsSize, ARGUMENTS_BYTES, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_TTY, AT_USER, LANG_BYTES,
  LIMIT_HARD, LIMIT_ID, LIMIT_SOFT, limitAt, USER_BYTES,
} from "../wire/request";
import { PipesHandle, PtyHandle, putResponse, RESPONSE_BYTES } from "../wire/response";
import { EXIT_UNKNOWN, rawExit } from "../wire/status";
import { addJob, hasRoomForJob, JOBS_MAX, tellStatus } from "./jobs";
import { gid, home, Lookup, lookUp, openError, shell, uid } from "./passwd";

export const enum Served { DONE, NOT_NOW, FAILED }

const ROOT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin";
const USER_PATH = "/bin:/usr/bin";

/** Handles of the command that is being served, so that all are closed whatever happens. Shape of what travels first. */
const enum Made { OURS = 0, STDIN = 4, STDOUT = 5, STDERR = 6, STATUS = 7, COUNT = 8 }
const made = memory.data(32, 4);
if (Made.COUNT * 4 != 32) ERROR("the table of handles has another size");

const pair = memory.data(8, 4);
const response = memory.data(4, 4);
const rootName = memory.data<u8>([0x72, 0x6f, 0x6f, 0x74, 0]);
const reportOut = memory.data(4, 4);
/** HOME, USER, PATH, LANG; an argument may be tried in four directories. */
const environment = memory.data(4096);
const files = memory.data(33024);
/** The PATH that stands in the environment. */
let searchPath: usize = 0;
if (33024 < 4 * (ARGUMENTS_BYTES + 16)) ERROR("an argument in four directories does not fit");
if (4096 < 2048 + USER_BYTES + LANG_BYTES + 128) ERROR("the environment does not fit");

function madeAt(index: i32): i32 { return load<i32>(made + index * 4); }
function setMade(index: i32, handle: i32): void { store<i32>(made + index * 4, handle); }

export function closeMade(): void {
  for (let i = 0; i < Made.COUNT; i++) {
    if (madeAt(i) > 0) close(madeAt(i));
    setMade(i, 0);
  }
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
  for (let i = 0; i < count; i++) {
    close(madeAt(i));
    setMade(i, 0);
  }
  start(at, tty);
  closeMade();
  return Served.DONE;
}

function makePipe(readIndex: i32, writeIndex: i32): i32 {
  const result = pipe(pair);
  if (result < 0) return result;
  setMade(readIndex, load<i32>(pair));
  setMade(writeIndex, load<i32>(pair + 4));
  return 0;
}

function makePipes(): i32 {
  const stdin = makePipe(Made.STDIN, PipesHandle.STDIN);
  if (stdin < 0) return stdin;
  const stdout = makePipe(PipesHandle.STDOUT, Made.STDOUT);
  if (stdout < 0) return stdout;
  const stderr = makePipe(PipesHandle.STDERR, Made.STDERR);
  return stderr < 0 ? stderr : makePipe(PipesHandle.STATUS, Made.STATUS);
}

function makePty(): i32 {
  const result = openPty(pair);
  if (result < 0) return result;
  setMade(PtyHandle.MASTER, load<i32>(pair));
  setMade(Made.STDERR, load<i32>(pair + 4));
  return makePipe(PtyHandle.STATUS, Made.STATUS);
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
  const flags = SPAWN_SESSION | SPAWN_NO_GROUPS | (tty ? SPAWN_TERMINAL : 0) | (uid != 0 ? SPAWN_NO_NEW_PRIVS : 0);
  const pid = errors < 0 ? errors : spawn(flags, reportOut);
  if (pid < 0) {
    if (errors >= 0) close(errors);
    begin();
    put("wshd: cannot start a process for ");
    putString(command);
    putError(pid);
    if (pid == -EAGAIN) put("; is the container's limit of processes reached?");
    return refuse();
  }
  addJob(pid, madeAt(Made.STATUS), load<i32>(reportOut), errors, command, home);
  setMade(Made.STATUS, 0);
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
  write(madeAt(Made.STDERR), messageAt(), messageSize());
  tellStatus(madeAt(Made.STATUS), rawExit(EXIT_UNKNOWN));
  setMade(Made.STATUS, 0);
}
