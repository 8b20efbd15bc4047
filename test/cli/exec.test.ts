/** `warden exec` and `warden info`, on one container that stays. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerInfo } from '../../src/core/container/info.js';
import { noContainers } from '../support/container.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { depotWithContainer, main } from './help.js';

const all = suite('warden exec, info');
const it = unless(noContainers, all);
const depot = depotWithContainer(all, '--memory', '64M');

const info = async (name: string): Promise<ContainerInfo> => JSON.parse(await depot.prints('info', name, '--json')) as ContainerInfo;

it('is shown by the names that other engines have for commands, too', async () => {
  assert.match(await depot.prints('ls'), /^c +serving/m);
  assert.is((JSON.parse(await depot.prints('inspect', 'c', '--json')) as ContainerInfo).id, 'c');
  const forgotten = await depot.warden('topology', '--svg', 'c');
  assert.equal([forgotten.code, forgotten.stdout], [2, '']);
  assert.match(forgotten.stderr, /^warden topology: --svg needs a file: c is a container in the depot /);
});

it('is named by its directory, too', async () => {
  const { stdout } = await depot.warden('exec', '--depot', '/nonexistent', join(depot.path, 'c'), 'hostname');
  assert.is(stdout, 'c\n');
  assert.is((JSON.parse(await depot.prints('info', `${depot.path}/c/`, '--json')) as ContainerInfo).id, 'c');
});

it('runs commands with their input, output and exit codes', async () => {
  assert.equal(await depot.startWarden(['exec', 'c', '--', 'sh', '-c', 'cat; echo err >&2; exit 7'], 'input\n').result,
    { code: 7, signal: null, stdout: 'input\n', stderr: 'err\n' });
  assert.equal(await depot.warden('exec', 'c', 'sh', '-c', 'echo "$@"', 'sh', '--user', '-x', '--', '--help'),
    { code: 0, signal: null, stdout: '--user -x -- --help\n', stderr: '' });
  assert.is(await depot.prints('exec', '--user', 'vcap', 'c', 'whoami'), 'vcap\n');
  assert.is(await depot.prints('exec', 'c', '--user', 'vcap', 'whoami'), 'vcap\n');
  assert.is((await depot.startWarden(['exec', 'c'], 'echo a login shell\n').result).stdout, 'a login shell\n');
  const killed = await depot.warden('exec', 'c', '--', 'sh', '-c', 'kill -KILL $$');
  assert.equal([killed.code, killed.stderr], [255, 'wsh: the command was killed by signal 9 (SIGKILL)\n']);
  const unknown = await depot.warden('exec', 'c', 'nosuch');
  assert.equal([unknown.code, unknown.stderr], [255, 'wsh: cannot execute nosuch: no such file or directory\n']);
});

for (const timeout of [[], ['--timeout', '1m']]) {
  it(`gives a command a terminal when it has one: ${timeout.join(' ') || 'no options'}`, async () => {
    const terminal = new Terminal([process.execPath, main, 'exec', 'c', ...timeout, '--', 'sh', '-c', 'stty size; echo $TERM; read line; exit 42'],
      { rows: 30, columns: 90, env: { ...depot.environment, TERM: 'xterm' } });
    try {
      const before = await terminal.settings();
      await terminal.sees('30 90\r\nxterm\r\n');
      terminal.type('\r');
      assert.is(await terminal.ends(), 42);
      assert.equal(terminal.settingsLeft, before);
    } finally {
      await terminal.close();
    }
  });
}

it('kills a command whose time is over, and nothing else', async () => {
  const other = depot.startWarden(['exec', 'c', '--', 'sh', '-c', 'echo started; exec sleep 4242']);
  await new Promise((resolve) => { other.child.stdout!.once('data', resolve); });
  const { code, stderr } = await depot.warden('exec', 'c', '--timeout', '300ms', '--', 'sh', '-c', 'trap "" TERM HUP; sleep 4243');
  assert.is(stderr, 'warden exec: the command was killed after 300 ms (--timeout)\n');
  assert.is(code, 124);
  const sleeping = async (): Promise<string> => (
    (await info('c')).processes.filter(({ argv }) => argv[0] === 'sleep').map(({ argv }) => argv.join(' ')).join());
  await until(async () => await sleeping() === 'sleep 4242', 'the other command runs alone');
  other.child.kill('SIGKILL');
  await other.result;
});

it('passes signals on to a command with a timeout, and shows how it was killed', async () => {
  const trap = 'trap "echo caught; exit 3" TERM; echo started; while :; do sleep 0.05; done';
  const running = depot.startWarden(['exec', 'c', '--timeout', '1m', '--', 'sh', '-c', trap]);
  await new Promise((resolve) => { running.child.stdout!.once('data', resolve); });
  running.child.kill('SIGTERM');
  const { code, stdout } = await running.result;
  assert.equal([code, stdout], [3, 'started\ncaught\n']);
  for (const timeout of [[], ['--timeout', '1m']]) {
    const killed = await depot.warden('exec', 'c', '--signal-status', ...timeout, '--', 'sh', '-c', 'kill -USR1 $$');
    assert.equal([killed.code, killed.stderr], [138, '']);
  }
});

it('a command that is in time is not hindered by its timeout', async () => {
  assert.equal(await depot.startWarden(['exec', 'c', '--timeout', '1m', '--', 'sh', '-c', 'cat; exit 3'], 'in\n').result,
    { code: 3, signal: null, stdout: 'in\n', stderr: '' });
  const unknown = await depot.warden('exec', 'c', '--timeout', '1m', 'nosuch');
  assert.equal([unknown.code, unknown.stderr], [255, 'warden exec: cannot execute nosuch: no such file or directory\n']);
});

it('tells what it is doing', async () => {
  const running = depot.startWarden(['exec', 'c', '--', 'sh', '-c', 'echo started; exec sleep 4242']);
  await new Promise((resolve) => { running.child.stdout!.once('data', resolve); });
  await until(async () => (await info('c')).processes.some(({ argv }) => argv[0] === 'sleep'), 'sleep runs');
  const text = await depot.prints('info', 'c');
  for (const line of [/^container +c$/m, /^state +serving/m, /^memory +.* of 64 MiB/m, /^ *\d+ +\d+ +0 .* sleep 4242$/m]) assert.match(text, line);
  const told = await info('c');
  assert.is(told.state, 'serving');
  assert.is(told.directory, join(depot.path, 'c'));
  assert.ok(told.processes.some(({ argv, uid }) => argv.join(' ') === 'sleep 4242' && uid === 0));
  running.child.kill();
  await running.result;
});

it('keeps what a command is called from a terminal', async () => {
  const running = depot.startWarden(['exec', 'c', '--', 'sh', '-c', 'echo started; exec sleep 4242 "$@"', '\x1b]0;owned\x07']);
  await new Promise((resolve) => { running.child.stdout!.once('data', resolve); });
  const text = await depot.prints('info', 'c');
  assert.not.match(text, /\x1b|\x07/);
  running.child.kill();
  await running.result;
});

all.run();
