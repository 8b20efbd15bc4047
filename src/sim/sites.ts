/**
 * Call sites: the places in a built module where it calls an import, read out of its instructions, and a copy of the
 * module that says at which one it is.
 */
import { appended, concatenated, END, exportName, Kind, MUTABLE, number, type Part, Reader, rebuilt, Section, sectionsOf } from './binary.js';

/** One `call` of an import. */
export interface Site {
  /** Number in the module, from 1 in the order of the code: what the marked copy stores before the call. */
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
  /** The same module with an exported global `SITE`, set before each call of an import. */
  bytes: Uint8Array<ArrayBuffer>;
  sites: readonly Site[];
}

/** The export that holds the id of the site which calls, or called last. */
export const SITE = 'site';

const I32 = 0x7f, CALL = 0x10, I32_CONST = 0x41, GLOBAL_SET = 0x24, PREFIXED = 0xfc;

/** `i32.const` takes a signed number: its last byte's second bit is the sign. */
function signedNumber(value: number): number[] {
  const bytes = [];
  while (value > 0x3f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

interface Imports { functions: { from: string; call: string }[]; globals: number }

function importsOf(bytes: Uint8Array, parts: readonly Part[]): Imports {
  const found: Imports = { functions: [], globals: 0 };
  const part = parts.find(({ id }) => id === Section.IMPORT);
  if (!part) return found;
  const reader = new Reader(bytes, part.start);
  for (let left = reader.number(); left > 0; left--) {
    const from = reader.text(), call = reader.text(), kind = reader.byte();
    if (kind === Kind.FUNCTION) {
      found.functions.push({ from, call });
      reader.skipNumber();
    } else if (kind === Kind.GLOBAL) {
      found.globals++;
      reader.at += 2;
    } else {
      throw new Error(`the module imports ${from}.${call}, which is no function: its host gives it functions only`);
    }
  }
  return found;
}

function countOf(bytes: Uint8Array, parts: readonly Part[], id: Section): number {
  const part = parts.find((each) => each.id === id);
  if (!part) return 0;
  const reader = new Reader(bytes, part.start);
  return reader.number();
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
  const parts = sectionsOf(bytes), imports = importsOf(bytes, parts);
  const sites: Site[] = [];
  const mark = imports.globals + countOf(bytes, parts, Section.GLOBAL);
  if (countOf(bytes, parts, Section.GLOBAL) === 0) throw new Error('the module has no globals, so it has no place for another');
  const marked = rebuilt(bytes, (part, content) => {
    if (part.id === Section.CODE) return markCode(bytes, part, imports, mark, sites);
    if (part.id === Section.GLOBAL) return [appended(content, [I32, MUTABLE, I32_CONST, 0, END])];
    if (part.id === Section.EXPORT) return [appended(content, [...exportName(SITE), Kind.GLOBAL, ...number(mark)])];
    return [content];
  });
  return { bytes: marked, sites };
}

function markCode(bytes: Uint8Array, part: Part, imports: Imports, mark: number, sites: Site[]): Uint8Array[] {
  const bodies = bodiesOf(bytes, part);
  const out: Uint8Array[] = [Uint8Array.from(number(bodies.length))];
  for (const [index, body] of bodies.entries()) {
    const reader = new Reader(bytes, body.code);
    const pieces: Uint8Array[] = [];
    let copied = body.locals;
    while (reader.at < body.end) {
      const offset = reader.at, code = reader.byte();
      const callee = code === CALL ? imports.functions[new Reader(bytes.subarray(reader.at, reader.at + 5)).number()] : undefined;
      skipImmediates(reader, code);
      if (!callee) continue;
      const id = sites.length + 1;
      sites.push({ id, ...callee, function: imports.functions.length + index, offset });
      pieces.push(bytes.subarray(copied, offset), Uint8Array.from([I32_CONST, ...signedNumber(id), GLOBAL_SET, ...number(mark)]));
      copied = offset;
    }
    const content = concatenated([...pieces, bytes.subarray(copied, body.end)]);
    out.push(Uint8Array.from(number(content.length)), content);
  }
  return out;
}
