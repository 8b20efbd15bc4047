/** `warden` as a user other than root: with one id, and with those of /etc/subuid. */
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asUser, FIRST, OrdinaryUser, UID, whyNoIds, whyNoUser } from '../support/rootless/ordinary-user.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { main, type Result, start } from './help.js';

const rootless = suite('warden without root');
const it = unless(whyNoUser, rootless);
const withIds = unless(whyNoIds, rootless);
let user: OrdinaryUser;
const warden = (...args: string[]): Promise<Result> => user.warden(...args);
const wardenWithIds = (...args: string[]): Promise<Result> => user.wardenWithIds(...args);

rootless.before(() => { if (whyNoUser === undefined) user = new OrdinaryUser(); });
rootless.after.each(() => { assert.equal(user.leftovers(), []); });
rootless.after(() => { if (whyNoUser === undefined) user.remove(); });

const NOTE = 'warden run: note: the container has no limits: this user may not make cgroups\n';

it('greets', async () => {
  const { code, stdout, stderr } = await warden('run', '--', 'sh', '-c', 'echo hello from $(hostname); id -u; cat /proc/self/uid_map | tr -s " "');
  assert.match(stdout, new RegExp(`^hello from \\w+\\n0\\n 0 ${UID} 1\\n$`));
  assert.equal([code, stderr], [0, NOTE]);
});

it('changes nothing of the host', async () => {
  const { code, stdout } = await warden('run', '--', 'sh', '-c', '(: > /usr/x) 2> /dev/null || echo read-only; (: > /proc/sys/kernel/core_pattern) 2> /dev/null || echo refused');
  assert.equal([code, stdout], [0, 'read-only\nrefused\n']);
});

it('has no user but root with a single id, and says so', async () => {
  const { code, stderr } = await warden('run', '--user', 'vcap', '--', 'true');
  assert.is(code, 255);
  assert.match(stderr, 'cannot set the group id: invalid argument; the container\'s user namespace has no such id');
});

it('makes, enters, lists, shows and destroys containers, with jobs', async () => {
  const made = await warden('create', '--name', 'mine');
  assert.equal([made.code, made.stdout], [0, 'mine\n']);
  try {
    assert.match((await warden('list')).stdout, /^mine\b/m);
    assert.equal((await warden('exec', 'mine', '--', 'sh', '-c', 'echo in; exit 3')).code, 3);
    const { stdout: id, code, stderr } = await warden('spawn', 'mine', '--', 'sh', '-c', 'echo out; exit 4');
    assert.equal([code, stderr], [0, '']);
    const linked = await warden('link', 'mine', id.trim());
    assert.equal([linked.code, linked.stdout], [4, 'out\n']);
    assert.match((await warden('topology', 'mine')).stdout, 'wshd');
    assert.match((await warden('info', 'mine')).stdout, new RegExp(`^ids +the user's: 0 is ${UID} on the host$`, 'm'));
  } finally {
    assert.equal((await warden('destroy', 'mine')).stderr, '');
  }
});

it('refuses limits that it cannot set, and the ids of the host', async () => {
  const limited = await warden('run', '--memory', '64M', '--', 'true');
  assert.equal([limited.code, limited.stderr.split('\n').length], [1, 2]);
  assert.match(limited.stderr, 'the container has no cgroup with the memory controller');
  assert.is((await warden('run', '--userns', 'host', '--', 'true')).code, 2);
});

it('ends a container whose owner is killed', async () => {
  const running = start([...asUser, process.execPath, main, 'run', '--name', 'brief', '--', 'sleep', '600'], '', user.environment);
  await until(() => existsSync(`${user.runtime}/warden/brief/etc/container.json`), 'it runs');
  running.child.kill('SIGKILL');
  await running.result;
  await until(() => user.leftovers().length === 0, 'it is gone');
});

withIds('has the users of its range', async () => {
  const { code, stdout, stderr } = await wardenWithIds('run', '--user', 'vcap', '--', 'sh', '-c', 'id -un; id -G; cat /proc/self/uid_map | tr -s " "; : > ~/file && stat -c %U ~/file');
  assert.equal({ code, stdout, stderr }, { code: 0, stdout: `vcap\n10001\n 0 ${UID} 1\n 1 ${FIRST} 65535\nvcap\n`, stderr: NOTE });
});

withIds('gives a terminal to its user', async () => {
  const { code, stdout } = await wardenWithIds('run', '--user', 'vcap', '--', 'script', '-qec', 'stat -c %U $(tty)', '/dev/null');
  assert.equal([code, stdout], [0, 'vcap\r\n']);
});

rootless.run();
