/** Takes the snapshot: all processes of /proc, their descriptors, the unix sockets of their network namespaces. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { errnoOf, ifReadable, WardenError } from '../base/errors.js';
import { INIT_NAME, readInit } from '../core/depot/layout.js';
import { isAlive } from '../linux/process.js';
import { ARGUMENTS_BYTES_MAX } from '../linux/processes.js';
import { native } from '../host/addon.js';
import {
  type Access, CHANNELS, type ChannelName, type ContainerPlace, type DescriptorInfo, type JobPlace, type ProcessInfo, type Snapshot,
  type SocketInfo,
} from './snapshot.js';

/** The unit of times in /proc/PID/stat, whatever the kernel's tick is: proc(5). */
const MS_A_TICK = 10;
/** The process ended between two reads; or it has more privileges than we have, and not even root may inspect it. ptrace(2) */
const UNSEEN = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

export function takeSnapshot(): Snapshot {
  const namespaces = new Map<string, number>();
  const processes: ProcessInfo[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const process = ifSeen(() => readProcess(Number(entry)));
    if (process === undefined) continue;
    processes.push(process);
    const network = ifSeen(() => readlinkSync(`/proc/${entry}/ns/net`));
    if (network !== undefined && !namespaces.has(network)) namespaces.set(network, process.pid);
  }
  const own = ifSeen(() => readlinkSync('/proc/self/ns/net'));
  const sockets = [...namespaces].flatMap(([network, pid]) => (network === own ? checked(native().unixSockets(-1)) : readSockets(pid)));
  return { processes, sockets };
}

function ifSeen<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (UNSEEN.has(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function readProcess(pid: number): ProcessInfo {
  const at = `/proc/${pid}`;
  const stat = readFileSync(`${at}/stat`, 'latin1');
  const status = readFileSync(`${at}/status`, 'latin1');
  const command = readArguments(`${at}/cmdline`);
  // "PID (NAME) STATE …": the name may hold anything, also parentheses.
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    parent: Number(rest[1]),
    numbers: field('NSpid').split(/\s+/).map(Number),
    // A zombie has left its namespaces.
    pidNamespace: Number(/\d+/.exec(ifSeen(() => readlinkSync(`${at}/ns/pid`)) ?? '')?.[0] ?? 0),
    memoryGroup: memoryGroup(readFileSync(`${at}/cgroup`, 'utf8')),
    directory: ifSeen(() => readlinkSync(`${at}/cwd`)) ?? '',
    name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
    command: command === '' ? [] : command.replace(/\0$/, '').split('\0'),
    state: rest[0] ?? '?',
    uid: Number.parseInt(field('Uid')),
    threads: Number(field('Threads')),
    residentKib: Number.parseInt(field('VmRSS')) || 0,
    cpuMs: (Number(rest[11]) + Number(rest[12])) * MS_A_TICK,
    descriptors: (ifSeen(() => readdirSync(`${at}/fd`)) ?? []).flatMap((fd) => ifSeen(() => readDescriptor(at, fd)) ?? []),
  };
}

/** A read of this file returns at most a page, so several are needed. */
function readArguments(path: string): string {
  const fd = openSync(path, 'r'), bytes = Buffer.alloc(ARGUMENTS_BYTES_MAX);
  try {
    let size = 0;
    for (let got = 1; got > 0 && size < bytes.length; size += got) got = readSync(fd, bytes, size, bytes.length - size, null);
    return bytes.toString('utf8', 0, size);
  } finally {
    closeSync(fd);
  }
}

/** cgroups(7): a line is "N:CONTROLLERS:PATH", or "0::PATH" for the unified hierarchy. */
function memoryGroup(text: string): string {
  return (/^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/m.exec(text) ?? /^0::(.*)$/m.exec(text))?.[1] ?? '';
}

function readDescriptor(at: string, fd: string): DescriptorInfo {
  const target = readlinkSync(`${at}/fd/${fd}`);
  const info = readFileSync(`${at}/fdinfo/${fd}`, 'latin1');
  const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8);
  const access: Access = (['read', 'write', 'both'] as const)[flags & 3] ?? 'both';
  const terminal = terminalOf(target, info);
  if (terminal === undefined) return { fd: Number(fd), target, access };
  return { fd: Number(fd), target, access, terminal, device: statSync(`${at}/fd/${fd}`).dev };
}

/** The number of a pty: a master's is in its fdinfo, a slave's is its name, in the mount namespace in which it was opened. */
function terminalOf(target: string, info: string): number | undefined {
  const number = /^tty-index:\s*(\d+)$/m.exec(info)?.[1] ?? /^(?:\/.*)?\/pts\/(\d+)$/.exec(target)?.[1];
  return number === undefined ? undefined : Number(number);
}

function readSockets(pid: number): readonly SocketInfo[] {
  const namespace = ifSeen(() => openSync(`/proc/${pid}/ns/net`, 'r'));
  if (namespace === undefined) return [];
  try {
    const sockets = native().unixSockets(namespace);
    // A user other than root sees what connects its own programs; sockets among processes of a container are in its namespace.
    return sockets === -constants.errno.EPERM && process.getuid?.() !== 0 ? [] : checked(sockets);
  } finally {
    closeSync(namespace);
  }
}

function checked(sockets: readonly SocketInfo[] | number): readonly SocketInfo[] {
  if (typeof sockets !== 'number') return sockets;
  if (sockets === -constants.errno.EPERM) {
    throw new WardenError('UNSUPPORTED', 'connections cannot be read: this root may not enter the network namespaces of containers (CAP_SYS_ADMIN), '
      + 'as in a container itself: docker run --cap-add SYS_ADMIN');
  }
  throw new WardenError('UNSUPPORTED', `the kernel does not tell which unix sockets are connected (errno ${-sockets}): `
    + 'it needs CONFIG_UNIX_DIAG (modprobe unix_diag)');
}

/** The files of a container's directory by which its programs are known. */
export function locate(named: string): ContainerPlace {
  const directory = ifSeen(() => realpathSync(named)) ?? named;
  const jobs = ifSeen(() => readdirSync(join(directory, 'jobs'))) ?? [];
  const init = readInit(directory);
  return {
    ...(init && isAlive(init, INIT_NAME) ? { init: init.pid } : {}),
    id: basename(directory),
    directory,
    request: inodeOf(join(directory, 'run/wshd.sock')),
    jobs: jobs.sort(byNumber).map((id): JobPlace => ({ id, sockets: socketsOf(join(directory, 'jobs', id)) })),
  };
}

function socketsOf(directory: string): Record<ChannelName, number> {
  return Object.fromEntries(CHANNELS.map((channel) => [channel, inodeOf(join(directory, `${channel}.sock`))])) as Record<ChannelName, number>;
}

/** 0 when there is no file, or a broken link. */
function inodeOf(path: string): number { return ifReadable(() => statSync(path).ino) ?? 0; }

function byNumber(a: string, b: string): number { return a.localeCompare(b, 'en', { numeric: true }); }
