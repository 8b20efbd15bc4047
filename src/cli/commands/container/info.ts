import type { InfoOptions } from '../../actions/container/info.js';
import type { Define } from '../define.js';
import { depot, json } from '../options.js';

export const info: Define = (program, exit) => {
  program.command('info')
    .alias('inspect')
    .summary('show the state of a container')
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
  0; 1 when there is no such container; 2 for an invalid command line.`)
    .action(async (name: string, options: InfoOptions) => {
      const { info: work } = await import('../../actions/container/info.js');
      exit(await work(name, options));
    });
};
