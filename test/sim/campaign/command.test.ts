import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { loadMarked } from '../../../src/sim/campaign/instrumented.js';
import { traceOf } from '../../../src/sim/campaign/batch.js';
import { type Ended, ended, run } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const command = suite('warden sim');
const warden = `${packageRoot}build/js/src/cli/warden.cjs`;
const withShell = unless(process.platform === 'win32' ? 'no shell with pipes' : undefined, command);
const PIPE_BYTES = 1 << 16;
const INTERRUPTED = 128 + constants.signals.SIGTERM;

function sim(...args: string[]): Promise<Ended> { return run([process.execPath, warden, 'sim', ...args]); }

const mistakes: [args: string[], words: RegExp][] = [
  [['--seeds', '0'], /^warden sim: --seeds takes a whole number from 1 to 100000000, not 0$/m],
  [['--seed', '1e3'], /^warden sim: --seed takes a whole number from 0 to \d+, not 1e3$/m],
  [['--jobs', '0'], /^warden sim: --jobs takes a whole number from 1 to 1024, not 0$/m],
  [['--trace'], /^warden sim: --trace needs the --seed N to trace$/m],
  [['--seed', '1', '--exhaustive'], /^warden sim: --seed and --exhaustive do not go together$/m],
  [['--seed', '1', '--seeds', '1000'], /^warden sim: --seed and --seeds do not go together$/m],
  [['--seed', '1', '--fresh'], /^warden sim: --seed and --fresh do not go together$/m],
  [['--open', '--trace', '--seed', '1'], /^warden sim: --open and --trace do not go together$/m],
  [['--open', '--seeds', '1'], /^warden sim: --open and --seeds do not go together$/m],
  [['--open', '--seed', 'x'], /^warden sim: --seed takes a whole number from 0 to \d+, not x$/m],
  [['--exhaustive', '--from', '7'], /^warden sim: --exhaustive and --from do not go together$/m],
  [['--fresh', '--from', '7'], /^warden sim: --fresh and --from do not go together$/m],
];
for (const [args, words] of mistakes) {
  command(`refuses ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await sim(...args);
    assert.match(stderr, words);
    assert.equal([code, stdout.length, stderr.trimEnd().split('\n').length], [2, 0, 1]);
  });
}

command('--seeds --from runs these, and says what they came to', async () => {
  const { code, stdout } = await sim('--seeds', '30', '--from', '7', '--jobs', '1');
  assert.is(code, 0);
  assert.match(stdout.toString(), /^seeds 7 to 36: 30 scenarios, all checks hold\n/);
});

/** Node gives its children sockets, not pipes; and what a pipe holds is what is lost when nobody waits for its reader. */
const LATE_READER = '{ "$@" & echo $! >&2; wait $!; echo $? >&2; } | { sleep 1; cat; }';

/** Runs it into a pipe that is read late, `interruptAfterMs` given, interrupted then. */
async function readLate(args: readonly string[], interruptAfterMs?: number): Promise<{ code: number; stdout: string }> {
  const child = spawn('sh', ['-c', LATE_READER, 'sh', process.execPath, warden, 'sim', ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const result = ended(child);
  try {
    if (interruptAfterMs !== undefined) {
      const [pid] = await once(child.stderr, 'data') as [Buffer];
      await sleep(interruptAfterMs);
      process.kill(Number(pid.toString()), 'SIGTERM');
    }
    const { stdout, stderr } = await result;
    return { code: Number(stderr.trim().split('\n').at(-1)), stdout: stdout.toString() };
  } finally {
    endGroup(child.pid!);
  }
}

/** A test that fails leaves no swarm behind. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

withShell('--trace prints all of it into a pipe that is slow', async () => {
  const programs = await loadMarked(), lengths = Array.from({ length: 400 }, (_, each) => traceOf(programs, each).length);
  const longest = Math.max(...lengths), seed = lengths.indexOf(longest);
  assert.ok(longest > PIPE_BYTES, `${longest} bytes`);
  const { code, stdout } = await readLate(['--seed', String(seed), '--trace']);
  assert.is(code, 0);
  assert.ok(stdout.includes(traceOf(programs, seed)));
  assert.match(stdout, new RegExp(`\nseed ${seed}: all checks hold, \\d+ steps\n$`));
});

withShell('--exhaustive, interrupted: what there is so far is printed to its end', async () => {
  const { code, stdout } = await readLate(['--exhaustive'], 1_000);
  assert.is(code, INTERRUPTED);
  assert.ok(stdout.length > PIPE_BYTES, `${stdout.length} bytes`);
  assert.match(stdout, /\d+ runs in \d+\.\d s, \d+ with a check that does not hold\n$/);
});

withShell('an interrupted swarm says how much of it was run', async () => {
  const { code, stdout } = await readLate(['--seeds', '1000000'], 1_000);
  assert.is(code, INTERRUPTED);
  assert.match(stdout, /^seeds 0 to 999999: \d+ of 1000000 scenarios, all checks hold\n/);
});

command.run();
