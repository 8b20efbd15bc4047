/**
 * Runs the test files one after the other, each in a process of its own, so that one that hangs or dies costs the others
 * nothing. The last line printed is counted from what the files reported: "N passed, N failed, N skipped".
 *
 *   node build/js/test/run.js [--portable] [PART-OF-A-PATH…]
 *
 * --portable: only what needs neither Linux nor root, a C compiler, the addon or the native programs. A file of these
 * folders that has tests for some of those, too, skips them where they are missing.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Counts } from './one.js';

/** A file that needs longer says so in its name: `thousand.slow.test.ts`. */
const FILE_DEADLINE_MS = 240_000;
const SLOW_FILE_DEADLINE_MS = 900_000;

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

/** What one file reported; when it ended without a report, that is one failure. */
async function runFile(file: string): Promise<Counts> {
  const deadlineMs = file.endsWith('.slow.test.ts') ? SLOW_FILE_DEADLINE_MS : FILE_DEADLINE_MS;
  const runner = spawn(process.execPath, [child, join(compiled, file.replace(/\.ts$/, '.js'))], {
    // A process group of its own: the deadline ends the file's children too.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let reported: Counts | undefined;
  let late = false;
  const stop = (): void => {
    // Windows has no process groups.
    if (process.platform === 'win32') runner.kill('SIGKILL');
    else if (runner.pid !== undefined) process.kill(-runner.pid, 'SIGKILL');
  };
  const interrupted = (): void => {
    stop();
    process.exit(130);
  };
  runner.on('message', (message) => { reported = message as Counts; });
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const timer = setTimeout(() => { late = true; stop(); }, deadlineMs);
  // The report may come in behind the end of the process: the channel's end is behind both.
  const ends = await Promise.all([once(runner, 'exit'), once(runner, 'disconnect')]);
  const [code, signal] = ends[0] as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  process.off('SIGINT', interrupted);
  process.off('SIGTERM', interrupted);
  if (late) console.log(`  FAIL  ${file}: not done after ${deadlineMs / 1000} s, killed`);
  else if (!reported) console.log(`  FAIL  ${file}: ended before its tests did (${reason(code, signal)})`);
  return reported && !late ? reported : { passed: reported?.passed ?? 0, failed: 1, skipped: reported?.skipped ?? 0 };
}

function reason(code: number | null, signal: NodeJS.Signals | null): string {
  // Node's own code for a module whose `await` nothing can end any more.
  return signal ?? (code === 13 ? 'a test waits for what will not come' : `exit code ${code}`);
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const given = process.argv.slice(2);
for (const file of testFiles(given.filter((each) => each !== PORTABLE), given.includes(PORTABLE))) {
  console.log(`test/${file}`);
  const counts = await runFile(file);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
