/**
 * Call sites: the places in a built module where it calls an import, found in its instructions; and an instrumented copy of the
 * module, which passes the site to each import.
 */
import {
  appended, concatenated, END, FUNCTION_TYPE, I32, type Import, importsOf, ExportKind, number, type Part, Reader, rebuilt, Section,
  sectionsOf, textBytes,
} from './binary.js';

/** One `call` of an import. */
export interface Site {
  /** Number in the module, from 1 in the order of the code: the last argument of the import in the instrumented copy. */
  id: number;
  /** The import's module and name. */
  from: string;
  call: string;
  /** Index of the function that calls, imports counted. */
  function: number;
  /** Offset of the `call` in the module, as V8 shows it in a stack trace: wasm-function[i]:0xoffset. */
  offset: number;
}

export interface MarkedModule {
  /** The instrumented module: each import has one more parameter, the last, for the id of the site that calls it. */
  bytes: Uint8Array<ArrayBuffer>;
  sites: readonly Site[];
}

const CALL = 0x10, I32_CONST = 0x41, PREFIXED = 0xfc;

/** `i32.const` takes a signed number: bit 6 of its last byte is the sign. */
function signedNumber(value: number): number[] {
  const bytes = [];
  while (value > 0x3f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

/** The function types, then those of the imports again with one more parameter; and the map from the old index to the new. */
function withSite(types: Uint8Array, imports: readonly Import[]): { content: Uint8Array; longer: ReadonlyMap<number, number> } {
  const reader = new Reader(types), starts = Array.from({ length: reader.number() }, () => {
    const start = reader.at;
    reader.at++;
    // Parameters, then results.
    for (let lists = 2; lists > 0; lists--) reader.skip(reader.number());
    return start;
  });
  const longer = new Map<number, number>(), more: number[][] = [];
  for (const { type } of imports) {
    if (longer.has(type)) continue;
    longer.set(type, starts.length + more.length);
    const taken = new Reader(types, starts[type]! + 1), count = taken.number(), given = taken.at + count;
    const results = types.subarray(given, starts[type + 1] ?? types.length);
    more.push([FUNCTION_TYPE, ...number(count + 1), ...types.subarray(taken.at, given), I32, ...results]);
  }
  return { content: appended(types, ...more), longer };
}

/** The immediates of an instruction. */
const enum Immediates {
  UNKNOWN, NONE,
  /** LEB128 numbers. */
  ONE, TWO,
  /** A constant of 4 or 8 bytes. */
  FLOAT, DOUBLE,
  /** A vector of numbers; for br_table one more number follows. */
  VECTOR, TABLE,
  /** A second code follows. */
  SECOND_CODE,
}

/** WebAssembly core specification 2.0, section 5.4: the immediates of instructions from the first code to the last. */
const RANGES: readonly (readonly [first: number, last: number, immediates: Immediates])[] = [
  [0x00, 0x01, Immediates.NONE], [0x02, 0x04, Immediates.ONE], [0x05, 0x05, Immediates.NONE], [END, END, Immediates.NONE],
  [0x0c, 0x0d, Immediates.ONE], [0x0e, 0x0e, Immediates.TABLE], [0x0f, 0x0f, Immediates.NONE], [CALL, CALL, Immediates.ONE],
  [0x11, 0x11, Immediates.TWO], [0x1a, 0x1b, Immediates.NONE], [0x1c, 0x1c, Immediates.VECTOR], [0x20, 0x26, Immediates.ONE],
  [0x28, 0x3e, Immediates.TWO], [0x3f, 0x42, Immediates.ONE], [0x43, 0x43, Immediates.FLOAT], [0x44, 0x44, Immediates.DOUBLE],
  [0x45, 0xc4, Immediates.NONE], [0xd0, 0xd0, Immediates.ONE], [0xd1, 0xd1, Immediates.NONE], [0xd2, 0xd2, Immediates.ONE],
  [PREFIXED, PREFIXED, Immediates.SECOND_CODE],
];
const IMMEDIATES = new Uint8Array(256);
for (const [first, last, immediates] of RANGES) IMMEDIATES.fill(immediates, first, last + 1);

/** Skips the immediates of the instruction `code`. */
function skipImmediates(reader: Reader, code: number): void {
  switch (IMMEDIATES[code] as Immediates) {
    case Immediates.NONE: return;
    case Immediates.ONE: return reader.skipNumber();
    case Immediates.TWO: return skipNumbers(reader, 2);
    case Immediates.FLOAT: reader.at += 4; return;
    case Immediates.DOUBLE: reader.at += 8; return;
    case Immediates.VECTOR: return skipNumbers(reader, reader.number());
    case Immediates.TABLE: return skipNumbers(reader, reader.number() + 1);
    case Immediates.SECOND_CODE: return skipPrefixed(reader);
    case Immediates.UNKNOWN:
      throw new Error(`instruction 0x${code.toString(16)} is unknown; does asc's configuration enable another feature?`);
  }
}

function skipNumbers(reader: Reader, count: number): void { for (let left = count; left > 0; left--) reader.skipNumber(); }

/** After 0xfc: the last conversion; memory.init, memory.copy, table.init and table.copy. */
const CONVERSIONS_LAST = 7, WITH_TWO_INDICES: ReadonlySet<number> = new Set([8, 10, 12, 14]);

/** Skips the rest of an instruction after 0xfc: conversions, then the bulk operations of memories and tables. */
function skipPrefixed(reader: Reader): void {
  const code = reader.number();
  if (code > 17) throw new Error(`instruction 0xfc ${code} is unknown; does asc's configuration enable another feature?`);
  if (code > CONVERSIONS_LAST) skipNumbers(reader, WITH_TWO_INDICES.has(code) ? 2 : 1);
}

/** The range of each function's body, without its locals. */
function bodiesOf(bytes: Uint8Array, part: Part): { locals: number; code: number; end: number }[] {
  const reader = new Reader(bytes, part.start);
  return Array.from({ length: reader.number() }, () => {
    const size = reader.number(), locals = reader.at;
    for (let groups = reader.number(); groups > 0; groups--) {
      reader.skipNumber();
      reader.skipNumber();
    }
    const code = reader.at;
    reader.at = locals + size;
    return { locals, code, end: reader.at };
  });
}

/** The module's call sites, and its instrumented copy. */
export function markSites(bytes: Uint8Array): MarkedModule {
  const imports = importsOf(bytes), types = sectionsOf(bytes).find(({ id }) => id === Section.TYPE);
  const sites: Site[] = [];
  if (!types) throw new Error('the module has no types, so it has no functions');
  const { content: allTypes, longer } = withSite(bytes.subarray(types.start, types.end), imports);
  const marked = rebuilt(bytes, (part, content) => {
    switch (part.id) {
      case Section.TYPE: return [allTypes];
      case Section.IMPORT: return [markedImports(imports, longer)];
      case Section.CODE: return markCode(bytes, part, imports, sites);
      default: return [content];
    }
  });
  return { bytes: marked, sites };
}

function markedImports(imports: readonly Import[], types: ReadonlyMap<number, number>): Uint8Array {
  const each = imports.map(({ from, call, type }) => (
    [...textBytes(from), ...textBytes(call), ExportKind.FUNCTION, ...number(types.get(type)!)]
  ));
  return appended(Uint8Array.of(0), ...each);
}

function markCode(bytes: Uint8Array, part: Part, imports: readonly Import[], sites: Site[]): Uint8Array[] {
  const bodies = bodiesOf(bytes, part);
  const out: Uint8Array[] = [Uint8Array.from(number(bodies.length))];
  for (const [index, body] of bodies.entries()) {
    const reader = new Reader(bytes, body.code);
    const pieces: Uint8Array[] = [];
    let copied = body.locals;
    while (reader.at < body.end) {
      const offset = reader.at, code = reader.byte();
      const callee = code === CALL ? imports[new Reader(bytes.subarray(reader.at, reader.at + 5)).number()] : undefined;
      skipImmediates(reader, code);
      if (!callee) continue;
      const id = sites.length + 1;
      sites.push({ id, from: callee.from, call: callee.call, function: imports.length + index, offset });
      pieces.push(bytes.subarray(copied, offset), Uint8Array.from([I32_CONST, ...signedNumber(id)]));
      copied = offset;
    }
    const content = concatenated([...pieces, bytes.subarray(copied, body.end)]);
    out.push(Uint8Array.from(number(content.length)), content);
  }
  return out;
}
