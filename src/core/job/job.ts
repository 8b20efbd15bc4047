/** A job: a command in a container under a native iomux-spawn and wsh. It outlives this process. docs/reference/library.md, "Jobs" */
import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.js';
import { WardenError } from '../../base/errors.js';
import { isSameFile } from '../../base/identity.js';
import { programPath } from '../../base/paths.js';
import { abortSignal, check, checkOptions, type Checks, duration, fieldsOf, flag, integer, signalName } from '../../base/validate.js';
import { KILL_DEADLINE_MS, killAfterGrace } from '../../linux/grace.js';
import { isAlive } from '../../linux/process.js';
import { ifSeen, pipesOf, signalAll, usersOf } from '../../linux/processes.js';
import { isId } from '../depot/id.js';
import { JOB_PROCESS_NAME, jobDirectory, jobIdsIn, readInit, readJobProcess, readJson, removeEndedJob } from '../depot/layout.js';
import type { ExitStatus } from '../exec/outcome.js';
import { JobLink, type LinkedJob, type LinkOptions } from '../link/link.js';
import { endJob } from './end.js';
import { type ExitRecord, readExitRecord } from './exit-record.js';
import { type LogFilter, type LogRecord, readLog } from './log.js';

/** `waiting` for its first link; `running`; `ended`, with its status available; `gone`: no process serves it any more. */
export type JobState = 'waiting' | 'running' | 'ended' | 'gone';

export interface JobInfo {
  readonly id: string;
  readonly directory: string;
  readonly state: JobState;
  readonly argv: readonly string[];
  readonly user: string;
  readonly startedAt: Date;
  /** The pid of iomux-spawn on the host; null when it is gone. */
  readonly pid: number | null;
  /** The pid of wsh on the host, which ends with the command; null when it has ended. */
  readonly wshPid: number | null;
  /** How and when the command ended, also when no process of the job is left; null while it runs, or when nobody knows. */
  readonly end: ExitRecord | null;
  /** The file of its log; null without one. */
  readonly log: string | null;
}

/** job.json */
export interface JobRecord {
  readonly version: 1;
  readonly argv: readonly string[];
  readonly user: string;
  readonly startedAtMs: number;
  readonly log?: string | undefined;
}

export interface JobStopOptions {
  /** Milliseconds between SIGTERM and SIGKILL (1,000). */
  graceMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface LogOptions extends LogFilter {
  /** Whether the records go on until the job's end (false). */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

const STOP_CHECKS: Checks<JobStopOptions> = { graceMs: duration, signal: abortSignal };
const LOG_CHECKS: Checks<LogOptions> = {
  follow: flag,
  since: check('a Date', (value) => value instanceof Date && !Number.isNaN(value.getTime())),
  tail: integer(0, Number.MAX_SAFE_INTEGER),
  signal: abortSignal,
};
const WAIT_CHECKS: Checks<{ signal?: AbortSignal | undefined }> = { signal: abortSignal };
const GRACE_MS = 1_000;
const LOOK_AGAIN_MS = 100;

/** The processes of a job that has not ended. */
interface LiveJob { readonly state: 'waiting' | 'running'; readonly pid: number; readonly wshPid: number }

export class Job {
  private constructor(private readonly container: string, readonly id: string, private readonly record: JobRecord) {}

  /** undefined for a directory that is no complete job. */
  static open(container: string, id: string): Job | undefined {
    if (!isId(id)) return undefined;
    const record = readJson(join(jobDirectory(container, id), 'job.json'));
    return isRecord(record) ? new Job(container, id, record) : undefined;
  }

  /** All jobs of a container's directory, or of one that has jobs without a container. */
  static all(container: string): Job[] {
    return jobIdsIn(container).map((id) => Job.open(container, id)).filter((job) => job !== undefined);
  }

  get directory(): string { return jobDirectory(this.container, this.id); }

  /** The pid of iomux-spawn on the host; null when it is gone. Reads two small files. */
  get pid(): number | null {
    const known = readJobProcess(this.directory);
    return known && isAlive(known) ? known.pid : null;
  }

  async info(): Promise<JobInfo> {
    const { id, directory, pid, record: { argv, user, startedAtMs, log = null } } = this;
    const wshPid = pid === null ? null : await childOf(pid);
    const state = await stateOf(pid, wshPid), end = readExitRecord(directory) ?? null;
    return { id, directory, state, argv, user, startedAt: new Date(startedAtMs), pid, wshPid, end, log };
  }

  private async live(): Promise<LiveJob | undefined> {
    const { state, pid, wshPid } = await this.info();
    return (state === 'waiting' || state === 'running') && pid !== null && wshPid !== null ? { state, pid, wshPid } : undefined;
  }

  /** Connects to the job and follows its output, at once. A job can have many links at the same time. */
  link(options: LinkOptions = {}): JobLink { return JobLink.start(this.forLink(), options); }

  private forLink(): LinkedJob {
    const { container, id } = this;
    return { container, directory: `jobs/${id}`, hasEnded: async () => await this.live() === undefined };
  }

  /**
   * Ends the command: SIGTERM to all processes of its session, SIGKILL after the grace. Fulfilled when the job has ended; rejected with
   * TIMED_OUT 10 s after SIGKILL.
   */
  async stop(options: JobStopOptions = {}): Promise<void> {
    checkOptions(options, STOP_CHECKS);
    const { graceMs = GRACE_MS, signal } = options;
    throwIfAborted(signal);
    let isTerminated = false;
    await killAfterGrace<LiveJob>({
      graceMs, signal,
      look: () => this.live(),
      send: async (live, name) => {
        if (!isTerminated) await this.signal('SIGTERM', live);
        isTerminated = true;
        if (name === 'SIGKILL') await this.signal('SIGKILL', live);
      },
      late: ({ pid, wshPid }) => new WardenError('TIMED_OUT', `the job ${this.directory} has not ended ${KILL_DEADLINE_MS / 1000} s after SIGKILL; `
        + `what do its iomux-spawn, ${pid}, and its wsh, ${wshPid}, wait for? (ps -eo pid,stat,wchan,args)`),
    });
  }

  /** Sends a signal (SIGTERM) to all processes of the command's session, and returns how many got it. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    signalName('the signal', signal);
    const live = await this.live();
    return live ? await this.signal(signal, live) : 0;
  }

  /** The exit status, once the job has ended. Unlike a link, this does not start a job that waits for its first link. */
  async wait(options: { signal?: AbortSignal | undefined } = {}): Promise<ExitStatus> {
    checkOptions(options, WAIT_CHECKS);
    try {
      return readExitRecord(this.directory) ?? await this.statusByLink(options);
    } catch (error) {
      const late = readExitRecord(this.directory);
      if (!late || options.signal?.aborted) throw error;
      return late;
    }
  }

  private async statusByLink(options: { signal?: AbortSignal | undefined }): Promise<ExitStatus> {
    while ((await this.info()).state === 'waiting') {
      throwIfAborted(options.signal);
      await sleep(LOOK_AGAIN_MS);
    }
    const { exitCode, signal } = await this.link({ stdio: 'ignore', signal: options.signal }).result;
    return { exitCode, signal };
  }

  /**
   * What the command has written so far, by the job's log; with `follow` also what it writes until its end. Rejected with UNSUPPORTED for a
   * job that was started without a log. A reader that is slower than files are renamed misses the ones that are removed.
   */
  async* logs(options: LogOptions = {}): AsyncGenerator<LogRecord, void, undefined> {
    checkOptions(options, LOG_CHECKS);
    const { follow = false, signal, ...filter } = options, { log } = this.record;
    if (log === undefined) throw new WardenError('UNSUPPORTED', `the job ${this.id} has no log: it was started without one`);
    const runs = async (): Promise<boolean> => readExitRecord(this.directory) === undefined && ['waiting', 'running'].includes((await this.info()).state);
    yield* readLog(log, filter, async () => follow && await runs(), signal);
  }

  /** Makes the job open its log again, after another process has renamed the file. */
  async reopenLog(): Promise<void> {
    const { pid } = await this.info();
    if (this.record.log === undefined) throw new WardenError('UNSUPPORTED', `the job ${this.id} has no log: it was started without one`);
    if (pid === null) throw new WardenError('ENDED', `the job ${this.id} has ended: nobody writes its log any more`);
    signalAll([pid], 'SIGHUP');
  }

  /** Sends the signal to the command's processes in the container; to wsh when there are none, to iomux-spawn before the first link. */
  private async signal(name: NodeJS.Signals, { state, pid, wshPid }: LiveJob): Promise<number> {
    const init = readInit(this.container);
    const pids = init && state === 'running' ? await usersOf(init.pid, await pipesOf(wshPid)) : [];
    if (pids.length === 0 && state === 'waiting') return signalAll([pid], 'SIGTERM');
    return signalAll(pids.length > 0 ? pids : [wshPid], name);
  }

  /** @internal Whether wsh has been started and has no answer of wshd's yet: the command is not in the container. */
  async isStartPending(): Promise<boolean> {
    const { state, pid, wshPid } = await this.info();
    if (state !== 'running' || pid === null || wshPid === null) return false;
    const [spawnPipes, wshPipes, [input]] = await Promise.all([pipesOf(pid), pipesOf(wshPid), pipesOf(pid, '0')]);
    if (!wshPipes.every((pipe) => spawnPipes.some((other) => isSameFile(pipe, other)))) return false;
    // Before the answer wsh has no pipes but those to iomux-spawn, and both. It closes its stdout when the command has closed its own.
    const [first, ...others] = input === undefined ? wshPipes : wshPipes.filter((pipe) => !isSameFile(pipe, input));
    return first !== undefined && others.some((pipe) => !isSameFile(pipe, first));
  }

  /** Kills the process that serves the job, and removes the job's directory. A running command loses its streams: `stop` it first. */
  async remove(): Promise<void> {
    await endJob(this.directory, this.container);
    await removeEndedJob(this.directory);
  }
}

function isRecord(value: unknown): value is JobRecord {
  const { version, argv, user, startedAtMs, log } = fieldsOf<JobRecord>(value);
  if (version !== 1 || !Array.isArray(argv) || !Number.isFinite(startedAtMs)) return false;
  return [user, log ?? '', ...argv as unknown[]].every((each) => typeof each === 'string');
}

async function stateOf(pid: number | null, wshPid: number | null): Promise<JobState> {
  if (pid === null) return 'gone';
  if (wshPid === null) return 'ended';
  return await hasExecuted(wshPid) ? 'running' : 'waiting';
}

async function childOf(pid: number): Promise<number | null> {
  const text = await ifSeen(readFile(`/proc/${pid}/task/${pid}/children`, 'latin1')) ?? '';
  return /^\d+/.test(text) ? Number.parseInt(text) : null;
}

/** Before the first link the process is a copy of iomux-spawn that waits. */
async function hasExecuted(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')) !== programPath(JOB_PROCESS_NAME);
}
