/**
 * iomux-spawn: runs a command and carries its output and exit status to every link that connects. docs/reference/iomux-spawn.md
 *
 *   WAITING (for a link on each socket) → RUNNING → DRAINING (the child ended; what it wrote is read) →
 *   DELIVERING (links get the rest, then the status) → LINGERING → exit
 */
import {
  bytesAvailable, close, connect, FileType, kill, listen, pathType, pipe, read, READ, REPORT_BYTES, routeSignals,
  setNonblocking, setPipeSize, setsid, spawn, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT, spawnArguments,
  spawnBegin, spawnDescriptor, spawnFiles, spawnStartPipe, unlink, wait, wakeAfter, watch, write,
} from "../../boundary/shim";
import { argument, argumentsGiven, claim, exit, loadArguments, loadEnvironment, nowMs, print, variable } from "../../boundary/wasi";
import { cString, putCopy, putDigits, putText, stringLength } from "../../lib/text";
import { EAGAIN } from "../../lib/errno";
import { fail, printError } from "../../lib/diagnostics";
import { SLACK_BYTES } from "../../lib/log/cri";
import { claimLog, openLog, writeLog } from "../../lib/log/file";
import { Ring } from "../../lib/ring";
import { DIRECTORIES_MAX, putCandidates } from "../../lib/exec-path";
import { bit, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM } from "../../lib/signal";
import { EXIT_UNKNOWN, rawExit } from "../../wire/status";
import { STREAMS } from "../../wire/stream";
import {
  acceptClient, Accepted, channelOf, clientOf, dropAll, dropSlowest, handleInput, hasClient, noClients, push, pushAll,
  roomFor, sendStatus, STATUS,
} from "./links";
import { claimExitFile, writeExitFile } from "./exit-file";
import { options, parse } from "./options";

const CHANNELS: u32 = STREAMS + 1;
const BACKLOG: i32 = 128;
/** Capacity of the pipes from the command: larger pipes need fewer turns. */
const PIPE_BYTES: u32 = 1 << 18;
/** Fills of one ring in one turn: a stream that never pauses must not starve the others. */
const FILLS_A_TURN: i32 = 16;
/** Pause before the next accept() when descriptors are short. */
const RETRY_MS: i32 = 100;
/** With --slow-reader disconnect: time for a link to read the rest after the command's end. */
const DELIVERY_DEADLINE_MS: i32 = 10_000;
/** unix(7): a socket's path has at most 107 bytes; the longest name here is /stdout.sock. */
const DIRECTORY_BYTES_MAX: u32 = 107 - 12;

const enum State { WAITING, RUNNING, DRAINING, DELIVERING, LINGERING }
let state: State = State.WAITING;

@unmanaged class Stream {
  pipe: i32;
  /** After the child's end: bytes left in the pipe. */
  left: u32;
  ended: bool;
  ring: Ring;
}

const streams = memory.data(STREAMS * offsetof<Stream>(), 8);
const rings = memory.data(STREAMS * offsetof<Ring>(), 8);
const listeners = memory.data(CHANNELS * 4, 4);
const path = memory.data(128);
const pair = memory.data(8, 4);
const writeEnds = memory.data(STREAMS * 4, 4);
const line = memory.data(64);

/** The command. */
namespace child {
  export let pid: i32 = 0;
  export let startPipe: i32 = -1;
  export let execErrorPipe: i32 = -1;
  export let status: i32 = 0;
  export let ended: bool = false;
  export let startFailed: bool = false;
}
/** What brings the end nearer. */
namespace ending {
  export let stopRequests: i32 = 0;
  /** Deadline of the current wait after the command's end; 0 without one. */
  export let endAtMs: u64 = 0;
  /** True when --linger is 0, has expired, or was cancelled by a signal. */
  export let lingerOver: bool = false;
}
/** Listeners are not watched: there were no descriptors for another connection. */
let acceptingPaused: bool = false;

function moveTo(next: State): void {
  assert(next > state, "a job never goes back");
  state = next;
}

function streamOf(channel: u32): Stream { return changetype<Stream>(streams + channel * offsetof<Stream>()); }
function ringOf(channel: u32): Ring { return changetype<Ring>(rings + min(channel, STREAMS - 1) * offsetof<Ring>()); }
function listenerOf(channel: u32): i32 { return load<i32>(listeners + channel * 4); }

function socketPath(channel: u32): usize {
  const name = channel == 0 ? "/stdout.sock" : channel == 1 ? "/stderr.sock" : "/status.sock";
  store<u8>(putText(putCopy(path, options.directory), name), 0);
  return path;
}

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  parse();
  if (stringLength(options.directory) > DIRECTORY_BYTES_MAX) {
    return fail(1, "iomux-spawn: the path of a socket has at most 107 bytes, this directory's is longer", options.directory, 0, "start it in or near the directory, with a relative path");
  }
  const kind = pathType(options.directory);
  if (kind != FileType.DIRECTORY) return fail(1, "iomux-spawn: no such directory:", options.directory, kind < 0 ? kind : 0);
  if (!beginFiles()) return;
  const caught = routeSignals(bit(SIGCHLD) | bit(SIGTERM) | bit(SIGINT) | bit(SIGHUP), 0);
  if (caught < 0) return fail(1, "iomux-spawn: cannot wait for signals", 0, caught);
  ending.lingerOver = options.lingerMs == 0;
  openSockets();
  setsid();
  startChild();
}

/** False when the program ends: a log that cannot be opened is no log that was asked for. */
function beginFiles(): bool {
  if (options.exitPath != 0) claimExitFile(options.exitPath);
  if (options.logPath == 0) return true;
  claimLog(options.logPath, options.logSizeMax, options.logFilesMax);
  const opened = openLog();
  if (opened < 0) fail(1, "iomux-spawn: cannot open the log", options.logPath, opened);
  return opened >= 0;
}

function openSockets(): void {
  // Try the status socket only: a connection to a stream's socket would count as a link of the waiting job.
  const other = connect(socketPath(STATUS));
  if (other >= 0) return fail(1, "iomux-spawn: another iomux-spawn serves already in", options.directory);
  for (let channel: u32 = 0; channel < CHANNELS; channel++) {
    unlink(socketPath(channel));
    const listener = listen(path, BACKLOG, 0);
    if (listener < 0) {
      printError("iomux-spawn: cannot listen on", path, listener);
      return leave(1);
    }
    store<i32>(listeners + channel * 4, listener);
    watch(listener, READ);
  }
}

function startChild(): void {
  spawnBegin();
  for (let channel: u32 = 0; channel < STREAMS; channel++) openStream(channel);
  if (pipe(pair) < 0) return abandon("iomux-spawn: cannot make a pipe", -1);
  child.startPipe = load<i32>(pair + 4);
  const childStartPipe = load<i32>(pair);
  const command = argument(options.commandIndex), last = argument(argumentsGiven() - 1);
  spawnArguments(command, <u32>(last - command) + stringLength(last) + 1);
  const searchPath = variable("PATH") != 0 ? variable("PATH") : cString("/bin:/usr/bin");
  const files = claim(stringLength(searchPath) + <u32>DIRECTORIES_MAX * (stringLength(command) + 2));
  spawnFiles(files, <u32>(putCandidates(files, searchPath, command) - files));
  spawnStartPipe(childStartPipe);
  child.pid = spawn(SPAWN_DIE_WITH_PARENT | SPAWN_INHERIT_ENVIRONMENT, pair);
  close(childStartPipe);
  for (let channel: u32 = 0; channel < STREAMS; channel++) close(load<i32>(writeEnds + channel * 4));
  if (child.pid < 0) return abandon("iomux-spawn: cannot start a process for", child.pid);
  child.execErrorPipe = load<i32>(pair);
  const end = putText(putDigits(putText(line, "child_pid="), child.pid), "\n");
  print(1, line, <u32>(end - line));
}

/** Makes a stream's pipe and ring. */
function openStream(channel: u32): void {
  const made = pipe(pair);
  if (made < 0) return abandon("iomux-spawn: cannot make a pipe", made);
  const stream = streamOf(channel);
  stream.pipe = load<i32>(pair);
  stream.ring = ringOf(channel);
  // Records are made of what is in the ring, some words at a time.
  stream.ring.begin(claim(options.ringBytes + SLACK_BYTES), options.ringBytes);
  setNonblocking(stream.pipe);
  setPipeSize(stream.pipe, PIPE_BYTES);
  store<i32>(writeEnds + channel * 4, load<i32>(pair + 4));
  spawnDescriptor(channel + 1, load<i32>(pair + 4));
}

function abandon(words: string, errno: i32): void {
  printError(words, argument(options.commandIndex), errno);
  leave(1);
}

export function onReady(handle: i32, events: i32): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (handle == listenerOf(channel)) return acceptAll();
  for (let channel: u32 = 0; channel < STREAMS; channel++) {
    if (handle == streamOf(channel).pipe && !streamOf(channel).ended) return pump(channel);
  }
  const client = clientOf(handle);
  if (client != 0) serveClient(client, events);
}

/**
 * Accepts on all sockets before any link is served. Otherwise the first link's stream could end and close before its other
 * connections are accepted, and these would count as the next link's.
 */
function acceptAll(): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) acceptFrom(channel);
  for (let channel: u32 = 0; channel < STREAMS; channel++) pushAll(channel, ringOf(channel), streamOf(channel).ended);
  if (state == State.WAITING) return releaseWhenLinked();
  for (let channel: u32 = 0; channel < CHANNELS; channel++) resume(channel);
}

function acceptFrom(channel: u32): void {
  for (;;) {
    const accepted = acceptClient(listenerOf(channel), channel, ringOf(channel));
    if (accepted == Accepted.NONE) return;
    if (accepted == Accepted.NO_DESCRIPTORS) {
      watch(listenerOf(channel), 0);
      acceptingPaused = true;
      return armDeadline();
    }
  }
}

/** After links of the channel have read: the ring may have room for more output of the command. */
function resume(channel: u32): void {
  if (channel < STREAMS && !streamOf(channel).ended) pump(channel);
  else advance();
}

function releaseWhenLinked(): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (!hasClient(channel)) return;
  moveTo(State.RUNNING);
  // If the child was killed before the first link, its streams may have ended already.
  for (let channel: u32 = 0; channel < STREAMS; channel++) if (!streamOf(channel).ended) watch(streamOf(channel).pipe, READ);
  write(child.startPipe, line, 1);
  close(child.startPipe);
  print(1, line, <u32>(putText(line, "child active\n") - line));
}

function serveClient(client: usize, events: i32): void {
  const channel = channelOf(client);
  if (handleInput(client, events) && channel < STREAMS) push(client, ringOf(channel), streamOf(channel).ended);
  resume(channel);
}

/** Moves output of the command into the ring and to the links, as far as the slowest link allows. */
function pump(channel: u32): void {
  const stream = streamOf(channel);
  for (let fills = 0; fills < FILLS_A_TURN; fills++) {
    let room = roomFor(channel, stream.ring);
    if (room == 0 && options.dropSlow) {
      dropSlowest(channel, stream.ring);
      room = roomFor(channel, stream.ring);
    }
    if (room == 0) {
      watch(stream.pipe, 0);
      return;
    }
    const got = child.ended && stream.left == 0 ? 0 : stream.ring.fill(stream.pipe, child.ended ? min(room, stream.left) : room);
    if (got == -EAGAIN) {
      watch(stream.pipe, READ);
      return;
    }
    if (got <= 0) return endStream(channel);
    if (options.logPath != 0) logOutput(channel, got);
    if (child.ended) stream.left -= got;
    pushAll(channel, stream.ring, false);
  }
  watch(stream.pipe, READ);
}

/** Writes the newest bytes of the ring to the log. */
function logOutput(channel: u32, size: u32): void {
  const ring = ringOf(channel);
  for (let position = ring.head - size; position < ring.head;) {
    const piece = ring.piece(position, <u32>(ring.head - position));
    writeLog(channel == 1, ring.at(position), piece);
    position += piece;
  }
}

function endStream(channel: u32): void {
  const stream = streamOf(channel);
  stream.ended = true;
  close(stream.pipe);
  pushAll(channel, stream.ring, true);
  advance();
}

export function onSignal(signal: i32): void {
  if (signal == SIGCHLD) return reap();
  if (signal == SIGHUP && options.logPath != 0) {
    const opened = openLog();
    if (opened < 0) printError("iomux-spawn: cannot open the log again:", options.logPath, opened);
    return;
  }
  // The first request ends the command with SIGTERM, the next with SIGKILL. Its end then takes the usual way.
  ending.stopRequests++;
  if (!child.ended) kill(child.pid, ending.stopRequests == 1 && state != State.WAITING ? SIGTERM : SIGKILL);
  // The command has ended: the first request stops waiting for new links, the next also for those that still read.
  else if (ending.stopRequests > 1) finish();
  else stopLingering();
}

function reap(): void {
  if (child.ended || wait(child.pid, pair) <= 0) return;
  child.status = load<i32>(pair);
  child.ended = true;
  const notExecuted = read(child.execErrorPipe, pair, REPORT_BYTES) == <i32>REPORT_BYTES;
  if (notExecuted) printError("iomux-spawn: cannot execute", argument(options.commandIndex), load<i32>(pair + 4));
  child.startFailed = notExecuted || state == State.WAITING;
  if (notExecuted) child.status = rawExit(EXIT_UNKNOWN);
  writeExitFile(child.status);
  if (state == State.WAITING) moveTo(State.RUNNING);
  moveTo(State.DRAINING);
  // The command's output is in the pipes by now. Other processes may still hold the pipes: do not wait for them.
  for (let channel: u32 = 0; channel < STREAMS; channel++) {
    const stream = streamOf(channel);
    if (stream.ended) continue;
    const waiting = bytesAvailable(stream.pipe);
    stream.left = waiting > 0 ? <u32>waiting : 0;
  }
  for (let channel: u32 = 0; channel < STREAMS; channel++) if (!streamOf(channel).ended) pump(channel);
  advance();
}

/** Advances the state as far as the ends of streams and links allow. */
function advance(): void {
  if (state == State.DRAINING && streamOf(0).ended && streamOf(1).ended) {
    moveTo(State.DELIVERING);
    if (options.dropSlow) setDeadline(DELIVERY_DEADLINE_MS);
  }
  if (state < State.DELIVERING) return;
  sendStatus(child.status);
  if (!noClients() || (state == State.LINGERING && !ending.lingerOver) || acceptLate()) return;
  if (ending.lingerOver) return finish();
  moveTo(State.LINGERING);
  setDeadline(options.lingerMs);
}

/** Stops waiting for new links; the connected ones still get the rest. */
function stopLingering(): void {
  ending.lingerOver = true;
  if (state == State.LINGERING && options.dropSlow) setDeadline(DELIVERY_DEADLINE_MS);
  advance();
}

function finish(): void { leave(child.startFailed ? 1 : 0); }

/** Whether links connected while the last ones were served: they get all the output, too. */
function acceptLate(): bool {
  while (noClients()) {
    let came = false;
    for (let channel: u32 = 0; channel < CHANNELS; channel++) {
      while (acceptClient(listenerOf(channel), channel, ringOf(channel)) == Accepted.ONE) came = true;
    }
    if (!came) return false;
    for (let channel: u32 = 0; channel < STREAMS; channel++) pushAll(channel, ringOf(channel), true);
    sendStatus(child.status);
  }
  return true;
}

function leave(code: i32): void {
  // Links that were dropped before all their connections came are still open.
  dropAll();
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (listenerOf(channel) != 0) unlink(socketPath(channel));
  exit(code);
}

function setDeadline(milliseconds: i32): void {
  ending.endAtMs = nowMs() + milliseconds;
  armDeadline();
}

function armDeadline(): void {
  const now = nowMs();
  let milliseconds = ending.endAtMs == 0 ? -1 : ending.endAtMs > now ? <i32>(ending.endAtMs - now) : 0;
  if (acceptingPaused && (milliseconds < 0 || milliseconds > RETRY_MS)) milliseconds = RETRY_MS;
  wakeAfter(milliseconds);
}

export function onDeadline(): void {
  if (acceptingPaused) {
    acceptingPaused = false;
    for (let channel: u32 = 0; channel < CHANNELS; channel++) watch(listenerOf(channel), READ);
  }
  if (ending.endAtMs == 0 || nowMs() < ending.endAtMs) return armDeadline();
  ending.endAtMs = 0;
  if (state == State.LINGERING && !ending.lingerOver) return stopLingering();
  dropAll();
  advance();
}

export function onTrap(): i32 {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (listenerOf(channel) != 0) unlink(socketPath(channel));
  return 1;
}
