/** What config.json says, as it is seen from inside the container; and what is refused, with the container's traces gone. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { run } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Bundle, type Config, noContainers, output } from './bundle.js';

const config = suite('config.json');
const it = unless(noContainers(), config);

it('args, env, cwd, user, umask and groups', async () => {
  const text = await output('echo $A; echo $HOME; pwd; id; umask; grep Groups /proc/self/status', ({ process }) => {
    process.env.push('A=b', 'A=c');
    process.cwd = '/made/on/the/way';
    process.user = { uid: 11, gid: 12, umask: 0o27, additionalGids: [13, 14] };
  });
  assert.is(text, 'c\n/\n/made/on/the/way\nuid=11 gid=12 groups=13,14\n0027\nGroups:\t13 14 \n');
});

it('HOME is the one of /etc/passwd', async () => {
  using bundle = new Bundle(({ process }) => {
    process.args = ['sh', '-c', 'echo $HOME'];
    process.user = { uid: 11, gid: 12 };
    process.env.push('HOME=');
  });
  writeFileSync(bundle.file('rootfs/etc/passwd'), 'root:x:0:0::/root:/bin/sh\nbin:x:11:12::/home/bin:/bin/sh\n');
  assert.is((await bundle.run()).stdout.toString(), '/home/bin\n');
});

it('capabilities and no_new_privs', async () => {
  const sets = { bounding: ['CAP_KILL', 'CAP_NET_RAW'], effective: ['CAP_KILL'], permitted: ['CAP_KILL', 'CAP_NOT_YET'], inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'] };
  const text = await output('grep -E "Cap|NoNew" /proc/self/status', ({ process }) => {
    process['capabilities'] = sets;
    process['noNewPrivileges'] = false;
    process.user = { uid: 5, gid: 5 };
  });
  assert.equal(text.trimEnd().split('\n').map((line) => line.split(/:\s+/)), [
    ['CapInh', '0000000000000020'], ['CapPrm', '0000000000000020'], ['CapEff', '0000000000000020'], ['CapBnd', '0000000000002020'],
    ['CapAmb', '0000000000000020'], ['NoNewPrivs', '0'],
  ]);
});

it('an ambient capability that is not inheritable is left out, as in the config.json of runc spec, and the log says so', async () => {
  using bundle = new Bundle(({ process }) => {
    process.args = ['grep', '-E', 'CapEff|CapAmb', '/proc/self/status'];
    process['capabilities'] = Object.fromEntries(['bounding', 'effective', 'permitted', 'ambient'].map((set) => [set, ['CAP_KILL']]));
  });
  const { code, stdout, stderr } = await bundle.call(['--log', bundle.file('log'), 'run', bundle.id]);
  assert.equal([code, stdout.toString(), stderr], [0, 'CapEff:\t0000000000000020\nCapAmb:\t0000000000000000\n', '']);
  assert.match(readFileSync(bundle.file('log'), 'utf8'), /level=warning msg="process.capabilities.ambient has .* left out"/);
});

it('limits of resources and the oom score', async () => {
  const text = await output('ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj', ({ process }) => {
    process['rlimits'] = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }];
    process['oomScoreAdj'] = 321;
  });
  assert.is(text, '100\n200\n321\n');
});

for (const noNewPrivileges of [true, false]) {
  it(`seccomp, ${noNewPrivileges ? 'with' : 'without'} no_new_privs`, async () => {
    const text = await output('grep Seccomp: /proc/self/status; hostname other; mkdir /tmp 2>&1 || true', (given) => {
      given.process['noNewPrivileges'] = noNewPrivileges;
      given.linux['seccomp'] = {
        defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }, { names: ['sethostname'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }],
      };
      given.root.readonly = false;
    });
    assert.match(text, /^Seccomp:\t2\n/);
  });
}

it('a personality, a scheduler and a place for input and output', async () => {
  const text = await output('uname -m; ionice -p $$; cat /proc/$$/stat', ({ process, linux }) => {
    linux['personality'] = { domain: 'LINUX32' };
    process['scheduler'] = { policy: 'SCHED_BATCH', nice: 5 };
    process['ioPriority'] = { class: 'IOPRIO_CLASS_IDLE', priority: 0 };
  });
  const [machine, io, stat = ''] = text.trimEnd().split('\n'), fields = stat.replace(/^.*\) /, '').split(' ');
  assert.equal([machine, io], ['i686', 'idle']);
  // nice and policy, fields 19 and 41 of proc(5).
  assert.equal([fields[16], fields[38]], ['5', '3']);
});

it('a time namespace with its offsets, for the container and what is executed in it', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sleep', '100'];
    given.linux.namespaces.push({ type: 'time' });
    given.linux['timeOffsets'] = { monotonic: { secs: 1000 }, boottime: { secs: 500_000_000, nanosecs: 5 } };
  });
  assert.is((await bundle.call(['create', bundle.id])).code, 0);
  assert.is((await bundle.call(['start', bundle.id])).code, 0);
  const { stdout, stderr } = await bundle.call(['exec', bundle.id, 'cat', '/proc/uptime', '/proc/self/timens_offsets']);
  const text = stdout.toString();
  assert.ok(Number(text.split(' ')[0]) > 500_000_000, text + stderr);
  assert.match(text, /monotonic +1000 +0\nboottime +500000000 +5\n/);
});

it('namespaces, host name, and one that is joined', async () => {
  const text = await output('hostname; readlink /proc/self/ns/net; echo $$', ({ linux }) => {
    linux.namespaces = linux.namespaces.map((each) => (each.type === 'network' ? { ...each, path: `/proc/${process.pid}/ns/net` } : each));
  });
  const [hostname, network, pid] = text.trimEnd().split('\n');
  assert.equal([hostname, pid], ['container', '1']);
  assert.is(network, `net:[${statSync(`/proc/${process.pid}/ns/net`).ino}]`);
});

it('a user namespace', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sh', '-c', 'id; cat /proc/self/uid_map /proc/self/gid_map'];
    given.linux.namespaces.push({ type: 'user' });
    given.linux['uidMappings'] = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    given.linux['gidMappings'] = [{ containerID: 0, hostID: 200_000, size: 1000 }];
  });
  execFileSync('chown', ['-R', '100000:200000', bundle.file('rootfs')]);
  const { stdout, stderr } = await bundle.run();
  assert.is(stderr, '');
  const text = stdout.toString();
  assert.equal(text.trimEnd().split('\n').map((line) => line.trim().split(/\s+/)), [['uid=0', 'gid=0'], ['0', '100000', '1000'], ['0', '200000', '1000']]);
});

it('masked and read-only paths, and a read-only root', async () => {
  const text = await output('cat /proc/keys; ls /proc/acpi; touch /x 2>&1; (echo 1 >/proc/sys/kernel/domainname) 2>&1; true');
  assert.match(text, /^touch: \/x: Read-only file system\nsh: .*\/proc\/sys\/kernel\/domainname: Read-only file system\n$/);
});

it('devices, sysctl, control groups', async () => {
  const text = await output('stat -c %t:%T /dev/null /dev/x; cat /proc/sys/net/ipv4/ip_forward; cat /sys/fs/cgroup/pids/pids.max', (given) => {
    given.linux['devices'] = [{ path: '/dev/x', type: 'c', major: 1, minor: 5, fileMode: 0o600, uid: 0, gid: 0 }];
    given.linux['sysctl'] = { 'net.ipv4.ip_forward': '1' };
    given.linux['resources'] = { pids: { limit: 44 }, devices: [{ allow: false, access: 'rwm' }] };
  });
  assert.is(text, '1:3\n1:5\n1\n44\n');
});

it('no sysctl, host name or domain name of the host is set', async () => {
  const of = (...types: string[]) => (given: Config): void => { given.linux.namespaces = ['mount', ...types].map((type) => ({ type })); };
  const cases: readonly [change: (given: Config) => void, words: RegExp][] = [
    ...['vm.swappiness', 'kernel.pid_max', 'net/../vm/swappiness', 'kernel.msgmax', 'net.ipv4.ip_forward', 'fs/mqueue/msg_max', 'user.max_user_namespaces'].map((name) => [
      (given: Config): void => {
        of('pid')(given);
        Object.assign(given, { hostname: undefined });
        given.linux['sysctl'] = { [name]: readFileSync('/proc/sys/vm/swappiness', 'utf8').trim() };
      }, /linux\.sysctl has a name that is of no namespace of the container's own/] as [(given: Config) => void, RegExp]),
    [(given) => { given.linux['sysctl'] = { 'kernel.hostname': 'x' }; }, /kernel\.hostname, which the member hostname is for/],
    [of('pid'), /hostname and domainname need a uts namespace/],
    [(given) => {
      of('pid')(given);
      Object.assign(given, { hostname: undefined, domainname: 'x' });
    }, /hostname and domainname need a uts namespace/],
  ];
  for (const [change, words] of cases) {
    using bundle = new Bundle(change);
    const { code, stderr } = await bundle.run();
    assert.is(code, 1, String(words));
    assert.match(stderr, words);
  }
});

it('a sysctl by either of its names', async () => {
  const text = await output('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/forwarding /proc/sys/kernel/msgmax', ({ linux }) => {
    linux['sysctl'] = { 'net/ipv4/ip_forward': '1', 'net.ipv4.conf.lo.forwarding': '1', 'kernel.msgmax': '9999' };
  });
  assert.is(text, '1\n1\n9999\n');
});

it('block devices\' rates', async () => {
  if (!existsSync('/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device')) return;
  const [major, minor] = /^ *(\d+) +(\d+)/m.exec(readFileSync('/proc/partitions', 'utf8'))?.slice(1).map(Number) ?? [];
  if (major === undefined) return;
  const text = await output('cd /sys/fs/cgroup/blkio; cat blkio.throttle.read_bps_device blkio.throttle.write_iops_device', (given) => {
    given.linux['resources'] = { blockIO: {
      throttleReadBpsDevice: [{ major, minor, rate: 9000 }], throttleWriteIOPSDevice: [{ major, minor, rate: 77 }],
    } };
  });
  assert.is(text, `${major}:${minor} 9000\n${major}:${minor} 77\n`);
});

it('groups that were there before the container stay behind it', async () => {
  using bundle = new Bundle((given) => { given.process.args = ['true']; });
  const place = `/warden-test-${process.pid}`, found = `/sys/fs/cgroup/pids${place}`, made = `/sys/fs/cgroup/memory${place}`;
  bundle.config.linux['cgroupsPath'] = place;
  bundle.write(JSON.stringify(bundle.config));
  mkdirSync(found);
  try {
    assert.is((await bundle.run()).code, 0);
    assert.equal([existsSync(found), existsSync(made)], [true, false]);
  } finally {
    rmdirSync(found);
  }
});

/** A script in a mount namespace where the control groups are those of version 2 alone. */
const V2 = 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';

it('devices with control groups of version 2 alone, by a filter', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sh', '-c', 'for d in null zero x y z; do (head -c 1 /dev/$d >/dev/null) 2>&1 && echo $d; done; echo > /dev/y && echo y too'];
    // mem's devices: 1:11 is kmsg, 1:8 random.
    given.linux['devices'] = [['x', 11], ['y', 8], ['z', 4]].map(([name, minor]) => ({ path: `/dev/${name}`, type: 'c', major: 1, minor }));
    given.linux['resources'] = { devices: [
      { allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 1, minor: 11, access: 'r' },
      { allow: false, type: 'c', major: 1, minor: 11, access: 'r' },
    ] };
    given.process['capabilities'] = undefined;
  });
  const { stdout, stderr } = await run(['unshare', '--mount', 'sh', '-c', V2, 'sh', programPath('warden-runtime'), '--root', bundle.root, 'run', '--bundle', bundle.path, bundle.id]);
  assert.is(stdout.toString(), 'null\nzero\nhead: /dev/x: Operation not permitted\ny\nhead: /dev/z: Operation not permitted\ny too\n', stderr);
});

/** A hook that writes its name, where it is and the state that it gets. */
function hook(name: string, file: string): object {
  return { path: '/bin/sh', args: ['sh', '-c', `echo "${name} $(pwd) $(cat)" >>${file}`] };
}

it('hooks, in the order of the specification, each with the state', async () => {
  using bundle = new Bundle((given) => { given.process.args = ['true']; });
  const file = bundle.file('hooks');
  const names = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'];
  bundle.config['hooks'] = Object.fromEntries(names.map((name) => [name, [hook(name, file)]]));
  bundle.config['annotations'] = { 'a.b': 'c "d"' };
  bundle.write(JSON.stringify(bundle.config));
  assert.is((await bundle.run()).code, 0);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => /^(\w+) (\S+) (.*)$/.exec(line)!);
  assert.equal(lines.map(([, name]) => name), names);
  for (const [, name = '', cwd, text = ''] of lines) {
    const state = JSON.parse(text) as Record<string, unknown>;
    assert.equal([cwd, state['id'], state['bundle'], state['annotations']], [bundle.path, bundle.id, bundle.path, { 'a.b': 'c "d"' }], name);
    assert.is(state['status'], { poststart: 'running', poststop: 'stopped' }[name] ?? 'created', name);
  }
});

it('a hook that fails, or takes too long, fails the creation and leaves nothing', async () => {
  for (const [bad, words] of [[{ path: '/bin/false' }, /createRuntime hook \/bin\/false failed: exit code 1/],
    [{ path: '/bin/sleep', args: ['sleep', '100'], timeout: 1 }, /ran longer than its timeout/], [{ path: '/nosuch' }, /no such file/]] as const) {
    using bundle = new Bundle((given) => { given['hooks'] = { createRuntime: [bad] }; });
    const { code, stderr } = await bundle.call(['create', bundle.id]);
    assert.is(code, 1);
    assert.match(stderr, words);
    assert.equal(readdirSync(bundle.root), []);
    assert.not.ok(existsSync(`/sys/fs/cgroup/pids/warden-runtime/${bundle.id}`));
  }
});

const refused: readonly [what: string, change: (config: Config) => void, words: RegExp][] = [
  ['no version', (given) => { given.ociVersion = ''; }, /ociVersion is not 1\.x/],
  ['a later version', (given) => { given.ociVersion = '2.0.0'; }, /ociVersion is not 1\.x: 2\.0\.0/],
  ['no args', (given) => { given.process.args = []; }, /process\.args is missing or empty/],
  ['a NUL in an argument', (given) => { given.process.args = ['a\0b']; }, /process\.args is not a list of strings/],
  ['a relative cwd', (given) => { given.process.cwd = 'x'; }, /process\.cwd is not an absolute path/],
  ['a missing root', (given) => { given.root.path = 'nosuch'; }, /cannot find the root file system.*no such file/],
  ['an unknown namespace', (given) => { given.linux.namespaces.push({ type: 'other' }); }, /unknown type: other/],
  ['a namespace that is none', (given) => { given.linux.namespaces = [{ type: 'network', path: '/etc/hostname' }]; }, /mount namespace|cannot join/],
  ['Intel RDT', (given) => { given.linux['intelRdt'] = { closID: 'x' }; }, /intelRdt is not supported/],
  ['an unknown scheduler', (given) => { given.process['scheduler'] = { policy: 'SCHED_X' }; }, /scheduler\.policy is none of/],
  ['an unknown class', (given) => { given.process['ioPriority'] = { class: 'IOPRIO_CLASS_X' }; }, /ioPriority\.class is none of/],
  ['an unknown personality', (given) => { given.linux['personality'] = { domain: 'BSD' }; }, /personality\.domain is neither/],
  ['offsets without a time namespace', (given) => { given.linux['timeOffsets'] = { monotonic: { secs: 1 } }; }, /timeOffsets needs a new time namespace/],
  ['a namespace of another type', (given) => {
    given.linux.namespaces = given.linux.namespaces.map((each) => (each.type === 'network' ? { ...each, path: '/proc/self/ns/ipc' } : each));
  }, /cannot join a namespace of linux\.namespaces.*of its type/],
  ['a namespace twice', (given) => { given.linux.namespaces.push({ type: 'pid' }); }, /has a type twice: pid/],
  ['a relative path that is to be masked', (given) => { given.linux['maskedPaths'] = ['proc/keys']; }, /maskedPaths has something that is not an absolute path proc\/keys/],
  ['a relative path that is to be read-only', (given) => { given.linux['readonlyPaths'] = ['proc']; }, /readonlyPaths has something that is not an absolute path/],
  ['a capability that is none, with version 1.0', (given) => {
    given.ociVersion = '1.0.2';
    given.process['capabilities'] = { bounding: ['CAP_TEST'] };
  }, /capabilities has a name that is none: CAP_TEST/],
  ['a mount of nothing', (given) => { given.mounts.push({ destination: '/x', source: '/nosuch', options: ['bind'] }); }, /bind mount \/nosuch: no such file/],
  ['a type without bind', (given) => { given.mounts.push({ destination: '/x', type: 'bind', source: '/' }); }, /neither bind nor rbind/],
  ['an unknown file system', (given) => { given.mounts.push({ destination: '/x', type: 'nosuch', source: 'x' }); }, /no file system of the type nosuch/],
  ['an unknown option', (given) => { given.mounts.push({ destination: '/x', type: 'tmpfs', options: ['nosuch=1'] }); }, /does not take the option nosuch=1/],
  ['a bad action', (given) => { given.linux['seccomp'] = { defaultAction: 'x' }; }, /linux\.seccomp: an action/],
  ['a notifying filter', (given) => { given.linux['seccomp'] = { defaultAction: 'SCMP_ACT_NOTIFY' }; }, /NOTIFY is not supported/],
  ['a group above its own', (given) => { given.linux['cgroupsPath'] = '/a/../../b'; }, /leads out of its hierarchy/],
  ['a limit that there is none of', (given) => { given.process['rlimits'] = [{ type: 'RLIMIT_X', soft: 1, hard: 1 }]; }, /rlimits has an entry/],
  ['a command that is not there', (given) => { given.process.args = ['/nosuch']; }, /exec: "\/nosuch": no such file or directory/],
  ['a command that is no program', (given) => { given.process.args = ['/etc']; }, /exec: "\/etc": permission denied/],
];

for (const [what, change, words] of refused) {
  it(`refuses ${what}, in a sentence, and leaves nothing`, async () => {
    using bundle = new Bundle(change);
    const { code, stderr } = await bundle.call(['create', bundle.id]);
    assert.is(code, 1);
    assert.match(stderr, words);
    assert.equal((await bundle.call(['list', '-q'])).stdout.toString(), '');
  });
}

it('refuses what is not JSON, with its place', async () => {
  using bundle = new Bundle();
  bundle.write('{\n  "ociVersion": 1.0.2\n}');
  assert.match((await bundle.call(['create', bundle.id])).stderr, /config\.json is not JSON: line 2, column 20: a comma/);
});

it('refuses --systemd-cgroup, checkpoint, and options that there are not', async () => {
  using bundle = new Bundle();
  assert.match((await bundle.call(['--systemd-cgroup', 'create', bundle.id])).stderr, /cgroupfs/);
  assert.match((await bundle.call(['checkpoint', bundle.id])).stderr, /not supported.*: checkpoint/);
  for (const args of [['--nosuch', 'list'], ['create', '--nosuch', bundle.id], ['nosuch'], ['create'], ['start', bundle.id, 'more']]) {
    const { code, stderr } = await bundle.call(args);
    assert.is(code, 1, args.join(' '));
    assert.match(stderr, /^warden-runtime: /);
  }
});

config.run();
