/** The container runtimes of Debian, each running one command in a small bundle of the bench's own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.js';
import type { Reference } from '../figure.js';
import { wallMs } from './start.js';
import { needs } from '../tools.js';

/** The least that all of them agree to run; the root has the host's /usr, as ours. */
const CONFIG = (args: readonly string[]): object => ({
  ociVersion: '1.0.2',
  process: { terminal: false, user: { uid: 0, gid: 0 }, args, env: ['PATH=/usr/bin'], cwd: '/' },
  root: { path: 'root', readonly: true },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/usr', type: 'bind', source: '/usr', options: ['bind', 'ro'] },
  ],
  linux: { namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })) },
});

/** Makes it once. */
export function bundle(bench: Bench, name = 'bundle', args: readonly string[] = ['/usr/bin/true']): string {
  const path = `${bench.directory}/${name}`;
  if (existsSync(path)) return path;
  for (const directory of ['', 'root', 'root/usr', 'root/proc', 'root/dev']) mkdirSync(join(path, directory));
  for (const link of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${link}`, `${path}/root/${link}`);
  writeFileSync(`${path}/config.json`, JSON.stringify(CONFIG(args)));
  return path;
}

let serial = 0;

type CommandLine = (bench: Bench) => string[];

const runc: CommandLine = (bench) => ['runc', '--root', `${bench.directory}/runc`, 'run', '-b', bundle(bench), `bench-${process.pid}-${++serial}`];
const crun: CommandLine = (bench) => ['crun', '--root', `${bench.directory}/crun`, 'run', '-b', bundle(bench), `bench-${process.pid}-${++serial}`];
/** Its limits are the machine's at most: without CAP_SYS_RESOURCE it could not raise them. */
const podman: CommandLine = (bench) => [
  'podman', '--root', `${bench.directory}/podman`, '--runroot', `${bench.directory}/podman-run`, '--runtime', 'runc', '--cgroup-manager', 'cgroupfs',
  'run', '--rm', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--network', 'none', '-v', '/usr:/usr:ro',
  '--rootfs', `${bundle(bench)}/root`, '/usr/bin/true',
];

function runtime(title: string, commands: readonly string[], argv: CommandLine): Reference {
  return {
    title,
    missing: async (bench) => await needs(...commands)() ?? await failureOf(bench, argv(bench)),
    sample: (bench) => wallMs(bench, 1, argv(bench)),
  };
}

/** What it says when it cannot run here at all; the last line tells why. */
async function failureOf(bench: Bench, argv: readonly string[]): Promise<string | undefined> {
  const started = bench.start(argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  started.child.stderr!.on('data', (piece: Buffer) => { errors += piece.toString(); });
  const { code } = await started.ended();
  return code === 0 ? undefined : errors.trim().split('\n').at(-1) || `exit code ${code}`;
}

export const runtimes: readonly Reference[] = [
  runtime('runc run … true', ['runc'], runc),
  runtime('crun run … true', ['crun'], crun),
  runtime('podman run … true (conmon, runc)', ['podman', 'conmon', 'runc'], podman),
];

const sleeping = new WeakMap<Bench, string>();

/** A command that runs `true` in a container of runc's, one for all. */
export const runcExec: Reference = {
  title: 'runc exec … true',
  missing: async (bench) => await needs('runc')() ?? await failureOf(bench, runc(bench)),
  sample: (bench) => wallMs(bench, RUNS_A_ROUND, [...runcOf(bench), 'exec', sleeper(bench), '/usr/bin/true']),
};

const RUNS_A_ROUND = 5;
const runcOf = (bench: Bench): string[] => ['runc', '--root', `${bench.directory}/runc`];

function sleeper(bench: Bench): string {
  const known = sleeping.get(bench);
  if (known !== undefined) return known;
  const id = `bench-${process.pid}-sleeper`;
  execFileSync('runc', [...runcOf(bench).slice(1), 'run', '--detach', '-b', bundle(bench, 'sleeper', ['/usr/bin/sleep', '100000']), id], { stdio: 'ignore' });
  sleeping.set(bench, id);
  bench.atEnd(async () => { execFileSync('runc', [...runcOf(bench).slice(1), 'delete', '--force', id], { stdio: 'ignore' }); });
  return id;
}
