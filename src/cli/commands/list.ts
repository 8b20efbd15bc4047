import type { ListOptions } from '../list.js';
import type { Define } from './command.js';
import { depot, json } from './options.js';

export const list: Define = (program, exit) => {
  program.command('list')
    .summary('show the containers that there are')
    .description('Shows the containers of a depot, one a line.')
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden list
  warden list --json | jq -r '.[] | select(.state == "ended").id'

Exit code:
  0, also when there are none; 1 when they cannot be looked at; 2 for a
  command line that makes no sense.`)
    .action(async (options: ListOptions) => {
      const { list: work } = await import('../list.js');
      exit(await work(options));
    });
};
