/**
 * Pipes: pages, each a slot, as in Linux, where a write appends to the last page only when all that is over a whole
 * number of pages fits there. How full a pipe can get depends on that. pipe(7), fs/pipe.c
 */
import { Description, WOULD_BLOCK } from './description.js';
import { EAGAIN, EBUSY, EINVAL, EPERM, EPIPE } from './errno.js';
import { HANGUP, Kind, READ, WRITE } from '../vocabulary.js';

const PAGE_BYTES = 4096;
const SLOTS_BY_DEFAULT = 16;
/** /proc/sys/fs/pipe-max-size */
const SIZE_MAX = 1 << 20;
const MODE_BY_DEFAULT = 0o600;

export class Slot {
  /**
   * `merges`: later writes may append, for nobody else reads this page; `block`: where it lies, when other slots lie there,
   * too.
   */
  constructor(readonly page: Uint8Array, public offset: number, public length: number, readonly merges: boolean,
    readonly block: Block | undefined) {}
}

const BLOCK_BYTES = 32_768;
/** With less room than this, another one is taken. */
const ROOM_BYTES_MIN = 32;

/** A process's memory for the heads of messages that it splices, one behind the other. skb_page_frag_refill(), net/core/sock.c */
export class Block {
  used = 0;
  /** That lie in it; when the last one has been read it is used from its beginning again. */
  slots = 0;

  /** The block for the next head: this one, or a new one. */
  static after(last: Block | undefined): Block {
    if (!last) return new Block();
    if (last.slots === 0) last.used = 0;
    return last.used + ROOM_BYTES_MIN <= BLOCK_BYTES ? last : new Block();
  }

  /** As much as fits of `size` bytes. */
  take(size: number): number {
    const count = Math.min(size, BLOCK_BYTES - this.used);
    this.used += count;
    this.slots++;
    return count;
  }
}

/** Pages that no pipe uses. */
const freePages: Uint8Array[] = [];
const FREE_PAGES_MAX = 256;

export class Pipe {
  readonly slots: Slot[] = [];
  slotsMax = SLOTS_BY_DEFAULT;
  readers = 0;
  writers = 0;
  mode = MODE_BY_DEFAULT;
  /** Bytes that wait. */
  length = 0;

  get isFull(): boolean { return this.slots.length >= this.slotsMax; }

  read(into: Uint8Array): number {
    if (into.length === 0) return 0;
    if (this.slots.length === 0) return this.writers === 0 ? 0 : WOULD_BLOCK;
    let done = 0;
    while (done < into.length && this.slots.length > 0) {
      const slot = this.slots[0]!, count = Math.min(slot.length, into.length - done);
      into.set(slot.page.subarray(slot.offset, slot.offset + count), done);
      this.consume(slot, count);
      done += count;
    }
    return done;
  }

  write(from: Uint8Array): number {
    if (from.length === 0) return 0;
    if (this.readers === 0) return -EPIPE;
    let done = this.append(from);
    while (done < from.length && !this.isFull) {
      const count = Math.min(PAGE_BYTES, from.length - done);
      const page = freePages.pop() ?? new Uint8Array(PAGE_BYTES);
      page.set(from.subarray(done, done + count));
      this.push(new Slot(page, 0, count, true, undefined));
      done += count;
    }
    return done > 0 ? done : WOULD_BLOCK;
  }

  /** What is over a whole number of pages goes behind the last page's bytes, if all of it fits there. */
  private append(from: Uint8Array): number {
    const rest = from.length % PAGE_BYTES, last = this.slots.at(-1);
    if (rest === 0 || !last?.merges || last.offset + last.length + rest > PAGE_BYTES) return 0;
    last.page.set(from.subarray(0, rest), last.offset + last.length);
    last.length += rest;
    this.length += rest;
    return rest;
  }

  push(slot: Slot): void {
    this.slots.push(slot);
    this.length += slot.length;
  }

  consume(slot: Slot, count: number): void {
    slot.offset += count;
    slot.length -= count;
    this.length -= count;
    if (slot.length > 0) return;
    this.slots.shift();
    if (slot.block) slot.block.slots--;
    if (slot.merges && freePages.length < FREE_PAGES_MAX) freePages.push(slot.page);
  }

  /** Moves pages to another pipe: splice(2). */
  moveTo(other: Pipe, size: number): number {
    let moved = 0;
    while (moved < size && this.slots.length > 0 && !other.isFull) {
      const slot = this.slots[0]!;
      if (slot.length <= size - moved) {
        this.slots.shift();
        this.length -= slot.length;
        other.push(slot);
        moved += slot.length;
        continue;
      }
      const count = size - moved;
      // Two pipes read the page from now on: a write may still append to the one that it came by.
      other.push(new Slot(slot.page.slice(slot.offset, slot.offset + count), 0, count, false, slot.block));
      if (slot.block) slot.block.slots++;
      this.consume(slot, count);
      moved += count;
    }
    return moved;
  }

  /** Nobody has an end of it any more. */
  drop(): void { for (const { block } of this.slots.splice(0)) if (block) block.slots--; }

  /** F_SETPIPE_SZ: what it holds from now on. */
  resize(size: number): number {
    if (size > SIZE_MAX) return -EPERM;
    let slots = 1;
    while (slots * PAGE_BYTES < size) slots *= 2;
    if (size === 0) return -EINVAL;
    if (slots < this.slots.length) return -EBUSY;
    this.slotsMax = slots;
    return slots * PAGE_BYTES;
  }
}

/** One end of a pipe. */
export class PipeEnd extends Description {
  get kind(): Kind { return Kind.PIPE; }

  constructor(readonly pipe: Pipe, reads: boolean) {
    super(reads, !reads);
    if (reads) pipe.readers++;
    else pipe.writers++;
  }

  poll(): number {
    const { pipe } = this;
    if (this.canRead) return (pipe.slots.length > 0 ? READ : 0) | (pipe.writers === 0 ? HANGUP : 0);
    return (pipe.isFull ? 0 : WRITE) | (pipe.readers === 0 ? HANGUP : 0);
  }

  override pending(): number { return this.pipe.length; }
  override get mode(): number { return this.pipe.mode; }
  override set mode(bits: number) { this.pipe.mode = bits; }
  override reopen(): PipeEnd { return new PipeEnd(this.pipe, this.canRead); }

  protected override take(into: Uint8Array): number { return this.pipe.read(into); }
  protected override give(from: Uint8Array): number { return this.pipe.write(from); }

  protected override released(): void {
    const { pipe } = this;
    if (this.canRead) pipe.readers--;
    else pipe.writers--;
    if (pipe.readers === 0 && pipe.writers === 0) pipe.drop();
  }
}

/** splice(2) from pipe to pipe, with SPLICE_F_NONBLOCK. */
export function splicePipes(from: PipeEnd, to: PipeEnd, size: number): number {
  if (from.pipe === to.pipe) return -EINVAL;
  // In the kernel's order: a target that is full comes before a source that is at its end.
  if (from.pipe.slots.length === 0 && from.pipe.writers > 0) return -EAGAIN;
  if (to.pipe.readers === 0) return -EPIPE;
  if (to.pipe.isFull) return -EAGAIN;
  return from.pipe.moveTo(to.pipe, size);
}
