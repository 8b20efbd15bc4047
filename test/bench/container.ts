/** What the library does in this process, and the command `warden` by itself. */
import { Container } from '../../src/container/container.js';
import { packageRoot } from '../../src/paths.js';
import type { Bench, ProgramSet } from './bench.js';
import type { Figure } from './figure.js';
import { runtimes } from './oci.js';
import { wallMs } from './start.js';

const MS = { name: 'ms', digits: 1 } as const;

/** Until it serves. That it is destroyed, and how long that takes, is not measured: runc's `run` does that, too. */
async function createMs(bench: Bench): Promise<number> {
  const startMs = performance.now();
  const container = await Container.create({ depot: `${bench.directory}/depot`, ephemeral: true });
  const ms = performance.now() - startMs;
  await container.destroy();
  return ms;
}

export const create: Figure = {
  name: 'create',
  title: 'Container.create, until it serves ÷ runc run … true',
  unit: MS,
  goal: 0.3,
  rounds: 30,
  quickRounds: 1,
  ownOnly: true,
  // The first loads what it needs, once a process.
  check: async (bench) => { await createMs(bench); },
  sample: async (bench) => [await createMs(bench)],
  references: runtimes,
};

export const wardenExec: Figure = {
  name: 'warden-exec',
  title: 'warden exec … true ÷ node -e 0',
  unit: MS,
  goal: 1.2,
  rounds: 40,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench, set: ProgramSet) => {
    const { path } = await bench.container(set);
    return wallMs(bench, 2, [process.execPath, `${packageRoot}build/js/src/cli/warden.cjs`, 'exec', path, '--', 'true']);
  },
  references: [{ title: 'node -e 0', sample: (bench) => wallMs(bench, 2, [process.execPath, '-e', '0']) }],
};
