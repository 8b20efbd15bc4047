/** A job: a command in a container under a native iomux-spawn and wsh, which outlives this process. docs/library.md, "Jobs" */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../host/native.js';
import { programPath } from '../paths.js';
import { aborted, whenAborted } from './abort.js';
import { endJob, withNewId } from './depot.js';
import { adviceOn, errnoOf, reason, WardenError } from './error.js';
import { checkWait, requestArguments, requestEnvironment, type RequestOptions } from './execution.js';
import { checkName, isName, readFirstProcess, readJobProcess, readJson, removeJob } from './layout.js';
import { LINGER_SECONDS_MAX, RING_BYTES_MAX, RING_BYTES_MIN } from './limits.js';
import { JobLink, type LinkOptions } from './link.js';
import { formatId, identify, isAlive } from './process.js';
import { ifSeen, pipesOf, signalAll, usersOf } from './processes.js';
import { makePipe } from './stdio.js';
import { again, whenStarted } from './underway.js';

export interface SpawnOptions extends RequestOptions {
  /** The job's id, its directory's name: as a container's name. Without it one is made. */
  id?: string | undefined;
  /** Whether the command runs at once (default), or waits for the first link, so that not one byte can be missed. */
  start?: 'now' | 'linked' | undefined;
  /** How much of each stream is kept for links that come later, 4096 to 2^26 (65,536). */
  ringBytes?: number | undefined;
  /** What a link that does not read costs: the command waits (default), or the link is closed. docs/iomux-spawn.md */
  slow?: 'wait' | 'drop' | undefined;
  /** How long after the end the output's end and the status can be had, in whole seconds, 0 to 86,400 (600). */
  lingerSeconds?: number | undefined;
  /** Ends the start. */
  signal?: AbortSignal | undefined;
}

/** `waiting` for its first link; `running`; `ended`, with its status to be had; `gone`: nothing serves it any more. */
export type JobState = 'waiting' | 'running' | 'ended' | 'gone';

export interface JobInfo {
  readonly id: string;
  readonly directory: string;
  readonly state: JobState;
  readonly argv: readonly string[];
  readonly user: string;
  readonly startedAt: Date;
  /** iomux-spawn's process on the host; null when it is gone. */
  readonly pid: number | null;
  /** wsh's, the command's stand-in on the host; null when it has ended. */
  readonly wshPid: number | null;
}

interface JobRecord { readonly version: 1; readonly argv: readonly string[]; readonly user: string; readonly startedAtMs: number }

const LINGER_SECONDS = 600;
const GRACE_MS = 1_000;
/** What is killed is gone at once, unless it waits in the kernel, or nobody is there to be told. */
const KILL_DEADLINE_MS = 10_000;
const LOOK_AGAIN_MS = 10;
/** iomux-spawn prints its first line at once, unless the machine is at its end. */
const START_DEADLINE_MS = 30_000;
/** A wshd that is stopped starts nothing, and a command whose wsh has gone neither does any other. */
const GIVE_UP_DEADLINE_MS = 1_000;
/** Its PATH is wsh's, which nobody looks anything up in. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

export class Job {
  private constructor(private readonly container: string, readonly id: string, private readonly record: JobRecord) {}

  /** @internal undefined where no job was ever whole. */
  static open(container: string, id: string): Job | undefined {
    if (!isName(id)) return undefined;
    const record = readJson(join(container, 'jobs', id, 'job.json'));
    return isRecord(record) ? new Job(container, id, record) : undefined;
  }

  get directory(): string { return join(this.container, 'jobs', this.id); }

  async info(): Promise<JobInfo> {
    const { id, directory, record: { argv, user, startedAtMs } } = this;
    const known = readJobProcess(directory), spawned = known && isAlive(known) ? known.pid : null;
    const wshPid = spawned === null ? null : await childOf(spawned);
    const state = spawned === null ? 'gone' : wshPid === null ? 'ended' : await hasExecuted(wshPid) ? 'running' : 'waiting';
    return { id, directory, state, argv, user, startedAt: new Date(startedAtMs), pid: spawned, wshPid };
  }

  /** Follows the output, at once; as many at the same time as one likes. */
  link(options: LinkOptions = {}): JobLink { return new JobLink(this.container, `jobs/${this.id}`, options); }

  /** Ends the command: SIGTERM to all of its session, SIGKILL after the grace (1,000 ms). Waits for the job's end, TIMED_OUT otherwise. */
  async stop({ graceMs = GRACE_MS, signal }: { graceMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    checkWait('graceMs', graceMs);
    if (signal?.aborted) throw aborted(signal);
    const graceEnd = performance.now() + graceMs, end = graceEnd + KILL_DEADLINE_MS;
    let { state, wshPid, pid } = await this.info();
    if (pid !== null && wshPid !== null) await this.signal('SIGTERM', wshPid, pid, state);
    while (state === 'running' || state === 'waiting') {
      if (signal?.aborted) throw aborted(signal);
      if (performance.now() >= end) {
        throw new WardenError('TIMED_OUT', `the job ${this.directory} has not ended ${KILL_DEADLINE_MS / 1000} s after SIGKILL; what do its iomux-spawn, `
          + `${pid}, and its wsh, ${wshPid}, wait for? (ps -eo pid,stat,wchan,args)`);
      }
      if (performance.now() >= graceEnd && pid !== null && wshPid !== null) await this.signal('SIGKILL', wshPid, pid, state);
      await sleep(LOOK_AGAIN_MS);
      ({ state, wshPid, pid } = await this.info());
    }
  }

  /** To the command in the container; where there is none yet, or none any more, to its stand-in. */
  private async signal(signal: NodeJS.Signals, wshPid: number, pid: number, state: JobState): Promise<void> {
    const first = readFirstProcess(this.container);
    const pids = first && state === 'running' ? await usersOf(first.pid, await pipesOf(wshPid)) : [];
    if (pids.length === 0 && state === 'waiting') signalAll([pid], 'SIGTERM');
    else signalAll(pids.length > 0 ? pids : [wshPid], signal);
  }

  /** @internal Whether its wsh has been let go and has no answer yet: the command is still to come. */
  async isComing(): Promise<boolean> {
    const { state, pid, wshPid } = await this.info();
    if (state !== 'running' || pid === null || wshPid === null) return false;
    // Until then wsh has no pipes but those that lead to iomux-spawn.
    const [ours, theirs] = await Promise.all([pipesOf(pid), pipesOf(wshPid)]);
    return theirs.every(([, inode]) => ours.some(([, other]) => other === inode));
  }

  /** Ends whatever still serves it, and removes its directory. The command, if it runs, loses its streams. */
  async remove(): Promise<void> {
    await endJob(this.directory, this.container);
    removeJob(this.directory);
  }
}

function isRecord(value: unknown): value is JobRecord {
  const { version, argv, user, startedAtMs } = Object(value) as Record<keyof JobRecord, unknown>;
  return version === 1 && Array.isArray(argv) && [user, ...argv].every((each) => typeof each === 'string') && Number.isFinite(startedAtMs);
}

async function childOf(pid: number): Promise<number | null> {
  const text = await ifSeen(readFile(`/proc/${pid}/task/${pid}/children`, 'latin1')) ?? '';
  return /^\d+/.test(text) ? Number.parseInt(text) : null;
}

/** Before the first link it is a copy of iomux-spawn that waits. */
async function hasExecuted(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')) !== programPath('iomux-spawn');
}

function checkSpawn({ id, ringBytes, lingerSeconds }: SpawnOptions): void {
  if (id !== undefined) checkName('job', id);
  const inRange = (value: number, low: number, high: number): boolean => Number.isInteger(value) && value >= low && value <= high;
  if (ringBytes !== undefined && !inRange(ringBytes, RING_BYTES_MIN, RING_BYTES_MAX)) {
    throw new WardenError('USAGE', `ringBytes is a whole number from ${RING_BYTES_MIN} to ${RING_BYTES_MAX}, not ${ringBytes}`);
  }
  if (lingerSeconds !== undefined && !inRange(lingerSeconds, 0, LINGER_SECONDS_MAX)) {
    throw new WardenError('USAGE', `lingerSeconds is a whole number from 0 to ${LINGER_SECONDS_MAX}, not ${lingerSeconds}`);
  }
}

/** A directory for a job. */
function makeJob(container: string, options: SpawnOptions): string {
  const tryId = (id: string): string | undefined => {
    try {
      mkdirSync(join(container, 'jobs', id), { mode: 0o700 });
      return id;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return undefined;
      const code = errnoOf(error) === 'ENOENT' ? 'NOT_FOUND' : 'START_FAILED';
      throw new WardenError(code, `cannot make a directory for the job in ${container}: ${reason(error)}`, { cause: error });
    }
  };
  const id = options.id === undefined ? withNewId(tryId) : tryId(options.id);
  if (id === undefined) {
    throw new WardenError('EXISTS', `there is a job ${options.id} in ${container} already, for an ended one stays, too; choose another id, or remove that job: `
      + `warden destroy ${container} --job ${options.id}`);
  }
  return id;
}

export async function startJob(container: string, argv: readonly string[], options: SpawnOptions): Promise<Job> {
  checkSpawn(options);
  const { signal, ringBytes, slow, lingerSeconds = LINGER_SECONDS } = options;
  const settings = ['--linger', String(lingerSeconds), ...(slow ? ['--slow', slow] : []), ...(ringBytes ? ['--ring', String(ringBytes)] : [])];
  const command = [programPath('wsh'), '--socket', 'run/wshd.sock', ...requestArguments(options), '--raise', '--', ...argv];
  const env = { ...ENVIRONMENT, ...requestEnvironment(options) };
  if (signal?.aborted) throw aborted(signal);
  const first = readFirstProcess(container);
  if (first && !isAlive(first)) {
    throw new WardenError('ENDED', `the container ${container} has ended: its first process is no more; it can only be destroyed`);
  }
  // It outlives whoever started us, and must not keep open what they wait for the end of.
  native().sealDescriptors();
  const id = makeJob(container, options), directory = join(container, 'jobs', id);
  const theirs: number[] = [];
  let started: ChildProcess | undefined, words: Socket | undefined, lines: Lines | undefined;
  try {
    // This is what makes the directory a job's.
    const record: JobRecord = { version: 1, argv, user: options.user ?? 'root', startedAtMs: Date.now() };
    writeFileSync(join(directory, 'job.json'), `${JSON.stringify(record)}\n`, { mode: 0o600 });
    theirs.push(openSync(join(directory, 'messages'), 'wx', 0o600));
    // Of our own, for one that Node makes stays open when it cannot start the program.
    const [read, write] = makePipe();
    theirs.push(write);
    words = new Socket({ fd: read, readable: true, writable: false });
    // The directory is relative, for a socket's path has at most 107 bytes.
    started = spawn(programPath('iomux-spawn'), [...settings, '--', `jobs/${id}`, ...command], {
      cwd: container, env, detached: true, stdio: ['ignore', write, theirs[0]!],
    });
    closeSync(theirs.pop()!);
    lines = new Lines(words, started, signal);
    const identity = started.pid === undefined ? undefined : identify(started.pid);
    if (identity) writeFileSync(join(directory, 'pid'), `${formatId(identity)}\n`, { mode: 0o600 });
    const job = Job.open(container, id)!;
    await release(started, lines, job, options);
    if (options.start !== 'linked') await whenRunning(container, job, signal);
    return job;
  } catch (error) {
    if (started?.pid !== undefined) await endJob(directory, container);
    removeJob(directory);
    if (error instanceof WardenError) throw error;
    throw new WardenError('START_FAILED', `cannot start the job ${directory}: ${reason(error)}`, { cause: error });
  } finally {
    lines?.close();
    words?.destroy();
    for (const fd of theirs) closeSync(fd);
  }
}

/** Waits until it can be linked to, or until its command runs; then lets go of it. */
async function release(started: ChildProcess, lines: Lines, job: Job, { start = 'now' }: SpawnOptions): Promise<void> {
  let link: JobLink | undefined;
  try {
    await lines.has('child_pid=', () => readFileSync(join(job.directory, 'messages'), 'utf8'));
    if (start === 'linked') return;
    // The command is let go when there is a link, whoever that is and however short it stays.
    link = job.link({ stdio: 'ignore' });
    link.result.catch((error: unknown) => lines.end(reason(error)));
    await lines.has('child active', () => readFileSync(join(job.directory, 'messages'), 'utf8'));
  } finally {
    await link?.[Symbol.asyncDispose]();
    started.unref();
  }
}

/** Waits until the command is in the container, or could not be started there, which is the job's result. */
async function whenRunning(container: string, job: Job, signal: AbortSignal | undefined): Promise<void> {
  const wait = { deadline: performance.now() + START_DEADLINE_MS, signal };
  try {
    let runs = true;
    while (runs && (await job.info()).state === 'waiting') runs = await again(wait);
    if (runs && await whenStarted(container, [job], wait)) return;
    throw new WardenError('START_FAILED', `the job could not be started: the container's wshd has not taken the command within ${START_DEADLINE_MS / 1000} s; `
      + 'is it stopped? (ps -eo pid,stat,args)');
  } catch (error) {
    // It may be there by now; nobody would read what it writes.
    await whenStarted(container, [], { deadline: performance.now() + GIVE_UP_DEADLINE_MS });
    await job.stop({ graceMs: 0 });
    throw error;
  }
}

/** What iomux-spawn prints; nobody has to listen. */
class Lines {
  private text = '';
  private ended: string | undefined;
  private changed: () => void = () => undefined;
  private readonly timer = setTimeout(() => this.end('it did not answer in time'), START_DEADLINE_MS);
  private readonly unheard: () => void;

  constructor(private readonly stdout: Readable, process: ChildProcess, private readonly signal: AbortSignal | undefined) {
    stdout.setEncoding('latin1').on('data', (text: string) => { this.text += text; this.changed(); }).on('error', () => undefined);
    process.once('error', (error) => this.end(reason(error) + adviceOn(errnoOf(error))));
    stdout.once('close', () => this.end('it ended'));
    this.unheard = whenAborted(signal, () => this.end('aborted'));
  }

  /** No more lines are to be waited for. */
  end(why: string): void {
    this.ended ??= why;
    this.changed();
  }

  async has(words: string, said: () => string): Promise<void> {
    while (!this.text.includes(words)) {
      if (this.signal?.aborted) throw aborted(this.signal);
      if (this.ended !== undefined) throw new WardenError('START_FAILED', `the job could not be started: ${this.ended}, saying "${said().trim()}"`);
      await new Promise<void>((resolve) => { this.changed = resolve; });
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.unheard();
    this.stdout.destroy();
  }
}
