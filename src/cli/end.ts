/** `warden stop` and `warden destroy`. */
import { WardenError } from '../container/error.js';
import type { StopResult } from '../container/info.js';
import { EXIT_FAILED } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { openContainer, openJob } from './open.js';
import { plural, printJson, printLine } from './print.js';
import { checkRoot, containerDirectory } from './reference.js';

export interface StopOptions {
  depot: string;
  /** Milliseconds. */
  grace?: number;
  json?: boolean;
}

export async function stop(name: string, options: StopOptions): Promise<number> {
  checkRoot('stop containers');
  const directory = containerDirectory(name, options.depot);
  return interruptible('stop', async (signal) => {
    const container = await openContainer(directory);
    const result = await container.stop({ graceMs: options.grace, signal });
    if (options.json) await printJson(result);
    else await printLine(text(result));
    return 0;
  });
}

function text({ terminated, killed }: StopResult): string {
  if (terminated === 0) return 'nothing was running';
  return `${plural(terminated, 'process')} terminated${killed === 0 ? '' : `, ${killed} of them by SIGKILL after the grace`}`;
}

export interface DestroyOptions {
  depot: string;
  /** Its job, and not the container. */
  job?: string;
}

/** Those that cannot be destroyed do not keep the others from it. */
export async function destroy(names: readonly string[], { depot, job }: DestroyOptions): Promise<number> {
  if (job !== undefined && names.length > 1) throw new WardenError('USAGE', '--job names a job of one container, and there are several');
  checkRoot('destroy containers');
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
