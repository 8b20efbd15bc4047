import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { argvOf, suiteOnHosts, wordsOf } from '../../support/hosts.js';
import { ended, type Ended, firstOutput, run, scratch, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { buildVariant } from '../../support/variant.js';
import { REQUEST_BYTES } from '../../wire/vectors.js';

const answers = suiteOnHosts('wsh and a wshd that is none', 'wsh');
const nowhere = process.platform === 'linux' ? undefined : 'not Linux';
const test = unless(nowhere, answers);
let directory: ReturnType<typeof scratch>;
let server: ChildProcess;

if (!nowhere) {
  answers.before(async () => {
    directory = scratch();
    const script = `${packageRoot}test/programs/wsh/fake-wshd.py`;
    server = spawn('python3', [script, directory.path, String(REQUEST_BYTES)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await firstOutput(server.stdout!, 'the wshd that is none');
  });
  answers.after(async () => {
    server.stdin!.end();
    if (server.exitCode === null) await once(server, 'exit');
    directory.remove();
  });
}

function ask(answer: string, wsh = argvOf('wsh')): Promise<Ended> {
  return run([...wsh, '--socket', `${directory.path}/${answer}.sock`, '--verbose', 'true']);
}

test('a good answer, to show that the others are refused for what they are', async () => {
  const { code, stdout, stderr } = await ask('good');
  assert.equal([code, stdout.toString(), stderr], [7, 'hello\n', '']);
});

test('no answer to a request for a terminal, for which protocol 1 has no words', async () => {
  const { code, stderr } = await run([...argvOf('wsh'), '--socket', `${directory.path}/closed.sock`, '--tty', '24x80', 'true']);
  assert.equal([code, stderr], [255, `${refused['closed']!.trim()}; are all terminals of the container in use?\n`]);
});

test('a good answer that comes late', async () => {
  const { code, stdout, stderr } = await ask('slow');
  assert.equal([code, stdout.toString(), stderr], [6, 'late\n', '']);
});

test('more at once than wait in the queue of a wshd that serves one after the other', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => ask('short-queue')));
  for (const { code, stdout, stderr } of all) assert.equal([code, stdout.toString(), stderr], [7, 'hello\n', '']);
});

const VERSION = 'wsh: wshd\'s answer is not of protocol version 1\n';
const DESCRIPTORS = 'wsh: wshd\'s answer does not carry the descriptors that the protocol asks for\n';
const refused: Record<string, string> = {
  'closed': 'wsh: wshd refused the request: it closed the connection without an answer\n',
  'version-0': VERSION,
  'version-2': VERSION,
  'other-byte-order': VERSION,
  'garbage': VERSION,
  'short': VERSION,
  'one-byte': VERSION,
  'no-descriptors': DESCRIPTORS,
  'one-descriptor': DESCRIPTORS,
  'three-descriptors': DESCRIPTORS,
  'five-descriptors': DESCRIPTORS,
  'all-the-descriptors': DESCRIPTORS,
  'files': DESCRIPTORS,
  'sockets': DESCRIPTORS,
  'terminals': DESCRIPTORS,
  'wrong-directions': DESCRIPTORS,
  'status-for-writing': DESCRIPTORS,
  'stdin-a-file': DESCRIPTORS,
  'stdout-a-file': DESCRIPTORS,
  'stderr-a-file': DESCRIPTORS,
  'status-a-file': DESCRIPTORS,
  'status-the-null-device': DESCRIPTORS,
  'a-terminal': DESCRIPTORS,
};
for (const [answer, message] of Object.entries(refused)) {
  test(`${answer}: refused`, async () => {
    const { code, stdout, stderr } = await ask(answer);
    assert.equal([code, stdout.toString(), stderr], [255, '', message]);
  });
}

const KILLED = 'wsh: the command was killed\n';
const statuses: Record<string, [code: number, stderr: string]> = {
  'status-none': [255, KILLED],
  'status-negative': [255, KILLED],
  'status-256': [255, KILLED],
  'status-huge': [255, KILLED],
  'status-short': [255, KILLED],
  'status-long': [5, ''],
  'status-marked': [255, 'wsh: the command was killed by signal 11 (SIGSEGV)\n'],
  'status-marked-oddly': [255, KILLED],
};
for (const [answer, [code, stderr]] of Object.entries(statuses)) {
  test(`${answer}: the output is passed on, then exit code ${code}`, async () => {
    const told = await ask(answer);
    assert.equal([told.code, told.stdout.toString(), told.stderr], [code, 'output\n', stderr]);
  });
}

const variants = unless(nowhere, answers.nativeOnly('a deadline of half a minute, shortened in a native variant'));
const source = 'assembly/programs/wsh/index.ts', place = scratch();
answers.afterAll(() => { place.remove(); });
/** Waits less, in both cases. */
let variant: Promise<string> | undefined;
function impatientWsh(): Promise<string> {
  return variant ??= buildVariant('wsh', [
    { file: source, from: 'ANSWER_DEADLINE_MS: i32 = 30_000', to: 'ANSWER_DEADLINE_MS: i32 = 300' },
    { file: source, from: 'CONNECT_ATTEMPTS: i32 = 600', to: 'CONNECT_ATTEMPTS: i32 = 5' },
  ], place.path);
}

variants('no answer: wsh waits, until its deadline', async () => {
  const { code, stderr } = await ask('silent', [await impatientWsh()]);
  assert.equal([code, stderr], [255, 'wsh: wshd did not answer within 30 seconds; is it stopped, or another client keeping it?\n']);
});

variants('no place in the queue: wsh tries again, until its deadline', async () => {
  const path = `${directory.path}/full.sock`;
  const full = spawn('python3', ['-c', `
import socket, sys
listener, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listener.bind("${path}")
listener.listen(0)
client.connect("${path}")
print("full", flush=True)
sys.stdin.read()`], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await firstOutput(full.stdout, 'the socket whose queue is full');
    const { code, stderr } = await run([await impatientWsh(), '--socket', path, 'true']);
    assert.is(code, 255);
    assert.is(stderr, `wsh: cannot connect to ${path}: resource temporarily unavailable; its wshd does not accept connections\n`);
  } finally {
    full.stdin.end();
    await once(full, 'exit');
  }
});

test('no answer: wsh can be ended meanwhile', async () => {
  const [file = '', ...args] = argvOf('wsh');
  const waiting = spawn(file, [...args, '--socket', `${directory.path}/silent.sock`, 'true'], { stdio: ['ignore', 'pipe', 'pipe'] });
  await until(() => waiting.pid !== undefined, 'wsh starts');
  waiting.kill('SIGTERM');
  assert.is((await ended(waiting)).signal, 'SIGTERM');
});

test('a socket that nobody listens on any more', async () => {
  const { code, stderr } = await run(['sh', '-c', `python3 -c '
import socket
socket.socket(socket.AF_UNIX).bind("${directory.path}/stale.sock")'; ${wordsOf('wsh')} --socket ${directory.path}/stale.sock true`]);
  assert.is(code, 255);
  assert.is(stderr, `wsh: cannot connect to ${directory.path}/stale.sock: connection refused; is wshd running in this container? (--socket PATH)\n`);
});

test('a path that is no socket, or too long for one', async () => {
  const path = `${directory.path}/${'x'.repeat(120)}`;
  for (const [socket, reason] of [[directory.path, 'connection refused; is wshd running in this container? (--socket PATH)'], [path, 'name too long']]) {
    const { code, stderr } = await run([...argvOf('wsh'), '--socket', socket!, 'true']);
    assert.equal([code, stderr], [255, `wsh: cannot connect to ${socket}: ${reason}\n`]);
  }
});

answers.run();
