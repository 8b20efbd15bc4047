import type { ExecOptions } from '../exec.js';
import type { Define } from './command.js';
import { ContainerCommand } from './container.js';
import { depot } from './options.js';

export const exec: Define = (program, exit) => {
  program.addCommand(new ContainerCommand('exec').copyInheritedSettings(program)
    .summary('run a command in a container')
    .description('Runs a command, or a shell, in a container that is there.')
    .usage('[--user NAME] [--depot DIR] CONTAINER [-- COMMAND [ARGUMENT...]]')
    .argument('<container>', 'its id, or its directory')
    .argument('[command...]', 'the command and its arguments')
    .option('--user <name>', 'who runs the command, from the container\'s /etc/passwd (default: root)')
    .addOption(depot())
    .action(async (name: string, command: string[], options: ExecOptions) => {
      const { exec: work } = await import('../exec.js');
      exit(await work(name, command, options));
    }));
};
