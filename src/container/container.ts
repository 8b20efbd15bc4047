/**
 * A container: its directory in the depot, and in it a native wshd as PID 1 of new namespaces.
 *
 *   create: directory → cgroups → wshd: hooks (shim/hooks), mounts → serves → container.json → disowned
 *
 * It lives until somebody destroys it; until it is complete, and with `ephemeral` for good, it belongs to the process that
 * makes it. When that dies, the next sweep of the depot removes it, and an ephemeral one lib/watch.sh does, at once.
 */
import { unlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { aborted } from './abort.js';
import { limitCpu, limitMemory, memoryDirectory, readCpu, readMemory } from './cgroup.js';
import { check, checkMemory, checkShares, describe, makeGroups } from './create.js';
import { endContainer, makeDirectory, sweep, withNewId } from './depot.js';
import { reason, WardenError } from './error.js';
import { type ExecOptions, Execution } from './execution.js';
import { type ContainerInfo, type CpuInfo, describeContainer, type MemoryInfo, type StopOptions, type StopResult, stopAll } from './info.js';
import { Job, type SpawnOptions, startJob } from './job.js';
import { disown, isName, namesIn, ownerLink, readLivingFirstProcess } from './layout.js';
import { type OomWatch, watchOom, type WatchOptions } from './oom.js';
import { identify, type ProcessId } from './process.js';
import { readGroups, readRecord, writeRecord } from './record.js';
import type { Bind } from './root.js';
import { GONE_DEADLINE_MS, isGone, served, type Started, startWshd } from './start.js';

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

export class Container implements AsyncDisposable {
  private started: Started | undefined;

  private constructor(readonly id: string, readonly directory: string, private readonly created: boolean) {}

  /** Makes a container; fulfilled when it serves. */
  static async create(options: ContainerOptions = {}): Promise<Container> {
    const { depot = DEFAULT_DEPOT, name, signal } = options;
    if (signal?.aborted) throw aborted(signal);
    const checked = check(options);
    const { id, directory } = makeDirectory(resolve(depot), ourselves(), name);
    const container = new Container(id, directory, true);
    try {
      const hostname = options.hostname ?? hostnameFrom(id), ephemeral = options.ephemeral ?? false;
      describe(id, directory, hostname, checked);
      // A group's name is for the whole machine, a container's for its depot.
      await makeGroups(`warden-${withNewId((unique) => unique)}`, directory, options);
      if (signal?.aborted) throw aborted(signal);
      container.started = startWshd(id, directory, ephemeral);
      await served(container.started, signal);
      writeRecord(directory, { id, createdAtMs: Date.now(), hostname, root: checked.root ?? null, binds: checked.binds, ephemeral });
      if (!ephemeral) unlinkSync(ownerLink(directory));
      return container;
    } catch (cause) {
      const error = await container.explained(cause, options);
      await container.destroy().catch((left: unknown) => {
        throw new WardenError('NOT_REMOVED', `${reason(error)}; what is more, ${reason(left)}`, { cause: error });
      });
      if (error instanceof WardenError) throw error;
      throw new WardenError('START_FAILED', `cannot make the container ${directory}: ${reason(error)}`, { cause: error });
    }
  }

  /** Picks up a container by its directory, DEPOT/ID, whoever made it. */
  static async open(directory: string): Promise<Container> {
    const path = resolve(directory);
    if (readRecord(path)) return new Container(basename(path), path, false);
    throw new WardenError('NOT_FOUND', `there is no container ${path}; Container.list tells which there are in a depot`);
  }

  /** All containers of a depot, by id. */
  static async list(depot: string = DEFAULT_DEPOT): Promise<Container[]> {
    const at = resolve(depot);
    return namesIn(at).filter((id) => isName(id) && readRecord(join(at, id))).map((id) => new Container(id, join(at, id), false));
  }

  /** Removes what is left of containers whose making or removal came to no end, and of ephemeral ones without their process. */
  static async sweep(depot: string = DEFAULT_DEPOT): Promise<SweepResult> {
    const failures: WardenError[] = [];
    const removed = await sweep(resolve(depot), (error) => {
      failures.push(error instanceof WardenError ? error : new WardenError('NOT_REMOVED', reason(error), { cause: error }));
    });
    return { removed, failures };
  }

  /** Runs a command, at once. */
  exec(argv: readonly string[], options: ExecOptions = {}): Execution {
    return new Execution({ directory: this.directory, firstPid: () => this.firstProcess()?.pid }, argv, options);
  }

  /** Starts a command that outlives this process; fulfilled when it runs, or waits for its first link. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<Job> { return startJob(this.directory, argv, options); }

  /** Picks up a job by its id. */
  async job(id: string): Promise<Job> {
    const job = (await this.jobs()).find((each) => each.id === id);
    if (job) return job;
    throw new WardenError('NOT_FOUND', `there is no job ${id} in the container ${this.directory}; jobs() tells which there are`);
  }

  async jobs(): Promise<Job[]> {
    return namesIn(join(this.directory, 'jobs')).map((id) => Job.open(this.directory, id)).filter((job) => job !== undefined);
  }

  watchOom(options: WatchOptions = {}): OomWatch { return watchOom(memoryDirectory(readGroups(this.directory)), options); }

  /** Swap included; `Infinity` takes the limit away. */
  async limitMemory(bytes: number): Promise<void> {
    checkMemory(bytes);
    await limitMemory(readGroups(this.directory), bytes);
  }

  async limitCpu(shares: number): Promise<void> {
    checkShares(shares);
    await limitCpu(readGroups(this.directory), shares);
  }

  async info(): Promise<ContainerInfo> {
    const record = readRecord(this.directory);
    if (!record) throw new WardenError('NOT_FOUND', `there is no container ${this.directory} any more`);
    return describeContainer(this.directory, record, this.firstProcess(), await this.jobs());
  }

  memory(): Promise<MemoryInfo | null> { return readMemory(readGroups(this.directory)); }
  cpu(): Promise<CpuInfo | null> { return readCpu(readGroups(this.directory)); }

  /** Ends all that runs in it; it remains, and serves. */
  async stop(options: StopOptions = {}): Promise<StopResult> {
    return stopAll(this.directory, this.firstProcess(), await this.jobs(), options);
  }

  /** A start that the kernel has ended for lack of memory does not know it: nobody tells whoever is killed why. */
  private async explained(error: unknown, { memoryBytes }: ContainerOptions): Promise<unknown> {
    if (!(error instanceof WardenError && error.code === 'START_FAILED') || memoryBytes === undefined) return error;
    const memory = await this.memory();
    if (memory === null || memory.kills === 0) return error;
    return new WardenError('START_FAILED', `the container could not be started: its limit of memory, ${memoryBytes} bytes, is too low for its first process; `
      + 'give it a megabyte at least', { cause: error });
  }

  private firstProcess(): ProcessId | undefined { return readLivingFirstProcess(this.directory); }

  /** Kills everything in it, ends its jobs, removes it. What a first call could not do, a second one tries again. */
  async destroy(): Promise<void> {
    const { started } = this;
    this.started = undefined;
    started?.wshd.kill(constants.signals.SIGKILL);
    try {
      disown(this.directory, ourselves());
      // Before the watcher wakes up: it has nothing to do then.
      await endContainer(this.directory);
    } finally {
      started?.cutLifeline();
    }
    if (!started || await isGone(started)) return;
    throw new WardenError('NOT_REMOVED', `processes that started the container ${this.id} are still there after `
      + `${GONE_DEADLINE_MS / 1000} s; what do they wait for? (ps -eo pid,stat,wchan,args)`);
  }

  /** Destroys what this object has made; what it has opened stays. */
  async [Symbol.asyncDispose](): Promise<void> { if (this.created) await this.destroy(); }
}

function ourselves(): ProcessId {
  const owner = identify(process.pid);
  if (!owner) throw new WardenError('UNSUPPORTED', 'cannot read /proc/self/stat; is /proc mounted?');
  return owner;
}

/** An id may have what a host name may not. */
function hostnameFrom(id: string): string { return id.replace(/_/g, '-').replace(/[^A-Za-z0-9]+$/, ''); }
