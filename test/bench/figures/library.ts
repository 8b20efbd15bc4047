/** What the library does in this process, against the programs that do the same in processes of their own. */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Container } from '../../../src/core/container/container.js';
import type { Job } from '../../../src/core/job/job.js';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { makeReadPipe } from './jobs.js';
import { runtimes } from './oci.js';
import { wallMs } from './start.js';

const MS = { name: 'ms', digits: 2 } as const;

function createOne(bench: Bench): Promise<Container> { return Container.create({ depot: `${bench.directory}/depot`, ephemeral: true }); }

/** Until it serves. That it is destroyed is not measured; runc's `run` does that, too. */
async function createMs(bench: Bench): Promise<number> {
  const startMs = performance.now();
  const container = await createOne(bench);
  const ms = performance.now() - startMs;
  await container.destroy();
  return ms;
}

export const create: Figure = {
  name: 'create',
  title: 'Container.create, until it serves ÷ runc run … true',
  unit: { name: 'ms', digits: 1 },
  goal: 0.18,
  rounds: 30,
  quickRounds: 1,
  ownOnly: true,
  // The first loads what it needs, once a process.
  check: async (bench) => { await createMs(bench); },
  sample: async (bench) => [await createMs(bench)],
  references: runtimes,
};

const containers = new WeakMap<Bench, Promise<Container>>();

/** One for all that is measured in it. */
export function containerOf(bench: Bench): Promise<Container> {
  let container = containers.get(bench);
  if (!container) {
    containers.set(bench, container = createOne(bench));
    bench.atEnd(async () => { await (await container!).destroy(); });
  }
  return container;
}

const RUNS_A_ROUND = 5;

async function execMs(container: Container): Promise<number> {
  const startMs = performance.now();
  const { exitCode } = await container.exec(['true'], { stdio: 'ignore' }).result;
  if (exitCode !== 0) throw new Error(`true ended with ${exitCode}`);
  return performance.now() - startMs;
}

export const exec: Figure = {
  name: 'exec',
  title: 'container.exec … true ÷ wsh … true',
  unit: MS,
  goal: 0.8,
  rounds: 200,
  quickRounds: 2,
  ownOnly: true,
  check: async (bench) => { await execMs(await containerOf(bench)); },
  sample: async (bench) => {
    const container = await containerOf(bench), all: number[] = [];
    while (all.length < RUNS_A_ROUND) all.push(await execMs(container));
    return all;
  },
  references: [{
    title: 'wsh … true',
    sample: async (bench, set) => {
      const { directory } = await containerOf(bench);
      return wallMs(bench, RUNS_A_ROUND, [set.path('wsh'), '--socket', join(directory, 'run/wshd.sock'), 'true']);
    },
  }],
};

const BYTES = 2 ** 28, QUICK_BYTES = 2 ** 23;

/** A job that waits for its first link, and then writes. */
async function writer(bench: Bench): Promise<{ job: Job; bytes: number }> {
  const bytes = bench.quick ? QUICK_BYTES : BYTES;
  const container = await containerOf(bench);
  return { bytes, job: await container.spawn(['head', '-c', String(bytes), '/dev/zero'], { start: 'linked', lingerSeconds: 0 }) };
}

/** Until all has come, counted here. */
async function arrive(stream: Readable, bytes: number): Promise<void> {
  let came = 0;
  for await (const piece of stream) came += (piece as Buffer).length;
  if (came !== bytes) throw new Error(`${came} of ${bytes} bytes came`);
}

async function seconds(bench: Bench, link: (job: Job, bytes: number) => Promise<void>): Promise<number> {
  const { job, bytes } = await writer(bench);
  const startMs = performance.now();
  await link(job, bytes);
  const ms = performance.now() - startMs;
  await job.remove();
  return ms / 1000;
}

async function linkHere(job: Job, bytes: number): Promise<void> {
  const link = job.link();
  link.stderr?.resume();
  await Promise.all([arrive(link.stdout!, bytes), link.result]);
}

async function linkByProgram(bench: Bench, set: ProgramSet, job: Job, bytes: number): Promise<void> {
  const { output, input, closeInput } = makeReadPipe(bench);
  const program = bench.start([set.path('iomux-link'), job.directory], { stdio: ['ignore', input, 'inherit'] });
  closeInput();
  await Promise.all([arrive(output, bytes), program.ended()]);
}

/** A ratio of times: 1.43 is 0.7 of the bytes a second. */
const AS_FAST = 1.43;

function linkFigure(name: string, title: string, here: Figure['sample'], there: Figure['sample']): Figure {
  return {
    name, title,
    unit: { name: 's', digits: 2 },
    goal: AS_FAST,
    rounds: 8,
    quickRounds: 1,
    ownOnly: true,
    sample: here,
    references: [{ title: 'iomux-link', sample: there }],
  };
}

export const link = linkFigure('link', '256 MiB by job.link into this process ÷ iomux-link',
  async (bench) => [await seconds(bench, linkHere)],
  async (bench, set) => [await seconds(bench, (job, bytes) => linkByProgram(bench, set, job, bytes))]);

export const linkAway = linkFigure('link-null', '… into /dev/null',
  async (bench) => [await seconds(bench, async (job) => { await job.link({ stdio: 'ignore' }).result; })],
  async (bench, set) => [await seconds(bench, async (job) => {
    await bench.start([set.path('iomux-link'), job.directory]).ended();
  })]);
