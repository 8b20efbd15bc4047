/** Runs consecutive seeds, and adds up their results. */
import type { CallEvent, Observer } from '../kernel/events.js';
import type { Programs } from '../guest/instances.js';
import { kindOf } from '../scenario/faults.js';
import { generate } from '../scenario/generate.js';
import { Trace } from '../world/trace.js';
import { runScenario } from './run-scenario.js';
import { emptyTally, type Tally } from './summary.js';
import type { SeedRange } from './pool.js';

const CONTEXT_LINES = 25;

/** Counts the events of all scenarios of a batch. */
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

export function runPiece(programs: Programs, { first, count }: SeedRange): Tally {
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

/** The trace of a seed's run, up to its first violation. */
export function traceOf(programs: Programs, seed: number): string {
  const trace = new Trace();
  runScenario(programs, generate(seed), [trace]);
  return trace.text.trimEnd();
}
