/** `warden logs`: what a job has written, from its log, or what the job itself still keeps. */
import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoOf, reason, WardenError } from '../../../base/errors.js';
import type { Job, LogRecord } from '../../../index.js';
import { EXIT_SIGNAL } from '../../exit-codes.js';
import { interruptible } from '../../support/interrupt.js';
import { openTarget } from '../../support/open.js';
import { requireLinux } from '../../support/reference.js';

export interface LogsOptions {
  depot: string;
  follow?: boolean;
  /** Milliseconds since 1970. */
  since?: number;
  tail?: number;
  timestamps?: boolean;
  reopen?: boolean;
}

export async function logs(name: string, options: LogsOptions): Promise<number> {
  requireLinux();
  return interruptible('logs', async (signal) => {
    const job = await jobOf(name, options.depot), { log, state } = await job.info();
    if (options.reopen === true) {
      await job.reopenLog();
      return 0;
    }
    if (log !== null) return printLog(job, options, signal);
    if (options.since !== undefined || options.tail !== undefined || options.timestamps === true) {
      throw new WardenError('UNSUPPORTED', `the job ${job.id} has no log, so its lines have no times and no end: start it with --log FILE for --since, --tail and --timestamps`);
    }
    if (state === 'running' && options.follow !== true) {
      throw new WardenError('UNSUPPORTED', `the job ${job.id} has no log and runs: follow its output (--follow), or start it with --log FILE`);
    }
    await job.link({ stdio: 'inherit', signal }).result;
    return 0;
  });
}

async function jobOf(name: string, depot: string): Promise<Job> {
  const { container, job } = await openTarget(name, depot);
  if (job) return job;
  const jobs = await container.jobs(), [only] = jobs;
  if (jobs.length === 1 && only) return only;
  const which = jobs.length === 0 ? 'it has none' : `name one of ${jobs.map(({ id }) => `${container.id}/${id}`).join(', ')}`;
  throw new WardenError('USAGE', `${name} is a container, and only jobs have output: ${which}`);
}

async function printLog(job: Job, options: LogsOptions, signal: AbortSignal): Promise<number> {
  const output = new Output(options.timestamps === true), { since, tail, follow } = options;
  try {
    const from = since === undefined ? undefined : new Date(since);
    for await (const record of job.logs({ follow, tail, since: from, signal })) output.write(record);
    return 0;
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') return EXIT_SIGNAL + constants.signals.SIGPIPE;
    if (error instanceof WardenError) throw error;
    throw new WardenError('LOST', `cannot write the output: ${reason(error)}`, { cause: error });
  }
}

/** Each record to the stream that it came from. */
class Output {
  private readonly isInLine = { stdout: false, stderr: false };

  constructor(private readonly hasTimes: boolean) {}

  write(record: LogRecord): void {
    const { stream, time, text } = record, head = this.hasTimes && !this.isInLine[stream] ? Buffer.from(`${time} `) : Buffer.alloc(0);
    this.isInLine[stream] = text.at(-1) !== 0x0a;
    writeAll(stream === 'stdout' ? 1 : 2, Buffer.concat([head, text]));
  }
}

/** A pipe that another program has made non-blocking answers EAGAIN when it is full. */
function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
