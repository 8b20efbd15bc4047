#!/usr/bin/env node
/**
 * What users start: runs the bundle (bundle.ts makes it) with V8's compiled code of it, where that fits this Node. V8 rejects
 * code of another version or for other flags, and compiles the source: slower by some milliseconds, nothing else.
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

/** The bundle: its source (latin1), its compiled code, and in the last four bytes the source's length, little-endian. */
const file = path.join(__dirname, 'warden.bundle');
const LENGTH_BYTES = 4;

function pack(source: string, code: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(source.length);
  return Buffer.concat([Buffer.from(source, 'latin1'), code, length]);
}

function split(bundle: Buffer): { source: string; code: Buffer } {
  const end = bundle.length - LENGTH_BYTES;
  const size = bundle.readUInt32LE(end);
  return { source: bundle.toString('latin1', 0, size), code: bundle.subarray(size, end) };
}

/** The source as a script, with the code where V8 accepts it. */
function unpack(bundle: Buffer): vm.Script {
  const { source, code } = split(bundle);
  return new vm.Script(source, { filename: file, cachedData: code });
}

/** A script is a function of what its modules find around them: for each of them, `url` is the place of src/paths.ts. */
function run(script: vm.Script): Main {
  const module_ = { exports: {} as Main };
  const call = script.runInThisContext() as (...around: unknown[]) => void;
  call(require, module_, url.pathToFileURL(path.join(__dirname, '../paths.js')).href);
  return module_.exports;
}

export = { file, pack, split, unpack, run };

if (require.main === module) void run(unpack(fs.readFileSync(file))).main(process.argv.slice(2));
