import { Option } from 'commander';
import type { StopOptions } from '../../actions/container/stop.js';
import type { Define } from '../define.js';
import { depot, durationOrZero, json } from '../options.js';

export const stop: Define = (program, exit) => {
  program.command('stop')
    .summary('end what runs in a container')
    .description('Sends SIGTERM to everything that runs in a container, and after the grace SIGKILL to what is left. The container remains.')
    .usage('CONTAINER [OPTION...]')
    .argument('<container>', 'its id, or its directory')
    .addOption(new Option('--grace <duration>', 'time between SIGTERM and SIGKILL: seconds, or 300ms, 5m (default: 10s)').argParser(durationOrZero))
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden stop web
  warden stop web --grace 500ms

Exit code:
  0 when nothing runs in it any more; 1 when there is no such container, or
  something is left; 2 for an invalid command line; 128 + N when interrupted
  by signal N.`)
    .action(async (name: string, options: StopOptions) => {
      const { stop: work } = await import('../../actions/container/stop.js');
      exit(await work(name, options));
    });
};
