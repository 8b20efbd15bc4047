/** Processes that are not our children: identified, watched and ended through /proc. proc_pid_stat(5) */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ifReadable } from '../base/errors.js';

/** A process. Its pid alone may be reused; the pid and the start time together never are. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks from the boot of the machine to the start of the process, in digits. */
  readonly start: string;
}

interface ProcessState extends ProcessId {
  readonly name: string;
  readonly hasEnded: boolean;
}

const LOOK_AGAIN_MS = 1;

/** undefined when there is no such process. */
function readState(pid: number): ProcessState | undefined {
  const text = ifReadable(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return text === undefined ? undefined : parseStat(pid, text);
}

function parseStat(pid: number, text: string): ProcessState | undefined {
  // "PID (NAME) STATE …": the name may contain anything, the rest is a letter and numbers.
  const end = text.lastIndexOf(')');
  const rest = text.slice(end + 2).split(' ');
  const start = rest[19];
  if (start === undefined) return undefined;
  // A zombie holds no resources, and in some containers it is never reaped.
  return { pid, start, name: text.slice(text.indexOf('(') + 1, end), hasEnded: rest[0] === 'Z' || rest[0] === 'X' };
}

/** undefined when there is no such process. */
export function identify(pid: number): ProcessId | undefined {
  const state = readState(pid);
  return state && { pid, start: state.start };
}

/** With `name`: the process must also have this name, as ps shows it. */
export function isAlive(id: ProcessId, name?: string): boolean {
  const state = readState(id.pid);
  return state !== undefined && state.start === id.start && !state.hasEnded && (name === undefined || state.name === name);
}

/** The inverse of `formatId`; undefined for any other text. */
export function parseId(text: string): ProcessId | undefined {
  const match = /^([1-9]\d*) (\d+)\n?$/.exec(text);
  return match ? { pid: Number(match[1]), start: match[2]! } : undefined;
}

export function formatId(id: ProcessId): string { return `${id.pid} ${id.start}`; }

/** Sends SIGKILL and polls until the process has ended: true when it has, false at the deadline. Only a parent is notified. */
export async function killAndWait(id: ProcessId, name: string, deadlineMs: number): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  if (!isAlive(id, name)) return true;
  try {
    process.kill(id.pid, 'SIGKILL');
  } catch {
    // The process has just ended, or we may not kill it: the loop finds out.
  }
  while (isAlive(id, name)) {
    if (performance.now() >= deadline) return false;
    await sleep(LOOK_AGAIN_MS);
  }
  return true;
}
