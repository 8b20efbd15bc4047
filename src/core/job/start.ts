/**
 * Starting a job:
 *
 *   directory → job.json → iomux-spawn → pid → "child_pid=" → a first link → "child active" → the command in the container
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { throwIfAborted } from '../../base/abort.js';
import { errnoOf, reason, WardenError } from '../../base/errors.js';
import { programPath } from '../../base/paths.js';
import { abortSignal, checkOptions, type Checks, fullText, integer, objectOf, oneOf, text } from '../../base/validate.js';
import { Child } from '../../host/native-process.js';
import { formatId, identify, isAlive } from '../../linux/process.js';
import { checkId, withNewId } from '../depot/id.js';
import { JOB_PROCESS_NAME, jobDirectory, readInit, removeJob } from '../depot/layout.js';
import { checkArgv, requestChecks, type RequestOptions, wshArguments, wshEnvironment } from '../exec/request.js';
import { openDescriptor } from '../exec/stdio.js';
import type { JobLink } from '../link/link.js';
import { BOUNDS } from '../options.js';
import { endJob } from './end.js';
import { Job, type JobRecord } from './job.js';
import { pauseBeforeRetry, whenStarted } from './pending-starts.js';
import { SpawnOutput, START_DEADLINE_MS } from './spawn-output.js';

export interface SpawnOptions extends RequestOptions {
  /** The job's id and the name of its directory, in the form of a container's id. Without it an id is made. */
  id?: string | undefined;
  /** 'now': the command runs at once (default). 'linked': the command waits for the first link, so that no byte can be missed. */
  start?: 'now' | 'linked' | undefined;
  /** Bytes of each stream that are kept for later links, 4,096 to 2^26 (65,536). */
  ringBytes?: number | undefined;
  /** What happens when a link does not read: 'block', the command waits (default); 'disconnect', the link is closed. */
  slowReader?: 'block' | 'disconnect' | undefined;
  /** Seconds after its end for which the job's output and status are available, 0 to 86,400 (600). */
  lingerSeconds?: number | undefined;
  /**
   * A file for the output, each line with its time, beside the buffers: CRI's format. A file that has `maxBytes` is renamed to PATH.1, and
   * `maxFiles` (1) older ones are kept, at most 9.
   */
  log?: JobLog | undefined;
  /** A descriptor that is the command's stdin (/dev/null). It may be closed when `spawn` is fulfilled. */
  stdin?: number | undefined;
  /** Aborts the start. */
  signal?: AbortSignal | undefined;
}

export interface JobLog {
  readonly path: string;
  /** 1 to 2^30; without it the file has no limit. */
  readonly maxBytes?: number;
  readonly maxFiles?: number;
}

const LINGER_SECONDS = 600;
/** iomux-spawn's words. */
const SLOW_READER = { block: 'wait', disconnect: 'drop' } as const;
/** A stopped wshd starts nothing, and starts no command whose wsh has ended. */
const GIVE_UP_DEADLINE_MS = 1_000;
/** wsh's own environment: it looks no program up in this PATH. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

const CHECKS: Checks<SpawnOptions> = {
  ...requestChecks,
  id: (name, value) => {
    text(name, value);
    checkId('job', value as string);
  },
  start: oneOf('now', 'linked'),
  ringBytes: integer(BOUNDS.ringBytes.min, BOUNDS.ringBytes.max),
  slowReader: oneOf('block', 'disconnect'),
  lingerSeconds: integer(BOUNDS.lingerSeconds.min, BOUNDS.lingerSeconds.max),
  log: objectOf<JobLog>({
    path: fullText,
    maxBytes: integer(BOUNDS.logBytes.min, BOUNDS.logBytes.max),
    maxFiles: integer(BOUNDS.logFiles.min, BOUNDS.logFiles.max),
  }, ['path']),
  stdin: openDescriptor,
  signal: abortSignal,
};

/** Makes the directory of a job, and returns the job's id. */
function makeJobDirectory(container: string, wanted: string | undefined): string {
  const tryId = (id: string): string | undefined => {
    try {
      mkdirSync(jobDirectory(container, id), { mode: 0o700 });
      return id;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return undefined;
      const code = errnoOf(error) === 'ENOENT' ? 'NOT_FOUND' : 'START_FAILED';
      throw new WardenError(code, `cannot make a directory for the job in ${container}: ${reason(error)}`, { cause: error });
    }
  };
  const id = wanted === undefined ? withNewId(tryId) : tryId(wanted);
  if (id !== undefined) return id;
  throw new WardenError('EXISTS', `a job with the id ${wanted} exists in ${container}, perhaps an ended one; choose another id, or remove that job: `
    + `warden destroy ${container} --job ${wanted}`);
}

/** Starts the job; fulfilled when its command runs or, with `start: 'linked'`, waits for the first link. */
export async function startJob(container: string, argv: readonly string[], options: SpawnOptions): Promise<Job> {
  checkArgv(argv);
  checkOptions(options, CHECKS);
  const command = [programPath('wsh'), ...wshArguments('run/wshd.sock', argv, options, ['--raise'])];
  const env = { ...ENVIRONMENT, ...wshEnvironment(options) };
  throwIfAborted(options.signal);
  const init = readInit(container);
  if (init && !isAlive(init)) {
    throw new WardenError('ENDED', `the container ${container} has ended: its init is gone; it can only be destroyed`);
  }
  return startUnder(container, argv, command, { ...options, env });
}

export interface HostJobOptions extends SpawnOptions { readonly env: Record<string, string> }

/**
 * A job without a container: the command itself runs under iomux-spawn, as this process's user, with this environment. `directory`
 * has a directory `jobs`, and is the command's current directory.
 */
export async function startHostJob(directory: string, argv: readonly string[], { env, ...options }: HostJobOptions): Promise<Job> {
  checkArgv(argv);
  checkOptions(options, CHECKS);
  return startUnder(directory, argv, argv, { ...options, env, start: 'linked' });
}

async function startUnder(directory: string, argv: readonly string[], command: readonly string[], options: HostJobOptions): Promise<Job> {
  const start = new JobStart(directory, makeJobDirectory(directory, options.id), options);
  try {
    start.prepare(argv);
    start.spawn(command, options.env);
    await start.letCommandStart();
    if (options.start !== 'linked') await start.whenRunning();
    return start.job;
  } catch (error) {
    await start.abandon();
    if (error instanceof WardenError) throw error;
    throw new WardenError('START_FAILED', `cannot start the job ${start.directory}: ${reason(error)}`, { cause: error });
  } finally {
    start.close();
  }
}

function logArguments({ path, maxBytes, maxFiles }: JobLog): string[] {
  return [
    '--log', resolve(path), ...(maxBytes === undefined ? [] : ['--log-size-max', String(maxBytes)]),
    ...(maxFiles === undefined ? [] : ['--log-max-files', String(maxFiles)]),
  ];
}

class JobStart {
  readonly directory: string;
  private readonly messages: string;
  private process: Child | undefined;
  private output: SpawnOutput | undefined;

  constructor(private readonly container: string, private readonly id: string, private readonly options: SpawnOptions) {
    this.directory = jobDirectory(container, id);
    this.messages = join(this.directory, 'messages');
  }

  get job(): Job { return Job.open(this.container, this.id)!; }

  /** Writes job.json, which makes the directory a job's. */
  prepare(argv: readonly string[]): void {
    const { user = 'root', log } = this.options;
    const record: JobRecord = { version: 1, argv, user, startedAtMs: Date.now(), log: log && resolve(log.path) };
    writeFileSync(join(this.directory, 'job.json'), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  spawn(command: readonly string[], env: Record<string, string>): void {
    const { ringBytes, slowReader, lingerSeconds = LINGER_SECONDS, log, stdin = 'ignore', signal } = this.options;
    const settings = [
      '--exit-file', `jobs/${this.id}/exit`, ...(log ? logArguments(log) : []), '--linger', String(lingerSeconds),
      ...(slowReader ? ['--slow', SLOW_READER[slowReader]] : []), ...(ringBytes ? ['--ring', String(ringBytes)] : []),
    ];
    const opened: number[] = [];
    const open = (path: string, flags: string): number => {
      opened.push(openSync(path, flags, 0o600));
      return opened.at(-1)!;
    };
    try {
      const file = programPath(JOB_PROCESS_NAME), stderr = open(this.messages, 'wx'), input = stdin === 'ignore' ? open('/dev/null', 'r') : stdin;
      // The directory is relative because the path of a socket is short.
      const start = (stdout: number): Child => new Child({
        file, argv: [file, ...settings, '--', `jobs/${this.id}`, ...command], env, cwd: this.container, stdio: [input, stdout, stderr],
        outlives: true,
      });
      ({ started: this.process, output: this.output } = SpawnOutput.of(start, signal));
    } finally {
      for (const fd of opened) closeSync(fd);
    }
    const identity = identify(this.process.pid);
    if (identity) writeFileSync(join(this.directory, 'pid'), `${formatId(identity)}\n`, { mode: 0o600 });
  }

  /** Waits until the job accepts links. Unless it is to wait for its first link, attaches briefly to let the command start. */
  async letCommandStart(): Promise<void> {
    const { output, messages } = this;
    let link: JobLink | undefined;
    try {
      await output!.has('child_pid=', messages);
      if (this.options.start === 'linked') return;
      link = this.job.link({ stdio: 'ignore' });
      link.result.catch((error: unknown) => output!.fail(reason(error)));
      await output!.has('child active', messages);
    } finally {
      await link?.[Symbol.asyncDispose]();
      this.process?.release();
    }
  }

  /** Waits until the command is in the container, or could not be started there, which is the job's result. */
  async whenRunning(): Promise<void> {
    const { container, job } = this, wait = { deadline: performance.now() + START_DEADLINE_MS, signal: this.options.signal };
    try {
      let hasTime = true;
      while (hasTime && (await job.info()).state === 'waiting') hasTime = await pauseBeforeRetry(wait);
      if (hasTime && await whenStarted(container, [job], wait)) return;
      throw new WardenError('START_FAILED', `the job could not be started: the container's wshd has not taken the command within ${START_DEADLINE_MS / 1000} s; `
        + 'is it stopped? (ps -eo pid,stat,args)');
    } catch (error) {
      // The command may have started meanwhile, and nobody would read its output.
      await whenStarted(container, [], { deadline: performance.now() + GIVE_UP_DEADLINE_MS });
      await job.stop({ graceMs: 0 });
      throw error;
    }
  }

  /** Removes everything that the start has made. */
  async abandon(): Promise<void> {
    if (this.process) await endJob(this.directory, this.container);
    removeJob(this.directory);
  }

  close(): void { this.output?.close(); }
}
