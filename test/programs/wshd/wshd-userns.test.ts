/** wshd --user-namespace: root of the container is another user on the host. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { run } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const all = suite('wshd --user-namespace');
const test = unless(noContainers, all);
const WSHD = [programPath('wshd'), '--user-namespace'];
/** Far above the ids of users. */
const FIRST = 1_700_000_000;

/** A hook on the host that writes the maps, and makes the root's directories the container's. */
function withMaps(size: number, path: string): void {
  const script = `#!/bin/sh
set -e
cd "$(dirname "$0")/.."
chown -R ${FIRST}:${FIRST} root
${size === 1 ? 'echo deny > /proc/$PID/setgroups' : ''}
echo 0 ${FIRST} ${size} > /proc/$PID/uid_map
echo 0 ${FIRST} ${size} > /proc/$PID/gid_map
`;
  writeFileSync(`${path}/lib/hook-parent-after-clone.sh`, script, { mode: 0o755 });
  // Nobody makes a device in a user namespace.
  const hook = `${path}/lib/hook-child-before-pivot.sh`;
  const text = readFileSync(hook, 'utf8').replace(/^cp -a .*$/m, 'for name in null zero urandom tty; do : > dev/$name; mount --bind /dev/$name dev/$name; done');
  writeFileSync(hook, text, { mode: 0o755 });
}

async function within(options: readonly string[], size: number, use: (container: TestContainer) => Promise<void>): Promise<void> {
  const container = await startContainer([...WSHD, ...options], (path) => { withMaps(size, path); });
  try {
    await use(container);
  } finally {
    await container.destroy();
  }
}

const idsOf = (pid: number): string[] => ['Uid', 'Gid', 'Groups'].map((name) => (
  new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? ''
));

test('init and its commands have other ids on the host', () => within([], 65_536, async ({ pid, wsh }) => {
  assert.equal(idsOf(pid), [Array(4).fill(FIRST).join('\t'), Array(4).fill(FIRST).join('\t'), '']);
  assert.is((await wsh(['sh', '-c', 'id -u; id -G; cat /proc/self/uid_map | tr -s " "'])).stdout.toString(), `0\n0\n 0 ${FIRST} 65536\n`);
  assert.is((await wsh(['--user', 'vcap', 'id', '-u'])).stdout.toString(), '10001\n');
}));

test('the user namespace belongs to the user that is named, and the ids are the same', () => within(['--owner', String(FIRST)], 65_536, async ({ pid, wsh }) => {
  assert.equal(idsOf(pid), [Array(4).fill(FIRST).join('\t'), Array(4).fill(FIRST).join('\t'), '']);
  // ioctl_ns(2): NS_GET_OWNER_UID, asked from outside.
  const script = 'import fcntl,struct,os,sys; f = os.open(f"/proc/{sys.argv[1]}/ns/user", 0); b = bytearray(4); fcntl.ioctl(f, 0xb704, b); print(struct.unpack("I", b)[0])';
  assert.is(execFileSync('python3', ['-c', script, String(pid)], { encoding: 'utf8' }), `${FIRST}\n`);
  assert.is((await wsh(['id', '-u'])).stdout.toString(), '0\n');
}));

test('an owner that is no number of a user is refused', async () => {
  for (const owner of ['', 'vcap', '5x', '-1', '4294967295', '99999999999999999999']) {
    const { code, stderr } = await run([...WSHD, '--owner', owner]);
    assert.equal([code, stderr], [1, `wshd: --owner takes the number of a user, not ${owner}\n`]);
  }
});

test('with one id, root runs commands, and nobody else can', () => within(['--keep-groups'], 1, async ({ pid, wsh }) => {
  assert.is(idsOf(pid)[0], Array(4).fill(FIRST).join('\t'));
  assert.is((await wsh(['id', '-u'])).stdout.toString(), '0\n');
  const other = await wsh(['--user', 'vcap', 'id', '-u']);
  assert.is(other.code, 255);
  assert.match(other.stderr, 'wsh: cannot set the group id: invalid argument; the container\'s user namespace has no such id');
}));

test('hooks of the host alone may be where root of the container cannot go, as below /root', async () => {
  const container = await startContainer([...WSHD], (path) => {
    withMaps(65_536, path);
    rmSync(`${path}/lib/hook-child-before-pivot.sh`);
    chmodSync(`${path}/lib`, 0o700);
  });
  try {
    // Nothing is mounted in its root.
    assert.match((await container.wsh(['true'])).stderr, /^wsh: cannot execute true: no such file or directory/);
  } finally {
    await container.destroy();
  }
});

test('without ids it does not start', async () => {
  const error = await startContainer(WSHD).then(() => undefined, String);
  assert.match(error ?? '', 'wshd did not start (1): wshd: the container\'s first process ended before it served');
});

all.run();
