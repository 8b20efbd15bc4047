/** A module's memory as the kernel sees it. Every offset and size that a module passes is checked here, and only here. */

import type { ProgramName } from '../../boundary/programs.js';

const PAGE_BYTES = 1 << 16;
/** Larger memories are not used again: making a new one costs no more than clearing it. */
const REUSED_BYTES_MAX = 1 << 22;
/**
 * wshd's tables lie below and above its clients' buffers, which take some 10 MB. These many bytes at either end of the memory are
 * cleared as a whole; between them only pages that the host wrote to are cleared. test/sim/world/programs.test.ts compares.
 */
const WSHD_OWN_BYTES = 1 << 19, WSHD_OWN_END_BYTES = 1 << 17;

/** The size of a memory is a multiple of this. */
const CONTENT_BYTES = 1024;

/** Bytes that are not all zero, and their offset. */
export interface Content { readonly at: number; readonly bytes: Uint8Array }

const decoder = new TextDecoder();

/** Bytes that are not UTF-8 become U+FFFD. */
export function decode(bytes: Uint8Array): string { return decoder.decode(bytes); }

export class ModuleMemory {
  private known: ArrayBuffer;
  /** The number of bytes that are cleared as a whole. */
  private readonly own: number;
  /** Pages beyond `own` that the host wrote to. */
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

  /** [at, at + size), for reading; undefined when not all of it is the module's. */
  bytes(at: number, size: number): Uint8Array | undefined {
    const { buffer } = this;
    at >>>= 0;
    size >>>= 0;
    return at + size <= buffer.byteLength ? new Uint8Array(buffer, at, size) : undefined;
  }

  /** The same, for writing. */
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

  /** Stores numbers, 4 bytes each; false when the address is outside the memory. */
  store(at: number, ...numbers: readonly number[]): boolean {
    const bytes = this.writable(at, numbers.length * 4);
    if (!bytes) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let index = 0; index < numbers.length; index++) view.setInt32(index * 4, numbers[index]!, true);
    return true;
  }

  /** The parts that are not zero. */
  contents(): Content[] {
    const contents: Content[] = [];
    for (let at = 0; at < this.size; at += CONTENT_BYTES) {
      const bytes = this.bytes(at, CONTENT_BYTES)!;
      if (bytes.some((byte) => byte !== 0)) contents.push({ at, bytes: bytes.slice() });
    }
    return contents;
  }

  /** Copies another memory. */
  copyFrom(other: ModuleMemory): void {
    if (this.size < other.size) this.memory.grow((other.size - this.size) / PAGE_BYTES);
    new Uint8Array(this.buffer).set(new Uint8Array(other.buffer));
    for (let page = 0; page * PAGE_BYTES < this.size; page++) this.touched.add(page);
  }

  /** Resets the memory to these contents. */
  renew(contents: readonly Content[]): void {
    const all = new Uint8Array(this.buffer);
    all.fill(0, 0, this.own);
    if (this.own === WSHD_OWN_BYTES) all.fill(0, all.length - WSHD_OWN_END_BYTES);
    for (const { at, bytes } of contents) all.set(bytes, at);
    if (this.touched.size === 0) return;
    for (const page of this.touched) all.fill(0, Math.max(this.own, page * PAGE_BYTES), (page + 1) * PAGE_BYTES);
    this.touched.clear();
  }
}
