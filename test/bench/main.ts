/**
 * Measures the native programs against plain references, and against another set of them. docs/internals/bench.md
 *
 *   npm run bench [-- --peer DIR] [--server-peer SOCKET] [--quick] [--only NAME]… [--json FILE] [--compare FILE] [--plot FILE]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { programPath } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { Bench } from './bench.js';
import { changes, refusal, type Written } from './compare.js';
import { type Figure, measure, type Row } from './figure.js';
import { figures } from './figures/index.js';
import { growthOf } from './figures/growth.js';
import { programIn, PROGRAMS } from './peer.js';
import { table } from './table.js';

const USAGE = `usage: npm run bench -- [--peer DIR] [--server-peer SOCKET] [--quick] [--only NAME]… [--json FILE] [--compare FILE]
                        [--plot FILE]
  --peer DIR      measures the five programs of that directory too, in the same run; DIR may be the originals' src
  --server-peer SOCKET  measures the server that listens there, too, as a reference of ours
  --quick         small sizes and few rounds: shows that the bench works, not how fast anything is
  --only NAME     only this row, or these: ${figures.map(({ name }) => name).join(', ')}
  --json FILE     also writes what the table shows there
  --compare FILE  also prints what changed beyond noise since the run whose --json wrote FILE
  --plot FILE     also draws how costs grow with the number of jobs, as SVG`;

class Refusal extends Error {}

interface Options {
  peer: string | undefined;
  serverPeer: string | undefined;
  quick: boolean;
  chosen: readonly Figure[];
  json: string | undefined;
  older: Written | undefined;
  plot: string | undefined;
}

function options(): Options {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        peer: { type: 'string' },
        'server-peer': { type: 'string' },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        compare: { type: 'string' },
        plot: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new Refusal(`${(error as Error).message}\n${USAGE}`);
  }
  const { peer, 'server-peer': serverPeer, quick, only, json, compare, plot, help } = values;
  if (help) {
    console.log(USAGE);
    process.exit(0);
  }
  const unknown = only.find((name) => !figures.some((figure) => figure.name === name));
  if (unknown !== undefined) throw new Refusal(`no figure is called ${unknown}\n${USAGE}`);
  const chosen = only.length > 0 ? figures.filter(({ name }) => only.includes(name)) : figures;
  return { peer, serverPeer, quick, chosen, json, plot, older: compare === undefined ? undefined : read(compare, quick) };
}

/** The rows of an older run, which must have been measured in the same way. */
function read(file: string, quick: boolean): Written {
  let older: Partial<Written>;
  try {
    older = JSON.parse(readFileSync(file, 'utf8')) as Partial<Written>;
  } catch (error) {
    throw new Refusal(`cannot read ${file}: ${(error as Error).message}`);
  }
  const why = refusal(older, quick);
  if (why !== undefined) throw new Refusal(`cannot compare with ${file}: ${why}`);
  return older as Written;
}

function addPeer(bench: Bench, directory: string): void {
  const missing = PROGRAMS.filter((program) => programIn(directory, program) === undefined);
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
  const { peer, serverPeer, quick, chosen, json, older, plot } = options();
  if (noContainers) throw new Refusal(`the bench runs real containers, and cannot here: ${noContainers}`);
  const bench = new Bench(quick, serverPeer);
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
    if (older) console.log(`\nSince the older run:\n  ${changes(older, rows).join('\n  ')}`);
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
