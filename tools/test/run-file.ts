/** Runs the uvu tests of one compiled file in a process of its own; `run.ts` starts it and receives the counts. */
import module, { type ResolveHook } from 'node:module';
import { pathToFileURL } from 'node:url';
import { resolve } from './resolve-uvu.js';

export interface Counts { passed: number; failed: number; skipped: number }

/** uvu's protocol between a file's suites and their runner, as uvu's own command uses it. */
type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;
const uvu = globalThis as typeof globalThis & { UVU_DEFER?: number; UVU_QUEUE?: (string | null | Suite)[][] };

async function runSuites(suites: Iterable<Suite>): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of suites) {
    const [errors, passed, skipped, total] = await suite();
    // Not counted from the errors: uvu reports none for tests that a failed `before` prevented.
    counts.passed += passed;
    counts.failed += total - passed;
    counts.skipped += skipped;
    if (typeof errors === 'string') process.stdout.write(`${errors}\n`);
    else if (passed < total) process.stdout.write(`  FAIL  ${total - passed} tests did not run, since a hook failed\n`);
  }
  return counts;
}

const file = process.argv[2];
if (!file) throw new Error('usage: run-file.js FILE');
uvu.UVU_DEFER = 1;
const queue: (string | null | Suite)[] = [];
uvu.UVU_QUEUE = [queue];
// Node 20 has only `register`, which Node 26 deprecates.
const { registerHooks } = module as { registerHooks?: (hooks: { resolve: ResolveHook }) => void };
if (registerHooks) registerHooks({ resolve });
else module.register('./resolve-uvu.js', import.meta.url);
await import(pathToFileURL(file).href);
const counts = await runSuites(queue.filter((entry) => typeof entry === 'function'));
// A suite without `run()` would pass as one without tests.
if (queue.length === 0) throw new Error(`${file} has no suite that runs`);
// A test's open handles must not keep the process alive. A test that cares about leaks checks for them itself.
process.send?.(counts, () => process.exit(counts.failed > 0 ? 1 : 0));
