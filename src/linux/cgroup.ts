/** The cgroups of a container, in the version in which each controller is mounted. cgroups(7) */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, reason, WardenError } from '../base/errors.js';
import { textOfFile } from '../base/files.js';
import { parseMountinfo } from './mountinfo.js';

const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'pids', 'devices', 'cpuset', 'blkio'] as const;
/** Version 2 calls one of them by another name. */
function nameInV2(controller: Controller): string { return controller === 'blkio' ? 'io' : controller; }
export type Controller = typeof CONTROLLERS[number];

export interface Group { readonly controller: Controller; readonly version: 1 | 2; readonly directory: string }

export interface MemoryInfo {
  readonly cgroup: string;
  readonly version: 1 | 2;
  readonly usageBytes: number;
  /** The highest usage so far; null where the kernel does not report it. */
  readonly peakBytes: number | null;
  /** null: unlimited. */
  readonly limitBytes: number | null;
  /** Processes that the kernel killed because memory ran out. */
  readonly oomKills: number;
}

export interface CpuInfo {
  readonly cgroup: string;
  readonly version: 1 | 2;
  readonly usageMs: number;
  /** The weight in the unit of cgroup version 1, whose default is 1024. */
  readonly shares: number | null;
}

/** Where the controllers are mounted. */
export interface Hierarchies {
  /** Mount points of version 1 by controller. */
  readonly v1: Readonly<Partial<Record<Controller, string>>>;
  /** The mount point of version 2. */
  readonly v2: string | undefined;
  /** The controllers that version 2 offers. */
  readonly v2Controllers: readonly string[];
}

/** A killed process leaves its group only when it is reaped. */
const REMOVE_DEADLINE_MS = 5_000;
const REMOVE_INTERVAL_MS = 5;
/** For "unlimited" version 1 reports a multiple of the page size close to 2^63. */
const UNLIMITED_BYTES = 2 ** 62;
const CPU_PERIOD_US = 100_000;
/** The smallest quota that the kernel accepts. */
const CPU_QUOTA_US_MIN = 1_000;
/** Device numbers of Linux's devices.txt: null, zero, full, random, urandom, tty, ptmx, slaves of ptys. runc has the same list. */
export interface DeviceRule { readonly type: 'b' | 'c'; readonly major: number; readonly minor: number; readonly access: string }
const DEVICE_RULES = [
  'c *:* m', 'b *:* m', 'c 1:3 rwm', 'c 1:5 rwm', 'c 1:7 rwm', 'c 1:8 rwm', 'c 1:9 rwm', 'c 5:0 rwm', 'c 5:2 rwm', 'c 136:* rwm',
] as const;
/** The kernel's own range of blkio.weight. */
export const WEIGHT_MIN = 10, WEIGHT_MAX = 1_000;
/** The kernel's own range of cpu.shares. */
export const SHARES_MIN = 2, SHARES_MAX = 262_144;

/** The hierarchies in a text of /proc/self/mountinfo. `controllersOf` reads cgroup.controllers of a mount point of version 2. */
export function parseHierarchies(mountinfo: string, controllersOf: (v2: string) => readonly string[]): Hierarchies {
  const mounts = parseMountinfo(mountinfo), v2 = mounts.find(({ type }) => type === 'cgroup2')?.path;
  const v1 = CONTROLLERS.flatMap((controller) => {
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    return mount ? [[controller, mount.path] as const] : [];
  });
  return { v1: Object.fromEntries(v1), v2, v2Controllers: v2 === undefined ? [] : controllersOf(v2) };
}

export function readHierarchies(): Hierarchies { return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), controllersIn); }

function controllersIn(v2: string): string[] {
  try {
    return readFileSync(`${v2}/cgroup.controllers`, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

/**
 * The groups that a container can have: one for each controller that is mounted, of version 1 where the controller is mounted so. A
 * group for cpuset that limits nothing has a use, too: only with one does Java look at the others of version 1.
 */
export function planGroups(name: string, { v1, v2, v2Controllers }: Hierarchies): Group[] {
  return CONTROLLERS.flatMap((controller): Group[] => {
    const mount = v1[controller];
    if (mount !== undefined) return [{ controller, version: 1, directory: `${mount}/${name}` }];
    // Version 2 accounts for processor time without a controller.
    const isOffered = v2 !== undefined && (controller === 'cpuacct' || v2Controllers.includes(nameInV2(controller)));
    return isOffered ? [{ controller, version: 2, directory: `${v2}/${name}` }] : [];
  });
}

/** One line a group: for the hook that moves init into the groups, and for later processes that open the container. */
export function formatGroups(groups: readonly Group[]): string {
  return groups.map(({ controller, version, directory }) => `${controller} ${version} ${directory}\n`).join('');
}

export function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line): Group[] => {
    const [, controller, version, directory] = /^(\w+) ([12]) (\/.+)$/.exec(line) ?? [];
    return directory === undefined ? [] : [{ controller: controller as Controller, version: version === '1' ? 1 : 2, directory }];
  });
}

/** Makes the group; false if this user may not make it, or this machine cannot. */
export async function makeGroup({ controller, version, directory }: Group): Promise<boolean> {
  try {
    if (version === 2 && controller !== 'cpuacct') {
      await writeFile(`${directory.slice(0, directory.lastIndexOf('/'))}/cgroup.subtree_control`, `+${nameInV2(controller)}`);
    }
    await mkdir(directory);
    return controller !== 'cpuset' || version === 2 || await inheritCpuset(directory);
  } catch (error) {
    // Two controllers of one hierarchy share a group.
    return errnoOf(error) === 'EEXIST';
  }
}

/** A new group has no processors and no memory, and takes no process before it has both; false where there is nothing to inherit. cpuset(7) */
async function inheritCpuset(directory: string): Promise<boolean> {
  const above = directory.slice(0, directory.lastIndexOf('/'));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const value = textOfFile(`${above}/${file}`).trim();
    if (value !== '' && await writeFile(`${directory}/${file}`, value).then(() => true, () => false)) continue;
    await rmdir(directory);
    return false;
  }
  return true;
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
      // Root in the container may have made groups below this one.
      for (const group of await groupsIn(directory)) await tryRemove(group, false);
      return false;
    }
    throw new WardenError('NOT_REMOVED', `cannot remove the cgroup ${directory}: ${reason(error)}; which processes do its `
      + 'cgroup.procs, and those of the groups below, list?', { cause: error });
  }
}

/** The groups below a group: in this file system every directory is one. */
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

/** Writes the file if it exists: a kernel that does not count swap has no files for it. */
async function writeIfPresent(file: string, value: string | number): Promise<void> {
  await writeFile(file, String(value)).catch((error: unknown) => {
    // A missing file cannot be created in this file system, which is EACCES or EPERM.
    if (!['ENOENT', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
  });
}

/** Limits memory and swap together, if the kernel counts swap. `Infinity` removes the limit. */
export async function limitMemory(groups: readonly Group[], bytes: number): Promise<void> {
  const { version, directory } = needed(groups, 'memory'), unlimited = bytes === Infinity;
  if (version === 2) {
    await write(`${directory}/memory.max`, unlimited ? 'max' : bytes);
    return writeIfPresent(`${directory}/memory.swap.max`, unlimited ? 'max' : 0);
  }
  // The limit of memory and swap must never be below that of memory, so it is raised first.
  await writeIfPresent(`${directory}/memory.memsw.limit_in_bytes`, -1);
  await write(`${directory}/memory.limit_in_bytes`, unlimited ? -1 : bytes);
  if (!unlimited) await writeIfPresent(`${directory}/memory.memsw.limit_in_bytes`, bytes);
}

/** cpu.weight (1 to 10,000) for cpu.shares (2 to 262,144), as runc converts them. */
export function weightOf(shares: number): number { return 1 + Math.floor(((shares - SHARES_MIN) * 9_999) / (SHARES_MAX - SHARES_MIN)); }
/** The smallest shares with this weight: the inverse of `weightOf`, but for rounding. */
export function sharesOf(weight: number): number { return SHARES_MIN + Math.ceil(((weight - 1) * (SHARES_MAX - SHARES_MIN)) / 9_999); }

/** Processor time in processors: 1.5 is 150 ms of every 100 ms. cgroup-v1/scheduler/sched-bwc, cgroup-v2 cpu.max */
export async function limitCpus(groups: readonly Group[], cpus: number): Promise<void> {
  const { version, directory } = needed(groups, 'cpu'), quotaUs = Math.max(Math.round(cpus * CPU_PERIOD_US), CPU_QUOTA_US_MIN);
  if (version === 2) return write(`${directory}/cpu.max`, `${quotaUs} ${CPU_PERIOD_US}`);
  await write(`${directory}/cpu.cfs_period_us`, CPU_PERIOD_US);
  return write(`${directory}/cpu.cfs_quota_us`, quotaUs);
}

/** Processors and nodes of memory, each a list. cpuset(7), List Format; cgroup-v2.rst, cpuset */
export async function limitCpuset(groups: readonly Group[], cpus: string | undefined, mems: string | undefined): Promise<void> {
  const { directory } = needed(groups, 'cpuset');
  if (cpus !== undefined) await write(`${directory}/cpuset.cpus`, cpus);
  if (mems !== undefined) await write(`${directory}/cpuset.mems`, mems);
}

/** io.weight (1 to 10,000) for blkio.weight (10 to 1,000), as runc converts them. */
function ioWeightOf(weight: number): number { return 1 + Math.floor(((weight - WEIGHT_MIN) * 9_999) / (WEIGHT_MAX - WEIGHT_MIN)); }

/** The scheduler of the disk has to know weights: with BFQ the file has another name. cgroup-v1/blkio-controller.rst, cgroup-v2.rst */
export async function weighBlockDevices(groups: readonly Group[], weight: number): Promise<void> {
  const { version, directory } = needed(groups, 'blkio');
  const [files, value] = version === 2
    ? [['io.weight', 'io.bfq.weight'], ioWeightOf(weight)] : [['blkio.weight', 'blkio.bfq.weight'], weight];
  const file = files.find((name) => existsSync(`${directory}/${name}`));
  if (file !== undefined) return write(`${directory}/${file}`, value);
  throw new WardenError('UNSUPPORTED', `the kernel weighs no block devices: ${directory} has neither ${files.join(' nor ')}; is the disks' scheduler bfq?`);
}

/** Processes and threads at once; `Infinity` removes the limit. cgroup-v1/pids.rst */
export async function limitPids(groups: readonly Group[], count: number): Promise<void> {
  return write(`${needed(groups, 'pids').directory}/pids.max`, count === Infinity ? 'max' : count);
}

/**
 * Leaves the devices that programs expect, and terminals: nodes of other devices can be made, but not opened. Version 1 only. The kernel
 * takes one rule a call, and its list does not show exceptions, so it cannot be verified. cgroup-v1/devices.rst
 */
export async function limitDevices(groups: readonly Group[], more: readonly DeviceRule[]): Promise<void> {
  const { directory } = needed(groups, 'devices');
  try {
    await writeFile(`${directory}/devices.deny`, 'a');
    const own = more.map(({ type, major, minor, access }) => `${type} ${major}:${minor} ${access}`);
    for (const rule of [...DEVICE_RULES, ...own]) await writeFile(`${directory}/devices.allow`, rule);
  } catch (error) {
    throw new WardenError('UNSUPPORTED', `cannot restrict the container's devices by ${directory}: ${reason(error)}; it takes CAP_SYS_ADMIN, `
      + 'and a privileged container does without', { cause: error });
  }
}

export function hasGroup(groups: readonly Group[], controller: Controller): boolean { return groupOf(groups, controller) !== undefined; }

export async function limitCpu(groups: readonly Group[], shares: number): Promise<void> {
  const { version, directory } = needed(groups, 'cpu');
  if (version === 2) return write(`${directory}/cpu.weight`, weightOf(shares));
  return write(`${directory}/cpu.shares`, shares);
}

/** The number in a file; null when the file is missing or holds "max". */
function numberIn(file: string): number | null {
  const text = textOfFile(file);
  return /^\d+\s*$/.test(text) ? Number(text) : null;
}

/** The number behind a key in a file of "KEY NUMBER" lines; 0 when it is missing. */
function fieldIn(file: string, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(textOfFile(file))?.[1] ?? 0);
}

const EVENTS = { 1: 'memory.oom_control', 2: 'memory.events' } as const;

/** How many processes were killed because memory ran out; 0 without a cgroup. */
export function countOomKills(groups: readonly Group[]): number {
  const group = groupOf(groups, 'memory');
  return group ? fieldIn(`${group.directory}/${EVENTS[group.version]}`, 'oom_kill') : 0;
}

export async function memoryIn({ version, directory }: Pick<Group, 'version' | 'directory'>): Promise<MemoryInfo> {
  const [usage, peak, limit] = version === 1
    ? ['memory.usage_in_bytes', 'memory.max_usage_in_bytes', 'memory.limit_in_bytes'] as const
    : ['memory.current', 'memory.peak', 'memory.max'] as const;
  const limitBytes = numberIn(`${directory}/${limit}`);
  return {
    cgroup: directory, version, usageBytes: numberIn(`${directory}/${usage}`) ?? 0, peakBytes: numberIn(`${directory}/${peak}`),
    oomKills: fieldIn(`${directory}/${EVENTS[version]}`, 'oom_kill'),
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
  const usageMs = account.version === 1 ? (numberIn(`${account.directory}/cpuacct.usage`) ?? 0) / 1e6
    : fieldIn(`${account.directory}/cpu.stat`, 'usage_usec') / 1e3;
  const value = weight && numberIn(`${weight.directory}/${weight.version === 1 ? 'cpu.shares' : 'cpu.weight'}`);
  return { cgroup: account.directory, version: account.version, usageMs, shares: weight && value ? sharesIn(weight, value) : null };
}

function sharesIn({ version }: Group, value: number): number { return version === 2 ? sharesOf(value) : value; }

export function memoryDirectory(groups: readonly Group[]): string { return needed(groups, 'memory').directory; }
