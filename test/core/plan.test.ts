/** The plan of a container: a pure function of options and facts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CAPABILITIES } from '../../src/linux/filter.js';
import type { CheckedOptions } from '../../src/core/container/check.js';
import { type HostFacts, hostnameFrom, planContainer } from '../../src/core/container/plan.js';
import type { Ids } from '../../src/linux/ids.js';
import type { HostPrograms } from '../../src/core/rootfs/host-programs.js';
import { cgroupMounts } from '../../src/core/rootfs/rootfs.js';
import type { Entry } from '../../src/core/rootfs/setup-steps.js';

const test = suite('core: the plan');

const programs: HostPrograms = {
  directories: ['/usr', '/sbin', '/etc/alternatives'],
  links: [{ path: 'bin', to: 'usr/bin' }],
  mountPoints: ['/usr/local', '/usr/share/my docs'],
  shell: '/bin/bash',
  configuration: {
    entries: [{ type: 'directory', path: 'etc' }, { type: 'file', path: 'etc/ld.so.cache', content: 'cache' }],
    accounts: {
      users: [{ name: 'www-data', id: 33, group: 33, home: '/var/www', shell: '/bin/false' }, { name: 'vcap', id: 900, group: 900, home: '/', shell: '/' }],
      groups: [{ name: 'tty', id: 6, members: [] }, { name: 'ssl-cert', id: 110, members: ['www-data'] }],
    },
  },
  resolvConf: 'nameserver 192.0.2.1\n',
};
const facts: HostFacts = { hierarchies: { v1: { memory: '/cg/memory' }, v2: '/cg', v2Controllers: ['cpu'] }, programs, resolvConf: 'nameserver 192.0.2.2\n' };
const names = { id: 'web_1', cgroup: 'warden-x', directory: '/depot/web_1' };
const plain: CheckedOptions = {
  hostname: undefined, memoryBytes: undefined, cpuShares: undefined, root: undefined, layer: undefined, binds: [], etc: [],
  network: { of: 'container' },
  tmpfs: [], readOnly: false, hidePids: false, privileged: false, userns: 'auto', capabilities: DEFAULT_CAPABILITIES, seccomp: 'default',
  devices: [], sysctl: [],
};

function entry(entries: readonly Entry[], path: string): Entry | undefined { return entries.find((each) => each.path === path); }

test('a container without options is named after its id, as far as a host name allows', () => {
  const { hostname, cgroups } = planContainer(names, plain, facts);
  assert.is(hostname, 'web-1');
  assert.equal(cgroups, {
    groups: [
      { controller: 'memory', version: 1, directory: '/cg/memory/warden-x' },
      { controller: 'cpu', version: 2, directory: '/cg/warden-x' },
      { controller: 'cpuacct', version: 2, directory: '/cg/warden-x' },
    ],
    memoryBytes: undefined, cpuShares: undefined, cpus: undefined, pids: { limit: 2048, required: false }, devices: [],
    cpusetCpus: undefined, cpusetMems: undefined, blkioWeight: undefined,
  });
});

test('limits and the host name are those that were asked for', () => {
  const { hostname, cgroups } = planContainer(names, { ...plain, hostname: 'www', memoryBytes: 5, cpuShares: 7 }, facts);
  assert.equal([hostname, cgroups.memoryBytes, cgroups.cpuShares], ['www', 5, 7]);
});

test('a group for processors or disks is there when it is asked for', () => {
  const v2: HostFacts = { ...facts, hierarchies: { v1: {}, v2: '/cg', v2Controllers: ['cpu', 'cpuset', 'io'] } };
  const controllers = (options: Partial<CheckedOptions>): string[] => (
    planContainer(names, { ...plain, ...options }, v2).cgroups.groups.map(({ controller }) => controller));
  assert.equal(controllers({ cpus: 1 }), ['cpu', 'cpuacct']);
  assert.equal(controllers({ cpusetCpus: '0' }), ['cpu', 'cpuacct', 'cpuset']);
  assert.equal(controllers({ blkioWeight: 10 }), ['cpu', 'cpuacct', 'blkio']);
});

test('all namespaces of a container are new', () => {
  assert.equal(planContainer(names, plain, facts).namespaces, ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts']);
});

test('a network that is not its own is no new namespace', () => {
  const { namespaces } = planContainer(names, { ...plain, network: { of: 'host' } }, facts);
  assert.equal(namespaces, ['cgroup', 'ipc', 'mount', 'pid', 'uts']);
});

test('with ids of its own the user namespace is new, too', () => {
  const ids: Ids = { method: 'write', uids: [], gids: [] }, plan = planContainer(names, plain, facts, ids);
  assert.equal(plan.namespaces, ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts', 'user']);
  assert.is(plan.ids, ids);
  assert.is(planContainer(names, plain, facts).ids, undefined);
});

test('with a single id there is no group for terminals', () => {
  const { root: { mounts } } = planContainer(names, plain, facts, { method: 'single', uids: [], gids: [] });
  assert.not.match(mounts.find(({ type }) => type === 'devpts')!.data!, 'gid=');
});

test('no_new_privs is left out for root alone', () => {
  assert.equal(planContainer(names, plain, facts).isolation, { noNewPrivileges: 'all users but root', capabilities: DEFAULT_CAPABILITIES, seccomp: 'default' });
});

test('the same options and facts make the same plan', () => {
  assert.equal(planContainer(names, plain, facts), planContainer(names, plain, facts));
});

test('a root of its own is in memory, and holds no devices', () => {
  const { root: { base } } = planContainer(names, plain, facts);
  assert.equal(base, { source: 'web_1', type: 'tmpfs', flags: ['noSuid', 'noDevices'], data: `mode=755,size=${2 ** 30},nr_inodes=${2 ** 18}` });
});

test('what is in memory is smaller than the limit of memory, and never nothing', () => {
  const sizes = (memoryBytes: number | undefined): number[] => {
    const { root: { base, mounts } } = planContainer(names, { ...plain, memoryBytes }, facts);
    return [base, mounts.find(({ target }) => target === '/dev/shm')].map((mount) => Number(/size=(\d+)/.exec(mount?.data ?? '')?.[1]));
  };
  assert.equal(sizes(undefined), [2 ** 30, 2 ** 26]);
  assert.equal(sizes(64 * 2 ** 20), [48 * 2 ** 20, 32 * 2 ** 20]);
  assert.equal(sizes(1), [65_536, 65_536]);
});

test('paths of /proc are masked or read-only, unless the container is privileged', () => {
  const { root } = planContainer(names, plain, facts), { root: privileged } = planContainer(names, { ...plain, privileged: true }, facts);
  assert.ok(root.maskedPaths.includes('/proc/keys') && root.readOnlyPaths.includes('/proc/sys'));
  assert.equal([privileged.maskedPaths, privileged.readOnlyPaths], [[], []]);
});

test('a root that was given gives neither devices nor set-user-id programs, unless the container is privileged', () => {
  const given = { ...plain, root: '/r' };
  assert.equal(planContainer(names, given, facts).root.attributes, ['noSuid', 'noDevices']);
  assert.equal(planContainer(names, { ...given, privileged: true }, facts).root.attributes, []);
  assert.equal(planContainer(names, { ...given, layer: { upper: '/u', work: '/w' } }, facts).root.attributes, ['noSuid', 'noDevices']);
});

test('the host\'s programs are read-only, each mount below them by itself', () => {
  const { root: { mounts } } = planContainer(names, plain, facts);
  const binds = mounts.filter(({ type }) => type === 'bind');
  assert.equal(binds.map(({ source }) => source), ['/usr', '/usr/local', '/usr/share/my docs', '/sbin', '/etc/alternatives']);
  for (const bind of binds) assert.equal([bind.target, bind.flags], [bind.source, ['readOnly', 'noSuid', 'noDevices']]);
});

test('a mount beside a directory of the same beginning is left out', () => {
  const beside = planContainer(names, plain, { ...facts, programs: { ...programs, mountPoints: ['/usrlocal', '/usr2/x'] } });
  assert.equal(beside.root.mounts.filter(({ type }) => type === 'bind').map(({ source }) => source), programs.directories);
});

test('/proc, /dev, /dev/pts and /dev/shm are new instances', () => {
  const fresh = planContainer(names, plain, facts).root.mounts.filter(({ type }) => type !== 'bind');
  assert.equal(fresh.map(({ target, type }) => `${target} ${type}`), ['/proc proc', '/dev tmpfs', '/dev/pts devpts', '/dev/shm tmpfs']);
  assert.equal(fresh.map(({ source }) => source), Array.from({ length: 4 }, () => 'web_1'));
});

test('the own root has its users, those of the host\'s programs, its name, and the host\'s configuration', () => {
  const { root: { entries } } = planContainer(names, { ...plain, hostname: 'www' }, facts);
  assert.equal(entry(entries, 'etc/hosts'), { type: 'file', path: 'etc/hosts', content: '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.0.1 www\n' });
  assert.equal(entry(entries, 'etc/passwd'), {
    type: 'file', path: 'etc/passwd', mode: 0o644,
    content: 'root:x:0:0:root:/root:/bin/bash\nvcap:x:10001:10001:vcap:/home/vcap:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/bin/false\n',
  });
  assert.equal(entry(entries, 'etc/group'), {
    type: 'file', path: 'etc/group', mode: 0o644, content: 'root:x:0:\ntty:x:5:\nvcap:x:10001:\nssl-cert:x:110:www-data\n',
  });
  assert.equal(entry(entries, 'etc/shadow'), { type: 'file', path: 'etc/shadow', mode: 0o600, content: 'root:*:::::::\nvcap:*:::::::\nwww-data:*:::::::\n' });
  assert.equal(entry(entries, 'etc/resolv.conf'), { type: 'file', path: 'etc/resolv.conf', content: 'nameserver 192.0.2.1\n' });
  assert.equal(entry(entries, 'bin'), { type: 'link', path: 'bin', to: 'usr/bin' });
  assert.equal(entry(entries, 'etc/ld.so.cache'), programs.configuration.entries[1]);
});

test('every directory comes before its contents', () => {
  const { root: { entries } } = planContainer(names, plain, facts);
  const made = new Set(entries.filter(({ type }) => type === 'directory').map(({ path }) => path));
  for (const [index, { path }] of entries.entries()) {
    const above = path.slice(0, path.lastIndexOf('/'));
    if (!made.has(above)) continue;
    assert.ok(entries.findIndex((each) => each.path === above) < index, path);
  }
});

test('a caller\'s root is bound with its mounts, and nothing but devices is made in it', () => {
  const { root } = planContainer(names, { ...plain, root: '/srv/debian' }, { ...facts, programs: undefined });
  assert.equal(root.base, { source: '/srv/debian', type: 'bind', flags: ['recursive'] });
  assert.ok(root.entries.every(({ path }) => path.startsWith('dev/')));
  assert.equal(root.mounts.map(({ target }) => target), ['/proc', '/dev', '/dev/pts', '/dev/shm']);
});

test('a host name with dots resolves in its short form, too', () => {
  const { root: { entries } } = planContainer(names, { ...plain, hostname: 'www.example.org' }, facts);
  assert.match((entry(entries, 'etc/hosts') as { content: string }).content, /^127\.0\.0\.1 www\.example\.org www$/m);
});

test('files of its own lie read-only over those of a caller\'s root, below the caller\'s binds', () => {
  const binds = [{ source: '/a', target: '/etc/hosts', readOnly: false, isFile: true }];
  const { root, etc } = planContainer(names, { ...plain, root: '/r', etc: ['hosts', 'resolv.conf'], binds }, { ...facts, programs: undefined });
  assert.equal(root.binds.map(({ source, target, isFile }) => [source, target, isFile]), [
    ['/depot/web_1/etc/hosts', '/etc/hosts', true], ['/depot/web_1/etc/resolv.conf', '/etc/resolv.conf', true], ['/a', '/etc/hosts', true],
  ]);
  assert.equal(root.binds[0]!.flags, ['readOnly', 'noSuid', 'noDevices', 'noExecute']);
  assert.equal(etc.map(({ name }) => name), ['hosts', 'resolv.conf']);
  assert.is(etc[1]!.content, 'nameserver 192.0.2.2\n');
});

test('a view of the container\'s groups is read-only, and has no devices', () => {
  const v1 = [{ controller: 'memory', version: 1, directory: '/cg/memory/c' }, { controller: 'devices', version: 1, directory: '/cg/devices/c' }] as const;
  const v2 = [{ controller: 'cpu', version: 2, directory: '/cg2/c' }, { controller: 'pids', version: 2, directory: '/cg2/c' }] as const;
  const targets = (...groups: Parameters<typeof cgroupMounts>[0]): string[] => cgroupMounts(groups).map(({ source, target }) => `${source} ${target}`);
  assert.equal(targets(...v1), ['/cg/memory/c /sys/fs/cgroup/memory']);
  assert.equal(targets(...v2), ['/cg2/c /sys/fs/cgroup']);
  assert.equal(targets(...v1, ...v2), ['/cg2/c /sys/fs/cgroup/unified', '/cg/memory/c /sys/fs/cgroup/memory']);
  assert.ok(cgroupMounts([...v1, ...v2]).every(({ flags }) => flags.includes('readOnly')));
});

test('a layer lies over the caller\'s root, which is not bound then', () => {
  const { root } = planContainer(names, { ...plain, root: '/srv', layer: { upper: '/up', work: '/work' } }, { ...facts, programs: undefined });
  assert.equal(root.base, { source: 'web_1', type: 'overlay', flags: [], data: 'lowerdir=/srv,upperdir=/up,workdir=/work' });
});

test('cgroups have the name that was asked for', () => {
  assert.is(planContainer(names, { ...plain, cgroup: 'mine' }, facts).cgroups.groups[0]!.directory, '/cg/memory/mine');
});

test('a root of its own cannot be planned without the host\'s programs', () => {
  assert.throws(() => planContainer(names, plain, { ...facts, programs: undefined }), /needs the host's programs/);
});

test('binds come last, in their order, read-only ones without the mounts below', () => {
  const binds = [{ source: '/a', target: '/x', readOnly: true, isFile: false }, { source: '/b', target: '/x/y', readOnly: false, isFile: false }];
  const { root } = planContainer(names, { ...plain, binds }, facts);
  assert.equal(root.binds, [
    { source: '/a', target: '/x', type: 'bind', flags: ['readOnly', 'noSuid', 'noDevices'] },
    { source: '/b', target: '/x/y', type: 'bind', flags: ['recursive', 'noSuid', 'noDevices'] },
  ]);
});

for (const [id, hostname] of [['web', 'web'], ['a_b', 'a-b'], ['x.1', 'x.1'], ['x.', 'x'], ['a_.-', 'a'], ['A-b_', 'A-b']] as const) {
  test(`the id ${id} makes the host name ${hostname}`, () => { assert.is(hostnameFrom(id), hostname); });
}

test.run();
