/** `warden info`: the state of a container. */
import { printable } from '../../../base/escape.js';
import type { Bind, ContainerInfo, CpuInfo, InForce, JobInfo, Limits, MemoryInfo, ProcessInfo } from '../../../index.js';
import { openContainer } from '../../support/open.js';
import { colors, type Column, print, printJson, table } from '../../support/print.js';
import { bytes, duration, plural } from '../../support/quantities.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';

export interface InfoOptions { depot: string; json?: boolean }

const PROCESSES: readonly Column<ProcessInfo>[] = [
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid) },
  { title: 'NSPID', align: 'right', cell: ({ containerPid }) => String(containerPid) },
  { title: 'UID', align: 'right', cell: ({ uid }) => String(uid) },
  { title: 'RESIDENT', align: 'right', cell: ({ residentBytes }) => bytes(residentBytes) },
  { title: 'COMMAND', cell: ({ argv }) => (argv.length === 0 ? '(ending)' : argv.join(' ')) },
];

const JOBS: readonly Column<JobInfo>[] = [
  { title: 'JOB', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'EXIT', align: 'right', cell: ({ end }) => (end === null ? '-' : end.signal ?? String(end.exitCode)) },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-') },
  { title: 'AGE', align: 'right', cell: ({ startedAt }) => age(startedAt) },
  { title: 'USER', cell: ({ user }) => user || 'root' },
  { title: 'COMMAND', cell: ({ argv }) => argv.join(' ') },
];

export async function info(name: string, options: InfoOptions): Promise<number> {
  requireLinux();
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
    ['ids', idsText(found.ids)],
    ...(Object.keys(found.limits).length === 0 ? [] : [['ulimits', limitsText(found.limits)] as [string, string]]),
    ...found.binds.map((bind): [string, string] => ['bind', bindText(bind)]),
    ['network', found.network === 'none' ? 'loopback alone' : found.network],
    ...(found.memory === null ? [] : [['memory', memoryText(found.memory)] as [string, string]]),
    ...(found.cpu === null ? [] : [['processor', cpuText(found.cpu)] as [string, string]]),
    ...(found.inForce === null ? [] : confinementRows(found.inForce)),
  ];
  return rows.map(([name, value]) => `${colors.bold(name.padEnd(10))}  ${printable(value)}\n`).join('');
}

function confinementRows(found: InForce): [string, string][] {
  const { capabilities, filtered, namespaces, masked, readOnlyRoot, devices, limits: { pids, cpus }, exposure } = found;
  const bounds = [pids === null ? 'any number of processes' : `${pids} processes`, ...(cpus === null ? [] : [plural(cpus, 'processor')])];
  const paths = [masked ? 'parts of /proc masked' : 'nothing of /proc masked', ...(readOnlyRoot ? ['read-only root'] : [])];
  return [
    ['limits', bounds.join(', ')],
    ['can have', capabilities.length === 0 ? 'no capabilities' : `capabilities ${capabilities.join(' ')}`],
    ['confined', `${filtered ? 'by a filter of system calls' : 'by no filter of system calls'}; ${paths.join(', ')}; ${devices === 'all' ? 'all' : 'usual'} devices`],
    ['apart', `namespaces ${namespaces.join(' ')}`],
    ['exposure', `${exposure.score.toFixed(1)} of 10${exposure.reasons.length === 0 ? '' : `: ${exposure.reasons.join('; ')}`}`],
  ];
}

function age(since: Date): string { return duration(Date.now() - since.getTime()); }

function bindText({ source, target, readOnly }: Bind): string { return `${source} on ${target}${readOnly === true ? ', read-only' : ''}`; }

function idsText({ of, uids = [], why }: ContainerInfo['ids']): string {
  const ranges = uids.map(({ inside, outside, size }) => (size === 1 ? `${inside} is ${outside}` : `${inside} to ${inside + size - 1} are ${outside} to ${outside + size - 1}`));
  if (of !== 'host') return `${of === 'container' ? 'its own' : 'the user\'s'}: ${ranges.join(', ')} on the host`;
  return `the host's, so its root is the host's${why === undefined ? '' : `: ${why}`}`;
}

function limitsText(limits: Limits): string {
  return Object.entries(limits).map(([name, value]) => {
    const { soft, hard } = typeof value === 'object' ? value : { soft: value, hard: value };
    return `${name.toLowerCase()}=${soft}${soft === hard ? '' : `:${hard}`}`;
  }).join(', ');
}

function memoryText({ usageBytes, limitBytes, peakBytes, oomKills }: MemoryInfo): string {
  const limit = limitBytes === null ? ', no limit' : ` of ${bytes(limitBytes)}`;
  const peak = peakBytes === null ? '' : `, at most ${bytes(peakBytes)} so far`;
  return `${bytes(usageBytes)}${limit}${peak}${oomKills > 0 ? `; ${plural(oomKills, 'process')} killed for lack of it` : ''}`;
}

function cpuText({ usageMs, shares }: CpuInfo): string {
  return `${duration(usageMs)}${shares === null ? '' : `, ${shares} shares`}`;
}
