/** The bytes that scripts write: each depends on its position in its stream. */
import { mismatch } from './bytes.js';

/**
 * The byte at a position of a descriptor's stream. All bits of the position count: bytes that were lost, repeated or moved by any
 * distance, also by a ring's size or by 2^32, differ within a few bytes.
 */
export function patternByte(fd: number, position: number): number {
  const low = position >>> 0, high = Math.floor(position / 0x1_0000_0000);
  const mixed = Math.imul(low ^ (low >>> 15) ^ Math.imul(high + fd * 0x51, 0x2545f491), 0x9e3779b1);
  return (mixed >>> 24) ^ (mixed & 0xff);
}

/** The beginnings of streams, by descriptor, as far as they were used: most streams are short. */
const beginnings: Uint8Array[] = [];
const BEGINNING_BYTES_MAX = 1 << 20, FIRST_BYTES = 1 << 14, DESCRIPTORS_MAX = 8;

/** At least `end` bytes of a stream's beginning; undefined when that is more than is cached. */
function beginning(fd: number, end: number): Uint8Array | undefined {
  if (end > BEGINNING_BYTES_MAX || fd < 0 || fd >= DESCRIPTORS_MAX) return undefined;
  const known = beginnings[fd];
  if (known && known.length >= end) return known;
  let size = known?.length ?? FIRST_BYTES;
  while (size < end) size *= 2;
  return beginnings[fd] = computed(fd, 0, size);
}

function computed(fd: number, position: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = patternByte(fd, position + i);
  return bytes;
}

/** The result is shared: do not change it. */
export function pattern(fd: number, position: number, count: number): Uint8Array {
  return beginning(fd, position + count)?.subarray(position, position + count) ?? computed(fd, position, count);
}

/** The first position at which the bytes differ from the pattern; -1 when there is none. */
export function patternMismatch(fd: number, position: number, bytes: Uint8Array): number {
  const expected = beginning(fd, position + bytes.length);
  return expected ? mismatch(expected, position, bytes) : mismatch(computed(fd, position, bytes.length), 0, bytes);
}
