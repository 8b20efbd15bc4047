/**
 * iomux-spawn: runs a command and carries its output and exit status to every link that connects. docs/iomux-spawn.md
 *
 *   WAITING (for a link on each socket) → RUNNING → DRAINING (the child ended; what it wrote is read) →
 *   DELIVERING (links get the rest, then the status) → LINGERING → exit
 */
import {
  capacity, close, connect, inspect, kill, Kind, listen, pending, pipe, read, READ, REPORT_BYTES, session, signals, spawn,
  SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT, spawnArguments, spawnBegin, spawnDescriptor, spawnFiles, spawnGate,
  unblock, unlink, wait, wakeAfter, watch, write,
} from "../shim";
import { argument, argumentsGiven, claim, exit, loadArguments, loadEnvironment, nowMs, print, variable } from "../wasi";
import { putCopy, putDigits, putText, stringLength } from "../shared/bytes";
import { EAGAIN } from "../shared/errno";
import { complain, fail } from "../shared/program";
import { Ring } from "../shared/ring";
import { DIRECTORIES_MAX, putCandidates } from "../shared/search";
import { bit, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM } from "../shared/signal";
import { EXIT_UNKNOWN, rawExit } from "../wire/status";
import { STREAMS } from "../wire/stream";
import {
  Accepted, acceptClient, channelOf, clientOf, dropAll, dropSlowest, hasClient, noClients, push, pushAll, roomFor, STATUS,
  stillThere, tellStatus,
} from "./clients";
import { commandIndex, directory, dropSlow, lingerMs, parse, ringBytes } from "./options";

const CHANNELS: u32 = STREAMS + 1;
const BACKLOG: i32 = 128;
/** What the pipes from the command shall hold: fewer turns for the same bytes. */
const PIPE_BYTES: u32 = 1 << 18;
/** Fills of one ring in one turn, so that a stream that never pauses leaves the others their turns. */
const FILLS_A_TURN: i32 = 16;
/** When accept found no descriptors: the next try. */
const RETRY_MS: i32 = 100;
/** With --slow drop, how long after the end a link may take for what is left. */
const DELIVERY_DEADLINE_MS: i32 = 10_000;
/** unix(7): a socket's path has at most 107 bytes; the longest name here is /stdout.sock. */
const DIRECTORY_BYTES_MAX: u32 = 107 - 12;

const enum State { WAITING, RUNNING, DRAINING, DELIVERING, LINGERING }
let state: State = State.WAITING;

@unmanaged class Stream {
  pipe: i32;
  /** After the child's end: bytes that it left in the pipe. */
  left: u32;
  ended: bool;
  ring: Ring;
}

const streams = memory.data(32, 8);
const rings = memory.data(64, 8);
if (STREAMS * offsetof<Stream>() > 32 || STREAMS * offsetof<Ring>() > 64) ERROR("the streams' tables have another size");
const listeners = memory.data(12, 4);
const path = memory.data(128);
const pair = memory.data(8, 4);
const line = memory.data(64);

let child: i32 = 0;
let gate: i32 = -1;
let report: i32 = -1;
let childStatus: i32 = 0;
let childEnded: bool = false;
let asked: i32 = 0;
/** When what is waited for after the command's end is given up; 0 while nothing is. */
let endAtMs: u64 = 0;
/** Listeners that are not watched: there were no descriptors for another connection. */
let acceptingPaused: bool = false;

function moveTo(next: State): void {
  assert(next > state, "a job never goes back");
  state = next;
}

function stream(channel: u32): Stream { return changetype<Stream>(streams + channel * offsetof<Stream>()); }
function ringOf(channel: u32): Ring { return changetype<Ring>(rings + min(channel, STREAMS - 1) * offsetof<Ring>()); }
function listenerOf(channel: u32): i32 { return load<i32>(listeners + channel * 4); }

function socketPath(channel: u32): usize {
  const name = channel == 0 ? "/stdout.sock" : channel == 1 ? "/stderr.sock" : "/status.sock";
  store<u8>(putText(putCopy(path, directory), name), 0);
  return path;
}

export function onStart(): void {
  loadArguments();
  loadEnvironment();
  parse();
  if (stringLength(directory) > DIRECTORY_BYTES_MAX) {
    return fail(1, "iomux-spawn: the path of a socket has at most 107 bytes, this directory's is longer", directory, 0, "start it in or near the directory, with a relative path");
  }
  const kind = inspect(directory);
  if (kind != Kind.DIRECTORY) return fail(1, "iomux-spawn: no such directory:", directory, kind < 0 ? kind : 0);
  const caught = signals(bit(SIGCHLD) | bit(SIGTERM) | bit(SIGINT) | bit(SIGHUP), 0);
  if (caught < 0) return fail(1, "iomux-spawn: cannot wait for signals", 0, caught);
  lingersNoMore = lingerMs == 0;
  openSockets();
  session();
  startChild();
}

function openSockets(): void {
  // Only this one is tried: a connection to a stream of a job that waits would count as its link's.
  const other = connect(socketPath(STATUS));
  if (other >= 0) return fail(1, "iomux-spawn: another iomux-spawn serves already in", directory);
  for (let channel: u32 = 0; channel < CHANNELS; channel++) {
    unlink(socketPath(channel));
    const listener = listen(path, BACKLOG);
    if (listener < 0) {
      complain("iomux-spawn: cannot listen on", path, listener);
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
  gate = load<i32>(pair + 4);
  const theirGate = load<i32>(pair);
  const command = argument(commandIndex), last = argument(argumentsGiven() - 1);
  spawnArguments(command, <u32>(last - command) + stringLength(last) + 1);
  const searchPath = variable("PATH") != 0 ? variable("PATH") : defaultPath;
  const files = claim(stringLength(searchPath) + <u32>DIRECTORIES_MAX * (stringLength(command) + 2));
  spawnFiles(files, <u32>(putCandidates(files, searchPath, command) - files));
  spawnGate(theirGate);
  child = spawn(SPAWN_DIE_WITH_PARENT | SPAWN_INHERIT_ENVIRONMENT, pair);
  close(theirGate);
  for (let channel: u32 = 0; channel < STREAMS; channel++) close(load<i32>(writeEnds + channel * 4));
  if (child < 0) return abandon("iomux-spawn: cannot start a process for", child);
  report = load<i32>(pair);
  const end = putText(putDigits(putText(line, "child_pid="), child), "\n");
  print(1, line, <u32>(end - line));
}

const defaultPath = memory.data<u8>([0x2f, 0x62, 0x69, 0x6e, 0x3a, 0x2f, 0x75, 0x73, 0x72, 0x2f, 0x62, 0x69, 0x6e, 0]); // /bin:/usr/bin
const writeEnds = memory.data(8, 4);

/** A stream's pipe and ring. */
function openStream(channel: u32): void {
  const made = pipe(pair);
  if (made < 0) return abandon("iomux-spawn: cannot make a pipe", made);
  const it = stream(channel);
  it.pipe = load<i32>(pair);
  it.ring = ringOf(channel);
  it.ring.begin(claim(ringBytes), ringBytes);
  unblock(it.pipe);
  capacity(it.pipe, PIPE_BYTES);
  store<i32>(writeEnds + channel * 4, load<i32>(pair + 4));
  spawnDescriptor(channel + 1, load<i32>(pair + 4));
}

function abandon(words: string, errno: i32): void {
  complain(words, argument(commandIndex), errno);
  leave(1);
}

export function onReady(handle: i32, events: i32): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (handle == listenerOf(channel)) return acceptAll();
  for (let channel: u32 = 0; channel < STREAMS; channel++) {
    if (handle == stream(channel).pipe && !stream(channel).ended) return pump(channel);
  }
  const client = clientOf(handle);
  if (client != 0) serveClient(client, events);
}

/**
 * All that have connected, to whichever socket: were those served that came to one of them first, the first link's
 * stream might be at its end and closed, and its other connections taken for the next link's.
 */
function acceptAll(): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) acceptFrom(channel);
  for (let channel: u32 = 0; channel < STREAMS; channel++) pushAll(channel, ringOf(channel), stream(channel).ended);
  if (state == State.WAITING) return releaseWhenLinked();
  for (let channel: u32 = 0; channel < CHANNELS; channel++) goOn(channel);
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

/** Links of the channel have got something: there may be room now for what the command could not write. */
function goOn(channel: u32): void {
  if (channel < STREAMS && !stream(channel).ended) pump(channel);
  else advance();
}

function releaseWhenLinked(): void {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (!hasClient(channel)) return;
  moveTo(State.RUNNING);
  // One whose child was killed while it waited may have ended already.
  for (let channel: u32 = 0; channel < STREAMS; channel++) if (!stream(channel).ended) watch(stream(channel).pipe, READ);
  write(gate, line, 1);
  close(gate);
  print(1, line, <u32>(putText(line, "child active\n") - line));
}

function serveClient(client: usize, events: i32): void {
  const channel = channelOf(client);
  if (stillThere(client, events) && channel < STREAMS) push(client, ringOf(channel), stream(channel).ended);
  goOn(channel);
}

/** Moves what the command has written into the ring and on to the links, as far as the slowest of them allows. */
function pump(channel: u32): void {
  const it = stream(channel);
  for (let fills = 0; fills < FILLS_A_TURN; fills++) {
    let room = roomFor(channel, it.ring);
    if (room == 0 && dropSlow) {
      dropSlowest(channel, it.ring);
      room = roomFor(channel, it.ring);
    }
    if (room == 0) {
      watch(it.pipe, 0);
      return;
    }
    const got = childEnded && it.left == 0 ? 0 : it.ring.fill(it.pipe, childEnded ? min(room, it.left) : room);
    if (got == -EAGAIN) {
      watch(it.pipe, READ);
      return;
    }
    if (got <= 0) return endStream(channel);
    if (childEnded) it.left -= got;
    pushAll(channel, it.ring, false);
  }
  watch(it.pipe, READ);
}

function endStream(channel: u32): void {
  const it = stream(channel);
  it.ended = true;
  close(it.pipe);
  pushAll(channel, it.ring, true);
  advance();
}

export function onSignal(signal: i32): void {
  if (signal == SIGCHLD) return reap();
  // Asked to end: the command first, politely once; its end then takes the usual way.
  asked++;
  if (!childEnded) kill(child, asked == 1 && state != State.WAITING ? SIGTERM : SIGKILL);
  // It has ended already: links that may still come are not waited for, those that still read only until asked twice.
  else if (asked > 1) finish();
  else stopLingering();
}

function reap(): void {
  if (childEnded || wait(child, pair) <= 0) return;
  childStatus = load<i32>(pair);
  childEnded = true;
  const notExecuted = read(report, pair, REPORT_BYTES) == <i32>REPORT_BYTES;
  if (notExecuted) complain("iomux-spawn: cannot execute", argument(commandIndex), load<i32>(pair + 4));
  couldNotStart = notExecuted || state == State.WAITING;
  if (notExecuted) childStatus = rawExit(EXIT_UNKNOWN);
  if (state == State.WAITING) moveTo(State.RUNNING);
  moveTo(State.DRAINING);
  // What the command wrote is in the pipes by now. Whoever else still holds them may go on, but is not waited for.
  for (let channel: u32 = 0; channel < STREAMS; channel++) {
    const it = stream(channel);
    if (it.ended) continue;
    const waiting = pending(it.pipe);
    it.left = waiting > 0 ? <u32>waiting : 0;
  }
  for (let channel: u32 = 0; channel < STREAMS; channel++) if (!stream(channel).ended) pump(channel);
  advance();
}

let couldNotStart: bool = false;
/** Not at all, not any more, or not when it would begin. */
let lingersNoMore: bool = false;

/** Goes on to whatever the end of the streams and the leaving of links allow. */
function advance(): void {
  if (state == State.DRAINING && stream(0).ended && stream(1).ended) {
    moveTo(State.DELIVERING);
    if (dropSlow) endWithin(DELIVERY_DEADLINE_MS);
  }
  if (state < State.DELIVERING) return;
  tellStatus(childStatus);
  if (!noClients() || (state == State.LINGERING && !lingersNoMore) || acceptLate()) return;
  if (lingersNoMore) return finish();
  moveTo(State.LINGERING);
  endWithin(lingerMs);
}

/** Links that may still come are not waited for any more; those that are here get the rest. */
function stopLingering(): void {
  lingersNoMore = true;
  if (state == State.LINGERING && dropSlow) endWithin(DELIVERY_DEADLINE_MS);
  advance();
}

function finish(): void { leave(couldNotStart ? 1 : 0); }

/** Whether links came while the last ones were served: they connected before the sockets closed, so they get all. */
function acceptLate(): bool {
  while (noClients()) {
    let came = false;
    for (let channel: u32 = 0; channel < CHANNELS; channel++) {
      while (acceptClient(listenerOf(channel), channel, ringOf(channel)) == Accepted.ONE) came = true;
    }
    if (!came) return false;
    for (let channel: u32 = 0; channel < STREAMS; channel++) pushAll(channel, ringOf(channel), true);
    tellStatus(childStatus);
  }
  return true;
}

function leave(code: i32): void {
  // Those that were cut, and never became whole.
  dropAll();
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (listenerOf(channel) != 0) unlink(socketPath(channel));
  exit(code);
}

function endWithin(milliseconds: i32): void {
  endAtMs = nowMs() + milliseconds;
  armDeadline();
}

function armDeadline(): void {
  const now = nowMs();
  let milliseconds = endAtMs == 0 ? -1 : endAtMs > now ? <i32>(endAtMs - now) : 0;
  if (acceptingPaused && (milliseconds < 0 || milliseconds > RETRY_MS)) milliseconds = RETRY_MS;
  wakeAfter(milliseconds);
}

export function onDeadline(): void {
  if (acceptingPaused) {
    acceptingPaused = false;
    for (let channel: u32 = 0; channel < CHANNELS; channel++) watch(listenerOf(channel), READ);
  }
  if (endAtMs == 0 || nowMs() < endAtMs) return armDeadline();
  endAtMs = 0;
  if (state == State.LINGERING && !lingersNoMore) return stopLingering();
  dropAll();
  advance();
}

export function onTrap(): i32 {
  for (let channel: u32 = 0; channel < CHANNELS; channel++) if (listenerOf(channel) != 0) unlink(socketPath(channel));
  return 1;
}
