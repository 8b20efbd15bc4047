/** Copies over warden-ssh: rsync in all spellings of names, scp in both protocols, sftp, tar, cpio, unison. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientsOf, SSH } from './clients.js';

const copies = suite('copies over warden-ssh'), clients = clientsOf(copies), { succeeds, test } = clients;
const inside = (name: string): string => readFileSync(`${clients.home}/${name}`, 'utf8');

function plant(directory: string): void {
  mkdirSync(`${clients.here}/${directory}`, { recursive: true });
  writeFileSync(`${clients.here}/${directory}/a b`, 'text\n');
}

for (const [how, more] of [['by default', []], ['`--old-args`', ['--old-args']], ['`-s`', ['-s']], ['`--rsync-path` with arguments', ['--rsync-path=nice rsync']]] as const) {
  test(['rsync'], 'rsync', how, async () => {
    const name = `rsync-${how.replace(/\W/g, '')}`;
    plant(name);
    await succeeds(['rsync', '-e', SSH, '-a', ...more, `${name}/`, `vcap@h:${name}`]);
    assert.is(inside(`${name}/a b`), 'text\n');
    const target = how === '`--old-args`' ? `vcap@h:'${name} 2'` : `vcap@h:${name} 2`;
    await succeeds(['rsync', '-e', SSH, '-a', ...more, `${name}/`, target]);
    assert.is(inside(`${name} 2/a b`), 'text\n', 'a blank in the name');
    await succeeds(['rsync', '-e', SSH, '-a', ...more, `${how === '`-s`' ? 'vcap@h:' : 'vcap@h:~/'}${name}/`, `${name}-copy`]);
    assert.is(readFileSync(`${clients.here}/${name}-copy/a b`, 'utf8'), 'text\n');
  });
}

test(['scp'], 'scp', 'by SFTP and by its old protocol (`-O`)', async () => {
  plant('scp');
  for (const protocol of [[], ['-O']]) {
    await succeeds(['scp', '-q', '-S', SSH, ...protocol, '-r', 'scp', `vcap@h:scp${protocol.length}`]);
    assert.is(inside(`scp${protocol.length}/a b`), 'text\n');
    await succeeds(['scp', '-q', '-S', SSH, ...protocol, '-r', `vcap@h:scp${protocol.length}`, `back${protocol.length}`]);
    assert.ok(existsSync(`${clients.here}/back${protocol.length}/a b`));
  }
});

test(['sftp'], 'sftp', 'a batch', async () => {
  plant('sftp');
  await succeeds(['sftp', '-q', '-S', SSH, '-b', '-', 'vcap@h'], {}, 'mkdir sftp\nput "sftp/a b" sftp\n');
  assert.is(inside('sftp/a b'), 'text\n');
});

test(['tar'], 'tar', 'an archive on `localhost`, with a user', async () => {
  plant('tar');
  await succeeds(['tar', '--force-local', '-cf', 'local.tar', 'tar']);
  await succeeds(['tar', `--rsh-command=${SSH}`, '--rmt-command=/usr/sbin/rmt', '-cf', 'vcap@localhost:/home/vcap/x.tar', 'tar']);
  assert.match(await succeeds(['tar', `--rsh-command=${SSH}`, '--rmt-command=/usr/sbin/rmt', '-tf', 'vcap@localhost:/home/vcap/x.tar']), 'tar/a b');
});

test(['cpio'], 'cpio', 'an archive on `localhost`, with a user', async () => {
  plant('cpio');
  const remote = [`--rsh-command=${SSH}`, '-F', 'vcap@localhost:/home/vcap/x.cpio'];
  await succeeds(['cpio', '-o', ...remote], {}, 'cpio/a b\n');
  assert.match(await succeeds(['cpio', '-t', ...remote]), 'cpio/a b');
});

test(['unison'], 'unison', '`-sshcmd`', async () => {
  plant('unison');
  await succeeds(['unison', 'unison', 'ssh://vcap@h/unison', '-sshcmd', SSH, '-batch', '-ui', 'text', '-silent']);
  assert.is(inside('unison/a b'), 'text\n');
});

test(['sshfs', 'fusermount', '/dev/fuse'], 'sshfs', '`ssh_command`', async () => {
  plant('mounted');
  mkdirSync(`${clients.here}/mount`);
  await succeeds(['sshfs', '-o', `ssh_command=${SSH}`, 'vcap@h:', 'mount']);
  try {
    await succeeds(['cp', 'mounted/a b', 'mount/through sshfs']);
    assert.is(inside('through sshfs'), 'text\n');
  } finally {
    await succeeds(['fusermount', '-u', 'mount']);
  }
});

clients.tableHolds();

copies.run();
