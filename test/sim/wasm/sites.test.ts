import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmPath } from '../../../src/base/paths.js';
import { CALL_ERRNOS } from '../../../src/sim/scenario/call-errnos.js';
import { markSites } from '../../../src/sim/wasm/sites.js';
import { modules } from '../../../tools/build/asc.js';
import { importsOf } from '../../boundary/sources.js';
import { standIns } from '../../support/stand-ins.js';

const sites = suite('call sites');

for (const module of modules) {
  const bytes = readFileSync(wasmPath(module)), marked = markSites(bytes);

  sites(`${module}: the marked copy is a module with the same imports and exports`, () => {
    const before = new WebAssembly.Module(bytes), after = new WebAssembly.Module(marked.bytes);
    assert.equal(WebAssembly.Module.imports(after), WebAssembly.Module.imports(before));
    assert.equal(WebAssembly.Module.exports(after), WebAssembly.Module.exports(before));
  });

  sites(`${module}: what each of its calls can fail with is known`, () => {
    assert.equal(marked.sites.filter(({ from, call }) => from === 'shim' && !(call in CALL_ERRNOS)), []);
  });

  sites(`${module}: each import is called somewhere`, () => {
    assert.equal([...new Set(marked.sites.map(({ from, call }) => `${from}.${call}`))].sort(), importsOf(module));
  });
}

/** Every import throws where it is called from, as V8 sees it; `site`: the last number that it is given. */
function firstCall(bytes: Uint8Array<ArrayBuffer>): { place: string; site: number } {
  const module = new WebAssembly.Module(bytes);
  let site = 0;
  const { exports } = new WebAssembly.Instance(module, standIns(module, (...numbers) => {
    site = numbers.at(-1) ?? 0;
    throw new Error();
  }));
  try {
    (exports.onStart as () => void)();
  } catch (error) {
    const [, index, offset] = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/.exec((error as Error).stack!)!;
    return { place: `${index}:${offset}`, site };
  }
  throw new Error('nothing was called');
}

/** The modules that a host starts; it calls the functions of others. */
function isStarted(module: string): boolean {
  return WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(wasmPath(module)))).some(({ name }) => name === 'onStart');
}

for (const program of modules.filter(isStarted)) {
  sites(`${program}: the first call's site is where V8 sees it`, () => {
    const bytes = Uint8Array.from(readFileSync(wasmPath(program))), marked = markSites(bytes);
    const { site } = firstCall(marked.bytes), { place } = firstCall(bytes);
    const found = marked.sites[site - 1]!;
    assert.is(found.id, site);
    assert.is(`${found.function}:${found.offset.toString(16)}`, place);
  });
}

sites('an instruction that is unknown is refused, not skipped', () => {
  // (module (import "m" "f" (func)) (global (mut i32) (i32.const 0)) (func (v128.const …)))
  const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0, 3, 2, 1, 0, 6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b,
    10, 6, 1, 4, 0, 0xfd, 0x0c, 0x0b,
  ]);
  assert.throws(() => markSites(bytes), /instruction 0xfd is unknown/);
});

sites.run();
