/** What scripts write: bytes that say where in their stream they belong. */

/**
 * The byte at a position of a descriptor's stream. All bits of the position count, so that bytes which were lost, repeated
 * or moved by any distance, that of a ring or of the circle of 2^32 too, are seen within a few bytes.
 */
export function patternByte(fd: number, position: number): number {
  const low = position >>> 0, high = Math.floor(position / 0x1_0000_0000);
  const mixed = Math.imul(low ^ (low >>> 15) ^ Math.imul(high + fd * 0x51, 0x2545f491), 0x9e3779b1);
  return (mixed >>> 24) ^ (mixed & 0xff);
}

export function pattern(fd: number, position: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = patternByte(fd, position + i);
  return bytes;
}

/** Where the bytes first differ from the pattern; -1 when they do not. */
export function patternMismatch(fd: number, position: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== patternByte(fd, position + i)) return i;
  return -1;
}
