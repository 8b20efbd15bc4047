/** warden-runtime beside crun and runc: each command of theirs in the same bundle, in the same mount namespace. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { programPath } from '../../../src/base/paths.js';
import type { Bench } from '../bench.js';
import type { Figure, Reference } from '../figure.js';
import { find, needs } from '../tools.js';
import { bundle } from './oci.js';
import { type Run, spawnLoop } from './start.js';

type Name = 'crun' | 'runc' | 'warden-runtime';

const RUNS_A_ROUND = 5;
/** crun refuses hybrid machines, but not where the unified hierarchy is not mounted. A namespace of their own changes nothing outside. */
export const apart = ['/usr/bin/unshare', '--mount', 'sh', '-c', 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', 'sh'];

function commandOf(bench: Bench, name: Name): string[] {
  const root = `${bench.directory}/${name}-state`;
  mkdirSync(root, { recursive: true });
  return [name === 'warden-runtime' ? programPath('warden-runtime') : find(name)!, '--root', root];
}

async function measured(bench: Bench, name: Name, args: readonly string[]): Promise<Run[]> {
  const runs = await spawnLoop(bench, RUNS_A_ROUND, [...commandOf(bench, name), ...args], apart);
  if (runs.some(({ code }) => code !== 0)) throw new Error(`fails: ${name} ${args.join(' ')}`);
  return runs;
}

const sleeping = new WeakMap<Bench, Set<Name>>();

/** The id of a container of the runtime's that sleeps until the bench ends. */
async function sleeper(bench: Bench, name: Name): Promise<string> {
  const id = `bench-${process.pid}-${name}`, known = sleeping.get(bench) ?? new Set<Name>();
  sleeping.set(bench, known);
  if (known.has(name)) return id;
  known.add(name);
  const path = bundle(bench, 'sleeper-of-each', ['/usr/bin/sleep', '100000']), command = commandOf(bench, name);
  execFileSync(apart[0]!, [...apart.slice(1), ...command, 'run', '--detach', '-b', path, id], { stdio: 'ignore' });
  bench.atEnd(async () => { await bench.run([...apart, ...command, 'delete', '--force', id]); });
  return id;
}

/** The command line of `exec … true` in that container. */
export async function execInSleeper(bench: Bench, name: Name): Promise<string[]> {
  return [...commandOf(bench, name), 'exec', await sleeper(bench, name), '/usr/bin/true'];
}

type Arguments = (bench: Bench, runtime: Name) => Promise<string[]>;

function figure(name: string, title: string, goal: number, args: Arguments, of: (run: Run) => number): Figure {
  const sample = async (bench: Bench, runtime: Name): Promise<number[]> => {
    const runs = await measured(bench, runtime, await args(bench, runtime));
    return runs.map(of);
  };
  const reference = (runtime: Name): Reference => ({ title: `${runtime}, the same`, missing: needs(runtime), sample: (bench) => sample(bench, runtime) });
  return {
    name, title, goal, ownOnly: true, unit: { name: 'ms', digits: 2 }, rounds: 20, quickRounds: 1,
    sample: (bench) => sample(bench, 'warden-runtime'), references: [reference('crun'), reference('runc')],
  };
}

const wallMs = ({ wallUs }: Run): number => wallUs / 1000, cpuMs = ({ cpuUs }: Run): number => cpuUs / 1000;
const runTrue = async (bench: Bench, runtime: Name): Promise<string[]> => ['run', '-b', bundle(bench), `bench-${process.pid}-${runtime}-true`];

export const runtimeFigures: readonly Figure[] = [
  figure('oci-run', 'warden-runtime run … true ÷ crun', 0.45, runTrue, wallMs),
  figure('oci-cpu', '… CPU time', 0.5, runTrue, cpuMs),
  figure('oci-exec', 'warden-runtime exec … true ÷ crun', 0.4, async (bench, runtime) => ['exec', await sleeper(bench, runtime), '/usr/bin/true'], wallMs),
  figure('oci-state', 'warden-runtime state ÷ crun', 0.4, async (bench, runtime) => ['state', await sleeper(bench, runtime)], wallMs),
  figure('oci-kill', 'warden-runtime kill 0 ÷ crun', 0.4, async (bench, runtime) => ['kill', await sleeper(bench, runtime), '0'], wallMs),
  figure('oci-version', 'warden-runtime --version ÷ crun', 0.4, async () => ['--version'], wallMs),
];
