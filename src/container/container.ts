/**
 * A container: its directory in the depot, and in it a native wshd as PID 1 of new namespaces.
 *
 *   create: directory → wshd: hooks (src/container/lib), mounts → serves     attach: wsh     destroy: kill → directory
 *
 * It ends with the process that made it. While that lives, `destroy` ends it; when it dies without having done so,
 * lib/watch.sh does, at once; and should the watcher have died as well, the next sweep of the depot does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { packageRoot, programPath } from '../paths.js';
import { endContainer, FIRST_PROCESS_NAME, makeDirectory } from './depot.js';
import { reason, WardenError } from './error.js';
import { type ExecOptions, Execution } from './execution.js';
import { fstab } from './fstab.js';
import type { ContainerInfo, CpuInfo, MemoryInfo, StopOptions, StopResult } from './info.js';
import type { Job, SpawnOptions } from './job.js';
import { DIRECTORIES, readFirstProcess } from './layout.js';
import type { OomWatch, WatchOptions } from './oom.js';
import { identify } from './process.js';
import { type Bind, checkRoot, givenRoot, ownRoot, type Root } from './root.js';
import { archive } from './tar.js';

/** The hooks: fixed files, since the depot may be on a file system from which nothing can be executed, as /run often is. */
const LIB = `${packageRoot}src/container/lib`;
/** The hooks run what the host has, whatever the caller's environment says. */
const HOOK_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** What is killed is gone at once, unless it waits in the kernel. */
const GONE_DEADLINE_MS = 10_000;
const WORDS_MAX = 8_192;

export const DEFAULT_DEPOT = '/run/warden';

export interface ContainerOptions {
  /** The directory of the containers' directories; made when it is missing (/run/warden). */
  depot?: string | undefined;
  /** Its id: a letter or digit, then at most 62 of letters, digits, ".", "_", "-". Without it one is made, 11 characters. */
  name?: string | undefined;
  /** Its host name (its id). */
  hostname?: string | undefined;
  /** The container's root file system; without it the container gets one with the host's programs. */
  root?: string | undefined;
  binds?: readonly Bind[] | undefined;
  /** Limit of memory, swap included; without it there is none. */
  memoryBytes?: number | undefined;
  /** Weight of its processor time as cgroup v1 counts it, 2 to 262,144 (1024). */
  cpuShares?: number | undefined;
  /** Whether it ends with this process, however that ends; otherwise it lives until `destroy`, whoever calls it. */
  ephemeral?: boolean | undefined;
  /** Ends the start, whatever it has come to; nothing of it remains. */
  signal?: AbortSignal | undefined;
}

export interface SweepResult {
  /** Ids of what was left of containers whose making or removal did not come to its end, and was removed. */
  readonly removed: readonly string[];
  /** What stood in the way of others. */
  readonly failures: readonly WardenError[];
}

/** wshd while it starts, then whoever it left behind to watch over us. */
interface Started {
  wshd: ChildProcess;
  /** Its standard output, which nobody writes to: that we close it, or die, is what the watcher waits for. */
  lifeline: Readable;
  /** Fulfilled when nobody holds its standard error any more: wshd, its hooks and the watcher have ended. */
  gone: Promise<unknown>;
  words(): string;
}

function notYet(...given: unknown[]): WardenError { return new WardenError('INTERNAL', `not there yet: ${given.length}`); }

export class Container implements AsyncDisposable {
  private started: Started | undefined;

  private constructor(readonly id: string, readonly directory: string) {}

  /** Picks up a container by its directory: DEPOT/ID. */
  static async open(directory: string): Promise<Container> { throw notYet(directory); }
  /** All containers of a depot, by id. */
  static async list(depot: string = DEFAULT_DEPOT): Promise<Container[]> { throw notYet(depot); }
  static async sweep(depot: string = DEFAULT_DEPOT): Promise<SweepResult> { throw notYet(depot); }

  exec(argv: readonly string[], options: ExecOptions = {}): Execution {
    return new Execution({ directory: this.directory, firstPid: () => readFirstProcess(this.directory)?.pid }, argv, options);
  }
  async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<Job> { throw notYet(argv, options); }
  async job(id: string): Promise<Job> { throw notYet(id); }
  async jobs(): Promise<Job[]> { throw notYet(); }
  watchOom(options: WatchOptions = {}): OomWatch { throw notYet(options); }
  async limitMemory(bytes: number): Promise<void> { throw notYet(bytes); }
  async limitCpu(shares: number): Promise<void> { throw notYet(shares); }
  async info(): Promise<ContainerInfo> { throw notYet(); }
  async memory(): Promise<MemoryInfo | null> { throw notYet(); }
  async cpu(): Promise<CpuInfo | null> { throw notYet(); }
  async stop(options: StopOptions = {}): Promise<StopResult> { throw notYet(options); }
  /** Destroys what this object created; what it opened stays. */
  async [Symbol.asyncDispose](): Promise<void> { await this.destroy(); }

  static async create(options: ContainerOptions = {}): Promise<Container> {
    const root = options.root === undefined ? undefined : checkRoot(options.root);
    const owner = identify(process.pid);
    if (!owner) throw new WardenError('UNSUPPORTED', 'cannot read /proc/self/stat; is /proc mounted?');
    const { id, directory } = makeDirectory(resolve(options.depot ?? DEFAULT_DEPOT), owner);
    const container = new Container(id, directory);
    try {
      container.tryDescribe(root);
      await container.start(options.signal);
      return container;
    } catch (error) {
      await container.destroy().catch((left: unknown) => {
        throw new WardenError('NOT_REMOVED', `${reason(error)}; what is more, ${reason(left)}`, { cause: error });
      });
      throw error;
    }
  }

  /** Kills everything in it and removes its directory. What a first call could not do, a second one tries again. */
  async destroy(): Promise<void> {
    const { started } = this;
    this.started = undefined;
    started?.wshd.kill('SIGKILL');
    try {
      // Before the watcher wakes up: it has nothing to do then.
      await endContainer(this.directory);
    } finally {
      started?.lifeline.destroy();
    }
    if (!started || await isGone(started)) return;
    throw new WardenError('NOT_REMOVED', `processes that started the container ${this.id} are still there after `
      + `${GONE_DEADLINE_MS / 1000} s; what do they wait for? (ps -eo pid,stat,wchan,args)`);
  }

  private tryDescribe(given: string | undefined): void {
    try {
      this.describe(given);
    } catch (error) {
      throw new WardenError('START_FAILED', `cannot describe the container in ${this.directory}: ${reason(error)}`, { cause: error });
    }
  }

  private describe(given: string | undefined): void {
    for (const name of DIRECTORIES) mkdirSync(join(this.directory, name), { mode: 0o700 });
    const at = join(this.directory, 'root');
    const root: Root = given === undefined ? ownRoot(this.id, at) : givenRoot(this.id, at, given);
    this.write('etc/hostname', `${this.id}\n`);
    this.write('etc/fstab', fstab(root.mounts));
    this.write('etc/root.tar', archive(root.entries, Date.now()));
  }

  private write(name: string, content: string | Buffer): void {
    writeFileSync(join(this.directory, name), content, { mode: 0o600, flag: 'wx' });
  }

  private async start(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw aborted();
    const started = this.started = startWshd(this.id, this.directory);
    const abort = (): void => { started.wshd.kill('SIGKILL'); };
    signal?.addEventListener('abort', abort);
    try {
      const ending = await endOf(started.wshd);
      if (ending === undefined && !signal?.aborted) return;
      // Whoever it started ends with it; only then is it clear what there is to be removed.
      await isGone(started);
      if (signal?.aborted) throw aborted();
      throw new WardenError('START_FAILED', `the container could not be started: ${ending}, saying\n${indented(started.words())}`);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}

/** undefined: it serves; else how wshd ended. */
async function endOf(wshd: ChildProcess): Promise<string | undefined> {
  try {
    const [code, signal] = await once(wshd, 'exit') as [number | null, NodeJS.Signals | null];
    if (code === 0) return undefined;
    return signal ? `wshd was killed by ${signal}` : `wshd ended with exit code ${code}`;
  } catch (error) {
    return `${reason(error)} (are the native programs built? npm run build)`;
  }
}

function aborted(): WardenError { return new WardenError('ABORTED', 'the start of the container was aborted'); }

function indented(words: string): string {
  return words.trim() === '' ? '  nothing' : words.trimEnd().replace(/^/gm, '  ');
}

function startWshd(id: string, directory: string): Started {
  // The directory is entered, not named: a socket's path has at most 107 bytes.
  const wshd = spawn(programPath('wshd'), ['--run', 'run', '--lib', LIB, '--root', 'root', '--title', `${FIRST_PROCESS_NAME}: ${id}`], {
    cwd: directory,
    env: HOOK_ENVIRONMENT,
    // In a session of its own: what the terminal sends to our group is not for those who clean up.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = new Promise((resolve) => { wshd.once('close', resolve); });
  let words = '';
  wshd.stderr.setEncoding('utf8').on('data', (text: string) => { words = (words + text).slice(0, WORDS_MAX); });
  return { wshd, lifeline: wshd.stdout, gone, words: () => words };
}

async function isGone(started: Started): Promise<boolean> {
  started.lifeline.destroy();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), GONE_DEADLINE_MS); });
  try {
    return await Promise.race([started.gone.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
