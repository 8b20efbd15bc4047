/** How long one byte takes from a command in a container to the output of its link. */
import { closeSync, copyFileSync, readFileSync, rmSync } from 'node:fs';
import type { TestContainer } from '../../support/container.js';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { inside, makePipe, startJob, startLink } from './jobs.js';
import { quantile } from '../statistics.js';

const BYTES = 200, QUICK_BYTES = 20;
/** Longer than a byte takes on an idle machine, so that each finds all of them asleep. */
const PAUSE_US = 2_000;
const IN_CONTAINER = '/tmp/byte-clock', TIMES = '/tmp/times';

function count(bench: Bench): number { return bench.quick ? QUICK_BYTES : BYTES; }

interface Reader { times: Promise<number[]>; input: number; closeInput(): void }

/** Reads the far end in a process of its own: in this one, what else there is to do would count. */
async function startReader(bench: Bench): Promise<Reader> {
  const { output, input, closeInput } = makePipe(bench);
  const reader = bench.start([bench.helper('byte-clock'), 'read', String(count(bench))], { stdio: [output, 'pipe', 'inherit'] });
  closeSync(output);
  let text = '';
  reader.child.stdout!.on('data', (piece: Buffer) => { text += piece.toString(); });
  const closed = new Promise((resolve) => reader.child.stdout!.on('close', resolve));
  const times = Promise.all([reader.ended(), closed]).then(([{ code }]) => {
    if (code !== 0) throw new Error('not all bytes came');
    return numbers(text);
  });
  return { times, input, closeInput };
}

function numbers(text: string): number[] { return text.trimEnd().split('\n').map(Number); }

function differences(came: readonly number[], left: readonly number[]): number[] { return came.map((time, at) => time - left[at]!); }

/** Through wsh, iomux-spawn and iomux-link, in microseconds. */
export async function chainLatencies(bench: Bench, set: ProgramSet, container: TestContainer): Promise<number[]> {
  const at = `${container.path}/root`;
  copyFileSync(bench.helper('byte-clock'), `${at}${IN_CONTAINER}`);
  const command = inside(set, container.socket, [IN_CONTAINER, 'write', String(count(bench)), String(PAUSE_US), TIMES]);
  const job = await startJob(bench, set, container.jobDirectory(), command);
  const reader = await startReader(bench);
  const link = startLink(bench, set, job, reader.input);
  reader.closeInput();
  const came = await reader.times;
  await Promise.all([link.ended(), job.spawn.ended()]);
  const left = numbers(readFileSync(`${at}${TIMES}`, 'utf8'));
  rmSync(`${at}${TIMES}`);
  return differences(came, left);
}

/** Through as many processes, with nothing but pipes between. */
async function catLatencies(bench: Bench): Promise<number[]> {
  const file = `${bench.directory}/cat-times`;
  const reader = await startReader(bench);
  const pipeline = bench.start(['sh', '-c', `${bench.helper('byte-clock')} write ${count(bench)} ${PAUSE_US} ${file} | cat | cat | cat`], {
    stdio: ['ignore', reader.input, 'inherit'], detached: true,
  });
  reader.closeInput();
  const came = await reader.times;
  await pipeline.ended();
  return differences(came, numbers(readFileSync(file, 'utf8')));
}

function latency(name: string, title: string, part: number, goal: number): Figure {
  const of = (samples: readonly number[]): number[] => [quantile(samples, part)];
  return {
    name, title, goal,
    unit: { name: 'us', digits: 0 },
    // Ten thousand bytes.
    rounds: 50,
    quickRounds: 1,
    sample: async (bench, set) => of(await chainLatencies(bench, set, await bench.container(set))),
    references: [{ title: 'cat | cat | cat', sample: async (bench) => of(await catLatencies(bench)) }],
  };
}

export const latencyMedian = latency('latency', 'one byte, command to link, p50 ÷ cat | cat | cat', 0.5, 0.85);
export const latencyTail = latency('latency-p99', '… p99', 0.99, 1);
