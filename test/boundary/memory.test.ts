import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, wasmPath } from '../../src/base/paths.js';
import { modules } from '../../tools/build/asc.js';
import { source } from './sources.js';

const memory = suite('memory is claimed at start only');

interface Code {
  /** Functions that a function calls. */
  calls: Map<number, Set<number>>;
  /** Functions that hold a `memory.grow`. */
  growing: number[];
  exports: Map<string, number>;
}

/** What is needed of a module's text format to follow its calls. */
function disassemble(module: string): Code {
  const text = execFileSync(`${packageRoot}node_modules/.bin/wasm2wat`, [wasmPath(module)], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const code: Code = { calls: new Map(), growing: [], exports: new Map() };
  let current = -1;
  for (const line of text.split('\n')) {
    const begun = /^ {2}\(func \(;(\d+);\)/.exec(line)?.[1];
    if (begun !== undefined) code.calls.set(current = Number(begun), new Set());
    const called = /\bcall (\d+)/.exec(line)?.[1];
    if (called !== undefined) code.calls.get(current)!.add(Number(called));
    if (/\bmemory\.grow\b/.test(line)) code.growing.push(current);
    const [, name, exported] = /^ {2}\(export "(\w+)" \(func (\d+)\)/.exec(line) ?? [];
    if (name !== undefined) code.exports.set(name, Number(exported));
    assert.not.match(line, 'call_indirect', 'a call that cannot be followed');
  }
  return code;
}

/** All functions that may run when this one is called. */
function reachable(code: Code, from: number): Set<number> {
  const found = new Set([from]);
  for (const at of found) for (const called of code.calls.get(at) ?? []) found.add(called);
  return found;
}

const entries = ['onReady', 'onSignal', 'onDeadline', 'onTrap'];

for (const module of modules.filter((name) => name !== 'codec' && name !== 'filter')) {
  memory(`${module}: nothing but onStart can grow its memory`, () => {
    const code = disassemble(module);
    assert.ok(code.growing.length <= 1, 'memory.grow stands in one place: `claim`');
    assert.ok(reachable(code, code.exports.get('onStart')!).has(code.growing[0]!), 'claim is onStart\'s');
    for (const entry of entries) {
      const functions = reachable(code, code.exports.get(entry)!);
      assert.ok(!code.growing.some((growing) => functions.has(growing)), `${entry} can grow the memory`);
    }
  });
}

for (const module of ['codec', 'filter']) {
  memory(`${module}: it cannot grow its memory at all`, () => assert.equal(disassemble(module).growing, []));
}

memory('sources name memory.grow once, in claim', () => {
  const files = readdirSync(`${packageRoot}assembly`, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  assert.equal(files.filter((file) => /\bmemory\.grow\(/.test(source(`assembly/${file}`))), ['boundary/wasi.ts']);
});

memory('the codec answers ten thousand messages without growing', async () => {
  const { decodeRequest, encodeRequest } = await import('../../src/wire/codec.js');
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmPath('codec'))), {
    wasi_snapshot_preview1: { fd_write: () => 0 },
  });
  const exports = instance.exports as { memory: WebAssembly.Memory; judgeRequest(have: number): number };
  const before = exports.memory.buffer.byteLength;
  for (let have = 0; have < 10_000; have++) exports.judgeRequest(have);
  assert.is(exports.memory.buffer.byteLength, before);
  for (let i = 0; i < 1000; i++) decodeRequest(encodeRequest({ argv: [`${i}`], user: '', lang: '', tty: false, limits: [] }));
});

memory.run();
