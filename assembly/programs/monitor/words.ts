/** Words of a command line and paths, put together in buffers that are claimed at the start. */
import { claim } from "../../boundary/wasi";
import { putCopy, putDigits, putText } from "../../lib/text";

/** PATH_MAX of <limits.h>: no option's path may be longer. */
export const PATH_BYTES: u32 = 4096;

let words: usize = 0;
let wordsEnd: usize = 0;
let paths: usize = 0;

/** `bytes` is what the longest command line may take. */
export function claimWords(bytes: u32): void {
  words = claim(bytes);
  paths = claim(4 * 2 * PATH_BYTES);
}

export function beginWords(): void { wordsEnd = words; }
export function putWord(word: usize): void { endWord(putCopy(wordsEnd, word)); }
export function putWordText(ascii: string): void { endWord(putText(wordsEnd, ascii)); }
export function wordsAt(): usize { return words; }
export function wordsSize(): u32 { return <u32>(wordsEnd - words); }

function endWord(end: usize): void {
  store<u8>(end, 0);
  wordsEnd = end + 1;
}

/** Places for paths that are needed at the same time. */
export const enum Place { FIRST, SECOND, SOCKET, LOG }

/** DIRECTORY, then `tail`. */
export function joinText(place: Place, directory: usize, tail: string): usize {
  const at = paths + <u32>place * 2 * PATH_BYTES;
  store<u8>(putText(putCopy(at, directory), tail), 0);
  return at;
}

/** DIRECTORY/NAME, then `tail`. */
export function joinName(place: Place, directory: usize, name: usize, tail: string): usize {
  const at = paths + <u32>place * 2 * PATH_BYTES;
  store<u8>(putText(putCopy(putText(putCopy(at, directory), "/"), name), tail), 0);
  return at;
}

/** DIRECTORY/NUMBER, then `tail`. */
export function joinNumber(place: Place, directory: usize, number: u64, tail: string): usize {
  const at = paths + <u32>place * 2 * PATH_BYTES;
  store<u8>(putText(putDigits(putText(putCopy(at, directory), "/"), number), tail), 0);
  return at;
}
