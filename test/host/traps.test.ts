/** What a module that misbehaves costs: its instance, and nothing else. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiateModule, type Instance } from '../../src/host/instance.js';
import { packageRoot } from '../../src/base/paths.js';
import { holdsOnly, openDescriptors, temporaryDirectory } from './help.js';

const traps = suite('traps in the Node host');
const directory = temporaryDirectory();
let serial = 0;

const IMPORTS = `
  (import "shim" "wakeAfter" (func $wakeAfter (param i32) (result i32)))
  (import "shim" "routeSignals" (func $signals (param i32 i32) (result i32)))
  (import "shim" "pipe" (func $pipe (param i32) (result i32)))
  (import "shim" "write" (func $write (param i32 i32 i32) (result i32)))
  (import "shim" "read" (func $read (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)`;

interface Bodies { onStart?: string; onDeadline?: string; onTrap?: string; more?: string }

/** A module of these functions' bodies; `onTrap` answers -1 to go on. */
function moduleOf(bodies: Bodies): WebAssembly.Module {
  const path = `${directory}/${serial++}`;
  writeFileSync(`${path}.wat`, `(module ${IMPORTS} ${bodies.more ?? ''}
    (func (export "onStart") ${bodies.onStart ?? ''})
    (func (export "onReady") (param i32 i32))
    (func (export "onSignal") (param i32) local.get 0 call $exit)
    (func (export "onDeadline") ${bodies.onDeadline ?? ''})
    (func (export "onTrap") (result i32) ${bodies.onTrap ?? 'i32.const 9'}))`);
  execFileSync(process.execPath, [`${packageRoot}node_modules/.bin/wat2wasm`, `${path}.wat`, '-o', `${path}.wasm`]);
  return new WebAssembly.Module(readFileSync(`${path}.wasm`));
}

async function run(bodies: Bodies, meddle?: (instance: Instance) => void): Promise<[number, string]> {
  const module = moduleOf(bodies);
  const path = `${directory}/${serial++}.err`;
  const fd = openSync(path, 'w');
  const instance = instantiateModule(module, 'oom', { argv: ['oom'], stdio: [fd, fd, fd] });
  closeSync(fd);
  meddle?.(instance);
  return [await instance.exited, readFileSync(path, 'utf8')];
}

const DIE: [name: string, code: string, words: string, more?: string][] = [
  ['an assertion', 'unreachable', 'assertion failed'],
  ['memory out of bounds', 'i32.const 65536 i32.load drop', 'memory access out of bounds'],
  ['a division by zero', 'i32.const 1 i32.const 0 i32.div_s drop', 'division by zero'],
  ['endless recursion', 'call $deeper', 'call stack exhausted', '(func $deeper call $deeper call $deeper)'],
];

for (const [name, code, words, more = ''] of DIE) {
  traps(`${name} ends the instance with the code that onTrap says`, async () => {
    assert.equal(await run({ onStart: code, more }), [9, `oom: the module trapped: ${words}\n`]);
    assert.equal(
      await run({ onStart: 'i32.const 1 call $wakeAfter drop', onDeadline: code, more }),
      [9, `oom: the module trapped: ${words}\n`],
    );
  });
}

traps('goes on when onTrap says so', async () => {
  const [code, words] = await run({
    onStart: 'i32.const 1 call $wakeAfter drop unreachable', onDeadline: 'i32.const 4 call $exit', onTrap: 'i32.const -1',
  });
  assert.is(code, 4);
  assert.match(words, 'assertion failed');
});

traps('ends with 255 when onTrap traps', async () => {
  assert.is((await run({ onStart: 'unreachable', onTrap: 'unreachable' }))[0], 255);
});

traps('does not go on behind an exit', async () => {
  assert.equal(await run({ onStart: 'i32.const 5 call $exit unreachable' }), [5, '']);
});

traps('ends by a signal that is only called', async () => {
  assert.equal(await run({}, (instance) => { instance.signal(15); instance.signal(2); instance.stop(); }), [15, '']);
});

traps('ends by a signal that the process gets', async () => {
  // Bit 11 is signal 12.
  const onStart = 'i32.const 2048 i32.const 0 call $signals drop';
  assert.equal(await run({ onStart }, () => process.kill(process.pid, 'SIGUSR2')), [12, '']);
});

traps('finds the memory again when it has grown', async () => {
  // What is written comes from behind the first page, what is read goes there.
  const [code] = await run({
    onStart: `
      i32.const 2 memory.grow drop
      i32.const 100000 call $pipe drop
      i32.const 120000 i32.const 77 i32.store
      i32.const 100004 i32.load i32.const 120000 i32.const 4 call $write drop
      i32.const 100000 i32.load i32.const 150000 i32.const 4 call $read drop
      i32.const 150000 i32.load call $exit`,
  });
  assert.is(code, 77);
});

traps('refuses a module that wants what no host has', () => {
  const path = `${directory}/bad`;
  writeFileSync(`${path}.wat`, '(module (import "shim" "reboot" (func)))');
  execFileSync(process.execPath, [`${packageRoot}node_modules/.bin/wat2wasm`, `${path}.wat`, '-o', `${path}.wasm`]);
  const module = new WebAssembly.Module(readFileSync(`${path}.wasm`));
  assert.throws(() => instantiateModule(module, 'oom', { argv: ['oom'], stdio: [0, 1, 2] }), /reboot/);
});

traps('ends with its worker thread', async () => {
  const before = openDescriptors();
  const file = `${directory}/idle.wasm`;
  moduleOf({ onStart: 'i32.const 60000 call $wakeAfter drop' });
  execFileSync('cp', [`${directory}/${serial - 1}.wasm`, file]);
  const code = `
    const { parentPort } = require('node:worker_threads');
    const { readFileSync } = require('node:fs');
    import(${JSON.stringify(new URL('../../src/host/instance.js', import.meta.url).href)}).then(({ instantiateModule }) => {
      const module = new WebAssembly.Module(readFileSync(${JSON.stringify(file)}));
      for (let i = 0; i < 10; i++) instantiateModule(module, 'oom', { argv: ['oom'], stdio: [0, 1, 2] });
      parentPort.postMessage('running');
    });`;
  const worker = new Worker(code, { eval: true });
  await new Promise((resolve) => { worker.once('message', resolve); });
  await worker.terminate();
  await holdsOnly(before);
});

traps.run();
