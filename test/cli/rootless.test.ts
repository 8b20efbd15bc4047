/** `warden` as a user other than root: with one id, and with those of /etc/subuid. */
import { mkdirSync, writeFileSync, chownSync, existsSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { readIdFacts, whyNoNamespace } from '../../src/core/container/choose-ids.js';
import { main, type Result, start } from './help.js';

/** A user of no machine, and its ids in /etc/subuid of the tests. */
const UID = 61_234, FIRST = 1_600_000_000;
const asUser = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];

/** Nobody else may have a right to read this checkout, or even Node. */
function cannotRun(): string | undefined {
  const [file, ...args] = [...asUser, process.execPath, main, '--version'];
  return spawnSync(file, args).status === 0 ? undefined : 'a user other than root cannot run Node, or read this checkout';
}

const rootless = suite('warden without root');
const why = noContainers ?? whyNoNamespace({ ...readIdFacts(), uid: UID }) ?? cannotRun();
const it = unless(why, rootless);
const withIds = unless(why ?? (existsSync('/usr/bin/newuidmap') ? undefined : 'there is no newuidmap (package uidmap)'), rootless);
const place = scratch();
const runtime = `${place.path}/runtime`;

rootless.before(() => {
  if (why !== undefined) return;
  mkdirSync(runtime);
  chownSync(runtime, UID, UID);
  spawnSync('chmod', ['755', place.path]);
  writeFileSync(`${place.path}/passwd`, `root:x:0:0::/:/bin/sh\nwarden-test:x:${UID}:${UID}::/:/bin/sh\n`);
  writeFileSync(`${place.path}/sub`, `warden-test:${FIRST}:65536\n`);
});
rootless.after.each(() => {
  const left = existsSync(`${runtime}/warden`) ? readdirSync(`${runtime}/warden`) : [];
  assert.equal(left, []);
});
rootless.after(() => { place.remove(); });

const environment = { ...process.env, XDG_RUNTIME_DIR: runtime, WARDEN_DEPOT: undefined };

/** Without a file of ids. */
function warden(...args: string[]): Promise<Result> {
  const none = 'mount --bind /dev/null /etc/subuid 2> /dev/null; exec "$@"';
  return start(['unshare', '-m', 'sh', '-c', none, 'sh', ...asUser, process.execPath, main, ...args], '', environment).result;
}

/** As a user who has ids in /etc/subuid, which only this process and its children see. */
function wardenWithIds(...args: string[]): Promise<Result> {
  const bind = `mount --bind ${place.path}/passwd /etc/passwd && mount --bind ${place.path}/sub /etc/subuid && mount --bind ${place.path}/sub /etc/subgid && exec "$@"`;
  return start(['unshare', '-m', 'sh', '-c', bind, 'sh', ...asUser, process.execPath, main, ...args], '', environment).result;
}

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
  const running = start([...asUser, process.execPath, main, 'run', '--name', 'brief', '--', 'sleep', '600'], '', environment);
  await until(() => existsSync(`${runtime}/warden/brief/etc/container.json`), 'it runs');
  running.child.kill('SIGKILL');
  await running.result;
  await until(() => readdirSync(`${runtime}/warden`).length === 0, 'it is gone');
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
