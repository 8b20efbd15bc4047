/** podman as Debian has it, with warden-runtime in the place of its runtime. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { type Ended, run, type RunOptions, scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { noContainers } from '../runtime/bundle.js';

const podman = suite('podman');
const { path: place, remove } = scratch();
const environment = { ...process.env, CONTAINERS_CONF: `${place}/containers.conf`, CONTAINERS_STORAGE_CONF: `${place}/storage.conf` };
const IMAGE = 'warden-test';

function noPodman(): string | undefined {
  if (!existsSync('/usr/bin/podman')) return 'podman is missing';
  return noContainers();
}

/** A podman of the test's own, with an image that is a busybox. Hard limits stay as they are: not every root may raise them. */
function prepare(): void {
  writeFileSync(`${place}/containers.conf`, `
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${place}/tmp"
runtime = "warden-runtime"
runtime_supports_json = ["warden-runtime"]
[engine.runtimes]
warden-runtime = ["${programPath('warden-runtime')}"]
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
`);
  writeFileSync(`${place}/storage.conf`, `[storage]\ndriver = "vfs"\ngraphroot = "${place}/graph"\nrunroot = "${place}/run"\n`);
  for (const directory of ['bin', 'etc', 'tmp']) mkdirSync(`${place}/image/${directory}`, { recursive: true });
  copyFileSync('/usr/bin/busybox', `${place}/image/bin/busybox`);
  for (const applet of ['sh', 'sleep', 'cat', 'id', 'ls', 'echo', 'hostname', 'touch', 'tty', 'stty', 'grep']) symlinkSync('busybox', `${place}/image/bin/${applet}`);
  execFileSync('tar', ['-C', `${place}/image`, '-cf', `${place}/image.tar`, '.']);
  execFileSync('podman', ['import', '-c', 'ENV PATH=/bin', `${place}/image.tar`, IMAGE], { env: environment, stdio: 'ignore' });
}

const reason = noPodman();
if (reason === undefined) prepare();
const it = unless(reason, podman);

/** `podman ARGUMENTS…` */
function call(args: string[], options: RunOptions = {}): Promise<Ended> {
  return run(['podman', ...args], { env: environment, timeoutMs: 60_000, ...options });
}

/** `podman run --rm`, without a network of podman's. */
function once(args: string[], options: RunOptions = {}): Promise<Ended> { return call(['run', '--rm', '--net=none', ...args], options); }

podman.after(async () => {
  if (reason === undefined) await call(['rm', '--force', '--all', '--time', '0']);
  remove();
});

it('runs a command, with its output, input and exit code', async () => {
  const greeting = await once([IMAGE, 'sh', '-c', 'echo hello from $(hostname)'], {});
  assert.match(greeting.stdout.toString(), /^hello from [0-9a-f]{12}\n$/);
  assert.equal([greeting.code, greeting.stderr], [0, '']);
  assert.is((await once([IMAGE, 'sh', '-c', 'exit 42'])).code, 42);
  assert.is((await once(['-i', IMAGE, 'cat'], { input: 'through\n' })).stdout.toString(), 'through\n');
});

it('reports a missing command with 127, one that cannot be executed with 126, in a sentence', async () => {
  const missing = await once([IMAGE, 'nosuch']);
  assert.is(missing.code, 127);
  assert.match(missing.stderr, /exec: "nosuch": executable file not found in \$PATH/);
  const denied = await once([IMAGE, '/etc/hosts']);
  assert.is(denied.code, 126);
  assert.match(denied.stderr, /exec: "\/etc\/hosts": permission denied/);
});

it('runs in the background: exec, pause, kill, logs, stop, start, rm', async () => {
  const name = 'background', script = 'trap "echo caught" USR1; trap "exit 3" TERM; echo started; while :; do sleep 0.05; done';
  assert.is((await call(['run', '-d', '--net=none', '--name', name, IMAGE, 'sh', '-c', script])).code, 0);
  assert.is((await call(['exec', name, 'sh', '-c', 'echo inside; exit 5'])).code, 5);
  assert.is((await call(['exec', '-u', '7:8', '-w', '/tmp', '-e', 'A=b', name, 'sh', '-c', 'id; echo $PWD $A'])).stdout.toString(), 'uid=7 gid=8\n/tmp b\n');
  assert.is((await call(['exec', name, 'nosuch'])).code, 127);
  assert.is((await call(['pause', name])).code, 0);
  assert.match((await call(['ps', '-a', '--format', '{{.Status}}'])).stdout.toString(), /^Paused/);
  assert.is((await call(['unpause', name])).code, 0);
  assert.is((await call(['kill', '-s', 'USR1', name])).code, 0);
  await logged(name, 'started\ncaught\n');
  assert.match((await call(['top', name, 'pid', 'comm'])).stdout.toString(), /\b1 +sh\n/);
  assert.is((await call(['stop', '-t', '5', name])).code, 0);
  assert.match((await call(['ps', '-a', '--format', '{{.Status}}'])).stdout.toString(), /^Exited \(3\)/);
  assert.is((await call(['start', name])).code, 0);
  assert.is((await call(['rm', '-f', '-t', '0', name])).code, 0);
  assert.is((await call(['ps', '-aq'])).stdout.toString(), '');
});

async function logged(name: string, expected: string): Promise<void> {
  for (let left = 100; (await call(['logs', name])).stdout.toString() !== expected; left--) {
    if (left === 0) throw new Error(`the log is ${(await call(['logs', name])).stdout.toString()}`);
    await sleep(50);
  }
}

it('gives a terminal', async () => {
  assert.match((await once(['-t', IMAGE, 'tty'])).stdout.toString(), /^\/dev\/pts\/0\r\n$/);
  await call(['run', '-d', '--net=none', '--name', 'terminal', IMAGE, 'sleep', '100']);
  assert.match((await call(['exec', '-t', 'terminal', 'tty'])).stdout.toString(), /^\/dev\/pts\/0\r\n$/);
  await call(['rm', '-f', '-t', '0', 'terminal']);
});

const cases: readonly [what: string, args: string[], script: string, expected: RegExp][] = [
  ['the default filter and capabilities', [], 'grep -E "CapEff|Seccomp:" /proc/self/status', /^CapEff:\t00000000800405fb\nSeccomp:\t2\n$|^CapEff:\t[0-9a-f]+\nSeccomp:\t2\n$/],
  ['fewer capabilities and no new privileges', ['--cap-drop=all', '--cap-add=kill', '--security-opt=no-new-privileges'],
    'grep -E "CapEff|NoNew" /proc/self/status', /^CapEff:\t0000000000000020\nNoNewPrivs:\t1\n$/],
  ['another filter', ['--security-opt=seccomp=unconfined'], 'grep Seccomp: /proc/self/status', /^Seccomp:\t0\n$/],
  ['a privileged container', ['--privileged'], 'grep Seccomp: /proc/self/status; ls /dev/full', /^Seccomp:\t0\n\/dev\/full\n$/],
  ['a read-only root and a tmpfs', ['--read-only', '--tmpfs=/x:mode=700'], 'touch /y 2>&1; touch /x/y && ls /x', /^touch: \/y: Read-only file system\ny\n$/],
  ['limits', ['--memory=64m', '--pids-limit=33', '--cpus=0.5', '--cpu-shares=512'], 'cat /sys/fs/cgroup/*/pids.max /sys/fs/cgroup/pids.max 2>&1', /\b33\n/],
  ['mapped ids', ['--uidmap=0:100000:1000', '--gidmap=0:100000:1000'], 'id; cat /proc/self/uid_map', /^uid=0 gid=0\n +0 +100000 +1000\n$/],
  ['a host name and a sysctl', ['--hostname=other', '--sysctl=net.ipv4.ip_forward=1'], 'hostname; cat /proc/sys/net/ipv4/ip_forward', /^other\n1\n$/],
  ['a device', ['--device=/dev/null:/dev/other'], 'ls -l /dev/other', /^c.* 1, +3 /],
  ['another user', ['--user=11:12', '--group-add=13'], 'id', /^uid=11 gid=12 groups=.*13/],
];

for (const [what, args, script, expected] of cases) {
  it(`gives ${what}`, async () => {
    const { code, stdout, stderr } = await once([...args, IMAGE, 'sh', '-c', script]);
    assert.match(stdout.toString(), expected, stderr);
    assert.ok(code === 0 || what === 'limits', stderr);
  });
}

it('binds a volume, read-only', async () => {
  mkdirSync(`${place}/volume`);
  writeFileSync(`${place}/volume/file`, 'of the host\n');
  const { stdout } = await once(['-v', `${place}/volume:/v:ro`, IMAGE, 'sh', '-c', 'cat /v/file; touch /v/new 2>&1']);
  assert.is(stdout.toString(), 'of the host\ntouch: /v/new: Read-only file system\n');
});

it('shares namespaces with another container', async () => {
  await call(['run', '-d', '--net=none', '--hostname=shared', '--name', 'first', IMAGE, 'sleep', '100']);
  const { stdout } = await call(['run', '--rm', '--net=container:first', '--pid=container:first', '--uts=container:first', IMAGE, 'sh', '-c', 'hostname; echo $$']);
  const [name, pid] = stdout.toString().trimEnd().split('\n');
  assert.is(name, 'shared');
  assert.ok(Number(pid) > 1);
  await call(['rm', '-f', '-t', '0', 'first']);
});

it('is started again by its restart policy', async () => {
  const name = 'again', script = 'echo once more; exit 4';
  await call(['run', '-d', '--net=none', '--name', name, '--restart=on-failure:2', IMAGE, 'sh', '-c', script]);
  await logged(name, 'once more\n'.repeat(3));
  assert.is((await call(['wait', name])).stdout.toString(), '4\n');
  await call(['rm', '-f', '-t', '0', name]);
});

it('has its health looked at', async () => {
  const name = 'healthy';
  await call(['run', '-d', '--net=none', '--name', name, '--health-cmd', 'cat /tmp/well', '--health-interval=disable', IMAGE, 'sleep', '100']);
  assert.is((await call(['healthcheck', 'run', name])).code, 1);
  await call(['exec', name, 'touch', '/tmp/well']);
  assert.is((await call(['healthcheck', 'run', name])).code, 0);
  await call(['rm', '-f', '-t', '0', name]);
});

it('gets new limits while it runs', async () => {
  const name = 'limited', limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null';
  await call(['run', '-d', '--net=none', '--name', name, '--memory=64m', IMAGE, 'sleep', '100']);
  assert.is((await call(['exec', name, 'sh', '-c', limit])).stdout.toString(), `${64 << 20}\n`);
  const { code, stderr } = await call(['update', '--memory=48m', name]);
  assert.is(code, 0, stderr);
  assert.is((await call(['exec', name, 'sh', '-c', limit])).stdout.toString(), `${48 << 20}\n`);
  await call(['rm', '-f', '-t', '0', name]);
});

it('passes descriptors on, and closes all others', async () => {
  const { stdout, stderr } = await run(['sh', '-c', `exec 3<${place}/containers.conf 9</dev/null; exec podman run --rm --net=none --preserve-fds=1 ${IMAGE} ls /proc/self/fd`], {
    env: environment, timeoutMs: 60_000,
  });
  // The last is the directory that ls reads.
  assert.is(stdout.toString(), '0\n1\n2\n3\n4\n', stderr);
});

unless(reason ?? (existsSync('/usr/libexec/podman/catatonit') || existsSync('/usr/bin/catatonit') ? undefined : 'no catatonit'), podman)(
  'has an init with --init', async () => {
    const { stdout, stderr } = await once(['--init', IMAGE, 'cat', '/proc/1/comm']);
    assert.is(stdout.toString(), 'catatonit\n', stderr);
  },
);

it('leaves nothing', async () => {
  await once([IMAGE, 'echo']);
  assert.is((await call(['ps', '-aq'])).stdout.toString(), '');
  const left = existsSync('/run/warden-runtime') ? readdirSync('/run/warden-runtime') : [];
  const ours = execFileSync('podman', ['ps', '-aq', '--no-trunc'], { env: environment, encoding: 'utf8' });
  assert.equal(left.filter((id) => ours.includes(id)), []);
});

podman.run();
