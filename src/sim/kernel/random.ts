/**
 * A pseudo-random generator with a seed: sfc32, 128 bits of state, a few operations a number. Every random choice in a
 * simulation comes from one of these.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** Seeds are whole numbers from 0 to 2^53 - 1. */
  constructor(readonly seed: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = 0x9e3779b9 | 0;
    // Seeds that differ in one bit begin with similar states: discard the first numbers.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** 0 .. 2^32 - 1 */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** 0 .. limit - 1, for limits up to 2^32. */
  below(limit: number): number { return limit <= 1 ? 0 : Math.floor(this.next() / 0x1_0000_0000 * limit); }

  /** first .. last */
  between(first: number, last: number): number { return first + this.below(last - first + 1); }

  /** True with this probability: 0 is never, 1 always. */
  chance(probability: number): boolean { return probability > 0 && this.next() < probability * 0x1_0000_0000; }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.below(list.length)]!;
  }

  /** In place. */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const other = this.below(i + 1), kept = list[i]!;
      list[i] = list[other]!;
      list[other] = kept;
    }
    return list;
  }

  /** A generator of its own: numbers drawn from it do not change the sequence of this one. */
  fork(): Random { return new Random(this.next()); }
}
