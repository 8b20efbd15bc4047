/** podman with our monitor and Debian's runc, as a user calls it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEADLINE_MS, type Ended, processesWith, run, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { locateMonitored } from '../../src/topology/monitors.js';
import { takeSnapshot } from '../../src/topology/read.js';
import { topologyOf } from '../../src/topology/topology.js';
import { lacksNamespaces } from '../support/capabilities.js';
import { noMonitor, OURS } from './help.js';

const COMMANDS = ['sh', 'echo', 'cat', 'sleep', 'seq', 'true', 'tty', 'stty', 'head', 'tail'];
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);

function missing(): string | undefined {
  if (noMonitor !== undefined) return noMonitor;
  for (const file of ['/usr/bin/podman', '/usr/sbin/runc']) if (!existsSync(file)) return `no ${file}`;
  return BUSYBOX === undefined ? 'no busybox, of the package busybox-static' : lacksNamespaces();
}

const all = suite('podman with our monitor');
const it = unless(missing(), all);
const { path: directory, remove } = scratch();
const env = { ...process.env, CONTAINERS_CONF: `${directory}/containers.conf`, CONTAINERS_STORAGE_CONF: `${directory}/storage.conf` };

function podman(...args: string[]): Promise<Ended> { return run(['podman', '--conmon', OURS, ...args], { env, timeoutMs: DEADLINE_MS }); }
const inContainer = (script: string, ...options: string[]): Promise<Ended> => (
  podman('run', '--rm', '--net=none', ...options, '--rootfs', `${directory}/root`, 'sh', '-c', script));

all.before(() => {
  if (missing() !== undefined) return;
  writeFileSync(env.CONTAINERS_CONF, `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "${directory}/tmp"
`);
  writeFileSync(env.CONTAINERS_STORAGE_CONF, `[storage]\ndriver = "vfs"\ngraphroot = "${directory}/graph"\nrunroot = "${directory}/run"\n`);
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'run']) mkdirSync(`${directory}/root/${name}`, { recursive: true });
  copyFileSync(BUSYBOX!, `${directory}/root/bin/busybox`);
  for (const name of COMMANDS) symlinkSync('busybox', `${directory}/root/bin/${name}`);
});

all.after(() => {
  if (missing() === undefined) execFileSync('podman', ['rm', '--all', '--force', '--time', '0'], { env, stdio: 'ignore' });
  remove();
});

/** A container that runs on. */
async function background(script: string, use: (name: string) => Promise<void>): Promise<void> {
  const name = `monitored-${process.pid}`;
  const { code, stderr } = await podman('run', '-d', '--name', name, '--net=none', '--rootfs', `${directory}/root`, 'sh', '-c', script);
  assert.is(code, 0, stderr);
  try {
    await use(name);
  } finally {
    await podman('rm', '--force', '--time', '0', name);
  }
}

it('runs a command, with both streams and its exit code', async () => {
  const { code, stdout, stderr } = await inContainer('echo out; echo err >&2; exit 7');
  assert.equal([code, stdout.toString(), stderr], [7, 'out\n', 'err\n']);
});

it('is what warden topology finds a container by, and the commands in it', () => background('sleep 1000; :', async (name) => {
  const snapshot = takeSnapshot(), place = locateMonitored(snapshot).find((each) => each.name === name)!;
  const { container, processes, channels } = topologyOf(snapshot, place);
  assert.equal([container.monitor, container.pid], [place.monitors![0]!.pid, place.init]);
  const own = processes.find(({ program }) => program === 'conmon')!;
  assert.equal(own.descriptors.filter(({ role }) => role === 'unexplained'), []);
  const first = processes.find(({ pid }) => pid === container.pid)!;
  assert.equal(channels.filter(({ ends }) => ends.some(({ pid }) => pid === first.pid)).map(({ role }) => role), ['command-stdout', 'command-stderr']);
  assert.ok(['attach-socket', 'control', 'window-size', 'log'].every((role) => own.descriptors.some((each) => each.role === role)));
}));

it('passes stdin on, to its end', async () => {
  const input = 'line\n'.repeat(50_000);
  const argv = ['podman', '--conmon', OURS, 'run', '-i', '--rm', '--net=none', '--rootfs', `${directory}/root`, 'cat'];
  const { code, stdout } = await run(argv, { env, input, timeoutMs: DEADLINE_MS });
  assert.is(code, 0);
  assert.ok(stdout.toString() === input, `${stdout.length} of ${input.length} bytes`);
});

it('is 127 for a command that is missing, with the runtime\'s words', async () => {
  const { code, stderr } = await podman('run', '--rm', '--net=none', '--rootfs', `${directory}/root`, 'nothing-of-this-name');
  assert.is(code, 127);
  assert.match(stderr, /executable file not found/);
});

it('gives every byte of a large output', async () => {
  const { stdout } = await inContainer('seq 1 200000');
  assert.is(stdout.toString().split('\n').length, 200_001);
});

it('keeps the log of a container in the background', async () => {
  await background('seq 1 1000; sleep 60', async (name) => {
    await until(async () => (await podman('logs', '--tail', '1', name)).stdout.toString() === '1000\n', 'the last line');
    assert.is((await podman('logs', name)).stdout.toString(), Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join(''));
  });
});

it('executes commands in a container', async () => {
  await background('sleep 60', async (name) => {
    const { code, stdout, stderr } = await podman('exec', name, 'sh', '-c', 'echo out; echo err >&2; exit 5');
    assert.equal([code, stdout.toString(), stderr], [5, 'out\n', 'err\n']);
    const echoed = await run(['podman', '--conmon', OURS, 'exec', '-i', name, 'cat'], { env, input: 'some input', timeoutMs: DEADLINE_MS });
    assert.is(echoed.stdout.toString(), 'some input');
    assert.is((await podman('exec', name, 'nothing-of-this-name')).code, 127);
  });
});

it('stops a container, and knows its exit code', async () => {
  await background('trap "exit 9" TERM; while true; do sleep 0.1; done', async (name) => {
    const { code, stderr } = await podman('stop', '--time', '20', name);
    assert.is(code, 0, stderr);
    assert.is((await podman('inspect', '--format', '{{.State.ExitCode}}', name)).stdout.toString(), '9\n');
  });
});

it('gives a container a terminal of the client\'s size', async () => {
  const argv = ['podman', '--conmon', OURS, 'run', '-it', '--rm', '--net=none', '--rootfs', `${directory}/root`, 'sh'];
  const terminal = new Terminal(argv, { rows: 33, columns: 77, env });
  await terminal.sees('# ');
  terminal.type('stty size; exit 3\r');
  await terminal.sees('33 77');
  assert.is(await terminal.ends(), 3);
  await terminal.close();
});

it('reports a container whose memory ran out, and one whose time was over', async () => {
  const name = `ended-${process.pid}`, of = ['--name', name, '--net=none', '--rootfs', `${directory}/root`];
  const state = async (): Promise<string> => (
    (await podman('inspect', '--format', '{{.State.OOMKilled}} {{.State.ExitCode}}', name)).stdout.toString());
  for (const [options, script, code, shown] of [
    [['--memory', '20m', '--memory-swap', '20m'], 'head -c 100000000 /dev/zero | tail', 137, 'true 137\n'],
    [['--timeout', '1'], 'sleep 100', 255, 'false -1\n'],
  ] as const) {
    const { code: ended, stderr } = await podman('run', ...options, ...of, 'sh', '-c', script);
    assert.is(ended, code, stderr);
    assert.is(await state(), shown);
    await podman('rm', '--force', '--time', '0', name);
  }
});

it('leaves no monitor behind', async () => {
  await inContainer('true');
  // Other tests have monitors, too.
  const own = new Set(processesWith(directory));
  await until(() => processesWith(OURS).every((pid) => !own.has(pid)), 'the monitors are gone');
});

all.run();
