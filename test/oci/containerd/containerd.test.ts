/** containerd as Debian has it, with warden-runtime behind its shim: what ctr(8) can do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { type Ended, ended, run, type RunOptions, scratch, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Terminal } from '../../support/terminal.js';
import { noContainers } from '../runtime/bundle.js';

const containerd = suite('containerd');
const { path: place, remove } = scratch();
const socket = `${place}/containerd.sock`, root = `${place}/root`;
/** Of CRI and of file systems that are not here. */
const WITHOUT = ['grpc.v1.cri', 'snapshotter.v1.aufs', 'snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.devmapper'];
const OURS = ['--runc-binary', programPath('warden-runtime'), '--runc-root', `${place}/states`];
const PATH = `${process.env['PATH'] ?? ''}:/usr/bin:/usr/sbin`;

const reason = existsSync('/usr/bin/containerd') ? noContainers() : 'containerd is missing';
const it = unless(reason, containerd);
let daemon: ChildProcess | undefined;

function ctr(args: string[], options: RunOptions = {}): Promise<Ended> {
  return run(['ctr', '-a', socket, '-n', 'warden', ...args], { timeoutMs: 60_000, env: { ...process.env, PATH }, ...options });
}

const words = (id: string, args: string[], options: string[] = []): string[] => ['run', ...options, '--rootfs', ...OURS, `${place}/rootfs`, id, ...args];

containerd.before(async () => {
  if (reason !== undefined) return;
  mkdirSync(`${place}/rootfs/bin`, { recursive: true });
  copyFileSync('/usr/bin/busybox', `${place}/rootfs/bin/busybox`);
  for (const applet of ['sh', 'echo', 'sleep', 'stty', 'cat']) symlinkSync('busybox', `${place}/rootfs/bin/${applet}`);
  writeFileSync(`${place}/config.toml`, `version = 2
root = "${root}"
state = "${place}/state"
disabled_plugins = [${WITHOUT.map((name) => `"io.containerd.${name}"`).join(', ')}]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`);
  daemon = spawn('containerd', ['-c', `${place}/config.toml`], { stdio: 'ignore', env: { ...process.env, PATH } });
  await until(async () => (await ctr(['version'])).code === 0, 'containerd answers', 60_000);
});

containerd.after(async () => {
  if (daemon) {
    daemon.kill();
    await ended(daemon);
  }
  remove();
});

it('runs a command, with its output and exit code, and leaves nothing', async () => {
  const { code, stdout } = await ctr(words('one', ['/bin/echo', 'hello'], ['--rm']));
  assert.equal([code, stdout.toString()], [0, 'hello\n']);
  assert.is((await ctr(words('seven', ['/bin/sh', '-c', 'exit 7'], ['--rm']))).code, 7);
  assert.equal(readdirSync(`${place}/states/warden`), []);
});

it('shows the runtime\'s own words where it fails', async () => {
  const { code, stderr } = await ctr(words('missing', ['/bin/nosuch'], ['--rm']));
  assert.is(code, 1);
  assert.match(stderr, /OCI runtime create failed: exec: "\/bin\/nosuch": no such file or directory/);
});

it('executes, pauses, resumes, counts and kills', async () => {
  assert.is((await ctr(words('sleeps', ['/bin/sleep', '100'], ['-d']))).code, 0);
  const inside = await ctr(['task', 'exec', '--exec-id', 'two', 'sleeps', '/bin/sh', '-c', 'echo inside; exit 3']);
  assert.equal([inside.code, inside.stdout.toString()], [3, 'inside\n']);
  const status = async (): Promise<string> => /^sleeps +\d+ +(\w+)/m.exec((await ctr(['task', 'ls'])).stdout.toString())?.[1] ?? 'none';
  assert.match((await ctr(['task', 'ps', 'sleeps'])).stdout.toString(), /^\d+ /m);
  assert.is((await ctr(['task', 'pause', 'sleeps'])).code, 0);
  assert.is(await status(), 'PAUSED');
  assert.is((await ctr(['task', 'resume', 'sleeps'])).code, 0);
  assert.is(await status(), 'RUNNING');
  assert.is((await ctr(['task', 'kill', '-s', '9', 'sleeps'])).code, 0);
  await until(async () => await status() === 'STOPPED', 'the task is stopped');
  // The task's own end: 128 + SIGKILL.
  assert.match((await ctr(['task', 'rm', 'sleeps'])).stderr, /exit with non-zero exit code 137/);
  assert.is((await ctr(['container', 'rm', 'sleeps'])).code, 0);
});

/** ctr sets the size only once the task runs: until then busybox's stty prints an empty line or zeros. */
const SIZE = 'until size=$(stty size 2>/dev/null | grep "^[1-9]"); do sleep 0.1; done; echo "$size"; read line';

it('gives a container a terminal of the caller\'s size', async () => {
  const argv = ['ctr', '-a', socket, '-n', 'warden', ...words('terminal', ['/bin/sh', '-c', SIZE], ['--rm', '-t'])];
  const terminal = new Terminal(argv, { rows: 33, columns: 77, env: { ...process.env, PATH } });
  await terminal.sees('33 77');
  terminal.type('\n');
  assert.is(await terminal.ends(), 0);
  await terminal.close();
});

containerd.run();
