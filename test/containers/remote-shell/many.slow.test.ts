/** Backups and many hosts at once over warden-ssh: borg, rdiff-backup, GNU parallel, pdsh, clush. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientsOf, SSH } from './clients.js';

const many = suite('backups and many hosts over warden-ssh'), clients = clientsOf(many), { succeeds, test } = clients;

function plant(directory: string): void {
  mkdirSync(`${clients.here}/${directory}`);
  writeFileSync(`${clients.here}/${directory}/file`, 'text\n');
}

test(['borg'], 'Borg', '`BORG_RSH`, with a port and a user: init, create, list', async () => {
  plant('borg');
  const env = { BORG_RSH: SSH, BORG_REPO: 'ssh://vcap@h:22/./borg', BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' };
  await succeeds(['borg', 'init', '-e', 'none'], env);
  await succeeds(['borg', 'create', '::one', 'borg'], env);
  assert.match(await succeeds(['borg', 'list'], env), /^one /);
  assert.match(readFileSync(`${clients.home}/borg/README`, 'utf8'), 'Borg');
});

test(['rdiff-backup'], 'rdiff-backup', '`--remote-schema` with options of ssh', async () => {
  plant('rdiff');
  const schema = `${SSH} -C {h} rdiff-backup server`;
  await succeeds(['rdiff-backup', '--new', '--remote-schema', schema, 'backup', 'rdiff', 'vcap@h::/home/vcap/rdiff']);
  assert.is(readFileSync(`${clients.home}/rdiff/file`, 'utf8'), 'text\n');
});

test(['parallel'], 'GNU parallel', '`--ssh`, two jobs at once', async () => {
  const out = await succeeds(['parallel', '--ssh', SSH, '-S', '2/vcap@h', 'echo {} $USER', ':::', '1', '2', '3'], { PARALLEL_HOME: clients.here });
  assert.equal(out.trim().split('\n').sort(), ['1 vcap', '2 vcap', '3 vcap']);
});

test(['pdsh'], 'pdsh', '`-R exec`', async () => {
  assert.match(await succeeds(['pdsh', '-R', 'exec', '-w', 'a,b', SSH, '-l', 'vcap', '%h', 'id -un; echo %h']), /^[ab]: vcap$/m);
});

test(['clush'], 'clush', '`ssh_path`', async () => {
  writeFileSync(`${clients.here}/clush.conf`, `[Main]\nssh_path: ${SSH}\nssh_user: vcap\n`);
  assert.match(await succeeds(['clush', '--conf', 'clush.conf', '-w', 'h', 'id -un']), 'h: vcap');
});

test(['ansible'], 'ansible', '`ANSIBLE_SSH_EXECUTABLE`, pipelining', async () => {
  const env = { ANSIBLE_SSH_EXECUTABLE: SSH, ANSIBLE_PIPELINING: '1', ANSIBLE_HOME: `${clients.here}/ansible`, ANSIBLE_LOCAL_TEMP: `${clients.here}/ansible` };
  const python = 'ansible_python_interpreter=/usr/bin/python3';
  assert.match(await succeeds(['ansible', 'all', '-i', 'h,', '-u', 'vcap', '-e', python, '-m', 'command', '-a', 'id -un'], env), '| CHANGED | rc=0 >>\nvcap');
});

clients.tableHolds();

many.run();
