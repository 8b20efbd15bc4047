/** `warden link`: a job's output, until it ends or somebody has seen enough. */
import { accessSync, constants as access } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { reason, WardenError } from '../container/error.js';
import type { Cut, Gap, JobLink, LinkResult } from '../container/link.js';
import { EXIT_SIGNAL, EXIT_UNKNOWN } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { openContainer, openJob } from './open.js';
import { plural } from './print.js';
import { checkRoot, containerDirectory } from './reference.js';

export interface LinkOptions {
  depot: string;
  cursors?: string;
}

export async function link(name: string, id: string, { depot, cursors }: LinkOptions): Promise<number> {
  checkRoot('link to jobs (their sockets are root\'s)');
  const directory = containerDirectory(name, depot);
  if (cursors !== undefined) checkPlace(cursors);
  return interruptible('link', async (signal) => {
    const job = await openJob(await openContainer(directory), id);
    const running = job.link({ cursors, stdio: 'inherit' }).on('gap', tellGap).on('warning', (message) => complain('link', message));
    // What it is rejected with, the result is, too.
    const detach = (): void => { running.stop().catch(() => undefined); };
    signal.addEventListener('abort', detach);
    if (signal.aborted) detach();
    return follow(id, running, detach);
  });
}

/** Before anything is printed whose position could then not be kept. */
function checkPlace(cursors: string): void {
  try {
    accessSync(dirname(cursors), access.W_OK);
  } catch (error) {
    throw new WardenError('USAGE', `cannot keep the cursor file ${cursors}: ${reason(error)}`, { cause: error });
  }
}

/** An output that takes no more ends the link: the job goes on, and so can another link from where this one stopped. */
async function follow(id: string, running: JobLink, detach: () => void): Promise<number> {
  let cut: Cut | undefined;
  running.on('cut', (first) => {
    cut ??= first;
    detach();
  });
  try {
    const result = await running.result;
    return cut ? codeOfCut(cut) : codeOf(result);
  } catch (error) {
    const code = error instanceof WardenError ? error.code : undefined;
    if (code !== 'ENDED' && code !== 'LOST') throw error;
    complain('link', code === 'LOST' ? error : `nobody has the output and the exit code of the job ${id} any more: they are kept for a while `
      + 'after its end (warden spawn --linger), as long as its iomux-spawn lives');
    return EXIT_UNKNOWN;
  }
}

function codeOfCut({ readerGone, message }: Cut): number {
  if (readerGone) return EXIT_SIGNAL + constants.signals.SIGPIPE;
  complain('link', message);
  return EXIT_UNKNOWN;
}

function tellGap({ stream, from, to }: Gap): void {
  const lost = (to - from) >>> 0;
  complain('link', `${stream}: ${plural(lost, 'byte')} ${lost === 1 ? 'is' : 'are'} lost, between position ${from} and ${to}: no link was there, and what was written is no longer kept`);
}

function codeOf({ exitCode, signal }: LinkResult): number {
  if (signal !== null) complain('link', `the job was killed by ${signal}`);
  return exitCode ?? EXIT_UNKNOWN;
}
