/** What a checker is: it watches a scenario from outside, asks the kernel and not the logic, and throws when something does not hold. */
import type { Observer } from '../plan.js';

/** A check that does not hold. */
export class Violation extends Error {
  /** `check` is its name in docs/testing.md. */
  constructor(readonly check: string, words: string) { super(words); }
}

export interface Checker extends Observer {
  /** Nothing can happen any more while those who read late do not read. */
  quiet?(): void;
  /** Everybody has read to the end, and every container was asked for a last command. */
  released?(): void;
  /** The containers are ended, too. */
  cleared?(): void;
}

export function holds(condition: boolean, check: string, words: () => string): asserts condition {
  if (!condition) throw new Violation(check, words());
}
