/** Whether what a command writes right before its end arrives. */
import { randomBytes, randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { inside, makeReadPipe, startJob, startLink } from './jobs.js';
import { sum } from '../statistics.js';

const BURST_BYTES_MAX = 200_000;
const AT_ONCE = 2;
const RUNS_A_ROUND = 20, QUICK_RUNS_A_ROUND = 4;

/** No two parts of it are alike: what is lost or swapped shows. */
const pattern = randomBytes(BURST_BYTES_MAX);

/** 1 when the link gave anything but what the command wrote, else 0. */
async function loses(bench: Bench, set: ProgramSet, size: number): Promise<number> {
  const container = await bench.container(set);
  const command = inside(set, container.socket, ['head', '-c', String(size), '/tmp/burst']);
  const job = await startJob(bench, set, container.jobDirectory(), command);
  const { output, input, closeInput } = makeReadPipe(bench);
  const pieces: Buffer[] = [];
  output.on('data', (piece: Buffer) => pieces.push(piece));
  const closed = new Promise((resolve) => output.on('close', resolve));
  const link = startLink(bench, set, job, input);
  closeInput();
  const { code } = await link.ended();
  await Promise.all([closed, job.spawn.ended()]);
  return code === 0 && Buffer.concat(pieces).equals(pattern.subarray(0, size)) ? 0 : 1;
}

export const bursts: Figure = {
  name: 'bursts',
  title: 'bursts at exit, of 1,000, that lose output',
  unit: { name: '', digits: 0 },
  goal: 0,
  rounds: 50,
  quickRounds: 1,
  check: async (bench, set) => writeFileSync(`${(await bench.container(set)).path}/root/tmp/burst`, pattern),
  sample: async (bench, set) => {
    const results: number[] = [];
    let left = bench.quick ? QUICK_RUNS_A_ROUND : RUNS_A_ROUND;
    const worker = async (): Promise<void> => {
      while (left-- > 0) results.push(await loses(bench, set, randomInt(1, BURST_BYTES_MAX + 1)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return results;
  },
  value: sum,
};
