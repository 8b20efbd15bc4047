/**
 * What confines a container, as the kernel says: /proc/PID/status, ns and mountinfo of its init, and its cgroups. And how exposed it
 * is: a sum of points, from 0 to 10, of what is not in force. docs/security.md, "How exposed a container is"
 */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { ifReadable } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import type { Group, MemoryInfo } from '../../linux/cgroup.js';
import { allCapabilities, DEFAULT_CAPABILITIES } from '../../linux/filter.js';
import type { Bind } from '../options.js';
import { MASKED_PATHS } from '../rootfs/rootfs.js';
import type { Namespace } from './plan.js';

export interface InForce {
  /** Capabilities that its commands can have, in small letters without CAP_. */
  readonly capabilities: readonly string[];
  /** Whether a filter of system calls is installed. seccomp(2) */
  readonly filtered: boolean;
  /** Namespaces that are not this process's. */
  readonly namespaces: readonly Namespace[];
  /** Whether each path of /proc that a container must not see is covered. */
  readonly masked: boolean;
  readonly readOnlyRoot: boolean;
  /** `all`: neither a device cgroup nor a user namespace keeps it from the host's devices. */
  readonly devices: 'usual' | 'all';
  /** null: without a limit. */
  readonly limits: { readonly memoryBytes: number | null; readonly pids: number | null; readonly cpus: number | null };
  readonly exposure: Exposure;
}

/** From 0, closed, to 10: root in the container is the host's in every respect. */
export interface Exposure { readonly score: number; readonly reasons: readonly string[] }

type Facts = Omit<InForce, 'exposure'> & { readonly writableBinds: boolean };

/** With one of these, root of the container comes by more than the container. capabilities(7) */
const POWERFUL = [
  'bpf', 'dac_read_search', 'mac_admin', 'mac_override', 'net_admin', 'perfmon', 'sys_admin', 'sys_boot', 'sys_module', 'sys_ptrace',
  'sys_rawio', 'sys_time', 'syslog',
];

/** In tenths of a point; all together are 100. */
export const EXPOSURES: readonly (readonly [tenths: number, reason: string, holds: (facts: Facts) => boolean])[] = [
  [30, 'its ids are the host\'s', ({ namespaces }) => !namespaces.includes('user')],
  [20, 'no filter of system calls', ({ filtered }) => !filtered],
  [12, 'a capability over the host\'s kernel or other processes', ({ capabilities }) => capabilities.some((name) => POWERFUL.includes(name))],
  [4, 'a capability besides the usual 14', ({ capabilities }) => capabilities.some((name) => !DEFAULT_CAPABILITIES.includes(name))],
  [8, 'all devices of the host', ({ devices }) => devices === 'all'],
  [6, 'nothing of /proc masked', ({ masked }) => !masked],
  [6, 'the host\'s network', ({ namespaces }) => !namespaces.includes('network')],
  [4, 'no limit of memory', ({ limits }) => limits.memoryBytes === null],
  [4, 'no limit of processes', ({ limits }) => limits.pids === null],
  [3, 'a directory of the host that it can write to', ({ writableBinds }) => writableBinds],
  [2, 'a root that it can write to', ({ readOnlyRoot }) => !readOnlyRoot],
  [1, 'no limit of processor time', ({ limits }) => limits.cpus === null],
];

function exposureOf(facts: Facts): Exposure {
  const found = EXPOSURES.filter(([, , holds]) => holds(facts));
  return { score: found.reduce((sum, [tenths]) => sum + tenths, 0) / 10, reasons: found.map(([, reason]) => reason) };
}

/** Names in /proc/PID/ns. namespaces(7) */
const NAMESPACE_FILES: readonly (readonly [Namespace, string])[] = [
  ['cgroup', 'cgroup'], ['ipc', 'ipc'], ['mount', 'mnt'], ['network', 'net'], ['pid', 'pid'], ['user', 'user'], ['uts', 'uts'],
];

/** undefined when init has ended, or must not be looked at. */
export function readInForce(
  init: number, groups: readonly Group[], memory: MemoryInfo | null, binds: readonly Bind[],
): InForce | undefined {
  return ifReadable(() => {
    const status = readFileSync(`/proc/${init}/status`, 'latin1');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(status)?.[1] ?? '';
    const namespaces = NAMESPACE_FILES.filter(([, file]) => isOwn(init, file)).map(([name]) => name);
    const mounts = readFileSync(`/proc/${init}/mountinfo`, 'latin1').split('\n').map((line) => line.split(' '));
    const over = new Set(mounts.map(([, , , , path]) => path));
    const facts = {
      capabilities: namesOf(field('CapBnd')), filtered: field('Seccomp') === '2', namespaces,
      masked: MASKED_PATHS.filter((path) => path.startsWith('/proc/') && existsSync(path)).every((path) => over.has(path)),
      readOnlyRoot: mounts.some(([, , , , path, options = '']) => path === '/' && options.split(',').includes('ro')),
      devices: namespaces.includes('user') || restrictsDevices(groups) ? 'usual' as const : 'all' as const,
      limits: { memoryBytes: memory?.limitBytes ?? null, pids: pidsIn(groups), cpus: cpusIn(groups) },
    };
    const writableBinds = binds.some(({ readOnly = false }) => !readOnly);
    return { ...facts, exposure: exposureOf({ ...facts, writableBinds }) };
  });
}

function isOwn(init: number, file: string): boolean { return readlinkSync(`/proc/${init}/ns/${file}`) !== readlinkSync(`/proc/self/ns/${file}`); }

function namesOf(mask: string): string[] {
  const set = BigInt(`0x${mask === '' ? '0' : mask}`);
  return allCapabilities().filter((_, number) => (set >> BigInt(number) & 1n) === 1n);
}

function textOf(groups: readonly Group[], controller: Group['controller'], names: readonly [v1: string, v2: string]): string {
  const group = groups.find((each) => each.controller === controller);
  return group === undefined ? '' : textOfFile(`${group.directory}/${names[group.version - 1]}`);
}

/** Only version 1 has a list to read. */
function restrictsDevices(groups: readonly Group[]): boolean {
  const list = textOf(groups, 'devices', ['devices.list', 'none']);
  return list !== '' && !list.startsWith('a *:* rwm');
}

function pidsIn(groups: readonly Group[]): number | null {
  const text = textOf(groups, 'pids', ['pids.max', 'pids.max']).trim();
  return /^\d+$/.test(text) ? Number(text) : null;
}

function cpusIn(groups: readonly Group[]): number | null {
  const quota = textOf(groups, 'cpu', ['cpu.cfs_quota_us', 'cpu.max']).trim().split(' ');
  const period = quota[1] ?? textOf(groups, 'cpu', ['cpu.cfs_period_us', 'none']);
  return /^\d+$/.test(quota[0]!) && Number(period) > 0 ? Number(quota[0]) / Number(period) : null;
}
