import { Option } from 'commander';
import type { KillOptions } from '../../actions/container/kill.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const kill: Define = (program, exit) => {
  program.command('kill')
    .summary('send a signal to what runs in containers, or to jobs')
    .description('Sends a signal to all processes of containers but their init, or of jobs. A container remains, and serves.')
    .usage('CONTAINER[/JOB]... [OPTION...]')
    .argument('<target...>', 'ids of containers, or CONTAINER/JOB')
    .addOption(new Option('-s, --signal <signal>', 'its name or number, such as HUP, SIGHUP or 1').default('KILL'))
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden kill web
  warden kill --signal HUP web/1j10r9a667s

Exit code:
  0 when a process got the signal; 1 when there is none, or no such container
  or job; 2 for an invalid command line.`)
    .action(async (names: string[], options: KillOptions) => {
      const { kill: work } = await import('../../actions/container/kill.js');
      exit(await work(names, options));
    });
};
