/** Bytes as people have them: what strace, socat, xxd, hexdump and od print, and plain digits. */
import { bytesOfHex } from './json.js';

const ROW_BYTES = 16;
/** Of a word that is none, in a message about it. */
const WORD_SHOWN = 32;

/**
 * The bytes that a text shows; a RangeError says what in it is none. Of lines with a quoted string (strace) the string
 * counts, those of several lines together; else every line's digits, without its offset and its column of characters.
 */
export function parseHex(text: string): Uint8Array {
  const lines = text.split(/\r?\n/);
  const quoted = lines.flatMap((line, index) => stringsIn(line, index + 1));
  return Uint8Array.from(quoted.length > 0 ? quoted : digitsIn(lines));
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** A row of xxd, hexdump -C or od, in whose column of characters anything may stand. */
const DUMP_ROW = /^\s*[0-9a-f]{6,8}:?(\s+[0-9a-f]{2,4})+(\s|$)/i;

/** The first string in C's notation of a line of strace. */
function stringsIn(line: string, number: number): number[] {
  if (DUMP_ROW.test(line)) return [];
  const match = /"((?:[^"\\]|\\.)*)"(\.\.\.)?/.exec(line);
  if (match === null) return [];
  if (match[2] !== undefined) throw new RangeError(`line ${number}: strace has cut the string off ("..."); run it with -s 65536`);
  const bytes: number[] = [];
  for (const [piece, hex, octal, letter] of match[1]!.matchAll(/\\x([0-9a-f]{2})|\\([0-7]{1,3})|\\(.)|[^\\]/gsu)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (letter !== undefined) bytes.push(...(ESCAPES[letter] === undefined ? new TextEncoder().encode(letter) : [ESCAPES[letter]]));
    else bytes.push(...new TextEncoder().encode(piece));
  }
  return bytes;
}

function digitsIn(lines: readonly string[]): number[] {
  const bytes: number[] = [];
  let isRepeated = false;
  for (const [index, line] of lines.entries()) {
    // socat -x tells in such lines what went which way, and when, and where it ends.
    if (/^([<>] .*|--)$/.test(line)) continue;
    // hexdump and od: the row before, again and again, up to the next offset.
    if (line.trim() === '*') {
      isRepeated = true;
      continue;
    }
    const words = withoutCharacters(line).replaceAll('\\x', ' ').trim().split(/[\s,]+/);
    const offset = offsetIn(words, bytes.length, isRepeated);
    if (offset !== undefined) {
      while (isRepeated && bytes.length >= ROW_BYTES && bytes.length < offset) bytes.push(...bytes.slice(-ROW_BYTES));
      isRepeated = false;
      words.shift();
    }
    for (const word of words) for (const byte of bytesIn(word, index + 1)) bytes.push(byte);
  }
  return bytes;
}

/** Without the column of characters: hexdump -C frames it, xxd sets it off. */
function withoutCharacters(line: string): string { return line.replace(/\|.*$/, '').replace(/^(\s*[0-9a-f]+:(?: ?[0-9a-f])+) {2}.*$/i, '$1'); }

/** The number that a line begins with when that is where its bytes stand. */
function offsetIn(words: readonly string[], expected: number, isRepeated: boolean): number | undefined {
  const match = /^([0-9a-f]{6,8})(:?)$/i.exec(words[0] ?? '');
  if (match === null) return undefined;
  const offset = Number.parseInt(match[1]!, 16);
  const isExpected = isRepeated ? offset > expected : offset === expected && (words.length > 1 || expected > 0);
  return match[2] === ':' || isExpected ? offset : undefined;
}

function bytesIn(word: string, line: number): Iterable<number> {
  const bytes = bytesOfHex(word.replace(/^0x/i, ''));
  const shown = word.length > WORD_SHOWN ? `${word.slice(0, WORD_SHOWN)}…` : word;
  if (bytes === undefined) throw new RangeError(`line ${line}: ${JSON.stringify(shown)} is not pairs of hexadecimal digits`);
  return bytes;
}

type Range = readonly [from: number, to: number];

/** Rows of 16 bytes: offset, digits, characters. `mark` paints the bytes from `from` up to `to`. */
export function dump(
  bytes: Uint8Array, [first, end]: Range, [from, to]: Range = [0, 0], mark: (text: string) => string = (text) => text,
): string[] {
  const rows: string[] = [];
  for (let at = first - first % ROW_BYTES; at < Math.min(end, bytes.length); at += ROW_BYTES) {
    const row = Array.from(bytes.subarray(at, at + ROW_BYTES));
    const paint = (index: number, text: string): string => (at + index >= from && at + index < to ? mark(text) : text);
    const digits = row.map((byte, index) => paint(index, byte.toString(16).padStart(2, '0')));
    const characters = row.map((byte, index) => paint(index, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
    const gap = ' '.repeat(3 * (ROW_BYTES - row.length) + (row.length > ROW_BYTES / 2 ? 0 : 1));
    const halves = [digits.slice(0, ROW_BYTES / 2), digits.slice(ROW_BYTES / 2)].map((half) => half.join(' ')).filter((half) => half !== '');
    rows.push(`${String(at).padStart(6)}  ${halves.join('  ')}${gap}  |${characters.join('')}|`);
  }
  return rows;
}
