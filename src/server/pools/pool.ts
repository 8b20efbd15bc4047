/** Numbers that containers hold for a time: networks, user ids, ports. Time is an argument. */
export interface PoolOptions {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** How long a number that was given back cannot be had. */
  readonly releaseDelayMs: number;
}

/**
 * Hands out numbers that were never used in ascending order, then those given back, the oldest first. When the oldest is not
 * ready, there is none, even if later ones would be: the original's order.
 */
export class Pool {
  /** Entries from here on were never handed out by `acquire`. */
  private fresh = 0;
  /** Handed out by name, ahead of `fresh`. */
  private readonly takenAhead = new Set<number>();
  private readonly freed: { readonly value: number; readonly readyAtMs: number }[] = [];

  constructor(private readonly options: PoolOptions) {}

  /** Numbers that can be had, now or after their delay. */
  get free(): number { return this.options.count - this.fresh - this.takenAhead.size + this.freed.length; }
  get size(): number { return this.options.count; }

  acquire(nowMs: number): number | undefined {
    while (this.takenAhead.delete(this.fresh)) this.fresh++;
    if (this.fresh < this.options.count) return this.valueAt(this.fresh++);
    const [oldest] = this.freed;
    if (!oldest || oldest.readyAtMs > nowMs) return undefined;
    this.freed.shift();
    return oldest.value;
  }

  /** A certain number: false where it is not in the pool, taken, or not ready. */
  take(value: number, nowMs: number): boolean {
    const index = this.indexOf(value);
    if (index === undefined) return false;
    if (index >= this.fresh) {
      if (this.takenAhead.has(index)) return false;
      this.takenAhead.add(index);
      return true;
    }
    const at = this.freed.findIndex((each) => each.value === value && each.readyAtMs <= nowMs);
    if (at < 0) return false;
    this.freed.splice(at, 1);
    return true;
  }

  /** Gives a number back; one that is not in the pool is nobody's. */
  release(value: number, nowMs: number): void {
    if (this.indexOf(value) === undefined) return;
    this.freed.push({ value, readyAtMs: nowMs + this.options.releaseDelayMs });
  }

  private valueAt(index: number): number { return this.options.first + index * this.options.step; }

  private indexOf(value: number): number | undefined {
    const index = (value - this.options.first) / this.options.step;
    return Number.isInteger(index) && index >= 0 && index < this.options.count ? index : undefined;
  }
}
