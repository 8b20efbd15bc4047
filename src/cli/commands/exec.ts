import type { ExecOptions } from '../exec.js';
import type { Define } from './command.js';
import { ContainerCommand } from './container.js';
import { depot, timeout, user } from './options.js';

export const exec: Define = (program, exit) => {
  program.addCommand(new ContainerCommand('exec').copyInheritedSettings(program)
    .summary('run a command in a container')
    .description('Runs a command, or without one the user\'s login shell, in a container that is there.')
    .usage('CONTAINER [OPTION...] [--] [COMMAND [ARGUMENT...]]')
    .argument('<container>', 'its id, or its directory')
    .argument('[command...]', 'the command and its arguments')
    .addOption(user())
    .addOption(timeout())
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden exec web                                  a shell, at a terminal
  warden exec web --user vcap -- ls -l /www
  tar c src | warden exec web -- tar x -C /tmp     standard input is passed on
  warden exec web --timeout 500ms -- make test

Exit code:
  the command's; 255 when it was killed or could not be executed, or the
  container has ended; 124 when it was killed because its time was over; 1
  when there is no such container; 2 for a command line that makes no sense.`)
    .action(async (name: string, command: string[], options: ExecOptions) => {
      const { exec: work } = await import('../exec.js');
      exit(await work(name, command, options));
    }));
};
