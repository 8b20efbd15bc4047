import { Argument } from 'commander';
import type { Shell } from '../completion/scripts.js';
import type { Define } from './define.js';

export const completion: Define = (program, exit) => {
  program.command('completion')
    .summary('print a script by which a shell completes warden\'s command lines')
    .description('Prints a script for a shell, which completes commands, options, containers and jobs.')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', `
Examples:
  source <(warden completion bash)                       for this bash
  warden completion bash > /etc/bash_completion.d/warden
  warden completion zsh > /usr/local/share/zsh/site-functions/_warden
  warden completion fish > ~/.config/fish/completions/warden.fish

Exit code:
  0; 2 for another shell.`)
    .action(async (shell: Shell) => {
      const { completion: work } = await import('../completion/scripts.js');
      exit(await work(shell));
    });
  // The scripts call this with the words of a command line; the last word may be incomplete.
  program.command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { answer } = await import('../completion/scripts.js');
      exit(await answer(program, words));
    });
};
