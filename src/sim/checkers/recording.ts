/** Bytes as they come: what a stream was, for all who shall get it. */
import { mismatch } from '../bytes.js';

export class Recording {
  length = 0;
  private bytes = new Uint8Array(256);

  add(piece: Uint8Array): void {
    if (this.length + piece.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + piece.length));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(piece, this.length);
    this.length += piece.length;
  }

  slice(from: number, to: number): Uint8Array { return this.bytes.subarray(from, Math.min(to, this.length)); }

  /** Where `piece` differs from what stands at `from`; -1 when it does not. */
  mismatch(from: number, piece: Uint8Array): number { return mismatch(this.slice(0, this.length), from, piece); }
}
