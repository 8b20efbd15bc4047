/** Bytes that are compared, again and again, by whoever watches a stream. */

/** From so many bytes on, views that take several at a time are worth making. */
const MANY = 32;

/** Where `bytes` first differs from what stands in `whole` from `from` on, or goes beyond it; -1 when it does not. */
export function mismatch(whole: Uint8Array, from: number, bytes: Uint8Array): number {
  const common = Math.max(0, Math.min(bytes.length, whole.length - from));
  let at = common < MANY ? 0 : sameWords(whole, from, bytes, common);
  while (at < common && whole[from + at] === bytes[at]) at++;
  return at === bytes.length ? -1 : at;
}

/** Bytes at the beginning that are the same, in steps of eight: there may be a few more. */
function sameWords(whole: Uint8Array, from: number, bytes: Uint8Array, common: number): number {
  const expected = new DataView(whole.buffer, whole.byteOffset + from, common);
  const there = new DataView(bytes.buffer, bytes.byteOffset, common);
  let at = 0;
  while (at + 8 <= common && expected.getInt32(at) === there.getInt32(at) && expected.getInt32(at + 4) === there.getInt32(at + 4)) at += 8;
  return at;
}
