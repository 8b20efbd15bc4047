/** Many scenarios, one a seed, on all processors: worker threads take pieces of the range of seeds until none is left. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerPath } from '../../paths.js';
import { addTally, emptyTally, type Tally } from './summary.js';

/** A worker is asked for so many at a time: often enough for a progress bar, seldom enough to cost nothing. */
const PIECE = 25;
/** What one mistake in the logic breaks, it breaks often: more failures say no more. */
const FAILURES_MAX = 10;

export interface SwarmOptions {
  /** Seeds `first` … `first + count - 1`. */
  first: number;
  count: number;
  /** Worker threads; as many as there are processors unless said otherwise. */
  workers?: number;
  /** Modules to run instead of the built ones: program to bytes. */
  modules?: Readonly<Record<string, Uint8Array>>;
  /** Ends it early, with what there is so far. */
  signal?: AbortSignal;
  /** After each piece. */
  onProgress?(tally: Readonly<Tally>): void;
  /** Ends after so many failures. */
  failuresMax?: number;
}

export interface SwarmResult extends Tally {
  seconds: number;
  workers: number;
}

/** What a worker is started with, and then sent. */
export interface WorkerData { modules: Readonly<Record<string, Uint8Array>> | undefined }
export interface Piece { first: number; count: number }

export async function runSwarm(options: SwarmOptions): Promise<SwarmResult> {
  const started = performance.now(), total = emptyTally();
  const pieces = piecesOf(options);
  const workers = Math.max(1, Math.min(options.workers ?? availableParallelism(), Math.ceil(options.count / PIECE)));
  const isOver = (): boolean => options.signal?.aborted === true || total.failures.length >= (options.failuresMax ?? FAILURES_MAX);
  const take = (): Piece | undefined => (isOver() ? undefined : pieces.next().value ?? undefined);
  await Promise.all(Array.from({ length: workers }, () => runWorker(options, take, (tally) => {
    addTally(total, tally);
    options.onProgress?.(total);
  })));
  total.failures.sort((a, b) => a.seed - b.seed);
  return { ...total, seconds: (performance.now() - started) / 1000, workers };
}

function* piecesOf({ first, count }: SwarmOptions): Generator<Piece, undefined> {
  for (let done = 0; done < count; done += PIECE) yield { first: first + done, count: Math.min(PIECE, count - done) };
  return undefined;
}

/** Gives a new worker one piece after the other; ends with it. */
function runWorker(options: SwarmOptions, take: () => Piece | undefined, report: (tally: Tally) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const data: WorkerData = { modules: options.modules };
    const worker = new Worker(workerPath, { workerData: data });
    const next = (): void => {
      const piece = take();
      if (piece) worker.postMessage(piece);
      else void worker.terminate().then(() => resolve(), reject);
    };
    // Interrupted, it is not waited for: the piece that it is at counts for nothing.
    options.signal?.addEventListener('abort', () => void worker.terminate().then(() => resolve(), reject), { once: true });
    worker.on('message', (tally: Tally) => {
      report(tally);
      next();
    });
    worker.on('error', reject);
    next();
  });
}
