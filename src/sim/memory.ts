/** A module's memory as the kernel reaches into it: each offset and size that a module gives is checked here, and only here. */

const PAGE_BYTES = 1 << 16;
/**
 * Of a large memory only so much is cleaned as a whole; further up only pages that the host wrote to. Right for wshd, whose
 * tables that it writes to itself lie below its clients' buffers; test/simulation/programs.test.ts compares. Others'
 * large memories (a large ring) are not used again.
 */
export const CLEANED_BYTES = 1 << 19;

const decoder = new TextDecoder();

/** Bytes that are no UTF-8 become U+FFFD. */
export function decode(bytes: Uint8Array): string { return decoder.decode(bytes); }

export class ModuleMemory {
  private known: ArrayBuffer;
  /** Pages above `CLEANED_BYTES` that were written to. */
  private readonly touched = new Set<number>();

  constructor(readonly memory: WebAssembly.Memory) { this.known = memory.buffer; }

  /** Growth detaches a buffer, whose length is 0 then. */
  private get buffer(): ArrayBuffer {
    if (this.known.byteLength === 0) this.known = this.memory.buffer;
    return this.known;
  }

  get size(): number { return this.buffer.byteLength; }

  /** [at, at + size), to be read; undefined when not all of it is the module's. */
  bytes(at: number, size: number): Uint8Array | undefined {
    const { buffer } = this;
    at >>>= 0;
    size >>>= 0;
    return at + size <= buffer.byteLength ? new Uint8Array(buffer, at, size) : undefined;
  }

  /** The same, to be written. */
  writable(at: number, size: number): Uint8Array | undefined {
    const bytes = this.bytes(at, size), end = (at >>> 0) + (size >>> 0);
    if (bytes && end > CLEANED_BYTES) {
      for (let page = Math.floor((at >>> 0) / PAGE_BYTES); page * PAGE_BYTES < end; page++) this.touched.add(page);
    }
    return bytes;
  }

  /** A NUL-terminated string; undefined when the memory ends before the string does. */
  string(at: number): string | undefined {
    const bytes = new Uint8Array(this.buffer), end = bytes.indexOf(0, at >>> 0);
    return end < 0 ? undefined : decode(bytes.subarray(at >>> 0, end));
  }

  /** Stores numbers, 4 bytes each; false when there is no such memory. */
  store(at: number, ...numbers: readonly number[]): boolean {
    const bytes = this.writable(at, numbers.length * 4);
    if (!bytes) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let index = 0; index < numbers.length; index++) view.setInt32(index * 4, numbers[index]!, true);
    return true;
  }

  /** What it was at first, up to its last byte that is not 0. */
  contents(): Uint8Array {
    const words = new Int32Array(this.buffer);
    let end = words.length;
    while (end > 0 && words[end - 1] === 0) end--;
    return new Uint8Array(this.buffer, 0, end * 4).slice();
  }

  /** Makes it what it was at first. */
  renew(contents: Uint8Array): void {
    const bytes = new Uint8Array(this.buffer);
    bytes.set(contents);
    bytes.fill(0, contents.length, CLEANED_BYTES);
    for (const page of this.touched) bytes.fill(0, Math.max(CLEANED_BYTES, page * PAGE_BYTES), (page + 1) * PAGE_BYTES);
    this.touched.clear();
  }
}
