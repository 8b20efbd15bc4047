/** Tests that cannot run everywhere, and print the reason where they do not. */
import { existsSync } from 'node:fs';
import { programPath } from '../../src/base/paths.js';

/** The reason if the native programs cannot run; undefined when they can. */
export const noPrograms: string | undefined = existsSync(programPath('wsh')) ? undefined : 'the native programs are not built here';

export interface Tests { (name: string, handler: () => Promise<void> | void): void; skip(name: string): void }

/** A suite's tests; or, if there is a reason against them, a function that counts each as skipped and prints the reason. */
export function unless(reason: string | undefined, tests: Tests): (name: string, handler: () => Promise<void> | void) => void {
  if (reason === undefined) return tests;
  const { skip } = tests;
  return (name) => {
    console.log(`  skipped: ${name} (${reason})`);
    skip(name);
  };
}

/** Several suites as one: each test is registered or skipped in all of them. */
export function together(suites: readonly Tests[]): Tests {
  return Object.assign(
    (name: string, handler: () => Promise<void> | void) => { for (const one of suites) one(name, handler); },
    { skip: (name: string) => { for (const one of suites) one.skip(name); } },
  );
}
