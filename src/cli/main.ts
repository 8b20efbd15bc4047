/** The command `warden`: the tables of commands and options. A command's action is loaded when it is called. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { WardenError } from '../base/errors.js';
import { packageRoot } from '../base/paths.js';
import { commands } from './commands/index.js';
import { EXIT_FAILED, EXIT_USAGE } from './exit-codes.js';

const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

export async function main(argv: readonly string[]): Promise<void> {
  if (isGarbled(argv)) {
    process.stderr.write('warden: an argument is not UTF-8, and Node would pass on another one in its place; put it into a script, or pass it on standard input\n');
    process.exit(EXIT_USAGE);
  }
  process.exit(await perform(argv, (text) => { process.stderr.write(text); }));
}

/** Whether Node has replaced invalid UTF-8 by U+FFFD: a command would run with arguments that the caller has not given. */
function isGarbled(argv: readonly string[]): boolean {
  return process.platform === 'linux' && argv.some((argument) => argument.includes('\uFFFD')) && !isUtf8(readFileSync('/proc/self/cmdline'));
}

/** Commands of podman that are called otherwise here, or that there are not, and why. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ...['build', 'commit', 'export', 'images', 'import', 'load', 'pull', 'push', 'rmi', 'save', 'search', 'tag'].map((name): [string, string] => (
    [name, 'warden has no images; --root DIR runs in a directory, and docs/guides/images.md makes one of an image'])),
  ['start', '"warden create" starts the container, too'],
  ['restart', '"warden destroy" and "warden create" make it anew'],
  ['attach', '"warden link" follows a job, "warden exec" gives a shell'],
  ['top', 'it is "warden ps CONTAINER"'],
  ['stats', '"warden info" shows memory and processor time'],
  ['port', 'a container has its own network, or one by --network: docs/guides/network.md'],
  ['network', 'a container has its own network, or one by --network: docs/guides/network.md'],
  ['volume', '--bind makes a directory of the host visible'],
]);

/** Joins commander's two-line message ('… (Did you mean …?)') into one sentence. */
function oneSentence(text: string): string {
  return text.trimEnd().replace(/^error: /, '').replace(/\.?\n\((Did you mean .*)\)$/, ' ($1)').replace(/\.$/, '');
}

/** What is wrong with a command line, and where help is. */
function complaint(text: string, program: Command, [name = '']: readonly string[]): string {
  const command = program.commands.find((each) => each.name() === name || each.aliases().includes(name));
  if (command) return `warden ${command.name()}: ${oneSentence(text)}; "warden ${command.name()} --help" shows what there is\n`;
  const why = FOREIGN.get(name);
  return why === undefined ? `warden: ${oneSentence(text)}; --help shows what there is\n` : `warden: there is no command ${name}: ${why}\n`;
}

/** Runs the command and returns its exit code. `say` receives sentences about failures. */
export async function perform(argv: readonly string[], say: (text: string) => void): Promise<number> {
  let exitCode = 0, help = '';
  const program = new Command('warden')
    .description('Runs commands in containers: Linux namespaces with a wshd as their first process.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => { help += text; },
      outputError: (text) => say(complaint(text, program, argv)),
    });
  for (const define of commands) define(program, (code) => { exitCode = code; });
  const parse = async (): Promise<number> => {
    try {
      await program.parseAsync(argv, { from: 'user' });
      return exitCode;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.exitCode !== 0) return EXIT_USAGE;
      const { print } = await import('./support/print.js');
      await print(help);
      return 0;
    }
  };
  try {
    return await parse();
  } catch (error) {
    if (!(error instanceof WardenError)) {
      say(`warden: ${error instanceof Error ? error.stack : String(error)}\n`);
      return EXIT_FAILED;
    }
    say(`${['warden', ...argv.slice(0, 1).filter((word) => !word.startsWith('-'))].join(' ')}: ${error.message}\n`);
    return error.isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}
