/**
 * Runs the test files, each in a process of its own: a file that hangs or dies does not affect the others. Three files run at once for
 * two processors, since many wait. The output of a file is printed together. The last line adds up the reports of the files:
 * "N passed, N failed, N skipped".
 *
 *   node build/js/tools/test/run.js [--portable | --quick | --node | --stage NAME | --changed[=COMMIT]] [--coverage] [PART-OF-A-PATH…]
 *
 * Without the native programs, and without a part of a path, the run is that of --portable.
 *
 * --portable: tests that need neither Linux nor root, a C compiler, the addon or the native programs. A file in these folders that
 * also has other tests skips those where something is missing.
 * --quick: tests that need no root, and together take less than half a minute.
 * --node: tests of what depends on the version of Node, for a run on another version than the build's.
 * --changed: the tests that belong to the changes since this branch left main, or since COMMIT, by the table of
 * docs/internals/testing.md.
 * --stage: a stage of .ci/run.
 * --coverage: Node writes to build/coverage/v8 which code of src/ ran; `npx c8 report` makes a report.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packageRoot, programPath } from '../../src/base/paths.js';
import type { Counts } from './run-file.js';
import { allTests, changedTests, isCovered, nodeTests, portableTests, quickTests, runsAlone, SLOW, type Stage, STAGES, stageTests } from './select.js';

/** Half of a test's time is waiting for a deadline, or for another process. */
const FILES_A_PROCESSOR = 1.5;
const FILE_DEADLINE_MS = 480_000;
const SLOW_FILE_DEADLINE_MS = 900_000;
/** The time for output that is still in a pipe when its file has ended. Only a process left behind keeps the pipe open longer. */
const LAST_OUTPUT_MS = 1_000;

const compiled = fileURLToPath(new URL('../../test/', import.meta.url));
const child = fileURLToPath(new URL('./run-file.js', import.meta.url));
/** Seconds that each file took in its last run. */
const TIMES = `${packageRoot}build/test-times.json`;
const COVERAGE = `${packageRoot}build/coverage/v8`;

interface Report extends Counts {
  /** The file's whole output. */
  output: Buffer;
  seconds: number;
}

/** Running files; they end with this process. */
const running = new Set<ChildProcess>();

/** Kills a file's process group; on Windows, which has no groups, only the process. */
function stop(runner: ChildProcess): void {
  if (process.platform === 'win32') runner.kill('SIGKILL');
  else if (runner.pid !== undefined) process.kill(-runner.pid, 'SIGKILL');
}

/** Starts a file's process, and collects its output. */
function startFile(file: string): { runner: ChildProcess; printed: Buffer[] } {
  const runner = spawn(process.execPath, [child, join(compiled, file.replace(/\.ts$/, '.js'))], {
    detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: withCoverage && isCovered(file) ? { ...process.env, NODE_V8_COVERAGE: COVERAGE } : process.env,
  });
  running.add(runner);
  const printed: Buffer[] = [];
  for (const stream of [runner.stdout!, runner.stderr!]) stream.on('data', (piece: Buffer) => { printed.push(piece); });
  return { runner, printed };
}

/** The report of one file; a file that ends without a report counts as one failure. */
async function runFile(file: string): Promise<Report> {
  const deadlineMs = file.endsWith(SLOW) ? SLOW_FILE_DEADLINE_MS : FILE_DEADLINE_MS;
  const began = performance.now();
  const { runner, printed } = startFile(file);
  let reported: Counts | undefined;
  let late = false;
  runner.on('message', (message) => { reported = message as Counts; });
  const timer = setTimeout(() => { late = true; stop(runner); }, deadlineMs);
  const closed = once(runner, 'close');
  // The report may arrive after the process has ended: the end of the channel comes after both.
  const ends = await Promise.all([once(runner, 'exit'), once(runner, 'disconnect')]);
  const [code, signal] = ends[0] as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  await Promise.race([closed, sleep(LAST_OUTPUT_MS, undefined, { ref: false })]);
  // What a process that the file left behind still holds open would keep this process alive.
  for (const stream of [runner.stdout!, runner.stderr!]) stream.destroy();
  running.delete(runner);
  if (late) printed.push(Buffer.from(`  FAIL  ${file}: not done after ${deadlineMs / 1000} s, killed\n`));
  else if (!reported) printed.push(Buffer.from(`  FAIL  ${file}: ended before its tests did (${reason(code, signal)})\n`));
  const counts = reported && !late ? reported : { passed: reported?.passed ?? 0, failed: 1, skipped: reported?.skipped ?? 0 };
  return { ...counts, output: Buffer.concat(printed), seconds: (performance.now() - began) / 1000 };
}

function reason(code: number | null, signal: NodeJS.Signals | null): string {
  // Node's exit code when a module's `await` can never finish.
  return signal ?? (code === 13 ? 'a test waits for what will not come' : `exit code ${code}`);
}

async function runAndReport(file: string): Promise<void> {
  const { passed, failed, skipped, output, seconds } = await runFile(file);
  console.log(`test/${file}  ${seconds.toFixed(1)} s`);
  process.stdout.write(output);
  times[file] = Math.round(seconds * 10) / 10;
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

/** The longest first, by their last times or by their sizes, so that no long file runs alone at the end. */
function longestFirst(files: readonly string[]): string[] {
  const times = timesBefore(), bytesPerSecond = 500;
  const expected = (file: string): number => times[file] ?? statSync(`${packageRoot}test/${file}`).size / bytesPerSecond;
  return [...files].sort((a, b) => expected(b) - expected(a));
}

function timesBefore(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(TIMES, 'utf8')) as Record<string, number>;
  } catch {
    // There was no run yet.
    return {};
  }
}

interface Options { files: string[]; parts: string[]; coverage: boolean }

function options(): Options {
  const { values, positionals } = parseArgs({
    // `--changed` alone has no commit: parseArgs would take the next word as its value.
    args: process.argv.slice(2).map((each) => (each === '--changed' ? '--changed=' : each)),
    options: {
      portable: { type: 'boolean' }, quick: { type: 'boolean' }, node: { type: 'boolean' }, stage: { type: 'string' }, changed: { type: 'string' },
      coverage: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  return { files: chosen(values, positionals.length > 0), parts: positionals, coverage: values.coverage };
}

interface Chosen { portable?: boolean; quick?: boolean; node?: boolean; stage?: string; changed?: string }

function chosen(values: Chosen, isNamed: boolean): string[] {
  if (values.portable) return portableTests();
  if (values.quick) return quickTests();
  if (values.node) return nodeTests();
  if (values.stage !== undefined) {
    if (!Object.hasOwn(STAGES, values.stage)) throw new Error(`no stage is called ${values.stage}: ${Object.keys(STAGES).join(', ')}`);
    return stageTests(values.stage as Stage);
  }
  if (values.changed === undefined) return isNamed ? allTests() : possibleTests();
  const { files, slow } = changedTests(values.changed === '' ? undefined : values.changed);
  if (slow.length > 0) console.log(`left out, since they are slow: ${slow.map((file) => `test/${file}`).join(' ')}`);
  return files;
}

function possibleTests(): string[] {
  if (existsSync(programPath('wsh'))) return allTests();
  console.log('The native programs are not built here: these are the tests that need none (--portable).');
  return portableTests();
}

/** In a checkout that this user cannot write to, the next run does not know the times of this one. */
function saveTimes(): void {
  try {
    writeFileSync(TIMES, JSON.stringify(times, undefined, 1));
  } catch (error) {
    console.log(`the times of the tests are not kept: ${(error as Error).message}`);
  }
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const times = timesBefore();
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.once(signal, () => {
    for (const runner of running) stop(runner);
    process.exit(code);
  });
}
const { files: selected, parts, coverage: withCoverage } = options();
if (withCoverage) {
  mkdirSync(COVERAGE, { recursive: true });
  // Some tests run the command as another user.
  chmodSync(COVERAGE, 0o1777);
}
const files = selected.filter((file) => parts.length === 0 || parts.some((part) => `test/${file}`.includes(part)));
const queue = longestFirst(files.filter((file) => !runsAlone(file)));
await Promise.all(Array.from({ length: Math.ceil(availableParallelism() * FILES_A_PROCESSOR) }, async () => {
  for (let file; (file = queue.shift()) !== undefined;) await runAndReport(file);
}));
for (const file of files) if (runsAlone(file)) await runAndReport(file);
saveTimes();
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
