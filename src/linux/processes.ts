/** The processes of a container, as the host sees them. proc(5), pid_namespaces(7) */
import { open, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { errnoOf, throwIfExhausted } from '../base/errors.js';
import type { Identity } from '../base/identity.js';
import { idInside, type IdRange, parseMap } from './ids.js';

export interface ProcessInfo {
  /** On the host. */
  readonly pid: number;
  /** In the container. */
  readonly containerPid: number;
  /** The parent's pid on the host. */
  readonly parentPid: number;
  /** In the container; that of the host where the container has no such user. */
  readonly uid: number;
  /** The first 8,192 bytes; empty for a process that is ending. */
  readonly argv: readonly string[];
  readonly residentBytes: number;
}

/** Errors for a process that ended meanwhile, or that not even root may inspect. ptrace(2) */
const UNSEEN: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** Processes read at the same time: a container may have any number, and reading each takes descriptors. */
const READS_AT_ONCE = 16;
/** Bytes of a command line that are shown. Processes can share a longer list, and we would copy the list for each. */
export const ARGUMENTS_BYTES_MAX = 8_192;

/** Calls `look` with each item; the results are in the order of the items. */
async function each<Item, Result>(items: readonly Item[], look: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += READS_AT_ONCE) {
    results.push(...await Promise.all(items.slice(at, at + READS_AT_ONCE).map(look)));
  }
  return results;
}

/** undefined when the process has ended, or must not be inspected. */
export async function ifSeen<Value>(look: Promise<Value>): Promise<Value | undefined> {
  try {
    return await look;
  } catch (error) {
    if (UNSEEN.has(errnoOf(error))) return undefined;
    throwIfExhausted(error);
    throw error;
  }
}

/** The pids of all processes in the PID namespace of `init`, `init` included; none when `init` has ended. Zombies count until they are reaped. */
export async function members(init: number): Promise<number[]> {
  const namespace = await ifSeen(readlink(`/proc/${init}/ns/pid`));
  if (namespace === undefined) return [];
  return processesThat(async (pid) => await ifSeen(readlink(`/proc/${pid}/ns/pid`)) === namespace);
}

/** The pids of the machine's processes for which `fit` is true. */
export async function processesThat(fit: (pid: number) => Promise<boolean>): Promise<number[]> {
  const pids = (await ifSeen(readdir('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const fitting = await each(pids, fit);
  return pids.filter((_, index) => fitting[index]);
}

async function sessionOf(pid: number): Promise<number | undefined> {
  const text = await ifSeen(readFile(`/proc/${pid}/stat`, 'latin1'));
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
}

/** Whether a standard descriptor of the process is one of these pipes, or the slave of one of these pty masters. */
async function holds(pid: number, identities: readonly Identity[]): Promise<boolean> {
  const streams = await Promise.all([0, 1, 2].map((fd) => ifSeen(stat(`/proc/${pid}/fd/${fd}`))));
  return streams.some((info) => info && identities.some(([device, inode, slave]) => (
    info.dev === device && (slave === 0 ? info.ino === inode : info.rdev === slave)
  )));
}

/**
 * The processes of a command, by the pipes or the pty that are its standard streams: every session with a process that has one of
 * them open as 0, 1 or 2. wshd gives each command a session.
 */
export async function usersOf(init: number, identities: readonly Identity[]): Promise<number[]> {
  const pids = (await members(init)).filter((pid) => pid !== init);
  const sessions = await each(pids, sessionOf);
  const users = await each(pids, (pid) => holds(pid, identities));
  const used = new Set(sessions.filter((session, index) => session !== undefined && users[index]));
  return pids.filter((_, index) => used.has(sessions[index]));
}

/** Sends the signal to each process; returns how many got it. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): number {
  return pids.filter((pid) => {
    try {
      return process.kill(pid, signal);
    } catch (error) {
      if (errnoOf(error) === 'ESRCH') return false;
      throw error;
    }
  }).length;
}

export async function describeAll(init: number): Promise<ProcessInfo[]> {
  const ids = parseMap(await ifSeen(readFile(`/proc/${init}/uid_map`, 'latin1')) ?? '');
  const all = await each(await members(init), (pid) => describe(pid, ids));
  return all.filter((info) => info !== undefined);
}

/** The arguments, each with its NUL, cut at the limit. A read of this file returns at most a page, so several are needed. */
async function argumentsOf(pid: number): Promise<string> {
  const file = await open(`/proc/${pid}/cmdline`), bytes = Buffer.alloc(ARGUMENTS_BYTES_MAX);
  try {
    let size = 0;
    for (let got = 1; got > 0 && size < bytes.length; size += got) ({ bytesRead: got } = await file.read(bytes, size));
    return bytes.toString('utf8', 0, size);
  } finally {
    await file.close();
  }
}

async function describe(pid: number, ids: readonly IdRange[]): Promise<ProcessInfo | undefined> {
  const [status, command] = await Promise.all([
    ifSeen(readFile(`/proc/${pid}/status`, 'latin1')), ifSeen(argumentsOf(pid)),
  ]);
  if (status === undefined || command === undefined) return undefined;
  const uid = Number.parseInt(/^Uid:\s*(\d+)/m.exec(status)?.[1] ?? '');
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    containerPid: Number(field('NSpid').split(/\s+/).at(-1)),
    parentPid: Number(field('PPid')),
    uid: idInside(uid, ids) ?? uid,
    argv: command === '' ? [] : command.replace(/\0$/, '').split('\0'),
    residentBytes: (Number.parseInt(field('VmRSS')) || 0) * 1024,
  };
}

/** All pipes that a process has open, or those at these descriptors. */
export async function pipesOf(pid: number, ...only: string[]): Promise<Identity[]> {
  const fds = only.length > 0 ? only : await ifSeen(readdir(`/proc/${pid}/fd`)) ?? [];
  const files = await Promise.all(fds.map((fd) => ifSeen(stat(`/proc/${pid}/fd/${fd}`))));
  return files.flatMap((info): Identity[] => (info?.isFIFO() ? [[info.dev, info.ino, 0]] : []));
}
