/**
 * Call sites: the places in a built module where it calls an import, read out of its instructions, and a copy of the
 * module that says at which one it is.
 */
import {
  appended, concatenated, END, FUNCTION_TYPE, I32, type Import, importsOf, Kind, number, type Part, Reader, rebuilt, Section,
  sectionsOf, textBytes,
} from './binary.js';

/** One `call` of an import. */
export interface Site {
  /** Number in the module, from 1 in the order of the code: what the marked copy gives the import behind its other numbers. */
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
  /** The same module, where each import takes one number more, the last: the id of the site that calls it. */
  bytes: Uint8Array<ArrayBuffer>;
  sites: readonly Site[];
}

const CALL = 0x10, I32_CONST = 0x41, PREFIXED = 0xfc;

/** `i32.const` takes a signed number: its last byte's second bit is the sign. */
function signedNumber(value: number): number[] {
  const bytes = [];
  while (value > 0x3f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

/** The types of functions, with those of the imports once more behind them, one number longer; and which became which. */
function withSite(types: Uint8Array, imports: readonly Import[]): { content: Uint8Array; longer: ReadonlyMap<number, number> } {
  const reader = new Reader(types), starts = Array.from({ length: reader.number() }, () => {
    const start = reader.at;
    reader.at++;
    // What it takes, then what it gives.
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

/** Moves behind the immediates of the instruction `code`. */
function skipImmediates(reader: Reader, code: number): void {
  if (code === PREFIXED) return skipPrefixed(reader);
  if (code <= 0x01 || code === 0x05 || code === END || code === 0x0f || code === 0x1a || code === 0x1b) return;
  if (code >= 0x45 && code <= 0xc4 || code === 0xd1) return;
  if (code >= 0x02 && code <= 0x04 || code === 0x0c || code === 0x0d || code === CALL) return reader.skipNumber();
  if (code >= 0x20 && code <= 0x26 || code >= 0x3f && code <= 0x42 || code === 0xd0 || code === 0xd2) return reader.skipNumber();
  if (code === 0x0e || code === 0x1c) {
    for (let left = reader.number() + (code === 0x0e ? 1 : 0); left > 0; left--) reader.skipNumber();
  } else if (code >= 0x28 && code <= 0x3e || code === 0x11) {
    reader.skipNumber();
    reader.skipNumber();
  } else if (code === 0x43 || code === 0x44) {
    reader.at += code === 0x43 ? 4 : 8;
  } else {
    throw new Error(`instruction 0x${code.toString(16)} is not known here; was asc told to use another feature?`);
  }
}

/** The instructions behind 0xfc: conversions, then memory's and tables' bulk operations. */
function skipPrefixed(reader: Reader): void {
  const code = reader.number();
  if (code > 17) throw new Error(`instruction 0xfc ${code} is not known here; was asc told to use another feature?`);
  const immediates = code <= 7 ? 0 : code === 8 || code === 10 || code === 12 || code === 14 ? 2 : 1;
  for (let left = immediates; left > 0; left--) reader.skipNumber();
}

/** Where each function's body, its locals skipped, begins and ends. */
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

/** The module's call sites, and its copy that marks them. */
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
  const each = imports.map(({ from, call, type }) => [...textBytes(from), ...textBytes(call), Kind.FUNCTION, ...number(types.get(type)!)]);
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
