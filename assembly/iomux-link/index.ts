/**
 * iomux-link: copies a job's output to its own, from where the last link stopped, and ends as the job did.
 * docs/iomux-link.md
 *
 *   onStart: loads the cursor → connects, three times → both streams are relayed, the status comes → saves → exit
 */
import { close, connect, inherit, read, READ, signals, wakeAfter, watch } from "../shim";
import { argument, claim, exit, loadArguments } from "../wasi";
import { putCopy, putText, stringLength } from "../shared/bytes";
import { Ending } from "../shared/ending";
import { EAGAIN, ECONNREFUSED, ENAMETOOLONG, ENOENT } from "../shared/errno";
import { begin, put, putSignal, tell } from "../shared/message";
import { fail } from "../shared/program";
import { BUFFER_BYTES, Relay } from "../shared/relay";
import { bit, SIGINT, SIGTERM } from "../shared/signal";
import { endIsUnknown, EXIT_UNKNOWN, exitCode, exited, rawStatus, signalOf, STATUS_BYTES } from "../wire/status";
import { differs, known, loadCursor, saveCursor, savedStderr, savedStdout } from "./cursor";
import { badIndex, cursorFile, directory, helpWanted, parse } from "./options";
import { Stage, Stream } from "./stream";

/** Positions that change are saved this often. */
const SAVE_INTERVAL_MS: i32 = 1_000;
/** iomux-spawn's queue of connections is full: it is asked again, so often, for 10 seconds. */
const CONNECT_INTERVAL_MS: i32 = 20;
const CONNECT_ATTEMPTS: i32 = 500;

const SEE_HELP = "iomux-link --help shows how to call it";
const STDOUT_SOCKET = "/stdout.sock", STDERR_SOCKET = "/stderr.sock", STATUS_SOCKET = "/status.sock";
/** Of each of the three. */
const SOCKET_NAME_BYTES = 12;

const enum State { CONNECTING, LINKED }
let state: State = State.CONNECTING;

const output = changetype<Stream>(memory.data(offsetof<Stream>(), 8));
const errors = changetype<Stream>(memory.data(offsetof<Stream>(), 8));
const outputRelay = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const errorsRelay = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const outputBuffer = memory.data(65536), errorsBuffer = memory.data(65536);
if (BUFFER_BYTES != 65536) ERROR("a relay's buffer has another size");

let socketPath: usize = 0;
/** Sockets connected so far, and tries for the next one. */
let connectedCount: i32 = 0, attempts: i32 = 0;

let statusSocket: i32 = -1;
const status = memory.data(4, 4);
if (STATUS_BYTES != 4) ERROR("the buffer for the status has another size");
let statusHave: u32 = 0;
let statusEnded: bool = false;
let saveIsDue: bool = false;
let ended: i32 = Ending.NONE;

export function onStart(): void {
  loadArguments();
  if (!parse()) return refuseOptions();
  const caught = signals(bit(SIGTERM) | bit(SIGINT), 0);
  if (caught < 0) return fail(EXIT_UNKNOWN, "iomux-link: cannot wait for signals", 0, caught);
  output.begin("stdout", outputRelay, outputBuffer, inherit(1));
  errors.begin("stderr", errorsRelay, errorsBuffer, inherit(2));
  if (cursorFile != 0) {
    ended = Ending.USAGE;
    loadCursor(cursorFile);
    ended = Ending.NONE;
  }
  if (known) {
    output.resumeAt(savedStdout);
    errors.resumeAt(savedStderr);
  }
  socketPath = claim(stringLength(directory) + SOCKET_NAME_BYTES + 1);
  connectNext();
}

function refuseOptions(): void {
  if (!helpWanted) {
    ended = Ending.USAGE;
    if (badIndex == 0) return fail(EXIT_UNKNOWN, "iomux-link: the job's DIRECTORY is missing", 0, 0, SEE_HELP);
    return fail(EXIT_UNKNOWN, "iomux-link: invalid option or argument:", argument(badIndex), 0, SEE_HELP);
  }
  begin();
  put("usage: iomux-link [-w CURSOR_FILE] DIRECTORY\n");
  put("  -w CURSOR_FILE  start where the link before stopped, and keep the positions there\n");
  put("DIRECTORY is that of the job's iomux-spawn. Exit code: the job's; 255 when it was killed or not reached.");
  tell();
  exit(0);
}

function socketName(index: i32): string { return index == 0 ? STDOUT_SOCKET : index == 1 ? STDERR_SOCKET : STATUS_SOCKET; }

function connectNext(): void {
  while (connectedCount < 3) {
    const name = socketName(connectedCount);
    assert(name.length == SOCKET_NAME_BYTES, "the room for a path is for names of that length");
    store<u8>(putText(putCopy(socketPath, directory), name), 0);
    const socket = connect(socketPath);
    if (socket == -EAGAIN && ++attempts < CONNECT_ATTEMPTS) {
      wakeAfter(CONNECT_INTERVAL_MS);
      return;
    }
    if (socket < 0) return refuseConnection(socket);
    attempts = 0;
    if (connectedCount == 0) output.connected(socket);
    else if (connectedCount == 1) errors.connected(socket);
    else statusSocket = socket;
    connectedCount++;
  }
  watch(statusSocket, READ);
  state = State.LINKED;
  // What came while the last socket was asked for: nothing else may come for long.
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
  if (handle == statusSocket) takeStatus();
  else if (output.owns(handle)) output.advance();
  else if (errors.owns(handle)) errors.advance();
  goOnTogether();
  saveSoon();
  finishWhenAllEnded();
}

/**
 * The positions of both streams are saved together: what was delivered of one while that of the other is not known could not
 * be, and would come again.
 */
function goOnTogether(): void {
  if (output.stage == Stage.HEADER || errors.stage == Stage.HEADER) return;
  output.goOn();
  errors.goOn();
}

function takeStatus(): void {
  const got = read(statusSocket, status + statusHave, STATUS_BYTES - statusHave);
  if (got == -EAGAIN) return;
  if (got > 0) statusHave += got;
  if (got > 0 && statusHave < STATUS_BYTES) return;
  statusEnded = true;
  close(statusSocket);
  statusSocket = -1;
}

/** The status alone is no end: output may still be on its way, and what was delivered of it decides what is saved. */
function finishWhenAllEnded(): void {
  if (!statusEnded || output.stage != Stage.ENDED || errors.stage != Stage.ENDED) return;
  save();
  exit(exitAsTheJob());
}

function exitAsTheJob(): i32 {
  const raw = rawStatus(status);
  ended = statusHave == STATUS_BYTES ? raw : Ending.LOST;
  if (statusHave == STATUS_BYTES && exited(raw)) return exitCode(raw);
  begin();
  if (statusHave == STATUS_BYTES && !endIsUnknown(raw)) {
    put("iomux-link: the job was killed by ");
    putSignal(signalOf(raw));
  } else {
    put("iomux-link: the job's exit status never came; its iomux-spawn ended before it could tell");
  }
  tell();
  return EXIT_UNKNOWN;
}

/** A position that nobody knows is not saved: a later link would take it for a gap, or skip what it never got. */
function hasNewPositions(): bool {
  return cursorFile != 0 && positionsAreKnown() && differs(output.position(), errors.position());
}

/** True when there is nothing left to save. */
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

/** How the job ended; an `Ending` when nobody knows. */
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
