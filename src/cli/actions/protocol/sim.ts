/** `warden sim`: scenarios in a simulated kernel. docs/internals/testing.md */
import { randomInt } from 'node:crypto';
import { isatty } from 'node:tty';
import { SingleBar } from 'cli-progress';
import { WardenError } from '../../../base/errors.js';
import { type Failure, faultsOf, type Tally } from '../../../sim/campaign/summary.js';
import { runSwarm, type SwarmResult } from '../../../sim/campaign/swarm.js';
import { EXIT_FAILED } from '../../exit-codes.js';
import { interruptible } from '../../support/interrupt.js';
import { printLine } from '../../support/print.js';

export interface SimOptions {
  seeds?: string;
  from?: string;
  fresh?: boolean;
  seed?: string;
  trace?: boolean;
  exhaustive?: boolean;
  open?: boolean;
  jobs?: string;
  json?: boolean;
}

/** The upper limit of random seeds. Any seed is a safe integer of JavaScript's. */
const FRESH_MAX = 2 ** 47;
const SEEDS_MAX = 100_000_000;
const SEEDS_DEFAULT = '1000';
const FAILURES_SHOWN = 3;

export async function sim(options: SimOptions): Promise<number> {
  if (options.trace && options.seed === undefined) throw new WardenError('USAGE', '--trace needs the --seed N to trace');
  refuseStrangers(options);
  if (options.open) return page(options);
  if (options.seed !== undefined) return one(wholeNumber('--seed', options.seed, 0, Number.MAX_SAFE_INTEGER), options);
  if (options.exhaustive) return exhaustive(options);
  const count = wholeNumber('--seeds', options.seeds ?? SEEDS_DEFAULT, 1, SEEDS_MAX);
  const first = wholeNumber('--from', options.from ?? '0', 0, Number.MAX_SAFE_INTEGER - SEEDS_MAX);
  return interruptible('sim', (signal) => swarm(options.fresh ? randomInt(FRESH_MAX) : first, count, options, signal));
}

/** Options of another kind of run, which would be silently ignored. */
function refuseStrangers(options: SimOptions): void {
  const refuse = (chosen: 'open' | 'seed' | 'exhaustive' | 'fresh', ...strangers: readonly (keyof SimOptions)[]): void => {
    const stranger = options[chosen] === undefined ? undefined : strangers.find((name) => options[name] !== undefined);
    if (stranger !== undefined) throw new WardenError('USAGE', `--${chosen} and --${stranger} do not go together`);
  };
  refuse('open', 'trace', 'exhaustive', 'seeds', 'from', 'fresh', 'jobs', 'json');
  refuse('seed', 'exhaustive', 'seeds', 'from', 'fresh', 'jobs');
  refuse('exhaustive', 'seeds', 'from', 'fresh');
  refuse('fresh', 'from');
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw new WardenError('USAGE', `${option} takes a whole number from ${least} to ${most}, not ${text}`);
  return value;
}

function threads({ jobs }: SimOptions): { workers?: number } {
  return jobs === undefined ? {} : { workers: wholeNumber('--jobs', jobs, 1, 1024) };
}

async function swarm(first: number, count: number, options: SimOptions, signal: AbortSignal): Promise<number> {
  const bar = progressBar('scenarios', count);
  const result = await runSwarm({
    first, count, signal, ...threads(options),
    onProgress: ({ scenarios, failures }) => bar?.update(scenarios, { failures: failures.length }),
  }).finally(() => bar?.stop());
  const json = { first, count, ...result, sites: undefined, sitesReached: reached(result) };
  await printLine(options.json ? JSON.stringify(json) : describe(first, count, result));
  return result.failures.length > 0 ? EXIT_FAILED : 0;
}

/** A progress bar on stderr, if stderr is a terminal. */
function progressBar(what: string, total: number): SingleBar | undefined {
  if (!isatty(2)) return undefined;
  const bar = new SingleBar({ format: `{bar} {value}/{total} ${what}, {failures} failures, {eta_formatted} left`, hideCursor: true, stream: process.stderr });
  bar.start(total, 0, { failures: 0 });
  return bar;
}

function reached(tally: Tally): number { return Object.values(tally.sites).reduce((sum, ids) => sum + ids.length, 0); }

function describe(first: number, count: number, result: SwarmResult): string {
  const { scenarios, seconds, workers, calls, faults, failures } = result;
  const kinds = Object.entries(faults).sort().map(([kind, times]) => `${times} ${kind}`).join(', ') || 'none';
  const done = scenarios === count ? count : `${scenarios} of ${count}`;
  const rate = Math.round(scenarios / seconds / workers), words = failures.length === 0 ? 'all checks hold' : `a check does not hold in ${failures.length}`;
  return [
    ...failures.slice(0, FAILURES_SHOWN).map(describeFailure),
    `seeds ${first} to ${first + count - 1}: ${done} scenarios, ${words}`,
    `${seconds.toFixed(1)} s on ${workers} threads: ${rate} scenarios a second and thread, ${calls} calls`,
    `${faultsOf(result)} faults (${kinds}), ${reached(result)} call sites reached`,
  ].join('\n');
}

function describeFailure({ seed, check, words, context }: Failure): string {
  return `${context}\n\nseed ${seed}: ${check}: ${words}\nagain, with every event: warden sim --seed ${seed} --trace\n`;
}

async function page({ seed }: SimOptions): Promise<number> {
  const { openPage } = await import('./page.js');
  return openPage(seed === undefined ? undefined : wholeNumber('--seed', seed, 0, Number.MAX_SAFE_INTEGER));
}

async function one(seed: number, options: SimOptions): Promise<number> {
  const { loadMarked } = await import('../../../sim/campaign/instrumented.js'), { generate } = await import('../../../sim/scenario/generate.js');
  const { runScenario } = await import('../../../sim/campaign/run-scenario.js'), { Trace } = await import('../../../sim/world/trace.js');
  const trace = new Trace(), scenario = generate(seed), programs = await loadMarked();
  const { steps, violation } = runScenario(programs, scenario, options.trace ? [trace] : []);
  if (options.json) {
    await printLine(JSON.stringify({ scenario, steps, violation, ...(options.trace ? { trace: trace.lines } : {}) }));
  } else {
    const acts = scenario.acts.map((act) => `  ${JSON.stringify(act)}`);
    if (options.trace) await printLine([`scenario ${JSON.stringify({ ...scenario, acts: undefined })}`, ...acts, trace.text].join('\n'));
    await printLine(violation ? `seed ${seed}: ${violation.check}: ${violation.words}` : `seed ${seed}: all checks hold, ${steps} steps`);
  }
  return violation ? EXIT_FAILED : 0;
}

async function exhaustive(options: SimOptions): Promise<number> {
  const { runExhaustive, describeReport } = await import('../../../sim/campaign/exhaustive.js');
  return interruptible('sim', async (signal) => {
    const bar = progressBar('runs', 1);
    const report = await runExhaustive({
      signal, ...threads(options),
      onProgress: (done, total, failures) => {
        bar?.setTotal(total);
        bar?.update(done, { failures });
      },
    }).finally(() => bar?.stop());
    await printLine(options.json ? JSON.stringify(report) : describeReport(report));
    return report.failures.length > 0 || report.missed.length > 0 ? EXIT_FAILED : 0;
  });
}
