/** What a container has of the host's /etc, and what it has not; files of its own over those of a root that was given; binds of files. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ETC } from '../../../src/core/rootfs/host-configuration.js';
import { depotOf, type Result, start } from '../../cli/help.js';
import { noContainers } from '../../support/container.js';
import { scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const all = suite('etc of a container');
const it = unless(noContainers, all);
const { path: directory, remove } = scratch();
const depot = depotOf(all);
all.after(remove);

const sh = (script: string, ...options: string[]): Promise<Result> => depot.run([...options, '--', 'sh', '-c', script]);

async function prints(script: string, expected: string, ...options: string[]): Promise<void> {
  assert.equal(await sh(script, ...options), { code: 0, signal: null, stdout: expected, stderr: '' });
}

/** Runs a shell in a mount namespace of its own, in which the test changes the host's /etc, and then the container's command. */
function onChangedHost(change: string, script: string, ...options: string[]): Promise<Result> {
  return start(['unshare', '-m', 'sh', '-c', `set -e; ${change}; exec "$@"`, 'sh', ...depot.command(...options, '--', 'sh', '-c', script)]).result;
}

it('resolves its own name, also in full', async () => {
  await prints('hostname -f; getent hosts web | tr -s " "', 'web.example.org\n127.0.0.1 web.example.org web\n', '--hostname', 'web.example.org');
  await prints('hostname -f; hostname -i', 'web\n127.0.0.1\n', '--hostname', 'web');
});

it('answers at once where a name is unknown', async () => {
  const { code } = await sh('getent hosts nosuch.example.org');
  assert.is(code, 2);
});

it('has the host\'s time zone', async () => {
  const { stdout } = await onChangedHost('mount -t tmpfs x /mnt; cp -a /etc/. /mnt/ 2>/dev/null; ln -sf /usr/share/zoneinfo/Asia/Tokyo /mnt/localtime; mount --bind /mnt /etc', 'date +%Z');
  assert.is(stdout, 'JST\n');
});

it('has nothing that only some users of the host may read', async () => {
  const hidden = spawnSync('find', ['/etc', '-type', 'f', '!', '-perm', '-o=r', '-size', '+0'], { encoding: 'utf8' }).stdout.split('\n').filter((path) => path !== '');
  assert.ok(hidden.includes('/etc/shadow'));
  const { stdout } = await sh('find /etc /run /var -type f -exec sha256sum {} +; ls -d /etc/ssl/private /etc/ssh 2>/dev/null');
  const sums = spawnSync('sha256sum', hidden, { encoding: 'utf8' }).stdout.split('\n').map((line) => line.split(' ')[0]!).filter((sum) => sum !== '');
  assert.is(sums.length, hidden.length);
  for (const sum of sums) assert.not.ok(stdout.includes(sum), sum);
  assert.not.match(stdout, /\/etc\/(ssl\/private|ssh|shadow-|machine-id)/);
});

it('has accounts without passwords, and none of a person', async () => {
  const { stdout } = await sh('cat /etc/shadow; cut -d: -f3 /etc/passwd; stat -c %a /etc/shadow');
  const lines = stdout.trim().split('\n'), [mode] = lines.splice(-1);
  assert.is(mode, '600');
  for (const line of lines) assert.match(line, /^[\w.-]+:\*:::::::$|^\d{1,3}$|^65534$|^10001$/);
});

it('has what is readable for all of a directory, where another file in it is not', async () => {
  const secrets = 'for d in /etc/security /etc/ssl/certs; do mount -t tmpfs x $d; echo s3cret > $d/key; chmod 600 $d/key; echo public > $d/public; done';
  const { stdout, code } = await onChangedHost(secrets, 'cd /etc; ls security ssl/certs; cat security/public ssl/certs/public');
  assert.equal([stdout, code], ['security:\npublic\n\nssl/certs:\npublic\npublic\npublic\n', 0]);
});

it('has no list of names that could be secret', () => {
  for (const name of [...ETC.bound, ...ETC.copied]) assert.not.match(name, /shadow|passwd|private|ssh|key|token|secret|^\*|\.\./);
});

it('sees the limits of its own groups, and cannot change them', async () => {
  if (!existsSync('/sys/fs/cgroup/memory')) return;
  const script = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes; echo 1 2>/dev/null > /sys/fs/cgroup/memory/memory.limit_in_bytes || echo no; ls /sys/fs/cgroup/memory | grep -c warden';
  const { stdout } = await sh(script, '--memory', '64M');
  assert.is(stdout, `${64 * 2 ** 20}\nno\n0\n`);
});

/** A root directory around the host's programs, as a user would have unpacked one. */
function givenRoot(name: string, fill: (etc: string) => void = () => undefined): { root: string; options: string[] } {
  const root = `${directory}/${name}`;
  mkdirSync(`${root}/etc`, { recursive: true });
  mkdirSync(`${root}/usr`);
  for (const link of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${link}`, `${root}/${link}`);
  fill(`${root}/etc`);
  return { root, options: ['--root', root, '--bind', '/usr:/usr:ro', '--hostname', 'web'] };
}

it('has hosts, hostname and resolv.conf of its own over those of a given root, which keeps its own', async () => {
  const { root, options } = givenRoot('given', (etc) => {
    writeFileSync(`${etc}/hosts`, '192.0.2.1 other\n');
    writeFileSync(`${etc}/hostname`, 'other\n');
  });
  await prints('cat /etc/hostname; getent hosts web | tr -s " "; hostname -f; echo x 2>/dev/null >> /etc/hosts || echo read-only', 'web\n127.0.0.1 web\nweb\nread-only\n', ...options);
  assert.is((await sh('cat /etc/resolv.conf', ...options)).stdout, readFileSync('/etc/resolv.conf', 'utf8'));
  assert.equal(['hosts', 'hostname', 'resolv.conf'].map((name) => readFileSync(`${root}/etc/${name}`, 'utf8')), ['192.0.2.1 other\n', 'other\n', '']);
});

it('leaves a given root as it is with --no-etc', async () => {
  const { root, options } = givenRoot('left', (etc) => writeFileSync(`${etc}/hosts`, '192.0.2.1 other\n'));
  await prints('cat /etc/hosts; ls /etc', '192.0.2.1 other\nhosts\n', ...options, '--no-etc');
  assert.not.ok(existsSync(`${root}/etc/resolv.conf`));
  const { code, stderr } = await sh('true', '--no-etc');
  assert.is(code, 2);
  assert.match(stderr, /^warden run: .*--no-etc.*\n$/);
});

it('leaves alone a link in a given root\'s /etc, and a root without /etc', async () => {
  const { root, options } = givenRoot('linked', (etc) => symlinkSync('/nowhere/else', `${etc}/resolv.conf`));
  await prints('readlink /etc/resolv.conf; hostname -f', '/nowhere/else\nweb\n', ...options);
  assert.is(readlinkSync(`${root}/etc/resolv.conf`), '/nowhere/else');
  const bare = givenRoot('bare');
  spawnSync('rm', ['-r', `${bare.root}/etc`]);
  await prints('ls -d /etc 2>/dev/null || echo none', 'none\n', ...bare.options);
});

it('binds a file, read-only or not, and makes what leads to it', async () => {
  const [ro, rw] = [`${directory}/ro`, `${directory}/rw`];
  for (const path of [ro, rw]) writeFileSync(path, `${path}\n`);
  const script = 'cat /etc/hosts; echo new > /deep/er/file; echo x 2>/dev/null > /etc/hosts || echo read-only; ls -l /deep | tail -n 1 | cut -c 1-10';
  await prints(script, `${ro}\nread-only\ndrwxr-xr-x\n`, '--bind', `${ro}:/etc/hosts:ro`, '--bind', `${rw}:/deep/er/file`);
  assert.equal([readFileSync(ro, 'utf8'), readFileSync(rw, 'utf8')], [`${ro}\n`, 'new\n']);
});

it('binds a socket', async () => {
  const path = `${directory}/socket`, server = createServer((socket) => socket.end('from outside\n')).listen(path);
  try {
    await prints('perl -MIO::Socket::UNIX -e \'print IO::Socket::UNIX->new("/run/daemon.sock")->getline\'', 'from outside\n', '--bind', `${path}:/run/daemon.sock`);
  } finally {
    server.close();
  }
});

it('binds no file to where a link in a given root leads out of it', async () => {
  const file = `${directory}/secret`, outside = `${directory}/outside`;
  writeFileSync(file, 'secret\n');
  const { root, options } = givenRoot('trap', (etc) => symlinkSync(outside, `${etc}/trap`));
  const { code, stderr } = await sh('true', ...options, '--bind', `${file}:/etc/trap`);
  assert.is(code, 1);
  assert.match(stderr, /cannot bind a file to \/etc\/trap \(EEXIST/);
  assert.not.ok(existsSync(outside));
  assert.ok(lstatSync(`${root}/etc/trap`).isSymbolicLink());
});

it('refuses what cannot be bound', async () => {
  chmodSync(directory, 0o755);
  for (const [source, words] of [['/dev/null', /\/dev\/null is a device: .*--device.*; a directory, a file, a socket or a FIFO can be bound/], [`${directory}/nosuch`, /there is no .*nosuch/]] as const) {
    const { code, stderr } = await sh('true', '--bind', `${source}:/x`);
    assert.is(code, 2);
    assert.match(stderr, words);
  }
});

all.run();
