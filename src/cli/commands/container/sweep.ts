import type { SweepOptions } from '../../actions/container/sweep.js';
import type { Define } from '../define.js';
import { depot, json } from '../options.js';

export const sweep: Define = (program, exit) => {
  program.command('sweep')
    .summary('remove abandoned containers')
    .description('Garbage collection: removes containers whose making or removal was interrupted, and prints their ids. run and create do so, too.')
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden sweep

Exit code:
  0 when none is left; 1 when one could not be removed; 2 for an invalid
  command line.`)
    .action(async (options: SweepOptions) => {
      const { sweep: work } = await import('../../actions/container/sweep.js');
      exit(await work(options));
    });
};
