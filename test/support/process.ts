/** Running programs in tests: always with a deadline, and with checks of what they leave behind. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** The deadline for everything that happens by itself, on a machine that does much else: only a hang takes this long. */
export const DEADLINE_MS = 60_000;

export interface RunOptions {
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  timeoutMs?: number;
  stdio?: StdioOptions;
}

export interface Ended {
  /** null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
  /** It did not end in time, and was killed. */
  timedOut: boolean;
}

/** Collects the output and the end of a process; kills the process at the deadline. */
export async function ended(child: ChildProcess, timeoutMs = DEADLINE_MS): Promise<Ended> {
  const stdout: Buffer[] = [], stderr: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr?.on('data', (piece: Buffer) => stderr.push(piece));
  let timedOut = false;
  const timer = setTimeout(() => { timedOut = true; child.kill('SIGKILL'); }, timeoutMs);
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString(), timedOut };
}

/** Runs a program until it ends; without `input` its stdin is empty. */
export async function run(argv: string[], options: RunOptions = {}): Promise<Ended> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: options.stdio ?? [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // A program that ends without reading its input is not an error of the test.
  child.stdin?.on('error', () => undefined);
  if (options.input !== undefined) child.stdin?.end(options.input);
  return ended(child, options.timeoutMs);
}

export interface Scratch {
  readonly path: string;
  /** Makes a new, empty directory in it. */
  directory(): string;
  remove(): void;
}

/** A directory for one test, directly below /tmp, so that the paths of sockets in it stay short. */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'warden-test-'));
  let serial = 0;
  return {
    path,
    directory: () => {
      const name = `${path}/${++serial}`;
      mkdirSync(name);
      return name;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The same for a whole file: the directory is removed when the process ends. */
export function temporaryDirectory(): string {
  const { path, remove } = scratch();
  process.on('exit', remove);
  return path;
}

/** Polls until the condition holds. At the deadline the test fails; `what` is evaluated only then. */
export async function until(
  condition: () => boolean | Promise<boolean>, what: string | (() => string), timeoutMs = DEADLINE_MS,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Fails when the condition does not hold all of this time: for what must not happen, which no event reports. */
export async function staysSo(condition: () => boolean | Promise<boolean>, what: string, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (!await condition()) throw new Error(`no longer: ${what}`);
  }
}

/** The first piece of output; an error when the stream ends before, or nothing comes in time. */
export async function firstOutput(stream: Readable, what: string, timeoutMs = DEADLINE_MS): Promise<Buffer> {
  const abort = new AbortController(), { signal } = abort;
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  const tooEarly = once(stream, 'end', { signal }).then(() => { throw new Error(`${what} ended without output`); });
  try {
    const [piece] = await Promise.race([once(stream, 'data', { signal }), tooEarly]) as [Buffer];
    return piece;
  } catch (error) {
    throw signal.aborted ? new Error(`not within ${timeoutMs} ms: ${what} writes something`) : error;
  } finally {
    clearTimeout(timer);
    abort.abort();
    tooEarly.catch(() => undefined);
  }
}

/** The exit code of a process, once all of its output has been read: `exit` alone comes earlier. */
export async function exitCode(child: ChildProcess): Promise<number | null> {
  const isRead = [child.stdout, child.stderr].every((stream) => !stream || stream.closed);
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  if (!hasEnded || !isRead) await once(child, 'close');
  return child.exitCode;
}

/** Processes whose command line contains the text: finds what a test left, by a name that only the test uses. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    if (pid === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
    } catch {
      return false;
    }
  });
}

let sleeps = 0;

/** A command line that no other test has, nor the same test in another checkout: sleep(1), for days. */
export function uniqueSleep(): string { return `sleep ${1_000_000 + ++sleeps}.${process.pid}`; }

export function isAlive(pid: number): boolean {
  try {
    // The third field, after the name in parentheses, is the state: a zombie counts as dead.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** True when the process has taken all signals that were sent to it, or has ended. proc_pid_status(5) */
export function hasNoPendingSignal(pid: number): boolean {
  try {
    return /^ShdPnd:\t0+$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** A process's descriptors as "FD TARGET", as /proc names the targets. */
export function openDescriptors(pid: number | 'self' = 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`];
    } catch {
      // Closed since the directory was read; of this process, the descriptor that read it.
      return [];
    }
  });
}

/** The targets alone. */
export function openFiles(pid: number): string[] { return openDescriptors(pid).map((line) => line.replace(/^\d+ /, '')); }

/** The number of a process's descriptors. */
export function descriptorsOf(pid: number): number { return readdirSync(`/proc/${pid}/fd`).length; }

/** The same, once it has been stable for a while: a program that has just reported an end may still be closing descriptors. */
export async function descriptorsAtRest(pid: number): Promise<number> {
  let count = descriptorsOf(pid);
  for (let unchanged = 0; unchanged < 5; unchanged++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (descriptorsOf(pid) !== count) unchanged = 0;
    count = descriptorsOf(pid);
  }
  return count;
}
