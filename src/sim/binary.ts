/** Module binaries: the mutable globals are exported, so that a used instance can be made as good as new. Nothing else changes. */

const HEADER_BYTES = 8;
const SECTION_IMPORT = 2, SECTION_GLOBAL = 6, SECTION_EXPORT = 7;
const EXTERNAL_GLOBAL = 3, MUTABLE = 1, END = 0x0b;

class Reader {
  constructor(readonly bytes: Uint8Array, public at: number) {}

  byte(): number { return this.bytes[this.at++]!; }

  /** LEB128 */
  number(): number {
    let value = 0, shift = 0;
    for (;;) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
      shift += 7;
    }
  }

  skip(count: number): void { this.at += count; }
}

function number(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

interface Section { id: number; start: number; contentAt: number; end: number }

function sectionsOf(bytes: Uint8Array): Section[] {
  const sections: Section[] = [], reader = new Reader(bytes, HEADER_BYTES);
  while (reader.at < bytes.length) {
    const start = reader.at, id = reader.byte(), size = reader.number();
    sections.push({ id, start, contentAt: reader.at, end: reader.at + size });
    reader.skip(size);
  }
  return sections;
}

/** Indices of the globals that change; the modules import none. */
function mutableGlobals(bytes: Uint8Array, section: Section): number[] {
  const reader = new Reader(bytes, section.contentAt), indices: number[] = [];
  for (let index = 0, count = reader.number(); index < count; index++) {
    reader.byte();
    if (reader.byte() === MUTABLE) indices.push(index);
    skipConstant(reader);
  }
  return indices;
}

/** A constant expression: one of the four const instructions, or a global's value, then its end. */
function skipConstant(reader: Reader): void {
  const instruction = reader.byte();
  if (instruction === 0x43) reader.skip(4);
  else if (instruction === 0x44) reader.skip(8);
  else while (reader.byte() >= 0x80);
  if (reader.byte() !== END) throw new Error('a global begins with what is no constant');
}

export const GLOBAL_PREFIX = 'global:';

/** The same module, its mutable globals exported as "global:INDEX". */
export function exportGlobals(bytes: Uint8Array): Uint8Array {
  const sections = sectionsOf(bytes);
  const globals = sections.find(({ id }) => id === SECTION_GLOBAL), exports = sections.find(({ id }) => id === SECTION_EXPORT);
  if (!globals || !exports) return bytes;
  const imports = sections.find(({ id }) => id === SECTION_IMPORT);
  const importedGlobals = imports ? WebAssembly.Module.imports(new WebAssembly.Module(bytes)).filter(({ kind }) => kind === 'global').length : 0;
  if (importedGlobals > 0) throw new Error('a module that imports globals is not one of ours');
  const indices = mutableGlobals(bytes, globals), reader = new Reader(bytes, exports.contentAt), count = reader.number();
  const more = indices.flatMap((index) => {
    const name = [...`${GLOBAL_PREFIX}${index}`].map((letter) => letter.charCodeAt(0));
    return [...number(name.length), ...name, EXTERNAL_GLOBAL, ...number(index)];
  });
  const content = [...number(count + indices.length), ...bytes.subarray(reader.at, exports.end), ...more];
  return Uint8Array.from([
    ...bytes.subarray(0, exports.start), SECTION_EXPORT, ...number(content.length), ...content, ...bytes.subarray(exports.end),
  ]);
}
