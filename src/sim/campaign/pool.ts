/** Worker threads that take tasks until there are none left. */
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { workerPath } from '../../base/paths.js';
import type { Injected, InjectedResult } from './injection.js';
import type { Tally } from './summary.js';

/** Seeds `first` … `first + count - 1`. */
export interface SeedRange { first: number; count: number }

/** A task for a thread. */
export type Task = { seeds: SeedRange } | { first: number; injected: readonly Injected[] };
export type Answer = { tally: Tally } | { first: number; results: readonly InjectedResult[] };

/** The data that a thread starts with. */
export interface WorkerData {
  /** Modules to run instead of the built ones, by program. */
  modules: Readonly<Record<string, Uint8Array>> | undefined;
}

export interface PoolOptions extends WorkerData {
  workers: number;
  /** Aborts all threads at once. */
  signal: AbortSignal | undefined;
  /** The next task; undefined when there are none left. */
  take(): Task | undefined;
  answered(answer: Answer): void;
}

/** A scenario's objects die soon: the fewer collections, the fewer objects are copied. */
const YOUNG_MB = 64;

/**
 * Compilation is a third of a thread's time in a few thousand scenarios. With less inlining the code is as fast, and compiled sooner.
 * A heap that may grow to this size before its first full collection keeps the hidden classes for which code was compiled.
 * 5,000 seeds on two threads: 17 % more a second.
 */
const V8_FLAGS = ['--max-inlined-bytecode-size-cumulative=200', '--initial-old-space-size=200'];

export function processors(): number { return availableParallelism(); }

/** Resolves when every thread has finished its last task. */
export async function runPool(options: PoolOptions): Promise<void> {
  // These are flags of the whole process: a thread has none of its own.
  for (const flag of V8_FLAGS) setFlagsFromString(flag);
  await Promise.all(Array.from({ length: options.workers }, () => runWorker(options)));
}

function runWorker({ modules, signal, take, answered }: PoolOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const data: WorkerData = { modules }, resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(workerPath, { workerData: data, resourceLimits });
    const stop = (): void => void worker.terminate().then(() => resolve(), reject);
    const next = (): void => {
      const task = signal?.aborted ? undefined : take();
      if (task) worker.postMessage(task);
      else stop();
    };
    signal?.addEventListener('abort', stop, { once: true });
    worker.on('message', (answer: Answer) => {
      answered(answer);
      next();
    });
    worker.on('error', reject);
    next();
  });
}
