/** `warden link`: a job's output, until it ends or somebody has seen enough. */
import type { Gap, LinkResult } from '../container/link.js';
import { EXIT_UNKNOWN } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { openContainer, openJob } from './open.js';
import { checkRoot, containerDirectory } from './reference.js';

export interface LinkOptions {
  depot: string;
  cursors?: string;
}

export async function link(name: string, id: string, options: LinkOptions): Promise<number> {
  checkRoot('link to jobs (their sockets are root\'s)');
  const directory = containerDirectory(name, options.depot);
  return interruptible('link', async (signal) => {
    const job = await openJob(await openContainer(directory), id);
    const running = job.link({ cursors: options.cursors, stdio: 'inherit' }).on('gap', tellGap);
    // What it is rejected with, the result is, too.
    const detach = (): void => { running.stop().catch(() => undefined); };
    signal.addEventListener('abort', detach);
    if (signal.aborted) detach();
    return codeOf(await running.result);
  });
}

function tellGap({ stream, from, to }: Gap): void {
  complain('link', `${stream}: ${(to - from) >>> 0} bytes are lost, between position ${from} and ${to}: no link was there, and they are no longer kept`);
}

function codeOf({ exitCode, signal }: LinkResult): number {
  if (signal !== null) complain('link', `the job was killed by ${signal}`);
  return exitCode ?? EXIT_UNKNOWN;
}
