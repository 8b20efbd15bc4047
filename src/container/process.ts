/** Processes that are not our children: told apart, looked at and ended by /proc. proc(5) */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ifReadable } from './error.js';

/** A number alone may belong to another process by now; together with the start time it never does. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process's, in digits. */
  readonly start: string;
}

interface State extends ProcessId {
  readonly name: string;
  readonly ended: boolean;
}

const LOOK_AGAIN_MS = 1;

function look(pid: number): State | undefined {
  const text = ifReadable(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  // "PID (NAME) STATE …": the name may hold anything, the rest is a letter and numbers.
  const end = text.lastIndexOf(')');
  const rest = text.slice(end + 2).split(' ');
  const start = rest[19];
  if (start === undefined) return undefined;
  // A zombie holds nothing any more, and in some containers nobody ever reaps it.
  return { pid, start, name: text.slice(text.indexOf('(') + 1, end), ended: rest[0] === 'Z' || rest[0] === 'X' };
}

export function identify(pid: number): ProcessId | undefined {
  const state = look(pid);
  return state && { pid, start: state.start };
}

/** `name`: what the process must be called, too, as ps shows it. */
export function isAlive(id: ProcessId, name?: string): boolean {
  const state = look(id.pid);
  return state !== undefined && state.start === id.start && !state.ended && (name === undefined || state.name === name);
}

/** The inverse of `formatId`; undefined for anything else. */
export function parseId(text: string): ProcessId | undefined {
  const match = /^([1-9]\d*) (\d+)\n?$/.exec(text);
  return match ? { pid: Number(match[1]), start: match[2]! } : undefined;
}

export function formatId(id: ProcessId): string { return `${id.pid} ${id.start}`; }

/** SIGKILL, then waits: true once the process is gone. Nobody but its parent is told of a process's end, so this looks. */
export async function killAndWait(id: ProcessId, name: string, deadlineMs: number): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  if (!isAlive(id, name)) return true;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    // It ended just now, or it is not ours to end: the loop sees which.
  }
  while (isAlive(id, name)) {
    if (performance.now() >= deadline) return false;
    await sleep(LOOK_AGAIN_MS);
  }
  return true;
}
