import type { ListOptions } from '../../actions/container/list.js';
import type { Define } from '../define.js';
import { depot, json } from '../options.js';

export const list: Define = (program, exit) => {
  program.command('list')
    .alias('ls')
    .summary('show the containers of a depot')
    .description('Shows the containers of a depot, one a line.')
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden list
  warden list --json | jq -r '.[] | select(.state == "ended").id'

Exit code:
  0, also when there are none; 1 when they cannot be read; 2 for an invalid
  command line.`)
    .action(async (options: ListOptions) => {
      const { list: work } = await import('../../actions/container/list.js');
      exit(await work(options));
    });
};
