import { Option } from 'commander';
import type { TopologyOptions } from '../topology.js';
import type { Define } from './command.js';
import { depot } from './options.js';

export const topology: Define = (program, exit) => {
  program.command('topology')
    .summary('show who holds which end of what in containers')
    .description('Shows the processes of a container and its jobs, and which pipes, sockets and ptys connect them.')
    .usage('[--json | --format FORMAT | --svg FILE] [--depot DIR] [CONTAINER]')
    .argument('[container]', 'its id, or its directory (default: all in the depot)')
    .addOption(new Option('--format <format>', 'what to print').choices(['tree', 'json', 'svg']).default('tree'))
    .addOption(new Option('--json', 'as --format json').conflicts('format'))
    .addOption(new Option('--svg <file>', 'write a picture of one container there, and print nothing').conflicts(['json', 'format']))
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden topology 1j0v7jlvtel
  warden topology --svg chain.svg 1j0v7jlvtel
  warden topology --json 1j0v7jlvtel | jq '.channels[] | select(.role == "exit-status")'

A line shows a descriptor's numbers, what it is for, its inode, and who holds the other end: ← it reads, → it writes,
⇄ both, ◦ it listens.

Exit code:
  0; 1 when there is no such container, or its processes cannot be looked at; 2 for a command line that makes no sense.`)
    .action(async (name: string | undefined, options: TopologyOptions) => {
      const { topology: work } = await import('../topology.js');
      exit(await work(name, options));
    });
};
