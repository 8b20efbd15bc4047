/** Comparing bytes, for checkers that compare every piece of a stream. */

/** From this many bytes on, a view of 8-byte words is worth its cost. */
const MANY = 32;

/** The first position at which `bytes` differs from `whole` at `from`, or goes beyond its end; -1 when there is none. */
export function mismatch(whole: Uint8Array, from: number, bytes: Uint8Array): number {
  const common = Math.max(0, Math.min(bytes.length, whole.length - from));
  let at = common < MANY ? 0 : sameWords(whole, from, bytes, common);
  while (at < common && whole[from + at] === bytes[at]) at++;
  return at === bytes.length ? -1 : at;
}

/** The number of equal bytes at the beginning, rounded down to words: a few more may be equal. */
function sameWords(whole: Uint8Array, from: number, bytes: Uint8Array, common: number): number {
  const expected = new DataView(whole.buffer, whole.byteOffset + from, common);
  const there = new DataView(bytes.buffer, bytes.byteOffset, common);
  let at = 0;
  while (at + 8 <= common && expected.getInt32(at) === there.getInt32(at) && expected.getInt32(at + 4) === there.getInt32(at + 4)) at += 8;
  return at;
}
