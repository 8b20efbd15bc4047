/** Mounts and devices of config.json, as they are seen from inside the container. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { run } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Bundle, type Config, noContainers, output } from './bundle.js';

const mounts = suite('mounts and devices');
const it = unless(noContainers(), mounts);

it('binds, read-only and of files; tmpfs with a mode; what a tmpfs covers comes along', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sh', '-c', 'cat /b/file; touch /b/new 2>&1; cat /f; stat -c %a /t; cat /etc/kept; readlink /etc/link; touch /etc/new && echo written'];
    given.mounts.push(
      { destination: '/b', source: 'rootfs/../data', options: ['rbind', 'ro'] },
      { destination: '/f', type: 'bind', source: 'data/file', options: ['bind'] },
      { destination: '/t', type: 'tmpfs', source: 'tmpfs', options: ['mode=700', 'size=64k'] },
      { destination: '/etc', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] },
    );
  });
  writeFileSync(bundle.file('rootfs/etc/kept'), 'kept\n');
  mkdirSync(bundle.file('data'));
  writeFileSync(bundle.file('data/file'), 'data\n');
  symlinkSync('kept', bundle.file('rootfs/etc/link'));
  const { stdout, stderr } = await bundle.run();
  assert.is(stdout.toString(), 'data\ntouch: /b/new: Read-only file system\ndata\n700\nkept\nkept\nwritten\n', stderr);
  assert.not.ok(readdirSync(bundle.file('rootfs/etc')).includes('new'));
});

/** A mapping of ids, as user namespaces and mounts have them. */
function mapping(hostID: number, size = 65_536): { uidMappings: object[]; gidMappings: object[] } {
  const ids = [{ containerID: 0, hostID, size }];
  return { uidMappings: ids, gidMappings: ids };
}

it('an idmapped mount: by mappings of its own, by those of the user namespace, and by neither', async () => {
  const inside = (change: (given: Config) => void): Bundle => {
    const bundle = new Bundle((given) => {
      given.process.args = ['sh', '-c', 'stat -c "%u %g" /m/file; touch /m/new'];
      change(given);
    });
    mkdirSync(bundle.file('data'));
    writeFileSync(bundle.file('data/file'), 'data');
    chownSync(bundle.file('data'), 5, 6);
    chownSync(bundle.file('data/file'), 5, 6);
    chmodSync(bundle.file('data'), 0o777);
    return bundle;
  };
  const mount = { destination: '/m', source: 'data', options: ['bind', 'idmap'] };
  {
    // What is stored as 5 is seen as 1005, and the other way round.
    using bundle = inside((given) => {
      given.mounts.push({ ...mount, ...mapping(1000) });
      given.process.user = { uid: 1007, gid: 1008 };
    });
    const { stdout, stderr } = await bundle.run();
    assert.is(stdout.toString(), '1005 1006\n', stderr);
    const made = statSync(bundle.file('data/new'));
    assert.equal([made.uid, made.gid], [7, 8]);
  }
  {
    using bundle = inside((given) => {
      given.linux.namespaces.push({ type: 'user' });
      Object.assign(given.linux, mapping(100_000));
      given.mounts.push({ ...mount, options: ['rbind', 'ridmap'] });
    });
    execFileSync('chown', ['-R', '100000:100000', bundle.file('rootfs')]);
    const { stdout, stderr } = await bundle.run();
    assert.is(stdout.toString(), '5 6\n', stderr);
    assert.is(statSync(bundle.file('data/new')).uid, 0);
  }
  for (const [bad, words] of [
    [mount, /needs uidMappings and gidMappings, or a user namespace/], [{ ...mount, uidMappings: mapping(1).uidMappings }, /one of uidMappings and gidMappings/],
    [{ destination: '/m', type: 'tmpfs', options: ['idmap'], ...mapping(1) }, /only bind mounts can be idmapped/],
    [{ destination: '/m', source: '/proc', options: ['bind'], ...mapping(1) }, /cannot map the owners of the mount at \/m/],
  ] as const) {
    using bundle = inside((given) => { given.mounts.push(bad as Config['mounts'][number]); });
    const { code, stderr } = await bundle.run();
    assert.is(code, 1);
    assert.match(stderr, words);
    assert.equal(existsSync(bundle.root) ? readdirSync(bundle.root) : [], []);
  }
});

it('no link of the image leads out of it', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sh', '-c', 'cat /out/here'];
    given.mounts.push({ destination: '/out', type: 'bind', source: 'data', options: ['bind'] });
  });
  mkdirSync(bundle.file('data'));
  writeFileSync(bundle.file('data/here'), 'inside\n');
  symlinkSync(`../../../../../..${bundle.path}/outside`, bundle.file('rootfs/out'));
  const { stdout, stderr } = await bundle.run();
  assert.is(stdout.toString(), 'inside\n', stderr);
  assert.not.ok(existsSync(bundle.file('outside')));
});

it('a device may say more of a default one, and one whose place is taken by another file is refused', async () => {
  const device = { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o640, uid: 5, gid: 6 };
  assert.is(await output('stat -c "%a %u %g" /dev/null', ({ linux }) => { linux['devices'] = [device]; }), '640 5 6\n');
  using bundle = new Bundle(({ linux }) => { linux['devices'] = [{ ...device, path: '/bin/busybox' }]; });
  const { code, stderr } = await bundle.run();
  assert.is(code, 1);
  assert.match(stderr, /another file stands in the place of the device \/bin\/busybox/);
});

it('a tmpfs without a mode is everybody\'s where nothing was, and has the mode of the directory that it covers', async () => {
  const covering = ['/new/place', '/etc'].map((destination) => ({ destination, type: 'tmpfs', source: 'tmpfs' }));
  using bundle = new Bundle((given) => {
    given.process.args = ['stat', '-c', '%a', '/new/place', '/etc'];
    given.mounts.push(...covering);
  });
  chmodSync(bundle.file('rootfs/etc'), 0o751);
  assert.is((await bundle.run()).stdout.toString(), '1777\n751\n');
});

it('what is mounted below a shared mount is seen on both sides', async () => {
  using bundle = new Bundle((given) => {
    given.process.args = ['sh', '-c', 'mount -t tmpfs inside /shared/inside; mount -t tmpfs own /own; ls /shared/outside'];
    given.process['capabilities'] = { bounding: ['CAP_SYS_ADMIN'], effective: ['CAP_SYS_ADMIN'], permitted: ['CAP_SYS_ADMIN'] };
    given.linux['rootfsPropagation'] = 'shared';
    given.mounts.push({ destination: '/shared', source: 'shared', options: ['rbind', 'rshared'] }, { destination: '/own', source: 'own', options: ['rbind'] });
  });
  for (const name of ['shared', 'own']) mkdirSync(bundle.file(name));
  const script = `mount -t tmpfs none shared && mount --make-shared shared && mkdir shared/inside shared/outside && mount --bind own own &&
"$@" create one </dev/null && mount -t tmpfs none shared/outside && touch shared/outside/seen && "$@" start one &&
until "$@" state one | grep -q stopped; do sleep 0.1; done; cat /proc/self/mountinfo; "$@" delete -f one`;
  const { stdout, stderr } = await run(['unshare', '--mount', 'sh', '-c', script, 'sh', programPath('warden-runtime'), '--root', bundle.root],
    { cwd: bundle.path });
  const text = stdout.toString();
  assert.match(text, /^seen\n/, stderr);
  assert.match(text, /shared\/inside .* - tmpfs inside/);
  assert.not.match(text, / - tmpfs own /);
});

it('a root of the propagation that is asked for', async () => {
  for (const [name, optional] of [['shared', /^shared:/], ['private', /^-/], ['unbindable', /^unbindable/]] as const) {
    const text = await output('cat /proc/self/mountinfo', ({ linux }) => { linux['rootfsPropagation'] = name; });
    const root = text.split('\n').map((line) => line.split(' ')).find((fields) => fields[4] === '/')!;
    assert.match(root.slice(6).join(' '), optional, name);
  }
});

mounts.run();
