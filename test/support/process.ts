/** Running programs in tests: with a deadline always, and with everything they left behind. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
  /** It did not end in time and was killed. */
  timedOut: boolean;
}

/** Collects what a process writes and how it ends; it is killed when that takes too long. */
export async function ended(child: ChildProcess, timeoutMs = 30_000): Promise<Ended> {
  const stdout: Buffer[] = [], stderr: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr?.on('data', (piece: Buffer) => stderr.push(piece));
  let timedOut = false;
  const timer = setTimeout(() => { timedOut = true; child.kill('SIGKILL'); }, timeoutMs);
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString(), timedOut };
}

/** Runs a program to its end; without `input` its stdin is empty. */
export async function run(argv: string[], options: RunOptions = {}): Promise<Ended> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: options.stdio ?? [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // A program that ends without reading its input is no error of the test's.
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

/** A directory of the test's own, directly below /tmp: the path of a socket in it stays short. */
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

/** Polls until it holds; the deadline is the test's failure, whose words are asked for only then. */
export async function until(condition: () => boolean | Promise<boolean>, what: string | (() => string), timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Processes whose command line contains the text: for a test to find what it left, by a name only it uses. */
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

export function isAlive(pid: number): boolean {
  try {
    // The third field, behind the name in parentheses: a zombie is dead.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** What the descriptors of a process are, as /proc names them. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed since the directory was read.
      return [];
    }
  });
}

/** Descriptors that a process holds. */
export function descriptorsOf(pid: number): number { return readdirSync(`/proc/${pid}/fd`).length; }

/** The same once it has not changed for a while: a program that has just told of an end may still be closing. */
export async function descriptorsAtRest(pid: number): Promise<number> {
  let count = descriptorsOf(pid);
  for (let unchanged = 0; unchanged < 5; unchanged++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (descriptorsOf(pid) !== count) unchanged = 0;
    count = descriptorsOf(pid);
  }
  return count;
}
