/** Adds to a module functions that reset its mutable globals, so that an instance can be used again. */
import {
  appended, END, FUNCTION_TYPE, I32, importsOf, ExportKind, MUTABLE, number, type Reader, readerOf, rebuilt, Section, textBytes,
} from './binary.js';

/** A mutable global of a module. */
interface Mutable { index: number; type: number }

export function mutableGlobals(bytes: Uint8Array): Mutable[] {
  // Indices count imported globals first. Our modules have none: importsOf throws otherwise.
  importsOf(bytes);
  const reader = readerOf(bytes, Section.GLOBAL), found: Mutable[] = [];
  if (!reader) return [];
  for (let index = 0, count = reader.number(); index < count; index++) {
    const type = reader.byte();
    if (reader.byte() === MUTABLE) found.push({ index, type });
    skipConstant(reader);
  }
  return found;
}

/** A constant expression: one of the four const instructions, or a global's value, then its end. */
function skipConstant(reader: Reader): void {
  const instruction = reader.byte();
  if (instruction === 0x43) reader.at += 4;
  else if (instruction === 0x44) reader.at += 8;
  else while (reader.byte() >= 0x80);
  if (reader.byte() !== END) throw new Error('the first value of a global is not a constant');
}

/** The prefix of the names under which `withRestore` exports mutable globals; the index follows. */
export const GLOBAL = 'globals:';

/** Functions that `withRestore` adds: KEEP saves the mutable globals, RESTORE resets them to the saved values. */
export const KEEP = 'globals:keep', RESTORE = 'globals:restore';

const I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, GLOBAL_GET = 0x23, GLOBAL_SET = 0x24;

/** The constant 0 of each type. */
const zeros: Readonly<Record<number, readonly number[]>> = {
  [I32]: [0x41, 0], [I64]: [0x42, 0], [F32]: [0x43, 0, 0, 0, 0], [F64]: [0x44, 0, 0, 0, 0, 0, 0, 0, 0],
};

function zeroOf(type: number): readonly number[] {
  const zero = zeros[type];
  if (!zero) throw new Error(`a global of type 0x${type.toString(16)} is not supported`);
  return zero;
}

/** A function without parameters and locals that copies globals. */
function copier(pairs: readonly (readonly [from: number, to: number])[]): number[] {
  const body = [0, ...pairs.flatMap(([from, to]) => [GLOBAL_GET, ...number(from), GLOBAL_SET, ...number(to)]), END];
  return [...number(body.length), ...body];
}

/**
 * The same module with a copy of each mutable global, and the functions `KEEP` and `RESTORE`: one call for all globals, where
 * JavaScript would need one call for each.
 */
export function withRestore(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const count = (section: Section): number => readerOf(bytes, section)?.number() ?? 0;
  const type = number(count(Section.TYPE)), firstFunction = importsOf(bytes).length + count(Section.FUNCTION);
  const mutable = mutableGlobals(bytes), pairs = mutable.map(({ index }, position) => [index, count(Section.GLOBAL) + position] as const);
  const exported = [
    ...[KEEP, RESTORE].map((name, at) => [...textBytes(name), ExportKind.FUNCTION, ...number(firstFunction + at)]),
    ...mutable.map(({ index }) => [...textBytes(`${GLOBAL}${index}`), ExportKind.GLOBAL, ...number(index)]),
  ];
  return rebuilt(bytes, ({ id }, content) => {
    switch (id) {
      case Section.TYPE: return [appended(content, [FUNCTION_TYPE, 0, 0])];
      case Section.FUNCTION: return [appended(content, type, type)];
      case Section.GLOBAL: return [appended(content, ...mutable.map((each) => [each.type, MUTABLE, ...zeroOf(each.type), END]))];
      case Section.EXPORT: return [appended(content, ...exported)];
      case Section.CODE: return [appended(content, copier(pairs), copier(pairs.map(([from, to]) => [to, from])))];
      default: return [content];
    }
  });
}
