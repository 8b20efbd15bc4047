/** How fast a command's output comes through. */
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { inside, type Job, makeReadPipe, startJob, startLink } from './jobs.js';

const BYTES = 2 ** 31, QUICK_BYTES = 2 ** 24;

function sizeOf(bench: Bench): number { return bench.quick ? QUICK_BYTES : BYTES; }

type Command = (bench: Bench, set: ProgramSet) => Promise<string[]>;
const alone: Command = async (bench) => ['head', '-c', String(sizeOf(bench)), '/dev/zero'];
const chained: Command = async (bench, set) => inside(set, (await bench.container(set)).socket, await alone(bench, set));

async function waitingJob(bench: Bench, set: ProgramSet, command: Command): Promise<Job> {
  return startJob(bench, set, (await bench.container(set)).jobDirectory(), await command(bench, set));
}

/** From the link's start, which lets the command go, to the link's end. */
async function seconds(bench: Bench, set: ProgramSet, command: Command): Promise<number> {
  const job = await waitingJob(bench, set, command);
  const startMs = performance.now();
  const { code, atMs } = await startLink(bench, set, job).ended();
  await job.spawn.ended();
  if (code !== 0) throw new Error(`iomux-link of ${set.name} ended with ${code}`);
  return (atMs - startMs) / 1000;
}

/** That every byte comes is counted once, untimed. */
async function countBytes(bench: Bench, set: ProgramSet, command: Command): Promise<void> {
  const job = await waitingJob(bench, set, command);
  const { output, input, closeInput } = makeReadPipe(bench);
  let bytes = 0;
  output.on('data', (piece: Buffer) => { bytes += piece.length; });
  const closed = new Promise((resolve) => output.on('close', resolve));
  const link = startLink(bench, set, job, input);
  closeInput();
  await Promise.all([link.ended(), job.spawn.ended(), closed]);
  // A set that loses the end of the output is still measured; the row on bursts is where that shows.
  if (bytes < sizeOf(bench) - (1 << 20)) throw new Error(`only ${bytes} of ${sizeOf(bench)} bytes came through ${set.name}`);
  if (bytes !== sizeOf(bench)) console.error(`${set.name}: ${sizeOf(bench) - bytes} of ${sizeOf(bench)} bytes were lost`);
}

async function referenceSeconds(bench: Bench): Promise<number> {
  const startMs = performance.now();
  const pipeline = bench.start(['sh', '-c', `head -c ${sizeOf(bench)} /dev/zero | cat | cat > /dev/null`], { detached: true });
  return ((await pipeline.ended()).atMs - startMs) / 1000;
}

function throughput(name: string, title: string, goal: number, command: Command): Figure {
  return {
    name, title, goal,
    unit: { name: 's', digits: 2 },
    rounds: 8,
    quickRounds: 1,
    check: (bench, set) => countBytes(bench, set, command),
    sample: async (bench, set) => [await seconds(bench, set, command)],
    references: [{ title: 'cat | cat', sample: async (bench) => [await referenceSeconds(bench)] }],
  };
}

export const chain = throughput('chain', '2 GiB through the whole chain ÷ cat | cat', 0.9, chained);
export const iomux = throughput('iomux', '2 GiB through iomux alone ÷ cat | cat', 0.6, alone);
