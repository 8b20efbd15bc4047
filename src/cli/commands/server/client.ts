import { Option } from 'commander';
import type { ClientOptions } from '../../actions/server/client.js';
import type { Define } from '../define.js';

export const client: Define = (program, exit) => {
  program.command('client')
    .summary('send commands to a server')
    .description('Sends commands to a server, as the original client: one from the command line, or one a line of standard input.')
    .usage('[OPTION...] [-- COMMAND [--FIELD VALUE...]]')
    .argument('[command...]', 'a request, as create, run or net_in; help lists all')
    .addOption(new Option('--socket <path>', 'the server\'s socket').default('/tmp/warden.sock'))
    .option('--trace', 'print each command before it is sent')
    .addOption(new Option('--exit_on_error', 'end at the first command that fails'))
    .passThroughOptions()
    .addHelpText('after', `
Examples:
  warden client -- create --handle web --bind_mounts[0].src_path /srv \\
    --bind_mounts[0].dst_path /srv --bind_mounts[0].mode RO
  warden client -- run --handle web --script 'echo hello'
  warden client -- help                   all commands
  warden client -- create --help          the fields of one
  warden client < commands

Exit code:
  0; run: its job's exit status; 1 when the server answers with an error, or
  cannot be reached; 2 for a command or flag that makes no sense.`)
    .action(async (words: string[], options: ClientOptions & { exit_on_error?: boolean }) => {
      const { client: work } = await import('../../actions/server/client.js');
      exit(await work(words, { ...options, exitOnError: options.exit_on_error ?? false }));
    });
};
