import type { DestroyOptions } from '../../actions/container/destroy.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const destroy: Define = (program, exit) => {
  program.command('destroy')
    .alias('rm')
    .summary('remove containers, or a job')
    .description('Kills everything that runs in containers, and removes them with their jobs, cgroups and directories.')
    .usage('CONTAINER... [OPTION...]')
    .argument('<container...>', 'their ids, or their directories')
    .option('--job <job>', 'end and remove this job of the container, and nothing else')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden destroy web db
  warden destroy web --job 1j10r9a667s
  warden list --json | jq -r '.[].id' | xargs warden destroy

Exit code:
  0 when they are gone; 1 when one did not exist or could not be removed: the
  others are removed all the same; 2 for an invalid command line.`)
    .action(async (names: string[], options: DestroyOptions) => {
      const { destroy: work } = await import('../../actions/container/destroy.js');
      exit(await work(names, options));
    });
};
