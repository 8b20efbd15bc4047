/**
 * Output that the history holds no more, read back from the log for a client that has fallen behind: its pace is its own, and the
 * container does not wait for it. A file's records are found again by position, also after the file was renamed.
 */
import { close, open, OPEN_READ, readAt } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { PREFIX_BYTES } from "../../lib/log/cri";
import { history, Stream } from "./history";

/** The log's files that are read from: the one that is written, and older ones that some client still needs. */
const FILES_MAX: u32 = 8;
const BUFFER_BYTES: u32 = 1 << 16;
const NEWLINE: u8 = 0x0a, PARTIAL: u8 = 0x50;

@unmanaged class LogFile {
  /** Position of the file's byte `start`: both count bytes. */
  base: u64;
  start: u64;
  /** Position behind its last byte; the largest there is while it is written. */
  end: u64;
  reader: i32;
}

const files = memory.data(FILES_MAX * offsetof<LogFile>(), 8);
export namespace fed {
  export let count: u32 = 0;
  export let buffer: usize = 0;
  /** Some output is missing in the log, or the log cannot be read: who falls behind is waited for. */
  export let canFeed: bool = false;
  /** Where the history stood when the log became whole again. */
  export let feedsFrom: u64 = 0;
  /** How often output went missing: who read from the log before has to miss it. */
  export let losses: u32 = 0;
}

/** Whether the log has all output from a record of the history on. */
export function isLogged(historyPosition: u64): bool { return fed.canFeed && historyPosition >= fed.feedsFrom; }

function fileAt(index: u32): LogFile { return changetype<LogFile>(files + index * offsetof<LogFile>()); }

export function claimFeed(): void { fed.buffer = claim(BUFFER_BYTES); }

/** The log is written to a file from now on, whose first byte of ours is at `start` and stands at `position`. */
export function beginFile(path: usize, start: i32, position: u64): void {
  if (fed.count > 0) fileAt(fed.count - 1).end = position;
  if (fed.count == FILES_MAX) dropOldest();
  const it = fileAt(fed.count);
  it.reader = open(path, OPEN_READ);
  it.base = position;
  it.start = start;
  it.end = u64.MAX_VALUE;
  if (!fed.canFeed) fed.feedsFrom = history.head;
  fed.canFeed = it.reader > 0 && start >= 0;
  if (it.reader > 0) fed.count++;
}

export function stopFeeding(): void {
  if (fed.canFeed) fed.losses++;
  fed.canFeed = false;
}

/** Closes the files that stand before the position of every client that reads them. */
export function keepFrom(position: u64): void { while (fed.count > 1 && fileAt(0).end <= position) dropOldest(); }

function dropOldest(): void {
  const reader = fileAt(0).reader;
  memory.copy(files, files + offsetof<LogFile>(), (fed.count - 1) * offsetof<LogFile>());
  fed.count--;
  close(reader);
}

export namespace lastRead {
  /** A record as the last `readRecord` found it: a packet of its text, the byte for the stream's number in front of it. */
  export let packet: usize = 0;
  export let textBytes: u32 = 0;
  /** Of the log. */
  export let recordBytes: u32 = 0;
  export let stream: Stream = Stream.STDOUT;
}

namespace cache {
  /** Bytes of the log that the buffer holds, and where they stand. */
  export let bufferedAt: u64 = 0;
  export let buffered: u32 = 0;
}

/** Reads the record at a position; false when there is none, or its file is gone. */
export function readRecord(position: u64): bool {
  if (position >= cache.bufferedAt && position < cache.bufferedAt + cache.buffered && parse(position)) return true;
  for (let i: u32 = 0; i < fed.count; i++) {
    const it = fileAt(i);
    if (position < it.base || position >= it.end) continue;
    const offset = it.start + (position - it.base);
    const got = readAt(it.reader, fed.buffer, BUFFER_BYTES, <u32>offset, <u32>(offset >>> 32));
    cache.bufferedAt = position;
    cache.buffered = got > 0 ? <u32>min(<u64>got, it.end - position) : 0;
    return parse(position);
  }
  return false;
}

function parse(position: u64): bool {
  const at = fed.buffer + <u32>(position - cache.bufferedAt), end = fed.buffer + cache.buffered;
  let newline = at + PREFIX_BYTES;
  while (newline < end && load<u8>(newline) != NEWLINE) newline++;
  if (newline >= end) return false;
  lastRead.recordBytes = <u32>(newline + 1 - at);
  // "stdout" and "stderr" differ in the fourth letter; the tag stands in front of the last blank.
  const isStderr = load<u8>(at + PREFIX_BYTES - 6) == 0x65, isPartial = load<u8>(at + PREFIX_BYTES - 2) == PARTIAL;
  lastRead.packet = at + PREFIX_BYTES - 1;
  lastRead.textBytes = <u32>(newline - at) - PREFIX_BYTES + (isPartial ? 0 : 1);
  lastRead.stream = isStderr ? Stream.STDERR : Stream.STDOUT;
  return true;
}
