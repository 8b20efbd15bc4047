/**
 * Runs the test files, as many at once as there are processors, each in a process of its own, so that one that hangs or dies
 * costs the others nothing. What a file prints stands together. The last line printed is counted from what the files reported:
 * "N passed, N failed, N skipped".
 *
 *   node build/js/test/run.js [--portable] [PART-OF-A-PATH…]
 *
 * --portable: only what needs neither Linux nor root, a C compiler, the addon or the native programs. A file of these
 * folders that has tests for some of those, too, skips them where they are missing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Counts } from './one.js';

/** A file that needs longer, all processors, or build/fuzz for itself, says so in its name, `swarm.slow.test.ts`, and runs alone. */
const SLOW = '.slow.test.ts';
const FILE_DEADLINE_MS = 480_000;
const SLOW_FILE_DEADLINE_MS = 900_000;
/** For what is still in a pipe when its file has ended; longer is only waited when a process left behind holds it open. */
const LAST_OUTPUT_MS = 1_000;

const PORTABLE = '--portable';
const PORTABLE_FILES = ['behaviours/simulated', 'fuzz/', 'simulation/', 'wire/'];

const root = fileURLToPath(new URL('../../../', import.meta.url));
const compiled = fileURLToPath(new URL('./', import.meta.url));
const child = join(compiled, 'one.js');

/** The sources are listed, not what was compiled: that may have outlived its source. */
function testFiles(parts: string[], portable: boolean): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => !portable || PORTABLE_FILES.some((folder) => file.startsWith(folder)))
    .filter((file) => parts.length === 0 || parts.some((part) => `test/${file}`.includes(part)))
    .sort();
}

interface Report extends Counts {
  /** All that it printed. */
  output: Buffer;
  seconds: number;
}

/** What runs now, to be ended with us. */
const running = new Set<ChildProcess>();

/** With its children: it leads a process group of its own, but on Windows, which has none. */
function stop(runner: ChildProcess): void {
  if (process.platform === 'win32') runner.kill('SIGKILL');
  else if (runner.pid !== undefined) process.kill(-runner.pid, 'SIGKILL');
}

/** What one file reported; when it ended without a report, that is one failure. */
async function runFile(file: string): Promise<Report> {
  const deadlineMs = file.endsWith(SLOW) ? SLOW_FILE_DEADLINE_MS : FILE_DEADLINE_MS;
  const began = performance.now();
  const runner = spawn(process.execPath, [child, join(compiled, file.replace(/\.ts$/, '.js'))], {
    detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  running.add(runner);
  const printed: Buffer[] = [];
  for (const stream of [runner.stdout!, runner.stderr!]) stream.on('data', (piece: Buffer) => { printed.push(piece); });
  let reported: Counts | undefined;
  let late = false;
  runner.on('message', (message) => { reported = message as Counts; });
  const timer = setTimeout(() => { late = true; stop(runner); }, deadlineMs);
  const closed = once(runner, 'close');
  // The report may come in behind the end of the process: the channel's end is behind both.
  const ends = await Promise.all([once(runner, 'exit'), once(runner, 'disconnect')]);
  const [code, signal] = ends[0] as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  await Promise.race([closed, sleep(LAST_OUTPUT_MS, undefined, { ref: false })]);
  running.delete(runner);
  if (late) printed.push(Buffer.from(`  FAIL  ${file}: not done after ${deadlineMs / 1000} s, killed\n`));
  else if (!reported) printed.push(Buffer.from(`  FAIL  ${file}: ended before its tests did (${reason(code, signal)})\n`));
  const counts = reported && !late ? reported : { passed: reported?.passed ?? 0, failed: 1, skipped: reported?.skipped ?? 0 };
  return { ...counts, output: Buffer.concat(printed), seconds: (performance.now() - began) / 1000 };
}

function reason(code: number | null, signal: NodeJS.Signals | null): string {
  // Node's own code for a module whose `await` nothing can end any more.
  return signal ?? (code === 13 ? 'a test waits for what will not come' : `exit code ${code}`);
}

async function runAndTell(file: string): Promise<void> {
  const { passed, failed, skipped, output, seconds } = await runFile(file);
  console.log(`test/${file}  ${seconds.toFixed(1)} s`);
  process.stdout.write(output);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const given = process.argv.slice(2);
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.once(signal, () => {
    for (const runner of running) stop(runner);
    process.exit(code);
  });
}
const files = testFiles(given.filter((each) => each !== PORTABLE), given.includes(PORTABLE));
const queue = files.filter((file) => !file.endsWith(SLOW));
await Promise.all(Array.from({ length: availableParallelism() }, async () => {
  for (let file; (file = queue.shift()) !== undefined;) await runAndTell(file);
}));
for (const file of files) if (file.endsWith(SLOW)) await runAndTell(file);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
