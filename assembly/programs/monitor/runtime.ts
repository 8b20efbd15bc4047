/** The command lines of the OCI runtime and of the exit command. */
import {
  close, adoptFd, open, OPEN_BOTH, read, REPORT_BYTES, spawn, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT, SPAWN_SESSION,
  spawnArguments, spawnBegin, spawnDescriptor, spawnFiles,
} from "../../boundary/shim";
import { argument, argumentsGiven } from "../../boundary/wasi";
import { afterDigits, cString, digitsValue, equals, stringLength } from "../../lib/text";
import { DAEMON_STAGE, exitArguments, isGiven, List, runtimeArguments, runtimeOptions, value } from "./options";
import { Option } from "./option-names";
import { beginWords, putWord, putWordText, wordsAt, wordsSize } from "./words";

/** Descriptors that the boundary hands on to a child: DESCRIPTORS_MAX, without the standard ones and podman's three pipes. */
export const PRESERVED_MAX: i32 = 26;
const nullDevice = cString("/dev/null");
const self = cString("/proc/self/exe");
const report = memory.data(4, 4);
const failure = memory.data(8, 4);
const preserved = memory.data(PRESERVED_MAX * 4, 4);
let preservedCount: i32 = 0;

/** How many descriptors behind stderr the runtime is to hand on to the container. */
export function preservedWanted(): i32 {
  for (let i = 0; i < runtimeOptions.count; i++) {
    if (!equals(runtimeOptions.get(i), "--preserve-fds") || i + 1 == runtimeOptions.count) continue;
    const text = runtimeOptions.get(i + 1), end = afterDigits(text);
    return end == text || load<u8>(end) != 0 ? 0 : <i32>min(digitsValue(text, end), PRESERVED_MAX + 1);
  }
  return 0;
}

/** Takes the descriptors that are handed on; a negated errno when one is missing. */
export function takePreserved(): i32 {
  for (const wanted = preservedWanted(); preservedCount < wanted; preservedCount++) {
    const handle = adoptFd(3 + preservedCount);
    if (handle < 0) return handle;
    store<i32>(preserved + preservedCount * 4, handle);
  }
  return 0;
}

function putAll(list: List): void { for (let i = 0; i < list.count; i++) putWord(list.get(i)); }

function putOption(name: string, option: Option): void {
  putWordText(name);
  putWord(value(option));
}

/** `console` is the path of the console socket, or 0. */
function putRuntimeWords(console: usize): void {
  const exec = isGiven(Option.EXEC);
  beginWords();
  putWord(value(Option.RUNTIME));
  if (!exec && isGiven(Option.SYSTEMD_CGROUP)) putWordText("--systemd-cgroup");
  putAll(runtimeArguments);
  if (exec) {
    putWordText("exec");
    putOption("--pid-file", Option.CONTAINER_PIDFILE);
    putOption("--process", Option.EXEC_PROCESS_SPEC);
    putWordText("--detach");
    if (isGiven(Option.TERMINAL)) putWordText("--tty");
  } else {
    putWordText(isGiven(Option.RESTORE) ? "restore" : "create");
    putOption("--bundle", Option.BUNDLE);
    putOption("--pid-file", Option.CONTAINER_PIDFILE);
    if (isGiven(Option.RESTORE)) putRestoreWords();
    if (isGiven(Option.NO_PIVOT)) putWordText("--no-pivot");
    if (isGiven(Option.NO_NEW_KEYRING)) putWordText("--no-new-keyring");
  }
  if (console != 0) {
    putWordText("--console-socket");
    putWord(console);
  }
  putAll(runtimeOptions);
  putWord(value(Option.CID));
}

function putRestoreWords(): void {
  putWordText("--detach");
  putOption("--image-path", Option.RESTORE);
  putOption("--work-path", Option.BUNDLE);
}

/** Bytes that no command line of the monitor's exceeds: all of its own arguments, and the words above. */
export function wordsMax(): u32 {
  const last = argument(argumentsGiven() - 1);
  return <u32>(last - argument(0)) + stringLength(last) + 1024;
}

function putDescriptor(fd: i32, handle: i32, nothing: i32): void { spawnDescriptor(fd, handle > 0 ? handle : nothing); }

/** Starts the runtime; a handle that is 0 becomes /dev/null. Its pid or a negated errno. */
export function startRuntime(stdin: i32, stdout: i32, stderr: i32, passesThrough: bool, console: usize): i32 {
  putRuntimeWords(console);
  spawnBegin();
  const nothing = open(nullDevice, OPEN_BOTH);
  if (nothing < 0) return nothing;
  if (!passesThrough || console != 0) {
    putDescriptor(0, stdin, nothing);
    putDescriptor(1, stdout, nothing);
    putDescriptor(2, stderr, nothing);
  }
  for (let i = 0; i < preservedCount; i++) spawnDescriptor(3 + i, load<i32>(preserved + i * 4));
  const runtime = value(Option.RUNTIME);
  const pid = start(runtime, SPAWN_DIE_WITH_PARENT | SPAWN_INHERIT_ENVIRONMENT);
  close(nothing);
  for (; preservedCount > 0; preservedCount--) close(load<i32>(preserved + (preservedCount - 1) * 4));
  return pid;
}

function start(file: usize, flags: i32): i32 {
  spawnFiles(file, stringLength(file) + 1);
  spawnArguments(wordsAt(), wordsSize());
  return spawn(flags, report);
}

/** Why the runtime could not be executed, as an errno; 0 when it was. */
export function executeError(): i32 {
  const failed = read(load<i32>(report), failure, REPORT_BYTES) == <i32>REPORT_BYTES;
  close(load<i32>(report));
  return failed ? load<i32>(failure, 4) : 0;
}

/** Its pid or a negated errno. */
export function startExitCommand(): i32 {
  const command = value(Option.EXIT_COMMAND);
  beginWords();
  putWord(command);
  putAll(exitArguments);
  spawnBegin();
  return start(command, SPAWN_INHERIT_ENVIRONMENT);
}

/** Describes this program as the daemon: the same arguments behind `DAEMON_STAGE`, nothing on the standard descriptors. 0 or a negated errno. */
export function beginDaemon(keepsStandard: bool): i32 {
  beginWords();
  putWord(argument(0));
  putWordText(DAEMON_STAGE);
  for (let i = 1; i < argumentsGiven(); i++) putWord(argument(i));
  spawnBegin();
  const nothing = open(nullDevice, OPEN_BOTH);
  if (nothing < 0) return nothing;
  if (!keepsStandard) for (let fd = 0; fd <= 2; fd++) spawnDescriptor(fd, nothing);
  for (let i = 0; i < preservedCount; i++) spawnDescriptor(3 + i, load<i32>(preserved + i * 4));
  return 0;
}

/** The daemon finds a descriptor under the number that the caller gave it. */
export function handOn(fd: i32, handle: i32): void { if (handle > 0) spawnDescriptor(fd, handle); }

/** In a session of its own. Its pid or a negated errno. */
export function startDaemon(): i32 { return start(self, SPAWN_SESSION | SPAWN_INHERIT_ENVIRONMENT); }
