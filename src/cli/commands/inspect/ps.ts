import type { PsOptions } from '../../actions/inspect/ps.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const ps: Define = (program, exit) => {
  program.command('ps')
    .summary('show the processes of containers')
    .description('Shows the processes of a container and of its jobs, and processes connected to them, as a tree.')
    .usage('[--json] [--depot DIR] [CONTAINER]')
    .argument('[container]', 'its id, or its directory; of podman\'s its name, or how its id begins (default: all)')
    .option('--json', 'print JSON: an object for the container, or an array of all')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden ps                   all containers of the depot
  warden ps 1j0v7jlvtel       one of them
  warden ps --json 1j0v7jlvtel | jq '.processes[] | {pid, program}'

PID is the process's id on the host, NSPID its id in the container.

Exit code:
  0; 1 when there is no such container, or its processes cannot be read; 2 for an invalid command line.`)
    .action(async (name: string | undefined, options: PsOptions) => {
      const { ps: work } = await import('../../actions/inspect/ps.js');
      exit(await work(name, options));
    });
};
