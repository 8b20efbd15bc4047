/** oom against real memory cgroups: version 1 on this host, version 2 in User-mode Linux. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, programPath } from '../../src/paths.js';
import { noContainers } from '../support/container.js';
import { run, scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const CASES = `${packageRoot}test/programs/oom-cases.py`;
const FIRST_VERSION = '/sys/fs/cgroup/memory';
/** What Debian's own python3 needs nothing else for; one in a home directory would not be found by the other kernel. */
const PYTHON = '/usr/bin/python3';
const CASES_DEADLINE_MS = 100_000;

const EXPECTED = {
  'idle': 'waits',
  'a harmless process': 'waits',
  'cpu while idle': 0,
  'the hog': true,
  'out of memory': 0,
  'kills from before': 'waits',
  'removed': 1,
  'a slash at the end': 0,
  'parent died': 'ended',
  'no such group': 1,
};

const oom = suite('oom');
const noPython = existsSync(PYTHON) ? undefined : `no ${PYTHON}`;
const noFirst = noContainers ?? noPython ?? (existsSync(`${FIRST_VERSION}/memory.oom_control`) ? undefined : 'no memory cgroups of version 1');
const noSecond = noContainers ?? noPython ?? (spawnSync('linux.uml', ['--version']).error ? 'user-mode-linux is not installed' : undefined);

unless(noFirst, oom)('tells of memory running out and of a removal, on version 1', async () => {
  const { code, stdout, stderr } = await run([PYTHON, CASES, programPath('oom'), FIRST_VERSION, '1'], { timeoutMs: CASES_DEADLINE_MS });
  assert.is(code, 0, stderr);
  assert.equal(JSON.parse(stdout.toString()), EXPECTED);
});

unless(noSecond, oom)('tells of memory running out and of a removal, on version 2', async () => {
  const { path, remove } = scratch();
  try {
    // The host's files are the guest's root, so what it writes here is read after its end.
    writeFileSync(`${path}/init`, `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 none /sys/fs/cgroup
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
${PYTHON} '${CASES}' '${programPath('oom')}' /sys/fs/cgroup 2 > ${path}/out 2> ${path}/errors
poweroff -f
`, { mode: 0o755 });
    const kernel = ['linux.uml', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${path}/init`, 'mem=256M', 'con=null', 'con0=null,fd:1', 'quiet'];
    const booted = await run(kernel, { timeoutMs: CASES_DEADLINE_MS });
    assert.not(booted.timedOut, 'the guest did not power off');
    assert.is(readFileSync(`${path}/errors`, 'utf8'), '');
    assert.equal(JSON.parse(readFileSync(`${path}/out`, 'utf8')), EXPECTED);
  } finally {
    remove();
  }
});

for (const [name, args] of Object.entries({ 'nothing': [], 'too much': ['/a', '/b'], 'an unknown option': ['-x', '/a'] })) {
  oom(`refuses a command line with ${name}`, async () => {
    const { code, stderr } = await run([programPath('oom'), ...args]);
    assert.is(code, 1);
    assert.match(stderr, /^oom: .*oom --help/);
  });
}

oom.run();
