import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/base/paths.js';
import { decodeRequest, type Request } from '../../src/wire/codec.js';
import { run, scratch, until } from '../support/process.js';
import { noPrograms, unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { type Listener, listen } from './listener.js';
import { bytesOf, LIMITS, requestOf, type Vector, vectors } from './vectors.js';

const UNLIMITED = 2n ** 64n - 1n;
const requests = suite('requests of the native wsh');
const request = unless(noPrograms, requests);
const wsh = programPath('wsh');
let directory: ReturnType<typeof scratch>;
let listener: Listener;

requests.before(async () => {
  directory = scratch();
  listener = await listen(`${directory.path}/wshd.sock`);
});
requests.after(() => {
  listener.close();
  directory.remove();
});

/** The next message that comes. */
async function nextMessage(send: () => Promise<unknown>): Promise<Buffer> {
  const count = listener.received.length;
  await send();
  await until(() => listener.received.length > count, 'the connection ends');
  assert.is(listener.received.length, count + 1);
  return listener.received[count]!;
}

/** What wsh sends when it is started so. */
async function sent(args: string[], env: Record<string, string> = {}): Promise<Request> {
  const message = await nextMessage(async () => {
    const ended = await run([wsh, '--socket', listener.path, ...args], { env });
    assert.is(ended.code, 255);
    assert.match(ended.stderr, 'wshd refused the request');
  });
  const { request: decoded, refusal } = decodeRequest(message);
  assert.ok(decoded, refusal?.reason);
  return decoded;
}

async function sendVector(vector: Vector): Promise<void> {
  const argv = [wsh, '--socket', listener.path, ...(vector.user === null ? [] : ['--user', vector.user]), ...vector.argv];
  if (!vector.tty) {
    await run(argv, { env: vector.env });
    return;
  }
  // The driver needs a PATH, wsh must not have what the vector does not say.
  const environment = Object.entries(vector.env).map(([name, value]) => `${name}=${value}`);
  const terminal = new Terminal(['env', '-i', ...environment, ...argv]);
  assert.is(await terminal.ends(), 255);
  await terminal.close();
}

for (const vector of vectors) {
  request(`${vector.file}: the original's bytes`, async () => {
    const message = await nextMessage(() => sendVector(vector));
    assert.ok(message.equals(bytesOf(vector)), 'the bytes differ');
    assert.is(createHash('sha256').update(message).digest('hex'), vector.sha256);
    assert.equal(decodeRequest(message), { request: requestOf(vector) });
  });
}

request('the default socket is run/wshd.sock', async () => {
  const other = scratch();
  const { stderr, code } = await run([wsh, 'true'], { cwd: other.path, env: {} });
  other.remove();
  assert.is(code, 255);
  assert.match(stderr, 'wsh: cannot connect to run/wshd.sock: no such file or directory');
});

request('the largest arguments, user and LANG that fit are sent', async () => {
  const argv = ['x'.repeat(4095), 'y'.repeat(4095)];
  const message = await sent(['--user', 'u'.repeat(31), '--', ...argv], { LANG: 'l'.repeat(1023) });
  assert.equal([message.argv, message.user, message.lang], [argv, 'u'.repeat(31), 'l'.repeat(1023)]);
});

/** Started so, wsh ends without having connected to anything. */
async function refused(args: string[], env: Record<string, string>, code: number, words: string | RegExp): Promise<void> {
  const before = listener.connections();
  const ended = await run([wsh, '--socket', listener.path, ...args], { env });
  assert.is(ended.code, code);
  assert.match(ended.stderr, words);
  assert.is(ended.stdout.length, 0);
  // Whatever wsh had sent would be here before an answer to a later client.
  await sent(['true']);
  assert.is(listener.connections(), before + 1);
}

const misfits: Record<string, [args: string[], env: Record<string, string>, words: string]> = {
  'one argument that is too long': [['x'.repeat(8192)], {}, 'wsh: the command\'s arguments are longer than the 8192 bytes'],
  'arguments that are too long together': [['x'.repeat(8000), 'y'.repeat(191), ''], {}, 'wsh: the command\'s arguments are longer'],
  'a user name of 32 bytes': [['--user', 'u'.repeat(32), 'true'], {}, 'wsh: a user\'s name has at most 31 bytes'],
  'a LANG of 1,024 bytes': [['true'], { LANG: 'l'.repeat(1024) }, 'wsh: LANG has at most 1023 bytes'],
};
for (const [what, [args, env, words]] of Object.entries(misfits)) request(`${what}: exit code 255, nothing is sent`, () => refused(args, env, 255, words));

const limits: Record<string, [soft: bigint, hard: bigint]> = {
  '5': [5n, 5n],
  '0': [0n, 0n],
  '-1': [UNLIMITED, UNLIMITED],
  '1 2': [1n, 2n],
  '1 -1': [1n, UNLIMITED],
  '-1 7': [UNLIMITED, 7n],
  ' 1  2 ': [1n, 2n],
  '\t3\t4\t': [3n, 4n],
  '007': [7n, 7n],
  '18446744073709551615': [UNLIMITED, UNLIMITED],
  '18446744073709551614 18446744073709551615': [UNLIMITED - 1n, UNLIMITED],
};
request('RLIMIT_*: what a value means', async () => {
  for (const [value, [soft, hard]] of Object.entries(limits)) {
    const { limits: [first, ...others] } = await sent(['true'], { RLIMIT_AS: value });
    assert.equal(first, { id: 9, soft, hard }, JSON.stringify(value));
    assert.equal(others, LIMITS.slice(1).map(([, id, byDefault]) => ({ id, soft: byDefault, hard: byDefault })), JSON.stringify(value));
  }
});

request('RLIMIT_*: each name sets its own row', async () => {
  const env = Object.fromEntries(LIMITS.map(([name], index) => [name, `${index + 100} ${index + 200}`]));
  const { limits: rows } = await sent(['true'], env);
  assert.equal(rows, LIMITS.map(([, id], index) => ({ id, soft: BigInt(index + 100), hard: BigInt(index + 200) })));
});

const noLimits = [
  '', ' ', 'many', '1x', 'x1', '0x10', '1.5', '-2', '--1', '-', '- 1', '-01', '+1', '1,2', '1 2 3', '1 x', '1 -', '1-1', '1 2x',
  '18446744073709551616', '99999999999999999999', '100000000000000000000000',
];
for (const value of noLimits) {
  request(`RLIMIT_NOFILE=${JSON.stringify(value)} is an error`, () => refused(['true'], { RLIMIT_NOFILE: value }, 255, 'wsh: RLIMIT_NOFILE is not a limit'));
}

request('RLIMIT_*: names the one that is wrong', () => refused(['true'], { RLIMIT_AS: '1', RLIMIT_STACK: 'deep' }, 255, 'RLIMIT_STACK'));

const commandLines: [args: string[], argv: string[], user: string][] = [
  [[], [], ''],
  [['id', '--user', 'x'], ['id', '--user', 'x'], ''],
  [['--user', 'vcap'], [], 'vcap'],
  [['--user', 'a', '--user', 'b', 'id'], ['id'], 'b'],
  [['--', '--user', 'x'], ['--user', 'x'], ''],
  [['--user', 'vcap', '--'], [], 'vcap'],
  [['', 'x'], ['', 'x'], ''],
  [['--rsh', 'host'], [], ''],
  [['--rsh', 'host', 'ls', '-l'], ['ls', '-l'], ''],
  [['--rsh', '-l', 'vcap', 'host', 'ls'], ['ls'], 'vcap'],
  [['--rsh', '-4', '-6', '-d', '-n', 'host', 'ls'], ['ls'], ''],
  [['--rsh', '-t', '30', 'host', 'ls'], ['ls'], ''],
  [['--rsh', '-n', '-l', 'vcap', '-t', '5', '-4', 'host', 'rsync', '--server', '-l', 'x'], ['rsync', '--server', '-l', 'x'], 'vcap'],
  [['--user', 'root', '--rsh', '-l', 'vcap', 'host'], [], 'vcap'],
  [['--user', 'vcap', '--rsh', 'host', 'id'], ['id'], 'vcap'],
  [['--rsh', 'host', '--rsh', '-x'], ['--rsh', '-x'], ''],
];
for (const [args, argv, user] of commandLines) {
  request(`wsh ${args.join(' ')}`, async () => {
    const message = await sent(args);
    assert.equal([message.argv, message.user, message.tty], [argv, user, false]);
  });
}

const badCommandLines: [args: string[], bad: string][] = [
  [['--user'], '--user'],
  [['--socket'], '--socket'],
  [['--nonsense', 'x'], '--nonsense'],
  [['-x'], '-x'],
  [['--rsh'], '--rsh'],
  [['--rsh', '-n'], '-n'],
  [['--rsh', '-l'], '-l'],
  [['--rsh', '-t'], '-t'],
  [['--rsh', '-l', 'vcap'], 'vcap'],
  [['--rsh', '-x', 'host'], '-x'],
  [['--rsh', '--user', 'vcap', 'host'], '--user'],
];
for (const [args, bad] of badCommandLines) {
  request(`wsh ${args.join(' ')} is refused`, () => refused(args, {}, 1, `invalid option, or one without its value: ${bad};`));
}

request('--help says how it is used, and is no error', async () => {
  const ended = await run([wsh, '--help'], { env: {} });
  assert.is(ended.code, 0);
  assert.match(ended.stderr, 'usage: wsh [--socket PATH] [--user USER] [--env NAME[=VALUE]]... [--workdir DIR] [--umask MODE]\n           [--tty ROWSxCOLUMNS] [-t|-T] [-i|-n] [-v] [--raise|--signal-status] [--rsh|--ssh]\n           [COMMAND [ARG...]]');
  assert.is(ended.stdout.length, 0, 'stdout carries payload only');
});

requests.run();
