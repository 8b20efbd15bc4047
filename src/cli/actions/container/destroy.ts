/** `warden destroy`: removes containers, or a job. */
import { WardenError } from '../../../base/errors.js';
import { EXIT_FAILED } from '../../exit-codes.js';
import { complain, interruptible } from '../../support/interrupt.js';
import { openContainer, openJob } from '../../support/open.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';

export interface DestroyOptions {
  depot: string;
  /** The id of a job: the job is removed instead of the container. */
  job?: string;
}

/** A failure to destroy one container does not keep the others from being destroyed. */
export async function destroy(names: readonly string[], { depot, job }: DestroyOptions): Promise<number> {
  if (job !== undefined && names.length > 1) throw new WardenError('USAGE', '--job needs exactly one container, and several are given');
  requireLinux();
  const directories = names.map((name) => containerDirectory(name, depot));
  return interruptible('destroy', async (signal) => {
    if (job !== undefined) return removeJob(directories[0]!, job, signal);
    const results = await Promise.allSettled(directories.map(async (directory) => (await openContainer(directory)).destroy()));
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    for (const reason of reasons) complain('destroy', reason);
    return reasons.length === 0 ? 0 : EXIT_FAILED;
  });
}

async function removeJob(directory: string, id: string, signal: AbortSignal): Promise<number> {
  const job = await openJob(await openContainer(directory), id);
  await job.stop({ signal });
  await job.remove();
  return 0;
}
