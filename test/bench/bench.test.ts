import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { ended, processesWith, run, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { changes, refusal } from './compare.js';
import type { Row } from './figure.js';
import { figures } from './figures/index.js';
import { plot } from './plot.js';
import { exponent, median, quantile } from './statistics.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const numbers = suite('the numbers of the bench');
const bench = suite('the bench');

numbers('lie between the samples they lie between', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
  assert.is(quantile([0, 10], 0.1), 1);
  assert.is(quantile([5], 0.9), 5);
  assert.throws(() => median([]));
});

numbers('fit how something grows', () => {
  const grows = (power: number): number => exponent([1, 10, 100, 500].map((x) => ({ x, y: 7 * x ** power })));
  for (const power of [0, 1, 2]) assert.ok(Math.abs(grows(power) - power) < 1e-9);
  assert.throws(() => exponent([{ x: 3, y: 1 }, { x: 3, y: 2 }]));
});

numbers('are drawn as a picture', () => {
  const picture = plot([1, 10, 100].map((jobs) => ({ jobs, pssKib: 150 * jobs, cpuMs: jobs, startMs: 4 * jobs, latencyUs: 100 })));
  assert.match(picture, /^<svg [^]*<\/svg>$/);
  for (const words of ['memory (PSS)', 'exponent 1.00', 'exponent 0.00']) assert.ok(picture.includes(words), words);
});

/** A row with one set, and with a reference where there is a ratio. */
function rowOf(value: number, spread: number, more: { ratio?: number; count?: number } = {}): Row {
  const summary = (middle: number) => ({ value: middle, p10: middle - spread / 2, p90: middle + spread / 2, count: more.count ?? 100 });
  const references = more.ratio === undefined ? [] : [{ title: 'cat', ratios: [summary(more.ratio)] }];
  return { figure: figures[0]!, sets: [{ name: 'ours', value: summary(value) }], references, details: [] };
}

numbers('changed since another run when they did so beyond the noise of both', () => {
  const since = (old: Row, now: Row): string => changes({ quick: false, rows: [old] }, [now])[0]!;
  assert.match(since(rowOf(10, 1), rowOf(10.1, 1)), '1 of 1 figures did not change');
  assert.match(since(rowOf(10, 1), rowOf(11, 1)), /: 10\.00 → 11\.00 \(\+10\.0 %\): worse$/);
  // A spread so wide that the medians may lie there by chance; more samples make it less likely.
  assert.match(since(rowOf(10, 8), rowOf(11, 8)), 'did not change');
  assert.match(since(rowOf(10, 8, { count: 10_000 }), rowOf(11, 8, { count: 10_000 })), 'worse');
  // The machine is slower today, and its reference is, too.
  assert.match(since(rowOf(10, 1, { ratio: 0.5 }), rowOf(20, 1, { ratio: 0.5 })), 'did not change');
  assert.match(since(rowOf(10, 0.1, { ratio: 0.5 }), rowOf(10, 0.1, { ratio: 0.4 })), /ours ÷ cat: 0\.500 → 0\.400 \(-20\.0 %\): better$/);
  assert.match(changes({ quick: false, rows: [] }, [rowOf(1, 0)])[0]!, 'not in the older run');
  assert.match(refusal({}, false)!, 'no rows');
  assert.match(refusal({ quick: true, rows: [] }, false)!, '--quick');
  assert.is(refusal({ quick: true, rows: [] }, true), undefined);
});

interface WrittenRow { figure: { name: string }; sets: { name: string; value: { value: number } }[] }

/** Runs with a directory of its own for everything it makes, which has to be empty in the end. */
async function inDirectory(use: (directory: string, env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/wb-`);
  try {
    await use(directory, { ...process.env, TMPDIR: directory });
    assert.equal(readdirSync(directory), []);
    assert.equal(processesWith(directory), []);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const containers = unless(noContainers, bench);

containers('measures every figure, for ours and for a peer, and leaves nothing', () => inDirectory(async (directory, env) => {
  const file = `${directory}/rows.json`;
  // As the originals lie in their repository.
  const peer = `${directory}/peer`;
  for (const [folder, programs] of [['wsh', ['wsh', 'wshd']], ['iomux', ['iomux-spawn', 'iomux-link']], ['oom', ['oom']]] as const) {
    mkdirSync(`${peer}/${folder}`, { recursive: true });
    for (const program of programs) copyFileSync(programPath(program), `${peer}/${folder}/${program}`);
  }
  const argv = [process.execPath, main, '--quick', '--peer', peer, '--json', file];
  const { code, stdout, stderr } = await run(argv, { env, timeoutMs: 300_000 });
  assert.is(code, 0, stderr);
  for (const figure of figures) assert.ok(stdout.toString().includes(figure.title), figure.title);
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: WrittenRow[] };
  assert.equal(rows.map(({ figure }) => figure.name), figures.map(({ name }) => name));
  rows.forEach(({ sets }, at) => {
    assert.equal(sets.map(({ name }) => name), figures[at]!.ownOnly ? ['ours'] : ['ours', 'peer']);
    for (const { value } of sets) assert.ok(Number.isFinite(value.value));
  });
  rmSync(file);
  rmSync(peer, { recursive: true });
}));

containers('leaves nothing when it is interrupted', () => inDirectory(async (directory, env) => {
  const child = spawn(process.execPath, [main, '--only', 'memory'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const result = ended(child, 60_000);
  // Jobs run by then.
  await until(() => processesWith(directory).length > 10, 'the bench measures', 30_000);
  child.kill('SIGINT');
  const { code, stderr } = await result;
  assert.is(code, 2);
  assert.ok(stderr.includes('ended by SIGINT'), stderr);
}));

bench('refuses what it does not know', async () => {
  for (const args of [['--only', 'nothing'], ['--what'], ['--compare', '/nonexistent'], ...(noContainers ? [] : [['--peer', '/nonexistent']])]) {
    const { code, stdout, stderr } = await run([process.execPath, main, ...args]);
    assert.is(code, 2, args.join(' '));
    assert.is(stdout.length, 0);
    assert.match(stderr, /^bench: /);
  }
});

numbers.run();
bench.run();
