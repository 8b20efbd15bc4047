/** AbortSignals: one listener on each, however many wait for it, or Node would take many for a leak. */
import { WardenError } from './error.js';

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `abort` when the signal comes, until what this returns is called; at once when it has come already. */
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

/** What the work comes to, or the end that the signal makes of it; the work itself is not stopped. */
export async function unlessAborted<Result>(signal: AbortSignal | undefined, work: Promise<Result>): Promise<Result> {
  let forget = (): void => undefined;
  const end = new Promise<never>((_, reject) => { forget = whenAborted(signal, () => reject(aborted(signal))); });
  try {
    return await Promise.race([work, end]);
  } finally {
    forget();
  }
}

export function aborted(signal: AbortSignal | undefined): WardenError {
  return new WardenError('ABORTED', signal ? 'aborted by the caller\'s signal' : 'ended by its own program', { cause: signal?.reason });
}
