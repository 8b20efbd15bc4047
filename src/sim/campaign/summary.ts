/** The result of many scenarios, added up from the workers' results. */

/** A check that did not hold, and the events before it. */
export interface Failure {
  seed: number;
  /** The check, as docs/internals/testing.md lists it. */
  check: string;
  /** The expected value, and the actual one. */
  words: string;
  /** The last lines of the trace. */
  context: string;
}

/** The result of one or several scenarios. */
export interface Tally {
  scenarios: number;
  /** Steps of the world: events delivered, script steps, clock moves. */
  steps: number;
  /** Calls across the boundary. */
  calls: number;
  /** Faults by their kind: "errno", "kill", "stall", … */
  faults: Record<string, number>;
  /** Ids of the call sites reached, by program. */
  sites: Record<string, number[]>;
  failures: Failure[];
}

export function emptyTally(): Tally { return { scenarios: 0, steps: 0, calls: 0, faults: {}, sites: {}, failures: [] }; }

/** Adds `other` to `to`. */
export function addTally(to: Tally, other: Tally): void {
  to.scenarios += other.scenarios;
  to.steps += other.steps;
  to.calls += other.calls;
  for (const [kind, count] of Object.entries(other.faults)) to.faults[kind] = (to.faults[kind] ?? 0) + count;
  for (const [program, ids] of Object.entries(other.sites)) to.sites[program] = [...new Set([...to.sites[program] ?? [], ...ids])];
  to.failures.push(...other.failures);
}

export function faultsOf(tally: Tally): number { return Object.values(tally.faults).reduce((sum, count) => sum + count, 0); }
