/** The monitor beside conmon: a log's processor time, memory. A script that starts the output's writer is their runtime. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../../src/base/paths.js';
import type { Bench } from '../bench.js';
import type { Figure, Reference } from '../figure.js';
import { find, needs } from '../tools.js';
import { pssKib } from './footprint.js';
import { sum } from '../statistics.js';

const LINE_BYTES = 99, MB = 1e6, LOG_MB = 100, QUICK_LOG_MB = 2;
const MONITORS = 20, QUICK_MONITORS = 2;
const DEADLINE_MS = 30_000;
const ID = 'benchbenchbenchbench';

function ours(): string { return `${packageRoot}build/libexec/warden/conmon`; }

/** The runtime: starts the command behind its own name, writes its pid where it is told to, and ends. */
function script(bench: Bench, command: string): string {
  const path = `${bench.directory}/runtime-${command.replace(/\W+/g, '-')}`;
  if (!existsSync(path)) {
    writeFileSync(path, `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --pid-file) shift; file=$1 ;; --pid-file=*) file=\${1#*=} ;; esac; shift; done
${command} &
printf %s $! > "$file"
`, { mode: 0o755 });
  }
  return path;
}

interface Place { readonly argv: string[]; readonly exits: string; readonly pid: string }

function monitorOf(bench: Bench, monitor: string, runtime: string, number: number): Place {
  const at = `${bench.directory}/monitored-${number}`;
  rmSync(at, { recursive: true, force: true });
  mkdirSync(`${at}/exit`, { recursive: true });
  return {
    exits: `${at}/exit/${ID}`, pid: `${at}/monitor`,
    argv: [
      monitor, '--api-version', '1', '-c', ID, '-u', ID, '-n', 'bench', '-r', runtime, '-b', at, '-p', `${at}/pid`, '--exit-dir', `${at}/exit`, '--full-attach',
      '-l', `k8s-file:${at}/log`, '--log-level', 'warning', '--conmon-pidfile', `${at}/monitor`, '--no-sync-log',
      '--exit-command', '/bin/sh', '--exit-command-arg', '-c', '--exit-command-arg', `cat /proc/$PPID/schedstat > ${at}/schedstat`,
    ],
  };
}

async function until(holds: () => boolean, words: string): Promise<void> {
  for (let end = performance.now() + DEADLINE_MS; !holds();) {
    if (performance.now() > end) throw new Error(`not within ${DEADLINE_MS} ms: ${words}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

/** Milliseconds of the monitor's own processor time for a log of 100 MB: schedstat, of proc(5). */
async function logMs(bench: Bench, monitor: string): Promise<number[]> {
  const lines = `${bench.directory}/lines`, megabytes = bench.quick ? QUICK_LOG_MB : LOG_MB;
  if (!existsSync(lines)) writeFileSync(lines, `${'x'.repeat(LINE_BYTES - 1)}\n`.repeat(megabytes * MB / LINE_BYTES));
  const { argv } = monitorOf(bench, monitor, script(bench, `cat ${lines}`), 0), times = `${bench.directory}/monitored-0/schedstat`;
  await bench.run(argv);
  await until(() => existsSync(times) && readFileSync(times, 'utf8').includes('\n'), 'the monitor has ended');
  return [Number(readFileSync(times, 'utf8').split(' ')[0]) / 1e6 * (LOG_MB / megabytes)];
}

/** Proportional set size of a monitor, of 20 idle ones side by side. */
async function memoryKib(bench: Bench, monitor: string): Promise<number[]> {
  const runtime = script(bench, 'sleep 1000'), count = bench.quick ? QUICK_MONITORS : MONITORS;
  const places = Array.from({ length: count }, (_, number) => monitorOf(bench, monitor, runtime, number));
  const pids: number[] = [];
  try {
    for (const { argv, pid } of places) {
      await bench.run(argv);
      await until(() => existsSync(pid), 'the monitor\'s pid is written');
      pids.push(Number(readFileSync(pid, 'utf8')));
    }
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    return [sum(pids.map(pssKib)) / pids.length];
  } finally {
    for (const [at, { exits }] of places.entries()) {
      const child = `${bench.directory}/monitored-${at}/pid`;
      if (existsSync(child)) process.kill(Number(readFileSync(child, 'utf8')), 'SIGKILL');
      await until(() => !existsSync(child) || existsSync(exits), 'the monitor has ended');
    }
  }
}

type Taken = Pick<Figure, 'name' | 'title' | 'goal' | 'unit' | 'rounds'> & { readonly take: (bench: Bench, monitor: string) => Promise<number[]> };

function figure({ take, ...figureOf }: Taken): Figure {
  const conmon: Reference = { title: 'conmon, the same', missing: needs('conmon'), sample: (bench) => take(bench, find('conmon')!) };
  return { ...figureOf, ownOnly: true, quickRounds: 1, sample: (bench) => take(bench, ours()), references: [conmon] };
}

export const monitorFigures: readonly Figure[] = [
  figure({
    name: 'monitor-log', title: 'monitor: CPU time of 100 MB of log ÷ conmon', goal: 0.29, unit: { name: 'ms', digits: 1 }, rounds: 7, take: logMs,
  }),
  figure({
    name: 'monitor-memory', title: 'monitor: memory (PSS), 20 idle side by side ÷ conmon', goal: 0.4, unit: { name: 'KiB', digits: 1 }, rounds: 3,
    take: memoryKib,
  }),
];
