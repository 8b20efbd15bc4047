/** The processes of a container, as the host sees them. proc(5) */
import { open, readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Identity } from '../host/native.js';
import { errnoOf, throwIfExhausted } from './error.js';
import type { ProcessInfo } from './info.js';

/** Gone between two looks, or one that not even root may look into. ptrace(2) */
const UNSEEN: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** As many are looked at at once: nobody but the container says how many it has, and each takes descriptors of ours. */
const LOOKS_AT_ONCE = 16;
/** wsh's limit: no command that it started has more. Processes can share theirs, and we would keep a copy for each. */
export const ARGUMENTS_BYTES_MAX = 8_192;

/** `look` at each, in order. */
async function each<Item, Result>(items: readonly Item[], look: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += LOOKS_AT_ONCE) {
    results.push(...await Promise.all(items.slice(at, at + LOOKS_AT_ONCE).map(look)));
  }
  return results;
}

export async function ifSeen<Value>(look: Promise<Value>): Promise<Value | undefined> {
  try {
    return await look;
  } catch (error) {
    if (UNSEEN.has(errnoOf(error))) return undefined;
    throwIfExhausted(error);
    throw error;
  }
}

/** All that share the pid namespace of `first`, itself included; none when it is gone. A zombie is one of them until it is reaped. */
export async function members(first: number): Promise<number[]> {
  const namespace = await ifSeen(readlink(`/proc/${first}/ns/pid`));
  if (namespace === undefined) return [];
  return processesThat(async (pid) => await ifSeen(readlink(`/proc/${pid}/ns/pid`)) === namespace);
}

/** Of all of the machine. */
export async function processesThat(fit: (pid: number) => Promise<boolean>): Promise<number[]> {
  const pids = (await ifSeen(readdir('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const fitting = await each(pids, fit);
  return pids.filter((_, index) => fitting[index]);
}

async function sessionOf(pid: number): Promise<number | undefined> {
  const text = await ifSeen(readFile(`/proc/${pid}/stat`, 'latin1'));
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
}

/** Whether one of the process's standard descriptors is one of these: a pipe itself, or the slave of a pty's master. */
async function holds(pid: number, identities: readonly Identity[]): Promise<boolean> {
  const open = await Promise.all([0, 1, 2].map((fd) => ifSeen(stat(`/proc/${pid}/fd/${fd}`))));
  return open.some((info) => info && identities.some(([device, inode, slave]) => (
    info.dev === device && (slave === 0 ? info.ino === inode : info.rdev === slave)
  )));
}

/** Whoever is in the session of a process that has one of these for a standard stream: wshd gives each command a session. */
export async function usersOf(first: number, identities: readonly Identity[]): Promise<number[]> {
  const pids = (await members(first)).filter((pid) => pid !== first);
  const sessions = await each(pids, sessionOf);
  const users = await each(pids, (pid) => holds(pid, identities));
  const theirs = new Set(sessions.filter((session, index) => session !== undefined && users[index]));
  return pids.filter((_, index) => theirs.has(sessions[index]));
}

/** Sends the signal to all of them; how many there were. */
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

export async function describeAll(first: number): Promise<ProcessInfo[]> {
  const all = await each(await members(first), describe);
  return all.filter((info) => info !== undefined);
}

/** Each ends with a NUL; cut where they are too long. A read of this file answers at most a page, so it takes several. */
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

async function describe(pid: number): Promise<ProcessInfo | undefined> {
  const [status, command] = await Promise.all([
    ifSeen(readFile(`/proc/${pid}/status`, 'latin1')), ifSeen(argumentsOf(pid)),
  ]);
  if (status === undefined || command === undefined) return undefined;
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    innerPid: Number(field('NSpid').split(/\s+/).at(-1)),
    parentPid: Number(field('PPid')),
    uid: Number.parseInt(field('Uid')),
    argv: command === '' ? [] : command.replace(/\0$/, '').split('\0'),
    residentBytes: (Number.parseInt(field('VmRSS')) || 0) * 1024,
  };
}

/** The pipes that a process has open, whatever for. */
export async function pipesOf(pid: number): Promise<Identity[]> {
  const fds = await ifSeen(readdir(`/proc/${pid}/fd`)) ?? [];
  const open = await Promise.all(fds.map((fd) => ifSeen(stat(`/proc/${pid}/fd/${fd}`))));
  return open.flatMap((info): Identity[] => (info?.isFIFO() ? [[info.dev, info.ino, 0]] : []));
}
