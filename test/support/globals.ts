/** Modules whose mutable globals are exported. */
import { appended, ExportKind, number, rebuilt, Section, textBytes } from '../../src/sim/wasm/binary.js';
import { mutableGlobals } from '../../src/sim/wasm/globals.js';

export const GLOBAL_PREFIX = 'global:';

/** The same module, its mutable globals exported as "global:INDEX". */
export function exportGlobals(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const more = mutableGlobals(bytes).map(({ index }) => [...textBytes(`${GLOBAL_PREFIX}${index}`), ExportKind.GLOBAL, ...number(index)]);
  return rebuilt(bytes, ({ id }, content) => [id === Section.EXPORT ? appended(content, ...more) : content]);
}
