import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import type { Variant } from './build.js';
import { fuzz, type Fuzzed, keptCorpus, minimize } from './run.js';
import { findTarget, targets } from './targets.js';
import { noFuzzing, pairwise } from './tools.js';

const SECONDS = Number(process.env['WARDEN_FUZZ_SECONDS'] ?? 2);
/** At most: a run ends with what it finds. */
const CANARY_SECONDS = 30;

const fuzzing = suite('fuzzing');
const it = unless(noFuzzing(), fuzzing);

function mustBeQuiet(name: string, { code, log, crash }: Fuzzed): void {
  assert.is(code, 0, `${name}: ${crash ?? 'no input was kept'}\n${log.slice(-4000)}`);
}

it('the kept inputs, those of past crashes among them, are taken without a fault', () => pairwise(targets, async (target) => {
  assert.ok(existsSync(keptCorpus(target)) && readdirSync(keptCorpus(target)).length > 0, `${target.name} has no corpus`);
  mustBeQuiet(target.name, await fuzz(target, { inputs: [keptCorpus(target)] }));
}));

it(`nothing is found in ${SECONDS} seconds a target`, () => pairwise(targets, async (target) => {
  const { path, remove } = scratch();
  try {
    const ended = await fuzz(target, { seconds: SECONDS, corpus: path });
    mustBeQuiet(target.name, ended);
    assert.ok(ended.runs > readdirSync(keptCorpus(target)).length, `${target.name}: no more than the kept inputs: ${ended.runs}`);
    console.log(`  ${target.name}: ${Math.round(ended.perCpuSecond)} executions a second of processor time`);
  } finally {
    remove();
  }
}));

it('a corpus is made of what was found, and named inputs of one that is there stay', async () => {
  const { path, remove } = scratch(), target = findTarget('oom')!, kept = `${path}/kept`;
  try {
    const count = await minimize(target, kept, keptCorpus(target));
    assert.ok(count > 0 && count <= readdirSync(keptCorpus(target)).length, `${count} inputs`);
    writeFileSync(`${kept}/named`, '');
    const again = await minimize(target, kept, `${path}/nothing`);
    assert.ok(again > 1 && again <= count + 1, `${again} inputs of ${count}`);
    assert.ok(existsSync(`${kept}/named`));
    assert.equal(readdirSync(path), ['kept']);
  } finally {
    remove();
  }
});

/** Faults that must be found: that nothing is found elsewhere means something only then. */
const CANARIES: readonly (Variant & { target: string; words: RegExp })[] = [
  {
    name: 'canary-fields', target: 'passwd', words: /AddressSanitizer: use-after-poison/,
    changes: [{ file: 'assembly/programs/wshd/passwd.ts', from: 'if (count == FIELDS) return', to: 'if (count == FIELDS + 2) return' }],
  },
  {
    name: 'canary-ring', target: 'spawn', words: /another byte than the command wrote there/,
    changes: [{ file: 'assembly/lib/ring.ts', from: 'this.bytes, length - straight);', to: 'this.bytes + 1, length - straight);' }],
  },
];

it('deliberate faults are found', () => pairwise(CANARIES, async ({ target: name, words, ...variant }) => {
  const { path, remove } = scratch();
  try {
    const ended = await fuzz(findTarget(name)!, { seconds: CANARY_SECONDS, variant, corpus: path, kept: false });
    assert.is.not(ended.code, 0, `${variant.name}: not found in ${ended.runs} executions`);
    assert.match(ended.log, words);
  } finally {
    remove();
  }
}));

fuzzing.run();
