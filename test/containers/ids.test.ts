/** A container's ids are its own: what its root is on the host, and what it can do to what it gets of the host's. */
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { depotOf, type Result } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { readIdFacts, whyNoRange } from '../../src/core/container/choose-ids.js';

const all = suite('a container with ids of its own');
const it = unless(noContainers ?? whyNoRange(readIdFacts()), all);
const files = scratch();
const depot = depotOf(all);
all.after(() => files.remove());

const sh = (script: string, ...options: string[]): Promise<Result> => depot.run([...options, '--', 'sh', '-c', script]);

async function prints(script: string, expected: string, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await sh(script, '--userns', 'required', ...options);
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
}

/** A root file system with the host's programs. */
function rootDirectory(): string {
  const root = files.directory();
  for (const name of ['proc', 'dev', 'usr', 'etc']) mkdirSync(join(root, name));
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  return root;
}

it('is root inside, and nobody of the host outside', async () => {
  await depot.prints('create', '--name', 'own', '--userns', 'required');
  try {
    const { pid, ids, processes } = JSON.parse((await depot.prints('info', 'own', '--json'))) as {
      pid: number; ids: { of: string; uids: { outside: number; size: number }[] }; processes: { uid: number }[];
    };
    const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    assert.equal([ids.of, ids.uids[0]!.size, real, effective], ['container', 65_536, String(ids.uids[0]!.outside), real]);
    assert.ok(Number(real) >= 0x7000_0000);
    assert.equal(processes.map(({ uid }) => uid), [0]);
    assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), /^Groups:\s*$/m);
    assert.match(await depot.prints('info', 'own'), /^ids +its own: 0 to 65535 are \d+ to \d+ on the host$/m);
    assert.ok(readdirSync('/run/warden.ids').length > 0);
  } finally {
    await depot.prints('destroy', 'own');
  }
});

it('shows the owners of the host\'s files', async () => {
  const bound = files.directory();
  for (const [name, owner] of [['root', 0], ['other', 10_001], ['far', 70_000]] as const) {
    writeFileSync(join(bound, name), '');
    chownSync(join(bound, name), owner, owner);
  }
  await prints('stat -c "%n %u %g" /usr /usr/bin /b/root /b/other /b/far', '/usr 0 0\n/usr/bin 0 0\n/b/root 0 0\n/b/other 10001 10001\n/b/far 65534 65534\n', '--bind', `${bound}:/b`);
  await prints(': > /b/new; mkdir /b/d; stat -c %u /b/new', '0\n', '--bind', `${bound}:/b`);
  assert.equal([statSync(join(bound, 'new')).uid, statSync(join(bound, 'd')).gid], [0, 0]);
});

it('owns what its user writes to a root that was given', async () => {
  const root = rootDirectory(), options = ['--root', root, '--bind', '/usr:/usr:ro'];
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nvcap:x:10001:10001::/:/bin/sh\n');
  mkdirSync(join(root, 'home'));
  chownSync(join(root, 'home'), 10_001, 10_001);
  await prints(': > /home/file; (: > /etc/x) 2> /dev/null || echo refused; id -u', 'refused\n10001\n', ...options, '--user', 'vcap');
  await prints('stat -c %u /home/file; : > /etc/x', '10001\n', ...options);
  assert.equal([statSync(join(root, 'home/file')).uid, statSync(join(root, 'etc/x')).uid], [10_001, 0]);
});

it('makes nothing of the host writable, and takes no mount away', async () => {
  const bound = files.directory();
  chmodSync(bound, 0o777);
  await prints(
    `for change in "mount -o remount,rw /usr" "mount -o remount,bind,rw /usr" "mount -o remount,bind,rw /b" "mount -o remount,bind,suid /b"; do
      $change 2> /dev/null && echo "$change"
    done
    touch /usr/x 2> /dev/null || touch /b/x 2> /dev/null || echo read-only`, 'read-only\n', '--bind', `${bound}:/b:ro`, '--cap-add', 'SYS_ADMIN', '--seccomp', 'unconfined',
  );
});

it('reaches nothing of the host\'s with its capabilities', () => prints(
  `for type in devtmpfs ext4 debugfs cgroup; do mount -t $type x /tmp 2> /dev/null && echo $type; done
  for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do (: > $file) 2> /dev/null && echo $file; done
  mknod /m c 1 1 2> /dev/null && echo node
  kill -0 1 && chroot / id -u`, '0\n', '--cap-add', 'ALL', '--seccomp', 'unconfined',
));

it('is the same with the name vcap, whatever id that name has', async () => {
  const root = rootDirectory(), secret = files.directory();
  writeFileSync(join(root, 'etc/passwd'), 'vcap:x:0:0::/:/bin/sh\n');
  await depot.prints('create', '--name', 'named', '--root', root, '--bind', '/usr:/usr:ro', '--userns', 'required');
  try {
    const { pid } = JSON.parse(await depot.prints('info', 'named', '--json')) as { pid: number };
    // The depot and its neighbours are root's of the host.
    chmodSync(secret, 0o700);
    const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!;
    assert.throws(() => execFileSync('setpriv', ['--reuid', uid, '--regid', uid, '--clear-groups', 'ls', secret], { stdio: 'pipe' }), /Permission denied/);
  } finally {
    await depot.prints('destroy', 'named');
  }
});

it('shares no count of processes with another container', async () => {
  // Of 8 processes of vcap in one container, another with the same limit notices nothing.
  await depot.prints('create', '--name', 'full', '--userns', 'required');
  try {
    await depot.prints('exec', 'full', '--user', 'vcap', '--', 'sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do sleep 600 > /dev/null 2>&1 < /dev/null & done');
    await prints('bash -c "ulimit -u 4; sleep 0 & wait; echo forks"', 'forks\n', '--user', 'vcap');
  } finally {
    await depot.prints('destroy', 'full');
  }
});

it('shares no count of inotify instances with another container', async () => {
  // As many as the user may have are taken in one container; another has its own.
  const number = process.arch === 'x64' ? 294 : 26;
  const take = `perl -e '1 while syscall(${number}, 0) >= 0; $| = 1; print "full\n"; sleep 600' > /dev/shm/taken < /dev/null 2>&1 &`;
  await depot.prints('create', '--name', 'watching', '--userns', 'required');
  try {
    const taken = await depot.prints('exec', 'watching', '--user', 'vcap', '--', 'sh', '-c', `${take} until grep . /dev/shm/taken; do sleep 0.05; done`);
    assert.is(taken, 'full\n');
    await prints(`perl -e 'print syscall(${number}, 0) >= 0 ? "more" : $!'`, 'more', '--user', 'vcap');
  } finally {
    await depot.prints('destroy', 'watching');
  }
});

it('has the host\'s when that is asked for, and a privileged one always', async () => {
  assert.is((await sh('cat /proc/self/uid_map | tr -s " "', '--userns', 'host')).stdout, ' 0 0 4294967295\n');
  assert.is((await sh('cat /proc/self/uid_map | tr -s " "', '--privileged')).stdout, ' 0 0 4294967295\n');
  const both = await sh('true', '--privileged', '--userns', 'required');
  assert.equal([both.code, both.stderr.split('\n').length], [2, 2]);
});

it('falls back to the host\'s with a note where a file system takes no ids, and refuses when its own are required', async () => {
  const options = ['--bind', '/proc:/host-proc'];
  const { code, stdout, stderr } = await sh('cat /proc/self/uid_map | tr -s " "', ...options);
  assert.equal([code, stdout], [0, ' 0 0 4294967295\n']);
  assert.match(stderr, /^warden run: note: the container has the ids of the host, so its root is the host's: cannot show under the container's ids what is in \/proc \(EINVAL: invalid argument\)\n$/);
  const refused = await sh('true', ...options, '--userns', 'required');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /^warden run: the container cannot have ids of its own, as userns 'required' asks: cannot show .*\n$/);
});

all.run();
