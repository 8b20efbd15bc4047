/**
 * A container: its directory in the depot, and in it a native wshd as PID 1 of new namespaces. It lives until it is destroyed, by
 * whichever process; an ephemeral one ends with the process that made it. create.ts has the steps of making one.
 */
import { constants } from 'node:os';
import { basename, resolve } from 'node:path';
import { throwIfAborted } from '../../base/abort.js';
import { asWardenError, reason, WardenError } from '../../base/errors.js';
import { fullText, signalName, text } from '../../base/validate.js';
import { countOomKills, type CpuInfo, limitCpu, limitMemory, memoryDirectory, type MemoryInfo, readCpu, readMemory } from '../../linux/cgroup.js';
import { members, signalAll } from '../../linux/processes.js';
import { readLivingInit } from '../depot/layout.js';
import { claimForRemoval, makeContainerDirectory } from '../depot/owner.js';
import { containersIn, readGroups, readRecord } from '../depot/record.js';
import { checkCopy, copyIn, type CopyOptions, copyOut, type HostSide } from '../copy/copy.js';
import { Inside } from '../copy/inside.js';
import { type ExecOptions, Execution } from '../exec/execution.js';
import { attach, type AttachOptions } from '../exec/wsh-process.js';
import { type Limits, withLimits } from '../../linux/rlimits.js';
import type { CommandSettings } from '../exec/request.js';
import type { ExitStatus } from '../exec/outcome.js';
import { Job } from '../job/job.js';
import { type HostJobOptions, type SpawnOptions, startHostJob, startJob } from '../job/start.js';
import { OomWatch, type WatchOptions } from '../oom/watch.js';
import { type ContainerOptions, DEFAULT_DEPOT } from '../options.js';
import { checkContainerOptions, checkMemory, checkShares } from './check.js';
import { build, explain } from './create.js';
import { removeContainer, sweepDepot } from './destroy.js';
import { type ContainerInfo, describeContainer } from './info.js';
import { END_DEADLINE_MS, hasEnded, type Started } from './start.js';
import { stopAll, type StopOptions, type StopResult } from './stop.js';

export interface SweepResult {
  /** Ids of the abandoned containers that were removed. */
  readonly removed: readonly string[];
  /** Why others could not be removed. */
  readonly failures: readonly WardenError[];
}

export class Container implements AsyncDisposable {
  private started: Started | undefined;
  /** As they are recorded, once they are needed. */
  private limits: Limits | undefined;

  private constructor(readonly id: string, readonly directory: string, private readonly isCreator: boolean) {}

  /** Makes a container; fulfilled when it serves. If that fails, nothing of the container remains. */
  static async create(options: ContainerOptions = {}): Promise<Container> {
    const checked = checkContainerOptions(options), depot = resolve(options.depot ?? DEFAULT_DEPOT);
    throwIfAborted(options.signal);
    if (options.sweep) for (const failure of (await Container.sweep(depot)).failures) options.onSweepFailure?.(failure);
    const site = makeContainerDirectory(depot, options.id), container = new Container(site.id, site.directory, true);
    try {
      await build(site, checked, options, (started) => { container.started = started; });
      // wshd's first process has ended by now, and nobody needs what started it, but for the watcher of an ephemeral one.
      if (options.ephemeral !== true) container.started = undefined;
      return container;
    } catch (error) {
      throw await container.rollBack(await explain(error, site.directory, options));
    }
  }

  /** Destroys what a failed `create` has made, and returns the error to throw. */
  private async rollBack(failure: WardenError): Promise<WardenError> {
    try {
      await this.destroy();
      return failure;
    } catch (remains) {
      return new WardenError('NOT_REMOVED', `${failure.message}; moreover, ${reason(remains)}`, { cause: failure });
    }
  }

  /** Opens a container by its directory, DEPOT/ID, whichever process made it. */
  static async open(directory: string): Promise<Container> {
    fullText('the directory', directory);
    const path = resolve(directory);
    if (readRecord(path)) return new Container(basename(path), path, false);
    throw new WardenError('NOT_FOUND', `there is no container ${path}; Container.list returns those of a depot`);
  }

  /** All containers of a depot, ordered by id. */
  static async list(depot: string = DEFAULT_DEPOT): Promise<Container[]> {
    fullText('the depot', depot);
    return containersIn(resolve(depot)).map((directory) => new Container(basename(directory), directory, false));
  }

  /**
   * Garbage collection: removes containers whose making or removal was interrupted, and ephemeral ones whose process has died.
   */
  static async sweep(depot: string = DEFAULT_DEPOT): Promise<SweepResult> {
    fullText('the depot', depot);
    const failures: WardenError[] = [];
    const removed = await sweepDepot(resolve(depot), (error) => {
      failures.push(asWardenError(error, 'NOT_REMOVED', (why) => why));
    });
    return { removed, failures };
  }

  /**
   * Starts a job without a container: the command runs on the host, under iomux-spawn, as this process's user. `directory` has a
   * directory `jobs`, and is the command's current directory. The job waits for its first link.
   */
  static startOnHost(directory: string, argv: readonly string[], options: HostJobOptions): Promise<Job> {
    return startHostJob(directory, argv, options);
  }

  /** Runs a command, at once. */
  exec(argv: readonly string[], options: ExecOptions = {}): Execution {
    const target = { directory: this.directory, initPid: () => this.pid, oomKills: () => countOomKills(readGroups(this.directory)) };
    return Execution.start(target, argv, this.withLimits(options));
  }

  /** Runs a command on this process's standard streams, through a native wsh; no byte passes JavaScript. */
  attach(argv: readonly string[], options: AttachOptions = {}): Promise<ExitStatus> {
    return attach(this.directory, argv, this.withLimits(options, process.env));
  }

  /** Copies a file or directory of the host, or a tar stream, to a path in the container. */
  async copyIn(source: HostSide, path: string, options: CopyOptions = {}): Promise<void> {
    checkCopy(source, path, options);
    await copyIn(this.inside(options), source, path, options);
  }

  /** Copies a file or directory of the container to a path on the host, or as a tar stream to a descriptor. */
  async copyOut(path: string, target: HostSide, options: CopyOptions = {}): Promise<void> {
    checkCopy(target, path, options);
    await copyOut(this.inside(options), path, target, options);
  }

  private inside({ signal }: CopyOptions): Inside { return new Inside(this.id, (argv, options) => this.exec(argv, options), signal); }

  /** Starts a command that outlives this process; fulfilled when the command runs, or waits for its first link. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<Job> {
    return startJob(this.directory, argv, this.withLimits(options));
  }

  private withLimits<Options extends CommandSettings>(options: Options, environment?: NodeJS.ProcessEnv): Options {
    this.limits ??= readRecord(this.directory)?.limits;
    return withLimits(this.limits, options, environment);
  }

  /** Opens a job by its id. */
  async job(id: string): Promise<Job> {
    text('the id', id);
    const job = (await this.jobs()).find((each) => each.id === id);
    if (job) return job;
    throw new WardenError('NOT_FOUND', `there is no job ${id} in the container ${this.directory}; jobs() returns those that exist`);
  }

  /** All jobs of the container, ordered by id. */
  async jobs(): Promise<Job[]> {
    return Job.all(this.directory);
  }

  /** Reports when memory runs out in the container. */
  watchOom(options: WatchOptions = {}): OomWatch { return OomWatch.start(() => memoryDirectory(readGroups(this.directory)), options); }

  /** Limits memory, swap included, from now on; `Infinity` removes the limit. */
  async limitMemory(bytes: number): Promise<void> {
    checkMemory(bytes);
    await limitMemory(readGroups(this.directory), bytes);
  }

  /** Sets the weight of processor time from now on. */
  async limitCpu(shares: number): Promise<void> {
    checkShares(shares);
    await limitCpu(readGroups(this.directory), shares);
  }

  /** The pid of the container's init on the host; undefined when the container has ended. Reads two small files. */
  get pid(): number | undefined { return readLivingInit(this.directory)?.pid; }

  /** Everything that can be read of the container. */
  async info(): Promise<ContainerInfo> {
    const record = readRecord(this.directory);
    if (!record) throw new WardenError('NOT_FOUND', `there is no container ${this.directory} any more`);
    return describeContainer(this.directory, record, await this.jobs());
  }

  /** null without a cgroup. */
  memory(): Promise<MemoryInfo | null> { return readMemory(readGroups(this.directory)); }

  /** null without a cgroup. */
  cpu(): Promise<CpuInfo | null> { return readCpu(readGroups(this.directory)); }

  /** Ends everything that runs in the container: SIGTERM, SIGKILL after the grace. The container remains, and serves. */
  async stop(options: StopOptions = {}): Promise<StopResult> { return stopAll(this.directory, await this.jobs(), options); }

  /** Sends a signal (SIGTERM) to every process but init, and returns how many got it. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    signalName('the signal', signal);
    const { pid } = this;
    return pid === undefined ? 0 : signalAll((await members(pid)).filter((each) => each !== pid), signal);
  }

  /** Kills everything in the container, ends its jobs, removes it. A second call repeats what a first one could not do. */
  async destroy(): Promise<void> {
    const { started } = this;
    this.started = undefined;
    started?.wshd.kill(constants.signals.SIGKILL);
    try {
      claimForRemoval(this.directory);
      // Before the watcher wakes up, so that it finds nothing to do.
      await removeContainer(this.directory);
    } finally {
      started?.cutLifeline();
    }
    if (!started || await hasEnded(started)) return;
    throw new WardenError('NOT_REMOVED', `processes that started the container ${this.id} are still there after `
      + `${END_DEADLINE_MS / 1000} s; what do they wait for? (ps -eo pid,stat,wchan,args)`);
  }

  /** Destroys the container if this object made it; a container that was opened stays. */
  async [Symbol.asyncDispose](): Promise<void> { if (this.isCreator) await this.destroy(); }
}
