/** docs/reference/wshd.md, what it does for its clients, on any host. */
import * as assert from 'uvu/assert';
import { requestBytes, SERVED } from '../support/raw.js';
import { assertPattern } from './jobs.js';
import { Behaviours, type CaseOptions, type Connection, type Container, type Outcome, outcomeOf, type StartOptions, type World } from './world.js';

export const behaviours = new Behaviours('wshd');

function add(name: string, act: (world: World, container: Container) => Promise<void>, options: CaseOptions = {}): void {
  const needs = options.needs ?? 'container';
  behaviours.add(name, async (world) => act(world, await world.container(needs === 'users')), { ...options, needs });
}

const USERS: CaseOptions = { needs: 'users' };

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nvcap:x:10001:10002:vcap:/home/vcap:/bin/sh\n';
const REAL_TIME = 'seconds of real time; test/programs/wshd/wshd-clients.test.ts waits for them';

function tell(world: World, container: Container, args: readonly string[], options?: StartOptions): Promise<Outcome> {
  return outcomeOf(world, container.wsh(args, options));
}

/** What a script in the container says. */
async function says(
  world: World, container: Container, text: string, before: readonly string[] = [], options?: StartOptions,
): Promise<string> {
  const { code, stdout, stderr } = await tell(world, container, [...before, ...container.script(text)], options);
  assert.equal([code, stderr], [0, '']);
  return stdout;
}

/** It still does for others what it is there for. */
async function serves(world: World, container: Container): Promise<void> { assert.is(await says(world, container, 'say 1 served'), 'served\n'); }

async function answer(world: World, connection: Connection): Promise<number[]> {
  await world.until(() => connection.ended, 'the connection is closed');
  return [...connection.bytes];
}

const goodRequest = (container: Container): Buffer => requestBytes(container.script('exit 5'));

function patched(message: Buffer, at: number, ...words: number[]): Buffer {
  const bytes = Buffer.from(message);
  for (const [index, word] of words.entries()) bytes.writeInt32LE(word, at + index * 4);
  return bytes;
}

const filled = (message: Buffer, at: number, size: number): Buffer => Buffer.from(message).fill('x', at, at + size);

type Make = (good: Buffer) => Buffer[];
const served: Record<string, Make> = {
  'in one piece': (good) => [good],
  'in pieces of all sizes': (good) => [0, 1, 3, 4, 11, 4096, 8192, 8207, 9655].map((at, index, places) => good.subarray(at, places[index + 1])),
  'of 8,192 empty arguments': (good) => [patched(good, 8, 8192).fill(0, 12, 8204)],
};
for (const [what, make] of Object.entries(served)) {
  add(`a request ${what} is served`, async (world, container) => {
    const connection = await world.connect(container.socket);
    for (const piece of make(goodRequest(container))) {
      connection.write(piece);
      await world.pass(1);
    }
    assert.equal(await answer(world, connection), [...SERVED]);
  });
}

add('a request and the end of what its client sends is served', async (world, container) => {
  const connection = await world.connect(container.socket);
  connection.write(goodRequest(container));
  connection.end();
  assert.equal(await answer(world, connection), [...SERVED]);
});

const refused: Record<string, Make> = {
  'one byte too many': (good) => [Buffer.concat([good, Buffer.alloc(1)])],
  'two requests in one': (good) => [Buffer.concat([good, good])],
  'zeros': (good) => [Buffer.alloc(good.length)],
  'ones': (good) => [Buffer.alloc(good.length, 0xff)],
  'version 0': (good) => [patched(good, 0, 0)],
  'version 2': (good) => [patched(good, 0, 2)],
  'tty 2': (good) => [patched(good, 4, 2)],
  'tty -1': (good) => [patched(good, 4, -1)],
  '-1 arguments': (good) => [patched(good, 8, -1)],
  'more arguments than strings': (good) => [patched(good, 8, 8193)],
  'an argument without an end': (good) => [filled(good, 12, 8192)],
  '-1 limits': (good) => [patched(good, 8208, -1)],
  '17 limits': (good) => [patched(good, 8208, 17)],
  'a limit that there is not': (good) => [patched(good, 8208, 1, 0, 16)],
  'a user name without an end': (good) => [filled(good, 8600, 32)],
  'a LANG without an end': (good) => [filled(good, 8632, 1024)],
};
for (const [what, make] of Object.entries(refused)) {
  add(`a request that is none costs its sender the connection, and nothing else: ${what}`, async (world, container) => {
    const connection = await world.connect(container.socket);
    for (const piece of make(goodRequest(container))) connection.write(piece);
    assert.equal(await answer(world, connection), []);
    await serves(world, container);
  });
}

for (const size of [0, 1, 9655]) {
  add(`a request that ends after ${size} bytes is dropped`, async (world, container) => {
    const connection = await world.connect(container.socket);
    connection.write(goodRequest(container).subarray(0, size));
    connection.end();
    assert.equal(await answer(world, connection), []);
    await serves(world, container);
  });
}

add('clients that say nothing, or half of it, delay nobody', async (world, container) => {
  const mute: Connection[] = [];
  for (let i = 0; i < 50; i++) {
    const connection = await world.connect(container.socket);
    if (i % 2) connection.write(goodRequest(container).subarray(0, 5000));
    mute.push(connection);
  }
  await serves(world, container);
  assert.ok(mute.every((connection) => !connection.ended), 'they are still there');
  for (const connection of mute) connection.close();
  await serves(world, container);
});

add('clients that say nothing are dropped after five seconds', async (world, container) => {
  const mute = await world.connect(container.socket), half = await world.connect(container.socket);
  half.write(goodRequest(container).subarray(0, 5000));
  await world.pass(4_900);
  assert.equal([mute.ended, half.ended], [false, false]);
  await world.pass(200);
  assert.equal([await answer(world, mute), await answer(world, half)], [[], []]);
  await serves(world, container);
}, { notOn: { native: REAL_TIME, Node: REAL_TIME } });

add('a client that is gone before its answer comes', async (world, container) => {
  for (const size of [100, 9656]) {
    const connection = await world.connect(container.socket);
    connection.write(goodRequest(container).subarray(0, size));
    await world.pass(1);
    connection.close();
    await serves(world, container);
  }
});

add('many clients at once each get their own command\'s bytes and exit status', async (world, container) => {
  const count = world.host === 'Node' ? 6 : 30;
  const all = Array.from({ length: count }, (_, index) => container.wsh(container.script(`write 1 ${index * 1000}; write 2 ${index}; exit ${index}`)));
  for (const [index, wsh] of all.entries()) {
    await world.until(() => wsh.ended, `command ${index} ends`);
    assert.is(wsh.exitCode, index);
    assertPattern(1, 0, wsh.stdout.bytes, index * 1000, 'stdout');
    assertPattern(2, 0, wsh.stderr.bytes, index, 'stderr');
  }
});

add('a long command does not delay a short one', async (world, container) => {
  const long = container.wsh(container.script('copy; exit 9'));
  await serves(world, container);
  assert.not(long.ended);
  assert.is((await outcomeOf(world, long)).code, 9);
});

add('a command has descriptors 0, 1 and 2, and no other', async (world, container) => {
  assert.is(await says(world, container, 'print 1 descriptors'), '0 1 2\n');
});

add('exactly HOME, USER and PATH, and LANG when the client has one', async (world, container) => {
  container.passwd(PASSWD);
  const root = 'HOME=/root USER=root PATH=/sbin:/bin:/usr/sbin:/usr/bin';
  assert.is(await says(world, container, 'print 1 env', [], { env: { SECRET: 'x' } }), `${root}\n`);
  assert.is(await says(world, container, 'print 1 env', [], { env: { LANG: 'de_DE.UTF-8' } }), `LANG=de_DE.UTF-8 ${root}\n`);
  assert.is(await says(world, container, 'print 1 env', ['--user', 'vcap']), 'HOME=/home/vcap USER=vcap PATH=/bin:/usr/bin\n');
}, USERS);

add('root, when nobody else is asked for; else the user\'s ids and home', async (world, container) => {
  container.passwd(PASSWD);
  assert.is(await says(world, container, 'print 1 uid; print 1 cwd'), '0 0\n/root\n');
  assert.is(await says(world, container, 'print 1 uid; print 1 cwd', ['--user', 'vcap']), '10001 10002\n/home/vcap\n');
}, USERS);

add('arguments as they were given', async (world, container) => {
  const argv = ['', ' ', 'a b', '"', '$HOME', '*', 'é世界', '-n', '--'];
  const said = await tell(world, container, [...container.script('print 1 args'), ...argv]);
  assert.ok(said.stdout.endsWith(` print 1 args ${argv.join(' ')}\n`), said.stdout);
});

for (const user of ['nobody', 'vca', 'vcapx', 'VCAP']) {
  add(`a user that the container does not know: ${user}`, async (world, container) => {
    container.passwd(PASSWD);
    const stderr = `wsh: no such user in the container's /etc/passwd: ${user}\n`;
    assert.equal(await tell(world, container, ['--user', user, 'true']), { code: 255, stdout: '', stderr });
  }, USERS);
}

const entries: Record<string, [line: string, ids: string | undefined]> = {
  'without a newline at the end': ['u:x:7:8::/:/bin/sh', '7 8'],
  'that comes twice': ['u:x:7:8::/:/bin/sh\nu:x:9:9::/:/bin/sh', '7 8'],
  'behind lines that are none': ['\n\n#\nu\nu:\n:::::::\nu:x:5:5:::::\nu:x:5:5:\nu:x:7:8::/:/bin/sh', '7 8'],
  'with the highest id': ['u:x:4294967294:4294967294::/:/bin/sh', '4294967294 4294967294'],
  'with the id that means nobody': ['u:x:4294967295:8::/:/bin/sh', undefined],
  'with a negative id': ['u:x:-1:8::/:/bin/sh', undefined],
  'with an id in words': ['u:x:7a:8::/:/bin/sh', undefined],
  'with no group': ['u:x:7:::/:/bin/sh', undefined],
};
for (const [what, [line, ids]] of Object.entries(entries)) {
  add(`a user ${what}`, async (world, container) => {
    container.passwd(line);
    const { stdout, stderr } = await tell(world, container, ['--user', 'u', ...container.script('print 1 uid')]);
    if (ids === undefined) assert.is(stderr, 'wsh: no such user in the container\'s /etc/passwd: u\n');
    else assert.equal([stdout, stderr], [`${ids}\n`, '']);
    container.passwd(PASSWD);
  }, USERS);
}

add('without /etc/passwd root has a default, others are told', async (world, container) => {
  container.passwd(undefined);
  assert.is(await says(world, container, 'print 1 uid; print 1 cwd'), '0 0\n/\n');
  const { code, stderr } = await tell(world, container, ['--user', 'vcap', 'true']);
  assert.equal([code, stderr], [255, 'wsh: cannot read the container\'s users and groups for vcap: no such file or directory\n']);
  container.passwd(PASSWD);
}, USERS);

for (const [command, why] of [['/no/such/program', 'no such file or directory'], ['nonsense', 'no such file or directory'], ['/tmp', 'permission denied'], ['', 'no such file or directory']] as const) {
  add(`a command that cannot be executed is told, with exit code 255: "${command}"`, async (world, container) => {
    assert.equal(await tell(world, container, [command]), { code: 255, stdout: '', stderr: `wsh: cannot execute ${command}: ${why}\n` });
    await serves(world, container);
  });
}

add('orphans are reaped, and delay nobody', async (world, container) => {
  assert.is((await tell(world, container, container.script('repeat 20 { fork { fork { sleep 5 } } }; exit 7'))).code, 7);
  await world.pass(50);
  await serves(world, container);
});
