/** `warden wait`: waits for the end of jobs, and prints their exit codes. */
import { constants } from 'node:os';
import { WardenError } from '../../../base/errors.js';
import type { ExitStatus, Job } from '../../../index.js';
import { EXIT_SIGNAL, EXIT_UNKNOWN } from '../../exit-codes.js';
import { interruptible } from '../../support/interrupt.js';
import { openTarget } from '../../support/open.js';
import { printLine } from '../../support/print.js';
import { requireLinux } from '../../support/reference.js';

export interface WaitOptions { depot: string }

export async function wait(names: readonly string[], { depot }: WaitOptions): Promise<number> {
  requireLinux();
  return interruptible('wait', async (signal) => {
    const jobs: Job[] = [];
    for (const name of names) {
      const { job } = await openTarget(name, depot);
      if (!job) throw new WardenError('USAGE', `${name} is a container, and only jobs have an exit code: name one as CONTAINER/JOB`);
      jobs.push(job);
    }
    // In their order; a job that ends earlier keeps its exit code for a while.
    const statuses = jobs.map((job) => job.wait({ signal }));
    for (const status of statuses) status.catch(() => undefined);
    for (const status of statuses) await printLine(String(codeOf(await status)));
    return 0;
  });
}

function codeOf({ exitCode, signal }: ExitStatus): number {
  return signal === null ? exitCode ?? EXIT_UNKNOWN : EXIT_SIGNAL + constants.signals[signal];
}
