/**
 * CRI's log format, which conmon calls k8s-file: a record is RFC 3339 time with nine digits of a second, stream, tag, text, newline:
 *
 *   2026-11-30T16:03:02.610768118+00:00 stdout F text
 *
 * Tag F ends a line. P is a piece of one that goes on in the stream's next record.
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */
import { putText } from "../text";
import { putTime, TIME_BYTES } from "./time";

/** Time, blank, "stdout" or "stderr", blank, tag, blank. */
export const PREFIX_BYTES: u32 = TIME_BYTES + 10;
/** `putRecords` copies four words at a time: it may write this many bytes beyond a record, and read as many beyond its text. */
export const SLACK_BYTES: u32 = 32;
const NEWLINE: u8 = 0x0a;
const NEWLINES: u64 = 0x0a0a0a0a0a0a0a0a;
const ONES: u64 = 0x0101010101010101;
const TOP_BITS: u64 = 0x8080808080808080;

const prefix = memory.data(48, 8);
if (PREFIX_BYTES != 45) ERROR("the prefix is copied as six words, of which the text overwrites the last three bytes");

/** Sets the prefix of all records of the next `putRecords`: one time for each read, as in conmon. */
export function setPrefix(isStderr: bool, realtimeNs: u64): void {
  putText(putTime(prefix, realtimeNs), isStderr ? " stderr F " : " stdout F ");
}

/** The end of the text that the last `putRecords` consumed. */
export let textEnd: usize = 0;

/**
 * Puts records at `out` for the text [at, end): one for each line, and one with tag P for a last piece without newline, until the
 * text ends or the next record might pass `outEnd`. Returns the end of the records. Overwrites the byte at `end`.
 * `SLACK_BYTES` beyond both ends must be readable.
 */
export function putRecords(at: usize, end: usize, out: usize, outEnd: usize): usize {
  const past = load<u8>(end);
  // This newline ends the last line at the latest.
  store<u8>(end, NEWLINE);
  while (at < end) {
    // Look for the line's own length only when the longest possible record would not fit.
    if (outEnd - out < PREFIX_BYTES + <u32>(end - at) + 1 + SLACK_BYTES
      && outEnd - out < PREFIX_BYTES + <u32>(indexOfNewline(at) - at) + 1 + SLACK_BYTES) break;
    const tag = out + PREFIX_BYTES - 2;
    store<u64>(out, load<u64>(prefix));
    store<u64>(out, load<u64>(prefix, 8), 8);
    store<u64>(out, load<u64>(prefix, 16), 16);
    store<u64>(out, load<u64>(prefix, 24), 24);
    store<u64>(out, load<u64>(prefix, 32), 32);
    store<u64>(out, load<u64>(prefix, 40), 40);
    out += PREFIX_BYTES;
    for (;;) {
      const first = load<u64>(at), second = load<u64>(at, 8), third = load<u64>(at, 16), fourth = load<u64>(at, 24);
      if ((newlinesIn(first) | newlinesIn(second) | newlinesIn(third) | newlinesIn(fourth)) != 0) break;
      store<u64>(out, first);
      store<u64>(out, second, 8);
      store<u64>(out, third, 16);
      store<u64>(out, fourth, 24);
      out += 32;
      at += 32;
    }
    let word = load<u64>(at), found = newlinesIn(word);
    while (found == 0) {
      store<u64>(out, word);
      out += 8;
      at += 8;
      word = load<u64>(at);
      found = newlinesIn(word);
    }
    store<u64>(out, word);
    const length = <usize>(ctz(found) >>> 3) + 1;
    out += length;
    at += length;
    if (at > end) store<u8>(tag, 0x50); // P
  }
  store<u8>(end, past);
  textEnd = min(at, end);
  return out;
}

/** Marks in the lowest byte of the word that is a newline; 0 when none is. Higher bytes may be marked wrongly. */
// @ts-ignore: decorator
@inline function newlinesIn(word: u64): u64 {
  const zero = word ^ NEWLINES;
  return (zero - ONES) & ~zero & TOP_BITS;
}

function indexOfNewline(at: usize): usize {
  while (load<u8>(at) != NEWLINE) at++;
  return at;
}
