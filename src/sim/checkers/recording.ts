/** The bytes of a stream, recorded for comparison with what its readers get. */
import { mismatch } from '../script/bytes.js';

/** The number of bytes kept of a long stream, its last: more than any ring, and all pipes and sockets after it, hold. */
const KEPT_BYTES_MIN = 1 << 22;

/** Room for the first bytes. */
const FIRST_BYTES = 1024;
const NOTHING = new Uint8Array(0);

export class Recording {
  length = 0;
  private bytes = NOTHING;
  /** Position of the first byte that is kept. */
  private first = 0;

  add(piece: Uint8Array): void {
    if (this.length - this.first + piece.length > this.bytes.length) this.makeRoom(piece.length);
    this.bytes.set(piece, this.length - this.first);
    this.length += piece.length;
  }

  private makeRoom(size: number): void {
    const from = Math.max(this.first, this.length - KEPT_BYTES_MIN);
    const kept = this.bytes.subarray(from - this.first, this.length - this.first);
    if (from > this.first && kept.length + size <= this.bytes.length) {
      this.bytes.copyWithin(0, from - this.first, this.length - this.first);
    } else {
      const grown = new Uint8Array(Math.max(FIRST_BYTES, this.bytes.length * 2, kept.length + size));
      grown.set(kept);
      this.bytes = grown;
    }
    this.first = from;
  }

  slice(from: number, to: number): Uint8Array {
    if (from < this.first) throw new Error(`cannot compare from position ${from}: only bytes from ${this.first} on are kept`);
    return this.bytes.subarray(from - this.first, Math.min(to, this.length) - this.first);
  }

  /** The first position at which `piece` differs from the recording at `from`; -1 when there is none. */
  mismatch(from: number, piece: Uint8Array): number { return mismatch(this.slice(from, this.length), 0, piece); }
}
