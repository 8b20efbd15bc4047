import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { descriptorsAtRest, descriptorsOf, run, until } from '../../support/process.js';
import { connect, converse, received, requestBytes, SERVED } from '../../support/raw.js';
import { unless } from '../../support/skip.js';

const clients = suite('wshd and its clients');
const test = unless(noContainers, clients);
let container: TestContainer;
let descriptors: number;

if (!noContainers) {
  clients.before(async () => {
    container = await startContainer();
    await lives();
    descriptors = await descriptorsAtRest(container.pid);
    writeFileSync(`${container.path}/request`, requestBytes(['sh', '-c', 'exit 5']));
    writeFileSync(`${container.path}/nonsense`, requestBytes(['nonsense']));
  });
  clients.after.each(async () => {
    await lives();
    await until(() => descriptorsOf(container.pid) === descriptors, `wshd has ${descriptors} descriptors again`);
  });
  clients.after(() => container.destroy());
}

async function lives(): Promise<void> {
  const ended = await container.wsh(['true']);
  assert.equal([ended.code, ended.stderr], [0, '']);
}

const good = requestBytes(['true']);
const nothing = Buffer.alloc(0);
const patched = (at: number, ...words: number[]): Buffer => {
  const message = Buffer.from(good);
  Buffer.from(new Int32Array(words).buffer).copy(message, at);
  return message;
};
const filled = (at: number, size: number): Buffer => Buffer.from(good).fill('x', at, at + size);
const cut = (message: Buffer, ...places: number[]): Buffer[] => [0, ...places].map((at, index) => message.subarray(at, places[index]));

const conversations: Record<string, [pieces: Buffer[], answer: Buffer, options?: { end: boolean }]> = {
  'a request in one piece': [[good], SERVED],
  'byte by byte': [Array.from(good, (byte) => Buffer.from([byte])), SERVED],
  'in pieces of all sizes': [cut(good, 1, 3, 4, 11, 4096, 8192, 8207, 9655), SERVED],
  'a request, then the end of what the client sends': [[good], SERVED, { end: true }],
  'nothing, then the end': [[], nothing, { end: true }],
  'one byte, then the end': [[good.subarray(0, 1)], nothing, { end: true }],
  'all but the last byte, then the end': [[good.subarray(0, 9655)], nothing, { end: true }],
  'one byte too many': [[Buffer.concat([good, Buffer.alloc(1)])], nothing],
  'two requests in one': [[Buffer.concat([good, good])], nothing],
  'a megabyte': [[randomBytes(1 << 20)], nothing],
  'garbage of the right size': [[randomBytes(9656)], nothing],
  'zeros of the right size': [[Buffer.alloc(9656)], nothing],
  'ones of the right size': [[Buffer.alloc(9656, 0xff)], nothing],
  'version 0': [[patched(0, 0)], nothing],
  'version 2': [[patched(0, 2)], nothing],
  'tty 2': [[patched(4, 2)], nothing],
  'tty -1': [[patched(4, -1)], nothing],
  '-1 arguments': [[patched(8, -1)], nothing],
  'the lowest number of arguments': [[patched(8, -(2 ** 31))], nothing],
  'the highest number of arguments': [[patched(8, 2 ** 31 - 1)], nothing],
  'more arguments than strings': [[patched(8, 8193)], nothing],
  'an argument without an end': [[filled(12, 8192)], nothing],
  '-1 limits': [[patched(8208, -1)], nothing],
  '17 limits': [[patched(8208, 17)], nothing],
  'the highest number of limits': [[patched(8208, 2 ** 31 - 1)], nothing],
  'a limit that there is not': [[patched(8208, 1, 0, 16)], nothing],
  'a user name without an end': [[filled(8600, 32)], nothing],
  'a LANG without an end': [[filled(8632, 1024)], nothing],
  '8,192 empty arguments': [[patched(8, 8192).fill(0, 12, 8204)], SERVED],
};
for (const [what, [pieces, answer, options]] of Object.entries(conversations)) {
  test(what, async () => assert.equal(await converse(container.socket, pieces, options), answer));
}

interface Told { bytes: number; descriptors: number; status: number | null }
const SERVED_5: Told = { bytes: 4, descriptors: 4, status: 5 };

const acts: Record<string, Told> = {
  'nothing-special': SERVED_5,
  'one-descriptor': SERVED_5,
  'all-the-descriptors': SERVED_5,
  'descriptors-in-pieces': SERVED_5,
  'itself': SERVED_5,
  'a-full-status': SERVED_5,
  'a-cycle': SERVED_5,
  'descriptors-then-gone': SERVED_5,
  // The byte out of band is one too many.
  'out-of-band': { bytes: 0, descriptors: 0, status: null },
  'shut-for-reading': { bytes: 0, descriptors: 0, status: null },
};
async function act(name: string, request = 'request'): Promise<unknown> {
  const script = `${packageRoot}test/programs/wshd/hostile.py`;
  const ended = await run(['python3', script, container.socket, `${container.path}/${request}`, name], { timeoutMs: 60_000 });
  assert.is(ended.stderr, '');
  return JSON.parse(ended.stdout.toString());
}

for (const [name, expected] of Object.entries(acts)) {
  test(`descriptors that nobody asked for, and other surprises: ${name}`, async () => assert.equal(await act(name), expected));
}

test('what goes wrong is told in words, whatever descriptors are free', async () => {
  assert.equal(await act('behind-others', 'nonsense'), { stdout: '', stderr: 'wshd: cannot execute nonsense: no such file or directory\n' });
});

test('a thousand at once: each gets its own command\'s exit status', async () => {
  assert.equal(await act('a-thousand'), { served: 1000, kinds: [SERVED_5] });
});

test('more silent ones than there are places: others are served, the silent are dropped', async () => {
  const silent = await Promise.all(Array.from({ length: 900 }, () => connect(container.socket)));
  const half = await Promise.all(Array.from({ length: 100 }, () => connect(container.socket)));
  for (const socket of half) socket.write(good.subarray(0, 5000));
  let dropped = 0;
  const answers = [...silent, ...half].map(async (socket) => {
    const answer = await received(socket);
    dropped++;
    return answer;
  });
  let served = 0;
  for (let i = 0; i < 20; i++) {
    await lives();
    if (dropped === 0) served++;
  }
  assert.ok(served > 0, 'nobody was served while all silent ones were there');
  const more = await Promise.all(Array.from({ length: 300 }, () => connect(container.socket)));
  await until(async () => (await container.wsh(['true'])).code === 0, 'somebody is served');
  const all = await Promise.all([...answers, ...more.map(received)]);
  assert.is(all.length, 1300);
  assert.ok(all.every((answer) => answer.length === 0));
});

test('clients that are gone before their answer comes', async () => {
  for (let sent = 0; sent <= good.length; sent += 500) {
    const socket = await connect(container.socket);
    await new Promise((done) => socket.write(good.subarray(0, sent), done));
    socket.destroy();
  }
  for (let i = 0; i < 100; i++) {
    const socket = await connect(container.socket);
    await new Promise((done) => socket.write(good, done));
    socket.destroy();
  }
});

test('clients that are gone while their command runs', async () => {
  for (const script of ['yes', 'yes >&2', 'cat', 'sleep 0.3', 'exec >&- 2>&-; sleep 0.2']) {
    assert.equal(await converse(container.socket, [requestBytes(['sh', '-c', script])]), SERVED);
  }
  await until(async () => !/yes|cat$/m.test((await container.wsh(['ps', '-A', '-o', 'comm'])).stdout.toString()), 'their commands end');
});

test('wsh killed at every moment', async () => {
  const script = 'echo out; seq 1 20000; cat; exit 3';
  for (let delayMs = 0; delayMs < 40; delayMs++) {
    await Promise.all([0, 1, 2, 3].map((more) => container.wsh(['sh', '-c', script], { timeoutMs: delayMs / 4 + more, stdio: 'pipe' })));
  }
  await until(async () => (await container.wsh(['sh', '-c', 'ps -A -o comm | grep -c "^seq\\|^cat"'])).stdout.toString() === '0\n', 'their commands end');
});

test('orphans are reaped', async () => {
  const ended = await container.wsh(['sh', '-c', 'for i in $(seq 200); do setsid -f true; (sleep 0.01 &); done; exit 7']);
  assert.is(ended.code, 7);
  await until(async () => {
    const { stdout } = await container.wsh(['ps', '-A', '-o', 'ppid=,stat=,comm=']);
    return !stdout.toString().split('\n').some((line) => /^ *1 /.test(line) && !/ ps$/.test(line));
  }, 'PID 1 has no children left');
});

clients.run();
