/** The cgroups of a container: of whichever version each controller is mounted as. cgroups(7) */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, reason, WardenError } from './error.js';
import type { CpuInfo, MemoryInfo } from './info.js';

export const CONTROLLERS = ['memory', 'cpu', 'cpuacct'] as const;
export type Controller = typeof CONTROLLERS[number];

export interface Group { readonly controller: Controller; readonly version: 1 | 2; readonly directory: string }

/** Processes that were killed leave a group when they are reaped. */
const REMOVE_DEADLINE_MS = 5_000;
const REMOVE_INTERVAL_MS = 5;
/** What version 1 says for "unlimited" is some number of pages close to 2^63. */
const UNLIMITED_BYTES = 2 ** 62;
export const SHARES_MIN = 2, SHARES_MAX = 262_144;

/** Where the groups of a container with this name are to be, by what is mounted here. */
export function planGroups(name: string): Group[] {
  const rows = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((row) => row.split(' '));
  const mounts = rows.map((row) => ({ point: row[4] ?? '', type: row.at(-3), options: (row.at(-1) ?? '').split(',') }));
  const unified = mounts.find(({ type }) => type === 'cgroup2')?.point;
  const offered = unified === undefined ? [] : controllersIn(unified);
  return CONTROLLERS.flatMap((controller): Group[] => {
    const first = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))?.point;
    if (first !== undefined) return [{ controller, version: 1, directory: `${first}/${name}` }];
    // The unified hierarchy accounts for processor time by itself.
    return unified !== undefined && (controller === 'cpuacct' || offered.includes(controller))
      ? [{ controller, version: 2, directory: `${unified}/${name}` }] : [];
  });
}

function controllersIn(unified: string): string[] {
  try {
    return readFileSync(`${unified}/cgroup.controllers`, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

/** One line a group, for the hook that puts the first process into it, and for whoever picks the container up. */
export function formatGroups(groups: readonly Group[]): string {
  return groups.map(({ controller, version, directory }) => `${controller} ${version} ${directory}\n`).join('');
}

export function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line): Group[] => {
    const [, controller, version, directory] = /^(\w+) ([12]) (\/.+)$/.exec(line) ?? [];
    return directory === undefined ? [] : [{ controller: controller as Controller, version: version === '1' ? 1 : 2, directory }];
  });
}

/** Makes the group; false where this user, or this machine, has none. */
export async function makeGroup({ controller, version, directory }: Group): Promise<boolean> {
  try {
    if (version === 2 && controller !== 'cpuacct') {
      await writeFile(`${directory.slice(0, directory.lastIndexOf('/'))}/cgroup.subtree_control`, `+${controller}`);
    }
    await mkdir(directory);
    return true;
  } catch (error) {
    // Two controllers of one hierarchy are one group.
    return errnoOf(error) === 'EEXIST';
  }
}

export async function removeGroups(groups: readonly Group[]): Promise<void> {
  const deadline = performance.now() + REMOVE_DEADLINE_MS;
  for (const { directory } of groups) {
    while (!await tryRemove(directory, performance.now() >= deadline)) await sleep(REMOVE_INTERVAL_MS);
  }
}

async function tryRemove(directory: string, last: boolean): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' && !last) {
      // Root in the container may have made groups below.
      for (const group of await groupsIn(directory)) await tryRemove(group, false);
      return false;
    }
    throw new WardenError('NOT_REMOVED', `cannot remove the cgroup ${directory}: ${reason(error)}; which processes do its `
      + 'cgroup.procs, and those of the groups below, list?', { cause: error });
  }
}

/** In this file system every directory is a group. */
async function groupsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${directory}/${name}`);
}

function groupOf(groups: readonly Group[], controller: Controller): Group | undefined {
  return groups.find((group) => group.controller === controller);
}

function needed(groups: readonly Group[], controller: Controller): Group {
  const group = groupOf(groups, controller);
  if (group) return group;
  throw new WardenError('UNSUPPORTED', `the container has no cgroup with the ${controller} controller: none is mounted, or none could be made (/proc/cgroups, /proc/self/mountinfo)`);
}

async function write(file: string, value: string | number): Promise<void> {
  try {
    await writeFile(file, String(value));
  } catch (error) {
    throw new WardenError('UNSUPPORTED', `cannot write ${value} to ${file}: ${reason(error)}`, { cause: error });
  }
}

async function writeIfThere(file: string, value: string | number): Promise<void> {
  await writeFile(file, String(value)).catch((error: unknown) => {
    // Nobody can make a file there.
    if (!['ENOENT', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
  });
}

/** Memory and swap together, as far as the kernel counts swap. */
export async function limitMemory(groups: readonly Group[], bytes: number): Promise<void> {
  const { version, directory } = needed(groups, 'memory'), unlimited = bytes === Infinity;
  if (version === 2) {
    await write(`${directory}/memory.max`, unlimited ? 'max' : bytes);
    return writeIfThere(`${directory}/memory.swap.max`, unlimited ? 'max' : 0);
  }
  // The sum may never be less than the part, so it makes room first.
  await writeIfThere(`${directory}/memory.memsw.limit_in_bytes`, -1);
  await write(`${directory}/memory.limit_in_bytes`, unlimited ? -1 : bytes);
  if (!unlimited) await writeIfThere(`${directory}/memory.memsw.limit_in_bytes`, bytes);
}

/** The two scales as the kernel's own conversion and runc have them: 2 to 262,144 and 1 to 10,000. */
function weightOf(shares: number): number { return 1 + Math.floor(((shares - SHARES_MIN) * 9_999) / (SHARES_MAX - SHARES_MIN)); }
function sharesOf(weight: number): number { return SHARES_MIN + Math.ceil(((weight - 1) * (SHARES_MAX - SHARES_MIN)) / 9_999); }

export async function limitCpu(groups: readonly Group[], shares: number): Promise<void> {
  const { version, directory } = needed(groups, 'cpu');
  if (version === 2) return write(`${directory}/cpu.weight`, weightOf(shares));
  return write(`${directory}/cpu.shares`, shares);
}

/** A number that a file holds; null where there is none, or it says "max". */
async function numberIn(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

async function fieldIn(file: string, key: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

export async function memoryIn({ version, directory }: Pick<Group, 'version' | 'directory'>): Promise<MemoryInfo> {
  const [usage, peak, limit, events] = version === 1
    ? ['memory.usage_in_bytes', 'memory.max_usage_in_bytes', 'memory.limit_in_bytes', 'memory.oom_control'] as const
    : ['memory.current', 'memory.peak', 'memory.max', 'memory.events'] as const;
  const [usageBytes, peakBytes, limitBytes, kills] = await Promise.all([
    numberIn(`${directory}/${usage}`), numberIn(`${directory}/${peak}`), numberIn(`${directory}/${limit}`), fieldIn(`${directory}/${events}`, 'oom_kill'),
  ]);
  return {
    cgroup: directory, version, usageBytes: usageBytes ?? 0, peakBytes, kills,
    limitBytes: limitBytes === null || limitBytes > UNLIMITED_BYTES ? null : limitBytes,
  };
}

export async function readMemory(groups: readonly Group[]): Promise<MemoryInfo | null> {
  const group = groupOf(groups, 'memory');
  return group ? memoryIn(group) : null;
}

export async function readCpu(groups: readonly Group[]): Promise<CpuInfo | null> {
  const account = groupOf(groups, 'cpuacct'), weight = groupOf(groups, 'cpu');
  if (!account) return null;
  const usageMs = account.version === 1 ? (await numberIn(`${account.directory}/cpuacct.usage`) ?? 0) / 1e6
    : await fieldIn(`${account.directory}/cpu.stat`, 'usage_usec') / 1e3;
  const value = weight && await numberIn(`${weight.directory}/${weight.version === 1 ? 'cpu.shares' : 'cpu.weight'}`);
  return {
    cgroup: account.directory, version: account.version, usageMs,
    shares: value === undefined || value === null ? null : weight?.version === 2 ? sharesOf(value) : value,
  };
}

export function memoryDirectory(groups: readonly Group[]): string { return needed(groups, 'memory').directory; }
