import type { InfoOptions } from '../info.js';
import type { Define } from './command.js';
import { depot, json } from './options.js';

export const info: Define = (program, exit) => {
  program.command('info')
    .summary('show what a container is doing')
    .description('Shows a container\'s settings, memory, processor time, processes and jobs.')
    .usage('CONTAINER [OPTION...]')
    .argument('<container>', 'its id, or its directory')
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden info web
  warden info web --json | jq .memory.peakBytes

Exit code:
  0; 1 when there is no such container; 2 for a command line that makes no
  sense.`)
    .action(async (name: string, options: InfoOptions) => {
      const { info: work } = await import('../info.js');
      exit(await work(name, options));
    });
};
