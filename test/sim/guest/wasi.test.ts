import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmPath } from '../../../src/base/paths.js';
import { loadWasi, makeWasi } from '../../../src/sim/guest/wasi.js';
import { standIns } from '../../support/stand-ins.js';

const tests = suite('WASI in the simulated kernel');
await loadWasi();

const PAGE_BYTES = 65_536, MEMORY_BYTES = 256 * PAGE_BYTES;
const SUCCESS = 0, BAD_DESCRIPTOR = 8, FAULT = 21, INVALID = 28, IO_ERROR = 29;
const AT_WRITTEN = 0, AT_TEXT = 8, AT_VECTORS = 64;
const module = new WebAssembly.Module(readFileSync(wasmPath('oom')));

interface Guest {
  memory: WebAssembly.Memory;
  printed: string[];
  write(fd: number, vectors: number, count: number, writtenAt: number): number;
}

function guest(): Guest {
  const instance = new WebAssembly.Instance(module, standIns(module)), memory = instance.exports['memory'] as WebAssembly.Memory;
  memory.grow((MEMORY_BYTES - memory.buffer.byteLength) / PAGE_BYTES);
  const printed: string[] = [];
  const print = (fd: number, bytes: Uint8Array): number => {
    printed.push(`${fd} ${new TextDecoder().decode(bytes)}`);
    return bytes.length;
  };
  const wasi = makeWasi(module, () => memory, () => ({
    argv: [], environment: [], nowMs: () => 0, print, exit: () => { throw new Error('left'); },
  }));
  wasi.attach(instance);
  return { memory, printed, write: wasi.imports['fd_write'] as Guest['write'] };
}

function setVectors(memory: WebAssembly.Memory, count: number, at: number, size: number): void {
  const view = new DataView(memory.buffer);
  for (let index = 0; index < count; index++) {
    view.setUint32(AT_VECTORS + 8 * index, at, true);
    view.setUint32(AT_VECTORS + 8 * index + 4, size, true);
  }
}

function prints(): void {
  const { memory, printed, write } = guest();
  new Uint8Array(memory.buffer).set(new TextEncoder().encode('words'), AT_TEXT);
  setVectors(memory, 2, AT_TEXT, 5);
  assert.is(write(2, AT_VECTORS, 2, AT_WRITTEN), SUCCESS);
  assert.equal([printed, new DataView(memory.buffer).getUint32(AT_WRITTEN, true)], [['2 wordswords'], 10]);
}

tests('what a module prints is the process\'s, with its size', prints);

tests('a text named a thousand times is refused, and costs the other processes nothing', () => {
  for (let again = 0; again < 4; again++) {
    const { memory, printed, write } = guest();
    setVectors(memory, 1024, 0, MEMORY_BYTES);
    assert.is(write(1, AT_VECTORS, 1024, AT_WRITTEN), IO_ERROR);
    assert.equal(printed, []);
  }
  prints();
});

tests('what lies outside the memory, or is too much, has an answer', () => {
  const { memory, printed, write } = guest(), end = MEMORY_BYTES;
  setVectors(memory, 1, end - 4, 5);
  assert.is(write(1, AT_VECTORS, 1, AT_WRITTEN), FAULT);
  assert.is(write(1, end - 4, 1, AT_WRITTEN), FAULT);
  assert.is(write(1, -8, 1, AT_WRITTEN), FAULT);
  setVectors(memory, 1, AT_TEXT, 5);
  assert.is(write(1, AT_VECTORS, 1, end - 3), FAULT);
  assert.is(write(1, AT_VECTORS, 1025, AT_WRITTEN), INVALID);
  assert.is(write(1, AT_VECTORS, -1, AT_WRITTEN), INVALID);
  assert.is(write(3, AT_VECTORS, 1, AT_WRITTEN), BAD_DESCRIPTOR);
  assert.equal(printed, []);
});

tests.run();
