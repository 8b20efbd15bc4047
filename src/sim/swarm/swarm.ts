/** Many scenarios, one a seed, on all processors. */
import { type Piece, processors, runPool } from './pool.js';
import { addTally, emptyTally, type Tally } from './summary.js';

/** A thread is asked for so many at a time: often enough for a progress bar, seldom enough to cost nothing. */
const PIECE = 25;
/** What one mistake in the logic breaks, it breaks often: more failures say no more. */
const FAILURES_MAX = 10;

export interface SwarmOptions extends Piece {
  /** Threads; as many as there are processors unless said otherwise. */
  workers?: number;
  /** Modules to run instead of the built ones, by program. */
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

function* piecesOf({ first, count }: Piece): Generator<Piece, undefined> {
  for (let done = 0; done < count; done += PIECE) yield { first: first + done, count: Math.min(PIECE, count - done) };
  return undefined;
}
