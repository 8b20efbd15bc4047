/** Inputs that nobody has seen, made of those that are kept. */
import type { Random } from '../../src/sim/kernel/random.js';

/** Changes that are made to one input, at most. */
const CHANGES_MAX = 6;

/** One of the corpus, changed; at most `most` bytes. JSON is changed by its grammar two times in three. */
export function mutated(corpus: readonly Uint8Array[], random: Random, most: number, isJson = false): Uint8Array {
  let bytes = [...random.pick(corpus)];
  for (let changes = random.between(1, CHANGES_MAX); changes > 0; changes--) {
    bytes = isJson && random.below(3) > 0 ? changedJson(bytes, random) : changed(bytes, corpus, random);
  }
  return Uint8Array.from(bytes.slice(0, most));
}

function changed(bytes: number[], corpus: readonly Uint8Array[], random: Random): number[] {
  const at = random.below(bytes.length + 1), size = random.between(1, 8), byte = random.below(256);
  switch (random.below(7)) {
    case 0: return bytes.map((old, index) => (index === at ? byte : old));
    case 1: return bytes.toSpliced(at, size);
    case 2: return bytes.toSpliced(at, 0, ...Array.from({ length: size }, () => random.below(256)));
    case 3: return bytes.toSpliced(at, 0, ...bytes.slice(at, at + size));
    case 4: return bytes.map((old, index) => (index === at ? old ^ 1 << (byte & 7) : old));
    // One input's beginning, another's end.
    case 5: return [...bytes.slice(0, at), ...tail(random.pick(corpus), random)];
    default: return [...bytes, ...Array.from({ length: size }, () => random.below(256))];
  }
}

function tail(bytes: Uint8Array, random: Random): Uint8Array { return bytes.subarray(random.below(bytes.length + 1)); }

const USUAL = ['null', 'true', '0', '-1', '1.5', '4294967296', '18446744073709551616', '""', '"/a/../b"', '"\\u0000"', '{}', '[]', '[["a"]]'];
/** A key, a string, a number or a word; behind it maybe the comma. */
const VALUE = /"(?:[^"\\]|\\.)*"|[\w.+-]+/g;

/** A value for another, out, or twice: it mostly stays JSON. */
function changedJson(bytes: readonly number[], random: Random): number[] {
  const text = Buffer.from(bytes).toString('latin1'), nul = text.indexOf('\0'), end = nul < 0 ? text.length : nul;
  const values = [...text.slice(0, end).matchAll(VALUE)];
  if (values.length === 0) return [...bytes];
  const one = random.pick(values), [word] = random.pick(values), after = one.index + one[0].length;
  const replaced = (by: string, from = one.index, until = after): string => text.slice(0, from) + by + text.slice(until);
  const made = [
    (): string => replaced(word), (): string => replaced(random.pick(USUAL)),
    (): string => replaced('', one.index, after + Number(text[after] === ',')),
    (): string => replaced(`${word},`, one.index, one.index),
  ][random.below(4)]!();
  return [...Buffer.from(made, 'latin1')];
}
