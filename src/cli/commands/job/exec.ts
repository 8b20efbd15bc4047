import type { ExecOptions } from '../../actions/job/exec.js';
import type { Define } from '../define.js';
import { ContainerCommand } from '../container-command.js';
import { commandSettings, depot, streams, timeout, ulimit } from '../options.js';

export const exec: Define = (program, exit) => {
  program.addCommand(streams(commandSettings(new ContainerCommand('exec').copyInheritedSettings(program)
    .summary('run a command in a container')
    .description('Runs a command, or without one the user\'s login shell, in an existing container.')
    .usage('CONTAINER [OPTION...] [--] [COMMAND [ARGUMENT...]]')
    .argument('<container>', 'its id, or its directory')
    .argument('[command...]', 'the command and its arguments')))
    .addOption(ulimit())
    .addOption(timeout())
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden exec web                                  a shell, at a terminal
  warden exec web --user vcap -- ls -l /www
  warden exec web -e A=b -w /srv -u 1000:1000 -- env
  tar c src | warden exec web -- tar x -C /tmp     standard input is passed on
  while read x; do warden exec web -n -- echo $x; done <list
  warden exec web --timeout 500ms -- make test

Exit code:
  the command's; 255 when it was killed or could not be executed, or the
  container has ended; 124 when it was killed because of --timeout; 1 when
  there is no such container; 2 for an invalid command line.`)
    .action(async (name: string, command: string[], options: ExecOptions) => {
      const { exec: work } = await import('../../actions/job/exec.js');
      exit(await work(name, command, options));
    }));
};
