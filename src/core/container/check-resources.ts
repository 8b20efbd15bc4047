/** Checks of the options for what a container shares with others: processors, disks, devices, kernel parameters. */
import { type BigIntStats, statSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { reason } from '../../base/errors.js';
import { check, type Checks, fullText, integer, listOf, mustBe, objectOf, text, usage } from '../../base/validate.js';
import { BOUNDS, type ContainerOptions, type Device } from '../options.js';
import type { DeviceRule } from '../../linux/cgroup.js';

type ResourceOptions = Pick<ContainerOptions, 'cpusetCpus' | 'cpusetMems' | 'blkioWeight' | 'devices' | 'sysctl'>;

/** A device that is there. */
export interface CheckedDevice { readonly source: string; readonly target: string; readonly rule: DeviceRule }

export interface Resources extends Pick<ResourceOptions, 'cpusetCpus' | 'cpusetMems' | 'blkioWeight'> {
  readonly devices: readonly CheckedDevice[];
  readonly sysctl: readonly Sysctl[];
}

/** `path`: below /proc/sys. */
export interface Sysctl { readonly path: string; readonly value: string }

const processorList = check('a list of numbers and ranges, such as "0-2,5"', (value) => typeof value === 'string' && /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value));

function texts(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mustBe(name, 'an object', value);
  for (const [key, each] of Object.entries(value)) text(`${name}.${key}`, each);
}

export const RESOURCE_CHECKS: Checks<ResourceOptions> = {
  cpusetCpus: processorList,
  cpusetMems: processorList,
  blkioWeight: integer(BOUNDS.blkioWeight.min, BOUNDS.blkioWeight.max),
  devices: listOf(objectOf<Device>({
    source: fullText, target: fullText,
    access: check('some of the letters r, w and m', (value) => typeof value === 'string' && /^(?!.*(.).*\1)[rwm]+$/.test(value)),
  }, ['source'])),
  sysctl: texts,
};

export function checkResources({ cpusetCpus, cpusetMems, blkioWeight, devices = [], sysctl = {} }: ResourceOptions): Resources {
  return {
    cpusetCpus, cpusetMems, blkioWeight, devices: devices.map(checkDevice),
    sysctl: Object.entries(sysctl).map(([name, value]) => ({ path: pathOf(name), value })),
  };
}

function checkDevice({ source, target = source, access = 'rwm' }: Device): CheckedDevice {
  for (const path of [source, target]) {
    if (!isAbsolute(path) || normalize(path) === '/') throw usage(`the path of a device must be absolute, and other than /, not ${JSON.stringify(path)}`);
  }
  const info = statusOf(source);
  if (!info.isCharacterDevice() && !info.isBlockDevice()) throw usage(`${source} is no device`);
  const rule: DeviceRule = { type: info.isBlockDevice() ? 'b' : 'c', major: majorOf(info.rdev), minor: minorOf(info.rdev), access };
  return { source: normalize(source), target: normalize(target), rule };
}

function statusOf(device: string): BigIntStats {
  try {
    return statSync(device, { bigint: true });
  } catch (error) {
    throw usage(`cannot find the device ${device}: ${reason(error)}`);
  }
}

/** makedev(3), as glibc has it. */
function majorOf(number: bigint): number { return Number((number >> 8n & 0xfffn) | (number >> 32n & ~0xfffn & 0xffff_ffffn)); }
function minorOf(number: bigint): number { return Number((number & 0xffn) | (number >> 12n & 0xffff_ff00n)); }

/** Parameters that each IPC namespace has: ipc_namespaces(7). Those below net are the network namespace's. */
const OF_IPC = new Set(['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map((name) => `kernel/${name}`));

/** "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are the same; a dot within a name is a slash in the first form. sysctl(8) */
function pathOf(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  const path = first === '/' ? name : name.replace(/[./]/g, (each) => (each === '.' ? '/' : '.'));
  if (!/^\w[\w.-]*(\/\w[\w.@:-]*)+$/.test(path)) throw usage(`${JSON.stringify(name)} is no name of a kernel parameter, such as net.ipv4.ip_forward`);
  if (path.startsWith('net/') || path.startsWith('fs/mqueue/') || OF_IPC.has(path)) return path;
  throw usage(`the kernel parameter ${name} is the host's: a container has its own of net, of fs.mqueue, and of kernel only ${
    [...OF_IPC].map((each) => each.slice('kernel/'.length)).join(', ')}`);
}
