/** The descriptors that a sequence has open, and the calls that all of them have. test/replay/linux/sequences/descriptors.c */
import { Counter } from '../../../src/sim/kernel/cgroup.js';
import type { FileDescription } from '../../../src/sim/kernel/open-file.js';
import { chosen, hash, type Played, sizeOf, Stream } from './sequence.js';

const SLOTS_MAX = 40;
const BUFFER_BYTES = 1 << 20;
/** What is read. */
export const buffer = new Uint8Array(BUFFER_BYTES);

export class Slots {
  readonly open = new Map<number, FileDescription>();
  protected readonly stream = new Stream();

  get free(): number | undefined {
    for (let slot = 0; slot < SLOTS_MAX; slot++) if (!this.open.has(slot)) return slot;
    return undefined;
  }

  /** So many free slots. */
  freeSlots(count: number): number[] | undefined {
    const free = Array.from({ length: SLOTS_MAX }, (_, slot) => slot).filter((slot) => !this.open.has(slot)).slice(0, count);
    return free.length === count ? free : undefined;
  }

  put(slot: number, description: FileDescription): void { this.open.set(slot, description.hold()); }

  /** The slot that a number chooses. */
  slotOf(number: number): number | undefined { return chosen([...this.open.keys()], number); }

  /** A call that makes a description, or fails. */
  made(line: (slot: number) => string, make: () => FileDescription | number): Played | undefined {
    const slot = this.free;
    if (slot === undefined) return undefined;
    const description = make();
    if (typeof description !== 'number') this.put(slot, description);
    return { line: line(slot), result: String(typeof description === 'number' ? description : 0) };
  }

  on(a: number, run: (description: FileDescription, slot: number) => Played | undefined): Played | undefined {
    const slot = this.slotOf(a);
    return slot === undefined ? undefined : run(this.open.get(slot)!, slot);
  }

  read(a: number, b: number): Played | undefined {
    return this.on(a, (description, slot) => {
      const size = sizeOf(b), got = description.read(buffer.subarray(0, size));
      return { line: `read ${slot} ${size}`, result: `${got} ${got > 0 ? hash(buffer.subarray(0, got)) : 0}` };
    });
  }

  write(a: number, b: number): Played | undefined {
    return this.on(a, (description, slot) => {
      const size = sizeOf(b);
      // An event counter takes a number of its own.
      if (description instanceof Counter || !this.stream.has(size)) return undefined;
      return { line: `write ${slot} ${size}`, result: String(description.write(this.stream.next(size))) };
    });
  }

  close(a: number): Played | undefined {
    return this.on(a, (description, slot) => {
      this.open.delete(slot);
      description.drop();
      return { line: `close ${slot}`, result: '0' };
    });
  }

  poll(a: number): Played | undefined {
    return this.on(a, (description, slot) => ({ line: `poll ${slot}`, result: String(description.poll()) }));
  }
}
