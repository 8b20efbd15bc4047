/** Jobs under iomux-spawn: starting them, linking to them, inspecting them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvOf } from './hosts.js';
import { DEADLINE_MS, type Ended, ended, openFiles, until } from './process.js';

export { DEADLINE_MS };

export const CHANNELS = ['stdout', 'stderr', 'status'] as const;
export type Channel = typeof CHANNELS[number];
/** A process is killed after this time. A file's cases may share one, and take minutes on a busy machine. */
const LIFETIME_MS = 600_000;
const RETRY_MS = 10;

const started: ChildProcess[] = [];

/** For `after.each`: kills processes that a failed test has left running. */
export async function stopAll(): Promise<void> {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

export interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Its stdout so far. */
  output(): Buffer;
  /** Its stderr so far. */
  errors(): Buffer;
  readonly ended: Promise<Ended>;
}

/** Starts a program; the test reads its output, and may write to its stdin. */
export function start(argv: string[], env: NodeJS.ProcessEnv = process.env): Running {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  started.push(child);
  child.stdin.on('error', () => undefined);
  const pieces: Buffer[] = [], errors: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stderr.on('data', (piece: Buffer) => errors.push(piece));
  if (child.pid === undefined) throw new Error(`cannot start ${file}`);
  return {
    process: child, pid: child.pid, output: () => Buffer.concat(pieces), errors: () => Buffer.concat(errors),
    ended: ended(child, LIFETIME_MS),
  };
}

export interface Job extends Running {
  readonly directory: string;
  /** The process that is, or will become, the command. */
  readonly childPid: number;
  readonly ownSockets: ReadonlySet<string>;
}

/** Starts a command under iomux-spawn; `wrap` is a command line in front of iomux-spawn. */
export async function startJob(directory: string, command: string[], options: string[] = [], wrap: string[] = []): Promise<Job> {
  const running = start([...wrap, ...argvOf('iomux-spawn'), ...options, directory, ...command]);
  await until(() => running.output().includes('\n') || running.process.exitCode !== null, 'iomux-spawn prints its first line', DEADLINE_MS);
  const childPid = Number(/^child_pid=(\d+)\n/.exec(running.output().toString())?.[1] ?? 0);
  if (childPid === 0) throw new Error(`iomux-spawn did not start: ${(await running.ended).stderr}`);
  return { ...running, directory, childPid, ownSockets: socketsOf(running.pid) };
}

/** A job that runs a script of the shell's. */
export function startShell(directory: string, script: string, ...options: string[]): Promise<Job> {
  return startJob(directory, ['/bin/sh', '-c', script], options);
}

/** Whether the command's process still waits for a link and has not executed the command. */
export function waits(job: Job): boolean { return readlinkSync(`/proc/${job.childPid}/exe`) === readlinkSync(`/proc/${job.pid}/exe`); }

export function isActive(job: Job): boolean { return job.output().includes('child active\n'); }

/** The number of connections of iomux-spawn: its sockets without those that it had before the first connection. */
function connections(job: Job): number {
  return [...socketsOf(job.pid)].filter((name) => !job.ownSockets.has(name)).length;
}

function socketsOf(pid: number): Set<string> { return new Set(openFiles(pid).filter((name) => name.startsWith('socket:'))); }

/** Waits until iomux-spawn holds this many connections. */
export async function holds(job: Job, count: number): Promise<void> {
  await until(() => connections(job) === count, `iomux-spawn has ${count} connections`, DEADLINE_MS);
}

/** An iomux-link to the job, which reports how the job was killed. */
export function startLink(directory: string, ...args: string[]): Running { return start([...argvOf('iomux-link'), '-v', ...args, directory]); }

/** A connection to one of a job's sockets. For iomux-spawn, all connections of one process are one link. */
export class Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  private readonly pieces: Buffer[] = [];
  isClosed = false;

  private constructor(path: string, reads: boolean) {
    this.socket = connect(path);
    // A connection that iomux-spawn resets is closed as well.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
    if (reads) this.read();
    else this.socket.pause();
  }

  /** Retries while the queue is full, because iomux-spawn has not accepted earlier connections: iomux-link does the same. */
  static async to(job: { directory: string }, channel: Channel, reads = true): Promise<Client> {
    for (const end = Date.now() + DEADLINE_MS; ; await sleep(RETRY_MS)) {
      try {
        return await Client.tryOnce(job, channel, reads);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > end) throw error;
      }
    }
  }

  /** Rejects with EAGAIN when the queue is full. */
  static async tryOnce(job: { directory: string }, channel: Channel, reads = true): Promise<Client> {
    const client = new Client(`${job.directory}/${channel}.sock`, reads);
    await once(client.socket, 'connect');
    return client;
  }

  /** Begins to read bytes that were left unread. */
  read(): void {
    this.socket.on('data', (piece: Buffer) => this.pieces.push(piece));
    this.socket.resume();
  }

  get bytes(): Buffer { return Buffer.concat(this.pieces); }
  /** The position of the first byte after the header. */
  get position(): number { return this.bytes.readUInt32BE(0); }
  /** The bytes of a stream that came, without the header. */
  get content(): Buffer { return this.bytes.subarray(4); }

  /** Waits until the stream's header and this many bytes have come. */
  async has(size: number): Promise<void> {
    await until(() => this.bytes.length >= 4 + size || this.isClosed, `${size} bytes come`, DEADLINE_MS);
  }

  /** Waits until the connection is closed, and returns all bytes. */
  async all(): Promise<Buffer> {
    await until(() => this.isClosed, 'the connection is closed', DEADLINE_MS);
    return this.bytes;
  }
}

export interface Clients { stdout: Client; stderr: Client; status: Client }

/** A connection to each of a job's sockets, in the order in which iomux-link makes them. */
export async function connectAll(job: { directory: string }): Promise<Clients> {
  return { stdout: await Client.to(job, 'stdout'), stderr: await Client.to(job, 'stderr'), status: await Client.to(job, 'status') };
}

/** Nanoseconds of processor time of a process. */
export function cpuNs(pid: number): number { return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]); }

/** Whether a process waits for something. One that could run, and has no processor yet, does not. proc_pid_stat(5) */
function sleeps(pid: number): boolean { return /^\d+ \(.*\) S/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); }

/** Whether a process sleeps: it uses less time in half a second than a busy loop in a hundredth of one. */
async function isIdle(pid: number): Promise<boolean> {
  if (!sleeps(pid)) return false;
  const before = cpuNs(pid);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return sleeps(pid) && cpuNs(pid) - before < 5_000_000;
}

/** Waits until all of these processes sleep at the same time: one that polls never does. */
export async function comesToRest(...pids: number[]): Promise<void> {
  await until(async () => (await Promise.all(pids.map(isIdle))).every(Boolean), `${pids.join(' and ')} come to rest`);
}
