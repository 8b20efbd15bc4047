/** Worker threads that take tasks until there are none left. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerPath } from '../../paths.js';
import type { Injected, InjectedResult } from '../exhaustive/injection.js';
import type { Tally } from './summary.js';

/** Seeds `first` … `first + count - 1`. */
export interface Piece { first: number; count: number }

/** What a thread is asked for, and answers. */
export type Task = { seeds: Piece } | { first: number; injected: readonly Injected[] };
export type Answer = { tally: Tally } | { first: number; results: readonly InjectedResult[] };

/** What a thread is started with. */
export interface WorkerData {
  /** Modules to run instead of the built ones, by program. */
  modules: Readonly<Record<string, Uint8Array>> | undefined;
}

export interface PoolOptions extends WorkerData {
  workers: number;
  /** Ends all threads where they stand. */
  signal: AbortSignal | undefined;
  /** The next task; undefined when there are none left. */
  take(): Task | undefined;
  answered(answer: Answer): void;
}

/** What a scenario leaves is dead soon: the fewer collections, the less of it is copied. */
const YOUNG_MB = 64;

export function processors(): number { return availableParallelism(); }

/** Ends when every thread has done its last task. */
export async function runPool(options: PoolOptions): Promise<void> {
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
