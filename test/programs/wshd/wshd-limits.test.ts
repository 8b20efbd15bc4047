import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { comesToRest } from '../../support/iomux.js';
import { descriptorsAtRest, descriptorsOf, exitCode, firstOutput, until } from '../../support/process.js';
import { connect, converse, received, requestBytes, SERVED } from '../../support/raw.js';
import { unless } from '../../support/skip.js';

const limits = suite('wshd at its limits');
const test = unless(noContainers, limits);

async function within(program: readonly string[], use: (container: TestContainer) => Promise<void>): Promise<void> {
  const container = await startContainer(program);
  try {
    await use(container);
  } finally {
    await container.destroy();
  }
}

const good = requestBytes(['true']);
const wshd = programPath('wshd');
/** A wshd that runs out of descriptors soon. */
const DESCRIPTORS = 80, few = ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, wshd];
/** Nor may its commands have more. */
const env = { ...process.env, RLIMIT_NOFILE: String(DESCRIPTORS) };

async function runsTrue(container: TestContainer): Promise<void> {
  const ended = await container.wsh(['true'], { env });
  assert.equal([ended.code, ended.stderr], [0, '']);
}

test('few descriptors, many clients: all are served, some a little later', () => within(few, async (container) => {
  await runsTrue(container);
  const before = await descriptorsAtRest(container.pid);
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 200 }, () => converse(container.socket, [good])));
    assert.is(answers.filter((answer) => answer.equals(SERVED)).length, 200);
  }
  await runsTrue(container);
  await until(() => descriptorsOf(container.pid) === before, 'the descriptors are free again');
}));

test('no descriptor left: whoever waits is served when there are some again', () => within(few, async (container) => {
  await runsTrue(container);
  const before = await descriptorsAtRest(container.pid);
  // Each job holds a descriptor, for its exit status; sooner or later there are not enough for the start of another one.
  const jobs: ChildProcess[] = [];
  try {
    do jobs.push(spawn(programPath('wsh'), ['--socket', container.socket, 'sh', '-c', 'echo begun; exec cat'], { env, stdio: 'pipe' }));
    while (jobs.length < DESCRIPTORS && await begins(jobs.at(-1)!, container.pid));
    assert.ok(jobs.length > 20 && jobs.length < DESCRIPTORS, `${jobs.length} jobs have begun`);
    const waiting = jobs.pop()!;
    for (const job of jobs) job.kill('SIGKILL');
    jobs.push(waiting);
    await firstOutput(waiting.stdout!, 'the job that waited');
  } finally {
    for (const job of jobs) job.kill('SIGKILL');
  }
  await runsTrue(container);
  await until(() => descriptorsOf(container.pid) === before, 'the descriptors are free again');
}));

/** Whether a job writes to its stdout; false when wshd rests with too few descriptors for it. */
async function begins(job: ChildProcess, init: number): Promise<boolean> {
  // More than wshd wants to have free for a start.
  const ofStart = 24;
  let hasBegun = false;
  job.stdout!.once('data', () => { hasBegun = true; });
  const isShort = async (): Promise<boolean> => {
    if (descriptorsOf(init) + ofStart <= DESCRIPTORS) return false;
    await comesToRest(init);
    return true;
  };
  await until(async () => hasBegun || await isShort(), 'a job begins, or wshd has no descriptors for it');
  return hasBegun;
}

test('all descriptors taken by silent clients: they are dropped, then others are served', () => within(few, async (container) => {
  const silent = await Promise.all(Array.from({ length: 100 }, () => connect(container.socket)));
  const answers = Promise.all(silent.map(received));
  await runsTrue(container);
  assert.ok((await answers).every((answer) => answer.length === 0));
  await runsTrue(container);
}));

/** A cgroup of a test's own for pids, of either version; undefined where there is none to be had. */
function pidsGroup(): { path: string; join(pid: number): void; limit(value: string): void; remove(): void } | undefined {
  const v1 = '/sys/fs/cgroup/pids', v2 = '/sys/fs/cgroup';
  const controllers = `${v2}/cgroup.subtree_control`;
  const inV2 = existsSync(controllers) && readFileSync(controllers, 'utf8').includes('pids') ? v2 : undefined;
  const above = existsSync(`${v1}/cgroup.procs`) ? v1 : inV2;
  if (above === undefined) return undefined;
  const path = `${above}/warden-test-${process.pid}`;
  return {
    path,
    join: (pid) => {
      mkdirSync(path);
      writeFileSync(`${path}/cgroup.procs`, String(pid));
    },
    limit: (value) => writeFileSync(`${path}/pids.max`, value),
    remove: () => { if (existsSync(path)) rmdirSync(path); },
  };
}

const group = noContainers ? undefined : pidsGroup();
const testPids = unless(noContainers ?? (group ? undefined : 'no cgroup for pids'), limits);

testPids('no process left: the command is refused with a reason, and others run later', async () => {
  try {
    await within([wshd], async (container) => {
      group!.join(container.pid);
      group!.limit('1');
      for (let i = 0; i < 20; i++) {
        const ended = await container.wsh(['true']);
        assert.equal([ended.code, ended.stdout.length], [255, 0]);
        assert.is(ended.stderr, 'wsh: wshd cannot make the command\'s streams or its process: resource temporarily unavailable; is the container\'s limit of processes reached?\n');
      }
      const before = await descriptorsAtRest(container.pid);
      group!.limit('2');
      await runsTrue(container);
      const held = spawn(programPath('wsh'), ['--socket', container.socket, 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
      await until(() => readFileSync(`${group!.path}/cgroup.procs`, 'utf8').trim().split('\n').length === 2, 'cat runs');
      assert.is((await container.wsh(['true'])).code, 255);
      held.stdin.end();
      assert.is(await exitCode(held), 0);
      group!.limit('max');
      await runsTrue(container);
      await until(() => descriptorsOf(container.pid) === before, 'the descriptors are free again');
    });
  } finally {
    await until(() => { try { group!.remove(); return true; } catch { return false; } }, 'the group is empty');
  }
});

test('a small RLIMIT_AS', () => within(['prlimit', `--as=${24 << 20}:unlimited`, wshd], async (container) => {
  // wsh starts under one, too; the command has what wsh asks for, which is no limit.
  await runsTrue(container);
  const small = await container.wsh(['sh', '-c', 'echo ok; ulimit -v']);
  assert.equal([small.code, small.stdout.toString()], [0, 'ok\nunlimited\n']);
}));

limits.run();
