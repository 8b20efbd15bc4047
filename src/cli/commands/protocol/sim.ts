import type { SimOptions } from '../../actions/protocol/sim.js';
import type { Define } from '../define.js';

export const sim: Define = (program, exit) => {
  program.command('sim')
    .summary('run the programs in a simulated kernel, with faults, and check what they do')
    .description('Runs whole hosts in a simulated kernel, a scenario a seed, and checks each from outside. On any system, as any user.')
    .option('--seeds <n>', 'run so many scenarios, on all processors (default: 1000)')
    .option('--from <seed>', 'the first seed (default: 0)')
    .option('--fresh', 'begin at a seed that nobody has seen: by chance')
    .option('--seed <n>', 'run the one scenario of this seed, here')
    .option('--trace', 'with --seed: print what happened, line by line')
    .option('--open', 'show a seed as a picture that moves, in a browser')
    .option('--exhaustive', 'fail each call of each program with each error, once and for ever; kill it before and after each; let it trap there')
    .option('--jobs <n>', 'threads (default: one a processor)')
    .option('--json', 'print JSON')
    .addHelpText('after', `
Examples:
  warden sim --seeds 100000
  warden sim --seeds 1000 --fresh        other seeds every time; they are printed
  warden sim --seed 42 --trace           the scenario of seed 42, event by event
  warden sim --open --seed 42            the same as a picture that moves: its page is served until Ctrl-C
  warden sim --exhaustive                which call sites and errors were reached

Ctrl-C ends a run with what there is so far.

Exit code:
  0 when all checks hold; 1 when one does not: its seed, the check and the last events are printed; 2 for an
  invalid command line; 128 + N when interrupted by signal N.`)
    .action(async (options: SimOptions) => {
      const { sim: work } = await import('../../actions/protocol/sim.js');
      exit(await work(options));
    });
};
