/**
 * Pipes. As in Linux, a pipe holds pages, each in a slot, and a write appends to the last page only if the part of the write
 * beyond a whole number of pages fits there. The capacity in bytes depends on that. pipe(7), fs/pipe.c
 */
import { FileDescription, WOULD_BLOCK } from './open-file.js';
import { EBUSY, EINVAL, EPERM, EPIPE } from './errno.js';
import { HANGUP, FileType, READ, WRITE } from '../../boundary/constants.js';

export const PAGE_BYTES = 4096;
/** PIPE_DEF_BUFFERS */
const SLOTS_BY_DEFAULT = 16;
/** PIPE_MIN_DEF_BUFFERS */
const SLOTS_BEYOND_LIMIT = 2;
/** /proc/sys/fs/pipe-max-size */
const SIZE_MAX = 1 << 20;
/** round_pipe_size(), fs/pipe.c */
const ROUNDED_BYTES_MAX = 2 ** 31;
/** /proc/sys/fs/pipe-user-pages-soft */
const USER_PAGES_SOFT = 16_384;
const MODE_BY_DEFAULT = 0o600;

/** The pages of all pipes that one user without privileges has made. pipe(7), "/proc files" */
export class PipePages { used = 0; }

export class Slot {
  /**
   * `merges`: later writes may append, because no other slot shares this page; `block`: the block that holds the bytes, if other
   * slots lie in the same block.
   */
  constructor(readonly page: Uint8Array, public offset: number, public length: number, readonly merges: boolean,
    readonly block: Block | undefined) {}
}

const BLOCK_BYTES = 32_768;
/** A block with less room than this is not used further. */
const ROOM_BYTES_MIN = 32;

/** A process's memory for the heads of messages that it splices, one behind the other. skb_page_frag_refill(), net/core/sock.c */
export class Block {
  used = 0;
  /** The slots that lie in the block. When the last one has been read, the block is used from its beginning again. */
  slots = 0;

  /** The block for the next head: the last one, or a new one. */
  static after(last: Block | undefined): Block {
    if (!last) return new Block();
    if (last.slots === 0) last.used = 0;
    return last.used + ROOM_BYTES_MIN <= BLOCK_BYTES ? last : new Block();
  }

  /** Takes as much as fits of `size` bytes. */
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
  writersSoFar = 0;
  mode = MODE_BY_DEFAULT;
  /** Bytes in the pipe. */
  length = 0;

  /** `pages`: the account of the user that makes the pipe; none for a user with CAP_SYS_RESOURCE or CAP_SYS_ADMIN. */
  constructor(private readonly pages?: PipePages) {
    if (!pages) return;
    if (pages.used + SLOTS_BY_DEFAULT > USER_PAGES_SOFT) this.slotsMax = SLOTS_BEYOND_LIMIT;
    pages.used += this.slotsMax;
  }

  get isFull(): boolean { return this.slots.length >= this.slotsMax; }

  addWriter(): void {
    this.writers++;
    this.writersSoFar++;
  }

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

  /** Appends the part of a write beyond a whole number of pages to the last page, if all of that part fits there. */
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
      // Both pipes refer to the page from now on. Only the pipe that it came from may still append to it.
      other.push(new Slot(slot.page.slice(slot.offset, slot.offset + count), 0, count, false, slot.block));
      if (slot.block) slot.block.slots++;
      this.consume(slot, count);
      moved += count;
    }
    return moved;
  }

  /** Called when both ends are closed. */
  drop(): void {
    for (const { block } of this.slots.splice(0)) if (block) block.slots--;
    if (this.pages) this.pages.used -= this.slotsMax;
  }

  /** F_SETPIPE_SZ: the new capacity in bytes, or a negated errno. pipe_set_size(), fs/pipe.c */
  resize(size: number): number {
    const asked = size >>> 0;
    if (asked > ROUNDED_BYTES_MAX) return -EINVAL;
    let slots = 1;
    while (slots * PAGE_BYTES < asked) slots *= 2;
    if (slots > this.slotsMax && asked > SIZE_MAX) return -EPERM;
    if (this.pages && slots > this.slotsMax && this.pages.used - this.slotsMax + slots > USER_PAGES_SOFT) return -EPERM;
    if (slots < this.slots.length) return -EBUSY;
    if (this.pages) this.pages.used += slots - this.slotsMax;
    this.slotsMax = slots;
    return slots * PAGE_BYTES;
  }
}

/** One end of a pipe. */
export class PipeEnd extends FileDescription {
  get kind(): FileType { return FileType.PIPE; }

  /** Writers that the pipe had had when a FIFO's reader found none: there is no hangup until one comes. fifo_open(), fs/pipe.c */
  private readonly writersBefore: number;

  constructor(readonly pipe: Pipe, reads: boolean, isFifo = false) {
    super(reads, !reads);
    this.writersBefore = isFifo && pipe.writers === 0 ? pipe.writersSoFar : 0;
    if (reads) pipe.readers++;
    else pipe.addWriter();
  }

  poll(): number {
    const { pipe } = this;
    const isHungUp = pipe.writers === 0 && pipe.writersSoFar !== this.writersBefore;
    if (this.canRead) return (pipe.slots.length > 0 ? READ : 0) | (isHungUp ? HANGUP : 0);
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
