import { InvalidArgumentError, Option } from 'commander';
import { LINGER_SECONDS_MAX, RING_BYTES_MAX, RING_BYTES_MIN } from '../../container/limits.js';
import type { SpawnOptions } from '../spawn.js';
import type { Define } from './command.js';
import { ContainerCommand } from './container.js';
import { depot, integer, json, size, user } from './options.js';

function ring(text: string): number {
  const bytes = size(text);
  if (bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX) throw new InvalidArgumentError('It is a size from 4K to 64M.');
  return bytes;
}

export const spawn: Define = (program, exit) => {
  program.addCommand(new ContainerCommand('spawn').copyInheritedSettings(program)
    .summary('start a job in a container')
    .description('Starts a command as a job, which goes on by itself, and prints the job\'s id. "warden link" has its output.')
    .usage('CONTAINER [OPTION...] [--] COMMAND [ARGUMENT...]')
    .argument('<container>', 'its id, or its directory')
    .argument('<command...>', 'the command and its arguments')
    .addOption(user())
    .option('--name <name>', 'the job\'s id: letters, digits, ".", "_", "-" (default: made of the time)')
    .option('--wait', 'let the command wait for its first link, which then misses nothing')
    .addOption(new Option('--ring <size>', 'how much of each stream is kept for links that come later, 4K to 64M (default: 64K)').argParser(ring))
    .addOption(new Option('--slow <how>', 'what a link that does not read costs: the command waits, or the link is dropped').choices(['wait', 'drop']))
    .addOption(new Option('--linger <seconds>', 'how long after its end its output and exit code can be had (default: 600)').argParser(integer(0, LINGER_SECONDS_MAX)))
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden spawn web -- make test
  job=$(warden spawn web --user vcap -- sh -c 'sleep 60; date') && warden link web $job

Exit code:
  0 when the job is there; 1 when it could not be started; 2 for a command
  line that makes no sense; 128 + N when interrupted by signal N.`)
    .action(async (name: string, command: string[], options: SpawnOptions) => {
      const { spawn: work } = await import('../spawn.js');
      exit(await work(name, command, options));
    }));
};
