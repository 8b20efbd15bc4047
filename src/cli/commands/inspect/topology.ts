import { Option } from 'commander';
import type { TopologyOptions } from '../../actions/inspect/topology.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const topology: Define = (program, exit) => {
  program.command('topology')
    .summary('show which pipes, sockets and ptys connect the processes of containers')
    .description('Shows the processes of a container and its jobs, and which pipes, sockets and ptys connect them.')
    .usage('[--json | --format FORMAT | --svg FILE] [--depot DIR] [CONTAINER]')
    .argument('[container]', 'its id, or its directory; of podman\'s its name, or how its id begins (default: all)')
    .addOption(new Option('--format <format>', 'what to print').choices(['tree', 'json', 'svg']).default('tree'))
    .addOption(new Option('--json', 'as --format json').conflicts('format'))
    .addOption(new Option('--svg <file>', 'write a picture of one container there, and print nothing').conflicts(['json', 'format']))
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden topology 1j0v7jlvtel
  warden topology --svg chain.svg 1j0v7jlvtel
  warden topology --json 1j0v7jlvtel | jq '.channels[] | select(.role == "request")'

A line shows descriptors, their role, their inode, and the process at the other end: ← data comes in, → data goes out,
⇄ both, ◦ the socket listens.

Exit code:
  0; 1 when there is no such container, or its processes cannot be read; 2 for an invalid command line.`)
    .action(async (name: string | undefined, options: TopologyOptions) => {
      const { topology: work } = await import('../../actions/inspect/topology.js');
      exit(await work(name, options));
    });
};
