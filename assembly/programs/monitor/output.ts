/** The container's output: from its pipes, or its terminal, into the log, the history and the clients. */
import { close, bytesAvailable, read, READ, watch } from "../../boundary/shim";
import { EAGAIN } from "../../lib/errno";
import { acceptClients, hasRoomForAll, pushAll } from "./attach";
import { commit, READ_BYTES, reserve, Stream } from "./history";
import { journalIsBlocked } from "./journal";
import { counts } from "../../lib/log/file";
import { Deadline, startDeadline } from "./deadlines";
import { logPath, writeLog } from "./log";

/** Reads of one source in one turn, so that a stream that never pauses leaves the others their turns. */
const READS_A_TURN: i32 = 16;
/** A terminal does not say how much waits behind its end; it never holds as much. */
const TERMINAL_BYTES_MAX: u32 = 1 << 20;
const SOURCES: u32 = 2;

/**
 * A container that writes line by line would have each line cost some system calls. A pipe that is ready `HASTE_TURNS` times in a
 * row, each within a millisecond and with little, rests for one: what was written meanwhile is read at once.
 */
const HASTE_TURNS: u32 = 16;
const HASTE_NS: u64 = 1_000_000;
const REST_MS: u64 = 1;
/** What a turn brings when a rest before it would have been worth it, or was. */
const LITTLE_BYTES: u32 = 8192, WORTH_BYTES: u32 = 4096;

@unmanaged class Source {
  handle: i32;
  stream: Stream;
  isTerminal: bool;
  /** Until the deadline `REST` it is not read. */
  rests: bool;
  /** The last turn followed a rest. */
  rested: bool;
  /** The container has ended: so much is read at most. */
  limited: bool;
  left: u32;
  /** What the pipe holds; 0 of one that does not rest. */
  capacity: u32;
  hasty: u32;
  lastNs: u64;
}

const sources = memory.data(SOURCES * offsetof<Source>(), 8);

function source(index: u32): Source { return changetype<Source>(sources + index * offsetof<Source>()); }

/** In the place of a pipe's capacity. */
export const TERMINAL: i32 = -1;

export function openOutput(index: u32, handle: i32, stream: Stream, capacity: i32): void {
  const it = source(index);
  it.handle = handle;
  it.stream = stream;
  it.isTerminal = capacity == TERMINAL;
  it.capacity = max(capacity, 0);
}

export function watchOutput(): void { for (let i: u32 = 0; i < SOURCES; i++) if (source(i).handle != 0) watch(source(i).handle, READ); }

export function isOutput(handle: i32): bool { return handle == source(0).handle || handle == source(1).handle; }

export function pumpOutput(handle: i32): void { pump(source(handle == source(0).handle ? 0 : 1)); }

/** Goes on where clients had no room. */
export function pumpAll(): void { for (let i: u32 = 0; i < SOURCES; i++) if (source(i).handle != 0) pump(source(i)); }

function pump(it: Source): void {
  if (it.rests && !it.limited) return;
  // Who connected before this output was written gets it.
  acceptClients();
  let taken: u32 = 0;
  for (let reads = 0; reads < READS_A_TURN || it.limited; reads++) {
    if (it.limited && it.left == 0) return end(it);
    if (journalIsBlocked() || !hasRoomForAll()) {
      watch(it.handle, 0);
      return;
    }
    const at = reserve(), got = read(it.handle, at, it.limited ? min(it.left, READ_BYTES) : READ_BYTES);
    if (got == -EAGAIN && !it.limited) break;
    // A terminal whose last user has gone answers EIO.
    if (got <= 0) return end(it);
    if (it.limited) it.left -= got;
    taken += got;
    commit(it.stream, got, counts.logged);
    writeLog(it.stream, at, got);
    pushAll();
  }
  if (isHasty(it, taken)) return rest(it);
  watch(it.handle, READ);
}

/** Time is that of the log's last piece: without a log no pipe rests. */
function isHasty(it: Source, taken: u32): bool {
  const since = counts.pieceNs - it.lastNs;
  it.lastNs = counts.pieceNs;
  // A pipe that was half full would have held its writer up.
  if (it.rested) it.rested = taken >= WORTH_BYTES && taken < it.capacity / 2;
  if (it.rested) return true;
  it.hasty = taken > 0 && taken < LITTLE_BYTES && since < HASTE_NS && it.capacity > 0 && logPath() != 0 ? it.hasty + 1 : 0;
  return it.hasty >= HASTE_TURNS;
}

function rest(it: Source): void {
  it.hasty = 0;
  it.rests = it.rested = true;
  watch(it.handle, 0);
  startDeadline(Deadline.REST, REST_MS);
}

/** The next `pumpAll` reads all again. */
export function endRest(): void { for (let i: u32 = 0; i < SOURCES; i++) source(i).rests = false; }

function end(it: Source): void {
  close(it.handle);
  it.handle = 0;
}

/** What is there now is the last to be read: others that still hold the pipes are not waited for. */
export function limitOutput(): void {
  for (let i: u32 = 0; i < SOURCES; i++) {
    const it = source(i);
    if (it.handle == 0) continue;
    const waiting = it.isTerminal ? TERMINAL_BYTES_MAX : bytesAvailable(it.handle);
    it.limited = true;
    it.left = waiting > 0 ? waiting : 0;
  }
}

export function outputEnded(): bool { return source(0).handle == 0 && source(1).handle == 0; }

/** Reads what the runtime wrote to stderr before it failed. */
export function readError(at: usize, size: u32): u32 {
  const got = source(1).handle == 0 ? 0 : read(source(1).handle, at, size);
  return got > 0 ? got : 0;
}
