#!/usr/bin/env node
/** The command `warden`: tables of what there is; the work is loaded when it is asked for. */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Command, CommanderError, Option } from 'commander';
import { packageRoot } from '../paths.js';
import { EXIT_FAILED, EXIT_USAGE, type RunOptions } from './exit.js';

const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

const terminals = [0, 1, 2].filter(isatty);
let exitCode = 0;

const program = new Command('warden')
  .description('Runs commands in containers: Linux namespaces with a wshd as their first process.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .enablePositionalOptions()
  .showSuggestionAfterError(false)
  .exitOverride()
  .configureOutput({
    outputError: (text, write) => write(`warden: ${text.trimEnd().replace(/^error: /, '')}; --help shows what there is\n`),
  });

program.command('run')
  .summary('run a command in a container of its own')
  .description('Makes a container, runs the command in it in the foreground, removes the container.')
  .usage('[--root DIR] [--user NAME] [--depot DIR] -- COMMAND [ARGUMENT...]')
  .argument('<command...>', 'the command and its arguments')
  .option('--root <dir>', 'the container\'s root file system (default: a small one with the host\'s /usr)')
  .option('--user <name>', 'who runs the command, from the container\'s /etc/passwd (default: root)')
  .addOption(new Option('--depot <dir>', 'where the containers\' directories are').env('WARDEN_DEPOT').default('/run/warden'))
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
    const { run } = await import('./run.js');
    exitCode = await run(command, options);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`warden: ${error instanceof Error ? error.stack : String(error)}\n`);
    exitCode = EXIT_FAILED;
  }
}
if (terminals.every(isatty)) process.exit(exitCode);
// The terminal has gone, and in its exit Node would abort over that (nodejs/node#58200): we end as by the hangup itself.
process.removeAllListeners('SIGHUP');
process.kill(process.pid, 'SIGHUP');
