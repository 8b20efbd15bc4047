import type { Define } from './command.js';
import { depot } from './options.js';

export const destroy: Define = (program, exit) => {
  program.command('destroy')
    .summary('remove containers')
    .description('Kills all that runs in containers, and removes them with their jobs, cgroups and directories.')
    .usage('CONTAINER... [OPTION...]')
    .argument('<container...>', 'their ids, or their directories')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden destroy web db
  warden list --json | jq -r '.[].id' | xargs warden destroy

Exit code:
  0 when they are gone; 1 when one was not there or could not be removed,
  which does not keep the others; 2 for a command line that makes no sense.`)
    .action(async (names: string[], options: { depot: string }) => {
      const { destroy: work } = await import('../end.js');
      exit(await work(names, options));
    });
};
