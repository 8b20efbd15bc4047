#!/usr/bin/env node
/**
 * What users start: runs the bundle (bundle.ts makes it) with V8's compiled code of it, where that fits this Node. V8 rejects
 * code of another version or for other flags, and compiles the source: slower by some milliseconds, nothing else. V8 does not
 * reject code that another processor's V8 made, and crashes: the bundle names the processor.
 */
import fs = require('node:fs');
import path = require('node:path');
import url = require('node:url');
import vm = require('node:vm');

/** What main.ts exports. */
interface Main {
  main(argv: readonly string[]): Promise<void>;
  perform(argv: readonly string[], say: (text: string) => void): Promise<number>;
}

interface Part { source: string; code: Buffer }
/** What every start runs, and all the rest: read when something of it is asked for, since reading costs time, too. */
type Parts = readonly [start: Part, rest: Part];

/**
 * The bundle: the lengths (u32, little-endian) of source and code of both parts; the processor that the code is for, as
 * process.arch has it, filled up with zeros; then the parts, the sources as latin1.
 */
const NAME = 'warden.bundle', file = path.join(__dirname, NAME);
const PROCESSOR_AT = 16, PROCESSOR_BYTES = 16, HEADER_BYTES = PROCESSOR_AT + PROCESSOR_BYTES;

function pack(parts: Parts, processor: string = process.arch): Buffer {
  const pieces = parts.flatMap(({ source, code }) => [Buffer.from(source, 'latin1'), code]);
  const header = Buffer.alloc(HEADER_BYTES);
  for (const [index, { length }] of pieces.entries()) header.writeUInt32LE(length, index * 4);
  header.write(processor, PROCESSOR_AT, PROCESSOR_BYTES, 'latin1');
  return Buffer.concat([header, ...pieces]);
}

function readAt(fd: number, at: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  if (fs.readSync(fd, bytes, 0, size, at) !== size) throw new Error(`${file} is cut off; it has to be built again (npm run build)`);
  return bytes;
}

function readPart(fd: number, part: 0 | 1): Part {
  const header = readAt(fd, 0, HEADER_BYTES);
  const length = (index: number): number => header.readUInt32LE(index * 4);
  const at = HEADER_BYTES + (part === 0 ? 0 : length(0) + length(1));
  const isOwn = header.toString('latin1', PROCESSOR_AT).replace(/\0+$/, '') === process.arch;
  const sourceBytes = length(part * 2), bytes = readAt(fd, at, sourceBytes + (isOwn ? length(part * 2 + 1) : 0));
  return { source: bytes.toString('latin1', 0, sourceBytes), code: bytes.subarray(sourceBytes) };
}

/** The part's source as a script, with its code where V8 accepts that. The name is in the code, so it names no directory of the builder's. */
function unpack({ source, code }: Part): vm.Script {
  return new vm.Script(source, { filename: NAME, ...(code.length > 0 ? { cachedData: code } : {}) });
}

/** A script is a function of what its modules find around them: for each of them, `url` is the place of src/base/paths.ts. */
function run(start: vm.Script, rest: () => vm.Script): Main {
  const place = url.pathToFileURL(path.join(__dirname, '../base/paths.js')).href;
  const call = (script: vm.Script, ...around: unknown[]): unknown => (script.runInThisContext() as (...values: unknown[]) => unknown)(...around);
  return call(start, require, place, () => call(rest(), place)) as Main;
}

function runFile(): Main {
  // Stays open: when a build replaces the file meanwhile, both parts are still of one bundle.
  const fd = fs.openSync(file, 'r');
  return run(unpack(readPart(fd, 0)), () => unpack(readPart(fd, 1)));
}

export = { file, pack, readPart, unpack, run };

if (require.main === module) void runFile().main(process.argv.slice(2));
