/** A module's memory as the kernel reaches into it: each offset and size that a module gives is checked here, and only here. */

import type { ProgramName } from './files.js';

const PAGE_BYTES = 1 << 16;
/** Larger ones are not used again: making a new one costs no more than cleaning it. */
const REUSED_BYTES_MAX = 1 << 22;
/**
 * Of wshd's memory only so much is cleaned as a whole; further up only pages that the host wrote to: the tables that it
 * writes to itself lie below its clients' buffers, of which it has some 10 MB. test/simulation/programs.test.ts compares.
 */
const WSHD_OWN_BYTES = 1 << 19;

/** Memory's size is a multiple of it. */
const CONTENT_BYTES = 1024;

/** Bytes that are not all zero, and where they are. */
export interface Content { readonly at: number; readonly bytes: Uint8Array }

const decoder = new TextDecoder();

/** Bytes that are no UTF-8 become U+FFFD. */
export function decode(bytes: Uint8Array): string { return decoder.decode(bytes); }

export class ModuleMemory {
  private known: ArrayBuffer;
  /** So much is cleaned as a whole. */
  private readonly own: number;
  /** Pages above that were written to. */
  private readonly touched = new Set<number>();

  constructor(readonly memory: WebAssembly.Memory, program: ProgramName) {
    this.known = memory.buffer;
    this.own = program === 'wshd' ? WSHD_OWN_BYTES : REUSED_BYTES_MAX;
  }

  get isReusable(): boolean { return this.own === WSHD_OWN_BYTES || this.size <= REUSED_BYTES_MAX; }

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
    if (bytes && end > this.own) {
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

  /** What is in it besides zeros. */
  contents(): Content[] {
    const contents: Content[] = [];
    for (let at = 0; at < this.size; at += CONTENT_BYTES) {
      const bytes = this.bytes(at, CONTENT_BYTES)!;
      if (bytes.some((byte) => byte !== 0)) contents.push({ at, bytes: bytes.slice() });
    }
    return contents;
  }

  /** Makes it what it was at first. */
  renew(contents: readonly Content[]): void {
    const all = new Uint8Array(this.buffer);
    all.fill(0, 0, this.own);
    for (const { at, bytes } of contents) all.set(bytes, at);
    if (this.touched.size === 0) return;
    for (const page of this.touched) all.fill(0, Math.max(this.own, page * PAGE_BYTES), (page + 1) * PAGE_BYTES);
    this.touched.clear();
  }
}
