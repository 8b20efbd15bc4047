/** The interface of a checker: it watches a scenario, asks the kernel instead of the logic, and throws when a check fails. */
import type { Observer } from '../kernel/events.js';

/** A check that does not hold. */
export class Violation extends Error {
  /** `check` is its name in docs/internals/testing.md. */
  constructor(readonly check: string, words: string) { super(words); }
}

export interface Checker extends Observer {
  /** Nothing can happen any more while late readers do not read. */
  quiet?(): void;
  /** All readers are at the end, and every container got a last command. */
  released?(): void;
  /** The containers have ended, too. */
  cleared?(): void;
}

export function holds(condition: boolean, check: string, words: () => string): asserts condition {
  if (!condition) throw new Violation(check, words());
}
