import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile, compileModule } from '../../../tools/build/asc.js';
import { unless } from '../../support/skip.js';
import { compare } from './differential.js';
import { findTarget, type Target, targets } from '../targets.js';
import { noRecording, pairwise } from '../tools.js';

const MUTATIONS = 250;
const SEED = Math.floor(Math.random() * 2 ** 32);

const differential = suite('V8 and wasm2c');
const it = unless(noRecording(), differential);

it('do the same with all kept inputs, and with changed ones', async () => {
  let all = 0;
  await pairwise(targets, async (target) => {
    const { inputs, fault } = await compare(target, { seed: SEED, mutations: MUTATIONS });
    assert.is(fault, undefined, `${target.name}: ${fault}`);
    assert.ok(inputs > MUTATIONS, `${target.name} has no corpus`);
    all += inputs;
  });
  console.log(`  ${all} inputs, changed ones from the seed ${SEED}`);
});

const TRAPS: Target = { name: 'traps', program: 'traps', bytes: 1, about: 'test/fuzz/hostile/traps.ts' };
const ways = Array.from({ length: 10 }, (_, way) => Uint8Array.of(way));

it('trap alike in every way there is', async () => {
  const { inputs, traps, fault } = await compare(TRAPS, { seed: SEED, inputs: ways, recorded: await compile('test/fuzz/hostile/traps.ts') });
  assert.is(fault, undefined);
  assert.equal([inputs, traps], [ways.length, ways.length]);
});

it('are told apart when they trap otherwise', async () => {
  const entry = 'test/fuzz/hostile/traps.ts';
  const other = await compile(entry, [{ file: entry, from: 'case 0: return unreachable();', to: 'case 0: return store<i64>(end, 1);' }]);
  const { fault } = await compare(TRAPS, { seed: SEED, inputs: ways, recorded: await compile(entry), replayed: other });
  assert.match(fault ?? 'nothing was found', /onSignal\(0\) traps: 1; recorded: trap 5/);
});

/** Modules that V8 gets in place of what wasm2c got; each is to be noticed by what it does otherwise. */
const CANARIES: readonly { target: string; file: string; from: string; to: string; words: RegExp }[] = [
  {
    target: 'spawn', file: 'assembly/lib/ring.ts', words: /shim\.readv\(/,
    from: 'const got = readv(handle, this.bytes + at, straight, this.bytes, most - straight);',
    to: 'const got = readv(handle, this.bytes + at, straight, this.bytes + 1, most - straight);',
  },
  {
    target: 'response', file: 'assembly/wire/request.ts', words: /bytes at \d+ that it gives a call are others/,
    from: 'export const VERSION: i32 = 1;', to: 'export const VERSION: i32 = 2;',
  },
  {
    target: 'oom', file: 'assembly/programs/oom/index.ts', words: /memory is left otherwise at \d+|is left as/,
    from: 'if (got == -EAGAIN) return;', to: 'store<u8>(__heap_base - 1, 1);\n  if (got == -EAGAIN) return;',
  },
];

for (const { target: name, words, ...change } of CANARIES) {
  it(`are told apart: ${change.file}`, async () => {
    const target = findTarget(name)!;
    const { fault } = await compare(target, { seed: SEED, replayed: await compileModule(target.program, [change]) });
    assert.match(fault ?? 'nothing was found', words);
  });
}

differential.run();
