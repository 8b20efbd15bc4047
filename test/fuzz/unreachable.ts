/**
 * Outcomes that no input can reach, and why. The coverage report (coverage.ts) holds the table to what the corpora reach: a
 * reason for what is reached is as wrong as a missing one.
 */
export interface Unreachable {
  /** "FILE FUNCTION: TEXT", as the report has it, without the line. */
  at: string;
  outcome: 'true' | 'false' | 'reached';
  why: string;
}

export const unreachable: readonly Unreachable[] = [];
