/** What the command `warden` costs by itself. */
import { packageRoot } from '../../src/base/paths.js';
import type { Figure } from './figure.js';
import { containerOf } from './figures/library.js';
import { wallMs } from './figures/start.js';

const WARDEN = `${packageRoot}build/js/src/cli/warden.cjs`;
const RUNS_A_ROUND = 2;

export const wardenExec: Figure = {
  name: 'warden-exec',
  title: 'warden exec … true ÷ wsh … true',
  unit: { name: 'ms', digits: 1 },
  goal: 1.5,
  rounds: 40,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench) => {
    const { directory } = await containerOf(bench);
    return wallMs(bench, RUNS_A_ROUND, [process.execPath, WARDEN, 'exec', directory, '--', 'true']);
  },
  references: [
    {
      title: 'wsh … true',
      sample: async (bench, set) => {
        const { directory } = await containerOf(bench);
        return wallMs(bench, RUNS_A_ROUND, [set.path('wsh'), '--socket', `${directory}/run/wshd.sock`, 'true']);
      },
    },
    { title: 'node -e 0', sample: (bench) => wallMs(bench, RUNS_A_ROUND, [process.execPath, '-e', '0']) },
  ],
};
