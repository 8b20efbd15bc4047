/**
 * iomux-link: copies a job's output to its own, from where the last link stopped, and ends as the job did.
 * docs/reference/iomux-link.md
 *
 *   onStart: loads the cursor → connects, three times → both streams are relayed, the status comes → saves → exit
 */
import { adoptFd, close, connect, read, READ, routeSignals, wakeAfter, watch } from "../../boundary/shim";
import { argument, claim, exit, loadArguments } from "../../boundary/wasi";
import { putCopy, putText, stringLength } from "../../lib/text";
import { Ending } from "../../lib/outcome";
import { EAGAIN, ECONNREFUSED, ENAMETOOLONG, ENOENT } from "../../lib/errno";
import * as line from "../../lib/line";
import { fail } from "../../lib/diagnostics";
import { BUFFER_BYTES, isTerminal, Relay } from "../../lib/relay";
import { bit, SIGINT, SIGTERM } from "../../lib/signal";
import { endIsUnknown, EXIT_UNKNOWN, exitCode, exited, rawStatus, signalOf, STATUS_BYTES } from "../../wire/status";
import { differs, loadCursor, saveCursor, saved } from "./cursor-file";
import { options, parse } from "./options";
import { Stage, Stream } from "./stream";

/** Interval at which changed positions are saved. */
const SAVE_INTERVAL_MS: i32 = 1_000;
/** While iomux-spawn's queue of connections is full: interval and number of the tries, 10 seconds in all. */
const CONNECT_INTERVAL_MS: i32 = 20;
const CONNECT_ATTEMPTS: i32 = 500;

const SEE_HELP = "iomux-link --help shows how to call it";
const STDOUT_SOCKET = "/stdout.sock", STDERR_SOCKET = "/stderr.sock", STATUS_SOCKET = "/status.sock";
/** Length of each of the three names. */
const SOCKET_NAME_BYTES = 12;

const enum State { CONNECTING, LINKED }
let state: State = State.CONNECTING;

const output = changetype<Stream>(memory.data(offsetof<Stream>(), 8));
const errors = changetype<Stream>(memory.data(offsetof<Stream>(), 8));
const outputRelay = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const errorsRelay = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const outputBuffer = memory.data(BUFFER_BYTES), errorsBuffer = memory.data(BUFFER_BYTES);

let socketPath: usize = 0;
namespace connecting {
  /** Sockets connected so far, and attempts for the next one. */
  export let connected: i32 = 0, attempts: i32 = 0;
}

namespace statusChannel {
  export let socket: i32 = -1;
  export let have: u32 = 0;
  export let ended: bool = false;
}
const status = memory.data(STATUS_BYTES, 4);
let saveIsDue: bool = false;
let ended: i32 = Ending.NONE;
let tellsDeath: bool = false;

function moveTo(next: State): void {
  assert(next > state, "a link never goes back");
  state = next;
}

export function onStart(): void {
  loadArguments();
  if (!parse()) return refuseOptions();
  const caught = routeSignals(bit(SIGTERM) | bit(SIGINT), 0);
  if (caught < 0) return fail(EXIT_UNKNOWN, "iomux-link: cannot wait for signals", 0, caught);
  output.begin("stdout", outputRelay, outputBuffer, adoptFd(1));
  const stderr = adoptFd(2);
  errors.begin("stderr", errorsRelay, errorsBuffer, stderr);
  tellsDeath = options.verbose || isTerminal(stderr);
  if (options.cursorFile != 0) {
    ended = Ending.USAGE;
    loadCursor(options.cursorFile);
    ended = Ending.NONE;
  }
  if (saved.known) {
    output.resumeAt(saved.stdout);
    errors.resumeAt(saved.stderr);
  }
  socketPath = claim(stringLength(options.directory) + SOCKET_NAME_BYTES + 1);
  connectNext();
}

function refuseOptions(): void {
  if (!options.helpWanted) {
    ended = Ending.USAGE;
    if (options.badIndex == 0) return fail(EXIT_UNKNOWN, "iomux-link: the job's DIRECTORY is missing", 0, 0, SEE_HELP);
    return fail(EXIT_UNKNOWN, "iomux-link: invalid option or argument:", argument(options.badIndex), 0, SEE_HELP);
  }
  line.begin();
  line.put("usage: iomux-link [-v] [-w CURSOR_FILE] DIRECTORY\n");
  line.put("  -w CURSOR_FILE  start where the link before stopped, and keep the positions there\n");
  line.put("  -v, --verbose   report on stderr that a signal killed the job, also if stderr is no terminal\n");
  line.put("DIRECTORY is that of the job's iomux-spawn. Exit code: the job's; 255 when it was killed or not reached.");
  line.flush();
  exit(0);
}

function socketName(index: i32): string { return index == 0 ? STDOUT_SOCKET : index == 1 ? STDERR_SOCKET : STATUS_SOCKET; }

function connectNext(): void {
  while (connecting.connected < 3) {
    const name = socketName(connecting.connected);
    assert(name.length == SOCKET_NAME_BYTES, "the room for a path is for names of that length");
    store<u8>(putText(putCopy(socketPath, options.directory), name), 0);
    const socket = connect(socketPath);
    if (socket == -EAGAIN && ++connecting.attempts < CONNECT_ATTEMPTS) {
      wakeAfter(CONNECT_INTERVAL_MS);
      return;
    }
    if (socket < 0) return refuseConnection(socket);
    connecting.attempts = 0;
    if (connecting.connected == 0) output.connected(socket);
    else if (connecting.connected == 1) errors.connected(socket);
    else statusChannel.socket = socket;
    connecting.connected++;
  }
  watch(statusChannel.socket, READ);
  moveTo(State.LINKED);
  // Save what came while the last socket was connected: the next output may take long.
  saveSoon();
}

function refuseConnection(error: i32): void {
  let advice = "";
  if (error == -ENOENT || error == -ECONNREFUSED) advice = "is the job's iomux-spawn running?";
  else if (error == -ENAMETOOLONG) advice = "a socket's path has at most 107 bytes";
  else if (error == -EAGAIN) advice = "its iomux-spawn does not accept connections";
  ended = Ending.UNREACHED;
  fail(EXIT_UNKNOWN, "iomux-link: cannot connect to", socketPath, error, advice);
}

export function onReady(handle: i32, events: i32): void {
  if (handle == statusChannel.socket) takeStatus();
  else if (output.owns(handle)) output.advance();
  else if (errors.owns(handle)) errors.advance();
  resumeTogether();
  saveSoon();
  finishWhenAllEnded();
}

/**
 * The positions of both streams are saved together. Output of one stream that is delivered before the other's position is
 * known could not be saved, and would come again. So both streams wait until both positions are known.
 */
function resumeTogether(): void {
  if (output.stage == Stage.HEADER || errors.stage == Stage.HEADER) return;
  output.resume();
  errors.resume();
}

function takeStatus(): void {
  const got = read(statusChannel.socket, status + statusChannel.have, STATUS_BYTES - statusChannel.have);
  if (got == -EAGAIN) return;
  if (got > 0) statusChannel.have += got;
  if (got > 0 && statusChannel.have < STATUS_BYTES) return;
  statusChannel.ended = true;
  close(statusChannel.socket);
  statusChannel.socket = -1;
}

/** The job's status does not end the link: output may still follow, and its delivered positions are saved. */
function finishWhenAllEnded(): void {
  if (!statusChannel.ended || output.stage != Stage.ENDED || errors.stage != Stage.ENDED) return;
  save();
  exit(exitAsTheJob());
}

function printDeath(raw: i32): void {
  line.begin();
  line.put("iomux-link: the job was killed by ");
  line.putSignal(signalOf(raw));
  line.flush();
}

function exitAsTheJob(): i32 {
  const raw = rawStatus(status);
  ended = statusChannel.have == STATUS_BYTES ? raw : Ending.LOST;
  if (statusChannel.have == STATUS_BYTES && exited(raw)) return exitCode(raw);
  if (statusChannel.have == STATUS_BYTES && !endIsUnknown(raw)) {
    if (tellsDeath) printDeath(raw);
    return EXIT_UNKNOWN;
  }
  line.begin();
  line.put("iomux-link: the job's exit status never came; its iomux-spawn ended before it could tell");
  line.flush();
  return EXIT_UNKNOWN;
}

/** An unknown position is not saved: a later link would report a gap, or skip bytes that were never delivered. */
function hasNewPositions(): bool {
  return options.cursorFile != 0 && positionsAreKnown() && differs(output.position(), errors.position());
}

/** Saves new positions. True if nothing is left to save. */
function save(): bool { return !hasNewPositions() || saveCursor(output.position(), errors.position()); }

function saveSoon(): void {
  if (saveIsDue || state != State.LINKED || !hasNewPositions()) return;
  saveIsDue = true;
  wakeAfter(SAVE_INTERVAL_MS);
}

export function onDeadline(): void {
  if (state == State.CONNECTING) return connectNext();
  saveIsDue = false;
  save();
}

export function onSignal(signal: i32): void {
  ended = Ending.STOPPED;
  exit(save() ? 0 : EXIT_UNKNOWN);
}

export function onTrap(): i32 { return EXIT_UNKNOWN; }

/** The job's raw status, or an `Ending`. */
export function ending(): i32 { return ended; }

export function resumeAt(stdout: u32, stderr: u32): void {
  output.resumeAt(stdout);
  errors.resumeAt(stderr);
}

export function positionsAreKnown(): bool { return output.isPlaced() && errors.isPlaced(); }
function streamOf(channel: i32): Stream { return channel == 0 ? output : errors; }
export function originOf(channel: i32): u32 { return streamOf(channel).origin; }
export function gapFrom(channel: i32): u32 { return streamOf(channel).gapStart; }
export function gapTo(channel: i32): u32 { return streamOf(channel).gapEnd; }
export function brokenBy(channel: i32): i32 { return streamOf(channel).relay.error; }
