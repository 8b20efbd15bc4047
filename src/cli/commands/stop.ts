import { Option } from 'commander';
import type { StopOptions } from '../end.js';
import type { Define } from './command.js';
import { depot, integer, json } from './options.js';

const DAY_MS = 86_400_000;

export const stop: Define = (program, exit) => {
  program.command('stop')
    .summary('end what runs in a container')
    .description('Sends SIGTERM to all that runs in a container, and after the grace SIGKILL to what is still there. The container remains.')
    .usage('CONTAINER [OPTION...]')
    .argument('<container>', 'its id, or its directory')
    .addOption(new Option('--grace <ms>', 'milliseconds between SIGTERM and SIGKILL (default: 10000)').argParser(integer(0, DAY_MS)))
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden stop web
  warden stop web --grace 500

Exit code:
  0 when nothing runs in it any more; 1 when there is no such container, or
  something is still there; 2 for a command line that makes no sense; 128 + N
  when interrupted by signal N.`)
    .action(async (name: string, options: StopOptions) => {
      const { stop: work } = await import('../end.js');
      exit(await work(name, options));
    });
};
