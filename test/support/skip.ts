/** Tests that cannot run everywhere, and say why where they do not. */
import { existsSync } from 'node:fs';
import { programPath } from '../../src/paths.js';

/** Why the native programs cannot be run; undefined where they can. */
export const noPrograms: string | undefined = existsSync(programPath('wsh')) ? undefined : 'the native programs are not built here';

export interface Tests { (name: string, handler: () => Promise<void> | void): void; skip(name: string): void }

/** A suite's tests, or, where there is a reason against them, a way to count each as skipped and to say so. */
export function unless(reason: string | undefined, tests: Tests): (name: string, handler: () => Promise<void> | void) => void {
  if (reason === undefined) return tests;
  const { skip } = tests;
  return (name) => {
    console.log(`  skipped: ${name} (${reason})`);
    skip(name);
  };
}

/** Several suites as one: what is registered, or skipped, is so in each. */
export function together(suites: readonly Tests[]): Tests {
  return Object.assign(
    (name: string, handler: () => Promise<void> | void) => { for (const one of suites) one(name, handler); },
    { skip: (name: string) => { for (const one of suites) one.skip(name); } },
  );
}
