import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/paths.js';
import { noContainers } from '../support/container.js';
import { ended, processesWith, run, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { figures } from './figures.js';
import { plot } from './plot.js';
import { exponent, median, quantile } from './statistics.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const binaries = programPath('').replace(/\/$/, '');
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
  const argv = [process.execPath, main, '--quick', '--peer', binaries, '--json', file];
  const { code, stdout, stderr } = await run(argv, { env, timeoutMs: 100_000 });
  assert.is(code, 0, stderr);
  for (const figure of figures) assert.ok(stdout.toString().includes(figure.title), figure.title);
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: WrittenRow[] };
  assert.equal(rows.map(({ figure }) => figure.name), figures.map(({ name }) => name));
  rows.forEach(({ sets }, at) => {
    assert.equal(sets.map(({ name }) => name), figures[at]!.ownOnly ? ['ours'] : ['ours', 'peer']);
    for (const { value } of sets) assert.ok(Number.isFinite(value.value));
  });
  rmSync(file);
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
  for (const args of [['--only', 'nothing'], ['--what'], ...(noContainers ? [] : [['--peer', '/nonexistent']])]) {
    const { code, stdout, stderr } = await run([process.execPath, main, ...args]);
    assert.is(code, 2, args.join(' '));
    assert.is(stdout.length, 0);
    assert.match(stderr, /^bench: /);
  }
});

numbers.run();
bench.run();
