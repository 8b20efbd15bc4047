/** Sequences of system calls as numbers, so that each list of numbers is a sequence and a shorter list is a shorter sequence. */

/** One call: the choice of the operation, and of its arguments. Each number is taken modulo the choices that there are. */
export type Step = readonly [operation: number, a: number, b: number, c: number];

/** A call, for the player on Linux, and the simulation's result of the same call; or several, with a newline between. */
export interface Played { readonly line: string; readonly result: string }

/** The simulated side of a sequence. */
export interface Subject {
  /** Undefined if the step can do nothing: the sequence goes on without it. */
  play(step: Step): Played | undefined;
}

/** A group of calls that is compared with Linux. */
export interface Kind {
  readonly name: string;
  readonly stepsMax: number;
  /** Sequences that CI plays. */
  readonly fresh: number;
  /** Lines that make the player wait longer and longer for the kernel's workers: a difference must show with each of them, too. */
  readonly patience: readonly string[];
  /** Why this machine cannot play it. */
  readonly lacks?: string | undefined;
  begin(): Subject;
}

/** Carries out one call, with the numbers that choose its arguments. */
export type Operation = (a: number, b: number, c: number) => Played | undefined;

/** An operation that is chosen so often as others. */
export function often(count: number, operation: Operation): Operation[] { return Array.from({ length: count }, () => operation); }

/** The list's entry that a number chooses. */
export function chosen<T>(list: readonly T[], number: number): T | undefined { return list[number % list.length]; }

const STREAM_BYTES = 1 << 21;
const stream = Uint8Array.from({ length: STREAM_BYTES }, (_, at) => at * 167 + (at >> 8));

/** The bytes that a sequence writes: player.c has the same. */
export class Stream {
  private at = 0;
  /** Throws when the sequence has written too much. */
  next(size: number): Uint8Array {
    if (this.at + size > STREAM_BYTES) throw new Error(`a sequence writes at most ${STREAM_BYTES} bytes`);
    return stream.subarray(this.at, this.at += size);
  }
  has(size: number): boolean { return this.at + size <= STREAM_BYTES; }
}

/** FNV-1a: player.c has the same. */
export function hash(bytes: Uint8Array): number {
  let value = 2166136261;
  for (const byte of bytes) value = Math.imul(value ^ byte, 16777619);
  return value >>> 0;
}

const SIZES = [
  0, 1, 2, 3, 5, 8, 100, 513, 1000, 3776, 3777, 4090, 4095, 4096, 4097, 5000, 8192, 12_288, 20_000, 36_544, 36_545, 65_536, 70_000,
  106_000, 107_000,
];

/** A number of bytes: one of the sizes at which something changes, or any up to 9,000. */
export function sizeOf(number: number): number {
  return number % 3 === 0 ? Math.floor(number / 3) % 9000 : SIZES[Math.floor(number / 3) % SIZES.length]!;
}
