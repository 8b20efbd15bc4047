/** What a running job holds: memory and threads. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { packageRoot } from '../../../src/base/paths.js';
import type { TestContainer } from '../../support/container.js';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { inside, makeReadPipe } from './jobs.js';
import { sum } from '../statistics.js';

const JOBS = 20, QUICK_JOBS = 3;
/** After the last byte has come, until nobody does anything any more. */
const SETTLE_MS = 100;
const SLEEP = 'echo started; exec sleep 1000';
const STARTER = `${packageRoot}test/bench/helpers/start-jobs.sh`;

export interface Group {
  /** Of each job: iomux-spawn, wsh, iomux-link. */
  readonly jobs: readonly (readonly [number, number, number])[];
  readonly wshd: number;
  readonly container: TestContainer;
  /** From the start of the first iomux-spawn until all jobs have written and all of that has come. */
  readonly startMs: number;
}

/** So many jobs side by side in a container of their own, each of which has written `bytes` before it became idle. */
export async function withJobs<Result>(
  bench: Bench, set: ProgramSet, count: number, bytes: number, look: (group: Group) => Result | Promise<Result>,
): Promise<Result> {
  return bench.inContainer(set, async (container) => {
    const { output, input, closeInput } = makeReadPipe(bench);
    let awaited = count * (bytes + 'started\n'.length);
    const came = new Promise<void>((resolve) => output.on('data', (piece: Buffer) => { if ((awaited -= piece.length) <= 0) resolve(); }));
    const command = inside(set, container.socket, ['sh', '-c', (bytes > 0 ? `head -c ${bytes} /dev/zero; ` : '') + SLEEP]);
    const startMs = performance.now();
    const starter = bench.start(
      ['sh', STARTER, String(count), container.jobDirectory(), set.path('iomux-spawn'), set.path('iomux-link'), ...command],
      { stdio: ['ignore', 'pipe', 'inherit', input], detached: true },
    );
    closeInput();
    const jobs = await startedJobs(starter.child.stdout!);
    if (jobs.length !== count) throw new Error(`${jobs.length} of ${count} jobs were started`);
    await came;
    const group = { jobs, wshd: container.pid, container, startMs: performance.now() - startMs };
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    const result = await look(group);
    bench.stop(starter);
    return result;
  });
}

async function startedJobs(words: Readable): Promise<Group['jobs'][number][]> {
  let text = '';
  for await (const piece of words) text += String(piece);
  return text.trimEnd().split('\n').map((line) => line.split(' ').map(Number) as [number, number, number]);
}

function jobCount(bench: Bench): number { return bench.quick ? QUICK_JOBS : JOBS; }

export function pssKib(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]);
}

function threads(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

function memoryFigure(name: string, title: string, bytes: number, goal?: number): Figure {
  return {
    name, title,
    ...(goal === undefined ? {} : { goal }),
    unit: { name: 'KiB', digits: 0 },
    rounds: 3,
    quickRounds: 1,
    sample: (bench, set) => withJobs(bench, set, jobCount(bench), bytes, ({ jobs, wshd }) => {
      const share = pssKib(wshd) / jobs.length;
      return [sum(jobs.flat().map(pssKib)) / jobs.length + share];
    }),
  };
}

export const memory = memoryFigure('memory', 'memory (PSS) a job, 20 side by side', 0, 130);
export const memoryAfter = memoryFigure('memory-1M', '… after each has written 1 MiB', 1 << 20, 200);

export const threadCount: Figure = {
  name: 'threads',
  title: 'threads a job',
  unit: { name: '', digits: 0 },
  goal: 3,
  rounds: 1,
  quickRounds: 1,
  sample: (bench, set) => withJobs(bench, set, jobCount(bench), 0, ({ jobs }) => jobs.map((job) => sum(job.map(threads)))),
};
