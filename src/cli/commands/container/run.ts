import type { RunOptions } from '../../actions/container/run.js';
import type { Define } from '../define.js';
import { commandSettings, containerSettings, streams, timeout, ulimit } from '../options.js';

export const run: Define = (program, exit) => {
  streams(commandSettings(containerSettings(program.command('run'))))
    .summary('run a command in a container of its own')
    .description('Makes a container, runs the command in it in the foreground, removes the container.')
    .usage('[OPTION...] [--] COMMAND [ARGUMENT...]')
    .argument('<command...>', 'the command and its arguments')
    .addOption(ulimit())
    .addOption(timeout())
    .passThroughOptions()
    .addHelpText('after', `
Examples:
  warden run -- sh -c 'echo hello from $(hostname)'
  warden run --user vcap -- bash                      a shell, at a terminal
  tar c src | warden run -- tar tv                    standard input is passed on
  warden run --root /srv/debian -- ls /               in a root file system of your own
  warden run --memory 64M --timeout 10 -- make test   with limits
  warden run --bind .:/src:ro -- ls /src              with a directory of the host, read-only

Exit code:
  the command's; 255 when it was killed or could not be executed; 137 when it
  was killed because memory ran out; 124 when it was killed because of
  --timeout; 1 when the container could not be made or removed; 2 for an
  invalid command line; 128 + N when interrupted by signal N.`)
    .action(async (command: string[], options: RunOptions) => {
      const { run: work } = await import('../../actions/container/run.js');
      exit(await work(command, options));
    });
};
