/** Runs the command of a valid request: makes the descriptors, answers, looks up the user, starts the process. */
import {
  close, duplicate, openPty, pipe, READ, send, setNonblocking, spawn, SPAWN_EXPENDABLE, SPAWN_NO_GROUPS, SPAWN_NO_NEW_PRIVS,
  SPAWN_SESSION, SPAWN_TERMINAL, spawnArguments, spawnBegin, spawnDescriptor, spawnDirectory, spawnEnvironment,
  spawnFiles, spawnLimit, spawnUser, watch,
} from "../../boundary/shim";
import { nowMs, variable } from "../../boundary/wasi";
import { cString, putCopy, putText, stringLength } from "../../lib/text";
import { EAGAIN, EMFILE, ENFILE } from "../../lib/errno";
import * as line from "../../lib/line";
import { putCandidates, putEnd } from "../../lib/exec-path";
import {
  ARGUMENTS_BYTES, argumentsSize, AT_ARGUMENT_COUNT, AT_ARGUMENTS, AT_LANG, AT_LIMIT_COUNT, AT_TTY, AT_USER,
  LANG_BYTES, LIMIT_HARD, LIMIT_ID, LIMIT_SOFT, limitAt, USER_BYTES,
} from "../../wire/request";
import { PipesHandle, PtyHandle, putResponse, RESPONSE_BYTES } from "../../wire/response";
import { EXIT_UNKNOWN, rawExit } from "../../wire/status";
import { addCommand, addStart, COMMANDS_MAX, hasRoomForCommand, writeFailure, writeStatus } from "./commands";
import { openError } from "./lines";
import { account, lookUp, Lookup } from "./passwd";
import { CONFINE_VARIABLE, KEEP_GROUPS_VARIABLE, NO_NEW_PRIVS_VARIABLE } from "./handshake";

export const enum Served { DONE, NOT_NOW, FAILED }

export const ROOT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin";
export const USER_PATH = "/bin:/usr/bin";

/**
 * Handles of the command that is being started. All of them are closed in the end, even after a trap between any two lines:
 * a handle that is passed on leaves the table at once, a handle that is closed leaves it before. The first four slots are in
 * the order in which they are sent.
 */
export const enum Slot { SENT = 0, STDIN = 4, STDOUT = 5, STDERR = 6, STATUS = 7, ERRORS = 8, REPORT = 9, PAIR = 10, COUNT = 12 }
export const handles = memory.data(Slot.COUNT * 4, 4);

const response = memory.data(RESPONSE_BYTES, 4);
const rootName = cString("root");
/** Users other than root get no_new_privs: wshd was started with --no-new-privs. */
export let noNewPrivs: bool = false;
/** 0 where setgroups(2) is denied: wshd was started with --keep-groups. */
export let noGroups: i32 = SPAWN_NO_GROUPS;
/** With --confine the kernel ends a command rather than PID 1 when memory is short. */
export let expendable: i32 = 0;
/** HOME, USER, PATH, LANG. Then the paths to try: an argument in each of up to four directories. */
const ENVIRONMENT_BYTES: u32 = 4096;
const environment = memory.data(ENVIRONMENT_BYTES);
export const files = memory.data(4 * (ARGUMENTS_BYTES + 64));
/** PATH's value in `environment`. */
let searchPath: usize = 0;
if (ENVIRONMENT_BYTES < 2048 + USER_BYTES + LANG_BYTES + 128) ERROR("the environment does not fit");

/** Reads what holds for all starts. */
export function claimStart(): void {
  noNewPrivs = variable(NO_NEW_PRIVS_VARIABLE) != 0;
  if (variable(KEEP_GROUPS_VARIABLE) != 0) noGroups = 0;
  if (variable(CONFINE_VARIABLE) != 0) expendable = SPAWN_EXPENDABLE;
}

export function handleAt(index: i32): i32 { return load<i32>(handles + index * 4); }
export function setHandle(index: i32, handle: i32): void { store<i32>(handles + index * 4, handle); }
function moveHandle(from: i32, to: i32): void {
  setHandle(to, handleAt(from));
  setHandle(from, 0);
}

export function closeHandles(): void { for (let i = 0; i < Slot.COUNT; i++) closeAt(i); }

export function closeAt(index: i32): void {
  const handle = handleAt(index);
  setHandle(index, 0);
  if (handle > 0) close(handle);
}

/** Answers the client on `socket` and starts the command of the request at `at`. */
export function serveRequest(socket: i32, at: usize): Served {
  const tty = load<i32>(at + AT_TTY) != 0;
  // There is no memory for the description; retry later.
  if (spawnBegin() < 0) return Served.NOT_NOW;
  let failure = tty ? makePty() : makePipes();
  if (failure >= 0) failure = makeStatus(tty ? <i32>PtyHandle.STATUS : <i32>PipesHandle.STATUS);
  if (failure < 0) {
    closeHandles();
    return failure == -EMFILE || failure == -ENFILE ? Served.NOT_NOW : Served.FAILED;
  }
  putResponse(response);
  const count = tty ? <i32>PtyHandle.COUNT : <i32>PipesHandle.COUNT;
  if (send(socket, response, RESPONSE_BYTES, handles, count) < 0) {
    closeHandles();
    return Served.FAILED;
  }
  for (let i = 0; i < count; i++) closeAt(i);
  start(at, tty);
  closeHandles();
  return Served.DONE;
}

function makePipe(readIndex: i32, writeIndex: i32): i32 {
  const result = pipe(handles + Slot.PAIR * 4);
  if (result < 0) return result;
  moveHandle(Slot.PAIR, readIndex);
  moveHandle(Slot.PAIR + 1, writeIndex);
  return 0;
}

export function makePipes(): i32 {
  const stdin = makePipe(Slot.STDIN, PipesHandle.STDIN);
  if (stdin < 0) return stdin;
  const stdout = makePipe(PipesHandle.STDOUT, Slot.STDOUT);
  if (stdout < 0) return stdout;
  return makePipe(PipesHandle.STDERR, Slot.STDERR);
}

/** The reader of the status pipe can fill it through /proc/self/fd. A full pipe must not block wshd. */
function makeStatus(readIndex: i32): i32 {
  const status = makePipe(readIndex, Slot.STATUS);
  return status < 0 ? status : setNonblocking(handleAt(Slot.STATUS));
}

export function makePty(): i32 {
  const result = openPty(handles + Slot.PAIR * 4);
  if (result < 0) return result;
  moveHandle(Slot.PAIR, PtyHandle.MASTER);
  moveHandle(Slot.PAIR + 1, Slot.STDERR);
  return 0;
}

/** The client has its descriptors by now: a failure is reported on the command's stderr, with exit code 255. */
function start(at: usize, tty: bool): void {
  if (!hasRoomForCommand()) {
    line.begin();
    line.put("wshd: ");
    line.putNumber(COMMANDS_MAX);
    line.put(" commands run in this container already, and that is the limit");
    return refuse();
  }
  const user = load<u8>(at + AT_USER) != 0 ? at + AT_USER : rootName;
  const lookup = lookUp(user);
  if (lookup != Lookup.FOUND) return refuseUser(user, lookup);
  const hasCommand = load<i32>(at + AT_ARGUMENT_COUNT) != 0;
  const command = hasCommand ? at + AT_ARGUMENTS : account.shell;
  describe(at, tty, user, command, hasCommand ? argumentsSize(at) : stringLength(account.shell) + 1);
  const errors = duplicate(handleAt(Slot.STDERR));
  setHandle(Slot.ERRORS, errors);
  const userFlags = noGroups | (noNewPrivs && account.uid != 0 ? SPAWN_NO_NEW_PRIVS : 0);
  const flags = SPAWN_SESSION | userFlags | expendable | (tty ? SPAWN_TERMINAL : 0);
  // After a trap behind it, nobody would end a start that does not execute.
  const now = nowMs();
  const pid = errors < 0 ? errors : spawn(flags, handles + Slot.REPORT * 4);
  if (pid < 0) {
    line.begin();
    line.put("wshd: cannot start a process for ");
    line.putString(command);
    line.putError(pid);
    if (pid == -EAGAIN) line.put("; is the container's limit of processes reached?");
    return refuse();
  }
  addCommand(pid, handleAt(Slot.STATUS));
  setHandle(Slot.STATUS, 0);
  const report = handleAt(Slot.REPORT);
  // There was no handle for it: no message if exec fails, but exit code 255.
  if (report <= 0) return;
  addStart(pid, report, errors, command, account.home, now);
  setHandle(Slot.REPORT, 0);
  setHandle(Slot.ERRORS, 0);
  watch(report, READ);
}

function describe(at: usize, tty: bool, user: usize, command: usize, size: u32): void {
  spawnBegin();
  spawnArguments(command, size);
  const end = putEnvironment(user, at + AT_LANG);
  spawnEnvironment(environment, <u32>(end - environment));
  spawnFiles(files, <u32>(putCandidates(files, searchPath, command) - files));
  spawnDirectory(account.home);
  spawnUser(account.uid, account.gid);
  spawnDescriptor(0, handleAt(tty ? Slot.STDERR : Slot.STDIN));
  spawnDescriptor(1, handleAt(tty ? Slot.STDERR : Slot.STDOUT));
  spawnDescriptor(2, handleAt(Slot.STDERR));
  const count = load<u32>(at + AT_LIMIT_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const limit = limitAt(at, i), soft = limit + LIMIT_SOFT, hard = limit + LIMIT_HARD;
    spawnLimit(load<u32>(limit + LIMIT_ID), load<u32>(soft), load<u32>(soft + 4), load<u32>(hard), load<u32>(hard + 4));
  }
}

/** Puts HOME, USER, PATH and LANG; returns the offset behind them. */
function putEnvironment(user: usize, lang: usize): usize {
  let end = putEnd(putCopy(putText(environment, "HOME="), account.home));
  end = putEnd(putCopy(putText(end, "USER="), user));
  searchPath = putText(end, "PATH=");
  end = putEnd(putText(searchPath, account.uid == 0 ? ROOT_PATH : USER_PATH));
  return load<u8>(lang) != 0 ? putEnd(putCopy(putText(end, "LANG="), lang)) : end;
}

function refuseUser(user: usize, lookup: Lookup): void {
  line.begin();
  if (lookup == Lookup.NO_FILE) {
    line.put("wshd: cannot look up the user ");
    line.putString(user);
    line.put(" in the container's /etc/passwd");
    line.putError(openError);
  } else if (lookup == Lookup.TOO_LARGE) {
    line.put("wshd: the container's /etc/passwd is larger than 1 MiB; not searched for the user ");
    line.putString(user);
  } else {
    line.put("wshd: no such user in the container's /etc/passwd: ");
    line.putString(user);
  }
  refuse();
}

function refuse(): void {
  line.end();
  writeFailure(handleAt(Slot.STDERR));
  const status = handleAt(Slot.STATUS);
  setHandle(Slot.STATUS, 0);
  writeStatus(status, rawExit(EXIT_UNKNOWN));
}
