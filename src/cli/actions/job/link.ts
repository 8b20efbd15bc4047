/** `warden link`: a job's output, until the job ends or the link is interrupted. */
import { accessSync, constants as access } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { reason, WardenError } from '../../../base/errors.js';
import type { Cut, Gap, JobLink, LinkResult } from '../../../index.js';
import { EXIT_SIGNAL, EXIT_UNKNOWN } from '../../exit-codes.js';
import { complain, interruptible } from '../../support/interrupt.js';
import { complainOfMemory } from '../../support/memory.js';
import { openContainer, openJob } from '../../support/open.js';
import { plural } from '../../support/quantities.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';

export interface LinkOptions {
  depot: string;
  cursors?: string;
  signalStatus?: boolean;
}

export async function link(name: string, id: string, { depot, cursors, signalStatus }: LinkOptions): Promise<number> {
  requireLinux();
  const directory = containerDirectory(name, depot);
  if (cursors !== undefined) checkDirectory(cursors);
  return interruptible('link', async (signal) => {
    const container = await openContainer(directory), job = await openJob(container, id);
    const running = job.link({ cursors, stdio: 'inherit' }).on('gap', reportGap).on('warning', (message) => complain('link', message));
    // `result` is rejected with the same error.
    const detach = (): void => { running.stop().catch(() => undefined); };
    signal.addEventListener('abort', detach);
    if (signal.aborted) detach();
    const end = async (result: LinkResult): Promise<number> => {
      await complainOfMemory('link', container, result);
      return codeOf(result, signalStatus === true);
    };
    return follow(id, running, detach, end);
  });
}

/** Throws before anything is printed if its position could not be saved. */
function checkDirectory(cursors: string): void {
  try {
    accessSync(dirname(cursors), access.W_OK);
  } catch (error) {
    throw new WardenError('USAGE', `cannot keep the cursor file ${cursors}: ${reason(error)}`, { cause: error });
  }
}

/** A standard stream that cannot be written ends the link. The job goes on, and another link can go on from where this one stopped. */
async function follow(
  id: string, running: JobLink, detach: () => void, end: (result: LinkResult) => Promise<number>,
): Promise<number> {
  let cut: Cut | undefined;
  running.on('cut', (first) => {
    cut ??= first;
    detach();
  });
  try {
    const result = await running.result;
    const code = await end(result);
    return cut ? codeOfCut(cut) : code;
  } catch (error) {
    const code = error instanceof WardenError ? error.code : undefined;
    if (code !== 'ENDED' && code !== 'LOST') throw error;
    complain('link', code === 'LOST' ? error : `the output and the exit code of the job ${id} are gone: they are kept for a while `
      + 'after its end (warden spawn --linger), as long as its iomux-spawn lives');
    return EXIT_UNKNOWN;
  }
}

function codeOfCut({ readerGone, message }: Cut): number {
  if (readerGone) return EXIT_SIGNAL + constants.signals.SIGPIPE;
  complain('link', message);
  return EXIT_UNKNOWN;
}

function reportGap({ stream, from, to }: Gap): void {
  const lost = (to - from) >>> 0;
  complain('link', `${stream}: ${plural(lost, 'byte')} ${lost === 1 ? 'is' : 'are'} lost, between position ${from} and ${to}: no link was connected, and the job does not keep them any longer`);
}

function codeOf({ exitCode, signal }: LinkResult, isSignalStatus: boolean): number {
  if (signal !== null && isSignalStatus) return EXIT_SIGNAL + constants.signals[signal];
  if (signal !== null) complain('link', `the job was killed by ${signal}`);
  return exitCode ?? EXIT_UNKNOWN;
}
