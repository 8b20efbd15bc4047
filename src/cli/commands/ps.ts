import type { PsOptions } from '../topology.js';
import type { Define } from './command.js';
import { depot } from './options.js';

export const ps: Define = (program, exit) => {
  program.command('ps')
    .summary('show the processes of containers')
    .description('Shows the processes of a container, of its jobs and of whoever listens to them, as a tree.')
    .usage('[--json] [--depot DIR] [CONTAINER]')
    .argument('[container]', 'its id, or its directory (default: all in the depot)')
    .option('--json', 'print JSON: an object for the container, or an array of all')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden ps                   all containers of the depot
  warden ps 1j0v7jlvtel       one of them
  warden ps --json 1j0v7jlvtel | jq '.processes[] | {pid, program}'

PID is the process's number on the host, IN its number in the container.

Exit code:
  0; 1 when there is no such container, or its processes cannot be looked at; 2 for a command line that makes no sense.`)
    .action(async (name: string | undefined, options: PsOptions) => {
      const { ps: work } = await import('../topology.js');
      exit(await work(name, options));
    });
};
