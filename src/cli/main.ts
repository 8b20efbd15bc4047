#!/usr/bin/env node
/** The command `warden`: tables of what there is; the work is loaded when it is asked for. */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../paths.js';
import { commands } from './commands/index.js';
import { EXIT_FAILED, EXIT_USAGE } from './exit.js';

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

for (const define of commands) define(program, (code) => { exitCode = code; });

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
