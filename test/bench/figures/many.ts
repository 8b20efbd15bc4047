/** Many at once, and many one after the other. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Container } from '../../../src/core/container/container.js';
import { packageRoot } from '../../../src/base/paths.js';
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import { median } from '../statistics.js';
import { needs } from '../tools.js';
import { inside, makePipe, startJob, startLink } from './jobs.js';
import { containerOf } from './library.js';
import { apart, execInSleeper } from './runtime.js';
import { spawnLoop } from './start.js';

const LINKS = 4, LINK_BYTES = 2 ** 30, QUICK_LINK_BYTES = 2 ** 23;
/** Longer than four links need to connect. */
const CONNECT_MS = 200;

function linkBytes(bench: Bench): number { return bench.quick ? QUICK_LINK_BYTES : LINK_BYTES; }

let starters = 0;

/** From the moment at which the command may write, with four links and a cat behind each, until the last cat has ended. */
async function linksSeconds(bench: Bench, set: ProgramSet): Promise<number> {
  const starter = `${bench.directory}/starter-${++starters}`;
  execFileSync('mkfifo', [starter]);
  const command = ['sh', '-c', 'read x < "$0"; exec head -c "$1" /dev/zero', starter, String(linkBytes(bench))];
  const job = await startJob(bench, set, (await bench.container(set)).jobDirectory(), command);
  const readers = Array.from({ length: LINKS }, () => {
    const { output, input, closeInput } = makePipe(bench);
    const cat = bench.start(['cat'], { stdio: [output, 'ignore', 'inherit'] }), link = startLink(bench, set, job, input);
    closeInput();
    return { cat, link };
  });
  await setTimeout(CONNECT_MS);
  writeFileSync(starter, '\n');
  const startMs = performance.now();
  const ends = await Promise.all(readers.map(({ cat }) => cat.ended()));
  await Promise.all([job.spawn.ended(), ...readers.map(({ link }) => link.ended())]);
  return (Math.max(...ends.map(({ atMs }) => atMs)) - startMs) / 1000;
}

async function pipelinesSeconds(bench: Bench): Promise<number> {
  const one = `head -c ${linkBytes(bench)} /dev/zero | cat | cat > /dev/null &`, startMs = performance.now();
  const all = bench.start(['sh', '-c', `${one.repeat(LINKS)} wait`], { detached: true });
  return ((await all.ended()).atMs - startMs) / 1000;
}

export const links: Figure = {
  name: 'links',
  title: 'four links of one job, 1 GiB each, read by cat ÷ four cat | cat at once',
  unit: { name: 's', digits: 2 },
  goal: 0.6,
  rounds: 6,
  quickRounds: 1,
  sample: async (bench, set) => [await linksSeconds(bench, set)],
  references: [{ title: 'four cat | cat', sample: async (bench) => [await pipelinesSeconds(bench)] }],
};

const CLIENTS = 16, EXECS = 25, QUICK_EXECS = 2;

/** Milliseconds for each of the commands that so many clients start, each one after the other. */
async function msEach(bench: Bench, argv: readonly string[], before: readonly string[] = []): Promise<number> {
  const count = bench.quick ? QUICK_EXECS : EXECS, startMs = performance.now();
  const all = await Promise.all(Array.from({ length: CLIENTS }, () => spawnLoop(bench, count, argv, before)));
  if (all.flat().some(({ code }) => code !== 0)) throw new Error(`fails: ${argv.join(' ')}`);
  return (performance.now() - startMs) / (CLIENTS * count);
}

export const execs: Figure = {
  name: 'execs',
  title: 'an exec, 16 clients of one container at once ÷ crun exec',
  unit: { name: 'ms', digits: 2 },
  // Seven times as many in the same time.
  goal: 0.143,
  rounds: 10,
  quickRounds: 1,
  sample: async (bench, set) => [await msEach(bench, inside(set, (await bench.container(set)).socket, ['true']))],
  references: [{
    title: 'crun exec',
    missing: needs('crun'),
    sample: async (bench) => [await msEach(bench, await execInSleeper(bench, 'crun'), apart)],
  }],
};

const EXECS_AT_ONCE = 1000, QUICK_EXECS_AT_ONCE = 20;

/** A Node process that starts so many commands at once: its seconds, and the largest size of its memory in MiB. */
async function atOnce(bench: Bench): Promise<{ seconds: number; mib: number }> {
  const { directory } = await containerOf(bench), count = bench.quick ? QUICK_EXECS_AT_ONCE : EXECS_AT_ONCE;
  const { code, stdout } = await bench.run([process.execPath, `${packageRoot}build/js/test/bench/execs-at-once.js`, directory, String(count)]);
  if (code !== 0) throw new Error(`${count} commands at once fail`);
  return JSON.parse(stdout) as { seconds: number; mib: number };
}

function atOnceFigure(name: string, title: string, unit: Figure['unit'], goal: number, value: 'seconds' | 'mib'): Figure {
  return {
    name, title, unit, goal,
    rounds: 5,
    quickRounds: 1,
    ownOnly: true,
    sample: async (bench) => [(await atOnce(bench))[value]],
  };
}

const CONTAINERS = 1000, QUICK_CONTAINERS = 10;

/** The last tenth's median beside the first tenth's. */
async function drift(bench: Bench): Promise<number> {
  const count = bench.quick ? QUICK_CONTAINERS : CONTAINERS, times: number[] = [];
  while (times.length < count) {
    const startMs = performance.now();
    const container = await Container.create({ depot: `${bench.directory}/depot`, ephemeral: true });
    times.push(performance.now() - startMs);
    await container.destroy();
  }
  return median(times.slice(-count / 10)) / median(times.slice(0, count / 10));
}

const creates: Figure = {
  name: 'creates',
  title: '1,000 containers one after the other, p50 of the last 100 ÷ of the first 100',
  unit: { name: '', digits: 2 },
  goal: 1.1,
  rounds: 1,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench) => [await drift(bench)],
};

export const libraryAtOnce: readonly Figure[] = [
  atOnceFigure('execs-at-once', '1,000 times container.exec at once', { name: 's', digits: 2 }, 2.5, 'seconds'),
  atOnceFigure('execs-at-once-memory', '… largest memory (RSS) of the process', { name: 'MiB', digits: 0 }, 120, 'mib'),
  creates,
];
