/** The behaviours on the simulated kernel, each under several seeds: no addon, no root, no Linux. */
import { loadPrograms } from '../../src/sim/world/node.js';
import { register } from './register.js';
import { SimulatedWorld } from './simulated.js';

const SEEDS = [1, 2, 3];
const programs = await loadPrograms();

register({
  name: 'simulated',
  lacks: () => undefined,
  run: async ({ act }) => {
    for (const seed of SEEDS) {
      try {
        await act(new SimulatedWorld(programs, seed));
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
  },
});
