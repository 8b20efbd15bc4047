import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { run } from '../support/process.js';
import { unless } from '../support/skip.js';
import { PROGRAM_NAMES } from '../../src/boundary/programs.js';
import { buildHostileHost, buildHostileModule, HOSTILE_HOST } from './hostile.js';
import { noFuzzing } from './tools.js';

/** All together; WARDEN_HOSTILE_CALLS says another number. */
const CALLS = Number(process.env.WARDEN_HOSTILE_CALLS ?? 2_000_000);
/** By one guest, before another begins: in Node, where a process costs as much as a hundred thousand calls, more. */
const CALLS_A_GUEST = { native: 100_000, node: 250_000 };
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
async function contained(calls: number, each: number, command: readonly string[], programs: readonly string[]): Promise<void> {
  const argv = [
    'unshare', '--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child=KILL',
    `${packageRoot}test/fuzz/contain.sh`, packageRoot, String(calls), String(each), ...command, '--', ...programs,
  ];
  const { code, stdout, stderr } = await run(argv, { timeoutMs: DEADLINE_MS });
  assert.is(code, 0, stderr);
  const [, made, ended] = /^(\d+) calls, (\d+) guests ended by themselves/.exec(stdout.toString()) ?? [];
  assert.ok(Number(made) >= calls, stdout.toString());
  // The others have raised a signal against themselves.
  assert.ok(Number(ended) * each >= calls / 2, stdout.toString());
}

/** Half of the programs beside the other half. */
async function asEach(each: number, command: readonly string[]): Promise<void> {
  const share = (programs: readonly string[]): number => Math.ceil(CALLS / PROGRAM_NAMES.length) * programs.length;
  const halves = [PROGRAM_NAMES.slice(0, 2), PROGRAM_NAMES.slice(2)];
  await Promise.all(halves.map((programs) => contained(share(programs), each, command, programs)));
}

unless(noNamespaces() ?? noFuzzing(), hostile)('reaches nothing but its own in the native host', async () => {
  await buildHostileHost();
  await asEach(CALLS_A_GUEST.native, [`/run/repository/${HOSTILE_HOST}/{}`]);
});

unless(noNamespaces(), hostile)('reaches nothing but its own in the Node host', async () => {
  await buildHostileModule();
  await asEach(CALLS_A_GUEST.node, [process.execPath, '/run/repository/build/js/test/fuzz/hostile-node.js', '{}']);
});

hostile.run();
