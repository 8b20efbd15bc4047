/** The command `warden`: tables of what there is; the work is loaded when it is asked for. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { WardenError } from '../container/error.js';
import { packageRoot } from '../paths.js';
import { commands } from './commands/index.js';
import { EXIT_FAILED, EXIT_USAGE } from './exit.js';

const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

export async function main(argv: readonly string[]): Promise<void> {
  process.exit(await perform(argv, (text) => { process.stderr.write(text); }));
}

/** Of commander's, whose guess at what was meant stands on a line of its own. */
function oneSentence(text: string): string {
  return text.trimEnd().replace(/^error: /, '').replace(/\.?\n\((Did you mean .*)\)$/, ' ($1)').replace(/\.$/, '');
}

/** Does what the command line says; the exit code. `say` gets sentences for people about what failed. */
export async function perform(argv: readonly string[], say: (text: string) => void): Promise<number> {
  let exitCode = 0;
  const program = new Command('warden')
    .description('Runs commands in containers: Linux namespaces with a wshd as their first process.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text) => say(`warden: ${oneSentence(text)}; --help shows what there is\n`),
    });
  for (const define of commands) define(program, (code) => { exitCode = code; });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof WardenError)) {
      say(`warden: ${error instanceof Error ? error.stack : String(error)}\n`);
      return EXIT_FAILED;
    }
    say(`warden ${argv[0]}: ${error.message}\n`);
    return error.isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}
