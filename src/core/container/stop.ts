/** Ending what runs in a container. */
import { throwIfAborted } from '../../base/abort.js';
import { WardenError } from '../../base/errors.js';
import { abortSignal, checkOptions, type Checks, duration } from '../../base/validate.js';
import { killAfterGrace } from '../../linux/grace.js';
import { members, signalAll } from '../../linux/processes.js';
import { readLivingInit } from '../depot/layout.js';
import { type PendingStart, whenStarted } from '../job/pending-starts.js';

export interface StopOptions {
  /** Milliseconds between SIGTERM and SIGKILL (10,000). */
  graceMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface StopResult {
  /** Processes that got SIGTERM. */
  readonly terminated: number;
  /** Processes that got SIGKILL after the grace. */
  readonly killed: number;
}

const STOP_CHECKS: Checks<StopOptions> = { graceMs: duration, signal: abortSignal };
const GRACE_MS = 10_000;
/** A requested command starts at once, unless the machine is overloaded or wshd is stopped. */
const START_DEADLINE_MS = 2_000;

/** Sends SIGTERM once to each process but init, also to processes that start meanwhile; after the grace SIGKILL to those that are left. */
export async function stopAll(directory: string, jobs: readonly PendingStart[], options: StopOptions): Promise<StopResult> {
  checkOptions(options, STOP_CHECKS);
  const { graceMs = GRACE_MS, signal } = options;
  throwIfAborted(signal);
  const init = readLivingInit(directory);
  // Commands that were requested before this call are ended, too. A stopped wshd starts nothing, and must not delay us.
  if (init) await whenStarted(directory, jobs, { deadline: performance.now() + START_DEADLINE_MS, signal });
  const sent = { SIGTERM: new Set<number>(), SIGKILL: new Set<number>() };
  await killAfterGrace<number[]>({
    graceMs, signal,
    look: async () => {
      const others = (init ? await members(init.pid) : []).filter((pid) => pid !== init?.pid);
      return others.length > 0 ? others : undefined;
    },
    send: (left, name) => {
      const unsent = left.filter((pid) => !sent[name].has(pid));
      for (const pid of unsent) sent[name].add(pid);
      signalAll(unsent, name);
      // A stopped process receives signals only when it continues.
      signalAll(unsent, 'SIGCONT');
    },
    late: (left) => new WardenError('TIMED_OUT', `processes of the container are still there after SIGKILL: ${left.join(', ')}; `
      + 'what do they wait for? (ps -eo pid,stat,wchan,args)'),
  });
  return { terminated: sent.SIGTERM.size, killed: sent.SIGKILL.size };
}
