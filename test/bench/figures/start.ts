/** What it costs to start programs. */
import type { Bench, ProgramSet } from '../bench.js';
import type { Figure } from '../figure.js';
import type { Program } from '../peer.js';
import { inside } from './jobs.js';
import { needs } from '../tools.js';
import { median } from '../statistics.js';

export interface Run { wallUs: number; cpuUs: number; code: number }

/** `before` is what the loop itself is run by. */
export async function spawnLoop(bench: Bench, count: number, argv: readonly string[], before: readonly string[] = []): Promise<Run[]> {
  const { code, stdout } = await bench.run([...before, bench.helper('spawn-loop'), String(count), ...argv]);
  if (code !== 0) throw new Error(`cannot measure ${argv.join(' ')}`);
  return stdout.trimEnd().split('\n').map((line) => {
    const [wallUs, cpuUs, exitCode] = line.split(' ').map(Number) as [number, number, number];
    return { wallUs, cpuUs, code: exitCode };
  });
}

export async function wallMs(bench: Bench, count: number, argv: readonly string[]): Promise<number[]> {
  const runs = await spawnLoop(bench, count, argv);
  if (runs.some(({ code }) => code !== 0)) throw new Error(`fails: ${argv.join(' ')}`);
  return runs.map((run) => run.wallUs / 1000);
}

const RUNS_A_ROUND = 5;

export const wshTrue: Figure = {
  name: 'wsh',
  title: 'wsh … true ÷ nsenter … true',
  unit: { name: 'ms', digits: 2 },
  goal: 0.54,
  rounds: 200,
  quickRounds: 2,
  sample: async (bench, set) => wallMs(bench, RUNS_A_ROUND, inside(set, (await bench.container(set)).socket, ['true'])),
  references: [{
    title: 'nsenter … true',
    missing: needs('nsenter'),
    sample: async (bench, set) => {
      const { pid } = await bench.container(set);
      return wallMs(bench, RUNS_A_ROUND, ['nsenter', '-t', String(pid), '-m', '-p', '-n', '-u', '-i', '/bin/true']);
    },
  }],
};

/** Every one of them ends at once when it is asked for help, or does not know what that is. */
const SHORTEST: [Program, ...string[]][] = [
  ['wshd', '--help'], ['wsh', '--help'], ['iomux-spawn', '--help'], ['iomux-link', '--help'], ['oom', '--help'],
];

async function cpuMs(bench: Bench, set: ProgramSet, [program, ...args]: [Program, ...string[]]): Promise<number> {
  const runs = await spawnLoop(bench, RUNS_A_ROUND, [set.path(program), ...args]);
  return median(runs.map((run) => run.cpuUs / 1000));
}

export const cpuTime: Figure = {
  name: 'cpu',
  title: 'CPU time from start to exit, the costliest of the five',
  unit: { name: 'ms', digits: 2 },
  goal: 1,
  rounds: 100,
  quickRounds: 2,
  sample: async (bench, set) => {
    const all: number[] = [];
    for (const argv of SHORTEST) all.push(await cpuMs(bench, set, argv));
    return [Math.max(...all)];
  },
};
