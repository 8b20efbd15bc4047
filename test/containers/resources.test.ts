/** What a container shares with others of the machine, and what it gets of it when asked: devices, processors, disks, kernel parameters. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readHierarchies } from '../../src/linux/cgroup.js';
import { Depot, main, start } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const resources = suite('resources of a container');
const it = unless(noContainers, resources);
const cpuset = noContainers === undefined ? readHierarchies().v1.cpuset : undefined;
const { path: directory, remove } = scratch();
let depot: Depot;

resources.before(() => { depot = new Depot(); });
resources.after.each(async () => assert.equal(await depot.leftovers(), []));
resources.after(() => {
  depot.remove();
  remove();
});

async function prints(options: readonly string[], script: string, expected: string): Promise<void> {
  const { code, stdout, stderr } = await depot.run([...options, '--', 'sh', '-c', script]);
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
}

/** A node of a device that no container has otherwise: the one of fuse(4). */
function node(): string {
  const path = `${directory}/fuse`;
  if (!existsSync(path)) {
    execFileSync('mknod', [path, 'c', '10', '229']);
    chmodSync(path, 0o666);
    chmodSync(directory, 0o755);
  }
  return path;
}

const OPENS = '(exec 3<>/dev/fuse) 2> /dev/null && echo both; (exec 3< /dev/fuse) 2> /dev/null && echo read; :';

for (const userns of ['required', 'host']) {
  it(`a device of the host is there for all users, with --userns ${userns}`, () => (
    prints(['--userns', userns, '--user', 'vcap', '--device', `${node()}:/dev/fuse`], OPENS, 'both\nread\n')));

  it(`a device can be read-only, with --userns ${userns}`, () => (
    prints(['--userns', userns, '--user', 'vcap', '--device', `${node()}:/dev/fuse:r`], OPENS, 'read\n')));
}

unless(noContainers ?? (cpuset === undefined ? 'the controller cpuset is not mounted as version 1 here' : undefined), resources)(
  'runs on the processors that it is given', () => prints(['--cpuset-cpus', '0', '--cpuset-mems', '0'], 'nproc; cat /sys/fs/cgroup/cpuset/cpuset.cpus', '1\n0\n'),
);

it('has the resource limits that are asked for, and the usual ones besides', () => prints(
  ['--ulimit', 'nofile=100:200', '--ulimit', 'CORE=0', '--ulimit', 'nproc=77'], 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -p',
  '100\n200\n0\n77\n',
));

it('has the resource limits of the container in each of its commands, unless one is given its own', async () => {
  const script = ['--', 'sh', '-c', 'ulimit -n; ulimit -p'];
  await depot.prints('create', '--name', 'limited', '--ulimit', 'nofile=300', '--ulimit', 'nproc=5:6');
  try {
    assert.is(await depot.prints('exec', 'limited', ...script), '300\n5\n');
    assert.is(await depot.prints('exec', 'limited', '--timeout', '60', ...script), '300\n5\n');
    assert.is(await depot.prints('exec', 'limited', '--ulimit', 'nofile=40:50', ...script), '40\n5\n');
    const environment = await start([process.execPath, main, 'exec', 'limited', ...script], '', { ...depot.environment, RLIMIT_NOFILE: '70' }).result;
    assert.is(environment.stdout, '70\n5\n');
    const job = (await depot.prints('spawn', 'limited', '--ulimit', 'nproc=3', ...script)).trim();
    assert.is(await depot.prints('link', 'limited', job), '300\n3\n');
    assert.match(await depot.prints('info', 'limited'), /^ulimits +nofile=300, nproc=5:6$/m);
  } finally {
    await depot.prints('destroy', 'limited');
  }
});

for (const [value, words] of [
  ['nofile', 'It is NAME=SOFT'], ['nofile=', 'It is NAME=SOFT'], ['nofile=1:2:3', 'It is NAME=SOFT'], ['nofile=1e3', 'It is NAME=SOFT'],
  ['files=3', 'The names are as, core'], ['nofile=5:3', 'the soft limit, 5, is above the hard one, 3'], ['nofile=-1:3', 'the soft limit, unlimited, is above'],
] as const) {
  it(`refuses --ulimit ${value}, and makes nothing`, async () => {
    const { code, stdout, stderr } = await depot.run(['--ulimit', value, '--', 'true']);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, words);
  });
}

it('has kernel parameters of its own', () => prints(
  ['--sysctl', 'net.ipv4.ip_forward=1', '--sysctl', 'kernel.msgmax=12345'],
  'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; (echo 0 > /proc/sys/net/ipv4/ip_forward) 2> /dev/null || echo kept', '1\n12345\nkept\n',
));

it('says why it cannot give more processors than there are', async () => {
  const { code, stderr } = await depot.run(['--cpuset-cpus', '4000', '--', 'true']);
  assert.is(code, 1);
  assert.match(stderr, /cannot write 4000 to \S+\/cpuset\.cpus: |has no cgroup with the cpuset controller/);
});

const REFUSED: readonly (readonly [options: readonly string[], words: RegExp])[] = [
  [['--device', '/etc/passwd'], /\/etc\/passwd is no device/],
  [['--device', '/dev/nothing'], /cannot find the device \/dev\/nothing/],
  [['--device', 'null'], /both paths are absolute/],
  [['--device', '/dev/null:rr'], /some of the letters r, w and m/],
  [['--cpuset-cpus', '0-'], /a list of numbers and ranges/],
  [['--blkio-weight', '9'], /whole number from 10 to 1000/],
  [['--sysctl', 'kernel.core_pattern=x'], /kernel\.core_pattern is the host's/],
  [['--sysctl', 'net.ipv4/../../kernel/core_pattern=x'], /is no name of a kernel parameter/],
  [['--sysctl', 'net.ipv4.ip_forward'], /It is NAME=VALUE/],
];
for (const [options, words] of REFUSED) {
  it(`refuses ${options.join(' ')}, and makes nothing`, async () => {
    const { code, stdout, stderr } = await depot.run([...options, '--', 'true']);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, words);
  });
}

resources.run();
