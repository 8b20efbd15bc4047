/** AbortSignals: one listener on each, however many callers wait, because Node takes many listeners for a leak. */
import { WardenError } from './errors.js';

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `abort` when the signal is aborted; at once when it is already. Returns a function that removes the listener. Without a
 * signal nothing happens.
 */
export function whenAborted(signal: AbortSignal | undefined, abort: () => void): () => void {
  if (!signal) return () => undefined;
  const calls = waiting.get(signal) ?? listenTo(signal);
  calls.add(abort);
  if (signal.aborted) abort();
  return () => { calls.delete(abort); };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const calls = new Set<() => void>();
  waiting.set(signal, calls);
  signal.addEventListener('abort', () => { for (const call of [...calls]) call(); }, { once: true });
  return calls;
}

/** The result of `work`, or a rejection with ABORTED as soon as the signal is aborted. The work itself is not stopped. */
export async function unlessAborted<Result>(signal: AbortSignal | undefined, work: Promise<Result>): Promise<Result> {
  let removeAbortListener = (): void => undefined;
  const end = new Promise<never>((_, reject) => { removeAbortListener = whenAborted(signal, () => reject(aborted(signal))); });
  try {
    return await Promise.race([work, end]);
  } finally {
    removeAbortListener();
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void { if (signal?.aborted) throw aborted(signal); }

export function aborted(signal: AbortSignal | undefined): WardenError {
  return new WardenError('ABORTED', signal ? 'aborted by the caller\'s signal' : 'ended by its own program', { cause: signal?.reason });
}
