/** Modules whose mutable globals are exported, so that a used instance can be made as good as new. Nothing else changes. */
import { appended, END, exportName, Kind, MUTABLE, number, type Part, Reader, rebuilt, Section, sectionsOf } from './binary.js';

/** Indices of the globals that change; the modules import none. */
function mutableGlobals(bytes: Uint8Array, section: Part): number[] {
  const reader = new Reader(bytes, section.start), indices: number[] = [];
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
  if (instruction === 0x43) reader.at += 4;
  else if (instruction === 0x44) reader.at += 8;
  else while (reader.byte() >= 0x80);
  if (reader.byte() !== END) throw new Error('a global begins with what is no constant');
}

export const GLOBAL_PREFIX = 'global:';

/** The same module, its mutable globals exported as "global:INDEX". */
export function exportGlobals(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const globals = sectionsOf(bytes).find(({ id }) => id === Section.GLOBAL);
  const indices = globals ? mutableGlobals(bytes, globals) : [];
  if (WebAssembly.Module.imports(new WebAssembly.Module(bytes)).some(({ kind }) => kind === 'global')) {
    throw new Error('a module that imports globals is not one of ours');
  }
  const more = indices.map((index) => [...exportName(`${GLOBAL_PREFIX}${index}`), Kind.GLOBAL, ...number(index)]);
  return rebuilt(bytes, ({ id }, content) => [id === Section.EXPORT ? appended(content, ...more) : content]);
}
