/** Many scenarios, one a seed, on all processors. */
import { type SeedRange, processors, runPool } from './pool.js';
import { addTally, emptyTally, type Tally } from './summary.js';

/** Seeds a task: few enough for a progress bar, enough that passing them to a thread costs little. */
const PIECE = 25;
/** One mistake in the logic breaks many seeds: more failures give no more information. */
const FAILURES_MAX = 10;

export interface SwarmOptions extends SeedRange {
  /** Number of threads; by default one a processor. */
  workers?: number;
  /** Modules to run instead of the built ones, by program. */
  modules?: Readonly<Record<string, Uint8Array>>;
  /** Ends the run early, with the results so far. */
  signal?: AbortSignal;
  /** Called after each task. */
  onProgress?(tally: Readonly<Tally>): void;
  /** Ends the run after this many failures. */
  failuresMax?: number;
}

export interface SwarmResult extends Tally {
  seconds: number;
  workers: number;
}

export async function runSwarm(options: SwarmOptions): Promise<SwarmResult> {
  const started = performance.now(), total = emptyTally(), pieces = piecesOf(options);
  const workers = Math.max(1, Math.min(options.workers ?? processors(), Math.ceil(options.count / PIECE)));
  await runPool({
    workers, modules: options.modules, signal: options.signal,
    take: () => {
      const piece = total.failures.length < (options.failuresMax ?? FAILURES_MAX) ? pieces.next().value : undefined;
      return piece && { seeds: piece };
    },
    answered: (answer) => {
      if ('tally' in answer) addTally(total, answer.tally);
      options.onProgress?.(total);
    },
  });
  total.failures.sort((a, b) => a.seed - b.seed);
  return { ...total, seconds: (performance.now() - started) / 1000, workers };
}

function* piecesOf({ first, count }: SeedRange): Generator<SeedRange, undefined> {
  for (let done = 0; done < count; done += PIECE) yield { first: first + done, count: Math.min(PIECE, count - done) };
  return undefined;
}
