import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/paths.js';
import { noContainers } from '../support/container.js';
import { run } from '../support/process.js';
import { unless } from '../support/skip.js';
import { buildHostileHost, buildHostileModule, HOSTILE_HOST, PROGRAMS } from './hostile.js';
import { noFuzzing } from './tools.js';

/** All together; WARDEN_HOSTILE_CALLS says another number. */
const CALLS = Number(process.env.WARDEN_HOSTILE_CALLS ?? 10_000_000);
/** By one guest, before another begins. */
const CALLS_A_GUEST = 100_000;
const DEADLINE_MS = 400_000;

const hostile = suite('a hostile guest');

function noNamespaces(): string | undefined {
  if (noContainers !== undefined) return noContainers;
  try {
    execFileSync('unshare', ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no namespaces can be made here (unshare)';
  }
}

/** Runs guests as these programs, where they can do no harm; how many of them ended by themselves. */
async function contained(calls: number, command: readonly string[], programs: readonly string[]): Promise<void> {
  const argv = [
    'unshare', '--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child=KILL',
    `${packageRoot}test/fuzz/contain.sh`, packageRoot, String(calls), String(CALLS_A_GUEST), ...command, '--', ...programs,
  ];
  const { code, stdout, stderr } = await run(argv, { timeoutMs: DEADLINE_MS });
  assert.is(code, 0, stderr);
  const [, made, ended] = /^(\d+) calls, (\d+) guests ended by themselves/.exec(stdout.toString()) ?? [];
  assert.ok(Number(made) >= calls, stdout.toString());
  // The others have raised a signal against themselves.
  assert.ok(Number(ended) * CALLS_A_GUEST >= calls / 2, stdout.toString());
}

/** Half of the programs beside the other half. */
async function asEach(calls: number, command: readonly string[]): Promise<void> {
  const share = (programs: readonly string[]): number => Math.ceil(calls / PROGRAMS.length) * programs.length;
  const halves = [PROGRAMS.slice(0, 2), PROGRAMS.slice(2)];
  await Promise.all(halves.map((programs) => contained(share(programs), command, programs)));
}

unless(noNamespaces() ?? noFuzzing(), hostile)('reaches nothing but its own in the native host', async () => {
  await buildHostileHost();
  await asEach(CALLS, [`/run/repository/${HOSTILE_HOST}/{}`]);
});

unless(noNamespaces(), hostile)('reaches nothing but its own in the Node host', async () => {
  await buildHostileModule();
  await asEach(CALLS, [process.execPath, '/run/repository/build/js/test/fuzz/hostile-node.js', '{}']);
});

hostile.run();
