/** Runs the uvu tests of one compiled file, in a process of its own; `run.ts` starts it and gets the counts. */
import { pathToFileURL } from 'node:url';

export interface Counts { passed: number; failed: number; skipped: number }

/** uvu's own protocol between a file's suites and whoever runs them (what its command line does, too). */
type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;
const uvu = globalThis as typeof globalThis & { UVU_DEFER?: number; UVU_QUEUE?: (string | null | Suite)[][] };

async function runSuites(suites: Iterable<Suite>): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of suites) {
    const [errors, passed, skipped, total] = await suite();
    // Not the texts are counted: uvu has none for the tests that a failed `before` kept from running.
    counts.passed += passed;
    counts.failed += total - passed;
    counts.skipped += skipped;
    if (typeof errors === 'string') process.stdout.write(`${errors}\n`);
    else if (passed < total) process.stdout.write('  FAIL  a `before` or `after` of this suite failed\n');
  }
  return counts;
}

const file = process.argv[2];
if (!file) throw new Error('which file?');
uvu.UVU_DEFER = 1;
const queue: (string | null | Suite)[] = [];
uvu.UVU_QUEUE = [queue];
await import(pathToFileURL(file).href);
const counts = await runSuites(queue.filter((entry) => typeof entry === 'function'));
// A suite that forgot `run()` would pass for one without tests.
if (queue.length === 0) throw new Error(`${file} has no suite that runs`);
// What a test left open must not keep the file from ending, nor pass unseen: it is the file's own business to check.
process.send?.(counts, () => process.exit(counts.failed > 0 ? 1 : 0));
