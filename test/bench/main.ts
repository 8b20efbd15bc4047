/**
 * Measures the native programs against plain references, and against another set of them. docs/bench.md
 *
 *   npm run bench [-- --peer DIR] [--quick] [--only NAME]… [--json FILE] [--plot FILE]
 */
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { programPath } from '../../src/paths.js';
import { noContainers } from '../support/container.js';
import { Bench, PROGRAMS } from './bench.js';
import { type Figure, measure, type Row } from './figure.js';
import { figures } from './figures.js';
import { growthOf } from './growth.js';
import { table } from './table.js';

const USAGE = `usage: npm run bench -- [--peer DIR] [--quick] [--only NAME]… [--json FILE] [--plot FILE]
  --peer DIR   measures the five programs of that directory too, in the same run
  --quick      small sizes and few rounds: shows that the bench works, not how fast anything is
  --only NAME  only this row, or these: ${figures.map(({ name }) => name).join(', ')}
  --json FILE  also writes what the table shows there
  --plot FILE  also draws how costs grow with the number of jobs, as SVG`;

class Refusal extends Error {}

interface Options {
  peer: string | undefined;
  quick: boolean;
  chosen: readonly Figure[];
  json: string | undefined;
  plot: string | undefined;
}

function options(): Options {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        peer: { type: 'string' },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        plot: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
  const { peer, quick = false, only = [], json, plot, help } = values;
  if (help) {
    console.log(USAGE);
    process.exit(0);
  }
  const unknown = only.find((name) => !figures.some((figure) => figure.name === name));
  if (unknown !== undefined) throw new Refusal(`no figure is called ${unknown}\n${USAGE}`);
  return { peer, quick, chosen: only.length > 0 ? figures.filter(({ name }) => only.includes(name)) : figures, json, plot };
}

function addPeer(bench: Bench, directory: string): void {
  const missing = PROGRAMS.filter((program) => !existsSync(join(directory, program)));
  if (missing.length > 0) throw new Refusal(`--peer ${directory} has no ${missing.join(', no ')}`);
  bench.addSet('peer', directory);
}

/** Adds rows to `rows` as they are measured: what a failure, or a signal, comes too late for is shown all the same. */
async function measureAll(bench: Bench, chosen: readonly Figure[], rows: Row[]): Promise<void> {
  for (const figure of chosen) {
    const start = performance.now();
    rows.push(await measure(figure, bench));
    console.error(`${figure.name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}

/** echarts takes a second to load, which only who wants a picture shall wait for. */
async function drawGrowth(bench: Bench, file: string): Promise<void> {
  const { plot } = await import('./plot.js');
  writeFileSync(file, plot(await growthOf(bench, bench.sets[0]!)));
}

function machine(): object { return { processors: cpus().length, model: cpus()[0]?.model, kernel: release() }; }

/** Rejects when a signal asks the bench to end. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => reject(new Refusal(`ended by ${signal}`)));
    }
  });
}

async function main(): Promise<void> {
  const { peer, quick, chosen, json, plot } = options();
  if (noContainers) throw new Refusal(`the bench runs real containers, and cannot here: ${noContainers}`);
  const bench = new Bench(quick);
  const rows: Row[] = [];
  try {
    bench.addSet('ours', dirname(programPath('wsh')));
    if (peer !== undefined) addPeer(bench, peer);
    const measuring = measureAll(bench, chosen, rows).then(() => (plot === undefined ? undefined : drawGrowth(bench, plot)));
    // When a signal ends the bench, what was being measured fails; nobody asks for that any more.
    measuring.catch(() => undefined);
    await Promise.race([measuring, interruption()]);
  } finally {
    show([...rows], bench, json);
    await bench.end();
  }
}

function show(rows: readonly Row[], { quick, sets }: Bench, json: string | undefined): void {
  if (rows.length === 0) return;
  console.log(table(rows, sets.map(({ name }) => name)));
  if (quick) console.log('With --quick sizes are small and rounds few: the numbers only show that the bench works.');
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine: machine(), quick, rows }, undefined, 2)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Refusal ? `bench: ${error.message}` : error);
  process.exitCode = error instanceof Refusal ? 2 : 1;
}
process.exit();
