/**
 * Keeps the last bytes of a stream and their positions. Positions are u64 and never wrap; on the wire they are taken modulo
 * 2^32. Each reader keeps its own position; the ring knows the writer's.
 */
import { readv, writev } from "../boundary/shim";

@unmanaged export class Ring {
  bytes: usize;
  /** A power of two. */
  size: u32;
  /** Position behind the newest byte. */
  head: u64;

  begin(bytes: usize, size: u32): void {
    assert(size > 0 && (size & (size - 1)) == 0, "a ring's size is a power of two");
    this.bytes = bytes;
    this.size = size;
    this.head = 0;
  }

  /** Position of the oldest byte in the ring. */
  oldest(): u64 { return this.head > this.size ? this.head - this.size : 0; }

  /** Bytes that may be added before the byte at `position` is overwritten. */
  room(position: u64): u32 {
    assert(position <= this.head && this.head - position <= this.size, "a reader stands outside of the ring");
    return this.size - <u32>(this.head - position);
  }

  /** Appends at most `most` bytes from a handle. Returns as read(2). */
  fill(handle: i32, most: u32): i32 {
    assert(most <= this.size, "more than the ring holds");
    const at = <u32>this.head & (this.size - 1), straight = min(most, this.size - at);
    const got = readv(handle, this.bytes + at, straight, this.bytes, most - straight);
    if (got > 0) this.head += got;
    return got;
  }

  /** Where the byte at `position` is. Those behind it follow, up to the end of the ring's memory. */
  at(position: u64): usize { return this.bytes + (<u32>position & (this.size - 1)); }

  /** Bytes from `position` on that are in one piece, at most `most`. */
  piece(position: u64, most: u32): u32 { return min(most, this.size - (<u32>position & (this.size - 1))); }

  /** Writes the bytes from `position` on to a handle. Returns as write(2). */
  drain(handle: i32, position: u64): i32 {
    const length = <u32>(this.head - position), at = <u32>position & (this.size - 1), straight = min(length, this.size - at);
    return writev(handle, this.bytes + at, straight, this.bytes, length - straight);
  }
}
