/** WebAssembly's binary format, as far as it is needed here. WebAssembly core specification 2.0, chapter 5 */

const HEADER_BYTES = 8;
export const enum Section { TYPE = 1, IMPORT = 2, FUNCTION = 3, GLOBAL = 6, EXPORT = 7, CODE = 10 }
export const enum ExportKind { FUNCTION = 0, TABLE = 1, MEMORY = 2, GLOBAL = 3 }
export const MUTABLE = 1, END = 0x0b, I32 = 0x7f, FUNCTION_TYPE = 0x60;

export class Reader {
  constructor(readonly bytes: Uint8Array, public at = 0) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('the module ends within an instruction');
    return byte;
  }

  /** An LEB128 number of at most 32 bits. */
  number(): number {
    let value = 0, shift = 0, byte;
    do {
      byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    return value >>> 0;
  }

  /** An LEB128 number of any size and sign, whose value does not matter. */
  skipNumber(): void { while (this.byte() & 0x80) {} }

  skip(size: number): void { this.at += size; }

  text(): string {
    const size = this.number();
    this.skip(size);
    return new TextDecoder().decode(this.bytes.subarray(this.at - size, this.at));
  }
}

/** The inverse of `Reader.number`. */
export function number(value: number): number[] {
  const bytes = [];
  while (value > 0x7f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

/** A section's id, and the range of its content. */
export interface Part { id: number; start: number; end: number }

export function sectionsOf(bytes: Uint8Array): Part[] {
  const reader = new Reader(bytes, HEADER_BYTES);
  const parts: Part[] = [];
  while (reader.at < bytes.length) {
    const id = reader.byte(), size = reader.number();
    parts.push({ id, start: reader.at, end: reader.at + size });
    reader.at += size;
  }
  return parts;
}

/** A reader at the beginning of a section's content; undefined when the module has no such section. */
export function readerOf(bytes: Uint8Array, section: Section): Reader | undefined {
  const part = sectionsOf(bytes).find(({ id }) => id === section);
  return part && new Reader(bytes, part.start);
}

/** A function that the module imports: its import's module and name, and the index of its type. */
export interface Import { from: string; call: string; type: number }

/** Imports in the order of their indices. Our modules import only functions. */
export function importsOf(bytes: Uint8Array): Import[] {
  const reader = readerOf(bytes, Section.IMPORT);
  if (!reader) return [];
  return Array.from({ length: reader.number() }, () => {
    const from = reader.text(), call = reader.text();
    if (reader.byte() === ExportKind.FUNCTION) return { from, call, type: reader.number() };
    throw new Error(`the module imports ${from}.${call}, which is not a function: hosts provide only functions`);
  });
}

/** The inverse of `Reader.text`. */
export function textBytes(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...number(bytes.length), ...bytes];
}

/** A vector's bytes with elements appended. */
export function appended(vector: Uint8Array, ...elements: readonly (readonly number[])[]): Uint8Array {
  const reader = new Reader(vector);
  const count = reader.number();
  return Uint8Array.from([...number(count + elements.length), ...vector.subarray(reader.at), ...elements.flat()]);
}

/** The module with each section's content replaced by the result of `change`. */
export function rebuilt(bytes: Uint8Array, change: (part: Part, content: Uint8Array) => readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out: Uint8Array[] = [bytes.subarray(0, HEADER_BYTES)];
  for (const part of sectionsOf(bytes)) {
    const content = change(part, bytes.subarray(part.start, part.end));
    const size = content.reduce((sum, piece) => sum + piece.length, 0);
    out.push(Uint8Array.from([part.id, ...number(size)]), ...content);
  }
  return concatenated(out);
}

export function concatenated(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
