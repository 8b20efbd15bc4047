/** The processes of a container, as the host sees them. proc(5) */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Identity } from '../host/native.js';
import { errnoOf } from './error.js';
import type { ProcessInfo } from './info.js';

/** Gone between two looks, or one that not even root may look into. ptrace(2) */
const UNSEEN: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

async function ifSeen<Value>(look: Promise<Value>): Promise<Value | undefined> {
  try {
    return await look;
  } catch (error) {
    if (UNSEEN.has(errnoOf(error))) return undefined;
    throw error;
  }
}

/** All that share the pid namespace of `first`, itself included; none when it is gone. A zombie is one of them until it is reaped. */
export async function members(first: number): Promise<number[]> {
  const namespace = await ifSeen(readlink(`/proc/${first}/ns/pid`));
  if (namespace === undefined) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const same = await Promise.all(pids.map(async (pid) => await ifSeen(readlink(`/proc/${pid}/ns/pid`)) === namespace));
  return pids.filter((_, index) => same[index]).map(Number);
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
  const sessions = await Promise.all(pids.map(sessionOf));
  const users = await Promise.all(pids.map((pid) => holds(pid, identities)));
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
  const all = await Promise.all((await members(first)).map(describe));
  return all.filter((info) => info !== undefined);
}

async function describe(pid: number): Promise<ProcessInfo | undefined> {
  const [status, command] = await Promise.all([
    ifSeen(readFile(`/proc/${pid}/status`, 'latin1')), ifSeen(readFile(`/proc/${pid}/cmdline`, 'utf8')),
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
