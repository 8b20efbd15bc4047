/** Some seeds, one after the other, and what they came to. */
import type { CallEvent, Observer } from '../plan.js';
import type { Programs } from '../programs.js';
import { kindOf } from '../scenarios/faults.js';
import { generate } from '../scenarios/generate.js';
import { Trace } from '../trace.js';
import { runScenario } from './run.js';
import { emptyTally, type Tally } from './summary.js';
import type { Piece } from './pool.js';

const CONTEXT_LINES = 25;

/** Counts what happens in all scenarios of a piece. */
class Counter implements Observer {
  /** By program and id. */
  private readonly sites = new Map<string, true[]>();

  constructor(private readonly tally: Tally) {}

  call({ process: { program }, siteId, fault }: CallEvent): void {
    this.tally.calls++;
    if (fault) this.tally.faults[kindOf(fault)] = (this.tally.faults[kindOf(fault)] ?? 0) + 1;
    if (program === undefined) return;
    let reached = this.sites.get(program);
    if (!reached) this.sites.set(program, reached = []);
    reached[siteId] = true;
  }

  finish(): void {
    for (const [program, reached] of this.sites) this.tally.sites[program] = [...reached.keys()].filter((id) => reached[id]);
  }
}

export function runPiece(programs: Programs, { first, count }: Piece): Tally {
  const tally = emptyTally(), counter = new Counter(tally);
  for (let seed = first; seed < first + count; seed++) {
    const { steps, violation } = runScenario(programs, generate(seed), [counter]);
    tally.scenarios++;
    tally.steps += steps;
    if (violation) tally.failures.push({ seed, ...violation, context: traceOf(programs, seed).split('\n').slice(-CONTEXT_LINES).join('\n') });
  }
  counter.finish();
  return tally;
}

/** The run of a seed, written down up to its first violation. */
export function traceOf(programs: Programs, seed: number): string {
  const trace = new Trace();
  runScenario(programs, generate(seed), [trace]);
  return trace.text.trimEnd();
}
