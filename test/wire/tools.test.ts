import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, wasmPath } from '../../src/base/paths.js';
import { Codec } from '../../src/wire/codec-module.js';
import { decode } from '../../src/wire/message.js';
import { type Ended, run, scratch } from '../support/process.js';
import { bytesOf, messages, vectors } from './vectors.js';

const tools = suite('warden wire decode and encode');
const directory = scratch();
tools.after(() => directory.remove());
const warden = `${packageRoot}build/js/src/cli/warden.cjs`;

function wire(args: string[], input: string | Buffer = ''): Promise<Ended> {
  return run([process.execPath, warden, 'wire', ...args], { input, env: { ...process.env, FORCE_COLOR: '' } });
}

async function made(...args: string[]): Promise<Buffer> {
  const { code, stdout, stderr } = await wire(['encode', ...args]);
  assert.equal([code, stderr], [0, '']);
  return stdout;
}

tools('decode shows a request field by field', async () => {
  const { code, stdout } = await wire(['decode', `${packageRoot}test/wire/vectors/argv-spaces-utf8.bin`]);
  assert.is(code, 0);
  for (const line of [
    'request, wsh → wshd: 9,656 bytes, good', '       8      4  argument-count  4', '      23     29    2             "echo \\"héllo 世界\\"; exit 7"',
    '    8216     24  limit-0         RLIMIT_AS (9), soft unlimited, hard unlimited', '    8576     24  limit-15        not used, zero',
  ]) assert.ok(`\n${stdout.toString()}`.includes(`\n${line}\n`), line);
});

tools('decode says what is wrong, where, and with which bytes', async () => {
  const { code, stdout } = await wire(['decode'], await made('request', '--field', 'limit-3-id=99', '--', 'true'));
  assert.is(code, 1);
  const text = stdout.toString();
  assert.match(text, /bad: it has a resource limit with an id that Linux does not know\n/);
  assert.match(text, /\noffset 8,288, limit-3-id: 99 is not allowed: 0 to 15 is\n/);
  assert.match(text, /\n {2}8288 {2}63 00 00 00/);
});

tools('decode says where a request is cut off, and how much is missing', async () => {
  const { code, stdout } = await wire(['decode'], bytesOf(vectors[0]!).subarray(0, 5000));
  assert.is(code, 1);
  assert.match(stdout.toString(), /ends after 5,000 of 9,656 bytes/);
  assert.match(stdout.toString(), /offset 5,000: the message ends here; arguments wants 3,204 more bytes/);
  assert.match(stdout.toString(), /it could also be: stream \(--as\)/);
});

tools('decode lists each thing that four bytes can be', async () => {
  const { code, stdout } = await wire(['decode', '--hex'], '00 00 00 09');
  assert.is(code, 0);
  assert.match(stdout.toString(), /^4 bytes can be each of these/);
  assert.match(stdout.toString(), /status\.sock: 4 bytes, killed by signal 9 \(SIGKILL\)\n/);
  assert.match(stdout.toString(), /stream, [^\n]*: 4 bytes, good\n/);
  assert.not.match(stdout.toString(), /exit status/);
});

tools('decode --as takes it for that and nothing else', async () => {
  const { code, stdout } = await wire(['decode', '--as', 'exit-status', '--hex'], '00 00 00 09');
  assert.is(code, 1);
  assert.match(stdout.toString(), /bad: it is no exit code\n/);
  assert.match(stdout.toString(), /exit-status: 150994944 is not allowed: 0 to 255 is/);
});

tools('decode --json, and encode of it, give the same bytes, also for bad messages', async () => {
  const bad = [Buffer.alloc(9656, 0xff), Buffer.from([1, 0]), Buffer.concat([bytesOf(vectors[0]!), Buffer.from('more')])];
  const good = [bytesOf(vectors[2]!), ...messages.filter(({ kind }) => kind === 'stream').map(({ hex }) => Buffer.from(hex, 'hex'))];
  for (const message of [...good, ...bad]) {
    const { stdout } = await wire(['decode', '--json'], message);
    const again = await wire(['encode', '--json', '-'], stdout);
    assert.equal([again.code, again.stderr], [0, '']);
    assert.ok(again.stdout.equals(message), message.subarray(0, 16).toString('hex'));
  }
});

tools('encode makes the bytes that an original wsh sent', async () => {
  for (const vector of vectors.filter(({ env }) => !Object.keys(env).some((name) => name.startsWith('RLIMIT_')))) {
    const options = [...(vector.user === null ? [] : ['--user', vector.user]), ...(vector.tty ? ['--tty'] : [])];
    const lang = vector.env.LANG === undefined ? [] : ['--lang', vector.env.LANG];
    assert.ok((await made('request', ...options, ...lang, '--', ...vector.argv)).equals(bytesOf(vector)), vector.file);
  }
});

const encoded: [args: string[], hex: string][] = [
  [['response'], '01000000'],
  [['exit-status', '42'], '2a000000'],
  [['exit-status', '--killed'], ''],
  [['status', '42'], '00002a00'],
  [['status', 'SIGKILL'], '00000009'],
  [['status', 'term'], '0000000f'],
  [['status', '0', '--field', 'status=0x8b'], '0000008b'],
  [['stream', '34465'], '000086a1'],
  [['stream', '0', 'hi'], '000000006869'],
  [['cursor', '100000', '4294967295'], '000186a0ffffffff'],
  [['signal', 'term'], '020000000f00000000000000'],
  [['signal', '9', '--field', 'target=1'], '020000000900000001000000'],
  [['record', '3'], `0200000003000000${'00'.repeat(12)}00030000${'00'.repeat(24)}`],
  [['record', 'KILL'], `0200000003000000${'00'.repeat(12)}09000000${'00'.repeat(24)}`],
  [['response', '--field', 'version=2', '--append', 'ff'], '02000000ff'],
  [['cursor', '1', '2', '--size', '3'], '000000'],
  [['response', '--size', '6'], '010000000000'],
  [['exit-status', '1', '--field', 'exit-status=hex:ab'], 'ab000000'],
];
for (const [args, hex] of encoded) tools(`encode ${args.join(' ')}`, async () => assert.is((await made(...args)).toString('hex'), hex));

tools('encode takes limits by name, unlimited and all', async () => {
  const message = await made('request', '--no-limits', '--limit', 'NOFILE=64:128', '--limit', 'RLIMIT_CPU=-1', '--', 'true');
  const { stdout } = await wire(['decode'], message);
  assert.match(stdout.toString(), /limit-0 +RLIMIT_NOFILE \(7\), soft 64, hard 128\n/);
  assert.match(stdout.toString(), /limit-1 +RLIMIT_CPU \(0\), soft unlimited, hard unlimited\n/);
  assert.match(stdout.toString(), /limit-count +2\n/);
});

tools('encode -o writes a file; JSON by hand may leave out what follows from the rest', async () => {
  const json = `${directory.path}/message.json`, file = `${directory.path}/message`;
  writeFileSync(json, '{"kind":"request","fields":{"arguments":["echo","hi"],"user":"vcap","tty":true,"limit-0-id":7,"limit-0-soft":"unlimited"}}');
  assert.equal(await made('--json', json, '-o', file), Buffer.alloc(0));
  const { fields, verdict } = decode(portableCodec(), 'request', readFileSync(file));
  const values = Object.fromEntries(fields.map(({ field, value }) => [field.name, value]));
  assert.is(verdict, 0);
  assert.equal([values.version, values.tty, values['argument-count'], values.arguments, values['limit-count'], values['limit-0-soft']],
    [1n, 1n, 2n, ['echo', 'hi'], 1n, 2n ** 64n - 1n]);
});

/** As a browser would load it. */
function portableCodec(): Codec { return new Codec(new WebAssembly.Module(readFileSync(wasmPath('codec')))); }

tools('what reads and makes messages asks nothing of Node', () => {
  for (const file of ['codec-module', 'request', 'message', 'recognise', 'json', 'hex', 'text']) {
    const source = readFileSync(`${packageRoot}src/wire/${file}.ts`, 'utf8');
    for (const [, from = ''] of source.matchAll(/from '([^']+)'/g)) assert.match(from, /^\.\/(codec-module|request|message|recognise|json|hex|text)\.js$/, file);
    assert.not.match(source, /\b(Buffer|process|require)[.(]/, file);
  }
});

const mistakes: [args: string[], input: string, words: RegExp][] = [
  [['decode', '/nonexistent'], '', /cannot read \/nonexistent: ENOENT/],
  [['decode', '--hex'], 'zz', /line 1: "zz" is not pairs of hexadecimal digits/],
  [['decode', '--hex'], 'write(3, "\\1\\0"..., 9656) = 9656', /line 1: strace has cut the string off/],
  [['decode', '--as', 'letter'], '', /Allowed choices are request/],
  [['encode'], '', /which message\? request, response/],
  [['encode', 'letter'], '', /there is no message letter/],
  [['encode', 'exit-status'], '', /the exit code is missing/],
  [['encode', 'exit-status', 'x'], '', /the exit code is "x", which is no number/],
  [['encode', 'status', '256'], '', /256 is no exit code/],
  [['encode', 'response', '1'], '', /"1" is one value too many/],
  [['encode', 'cursor', '1'], '', /the position on stderr is missing/],
  [['encode', 'cursor', '1', '4294967296'], '', /stderr: 4294967296 does not fit/],
  [['encode', 'signal', 'nonsense'], '', /the signal is "nonsense", which is no number/],
  [['encode', 'request-2', 'a', 'b'], '', /"b" is one value too many/],
  [['encode', 'cursor', '1', '2', '--user', 'x'], '', /--user.* are for a request/],
  [['encode', 'request', '--user', 'u'.repeat(32)], '', /user takes 33 bytes/],
  [['encode', 'request', '--limit', 'NONSENSE=1'], '', /--limit "NONSENSE=1" is not NAME=N/],
  [['encode', 'request', '--field', 'nonsense=1'], '', /a request has no field nonsense/],
  [['encode', 'request', '--field', 'tty'], '', /--field "tty" is not NAME=VALUE/],
  [['encode', 'request', '--field', 'user=hex:xyz'], '', /"xyz" is not pairs of hexadecimal digits/],
  [['encode', 'response', '--size', '-1'], '', /--size "-1" is not a number/],
  [['encode', 'response', '--append', '1'], '', /--append: "1" is not pairs/],
  [['encode', '--json', '-'], '{', /standard input is not JSON/],
  [['encode', '--json', '-'], '[]', /the message is not a JSON object/],
  [['encode', '--json', '-'], '{"kind":"x"}', /"kind" is "x"; it is one of request/],
  [['encode', '--json', '-'], '{"kind":"response","fields":{"version":1.5}}', /version is 1.5, which is no value/],
  [['encode', '--json', '-'], '{"kind":"response","bytes":-1}', /"bytes" is -1/],
  [['encode', 'cursor', '--json', '-'], '{"kind":"response"}', /the JSON says what the message is/],
];
for (const [args, input, words] of mistakes) {
  tools(`${args.join(' ')}${input === '' ? '' : ` of ${input}`}: exit code 2, one sentence, nothing made`, async () => {
    const ended = await wire(args, input);
    assert.is(ended.code, 2);
    assert.match(ended.stderr, words);
    assert.is(ended.stderr.trim().split('\n').length, 1);
    assert.is(ended.stdout.length, 0);
  });
}

tools('nothing is lost in silence when standard output cannot be written', async () => {
  if (!existsSync('/dev/full')) return;
  const full = openSync('/dev/full', 'w');
  try {
    for (const args of [['encode', 'response'], ['decode', `${packageRoot}test/wire/vectors/argv-spaces-utf8.bin`]]) {
      const ended = await run([process.execPath, warden, 'wire', ...args], { stdio: ['ignore', full, 'pipe'] });
      assert.is(ended.code, 1);
      assert.is(ended.stderr, 'warden wire: cannot write to standard output: ENOSPC: no space left on device\n');
    }
  } finally {
    closeSync(full);
  }
});

tools('encode says when its file cannot be written: exit code 1', async () => {
  const ended = await wire(['encode', 'response', '-o', `${directory.path}/none/file`]);
  assert.is(ended.code, 1);
  assert.match(ended.stderr, /cannot write .*ENOENT: no such file or directory\n$/);
});

tools.run();
