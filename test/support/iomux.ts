/** Jobs under iomux-spawn, as tests start them, listen to them and look at them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvOf } from './hosts.js';
import { type Ended, ended, isAlive, openFiles, until } from './process.js';

export const CHANNELS = ['stdout', 'stderr', 'status'] as const;
export type Channel = typeof CHANNELS[number];
/** For what comes by itself: only a hang takes as long. A process is killed when it has run for twice that. */
export const DEADLINE_MS = 20_000;
const RETRY_MS = 10;

const started: ChildProcess[] = [];

/** For `after.each`: kills what a test that failed has left running. */
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
  /** What came on its stdout so far. */
  output(): Buffer;
  readonly ended: Promise<Ended>;
}

/** Starts a program whose output the test reads, and whose stdin it may write to. */
export function start(argv: string[], env: NodeJS.ProcessEnv = process.env): Running {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  started.push(child);
  child.stdin.on('error', () => undefined);
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  if (child.pid === undefined) throw new Error(`cannot start ${file}`);
  return { process: child, pid: child.pid, output: () => Buffer.concat(pieces), ended: ended(child, 2 * DEADLINE_MS) };
}

export interface Job extends Running {
  readonly directory: string;
  /** The process that is, or will be, the command. */
  readonly childPid: number;
  readonly ownSockets: ReadonlySet<string>;
}

/** Starts a command under iomux-spawn; `wrap` is what iomux-spawn itself is started by. */
export async function startJob(directory: string, command: string[], options: string[] = [], wrap: string[] = []): Promise<Job> {
  const running = start([...wrap, ...argvOf('iomux-spawn'), ...options, directory, ...command]);
  await until(() => running.output().includes('\n') || running.process.exitCode !== null, 'iomux-spawn prints its first line', DEADLINE_MS);
  const childPid = Number(/^child_pid=(\d+)\n/.exec(running.output().toString())?.[1] ?? 0);
  if (childPid === 0) throw new Error(`iomux-spawn did not start: ${(await running.ended).stderr}`);
  return { ...running, directory, childPid, ownSockets: socketsOf(running.pid) };
}

/** A job whose command is one of the shell's. */
export function startShell(directory: string, script: string, ...options: string[]): Promise<Job> {
  return startJob(directory, ['/bin/sh', '-c', script], options);
}

/** Whether the command's process still waits for a link, or has executed it. */
export function waits(job: Job): boolean { return readlinkSync(`/proc/${job.childPid}/exe`) === readlinkSync(`/proc/${job.pid}/exe`); }

export function isActive(job: Job): boolean { return job.output().includes('child active\n'); }

/** Connections that iomux-spawn holds: its sockets but for those that it had before anybody connected. */
export function connections(job: Job): number {
  return [...socketsOf(job.pid)].filter((name) => !job.ownSockets.has(name)).length;
}

function socketsOf(pid: number): Set<string> { return new Set(openFiles(pid).filter((name) => name.startsWith('socket:'))); }

/** Waits until iomux-spawn holds so many connections. */
export async function holds(job: Job, count: number): Promise<void> {
  await until(() => connections(job) === count, `iomux-spawn has ${count} connections`, DEADLINE_MS);
}

/** An iomux-link of the job's. */
export function startLink(directory: string, ...args: string[]): Running { return start([...argvOf('iomux-link'), ...args, directory]); }

/** A connection to one of a job's sockets. All that one process opens are one link to iomux-spawn. */
export class Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  private readonly pieces: Buffer[] = [];
  isClosed = false;

  private constructor(path: string, reads: boolean) {
    this.socket = connect(path);
    // A connection that iomux-spawn resets is closed, too.
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

  /** Asks again, as iomux-link does, while iomux-spawn has not accepted so many that its queue is full. */
  static async to(job: { directory: string }, channel: Channel, reads = true): Promise<Client> {
    for (const end = Date.now() + DEADLINE_MS; ; await sleep(RETRY_MS)) {
      try {
        return await Client.tryOnce(job, channel, reads);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > end) throw error;
      }
    }
  }

  /** Rejected with EAGAIN when the queue is full. */
  static async tryOnce(job: { directory: string }, channel: Channel, reads = true): Promise<Client> {
    const client = new Client(`${job.directory}/${channel}.sock`, reads);
    await once(client.socket, 'connect');
    return client;
  }

  /** Begins to read what it left waiting. */
  read(): void {
    this.socket.on('data', (piece: Buffer) => this.pieces.push(piece));
    this.socket.resume();
  }

  get bytes(): Buffer { return Buffer.concat(this.pieces); }
  /** Of the first byte behind the header. */
  get position(): number { return this.bytes.readUInt32BE(0); }
  /** What came of a stream, without the header. */
  get content(): Buffer { return this.bytes.subarray(4); }

  /** Until the stream's header and so many bytes have come. */
  async has(size: number): Promise<void> {
    await until(() => this.bytes.length >= 4 + size || this.isClosed, `${size} bytes come`, DEADLINE_MS);
  }

  /** All that comes until the connection is closed. */
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

/** Nanoseconds that a process has spent on a processor. */
export function cpuNs(pid: number): number { return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]); }

/** Whether a process sleeps: in half a second it uses less time than a loop that spins would in a hundredth of one. */
export async function isIdle(pid: number): Promise<boolean> {
  const before = cpuNs(pid);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return isAlive(pid) && cpuNs(pid) - before < 5_000_000;
}
