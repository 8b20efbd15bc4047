/** Pending starts: commands that were requested from wshd, and that are not in the container yet. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted, whenAborted } from '../../base/abort.js';
import { errnoOf } from '../../base/errors.js';
import { withShortPath } from '../../linux/socket-path.js';

const LOOK_AGAIN_MS = 1;

export interface Wait {
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** A job, as far as this file needs it. */
export interface PendingStart {
  /** Whether the job's wsh was started and has no answer of wshd's yet. */
  isStartPending(): Promise<boolean>;
}

/** Waits until all commands are in the container that these jobs or this process have requested; false at the deadline. */
export async function whenStarted(container: string, jobs: readonly PendingStart[], wait: Wait): Promise<boolean> {
  for (const job of jobs) {
    while (await job.isStartPending()) if (!await pauseBeforeRetry(wait)) return false;
  }
  while (!await hasCaughtUp(container, wait)) if (!await pauseBeforeRetry(wait)) return false;
  return true;
}

/** Waits a moment; false when the deadline has passed. */
export async function pauseBeforeRetry({ deadline, signal }: Wait): Promise<boolean> {
  throwIfAborted(signal);
  if (performance.now() >= deadline) return false;
  await sleep(LOOK_AGAIN_MS);
  return true;
}

/**
 * Whether wshd has dealt with all requests so far. wshd accepts connections in their order, and starts the command of a complete
 * request before it accepts the next connection. So once wshd has closed a connection without a request, all earlier ones are done.
 * False when wshd cannot be asked now.
 */
async function hasCaughtUp(container: string, { deadline, signal }: Wait): Promise<boolean> {
  let socket: Socket | undefined, removeAbortListener = (): void => undefined, timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      withShortPath(container, 'run/wshd.sock', (path) => { socket = createConnection({ path }); });
      socket!.once('connect', () => socket!.end()).resume();
      // ECONNREFUSED, ENOENT: there is no wshd, so nothing is pending. Else its queue is full, or we have no descriptors left.
      socket!.once('error', (error) => resolve(['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')));
      socket!.once('close', () => resolve(true));
      const giveUp = (): void => resolve(false);
      timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()));
      removeAbortListener = whenAborted(signal, giveUp);
    });
  } finally {
    clearTimeout(timer);
    removeAbortListener();
    socket?.destroy();
  }
}
