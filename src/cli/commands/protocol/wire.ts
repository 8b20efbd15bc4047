import { type Command, Option } from 'commander';
import type { Define } from '../define.js';
import type { CheckOptions } from '../../actions/protocol/wire/check.js';
import type { DecodeOptions } from '../../actions/protocol/wire/decode.js';
import type { EncodeOptions } from '../../actions/protocol/wire/encode.js';
import type { Exit } from '../define.js';

const KINDS = ['request', 'response', 'exit-status', 'status', 'stream', 'cursor', 'request-2', 'record', 'signal'];

/** An option that may be given several times. */
function several(value: string, before: string[] = []): string[] { return [...before, value]; }

export const wire: Define = (program, exit) => {
  const group = program.command('wire')
    .summary('read, make and check messages of the protocol')
    .description('Messages between wsh, wshd, iomux-spawn and iomux-link: docs/reference/protocol.md. decode and encode run on any system, as any user.');
  decode(group, exit);
  encode(group, exit);
  check(group, exit);
};

function decode(group: Command, exit: Exit): void {
  group.command('decode')
    .summary('show a message field by field, and what is wrong with it')
    .description('Shows a message field by field, with offsets, and says what is wrong with a bad one, and where.')
    .argument('[file]', 'the message (default, or "-": standard input)')
    .addOption(new Option('--as <kind>', 'what it is (default: what its size and beginning say)').choices([...KINDS, 'server-requests', 'server-responses']))
    .option('--hex', 'the input is text: hexadecimal digits, or what strace, socat -x, xxd, hexdump -C or od print')
    .option('--json', 'print JSON, which `warden wire encode --json` makes the same bytes of')
    .addHelpText('after', `
Examples:
  warden wire decode request.bin
  warden wire decode --as cursor job.cursor
  warden wire decode --as server-requests recorded.bin
  strace -xx -s 65536 -e trace=write,sendto wsh true 2>&1 | grep '9656)' | warden wire decode --hex
  echo '00 00 00 09' | warden wire decode --hex
  warden wire decode --json request.bin | jq .readings[0].fields.arguments.value

Exit code:
  0 for a valid message; 1 for an invalid or incomplete one; 2 for bad input or an invalid command line.`)
    .action(async (file: string | undefined, options: DecodeOptions) => {
      const { decode: work } = await import('../../actions/protocol/wire/decode.js');
      exit(await work(file, options));
    });
}

function encode(group: Command, exit: Exit): void {
  group.command('encode')
    .summary('make a message, good or bad')
    .description('Makes a message: of what is given, of JSON, or both. Nothing keeps it from being a bad one, for tests of who receives it.')
    .usage('[options] KIND [VALUE...]')
    .argument('[kind]', KINDS.join(', '))
    .argument('[values...]', 'request: the command; exit-status: CODE; status: CODE or SIGNAL; stream: POSITION [TEXT]; cursor: STDOUT STDERR; request-2: [FILE]; record: CODE or SIGNAL; signal: SIGNAL')
    .option('--user <name>', 'request: who runs the command')
    .option('--lang <value>', 'request: LANG')
    .option('--tty', 'request: ask for a terminal')
    .option('--limit <name=value>', 'request: NAME=N or NAME=SOFT:HARD, instead of what wsh sends by default; -1 is unlimited', several)
    .option('--no-limits', 'request: only those of --limit')
    .option('--killed', 'exit-status: no bytes at all, as for a command that was killed')
    .option('--json <file>', 'what `warden wire decode --json` printed, or the like by hand ("-": standard input)')
    .option('--field <name=value>', 'set a field, whatever it may hold: a number, a text, or hex:DIGITS', several)
    .option('--append <digits>', 'hexadecimal digits of bytes behind the end')
    .option('--size <bytes>', 'cut it there, or let zeros follow up to there')
    .option('-o, --output <file>', 'where it goes (default: standard output, if that is no terminal)')
    .addHelpText('after', `
Examples:
  warden wire encode request --user vcap --limit NOFILE=64:128 -o request.bin -- sh -c 'echo $USER'
  warden wire encode status SIGKILL | xxd
  warden wire encode cursor 34465 0 -o job.cursor
  warden wire encode request --field argument-count=-1 | warden wire decode
  warden wire decode --json request.bin | warden wire encode --json - | cmp - request.bin

Exit code:
  0 when it was made; 1 when it cannot be written; 2 for values that no message can have, or an invalid command line.`)
    .action(async (kind: string | undefined, values: string[], options: EncodeOptions) => {
      const { encode: work } = await import('../../actions/protocol/wire/encode.js');
      exit(await work(kind, values, options));
    });
}

function check(group: Command, exit: Exit): void {
  group.command('check')
    .summary('check a live wshd, iomux-spawn or wsh against the protocol')
    .description('Talks to a program, ours or any other, and prints which of the protocol\'s rules hold. On Linux.')
    .option('--server <path>', 'a server by its socket; containers are made, and destroyed')
    .option('--socket <path>', 'a wshd by its socket; commands are run in its container, by /bin/sh')
    .option('--iomux <dir>', 'a job\'s directory, of an iomux-spawn that is running; several links are made, and its end is waited for')
    .option('--wsh <program>', 'a wsh, which is run against a wshd of our own')
    .addOption(new Option('--only <level>', 'only cases that are "required" by the protocol, or "ours" beyond it').choices(['required', 'ours']))
    .option('--timeout <seconds>', 'how long --iomux waits for the end of the job', '30')
    .option('--json', 'print JSON')
    .addHelpText('after', `
A wshd that trusts its clients may not survive the cases of "ours": --only required leaves them out.
Cases are "required" where the protocol asks for them, "ours" where the programs of this package do better than it asks.

Examples:
  warden wire check --server /tmp/warden.sock
  warden wire check --socket run/wshd.sock
  iomux-spawn jobs/1 sh -c 'seq 100000; sleep 2; exit 42' & warden wire check --iomux jobs/1
  warden wire check --wsh /usr/local/bin/wsh --only required

Exit code:
  0 when all cases that could be tried hold; 1 when one does not, or nobody answers; 2 for an invalid command line;
  128 + N when interrupted by signal N.`)
    .action(async (options: CheckOptions) => {
      const { check: work } = await import('../../actions/protocol/wire/check.js');
      exit(await work(options));
    });
}
