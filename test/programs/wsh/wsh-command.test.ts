import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import type { RunOptions } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { LIMITS } from '../../wire/vectors.js';

const UNLIMITED = 2n ** 64n - 1n;
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nvcap:x:10001:10002:vcap:/home/vcap:/bin/bash\n';

type Version = 1 | 2;
const suites = ([1, 2] as const).map((version) => ({ version, run: suite(`what a command finds in protocol ${version}`) }));
let container: TestContainer, version: Version = 1;

/** A test in both versions of the protocol. */
function test(name: string, body: () => Promise<void>): void { for (const { run } of suites) unless(noContainers, run)(name, body); }
/** It gets --run and the like behind it. */
const STRICT_WSHD = [programPath('wshd'), '--no-new-privs'];

if (!noContainers) {
  for (const each of suites) {
    each.run.before(async () => {
      version = each.version;
      // A wshd with groups that are not the command's, and without the right to raise hard limits.
      container = await startContainer(['setpriv', '--groups', '4,24', '--bounding-set', '-sys_resource', programPath('wshd')], fillSbin);
      if (version === 1) chmodSync(container.socket, 0o600);
    });
    each.run.after(() => container.destroy());
  }
}

/** /sbin comes first in root's PATH: what lies here is found before anything else. */
function fillSbin(path: string): void {
  const sbin = `${path}/root/sbin`;
  rmSync(sbin);
  mkdirSync(sbin);
  const put = (name: string, text: string, mode: number): void => writeFileSync(`${sbin}/${name}`, text, { mode });
  put('true', 'not executable, but there is another one in /bin', 0o644);
  put('only-here', 'not executable', 0o644);
  put('no-hashbang', 'echo "$0 $# $1 $2"; exit 8\n', 0o755);
  put('hashbang', '#!/bin/sh\necho "$0 $*"\n', 0o755);
  put('lost-interpreter', '#!/nowhere/sh\n', 0o755);
  mkdirSync(`${sbin}/a-directory`);
  mkdirSync(`${sbin}/id`);
  symlinkSync('loop', `${sbin}/loop`);
}

type Told = [code: number | null, stdout: string, stderr: string];

async function tell(args: string[], options?: RunOptions): Promise<Told> {
  const { code, stdout, stderr } = await container.wsh(args, options);
  return [code, stdout.toString(), stderr];
}

/** What a command in the container writes to stdout, when it does well. */
async function output(args: string[], options?: RunOptions): Promise<string> {
  const [code, stdout, stderr] = await tell(args, options);
  assert.equal([code, stderr], [0, '']);
  return stdout;
}

/** In protocol 2 wsh itself says what failed. `message`: the sentence, or one for each version. */
async function failsWith(args: string[], message: string | readonly [string, string], options?: RunOptions): Promise<void> {
  const sentence = typeof message === 'string' ? message : message[version - 1];
  assert.equal(await tell(args, options), [255, '', `${version === 1 ? 'wshd' : 'wsh'}: ${sentence}\n`]);
}

test('descriptors 0, 1 and 2, and no other', async () => {
  // 3 is the directory that ls reads.
  assert.is(await output(['ls', '/proc/self/fd']), '0\n1\n2\n3\n');
});

test('exactly HOME, USER and PATH, and LANG when the client has one', async () => {
  const path = 'PATH=/sbin:/bin:/usr/sbin:/usr/bin', env = { ...process.env, LANG: '', SECRET: 'x' };
  const lang = 'LANG=de_DE.UTF-8\n', own = `HOME=/root\nUSER=root\n${path}\n`;
  assert.is(await output(['env'], { env }), own);
  // LANG is one of the variables of the block, which come first.
  assert.is(await output(['env'], { env: { ...env, LANG: 'de_DE.UTF-8' } }), version === 1 ? own + lang : lang + own);
  assert.is(await output(['--user', 'vcap', 'env'], { env }), 'HOME=/home/vcap\nUSER=vcap\nPATH=/bin:/usr/bin\n');
});

test('arguments as they were given', async () => {
  const argv = ['', ' ', 'a b', '"', '\'', '\\', '$HOME', '*', 'é世界', '\n', '-n', '--'];
  assert.is(await output(['printf', '[%s]', ...argv]), argv.map((argument) => `[${argument}]`).join(''));
});

test('no signal blocked, ignored or caught', async () => {
  const status = await output(['cat', '/proc/self/status'], { env: process.env });
  for (const set of ['SigPnd', 'SigBlk', 'SigIgn', 'SigCgt']) assert.match(status, new RegExp(`^${set}:\\t0{16}$`, 'm'));
});

test('a session of its own', async () => {
  assert.is(await output(['sh', '-c', 'set -- $(cat /proc/$$/stat); [ $1 = $$ ] && [ $5 = $$ ] && [ $6 = $$ ] && echo $7']), '0\n');
});

test('root, when nobody else is asked for', async () => {
  assert.is(await output(['sh', '-c', 'id -u; id -g; id -G; pwd']), '0\n0\n0\n/root\n');
});

test('the user\'s ids, without any group of wshd\'s', async () => {
  // Version 1 gives it none but its own.
  assert.is(await output(['--user', 'vcap', 'sh', '-c', 'id -u; id -g; id -G; pwd']), `10001\n10002\n10002${version === 2 ? ' 29 100' : ''}\n/home/vcap\n`);
  for (const user of ['root', 'vcap']) {
    const groups = await output(['--user', user, 'grep', 'Groups:', '/proc/self/status']);
    assert.match(groups, user === 'vcap' && version === 2 ? /^Groups:\t29 100 *\n$/ : /^Groups:\t *\n$/);
  }
  assert.match(execFileSync('grep', ['Groups:', `/proc/${container.pid}/status`]).toString(), /4 24/, 'wshd itself has some');
});

test('no_new_privs only where wshd is started with --no-new-privs, and never for root', async () => {
  const ask = ['grep', 'NoNewPrivs', '/proc/self/status'];
  assert.is(await output(ask), 'NoNewPrivs:\t0\n');
  assert.is(await output(['--user', 'vcap', ...ask]), 'NoNewPrivs:\t0\n', 'as the original');
  const strict = await startContainer([...STRICT_WSHD]);
  try {
    assert.is(String((await strict.wsh(ask)).stdout), 'NoNewPrivs:\t0\n');
    assert.is(String((await strict.wsh(['--user', 'vcap', ...ask])).stdout), 'NoNewPrivs:\t1\n');
  } finally {
    await strict.destroy();
  }
});

test('the command\'s user can open its streams again', async () => {
  const again = 'cat /proc/self/fd/0; echo out >/proc/self/fd/1; echo err >/proc/self/fd/2; echo more | tee /proc/self/fd/2 >/dev/null';
  for (const user of ['root', 'vcap']) {
    const ended = await container.wsh(['--user', user, 'sh', '-c', again], { input: 'in\n' });
    assert.equal([ended.code, String(ended.stdout), ended.stderr], [0, 'in\nout\n', 'err\nmore\n'], user);
  }
});

test('-n gives the command no input, -i takes it back', async () => {
  assert.is(String((await container.wsh(['-n', 'cat'], { input: 'not read' })).stdout), '');
  assert.is(String((await container.wsh(['-n', '-i', 'cat'], { input: 'read' })).stdout), 'read');
});

test('without a command: the login shell, in the home directory', async () => {
  assert.is(await output([], { input: 'echo $0 $#; pwd\n' }), '/bin/sh 0\n/root\n');
  assert.is(await output(['--user', 'vcap'], { input: 'echo $0 ${BASH_VERSION:+bash}; pwd; whoami 2>&1 | wc -l\n' }), '/bin/bash bash\n/home/vcap\n1\n');
});

/** Runs with something else in the place of /etc/passwd. */
async function withPasswd(put: (path: string) => void, use: () => Promise<void>): Promise<void> {
  const path = `${container.path}/root/etc/passwd`;
  rmSync(path);
  put(path);
  try {
    await use();
  } finally {
    rmSync(path, { recursive: true });
    writeFileSync(path, PASSWD);
  }
}

test('a user that the container does not know', async () => {
  await failsWith(['--user', 'nobody', 'true'], 'no such user in the container\'s /etc/passwd: nobody');
  for (const user of ['vca', 'vcapx', 'VCAP', ' vcap']) {
    await failsWith(['--user', user, 'true'], `no such user in the container's /etc/passwd: ${user}`);
  }
  await failsWith(['--user', 'a\x1b[2Jb', 'true'], 'no such user in the container\'s /etc/passwd: a?[2Jb');
});

const unread = (why: string): [string, string] => [
  `cannot look up the user vcap in the container's /etc/passwd: ${why}`, `cannot read the container's users and groups for vcap: ${why}`,
];
const tooLarge = [
  'the container\'s /etc/passwd is larger than 1 MiB; not searched for the user vcap', 'cannot read the container\'s users and groups for vcap: file too large',
] as const;
const strange: Record<string, [put: (path: string) => void, why: string | readonly [string, string]]> = {
  'a FIFO': [(path) => execFileSync('mkfifo', [path]), unread('no such file or directory')],
  'a directory': [(path) => mkdirSync(path), unread('no such file or directory')],
  'a link to /dev/zero': [(path) => symlinkSync('/dev/zero', path), unread('no such file or directory')],
  'a link to itself': [(path) => symlinkSync('passwd', path), unread('too many symbolic links')],
  'a dangling link': [(path) => symlinkSync('nothing', path), unread('no such file or directory')],
  'empty': [(path) => writeFileSync(path, ''), 'no such user in the container\'s /etc/passwd: vcap'],
  '100 MB of zeros': [(path) => { writeFileSync(path, ''); truncateSync(path, 100 << 20); }, tooLarge],
  '2 MB of other users': [(path) => writeFileSync(path, 'x:x:1:1::/:/bin/sh\n'.repeat(1 << 17)), tooLarge],
};
for (const [what, [put, why]] of Object.entries(strange)) {
  test(`/etc/passwd is ${what}: root has a default, others are told`, () => withPasswd(put, async () => {
    assert.is(await output(['sh', '-c', 'echo $HOME $USER; id -u; pwd']), '/ root\n0\n/\n');
    await failsWith(['--user', 'vcap', 'true'], why);
  }));
}

test('/etc/passwd is missing', async () => {
  const path = `${container.path}/root/etc/passwd`;
  rmSync(path);
  try {
    assert.is(await output([], { input: 'echo $0 $HOME\n' }), '/bin/sh /\n');
    await failsWith(['--user', 'vcap', 'true'], unread('no such file or directory'));
  } finally {
    writeFileSync(path, PASSWD);
  }
});

test('a user is found in front of much else', () => withPasswd((path) => {
  writeFileSync(path, PASSWD);
  truncateSync(path, 100 << 20);
}, async () => assert.is(await output(['--user', 'vcap', 'id', '-u']), '10001\n')));

const entries: Record<string, [line: string, told: string | undefined]> = {
  'without a shell and a home': ['u:x:7:8:::', '/bin/sh / 7 8'],
  'without a newline at the end': ['u:x:7:8::/tmp:/bin/bash', '/bin/bash /tmp 7 8'],
  'that comes twice': ['u:x:7:8::/tmp:/bin/sh\nu:x:9:9::/:/bin/bash', '/bin/sh /tmp 7 8'],
  'behind lines that are none': ['\n\n#\nu\nu:\n:::::::\nu:x:5:5:::::\nu:x:5:5:\nu:x:7:8::/tmp:/bin/sh', '/bin/sh /tmp 7 8'],
  'behind a line that is too long': [`u:x:5:5:${'x'.repeat(5000)}:/:/bin/sh\nu:x:7:8::/tmp:/bin/sh`, '/bin/sh /tmp 7 8'],
  'with a long comment': [`u:x:7:8:${'x'.repeat(2000)}:/tmp:/bin/sh`, '/bin/sh /tmp 7 8'],
  'with the highest id': ['u:x:4294967294:4294967294::/tmp:/bin/sh', '/bin/sh /tmp 4294967294 4294967294'],
  'with the id that means nobody': ['u:x:4294967295:8::/tmp:/bin/sh', undefined],
  'with an id that is too large': ['u:x:4294967296:8::/tmp:/bin/sh', undefined],
  'with a negative id': ['u:x:-1:8::/tmp:/bin/sh', undefined],
  'with no id': ['u:x::8::/tmp:/bin/sh', undefined],
  'with an id in words': ['u:x:7a:8::/tmp:/bin/sh', undefined],
  'with no group': ['u:x:7:::/tmp:/bin/sh', undefined],
};
for (const [what, [line, told]] of Object.entries(entries)) {
  test(`a user ${what}`, () => withPasswd((path) => writeFileSync(path, line), async () => {
    if (told === undefined) return failsWith(['--user', 'u'], 'no such user in the container\'s /etc/passwd: u');
    assert.is(await output(['--user', 'u'], { input: 'echo $0 $HOME $(id -u) $(id -g)\n' }), `${told}\n`);
  }));
}

test('a home directory that is missing, or not the user\'s to enter: in protocol 2 the command begins in /', async () => {
  const passwd = 'lost:x:7:7::/nowhere:/bin/sh\nshut:x:8:8::/root:/bin/sh\nfile:x:9:9::/etc/passwd:/bin/sh\n';
  chmodSync(`${container.path}/root/root`, 0o700);
  await withPasswd((path) => writeFileSync(path, passwd), async () => {
    for (const user of version === 2 ? ['lost', 'shut', 'file'] : []) assert.is(await output(['--user', user, 'pwd']), '/\n', user);
    if (version === 2) return;
    await failsWith(['--user', 'lost', 'true'], 'cannot change to the home directory /nowhere: no such file or directory');
    await failsWith(['--user', 'shut', 'true'], 'cannot change to the home directory /root: permission denied');
    await failsWith(['--user', 'file', 'true'], 'cannot change to the home directory /etc/passwd: not a directory');
  });
});

const RESOURCES: Record<string, string> = {
  RLIMIT_AS: 'Max address space', RLIMIT_CORE: 'Max core file size', RLIMIT_CPU: 'Max cpu time', RLIMIT_DATA: 'Max data size',
  RLIMIT_FSIZE: 'Max file size', RLIMIT_LOCKS: 'Max file locks', RLIMIT_MEMLOCK: 'Max locked memory', RLIMIT_MSGQUEUE: 'Max msgqueue size',
  RLIMIT_NICE: 'Max nice priority', RLIMIT_NOFILE: 'Max open files', RLIMIT_NPROC: 'Max processes', RLIMIT_RSS: 'Max resident set',
  RLIMIT_RTPRIO: 'Max realtime priority', RLIMIT_SIGPENDING: 'Max pending signals', RLIMIT_STACK: 'Max stack size',
};

/** Soft and hard limit of a resource in what /proc/PID/limits says. */
function limitIn(limits: string, name: string): [bigint, bigint] {
  const line = limits.split('\n').find((text) => text.startsWith(RESOURCES[name]!)) ?? '';
  const [soft = '', hard = ''] = line.slice(RESOURCES[name]!.length).trim().split(/\s+/);
  const value = (word: string): bigint => (word === 'unlimited' ? UNLIMITED : BigInt(word));
  return [value(soft), value(hard)];
}

test('the limits that wsh has by default', async () => {
  const limits = await output(['cat', '/proc/self/limits']);
  for (const [name, , byDefault] of LIMITS) assert.equal(limitIn(limits, name), [byDefault, byDefault], name);
});

test('the limits that are asked for', async () => {
  const asked = { RLIMIT_NOFILE: '100 200', RLIMIT_CORE: '0', RLIMIT_CPU: '50 60', RLIMIT_AS: '1000000000', RLIMIT_FSIZE: '4096 -1', RLIMIT_STACK: '1048576' };
  const limits = await output(['--user', 'vcap', 'cat', '/proc/self/limits'], { env: { ...process.env, ...asked } });
  assert.equal(limitIn(limits, 'RLIMIT_NOFILE'), [100n, 200n]);
  assert.equal(limitIn(limits, 'RLIMIT_CPU'), [50n, 60n]);
  assert.equal(limitIn(limits, 'RLIMIT_AS'), [1_000_000_000n, 1_000_000_000n]);
  assert.equal(limitIn(limits, 'RLIMIT_FSIZE'), [4096n, UNLIMITED]);
  assert.equal(limitIn(limits, 'RLIMIT_STACK'), [1_048_576n, 1_048_576n]);
});

test('a limit that stops the command does what it does', async () => {
  const env = { ...process.env, RLIMIT_FSIZE: '1024' };
  const [code, , stderr] = await tell(['sh', '-c', 'exec head -c 4096 /dev/zero > /tmp/large'], { env });
  assert.equal([code, stderr], [255, 'wsh: the command was killed by signal 25 (SIGXFSZ)\n']);
});

test('a limit above what wshd has is refused with a reason', async () => {
  const fails = (why: string): [string, string] => [`cannot set resource limit 7: ${why}`, `cannot set the limit RLIMIT_NOFILE: ${why}`];
  const hard = 'operation not permitted; is it above the hard limit that wshd was started with?';
  await failsWith(['true'], fails(hard), { env: { ...process.env, RLIMIT_NOFILE: '1000000' } });
  await failsWith(['true'], fails('invalid argument'), { env: { ...process.env, RLIMIT_NOFILE: '20 10' } });
});

/** A longer line of wsh's is cut off. */
const TOLD_MAX = 2_047 - 'wsh: '.length;
const programs: Record<string, [args: string[], told: Told | string | readonly [string, string]]> = {
  'behind one of the same name that may not be run': [['true'], [0, '', '']],
  'behind a directory of the same name': [['id', '-u'], [0, '0\n', '']],
  'with #!': [['hashbang', 'a', 'b c'], [0, '/sbin/hashbang a b c\n', '']],
  'a script without #!': [['no-hashbang', 'a', 'b c'], [8, '/sbin/no-hashbang 2 a b c\n', '']],
  'a script without #!, by its path': [['/sbin/no-hashbang', 'x'], [8, '/sbin/no-hashbang 1 x \n', '']],
  'relative to the home directory': [['../sbin/hashbang', 'x'], [0, '../sbin/hashbang x\n', '']],
  'nowhere': [['nonsense'], 'cannot execute nonsense: no such file or directory'],
  'nowhere, by a path': [['/no/such/program'], 'cannot execute /no/such/program: no such file or directory'],
  'not executable': [['only-here'], 'cannot execute only-here: permission denied'],
  'not executable, by its path': [['/sbin/only-here'], 'cannot execute /sbin/only-here: permission denied'],
  'a directory in the PATH': [['a-directory'], 'cannot execute a-directory: permission denied'],
  'a directory, by its path': [['/tmp'], 'cannot execute /tmp: permission denied'],
  'a file as a directory': [['/etc/passwd/x'], 'cannot execute /etc/passwd/x: no such file or directory'],
  'a link to itself': [['loop'], 'cannot execute loop: too many symbolic links'],
  'with an interpreter that is not there': [['lost-interpreter'], 'cannot execute lost-interpreter: no such file or directory'],
  'without a name': [[''], 'cannot execute : no such file or directory'],
  'with control characters in its name': [['a\x1b[2J\nb'], 'cannot execute a?[2J?b: no such file or directory'],
  'with a name that is too long': [['x'.repeat(5000)], [`cannot execute ${'x'.repeat(255)}: name too long`, `the name of a command has at most 4095 bytes, this one more: ${'x'.repeat(5000)}`.slice(0, TOLD_MAX)]],
};
for (const [what, [args, told]] of Object.entries(programs)) {
  test(`a program ${what}`, async () => (typeof told === 'string' || told.length === 2 ? failsWith(args, told) : assert.equal(await tell(args), told)));
}

test('PATH of a user other than root has no /sbin', async () => {
  await failsWith(['--user', 'vcap', 'hashbang'], 'cannot execute hashbang: no such file or directory');
});

for (const { run } of suites) run.run();
