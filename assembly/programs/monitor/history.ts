/**
 * The newest output of both streams in the order in which it was read: a ring of records, each what one read(2) gave.
 * Readers keep positions of their own; what stands before `oldest` is overwritten.
 */
import { claim } from "../../boundary/wasi";
import { SLACK_BYTES } from "../../lib/log/cri";

const RING_BYTES: u32 = 1 << 17;
/** One read: fewer calls for the same bytes, and an eighth of what the slowest reader may lag behind. */
export const READ_BYTES: u32 = 1 << 15;
const ALIGNMENT: u32 = 16;
if (READ_BYTES * 4 > RING_BYTES) ERROR("a record, its filler and what is being read must fit the ring");

/** Streams as attach packets name them. */
export const enum Stream { FILLER = 0, STDOUT = 2, STDERR = 3 }

@unmanaged export class Record {
  /** Bytes of the log before this record: where a reader that falls behind goes on. */
  logAt: u64;
  size: u32;
  stream: Stream;

  text(): usize { return changetype<usize>(this) + offsetof<Record>(); }
}
if (offsetof<Record>() != ALIGNMENT) ERROR("a record's head is as long as its alignment");

export namespace history {
  export let ring: usize = 0;
  /** Positions of the next record and of the oldest one: bytes since the start, fillers included. */
  export let head: u64 = 0;
  export let oldest: u64 = 0;
}

export function claimHistory(): void { history.ring = claim(RING_BYTES + SLACK_BYTES); }

export function recordAt(position: u64): Record {
  assert(position >= history.oldest && position < history.head, "no record stands there");
  return changetype<Record>(history.ring + (<u32>position & (RING_BYTES - 1)));
}

/** Position of the record behind this one. */
export function after(position: u64): u64 { return position + sizeOf(recordAt(position).size); }

/** A text is followed by at least one byte of its record's: the log's format overwrites that one for a moment. */
function sizeOf(text: u32): u32 { return offsetof<Record>() + ((text + ALIGNMENT) & ~(ALIGNMENT - 1)); }

/** What one more record may take at most, a filler in front of it included. */
function reach(): u32 { return fillerSize() + sizeOf(READ_BYTES); }

/** The bytes up to the ring's end when a record might not fit there in one piece. */
function fillerSize(): u32 {
  const straight = RING_BYTES - (<u32>history.head & (RING_BYTES - 1));
  return straight < sizeOf(READ_BYTES) ? straight : 0;
}

/** Whether a record can be added without overwriting what stands from `position` on. */
export function hasRoomBefore(position: u64): bool { return history.head + reach() - position <= RING_BYTES; }

/** Where `READ_BYTES` of a new record may be read to; makes room for them. */
export function reserve(): usize {
  const until = history.head + reach();
  while (until - history.oldest > RING_BYTES) history.oldest = after(history.oldest);
  const filler = fillerSize();
  // The text for which `sizeOf` is the filler; nobody reads it, and one of a head alone has a size below 0.
  if (filler > 0) put(Stream.FILLER, filler - 2 * ALIGNMENT, 0, filler);
  return history.ring + (<u32>history.head & (RING_BYTES - 1)) + offsetof<Record>();
}

/** Makes what was read a record. */
export function commit(stream: Stream, size: u32, logAt: u64): void { put(stream, size, logAt, sizeOf(size)); }

function put(stream: Stream, size: u32, logAt: u64, whole: u32): void {
  const record = changetype<Record>(history.ring + (<u32>history.head & (RING_BYTES - 1)));
  record.logAt = logAt;
  record.size = size;
  record.stream = stream;
  history.head += whole;
}
