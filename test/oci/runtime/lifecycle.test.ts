/** create, start, kill, delete and what is between them: runtime.md of the OCI runtime specification. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Bundle, noContainers } from './bundle.js';

const lifecycle = suite('the life of a container');
const it = unless(noContainers(), lifecycle);

/** A process that lives until it is killed. */
const SLEEPING = ['sleep', '1000'];

function sleeping(): Bundle { return new Bundle((config) => { config.process.args = SLEEPING; }); }

async function status(bundle: Bundle): Promise<unknown> { return (await bundle.state())['status']; }

/** Waits until the container has that status: its process is the test's grandchild, and is waited for by init. */
async function becomes(bundle: Bundle, expected: string): Promise<void> {
  let now: unknown;
  await until(async () => (now = await status(bundle)) === expected, () => `the container is ${expected}, not ${String(now)}`);
}

it('created, running, stopped, gone', async () => {
  using bundle = sleeping();
  const created = await bundle.call(['create', '--pid-file', bundle.file('pid'), bundle.id]);
  assert.equal([created.code, created.stderr], [0, '']);
  const state = await bundle.state();
  assert.equal([state['status'], state['id'], state['bundle'], state['ociVersion']], ['created', bundle.id, bundle.path, '1.2.0']);
  assert.is(readFileSync(bundle.file('pid'), 'utf8'), String(state['pid']));
  // Scripts look for it as runc prints it.
  assert.match((await bundle.call(['state', bundle.id])).stdout.toString(), /^\{\n {2}"ociVersion": "1\.2\.0",\n[^]*\n {2}"status": "created",\n[^]*\n\}\n$/);
  assert.is((await bundle.call(['start', bundle.id])).code, 0);
  assert.is(await status(bundle), 'running');
  await until(() => readFileSync(`/proc/${String(state['pid'])}/cmdline`, 'latin1').startsWith('sleep\0'), 'the command is executed');
  assert.is((await bundle.call(['kill', bundle.id, 'KILL'])).code, 0);
  await becomes(bundle, 'stopped');
  assert.is((await bundle.call(['delete', bundle.id])).code, 0);
  assert.equal(readdirSync(bundle.root), []);
  assert.not.ok(existsSync(`/sys/fs/cgroup/pids/warden-runtime/${bundle.id}`));
});

it('run gives the exit code, and leaves nothing', async () => {
  for (const [script, code] of [['exit 0', 0], ['exit 7', 7], ['exec test 1 = 2', 1]] as const) {
    using bundle = new Bundle((config) => { config.process.args = ['sh', '-c', script]; });
    assert.is((await bundle.run()).code, code);
    assert.equal(readdirSync(bundle.root), []);
  }
});

it('a created container ends by SIGTERM, and cannot be started then', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  assert.is((await bundle.call(['kill', bundle.id])).code, 0);
  await becomes(bundle, 'stopped');
  const { code, stderr } = await bundle.call(['start', bundle.id]);
  assert.is(code, 1);
  assert.match(stderr, /cannot start a container that has stopped/);
});

it('delete of a container that has not stopped has no effect without --force', async () => {
  using created = sleeping();
  await created.call(['create', created.id]);
  const kept = await created.call(['delete', created.id]);
  assert.is(kept.code, 1);
  assert.match(kept.stderr, /created and not stopped, delete --force kills it first/);
  assert.is(await status(created), 'created');
  assert.is((await created.call(['delete', '--force', created.id])).code, 0);
  using running = sleeping();
  await running.call(['create', running.id]);
  await running.call(['start', running.id]);
  const refused = await running.call(['delete', running.id]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /delete --force kills it first/);
  assert.is((await running.call(['delete', '--force', running.id])).code, 0);
  assert.equal(readdirSync(running.root), []);
});

it('events and update: what is used, and limits by options', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  await bundle.call(['start', bundle.id]);
  const updated = await bundle.call(['update', '--memory', '64m', '--memory-swap=128M', '--pids-limit', '17', '--cpu-quota', '50000', '--cpuset-cpus', '0', bundle.id]);
  assert.equal([updated.code, updated.stderr], [0, '']);
  // Both at once, above what there is.
  assert.is((await bundle.call(['update', '--memory', '256m', '--memory-swap', '512m', bundle.id])).code, 0);
  const { code, stdout } = await bundle.call(['events', '--stats', bundle.id]);
  const { type, id, data } = JSON.parse(stdout.toString()) as { type: string; id: string; data: Record<string, Record<string, unknown>> };
  assert.equal([code, type, id, data['pids']], [0, 'stats', bundle.id, { current: 1, limit: 17 }]);
  assert.is((data['memory']!['usage'] as { limit: number }).limit, 256 << 20);
  for (const bad of [['--memory', 'x'], ['--memory', '99999999999999999999'], ['--cpuset-cpus', 'a'], []]) {
    assert.is((await bundle.call(['update', ...bad, bundle.id])).code, 1, bad.join(' '));
  }
  const stream = bundle.call(['events', '--interval', '100ms', bundle.id]);
  await bundle.call(['kill', bundle.id, 'KILL']);
  assert.is((await stream).code, 0);
});

it('what does not exist: delete --force is 0, everything else is not', async () => {
  using bundle = sleeping();
  assert.equal((await bundle.call(['delete', '--force', bundle.id])).code, 0);
  for (const command of ['start', 'kill', 'delete', 'state', 'pause', 'resume', 'ps']) {
    const { code, stderr } = await bundle.call([command, bundle.id]);
    assert.is(code, 1, command);
    assert.match(stderr, /container does not exist/);
  }
  assert.is((await bundle.call(['exec', bundle.id, 'true'])).code, 255);
});

it('an id is taken once, and only by a good name', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  const again = await bundle.call(['create', bundle.id]);
  assert.is(again.code, 1);
  assert.match(again.stderr, /a container with this id exists/);
  for (const id of ['.', '..', 'a/b', '', 'a b', 'a\u00e9']) {
    const { code, stderr } = await bundle.call(['create', id]);
    assert.is(code, 1, id);
    assert.match(stderr, /the container's id/);
  }
});

it('is started once', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  assert.is((await bundle.call(['start', bundle.id])).code, 0);
  const again = await bundle.call(['start', bundle.id]);
  assert.is(again.code, 1);
  assert.match(again.stderr, /cannot start an already running container/);
});

it('kill: numbers, names, and none that there is not', async () => {
  using bundle = new Bundle((config) => { config.process.args = ['sh', '-c', 'trap "echo usr1" USR1; trap "exit 9" INT; echo ready; while :; do sleep 0.1; done']; });
  await bundle.call(['create', bundle.id]);
  await bundle.call(['start', bundle.id]);
  for (const signal of ['0', 'USR1', 'SIGUSR1', '10', 'usr1', 'sigusr1']) assert.is((await bundle.call(['kill', bundle.id, signal])).code, 0, signal);
  for (const signal of ['BOGUS', '99', 'SIG', '-1', 'x'.repeat(40)]) {
    const { code, stderr } = await bundle.call(['kill', bundle.id, signal]);
    assert.is(code, 1, signal);
    assert.match(stderr, /unknown signal/);
  }
  assert.is((await bundle.call(['kill', '--all', bundle.id, 'KILL'])).code, 0);
  await becomes(bundle, 'stopped');
  const { code, stderr } = await bundle.call(['kill', bundle.id, 'KILL']);
  assert.is(code, 1);
  assert.match(stderr, /container not running/);
  assert.is((await bundle.call(['kill', '--all', bundle.id, 'KILL'])).code, 0);
});

it('pause and resume', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  await bundle.call(['start', bundle.id]);
  assert.is((await bundle.call(['pause', bundle.id])).code, 0);
  assert.is(await status(bundle), 'paused');
  assert.is((await bundle.call(['exec', bundle.id, 'true'])).code, 255);
  // Begun while the container is paused, it runs once that goes on.
  const later = bundle.call(['exec', '--ignore-paused', bundle.id, 'sh', '-c', 'exit 4']);
  assert.is((await bundle.call(['resume', bundle.id])).code, 0);
  assert.is((await later).code, 4);
  assert.is(await status(bundle), 'running');
  assert.match((await bundle.call(['resume', bundle.id])).stderr, /not paused/);
});

it('list and ps', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  const { pid } = await bundle.state() as { pid: number };
  const listed = JSON.parse((await bundle.call(['list', '--format', 'json'])).stdout.toString()) as { id: string; pid: number; status: string }[];
  assert.equal(listed.map((each) => [each.id, each.pid, each.status]), [[bundle.id, pid, 'created']]);
  assert.is((await bundle.call(['list', '-q'])).stdout.toString(), `${bundle.id}\n`);
  assert.equal(JSON.parse((await bundle.call(['ps', '--format', 'json', bundle.id])).stdout.toString()), [pid]);
  assert.match((await bundle.call(['ps', bundle.id])).stdout.toString(), new RegExp(`^PID\n${pid}\n$`));
});

it('exec: exit code, environment, user, and a command that is not there', async () => {
  using bundle = sleeping();
  await bundle.call(['create', bundle.id]);
  await bundle.call(['start', bundle.id]);
  assert.is((await bundle.call(['exec', bundle.id, 'sh', '-c', 'exit 5'])).code, 5);
  const { stdout } = await bundle.call(['exec', '-e', 'A=b', '--user', '7:8', '--cwd', '/etc', bundle.id, 'sh', '-c', 'echo $A; id; pwd; hostname']);
  assert.is(stdout.toString(), 'b\nuid=7 gid=8\n/etc\ncontainer\n');
  const more = ['--cap', 'CAP_SYS_ADMIN', '-c', 'CAP_KILL', '--additional-gids', '9', '-g', '10', '--no-new-privs', '--cgroup', '/', '--apparmor', '', '--process-label', ''];
  const shown = (await bundle.call(['exec', ...more, bundle.id, 'grep', '-E', 'CapEff|CapBnd|Groups|NoNew', '/proc/self/status'])).stdout.toString();
  assert.is(shown, 'Groups:\t9 10 \nCapEff:\t0000000020200420\nCapBnd:\t0000000020200420\nNoNewPrivs:\t1\n');
  for (const bad of [['--cap', 'CAP_NOT'], ['-g', 'x'], ['--cgroup', '/below']]) assert.is((await bundle.call(['exec', ...bad, bundle.id, 'true'])).code, 255, bad.join(' '));
  assert.is((await bundle.call(['update', '--kernel-memory', '10m', bundle.id])).code, 0);
  const missing = await bundle.call(['exec', bundle.id, 'nosuch']);
  assert.is(missing.code, 255);
  assert.match(missing.stderr, /executable file not found in \$PATH/);
});

it('errors go to the log as JSON, the last of them the reason', async () => {
  using bundle = new Bundle((config) => { config.process.args = ['nosuch']; });
  const { code } = await bundle.call(['--log', bundle.file('log'), '--log-format', 'json', 'create', bundle.id]);
  assert.is(code, 1);
  const lines = readFileSync(bundle.file('log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
  assert.is(lines.at(-1)!['level'], 'error');
  assert.match(lines.at(-1)!['msg']!, /executable file not found in \$PATH/);
  assert.ok(Math.abs(Date.parse(lines.at(-1)!['time']!) - Date.now()) < 60_000);
  assert.equal(readdirSync(bundle.root), []);
});

lifecycle.run();
