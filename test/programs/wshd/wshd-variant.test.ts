import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { descriptorsAtRest, descriptorsOf, exitCode, scratch, until } from '../../support/process.js';
import { connect, converse, received, requestBytes, SERVED } from '../../support/raw.js';
import { unless } from '../../support/skip.js';
import { buildVariant, type Change } from '../../support/variant.js';

/** What the tables of the variant hold: few enough to be filled. */
const JOBS = 8, CLIENTS = 8;

const traps = suite('a wshd with small tables, which traps when it is asked to');
const test = unless(noContainers, traps);
let directory: ReturnType<typeof scratch>;
let container: TestContainer;
let descriptors: number;

/** Numbers of arguments at which the variant traps, and how. */
const whileJudging: Record<string, [count: number, trap: string]> = {
  'an assertion': [4241, 'assert(false, "as asked")'],
  'unreachable': [4242, 'unreachable()'],
  'an access out of bounds': [4243, 'store<u8>(0xffffff00, load<u8>(0xfffffff0))'],
  'a division by zero': [4244, 'store<u32>(at, 1 / load<u32>(at + AT_ARGUMENT_COUNT + 8188))'],
  'endless recursion': [4245, 'argumentsEnd(at, recurse(count))'],
};
const WHEN_SERVED = 4246, AFTER_THE_ANSWER = 4247;

const changes: Change[] = [
  {
    file: 'assembly/wire/request.ts',
    from: '  switch (fault) {',
    to: `  const count = load<u32>(at + AT_ARGUMENT_COUNT);\n${
      Object.values(whileJudging).map(([count, trap]) => `  if (count == ${count}) ${trap};\n`).join('')}  switch (fault) {`,
  },
  {
    file: 'assembly/wire/request.ts',
    from: 'export function limitAt',
    to: 'function recurse(count: u32): u32 { return recurse(count + 1) + load<u8>(count & 0xff); }\nexport function limitAt',
  },
  {
    file: 'assembly/programs/wshd/start-command.ts',
    from: '  putResponse(response);',
    to: `  if (load<i32>(at + AT_ARGUMENT_COUNT) == ${WHEN_SERVED}) unreachable();\n  putResponse(response);`,
  },
  {
    file: 'assembly/programs/wshd/start-command.ts',
    from: '  start(at, tty);',
    to: `  if (load<i32>(at + AT_ARGUMENT_COUNT) == ${AFTER_THE_ANSWER}) unreachable();\n  start(at, tty);`,
  },
  { file: 'assembly/programs/wshd/commands.ts', from: 'COMMANDS_MAX: u32 = 4096', to: `COMMANDS_MAX: u32 = ${JOBS}` },
  { file: 'assembly/programs/wshd/serve.ts', from: 'CLIENTS_MAX: u32 = 1024', to: `CLIENTS_MAX: u32 = ${CLIENTS}` },
];

if (!noContainers) {
  traps.before(async () => {
    directory = scratch();
    container = await startContainer(await buildVariant('wshd', changes, directory.path));
    await runsTrue();
    descriptors = await descriptorsAtRest(container.pid);
  });
  traps.after(async () => {
    await container.destroy();
    directory.remove();
  });
}

async function runsTrue(): Promise<void> {
  const ended = await container.wsh(['true']);
  assert.equal([ended.code, ended.stderr], [0, '']);
}

/** A good request with so many arguments; the last byte of the arguments' place is 0. */
function withArguments(count: number): Buffer { return requestBytes(Array.from({ length: count }, () => '')); }

/** Sends the request that traps while another command runs; what is answered. */
async function trapped(count: number): Promise<Buffer> {
  const other = container.wsh(['sh', '-c', 'echo before; cat; exit 17'], { input: 'input\n' });
  const answer = await converse(container.socket, [withArguments(count)]);
  const { code, stdout } = await other;
  assert.equal([code, stdout.toString()], [17, 'before\ninput\n']);
  await runsTrue();
  await until(() => descriptorsOf(container.pid) === descriptors, 'nothing of the client is left open');
  return answer;
}

for (const [what, [count]] of Object.entries(whileJudging)) {
  test(`a trap, ${what}, while a message is judged, costs its client the connection and nothing else`, async () => {
    for (let i = 0; i < 5; i++) assert.is((await trapped(count)).length, 0);
  });
}

test('a trap when the command\'s pipes are there already', async () => {
  for (let i = 0; i < 5; i++) assert.is((await trapped(WHEN_SERVED)).length, 0);
});

test('a trap when the client has its descriptors already', async () => {
  for (let i = 0; i < 5; i++) assert.equal(await trapped(AFTER_THE_ANSWER), SERVED);
});

test('a client that causes a trap is told what it is told of every refusal', async () => {
  chmodSync(container.socket, 0o600);
  const ended = await container.wsh(Array.from({ length: 4242 }, () => ''));
  chmodSync(container.socket, 0o1600);
  assert.equal([ended.code, ended.stderr], [255, 'wsh: wshd refused the request: it closed the connection without an answer\n']);
});

test('many traps at once', async () => {
  const counts = Array.from({ length: 100 }, (_, index) => (index % 2 ? 4243 : 1));
  const answers = await Promise.all(counts.map((count) => converse(container.socket, [withArguments(count)])));
  assert.is(answers.filter((answer) => answer.equals(SERVED)).length, 50);
  await until(() => descriptorsOf(container.pid) === descriptors, 'nothing of the clients is left open');
  await runsTrue();
});

test('more commands than there are places: refused with a reason, until one has ended', async () => {
  const held = Array.from({ length: JOBS }, () => spawn(programPath('wsh'), ['--socket', container.socket, 'sh', '-c', 'cat; exit 7'], { stdio: ['pipe', 'ignore', 'ignore'] }));
  await until(() => descriptorsOf(container.pid) === descriptors + JOBS, 'all places are taken');
  for (let i = 0; i < 3; i++) {
    const ended = await container.wsh(['true']);
    assert.equal([ended.code, ended.stderr], [255, 'wsh: as many commands run in this container as it can have\n']);
  }
  for (const { stdin } of held) stdin.end();
  for (const child of held) assert.is(await exitCode(child), 7);
  await until(async () => (await container.wsh(['true'])).code === 0, 'there is room again');
  await until(() => descriptorsOf(container.pid) === descriptors, 'nothing is left open');
});

test('more clients than there are places: they wait until one is dropped', async () => {
  const silent = await Promise.all(Array.from({ length: CLIENTS }, () => connect(container.socket)));
  await until(() => descriptorsOf(container.pid) === descriptors + CLIENTS, 'all places are taken');
  const waiting = container.wsh(['true']);
  silent[3]!.destroy();
  assert.is((await waiting).code, 0);
  assert.ok((await Promise.all(silent.map(received))).every((answer) => answer.length === 0));
  const answers = await Promise.all(Array.from({ length: 20 * CLIENTS }, () => converse(container.socket, [requestBytes(['true'])])));
  assert.is(answers.filter((answer) => answer.equals(SERVED)).length, 20 * CLIENTS);
});

traps.run();
