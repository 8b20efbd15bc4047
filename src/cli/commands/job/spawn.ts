import { InvalidArgumentError, Option } from 'commander';
import type { SpawnOptions } from '../../actions/job/spawn.js';
import { BOUNDS } from '../../../index.js';
import type { Define } from '../define.js';
import { ContainerCommand } from '../container-command.js';
import { commandSettings, depot, durationOrZero, integer, json, size, ulimit } from '../options.js';

function ring(text: string): number {
  const bytes = size(text), { min, max } = BOUNDS.ringBytes;
  if (bytes < min || bytes > max) throw new InvalidArgumentError('It must be a size from 4K to 64M.');
  return bytes;
}

function logSize(text: string): number {
  const bytes = size(text);
  if (bytes > BOUNDS.logBytes.max) throw new InvalidArgumentError('It must be a size up to 1G.');
  return bytes;
}

/** iomux-spawn counts whole seconds. */
function linger(text: string): number {
  const ms = durationOrZero(text);
  if (ms % 1_000 !== 0 || ms > BOUNDS.lingerSeconds.max * 1_000) throw new InvalidArgumentError('It must be whole seconds, at most 1d.');
  return ms;
}

export const spawn: Define = (program, exit) => {
  program.addCommand(commandSettings(new ContainerCommand('spawn').copyInheritedSettings(program)
    .summary('start a job in a container')
    .description('Starts a command as a job, which outlives this command, and prints the job\'s id. "warden link" prints its output.')
    .usage('CONTAINER [OPTION...] [--] COMMAND [ARGUMENT...]')
    .argument('<container>', 'its id, or its directory')
    .argument('<command...>', 'the command and its arguments'))
    .option('--name <name>', 'the job\'s id: letters, digits, ".", "_", "-" (default: made from the time)')
    .option('--wait-for-link', 'start the command when its first link is connected, which then misses nothing')
    .addOption(new Option('--ring <size>', 'size of each stream\'s buffer for later links, 4K to 64M (default: 64K)').argParser(ring))
    .addOption(new Option('--slow-reader <how>', 'when a link does not read: block the command, or disconnect the link (default: block)').choices(['block', 'disconnect']))
    .addOption(new Option('--linger <duration>', 'time after its end for which output and exit code are kept: seconds, or 5m, 2h (default: 10m)').argParser(linger))
    .option('--input <file>', 'what the command reads: a file, a FIFO, which stays open for later writers, or - for standard input (default: nothing)')
    .option('--log <file>', 'write the output to a file, each line with its time, for "warden logs"')
    .addOption(new Option('--log-size-max <size>', 'rename a log of this size to FILE.1 and begin a new one, at most 1G (default: no limit)').argParser(logSize))
    .addOption(new Option('--log-max-files <count>', 'how many older files of the log are kept, 0 to 9 (default: 1)').argParser(integer(BOUNDS.logFiles)))
    .addOption(ulimit())
    .addOption(depot())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden spawn web -- make test
  warden spawn web --log /var/log/web.log --log-size-max 10M -- server
  job=$(warden spawn web --user vcap -- sh -c 'sleep 60; date') && warden link web $job

Exit code:
  0 when the job has started; 1 when it could not be started; 2 for an invalid
  command line; 128 + N when interrupted by signal N.`)
    .action(async (name: string, command: string[], options: SpawnOptions) => {
      const { spawn: work } = await import('../../actions/job/spawn.js');
      exit(await work(name, command, options));
    }));
};
