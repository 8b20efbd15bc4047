/** A job of the library's, as the server wants it. */
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, JobLink } from '../../index.js';
import type { BackendJob, LinkRequest, Output } from '../container/backend.js';
import { KILLED_STATUS } from '../job/job.js';

/** Longer than any server is away: what a job has written last, and its status, wait for the next one. */
export const LINGER_SECONDS = 86_400;
/** More than what can be on its way between a job and its spool when the server is killed. */
export const RING_BYTES = 1 << 20;

/**
 * A file without a name that holds the script: the job's stdin. `directory`: of the spools, where the next server removes what it
 * does not know, as the file of a server that was killed before the name was gone.
 */
export function scriptFile(directory: string, script: Buffer): { fd: number; close(): void } {
  const path = join(directory, `script-${process.hrtime.bigint()}`);
  const fd = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  // At a position, so that the reader begins at the start.
  for (let at = 0; at < script.length;) at += writeSync(fd, script, at, script.length - at, at);
  return { fd, close: () => closeSync(fd) };
}

export function backendJob(job: Job): BackendJob {
  return {
    pid: job.pid,
    link: (request) => outputOf(job, request),
    kill: () => job.stop({ graceMs: 0 }),
    remove: () => job.remove(),
  };
}

/** Positions are modulo 2^32. */
const CIRCLE = 2 ** 32;

function outputOf(job: Job, { cursors, target, came, lost }: LinkRequest): Output {
  const link: JobLink = job.link({ stdio: target, ...(cursors ? { cursors } : {}) });
  link.on('output', came).on('gap', ({ stream, from, to }) => lost(stream, (to - from + CIRCLE) % CIRCLE));
  const exited = link.result.then(({ exitCode }) => exitCode ?? KILLED_STATUS);
  exited.catch(() => undefined);
  return {
    stdout: link.stdout as AsyncIterable<Buffer> | null, stderr: link.stderr as AsyncIterable<Buffer> | null, exited,
    close: async () => { await link.stop().catch(() => undefined); },
  };
}

export async function removeUnknownJobs(jobs: readonly Job[], known: ReadonlySet<number>): Promise<void> {
  for (const job of jobs) {
    if (known.has(Number(job.id))) continue;
    await job.stop({ graceMs: 0 }).catch(() => undefined);
    await job.remove();
  }
}
