/** However `warden run` ends, and whenever: nothing is left of the container. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, type Running } from './help.js';

const all = suite('warden run, interrupted');
const it = unless(noContainers, all);
let depot: Depot;

all.before.each(() => { depot = new Depot(); });
all.after.each(() => depot.remove());

/** Starts a command that would run for ever, and waits until it does. */
async function started(command = 'echo started; exec sleep 4242', ...options: string[]): Promise<Running> {
  const running = depot.start([...options, '--', 'sh', '-c', command]);
  await new Promise((resolve) => { running.child.stdout!.once('data', resolve); });
  return running;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

for (const signal of SIGNALS) {
  it(`ends with 128 + ${signal}, and everything with it`, async () => {
    const { child, result } = await started();
    child.kill(signal);
    assert.equal(await result, { code: 128 + constants.signals[signal], signal: null, stdout: 'started\n', stderr: '' });
    assert.equal(await depot.leftovers(), []);
  });
}

it('is not kept by a command that ignores signals, nor by impatience', async () => {
  const { child, result } = await started('trap "" INT TERM HUP; echo started; while :; do sleep 1; done');
  for (const signal of SIGNALS) child.kill(signal);
  const { code } = await result;
  assert.ok(SIGNALS.some((signal) => code === 128 + constants.signals[signal]), String(code));
  assert.equal(await depot.leftovers(), []);
});

for (const signal of SIGNALS) {
  it(`passes ${signal} on to the command, whose exit code counts`, async () => {
    const { child, result } = await started(`trap "echo caught; exit 3" ${signal.slice(3)}; echo started; while :; do sleep 0.05; done`);
    child.kill(signal);
    const { code, stdout } = await result;
    // The shell may report on stderr that its sleep was killed, too.
    assert.equal([code, stdout], [3, 'started\ncaught\n']);
    assert.equal(await depot.leftovers(), []);
  });
}

it('shows a signal as a shell does, when asked to', async () => {
  const kill = ['--', 'sh', '-c', 'kill -USR1 $$'];
  assert.equal(await depot.run(['--signal-status', ...kill]), { code: 138, signal: null, stdout: '', stderr: '' });
  assert.equal(await depot.run(kill), { code: 255, signal: null, stdout: '', stderr: 'warden run: the command was killed by SIGUSR1\n' });
});

it('is not kept by a wsh that is stopped', async () => {
  const { child, result } = await started();
  process.kill(depot.processWith('/wsh --socket'), 'SIGSTOP');
  child.kill('SIGTERM');
  assert.is((await result).code, 143);
  assert.equal(await depot.leftovers(), []);
});

it('says that the command was killed when the container is ended from outside', async () => {
  const { result } = await started();
  process.kill(depot.processWith(' wshd: '), 'SIGKILL');
  const { code, stderr } = await result;
  assert.is(code, 255);
  assert.is(stderr, 'wsh: the command was killed\n');
  assert.equal(await depot.leftovers(), []);
});

/** From before Node has started until the command runs. */
function moments(count: number): number[] { return Array.from({ length: count }, (_, index) => index * 10); }

it('can be interrupted at any moment', async () => {
  for (const [index, moment] of moments(30).entries()) {
    const signal = SIGNALS[index % SIGNALS.length]!;
    const { child, result } = depot.start(['--', 'sleep', '4242']);
    await sleep(moment);
    child.kill(signal);
    const ended = await result;
    // Before our code runs, Node itself dies of the signal.
    assert.ok(ended.signal === signal || ended.code === 128 + constants.signals[signal], `${moment} ms: ${JSON.stringify(ended)}`);
    assert.equal(await depot.leftovers(), [], `after ${signal} at ${moment} ms`);
  }
});

it('can be killed at any moment: nothing lives on, and the next one removes the rest', async () => {
  for (const moment of moments(30)) {
    const { child, result } = depot.start(['--', 'sleep', '4242']);
    await sleep(moment);
    child.kill('SIGKILL');
    await result;
    const living = (await depot.leftovers()).filter((line) => /^\d+ /.test(line));
    assert.equal(living, [], `after SIGKILL at ${moment} ms`);
    assert.is((await depot.run(['--', 'true'])).code, 0);
    assert.equal(await depot.leftovers(), [], `after SIGKILL at ${moment} ms and another run`);
  }
});

it('removes everything at once when it is killed while the command runs', async () => {
  const { child, result } = await started();
  child.kill('SIGKILL');
  await result;
  assert.equal(await depot.leftovers(), []);
});

it('ends containers that even the watcher left alive', async () => {
  const { child, result } = await started();
  process.kill(depot.processWith('/watch.sh '), 'SIGKILL');
  await until(() => !depot.processes().some((line) => line.includes('/watch.sh ')), 'the watcher ends');
  child.kill('SIGKILL');
  await until(() => child.signalCode !== null, 'warden run ends');
  assert.ok(depot.processWith(' wshd: ') > 0);
  const next = await depot.run(['--', 'echo', 'next']);
  assert.equal(next, { code: 0, signal: null, stdout: 'next\n', stderr: '' });
  await result;
  assert.equal(await depot.leftovers(), []);
});

it('leaves containers alone whose owner lives, and what is none', async () => {
  const other = await started();
  for (const name of ['not-a-container.owner', '00000000001']) mkdirSync(join(depot.path, name));
  symlinkSync('1 1', join(depot.path, '-nonameatall.owner'));
  // Its owner is dead, but nobody of ours would have made the directory so that others can write to it.
  mkdirSync(join(depot.path, '00000000002'));
  spawnSync('chmod', ['777', join(depot.path, '00000000002')]);
  symlinkSync('999999999 1', join(depot.path, '00000000002.owner'));
  const before = depot.files();
  assert.equal(await depot.run(['--', 'true']), { code: 0, signal: null, stdout: '', stderr: '' });
  assert.equal(depot.files(), before);
  other.child.kill('SIGTERM');
  assert.is((await other.result).code, 143);
});

it('removes nothing that is not its own', async () => {
  const { child, result } = await started();
  const [id] = [...depot.ids];
  writeFileSync(join(depot.path, id!, 'root/precious'), '');
  child.kill('SIGTERM');
  const { code, stderr } = await result;
  assert.is(code, 143);
  assert.match(stderr, /^warden run: cannot remove the container's directory \S+: ENOTEMPTY: directory not empty; /);
  assert.equal(depot.files(), [id!, `${id!}.owner`, `${id!}/root`, `${id!}/root/precious`].sort());
});

it('removes nothing through a mount', async () => {
  const { child, result } = await started();
  const [id] = [...depot.ids];
  const root = join(depot.path, id!, 'root');
  mkdirSync(join(depot.path, 'elsewhere'));
  writeFileSync(join(depot.path, 'elsewhere/precious'), '');
  assert.is(spawnSync('mount', ['--bind', join(depot.path, 'elsewhere'), root]).status, 0);
  try {
    child.kill('SIGTERM');
    const { code, stderr } = await result;
    assert.is(code, 143);
    assert.match(stderr, /^warden run: cannot remove the container's directory \S+: EBUSY: resource busy or locked; /);
    assert.equal(readdirSync(root), ['precious']);
  } finally {
    spawnSync('umount', [root]);
  }
});

all.run();
