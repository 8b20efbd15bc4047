/** A container's life, each step by a process of its own: create, list, stop, destroy. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerInfo } from '../../src/core/container/info.js';
import { noContainers } from '../support/container.js';
import { scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { Depot, main } from './help.js';

const all = suite('warden create, list, stop, destroy');
const it = unless(noContainers, all);
const files = scratch();
let depot: Depot;

all.before(() => { depot = new Depot(); });
all.after.each(async () => {
  for (const id of readdirSync(depot.path).filter((name) => existsSync(join(depot.path, name, 'run')))) await depot.warden('destroy', id);
  assert.equal(await depot.leftovers(), []);
});
all.after(() => {
  depot.remove();
  files.remove();
});

const info = async (name: string): Promise<ContainerInfo> => JSON.parse(await depot.prints('info', name, '--json')) as ContainerInfo;

/** A personality in which the kernel says that it is Linux 2.6. setarch(8) */
for (const [name, ...command] of [['run', '--', 'true'], ['create']] as const) {
  it(`warden ${name} refuses a kernel that is too old in one sentence, and makes nothing`, () => {
    const argv = ['--uname-2.6', process.execPath, main, name, '--depot', depot.path, ...command];
    const { status, stdout, stderr } = spawnSync('setarch', argv, { encoding: 'utf8' });
    assert.match(stderr, new RegExp(`^warden ${name}: containers need Linux 5\\.12 or later, and this is 2\\.6\\.\\S+\\n$`));
    assert.equal([status, stdout, readdirSync(depot.path)], [1, '', []]);
  });
}

it('a container stays until it is destroyed', async () => {
  const id = (await depot.prints('create')).trim();
  assert.match(id, /^[0-9a-v]{11}$/);
  assert.is(await depot.prints('exec', id, 'hostname'), `${id}\n`);
  assert.is(await depot.prints('exec', id, '--', 'sh', '-c', 'echo kept > /tmp/file'), '');
  assert.is(await depot.prints('exec', id, '--', 'cat', '/tmp/file'), 'kept\n');
  assert.is(await depot.prints('destroy', id), '');
  const { code, stderr } = await depot.warden('exec', id, 'true');
  assert.match(stderr, /^warden exec: there is no container /);
  assert.is(code, 1);
});

it('makes its depot with all that is above it, and says so where nobody can', async () => {
  const deep = join(files.path, 'not', 'there', 'yet');
  assert.is(await depot.prints('create', '--depot', deep, '--name', 'c'), 'c\n');
  assert.is(await depot.prints('destroy', '--depot', deep, 'c'), '');
  for (const [impossible, why] of [['/proc/nosuch/depot', 'ENOENT'], ['/dev/null', 'ENOTDIR']]) {
    const { code, stdout, stderr } = await depot.warden('create', '--depot', impossible!);
    assert.match(stderr, new RegExp(`^warden create: .* the depot ${impossible}: ${why}: .*\n$`));
    assert.equal([code, stdout], [1, '']);
  }
});

it('is made as the options say', async () => {
  const source = files.directory();
  writeFileSync(join(source, 'file'), 'shared\n');
  const made = await depot.prints('create', '--name', 'web.1', '--hostname', 'www', '--memory', '64M', '--cpu-shares', '512',
    '--bind', `${source}:/data:ro`, '--bind', `${source}:/more/data`, '--json');
  const told = JSON.parse(made) as ContainerInfo;
  assert.is(told.id, 'web.1');
  assert.is(told.hostname, 'www');
  assert.is(told.memory?.limitBytes, 64 << 20);
  assert.is(told.cpu?.shares, 512);
  assert.equal(told.binds, [{ source, target: '/data', readOnly: true }, { source, target: '/more/data', readOnly: false }]);
  assert.is(await depot.prints('exec', 'web.1', '--', 'sh', '-c', 'hostname; cat /data/file; touch /data/new 2> /dev/null || echo read-only'),
    'www\nshared\nread-only\n');
  await depot.prints('exec', 'web.1', '--', 'touch', '/more/data/new');
  assert.ok(existsSync(join(source, 'new')));
});

it('has a name that nobody else has', async () => {
  await depot.prints('create', '--name', 'only');
  assert.match(await depot.prints('info', 'only'), /^memory +[\d.]+ \w+, no limit, at most /m);
  const before = await info('only');
  for (const args of [['create', '--name', 'only'], ['run', '--name', 'only', '--', 'true']]) {
    const { code, stdout, stderr } = await depot.warden(...args);
    assert.match(stderr, new RegExp(`^warden ${args[0]}: .*only.*\n$`));
    assert.is(code, 1);
    assert.is(stdout, '');
  }
  assert.is((await info('only')).pid, before.pid, 'the first one serves as before');
});

/** Without what changes between two looks: memory and time that are in use. */
function withoutCounters(found: ContainerInfo): object {
  const { memory, cpu, processes, ...rest } = found;
  return {
    ...rest, limitBytes: memory?.limitBytes, oomKills: memory?.oomKills, shares: cpu?.shares,
    processes: processes.map(({ residentBytes: _, ...each }) => each),
  };
}

it('is listed: columns for people, JSON for programs', async () => {
  for (const name of ['b', 'a']) await depot.prints('create', '--name', name, ...(name === 'a' ? ['--memory', '32M'] : []));
  const lines = (await depot.prints('list')).trimEnd().split('\n').map((line) => line.split(/ {2,}/));
  assert.equal(lines.map(([id, state]) => [id, state]), [['CONTAINER', 'STATE'], ['a', 'serving'], ['b', 'serving']]);
  assert.is(lines[1]!.at(-1), '32 MiB');
  assert.not.match(await depot.prints('list'), /\x1b/);
  const listed = JSON.parse(await depot.prints('list', '--json')) as ContainerInfo[];
  assert.equal(listed.map(withoutCounters), [await info('a'), await info('b')].map(withoutCounters));
});

it('shows a table with colours at a terminal, and none without', async () => {
  await depot.prints('create', '--name', 'c');
  for (const [env, bold] of [[{ TERM: 'xterm' }, true], [{ TERM: 'xterm', NO_COLOR: '1' }, false]] as const) {
    const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...clean } = depot.environment;
    const terminal = new Terminal([process.execPath, main, 'list'], { env: { ...clean, ...env } });
    await terminal.sees(/c +serving/);
    assert.is(await terminal.ends(), 0);
    await terminal.close();
    assert.is(terminal.shown.includes('\x1b[1m'), bold);
  }
});

it('stops what runs in it, and goes on serving', async () => {
  await depot.prints('create', '--name', 'c');
  const commands = ['echo started; exec sleep 4242', 'trap "" TERM; echo started; while :; do sleep 0.1; done'];
  const running = commands.map((command) => depot.startWarden(['exec', 'c', '--', 'sh', '-c', command]));
  await Promise.all(running.map(({ child }) => new Promise((resolve) => { child.stdout!.once('data', resolve); })));
  const told = JSON.parse(await depot.prints('stop', 'c', '--grace', '300ms', '--json')) as { terminated: number; killed: number };
  assert.ok(told.terminated >= 2 && told.killed >= 1, JSON.stringify(told));
  for (const { result } of running) assert.is((await result).code, 255);
  assert.is(await depot.prints('stop', 'c'), 'nothing was running\n');
  assert.is(await depot.prints('exec', 'c', 'echo', 'serves'), 'serves\n');
});

it('says that it has ended, when its init was killed, and can be destroyed', async () => {
  await depot.prints('create', '--name', 'c');
  process.kill((await info('c')).pid!, 'SIGKILL');
  await until(async () => (await info('c')).state === 'ended', 'it has ended');
  const commands: [args: string[], code: number][] = [
    [['exec', 'c', 'true'], 255], [['exec', '--timeout', '5', 'c', 'true'], 255], [['spawn', 'c', 'true'], 1], [['spawn', '--wait-for-link', 'c', 'true'], 1],
  ];
  for (const [args, expected] of commands) {
    const { code, stdout, stderr } = await depot.warden(...args);
    assert.match(stderr, new RegExp(`^warden ${args[0]}: the container \\S+/c has ended: .*\n$`));
    assert.equal([code, stdout], [expected, '']);
  }
  assert.equal((await info('c')).jobs, []);
  assert.is(await depot.prints('stop', 'c'), 'nothing was running\n');
  await depot.prints('destroy', 'c');
});

it('is told from whatever else lies in a depot, and its jobs from what lies beside them', async () => {
  await depot.prints('create', '--name', 'c');
  const strange = ['null', '{', '{"version":1}', '[]', '7', '{"version":1,"id":"x","hostname":"x","root":null,"binds":[null],"createdAtMs":1,"ephemeral":false}'];
  const place = (name: string): string => join(depot.path, name);
  const others = [...strange.map((_, index) => `record${index}`), 'pipe', 'a b', 'x\ny', 'loop', 'file'];
  for (const [index, text] of strange.entries()) {
    mkdirSync(place(`record${index}/etc`), { recursive: true });
    writeFileSync(place(`record${index}/etc/container.json`), text);
    mkdirSync(place(`c/jobs/record${index}`));
    writeFileSync(place(`c/jobs/record${index}/job.json`), text);
  }
  for (const name of ['pipe/etc', 'c/jobs/pipe', 'a b', 'x\ny', 'c/jobs/a b']) mkdirSync(place(name), { recursive: true });
  for (const pipe of ['pipe/etc/container.json', 'c/jobs/pipe/job.json']) spawnSync('mkfifo', [place(pipe)]);
  for (const loop of ['loop', 'c/jobs/loop']) symlinkSync('loop', place(loop));
  writeFileSync(place('file'), '');
  try {
    assert.equal((JSON.parse(await depot.prints('list', '--json')) as ContainerInfo[]).map(({ id }) => id), ['c']);
    assert.equal((await info('c')).jobs, []);
    for (const command of ['list', 'info', 'ps', 'topology']) await depot.prints(command, ...(command === 'info' ? ['c'] : []));
    for (const other of ['record2', 'pipe', 'loop', 'file']) {
      assert.match((await depot.warden('info', other)).stderr, /^warden info: there is no container .*\n$/);
      assert.match((await depot.warden('create', '--name', other)).stderr, /^warden create: a container with the id .* exists in .*\n$/);
    }
    for (const job of ['record0', 'pipe', 'loop']) assert.match((await depot.warden('link', 'c', job)).stderr, /^warden link: there is no job .*\n$/);
  } finally {
    for (const name of [...others, ...readdirSync(place('c/jobs')).map((job) => `c/jobs/${job}`)]) rmSync(place(name), { recursive: true });
  }
  await depot.prints('destroy', 'c');
});

it('is destroyed with all that runs in it, one that is missing notwithstanding', async () => {
  for (const name of ['a', 'b']) await depot.prints('create', '--name', name);
  const running = depot.startWarden(['exec', 'a', '--', 'sh', '-c', 'echo started; exec sleep 4242']);
  await new Promise((resolve) => { running.child.stdout!.once('data', resolve); });
  const { code, stdout, stderr } = await depot.warden('destroy', 'a', 'nosuch', 'b');
  assert.match(stderr, /^warden destroy: there is no container .*nosuch.*\n$/);
  assert.is(stdout, '');
  assert.is(code, 1);
  assert.is((await running.result).code, 255);
  assert.equal(await depot.leftovers(), []);
});

it('leaves nothing of a start that is interrupted', async () => {
  for (const moment of [40, 120, 200, 280]) {
    const { child, result } = depot.startWarden(['create', '--name', 'c']);
    await new Promise((resolve) => { setTimeout(resolve, moment); });
    child.kill('SIGINT');
    const { code, signal, stdout } = await result;
    if (code === 0) assert.is(stdout, 'c\n');
    else assert.ok(code === 130 || signal === 'SIGINT', `${moment} ms: ${code} ${signal}`);
    if (code === 0) await depot.prints('destroy', 'c');
    assert.equal(await depot.leftovers(), [], `after SIGINT at ${moment} ms`);
  }
});

all.run();
