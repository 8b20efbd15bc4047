import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { parseFlags } from '../../src/client/command/flags.js';
import { helpOf, kindOfCommand } from '../../src/client/command/text.js';
import { splitWords } from '../../src/client/command/words.js';
import { requestFrame } from '../../src/proto/message.js';
import { type Ended, run } from '../support/process.js';
import { type FakeServer, startFake } from './support/fake.js';
import { exchange } from './support/vectors.js';

const command = suite('server client');
let fake: FakeServer;
command.before(async () => { fake = await startFake(); });
command.after(async () => { await fake.close(); });

function warden(words: readonly string[], input?: string, options: readonly string[] = []): Promise<Ended> {
  const argv = [process.execPath, `${packageRoot}build/js/src/cli/warden.cjs`, 'client', '--socket', fake.socketPath, ...options];
  const env = { ...process.env, HOME: '/nonexistent' };
  return run([...argv, ...(words.length > 0 ? ['--', ...words] : [])], { env, ...(input === undefined ? {} : { input }) });
}

const parse = (line: string): Buffer => {
  const [name = '', ...args] = splitWords(line), kind = kindOfCommand(name)!;
  return requestFrame(kind, parseFlags(args, kind.request));
};

command('flags make the bytes that the original client sent', () => {
  const lines: Record<string, string> = {
    'ping': 'ping', 'echo': 'echo --message "hello warden"', 'net_in-both': 'net_in --handle named --container_port 8083 --host_port 8082',
    'create-all-fields': 'create --bind_mounts[0].src_path /tmp/src --bind_mounts[0].dst_path /tmp/ro --bind_mounts[0].mode RO '
      + '--bind_mounts[1].src_path /tmp/outdir --bind_mounts[1].dst_path /tmp/rw --bind_mounts[1].mode RW --grace_time 600 --handle named '
      + '--network 10.254.0.130 --rootfs /tmp/warden/rootfs',
    'net_out-icmp': 'net_out --handle named --network 198.51.100.80 --protocol ICMP --icmp_type -1 --icmp_code -1',
    'limit_disk-set': 'limit_disk --handle named --byte_limit 4000 --block_soft 3 --inode 77',
  };
  for (const [name, line] of Object.entries(lines)) assert.equal(parse(line), exchange(name).request, name);
});

command('flags that make no sense are named', () => {
  const wrong: Record<string, string> = {
    'create --handle': 'Invalid flag: \'--handle\'.', 'create web': 'Invalid flag: \'web\'.',
    'create --nothing x': 'In flag: \'--nothing\', the field: \'nothing\' is invalid.',
    'create --bind_mounts.src_path x': 'In flag: \'--bind_mounts.src_path\', the field: \'bind_mounts\' is not indexed.',
    'create --bind_mounts[x].src_path x': 'In flag: \'--bind_mounts[x].src_path\', the field: \'bind_mounts\' is not indexed correctly.',
    'create --bind_mounts[1].src_path x': 'In flag: \'--bind_mounts[1].src_path\', the field: \'bind_mounts\' is not indexed correctly.',
    'create --handle[0] x': 'In flag: \'--handle[0]\', the field: \'handle\' is not indexed correctly.',
    'create --grace_time -1': 'Invalid flag: \'--grace_time\': -1 is out of range.',
    'create --grace_time 1e3': 'Invalid flag: \'--grace_time\': 1e3 is no whole number.',
    'net_out --handle h --protocol SCTP': 'Invalid flag: \'--protocol\': SCTP is none of TCP, UDP, ICMP, ALL.',
    'info': 'The field: \'handle\' is required.',
    'create --bind_mounts[0].src_path x': 'The field: \'dst_path\' is required.',
  };
  for (const [line, sentence] of Object.entries(wrong)) {
    assert.throws(() => parse(line), (error: unknown) => (error as Error).message === sentence, line);
  }
});

command('words are quoted as for a shell', () => {
  assert.equal(splitWords('run  --script \'echo "a b"\' "" x\\ y "it\'s \\"so\\""'), ['run', '--script', 'echo "a b"', '', 'x y', 'it\'s "so"']);
  assert.throws(() => splitWords('echo "x'), /not closed/);
});

command('help shows what a command takes', () => {
  assert.equal(helpOf('spawn').split('\n').slice(0, 8), [
    'command: spawn', 'description: Spawns a job inside a container and returns the job id.', 'usage: spawn [options]', '',
    '[options] can be one of the following:', '', '    --handle <handle> (string)  # required', '    --script <script> (string)  # required',
  ]);
  assert.match(helpOf('spawn'), /^ {4}\[--privileged\] {2}# optional$/m);
  assert.match(helpOf('spawn'), /^ {4}\[--log_tag <log_tag> \(string\)\] {2}# optional$/m);
});

command('answers are lines; run passes output and status on', async () => {
  const made = await warden(['create', '--handle', 'web']);
  assert.equal([made.code, made.stdout.toString()], [0, 'handle : web\n']);
  assert.equal((await warden(['list'])).stdout.toString(), 'handles[0] : web\n');
  assert.match((await warden(['info', '--handle', 'web'])).stdout.toString(), /^state : active\n[^]*^bandwidth_stat\.in_rate : 4294967295$/m);
  const ran = await warden(['run', '--handle', 'web', '--script', 'out one\nerr two\nexit 7']);
  assert.equal([ran.code, ran.stdout.toString(), ran.stderr], [7, 'one', 'two']);
  assert.equal((await warden(['ping'])).stdout.toString(), '');
});

command('errors are sentences on stderr', async () => {
  const unknown = await warden(['info', '--handle', 'nobody']);
  assert.equal([unknown.code, unknown.stderr], [1, 'unknown handle\n']);
  const none = await warden(['x']);
  assert.equal([none.code, none.stderr], [2, 'Command: \'x\' is non-existent.\n']);
});

command('commands come one a line, and end at the first failure where that is asked for', async () => {
  const lines = 'echo --message one\nx\necho --message two\n';
  const all = await warden([], lines, ['--trace']);
  assert.equal([all.code, all.stdout.toString()], [0, '+ echo --message one\nmessage : one\n+ x\n+ echo --message two\nmessage : two\n']);
  const first = await warden([], lines, ['--exit_on_error']);
  assert.equal([first.code, first.stdout.toString()], [2, 'message : one\n']);
});

command('a recorded stream of frames is shown frame by frame', async () => {
  const decode = (...args: string[]): Promise<Ended> => run([process.execPath, `${packageRoot}build/js/src/cli/warden.cjs`, 'wire', 'decode', '--as', ...args]);
  const stream = await decode('server-responses', `${packageRoot}test/server/vectors/stream.reply.bin`);
  assert.is(stream.code, 0);
  assert.match(stream.stdout.toString(), /^0: Stream, 15 bytes\n {2}name : stdout\n {2}data : A\n21: Stream, 15 bytes\n/);
  const bad = await decode('server-requests', `${packageRoot}test/server/vectors/required-missing.request.bin`, '--json');
  assert.equal([bad.code, (JSON.parse(bad.stdout.toString()) as { frames: { problem: string }[] }).frames[0]!.problem], [
    1, 'InfoRequest without its required field handle',
  ]);
});

command.run();
