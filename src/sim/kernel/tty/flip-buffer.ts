/** Bytes on their way to one side of a pty, before that side's line discipline takes them. drivers/tty/tty_buffer.c */

/** pty_common_install(): the limit of a pty. */
const LIMIT_BYTES = 8192;
/** MIN_TTYB_SIZE, and the unit to which sizes are rounded up. */
const UNIT_BYTES = 256;
/** TTY_BUFFER_PAGE: no buffer is larger. */
const BUFFER_BYTES_MAX = 1792;

/** A buffer of nominal size `size`. Bytes without flags, as a pty's are, use the room of the flags, too. */
class Buffer {
  readonly bytes: Uint8Array;
  used = 0;
  read = 0;

  constructor(readonly size: number) { this.bytes = new Uint8Array(size * 2); }

  get room(): number { return this.bytes.length - this.used; }
}

export class FlipBuffer {
  private buffers = [new Buffer(0)];
  /** Nominal bytes in use: a buffer counts until all its bytes are taken and a later buffer exists. */
  private used = 0;
  /** Buffers of the smallest size that were freed: they are used again without regard to the limit. */
  private free = 0;

  /** tty_buffer_space_avail() */
  get room(): number { return Math.max(LIMIT_BYTES - this.used, 0); }

  /** Appends as many bytes as there is room for; returns their number. */
  insert(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const count = this.request(Math.min(bytes.length - done, BUFFER_BYTES_MAX));
      if (count === 0) break;
      const last = this.buffers.at(-1)!;
      last.bytes.set(bytes.subarray(done, done + count), last.used);
      last.used += count;
      done += count;
    }
    return done;
  }

  /** Room for up to `size` bytes in the last buffer, which may be a new one. */
  private request(size: number): number {
    const { room } = this.buffers.at(-1)!;
    if (room >= size) return size;
    const rounded = Math.ceil(size / UNIT_BYTES) * UNIT_BYTES;
    if (rounded === UNIT_BYTES && this.free > 0) this.free--;
    else if (this.used > LIMIT_BYTES) return room;
    this.used += rounded;
    this.buffers.push(new Buffer(rounded));
    return size;
  }

  /** Hands bytes to a line discipline, which returns how many it takes, until it takes no more. flush_to_ldisc() */
  drain(receive: (bytes: Uint8Array) => number): void {
    for (;;) {
      const first = this.buffers[0]!, bytes = first.bytes.subarray(first.read, first.used);
      if (bytes.length === 0) {
        if (this.buffers.length === 1) return;
        this.release();
        continue;
      }
      const taken = receive(bytes);
      // The line discipline may have emptied this buffer. See `clear`.
      first.read = Math.min(first.read + taken, first.used);
      if (taken === 0) return;
    }
  }

  private release(): void {
    const { size } = this.buffers.shift()!;
    this.used -= size;
    if (size === UNIT_BYTES) this.free++;
  }

  /** Drops all bytes. tty_buffer_flush() */
  clear(): void {
    while (this.buffers.length > 1) this.release();
    this.buffers[0]!.read = this.buffers[0]!.used;
  }
}
