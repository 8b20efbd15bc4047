import type { RunOptions } from '../run.js';
import type { Define } from './command.js';
import { depot } from './options.js';

export const run: Define = (program, exit) => {
  program.command('run')
    .summary('run a command in a container of its own')
    .description('Makes a container, runs the command in it in the foreground, removes the container.')
    .usage('[--root DIR] [--user NAME] [--depot DIR] -- COMMAND [ARGUMENT...]')
    .argument('<command...>', 'the command and its arguments')
    .option('--root <dir>', 'the container\'s root file system (default: a small one with the host\'s /usr)')
    .option('--user <name>', 'who runs the command, from the container\'s /etc/passwd (default: root)')
    .addOption(depot())
    .passThroughOptions()
    .addHelpText('after', `
Examples:
  warden run -- sh -c 'echo hello from $(hostname)'
  warden run --user vcap -- bash          a shell, at a terminal
  tar c src | warden run -- tar tv        standard input is passed on
  warden run --root /srv/debian -- ls /   in a root file system of one's own

Exit code:
  the command's; 255 when it was killed or could not be executed; 1 when the container could not be made or removed;
  2 for a command line that makes no sense; 128 + N when interrupted by signal N.`)
    .action(async (command: string[], options: RunOptions) => {
      const { run: work } = await import('../run.js');
      exit(await work(command, options));
    });
};
