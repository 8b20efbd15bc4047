/** Ending processes: SIGTERM, a grace, SIGKILL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../base/abort.js';

/** A killed process ends at once, unless a system call keeps it. */
export const KILL_DEADLINE_MS = 10_000;
/** Only a parent is notified of an end, so this polls. */
const LOOK_AGAIN_MS = 10;

export interface Grace<Left> {
  /** Milliseconds between the first SIGTERM and SIGKILL; 0 for SIGKILL at once. */
  readonly graceMs: number;
  readonly signal: AbortSignal | undefined;
  /** The processes that are left; undefined when none is. */
  look(): Promise<Left | undefined>;
  /** Sends the signal to those that are left; called in every turn. */
  send(left: Left, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> | void;
  /** The error when processes are left KILL_DEADLINE_MS after the grace. */
  late(left: Left): Error;
}

/** Resolves when no process is left. */
export async function killAfterGrace<Left>({ graceMs, signal, look, send, late }: Grace<Left>): Promise<void> {
  let graceEnd: number | undefined;
  for (let left = await look(); left !== undefined; left = await look()) {
    throwIfAborted(signal);
    const now = performance.now();
    // A look may take longer than a short grace.
    graceEnd ??= now + graceMs;
    if (now >= graceEnd + KILL_DEADLINE_MS) throw late(left);
    await send(left, now >= graceEnd ? 'SIGKILL' : 'SIGTERM');
    await sleep(LOOK_AGAIN_MS);
  }
}
