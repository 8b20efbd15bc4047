/**
 * The last bytes of a stream, and where in the stream they stand. Positions are u64 and never wrap; on the wire they are
 * taken modulo 2^32. Readers keep their own positions: the ring knows only how far the writer may go.
 */
import { readv, writev } from "../shim";

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

  /** Position of the oldest byte that is still there. */
  oldest(): u64 { return this.head > this.size ? this.head - this.size : 0; }

  /** How many bytes may come before the byte at `position` is overwritten. */
  room(position: u64): u32 {
    assert(position <= this.head && this.head - position <= this.size, "a reader stands outside of the ring");
    return this.size - <u32>(this.head - position);
  }

  /** Reads at most `most` bytes from a handle behind the newest; what read(2) says. */
  fill(handle: i32, most: u32): i32 {
    assert(most <= this.size, "more than the ring holds");
    const at = <u32>this.head & (this.size - 1), straight = min(most, this.size - at);
    const got = readv(handle, this.bytes + at, straight, this.bytes, most - straight);
    if (got > 0) this.head += got;
    return got;
  }

  /** Writes what stands from `position` on to a handle; what write(2) says. */
  drain(handle: i32, position: u64): i32 {
    const length = <u32>(this.head - position), at = <u32>position & (this.size - 1), straight = min(length, this.size - at);
    return writev(handle, this.bytes + at, straight, this.bytes, length - straight);
  }
}
