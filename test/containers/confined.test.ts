/** What root in a container of the library cannot do by default, and what the options for it change. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MASKED_PATHS, READ_ONLY_PATHS } from '../../src/core/rootfs/rootfs.js';
import { parseGroups, parseHierarchies } from '../../src/linux/cgroup.js';
import { depotOf, type Result } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const all = suite('a confined container');
const it = unless(noContainers, all);
const hierarchies = noContainers === undefined ? parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), () => []) : undefined;
const without = (controller: 'pids' | 'devices' | 'cpu'): string | undefined => (
  noContainers ?? (hierarchies?.v1[controller] === undefined ? `the controller ${controller} is not mounted as version 1 here` : undefined)
);
const files = scratch();
const depot = depotOf(all);
all.after(() => files.remove());

const sh = (script: string, ...options: string[]): Promise<Result> => depot.run([...options, '--', 'sh', '-c', script]);

async function prints(script: string, expected: string, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await sh(script, ...options);
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
}

/** The text of a file of the container "limited"'s group of this controller. */
function inGroup(controller: string, file: string): string {
  const { directory } = parseGroups(readFileSync(join(depot.path, 'limited/etc/cgroups'), 'utf8')).find((group) => group.controller === controller)!;
  return readFileSync(join(directory, file), 'utf8').trim();
}

it('reads nothing from masked paths', () => prints(
  `for path in ${MASKED_PATHS.join(' ')}; do
    if [ -d $path ]; then ls -A $path; elif [ -e $path ]; then cat $path; fi
  done`, '',
));

it('writes to no read-only path', () => prints(
  `for path in ${READ_ONLY_PATHS.join(' ')}; do
    [ ! -e $path ] || awk -v path=$path '$5 == path { found = $6 } END { if (found !~ /^ro,nosuid,nodev,noexec/) print path, found }' /proc/self/mountinfo
  done
  for file in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger; do (: > $file) 2> /dev/null && echo $file; done; :`, '',
));

it('sees and changes all of /proc when it is privileged', () => prints(
  'grep -c " /proc/" /proc/self/mountinfo; test -n "$(head -n 1 /proc/interrupts)" && (: >> /proc/sys/kernel/core_pattern) && echo writable', '0\nwritable\n', '--privileged',
));

it('makes no device in a user namespace, and opens the usual ones', () => prints(
  'cd /dev; for device in null zero full random urandom; do : < $device || echo $device; done; mknod /x c 1 3 2> /dev/null || echo refused', 'refused\n',
));

unless(without('devices'), all)('opens no device but the usual ones, even with the ids of the host', () => prints(
  `cd /dev
  for device in null zero full random urandom; do : < $device || echo $device; done
  mknod kmsg c 1 11 && mknod mem c 1 1 && mknod fuse c 10 229
  for device in kmsg mem fuse; do (: < $device) 2> /dev/null && echo $device; done; :`, '', '--userns', 'host',
));

it('finds no use in device nodes and set-user-id bits of a root that was given', async () => {
  const root = files.directory();
  for (const name of ['proc', 'dev', 'usr']) mkdirSync(join(root, name));
  execFileSync('mknod', ['-m', '666', join(root, 'null'), 'c', '1', '3']);
  for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const options = ['--root', root, '--bind', '/usr:/usr:ro'];
  const { stdout: mounts } = await depot.run([...options, '--', '/usr/bin/cat', '/proc/self/mountinfo']);
  assert.match(mounts, / \/ rw,nosuid,nodev,/);
  const opened = await depot.run([...options, '--', '/usr/bin/dd', 'if=/null', 'count=0']);
  assert.is(opened.code, 1);
  assert.match(opened.stderr, 'Permission denied');
  assert.is((await depot.run([...options, '--privileged', '--', '/usr/bin/dd', 'if=/null', 'count=0', 'status=none'])).code, 0);
});

it('has bounded file systems in memory', () => prints(
  'for at in / /dev /dev/shm; do df -B1 --output=size $at | tail -n 1 | tr -d " "; done; grep -c " /dev/pts .*max=256" /proc/self/mountinfo',
  `${2 ** 30}\n${2 ** 16}\n${2 ** 26}\n1\n`,
));

it('has file systems in memory that fit its limit, so that a full one answers before the kernel kills', async () => {
  const { code, stdout, stderr } = await sh('head -c 200M /dev/zero > /tmp/full', '--memory', '64M');
  assert.equal([code, stdout], [1, '']);
  assert.match(stderr, 'No space left on device');
});

it('has the sizes that were asked for', () => prints(
  'for at in / /dev/shm /cache; do df -B1 --output=size $at | tail -n 1 | tr -d " "; done; stat -c %a /cache; awk \'$5 == "/cache" { print $6 }\' /proc/self/mountinfo',
  `${2 ** 21}\n${2 ** 22}\n${2 ** 23}\n700\nrw,nosuid,nodev,relatime\n`,
  '--root-size', '2M', '--shm-size', '4M', '--tmpfs', '/cache:size=8M,mode=700',
));

it('has a read-only root when asked, and writes to what is mounted in it', () => prints(
  '(: > /x) 2> /dev/null && echo root; : > /dev/shm/x && : > /cache/x && echo "$(cat /etc/hostname)" > /dev/null && echo rest', 'rest\n',
  '--read-only', '--tmpfs', '/cache',
));

it('hides the processes of others when asked', () => prints('test -e /proc/1/status || echo hidden', 'hidden\n', '--hidepid', '--user', 'vcap'));

unless(without('pids'), all)('has a limit of processes', async () => {
  const { code, stderr } = await sh('sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo all', '--pids-limit', '6');
  assert.is.not(code, 0);
  assert.match(stderr, /[Cc]annot fork/);
});

unless(without('cpu'), all)('has a limit of processor time', async () => {
  await depot.prints('create', '--name', 'limited', '--cpus', '1.5', '--pids-limit', '77');
  try {
    assert.equal([inGroup('cpu', 'cpu.cfs_period_us'), inGroup('cpu', 'cpu.cfs_quota_us')], ['100000', '150000']);
    if (hierarchies?.v1.pids !== undefined) assert.is(inGroup('pids', 'pids.max'), '77');
  } finally {
    await depot.prints('destroy', 'limited');
  }
});

const REFUSED: readonly (readonly [options: string[], words: RegExp])[] = [
  [['--pids-limit', '0'], /whole number from 1 to 4194304/],
  [['--cpus', '0'], /number of processors from 0\.01/],
  [['--tmpfs', 'cache'], /TARGET is absolute/],
  [['--tmpfs', '/cache:uid=3'], /"uid=3" is neither size=SIZE nor mode=MODE/],
  [['--root-size', '1'], /rootBytes must be a whole number from 65536/],
  [['--root', '/usr', '--root-size', '1M'], /leave out the root directory/],
];
for (const [options, words] of REFUSED) {
  it(`refuses ${options.join(' ')}, and makes nothing`, async () => {
    const { code, stdout, stderr } = await depot.run([...options, '--', 'true']);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, words);
  });
}

all.run();
