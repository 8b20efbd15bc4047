/** Starts that are under way: a command that wshd was asked for, and that is not in the container yet. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { aborted, whenAborted } from './abort.js';
import { errnoOf } from './error.js';
import { withShortPath } from './execution.js';
import type { Job } from './job.js';

const LOOK_AGAIN_MS = 1;

export interface Wait {
  /** As `performance.now()` counts. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** Waits until all commands are there that wsh or this process has asked for: false when the deadline came before. */
export async function whenStarted(container: string, jobs: readonly Job[], wait: Wait): Promise<boolean> {
  for (const job of jobs) {
    while (await job.isComing()) if (!await again(wait)) return false;
  }
  while (!await isCaughtUp(container, wait)) if (!await again(wait)) return false;
  return true;
}

/** Pauses before another look; false when the time is over. */
export async function again({ deadline, signal }: Wait): Promise<boolean> {
  if (signal?.aborted) throw aborted(signal);
  if (performance.now() >= deadline) return false;
  await sleep(LOOK_AGAIN_MS);
  return true;
}

/**
 * wshd takes its connections in their order, and starts what a whole request asks for before it takes the next one. So when
 * it has closed a connection that asked for nothing, it has dealt with all that came before. False when it cannot be asked now.
 */
async function isCaughtUp(container: string, { deadline, signal }: Wait): Promise<boolean> {
  let socket: Socket | undefined, unheard = (): void => undefined, timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      withShortPath(container, 'run/wshd.sock', (path) => { socket = createConnection({ path }); });
      socket!.once('connect', () => socket!.end()).resume();
      // Nobody listens, and nothing is under way; or its queue is full, or we have no descriptors left.
      socket!.once('error', (error) => resolve(['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')));
      socket!.once('close', () => resolve(true));
      const giveUp = (): void => resolve(false);
      timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()));
      unheard = whenAborted(signal, giveUp);
    });
  } finally {
    clearTimeout(timer);
    unheard();
    socket?.destroy();
  }
}
