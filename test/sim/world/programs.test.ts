import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmPath } from '../../../src/base/paths.js';
import { KEEP, RESTORE, withRestore } from '../../../src/sim/wasm/globals.js';
import { Guest, type Observer, type Process } from '../../../src/sim/world/index.js';
import { modules } from '../../../tools/build/asc.js';
import { exportGlobals, GLOBAL_PREFIX } from '../../support/globals.js';
import { standIns } from '../../support/stand-ins.js';
import { serving, withWorld } from '../help.js';

const programs = suite('instances that are used again');

/** Memory of each module before its first call, by its program and command line. */
function firstMemories(into: Map<string, Uint8Array>): Observer {
  return {
    deliver: ({ process, entry }) => { if (entry === 'onStart') into.set(keyOf(process), memoryOf(process)); },
  };
}

function keyOf(process: Process): string { return `${process.program} ${process.argv.join(' ')} ${process.environment.length}`; }
function memoryOf({ runner }: Process): Uint8Array { return (runner as Guest).bytes(0, (runner as Guest).memoryBytes)!.slice(); }

/** Everything that a module may do to its memory in a day's work. */
async function run(memories: Map<string, Uint8Array>): Promise<void> {
  await withWorld((world) => {
    const container = serving(world);
    world.cgroup('/cgroup/c', 1);
    world.start(['oom', '/cgroup/c']);
    const job = container.spawn('1', ['/bin/script', '-c', 'write 1 300000; write 2 3000 7; exit 9']);
    world.run(() => world.files.exists('/c/jobs/1/status.sock'));
    const links = [container.link('1', ['-w', '/tmp/cursor']), container.link('1', ['--'])];
    for (let i = 0; i < 40; i++) container.wsh(['/bin/script', '-c', 'copy'], { stdin: 'pipe' }).stdin!.end();
    world.run(() => links.every((link) => link.ended) && job.ended);
  }, { observers: [firstMemories(memories)] });
}

programs('have the memory of new ones', async () => {
  const fresh = new Map<string, Uint8Array>(), used = new Map<string, Uint8Array>();
  await run(fresh);
  await run(used);
  assert.equal([...used.keys()], [...fresh.keys()]);
  assert.is(new Set([...used.keys()].map((key) => key.split(' ')[0])).size, 5);
  for (const [key, memory] of used) {
    const first = fresh.get(key)!, differs = memory.findIndex((byte, at) => byte !== (first[at] ?? 0));
    // A used one's memory has grown already: what is beyond must be as if it had just been claimed.
    assert.is(differs, -1, `${key}: byte ${differs} of ${memory.length}`);
  }
});

for (const module of modules.filter((each) => each !== 'codec')) {
  programs(`${module}: all globals that change are set back, whatever they have become`, () => {
    const bytes = exportGlobals(withRestore(readFileSync(wasmPath(module)))), compiled = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(compiled, standIns(compiled));
    const call = (name: string): void => (exports[name] as () => void)();
    const names = Object.keys(exports).filter((name) => name.startsWith(GLOBAL_PREFIX));
    const globals = names.map((name) => exports[name] as WebAssembly.Global);
    // Each has its twin behind the last of them.
    const own = globals.slice(0, globals.length / 2), first = own.map(({ value }) => value);
    assert.ok(own.length > 5);
    call(KEEP);
    for (const global of own) global.value = typeof global.value === 'bigint' ? global.value + 1n : (global.value as number) + 1;
    call(RESTORE);
    assert.equal(own.map(({ value }) => value), first);
  });
}

programs.run();
