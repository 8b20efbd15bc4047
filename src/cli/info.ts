/** `warden info`: what one container is doing. */
import type { Bind } from '../container/root.js';
import type { ContainerInfo, CpuInfo, MemoryInfo, ProcessInfo } from '../container/info.js';
import type { JobInfo } from '../container/job.js';
import { printable } from '../printable.js';
import { openContainer } from './open.js';
import { bytes, colors, type Column, duration, plural, print, printJson, table } from './print.js';
import { checkRoot, containerDirectory } from './reference.js';

export interface InfoOptions { depot: string; json?: boolean }

const PROCESSES: readonly Column<ProcessInfo>[] = [
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid) },
  { title: 'INSIDE', align: 'right', cell: ({ innerPid }) => String(innerPid) },
  { title: 'UID', align: 'right', cell: ({ uid }) => String(uid) },
  { title: 'RESIDENT', align: 'right', cell: ({ residentBytes }) => bytes(residentBytes) },
  { title: 'COMMAND', cell: ({ argv }) => (argv.length === 0 ? '(ending)' : argv.join(' ')) },
];

const JOBS: readonly Column<JobInfo>[] = [
  { title: 'JOB', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-') },
  { title: 'AGE', align: 'right', cell: ({ startedAt }) => age(startedAt) },
  { title: 'USER', cell: ({ user }) => user || 'root' },
  { title: 'COMMAND', cell: ({ argv }) => argv.join(' ') },
];

export async function info(name: string, options: InfoOptions): Promise<number> {
  checkRoot('look into containers');
  const container = await openContainer(containerDirectory(name, options.depot));
  const found = await container.info();
  await (options.json ? printJson(found) : print(text(found)));
  return 0;
}

function text(found: ContainerInfo): string {
  const tables = [
    ...(found.processes.length > 0 ? [table(PROCESSES, found.processes)] : []),
    ...(found.jobs.length > 0 ? [table(JOBS, found.jobs)] : []),
  ];
  return [fields(found), ...tables].join('\n');
}

function fields(found: ContainerInfo): string {
  const rows: [name: string, value: string][] = [
    ['container', found.id],
    ['state', `${found.state}${found.ephemeral ? ', for as long as the process that made it' : ''}`],
    ['created', `${found.createdAt.toISOString()}, ${age(found.createdAt)} ago`],
    ['host name', found.hostname],
    ['directory', found.directory],
    ['root', found.root ?? 'its own, in memory, with the host\'s /usr'],
    ...found.binds.map((bind): [string, string] => ['bind', bindText(bind)]),
    ...(found.memory === null ? [] : [['memory', memoryText(found.memory)] as [string, string]]),
    ...(found.cpu === null ? [] : [['processor', cpuText(found.cpu)] as [string, string]]),
  ];
  return rows.map(([name, value]) => `${colors.bold(name.padEnd(10))}  ${printable(value)}\n`).join('');
}

function age(since: Date): string { return duration(Date.now() - since.getTime()); }

function bindText({ source, target, readOnly }: Bind): string { return `${source} on ${target}${readOnly === true ? ', read-only' : ''}`; }

function memoryText({ usageBytes, limitBytes, peakBytes, kills }: MemoryInfo): string {
  const limit = limitBytes === null ? ', no limit' : ` of ${bytes(limitBytes)}`;
  const peak = peakBytes === null ? '' : `, at most ${bytes(peakBytes)} so far`;
  return `${bytes(usageBytes)}${limit}${peak}${kills > 0 ? `; ${plural(kills, 'process')} killed for lack of it` : ''}`;
}

function cpuText({ usageMs, shares }: CpuInfo): string {
  return `${duration(usageMs)}${shares === null ? '' : `, ${shares} shares`}`;
}
