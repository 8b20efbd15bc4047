/** What a run of the bench has in its hands: the sets of programs, their containers, everything it started. */
import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, copyFileSync, existsSync, mkdirSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { makePipe } from '../../src/host/pipe.js';
import { Child } from '../../src/host/native-process.js';
import { packageRoot } from '../../src/base/paths.js';
import { startContainer, type TestContainer } from '../support/container.js';
import { scratch } from '../support/process.js';
import { prepareForPeer, type Program, programIn, PROGRAMS } from './peer.js';
import { removePodmansGroups } from './podman-groups.js';


export interface ProgramSet {
  readonly name: string;
  path(program: Program): string;
  /** Whether it may need what only originals need. */
  readonly isPeer: boolean;
}

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** It leads a process group, which ends with it: a pipeline. */
  readonly isGroup: boolean;
  /** How it ended, and when by `performance.now()`; an error when that takes too long. */
  ended(): Promise<{ code: number | null; atMs: number }>;
}

/** Longer than any run takes, however slow the peer. */
const DEADLINE_MS = 120_000;

export class Bench {
  readonly sets: ProgramSet[] = [];
  readonly directory: string;
  private readonly remove: () => void;
  private readonly running = new Set<Started>();
  private readonly containers = new Map<ProgramSet, Promise<TestContainer>>();
  private readonly fresh = new Set<Promise<TestContainer>>();
  private readonly ends: (() => Promise<void>)[] = [];
  private readonly removeGroups = removePodmansGroups();
  private hasEnded = false;

  /** `serverPeer`: the socket of another server that speaks the original's protocol. */
  constructor(readonly quick: boolean, readonly serverPeer?: string) {
    ({ path: this.directory, remove: this.remove } = scratch());
  }

  /**
   * Adds the five programs of a directory: as copies, so that neither a build nor other processes of the same files change
   * what is measured.
   */
  addSet(name: string, directory: string): void {
    const path = `${this.directory}/${name}`;
    mkdirSync(path);
    for (const program of PROGRAMS) {
      copyFileSync(programIn(directory, program)!, `${path}/${program}`);
      chmodSync(`${path}/${program}`, 0o755);
    }
    this.sets.push({ name, path: (program) => `${path}/${program}`, isPeer: this.sets.length > 0 });
  }

  /** A small C program of the bench's own, compiled when it is first asked for. */
  helper(name: 'spawn-loop' | 'byte-clock'): string {
    const path = `${this.directory}/${name}`;
    if (!existsSync(path)) execFileSync('cc', ['-O2', '-o', path, `${packageRoot}test/bench/helpers/${name}.c`]);
    return path;
  }

  /** The set's container for what leaves nothing behind in it. */
  container(set: ProgramSet): Promise<TestContainer> {
    let container = this.containers.get(set);
    if (!container) this.containers.set(set, container = this.startContainer(set));
    return container;
  }

  /** A container for one use; its end is the end of whatever still runs in it. */
  async inContainer<Result>(set: ProgramSet, use: (container: TestContainer) => Promise<Result>): Promise<Result> {
    const starting = this.startContainer(set);
    const container = await starting;
    try {
      return await use(container);
    } finally {
      // At the bench's end it is the bench that destroys it.
      if (this.fresh.delete(starting)) await container.destroy();
    }
  }

  private startContainer(set: ProgramSet): Promise<TestContainer> {
    if (this.hasEnded) throw new Error('the bench has ended');
    const wshd = set.path('wshd');
    const container = set.isPeer ? startContainer(wshd, (path) => prepareForPeer(path, wshd)) : startContainer(wshd);
    this.fresh.add(container);
    return container;
  }

  start(argv: readonly string[], options: SpawnOptions = {}): Started {
    if (this.hasEnded) throw new Error('the bench has ended');
    const [file = '', ...args] = argv;
    const child = spawn(file, args, { stdio: 'ignore', ...options });
    const exited = once(child, 'exit').then(([code]) => {
      this.running.delete(started);
      return { code: code as number | null, atMs: performance.now() };
    });
    // Not everybody asks how it ended.
    exited.catch(() => undefined);
    if (child.pid === undefined) throw new Error(`cannot start ${file}`);
    const started: Started = { pid: child.pid, child, isGroup: options.detached === true, ended: () => inTime(exited, argv) };
    this.running.add(started);
    return started;
  }

  /**
   * Runs it to its end: exit code, and what it wrote to stdout. This process does not fork for it. After a fork every page has
   * to be faulted in again when it is next written to, and what this process measures of itself then would take longer.
   */
  async run(argv: readonly string[]): Promise<{ code: number | null; stdout: string }> {
    if (this.hasEnded) throw new Error('the bench has ended');
    const [output, input] = makePipe('the bench'), nothing = openSync('/dev/null', 'r');
    const env = process.env as Record<string, string>;
    const child = new Child({ file: argv[0]!, argv, env, cwd: process.cwd(), stdio: [nothing, input, 2] });
    closeSync(input);
    closeSync(nothing);
    const [{ status, errno }, stdout] = await inTime(Promise.all([child.exited, text(new Socket({ fd: output, readable: true }))]), argv);
    if (errno !== undefined) throw new Error(`cannot start ${argv[0]} (errno ${errno})`);
    return { code: (status & 0x7f) === 0 ? status >> 8 : null, stdout };
  }

  /** Before everything that was started is ended. */
  atEnd(end: () => Promise<void>): void { this.ends.push(end); }

  /** Ends what is no longer needed; nobody needs to be told. */
  stop(started: Started): void { kill(started); }

  /** Ends everything that runs and removes everything that was made, whatever was going on. */
  async end(): Promise<void> {
    this.hasEnded = true;
    const running = [...this.running], containers = [...this.fresh];
    this.fresh.clear();
    await Promise.allSettled(this.ends.map((end) => end()));
    for (const started of running) kill(started);
    this.killCopies();
    await Promise.allSettled(running.map((started) => started.ended()));
    await Promise.allSettled(containers.map(async (starting) => (await starting).destroy()));
    this.removeGroups();
    this.remove();
  }

  /** What others have started for the bench: whatever runs a program of its directory, where nobody else has any. */
  private killCopies(): void {
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${entry}/exe`).startsWith(`${this.directory}/`)) process.kill(Number(entry), 'SIGKILL');
      } catch {
        // It has ended, or is not ours to look at.
      }
    }
  }
}

function kill({ pid, isGroup }: Started): void {
  try {
    process.kill(isGroup ? -pid : pid, 'SIGKILL');
  } catch {
    // It has ended, which this process has not been told yet.
  }
}

async function inTime<Result>(awaited: Promise<Result>, argv: readonly string[]): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ended after ${DEADLINE_MS / 1000} s: ${argv.join(' ')}`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}
