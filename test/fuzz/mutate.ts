/** Inputs that nobody has seen, made of those that are kept. */
import type { Random } from '../../src/sim/random.js';

/** Changes that are made to one input, at most. */
const CHANGES_MAX = 6;

/** One of the corpus, changed; at most `most` bytes. */
export function mutated(corpus: readonly Uint8Array[], random: Random, most: number): Uint8Array {
  let bytes = [...random.pick(corpus)];
  for (let changes = random.between(1, CHANGES_MAX); changes > 0; changes--) bytes = changed(bytes, corpus, random);
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
