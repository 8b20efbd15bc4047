import { constants } from 'node:os';
import * as assert from 'uvu/assert';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { sample, suiteOnHosts } from '../../support/hosts.js';
import { type Ended, run, uniqueSleep } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const AT_ONCE = 16;
/** Those that a process survives when it does nothing about them: signal(7). */
const HARMLESS = ['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'];
const FIRST_REALTIME = 34, LAST_REALTIME = 64;

const exit = suiteOnHosts('how a command ended, through wsh', 'wsh');
const test = unless(noContainers, exit);
let container: TestContainer;

if (!noContainers) {
  exit.before(async () => { container = await startContainer(); });
  exit.after(() => container.destroy());
}

/** Does it for each, some at the same time. */
async function each<Value>(values: readonly Value[], use: (value: Value) => Promise<void>): Promise<void> {
  const queue = [...values];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let value = queue.shift(); value !== undefined; value = queue.shift()) await use(value);
  }));
}

function sh(script: string): Promise<Ended> { return container.wsh(['sh', '-c', script]); }

test('every exit status passes through', () => each(sample(Array.from({ length: 256 }, (_, status) => status)), async (status) => {
  const ended = await sh(`echo out; echo err >&2; exit ${status}`);
  assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [status, 'out\n', 'err\n'], `exit ${status}`);
}));

test('every signal that kills is exit code 255, and is told by number and name', async () => {
  const names = new Map<number, string[]>();
  for (const [name, number] of Object.entries(constants.signals)) names.set(number, [...names.get(number) ?? [], name]);
  const deadly = [...names.keys()].filter((number) => !names.get(number)!.some((name) => HARMLESS.includes(name)));
  assert.ok(deadly.length >= 22);
  await each(sample(deadly), async (number) => {
    const ended = await sh(`echo out; kill -${number} $$; sleep 10`);
    assert.equal([ended.code, ended.stdout.toString()], [255, 'out\n'], `signal ${number}`);
    const told = names.get(number)!.map((name) => `wsh: the command was killed by signal ${number} (${name})\n`);
    assert.ok(told.includes(ended.stderr), `${JSON.stringify(ended.stderr)} is none of ${JSON.stringify(told)}`);
  });
});

test('realtime signals have no names, but numbers', async () => {
  const numbers = Array.from({ length: LAST_REALTIME - FIRST_REALTIME + 1 }, (_, index) => FIRST_REALTIME + index);
  await each(sample(numbers), async (number) => {
    const ended = await sh(`kill -${number} $$; sleep 10`);
    assert.equal([ended.code, ended.stderr], [255, `wsh: the command was killed by signal ${number}\n`]);
  });
});

test('signals that do not kill do not end wsh', async () => {
  const ended = await sh('kill -CHLD $$; kill -CONT $$; kill -URG $$; kill -WINCH $$; exit 9');
  assert.equal([ended.code, ended.stderr], [9, '']);
});

test('a command that is stopped and continued is waited for', async () => {
  const ended = await sh('(sleep 0.1; kill -CONT $$) & kill -STOP $$; exit 11');
  assert.equal([ended.code, ended.stderr], [11, '']);
});

test('exit code 255 of the command\'s own is told without a signal', async () => {
  const ended = await sh('exit 255');
  assert.equal([ended.code, ended.stderr], [255, '']);
});

test('a command killed from outside of the container', async () => {
  const sleep = uniqueSleep(), pending = container.wsh(sleep.split(' '));
  await run(['sh', '-c', `until pkill -KILL -x -f '${sleep}'; do sleep 0.01; done`]);
  const ended = await pending;
  assert.equal([ended.code, ended.stderr], [255, 'wsh: the command was killed by signal 9 (SIGKILL)\n']);
});

test('a grandchild that keeps stdout and stderr open does not delay the end', async () => {
  const ended = await sh('sleep 1000 & echo out; echo err >&2; exit 5');
  assert.equal([ended.code, ended.stdout.toString(), ended.stderr, ended.timedOut], [5, 'out\n', 'err\n', false]);
});

test('nor does one that goes on writing', async () => {
  const ended = await sh('(echo y; echo y; : > /tmp/writes; exec yes) & until [ -e /tmp/writes ]; do sleep 0.01; done; rm /tmp/writes; exit 6');
  assert.is(ended.code, 6);
  assert.match(ended.stdout.subarray(0, 4).toString(), 'y\ny\n');
});

test('nor one in a session of its own', async () => {
  const ended = await sh('setsid sleep 1000 & echo out; exit 7');
  assert.equal([ended.code, ended.stdout.toString()], [7, 'out\n']);
});

exit.run();
