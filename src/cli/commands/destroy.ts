import type { DestroyOptions } from '../end.js';
import type { Define } from './command.js';
import { depot } from './options.js';

export const destroy: Define = (program, exit) => {
  program.command('destroy')
    .summary('remove containers, or a job')
    .description('Kills all that runs in containers, and removes them with their jobs, cgroups and directories.')
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
  0 when they are gone; 1 when one was not there or could not be removed,
  which does not keep the others; 2 for a command line that makes no sense.`)
    .action(async (names: string[], options: DestroyOptions) => {
      const { destroy: work } = await import('../end.js');
      exit(await work(names, options));
    });
};
