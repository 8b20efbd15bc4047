/** What a running job holds: memory and threads. */
import { readFileSync } from 'node:fs';
import type { TestContainer } from '../support/container.js';
import type { Bench, ProgramSet } from './bench.js';
import type { Figure } from './figure.js';
import { inside, type Job, makePipe, startJob, startLink } from './jobs.js';
import { sum } from './statistics.js';

const JOBS = 20, QUICK_JOBS = 3;
/** After the last byte has come, until nobody does anything any more. */
const SETTLE_MS = 100;
const SLEEP = 'echo started; exec sleep 1000';

interface Group {
  /** Of each job: iomux-spawn, wsh, iomux-link. */
  readonly jobs: [number, number, number][];
  readonly wshd: number;
}

/** Jobs side by side in a container of their own, each of which has written `bytes` before it became idle. */
async function withJobs<Result>(bench: Bench, set: ProgramSet, bytes: number, look: (group: Group) => Result): Promise<Result> {
  return bench.inContainer(set, async (container) => {
    const { output, input, closeInput } = await makePipe(bench);
    const jobs: Group['jobs'] = [];
    for (let i = 0; i < (bench.quick ? QUICK_JOBS : JOBS); i++) {
      // In the end they are all killed, which nobody needs to be told.
      const job = await startSleeper(bench, set, container, bytes);
      jobs.push([job.spawn.pid, job.childPid, startLink(bench, set, job, input, 'ignore').pid]);
    }
    closeInput();
    let awaited = jobs.length * (bytes + 'started\n'.length);
    await new Promise<void>((resolve) => output.on('data', (piece: Buffer) => { if ((awaited -= piece.length) <= 0) resolve(); }));
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    return look({ jobs, wshd: container.pid });
  });
}

function startSleeper(bench: Bench, set: ProgramSet, container: TestContainer, bytes: number): Promise<Job> {
  const write = bytes > 0 ? `head -c ${bytes} /dev/zero; ` : '';
  return startJob(bench, set, container.jobDirectory(), inside(set, container.socket, ['sh', '-c', write + SLEEP]));
}

function pssKib(pid: number): number {
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
    sample: (bench, set) => withJobs(bench, set, bytes, ({ jobs, wshd }) => {
      const share = pssKib(wshd) / jobs.length;
      return [sum(jobs.flat().map(pssKib)) / jobs.length + share];
    }),
  };
}

export const memory = memoryFigure('memory', 'memory (PSS) a job, 20 side by side', 0, 380);
export const memoryAfter = memoryFigure('memory-1M', '… after each has written 1 MiB', 1 << 20);

export const threadCount: Figure = {
  name: 'threads',
  title: 'threads a job',
  unit: { name: '', digits: 0 },
  goal: 3,
  rounds: 1,
  quickRounds: 1,
  sample: (bench, set) => withJobs(bench, set, 0, ({ jobs }) => jobs.map((job) => sum(job.map(threads)))),
};
