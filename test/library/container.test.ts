import { existsSync, mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readInit } from '../../src/core/depot/layout.js';
import { Container, type OomEvent, WardenError, type WardenErrorCode } from '../../src/index.js';
import { isAlive, run, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const containers = suite('containers');
const test = unless(noContainers, containers);
let depot: Depot;
let before: string[];

if (!noContainers) {
  containers.before.each(async () => {
    depot = new Depot();
    before = await held();
  });
  containers.after.each(async () => {
    await holdsOnly(before);
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
}

async function fails(promise: Promise<unknown>, code: WardenErrorCode): Promise<string> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, WardenError, String(error));
  assert.is((error as WardenError).code, code);
  return (error as WardenError).message;
}

/** A program that uses the library, and is killed when it says "now", or when this says so. */
function program(script: string, descriptors?: number): { kill(): Promise<void>; line(): Promise<string> } {
  const library = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const node = [process.execPath, '--input-type=module', '-e', `const { Container } = await import(${library}); ${script}`];
  const [file, ...args] = descriptors === undefined ? node : ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...node];
  const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit'), silent = once(child.stdout, 'end').then(() => ['(nothing)']);
  return {
    line: async () => String((await Promise.race([once(child.stdout, 'data'), silent]))[0]).trim(),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
      child.stdout.destroy();
    },
  };
}

test('serves, is found again, and is gone without a trace', async () => {
  const made = await depot.create({ id: 'web.1', hostname: 'web', memoryBytes: 64 << 20, cpuShares: 512 });
  assert.equal((await Container.list(depot.path)).map(({ id }) => id), ['web.1']);
  const found = await Container.open(`${depot.path}/web.1`);
  assert.is((await found.exec(['hostname']).output()).stdout.toString(), 'web\n');
  const info = await found.info();
  assert.equal([info.state, info.ephemeral, info.root, info.hostname, info.processes.length], ['serving', false, null, 'web', 1]);
  assert.equal([info.memory?.limitBytes, info.memory?.oomKills, info.cpu?.shares], [64 << 20, 0, 512]);
  assert.ok(Math.abs(Date.now() - info.createdAt.getTime()) < 60_000);
  await found[Symbol.asyncDispose]();
  assert.is((await made.info()).state, 'serving');
  await made[Symbol.asyncDispose]();
  await fails(Container.open(made.directory), 'NOT_FOUND');
  assert.equal(await Container.list(depot.path), []);
});

test('outlives whoever made it', async () => {
  const maker = program(`const c = await Container.create({ depot: ${JSON.stringify(depot.path)}, id: 'kept' });
    await c.spawn(['sleep', '1000'], { id: 'job' }); console.log('now'); setInterval(() => {}, 1000);`);
  await maker.line();
  await maker.kill();
  const kept = await Container.open(`${depot.path}/kept`);
  assert.is((await kept.exec(['true']).result).exitCode, 0);
  assert.is((await (await kept.job('job')).info()).state, 'running');
  await kept.destroy();
});

test('ends with its process when it is ephemeral', async () => {
  const maker = program(`const c = await Container.create({ depot: ${JSON.stringify(depot.path)}, id: 'brief', ephemeral: true });
    await c.spawn(['sleep', '1000'], { id: 'job' }); console.log('now'); setInterval(() => {}, 1000);`);
  await maker.line();
  assert.equal((await Container.list(depot.path)).map(({ id }) => id), ['brief']);
  const { pid } = await (await Container.open(`${depot.path}/brief`)).info();
  await maker.kill();
  await until(() => !isAlive(pid!), 'the container ends');
  await until(() => depot.left().length === 0, 'nothing is left');
});

test('a maker that dies at any moment leaves nothing that a sweep does not remove, and no half container', async () => {
  for (const delayMs of [0, 3, 6, 10, 15, 22, 30, 45, 70]) {
    const maker = program(`console.log('now'); await Container.create({ depot: ${JSON.stringify(depot.path)}, memoryBytes: 1 << 26 }); setInterval(() => {}, 1000);`);
    await maker.line();
    await new Promise((resolve) => { setTimeout(resolve, delayMs); });
    await maker.kill();
    for (const whole of await Container.list(depot.path)) {
      assert.is((await whole.exec(['true']).result).exitCode, 0, `killed after ${delayMs} ms: a container that does not serve`);
      await whole.destroy();
    }
    await until(async () => {
      assert.equal((await Container.sweep(depot.path)).failures, []);
      return depot.left().length === 0;
    }, `nothing is left when killed after ${delayMs} ms`);
  }
});

test('what is removed halfway is no container, and the next sweep goes on', async () => {
  const container = await depot.create({ id: 'half' }), { pid } = await container.info();
  // As if its remover had died here.
  symlinkSync('999999999 1', `${container.directory}.owner`);
  assert.equal(await Container.list(depot.path), []);
  await fails(Container.open(container.directory), 'NOT_FOUND');
  assert.equal((await Container.sweep(depot.path)).removed, ['half']);
  assert.not(isAlive(pid!));
});

test('nothing is taken for dead by one who has no descriptors left to look', async () => {
  await using container = await depot.create({ id: 'alive', ephemeral: true });
  const sweeper = program(`const { openSync, writeSync } = await import('node:fs');
    try { for (;;) openSync('/dev/null'); } catch {}
    const code = (promise) => promise.then(() => 'nothing', (error) => error.code);
    const swept = await Container.sweep(${JSON.stringify(depot.path)}).then(({ removed }) => removed.join(), (error) => error.code);
    writeSync(1, [swept, await code(Container.open(${JSON.stringify(container.directory)}))].join(' '));`, 100);
  assert.is(await sweeper.line(), 'UNSUPPORTED UNSUPPORTED');
  await sweeper.kill();
  assert.is((await container.exec(['true']).result).exitCode, 0);
});

test('a container of more processes than we have descriptors is looked at, and what runs in it is killed', async () => {
  await using container = await depot.create({ id: 'crowd' });
  const crowd = container.exec(['sh', '-c', 'for i in $(seq 300); do sleep 1000 & done; wait'], { stdio: ['ignore', 'ignore', 'ignore'] });
  await until(async () => (await container.info()).processes.length === 302, 'all are there');
  const looker = program(`const { writeSync } = await import('node:fs');
    const container = await Container.open(${JSON.stringify(container.directory)});
    const held = await container.exec(['sh', '-c', 'for i in $(seq 200); do sleep 1000 & done; echo; wait']);
    await new Promise((resolve) => held.stdout.once('data', resolve));
    const { processes } = await container.info(), killed = await held.kill('SIGKILL');
    writeSync(1, [processes.length, killed, (await held.result).signal].join(' '));`, 100);
  assert.is(await looker.line(), '503 201 SIGKILL');
  await looker.kill();
  assert.is((await container.stop({ graceMs: 5_000 })).killed, 0);
  await crowd.result;
});

test('of a process\'s arguments, which it can have a thousand others share, no more is kept than wsh can have given it', async () => {
  await using container = await depot.create();
  const long = container.exec(['sh', '-c', 'exec sh -c "sleep 1000; :" name "$(head -c 100000 /dev/zero | tr "\\0" x)"']);
  let argv: readonly string[] | undefined;
  await until(async () => {
    argv = (await container.info()).processes.find((process) => process.argv[3] === 'name')?.argv;
    return argv !== undefined;
  }, 'it runs');
  assert.is(argv!.join('\0').length, 8_192);
  await long.kill('SIGKILL');
  await long.result;
});

test('a job that cannot be started for lack of descriptors does not ask whether iomux-spawn was built', async () => {
  await using container = await depot.create();
  const starter = program(`const { openSync, closeSync, writeSync } = await import('node:fs');
    const container = await Container.open(${JSON.stringify(container.directory)}), open = [];
    try { for (;;) open.push(openSync('/dev/null')); } catch {}
    for (const fd of open.splice(-3)) closeSync(fd);
    await container.spawn(['true']).catch(({ message }) => writeSync(1, message));`, 100);
  const words = await starter.line();
  await starter.kill();
  assert.match(words, /for iomux-spawn: no descriptors are left/);
  assert.not.match(words, /built/);
});

test('directories that are none are no containers', async () => {
  mkdirSync(`${depot.path}/empty/etc`, { recursive: true });
  mkdirSync(`${depot.path}/broken/etc`, { recursive: true });
  writeFileSync(`${depot.path}/broken/etc/container.json`, '{"version":1');
  writeFileSync(`${depot.path}/file`, '');
  assert.equal(await Container.list(depot.path), []);
  assert.equal(await Container.sweep(depot.path), { removed: [], failures: [] });
  for (const name of ['empty', 'broken', 'file', 'nothing']) await fails(Container.open(`${depot.path}/${name}`), 'NOT_FOUND');
  depot.remove();
});

test('can be destroyed twice, by two, and when its init has ended', async () => {
  const container = await depot.create();
  const other = await Container.open(container.directory);
  await Promise.all([container.destroy(), other.destroy()]);
  await container.destroy();
  const dead = await depot.create();
  process.kill((await dead.info()).pid!, 'SIGKILL');
  await dead.destroy();
});

test('says what stands in the way of its removal, and tries again', async () => {
  const container = await depot.create();
  writeFileSync(`${container.directory}/root/precious`, '');
  assert.match(await fails(container.destroy(), 'NOT_REMOVED'), /a file in it does not belong to the container/);
  assert.ok(existsSync(`${container.directory}/root/precious`));
  unlinkSync(`${container.directory}/root/precious`);
  await container.destroy();
});

test('is removed from a depot that is full', async () => {
  mkdirSync(depot.path);
  const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'nr_inodes=64,mode=755', 'none', depot.path]);
  assert.is(mounted.code, 0, mounted.stderr);
  try {
    const container = await depot.create({ ephemeral: true });
    unlinkSync(`${container.directory}.owner`);
    assert.throws(() => { for (let i = 0; ; i++) writeFileSync(`${depot.path}/filler${i}`, ''); }, /ENOSPC/);
    await container.destroy();
    assert.not(existsSync(container.directory));
  } finally {
    await run(['umount', depot.path]);
  }
});

test('is removed with the groups that were made below its own', async () => {
  const container = await depot.create({ memoryBytes: 64 << 20 }), { cgroup } = (await container.memory())!;
  mkdirSync(`${cgroup}/inner/deep`, { recursive: true });
  await container.destroy();
  assert.not(existsSync(cgroup));
});

test('binds directories, read-only or not', async () => {
  const source = `${depot.path}/../shared`;
  mkdirSync(depot.path);
  mkdirSync(source);
  writeFileSync(`${source}/file`, 'x');
  await using container = await depot.create({ binds: [{ source, target: '/ro', readOnly: true }, { source, target: '/deep/rw' }] });
  const { stdout } = await container.exec(['sh', '-c', 'cat /ro/file; touch /ro/no 2> /dev/null || echo " kept"; touch /deep/rw/yes; grep -c "nosuid,nodev" /proc/mounts > /dev/null']).output();
  assert.is(stdout.toString(), 'x kept\n');
  assert.ok(existsSync(`${source}/yes`) && !existsSync(`${source}/no`));
});

test('says which part of its root cannot be made, and why', async () => {
  const root = `${depot.path}-root`;
  mkdirSync(root);
  writeFileSync(`${root}/file`, '');
  const words = await fails(depot.create({ root, binds: [{ source: '/tmp', target: '/file' }] }), 'START_FAILED');
  assert.match(words, /hook-parent-after-clone\.sh: cannot bind a directory to \/file \(ENOTDIR: not a directory\)/);
  assert.match(words, /hook .*\/hook-parent-after-clone\.sh failed with exit code 1/);
});

/** Two ways out of a root, for whoever follows links as the host does. */
const linksTo = (outside: string): Record<string, string> => ({ absolute: outside, up: `${'../'.repeat(20)}${outside.slice(1)}`, deep: 'down/out' });

test('nothing is made or mounted where the links of a given root lead to outside of it', async () => {
  const root = `${depot.path}-root`, outside = `${depot.path}-outside`, source = `${depot.path}-source`;
  for (const directory of [`${root}/down`, outside, source]) mkdirSync(directory, { recursive: true });
  for (const [name, to] of Object.entries(linksTo(outside))) symlinkSync(to, `${root}/${name}`);
  symlinkSync(`..${'/..'.repeat(20)}${outside}`, `${root}/down/out`);
  for (const target of ['/absolute/made', '/up/made', '/deep/made', '/absolute', '/up']) {
    const words = await fails(depot.create({ root, binds: [{ source, target }] }), 'START_FAILED');
    assert.match(words, /hook-parent-after-clone\.sh: cannot make the directory \/(absolute|up|deep) \(EEXIST: /);
    assert.equal(readdirSync(outside), [], target);
  }
  assert.equal(readdirSync(root).sort(), ['absolute', 'deep', 'dev', 'down', 'proc', 'up']);
});

test('the links of a given root, and of what is bound to it, lead inside it, as they do in the container', async () => {
  const root = `${depot.path}-root`, outside = `${depot.path}-outside`, source = `${depot.path}-source`;
  for (const directory of [root + outside, `${root}/down`, `${root}/data`, outside, source]) mkdirSync(directory, { recursive: true });
  for (const [name, to] of Object.entries(linksTo(outside))) symlinkSync(to, `${root}/${name}`);
  symlinkSync(`..${'/..'.repeat(20)}${outside}`, `${root}/down/out`);
  symlinkSync(outside, `${source}/out`);
  for (const directory of ['/usr', '/bin', '/lib', '/lib64']) mkdirSync(root + directory);
  const programs = ['/usr', '/bin', '/lib', '/lib64'].map((directory) => ({ source: directory, target: directory, readOnly: true }));
  await using container = await depot.create({
    root, binds: [...programs, ...['/absolute/a', '/up/b', '/deep/c', '/data', '/data/out/d'].map((target) => ({ source, target }))],
  });
  assert.equal(readdirSync(outside), []);
  assert.equal(readdirSync(root + outside).sort(), ['a', 'b', 'c', 'd']);
  const { stdout } = await container.exec(['sh', '-c', 'grep -o "[^ ]*-outside/. [^ ]*" /proc/mounts; touch /data/out/d/here']).output();
  assert.equal(stdout.toString().match(/-outside\/./g), ['a', 'b', 'c', 'd'].map((name) => `-outside/${name}`));
  assert.equal(readdirSync(source).sort(), ['here', 'out']);
});

test('a limit can be changed, and memory that runs out is told apart', async () => {
  await using container = await depot.create({ memoryBytes: 1 << 30 });
  await container.limitMemory(20 << 20);
  await container.limitCpu(2_048);
  const watch = container.watchOom(), told = once(watch, 'oom');
  const { exitCode } = await container.exec(['sh', '-c', 'head -c 100000000 /dev/zero | tail']).result;
  assert.ok(exitCode !== undefined);
  const [event] = await told as [OomEvent];
  assert.equal([event.limitBytes, event.cgroup], [20 << 20, (await container.memory())!.cgroup]);
  await until(async () => (await container.memory())!.oomKills >= 1, 'the kill is counted');
  assert.ok((await container.memory())!.peakBytes! > 10 << 20);
  assert.is((await container.cpu())!.shares, 2_048);
  await container.limitMemory(Infinity);
  assert.is((await container.memory())!.limitBytes, null);
  const end = once(watch, 'end');
  watch.close();
  assert.equal(await end, ['closed']);
});

test('ends all that runs in it, and remains', async () => {
  await using container = await depot.create();
  const polite = container.exec(['sh', '-c', 'trap "exit 4" TERM; echo; while :; do sleep 0.05; done']);
  const stubborn = container.exec(['sh', '-c', 'trap "" TERM; echo; while :; do sleep 0.05; done']);
  await Promise.all([polite, stubborn].map(({ stdout }) => once(stdout!, 'data')));
  const { terminated, killed } = await container.stop({ graceMs: 3_000 });
  assert.ok(terminated >= 2 && killed >= 1, `${terminated} terminated, ${killed} killed`);
  assert.equal([(await polite.result).exitCode, (await stubborn.result).signal], [4, 'SIGKILL']);
  assert.equal(await container.stop(), { terminated: 0, killed: 0 });
  assert.is((await container.exec(['true']).result).exitCode, 0);
});

test('ends what was asked for before, also what wshd has not started yet', async () => {
  await using container = await depot.create();
  const first = readInit(container.directory)!.pid;
  // A wshd that gets to its requests late, as on a busy machine.
  process.kill(first, 'SIGSTOP');
  const execution = container.exec(['sleep', '1000']), inTime = setTimeout(() => process.kill(first, 'SIGCONT'), 200);
  const { terminated } = await container.stop().finally(() => clearTimeout(inTime));
  process.kill(first, 'SIGCONT');
  const late = setTimeout(() => { void execution.kill('SIGKILL'); }, 30_000);
  assert.equal([terminated, (await execution.result).signal], [1, 'SIGTERM']);
  clearTimeout(late);
  assert.equal(await container.stop(), { terminated: 0, killed: 0 });
});

test('is not kept from a stop by a stopped init, which starts nothing', async () => {
  await using container = await depot.create();
  process.kill(readInit(container.directory)!.pid, 'SIGSTOP');
  assert.equal(await container.stop(), { terminated: 0, killed: 0 });
});

test('is not stopped by a signal that has been aborted before, whatever runs', async () => {
  await using container = await depot.create();
  assert.match(await fails(container.stop({ signal: AbortSignal.abort() }), 'ABORTED'), /aborted/);
});

for (const delayMs of [undefined, 0, 5, 20, 40]) {
  test(`its making can be aborted ${delayMs === undefined ? 'before' : `after ${delayMs} ms`}`, async () => {
    const controller = new AbortController();
    if (delayMs === undefined) controller.abort();
    const creation = depot.create({ signal: controller.signal });
    if (delayMs !== undefined) setTimeout(() => controller.abort(), delayMs);
    const made = await creation.catch((error: unknown) => error);
    if (made instanceof Container) await made.destroy();
    else assert.ok(made instanceof WardenError && made.isAborted, String(made));
  });
}

test('refuses names, limits and roots that make no sense, and touches nothing', async () => {
  const cases: [object, WardenErrorCode][] = [
    [{ id: '' }, 'USAGE'], [{ id: '../x' }, 'USAGE'], [{ id: 'x.owner' }, 'USAGE'], [{ id: '-x' }, 'USAGE'], [{ id: 'x'.repeat(64) }, 'USAGE'],
    [{ hostname: 'a b' }, 'USAGE'], [{ memoryBytes: 0 }, 'USAGE'], [{ cpuShares: 1 }, 'USAGE'], [{ root: '/' }, 'USAGE'], [{ root: '/no/such' }, 'USAGE'],
    [{ binds: [{ source: '/no/such', target: '/x' }] }, 'USAGE'], [{ binds: [{ source: '/tmp', target: 'x' }] }, 'USAGE'],
  ];
  for (const [options, code] of cases) await fails(depot.create(options), code);
  assert.equal(await depot.leftovers(), []);
  await using first = await depot.create({ id: 'taken' });
  assert.match(await fails(depot.create({ id: 'taken' }), 'EXISTS'), /taken/);
  assert.is((await first.exec(['true']).result).exitCode, 0);
});

test('works in a depot whose path is long', async () => {
  const deep = `${depot.path}/${'long'.repeat(40)}`;
  await using container = await Container.create({ depot: deep });
  assert.is((await container.exec(['echo', 'here']).output()).stdout.toString(), 'here\n');
  const job = await container.spawn(['echo', 'job']);
  assert.is((await job.link({ stdio: 'ignore' }).result).exitCode, 0);
  await container.destroy();
  depot.remove();
});

containers.run();
