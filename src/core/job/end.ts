/** Ending the process that serves a job. */
import { WardenError } from '../../base/errors.js';
import { killAndWait } from '../../linux/process.js';
import { JOB_PROCESS_NAME, readJobProcess } from '../depot/layout.js';
import { findJobProcess } from './find-process.js';

/** A killed process ends at once, unless a system call keeps it. */
const KILL_DEADLINE_MS = 10_000;

/** Kills the iomux-spawn of a job; its wsh dies with it. */
export async function endJob(directory: string, container: string): Promise<void> {
  const spawned = readJobProcess(directory) ?? await findJobProcess(directory, container);
  if (!spawned || await killAndWait(spawned, JOB_PROCESS_NAME, KILL_DEADLINE_MS)) return;
  throw new WardenError('NOT_REMOVED', `the job's iomux-spawn, ${spawned.pid}, is still there ${KILL_DEADLINE_MS / 1000} s after SIGKILL`);
}
