import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, prepareContainer, startContainer } from '../../support/container.js';
import { type Ended, isAlive, processesWith, run, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const start = suite('a start of wshd that fails');
const test = unless(noContainers, start);
const wshd = programPath('wshd');
const HOOKS = ['hook-parent-before-clone.sh', 'hook-parent-after-clone.sh', 'hook-child-before-pivot.sh', 'hook-child-after-pivot.sh'] as const;
const ENDED = 'wshd: the container\'s first process ended before it served\n';

interface Place { path: string; title: string; hook(name: string, script: string, mode?: number): void }
type Spoil = (place: Place) => unknown;

/** Prepares a container, lets the test spoil it, starts wshd; checks that nothing is left when it failed. */
async function attempt(
  spoil: Spoil, args: (place: Place) => string[] = everything, before: string[] = [],
): Promise<Ended & { path: string }> {
  const { path, title, remove } = prepareContainer();
  const place: Place = { path, title, hook: (name, script, mode = 0o755) => writeFileSync(`${path}/lib/${name}`, `#!/bin/sh\n${script}\n`, { mode }) };
  try {
    await spoil(place);
    const filesBefore = files(path);
    const ended = await run([...before, wshd, ...args(place)], { cwd: path });
    if (ended.code !== 0) {
      assert.equal(processesWith(title).filter(isAlive), [], 'a process is left');
      // What a hook of the parent's has started may be about to end.
      await until(() => processesWith(path).filter(isAlive).length === 0, 'no process of a hook is left');
      assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), path);
      assert.equal(files(path), filesBefore, 'files are not as before');
    }
    return { ...ended, path };
  } finally {
    for (const pid of processesWith(title)) process.kill(pid, 'SIGKILL');
    remove();
  }
}

function everything({ path, title }: Place): string[] {
  return ['--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`, '--title', title];
}

function files(path: string): string[] { return execFileSync('find', [path], { encoding: 'utf8' }).split('\n').sort(); }

/** It fails with exit code 1 and this on stderr, PATH standing for the container's directory. */
async function fails(spoil: Spoil, stderr: string, args?: (place: Place) => string[], before?: string[]): Promise<void> {
  const ended = await attempt(spoil, args, before);
  assert.equal([ended.code, ended.stderr.replaceAll(ended.path, 'PATH'), ended.stdout.length], [1, stderr, 0]);
}

const nothing = (): void => undefined;
const option = (...words: string[]): ((place: Place) => string[]) => (place) => [...everything(place), ...words];

for (const [name, flag] of [['run', '--run'], ['lib', '--lib'], ['root', '--root']] as const) {
  test(`without its ${name} directory`, () => fails(({ path }) => rmSync(`${path}/${name}`, { recursive: true }),
    `wshd: the ${name} directory is missing (${flag}): PATH/${name}: no such file or directory\n`));
  test(`with a file as its ${name} directory`, () => fails(({ path }) => {
    rmSync(`${path}/${name}`, { recursive: true });
    writeFileSync(`${path}/${name}`, '');
  }, `wshd: the ${name} directory is missing (${flag}): PATH/${name}\n`));
}

test('the directories\' defaults', () => fails(({ path }) => rmSync(`${path}/lib`, { recursive: true }),
  'wshd: the lib directory is missing (--lib): lib: no such file or directory\n', () => []));

const badOptions: [words: string[], stderr: string][] = [
  [['--nonsense', 'x'], 'wshd: invalid option, or one without its value: --nonsense; wshd --help shows all of them\n'],
  [['-x', 'x'], 'wshd: invalid option, or one without its value: -x; wshd --help shows all of them\n'],
  [['word', 'x'], 'wshd: invalid option, or one without its value: word; wshd --help shows all of them\n'],
  [['--run'], 'wshd: invalid option, or one without its value: --run; wshd --help shows all of them\n'],
  [['--run', 'x'.repeat(1024)], 'wshd: longer than the 1023 bytes that fit: the value of --run\n'],
  [['--root', 'x'.repeat(100_000)], 'wshd: longer than the 1023 bytes that fit: the value of --root\n'],
  [['--title', 'x'.repeat(256)], 'wshd: longer than the 255 bytes that fit: the value of --title\n'],
];
for (const [words, stderr] of badOptions) test(`with the option ${words.join(' ').slice(0, 40)}`, () => fails(nothing, stderr, option(...words)));

for (const flag of ['-h', '--help']) {
  test(`${flag} says how it is used`, async () => {
    const ended = await attempt(nothing, () => [flag]);
    assert.is(ended.code, 0);
    assert.match(ended.stderr, 'usage: wshd [--run DIR] [--lib DIR] [--root DIR] [--title NAME] [--no-new-privs]\n            [--user-namespace] [--keep-groups] [--owner UID] [--share-network]\n            [--confine] [--capabilities LIST] [--filter FILE]');
  });
}

/** Starts wshd in a directory whose absolute path is so long that a hook's is none any more; its arguments are wshd and a title. */
const DEEP = `
import os, subprocess, sys
start = os.getcwd()
while len(os.getcwd()) < 3900: os.mkdir('d' * 100); os.chdir('d' * 100)
last = 'd' * (4090 - len(os.getcwd()) - len('//lib'))
os.mkdir(last); os.chdir(last)
for name in ('run', 'lib', 'root'): os.mkdir(name)
open('lib/hook-child-before-pivot.sh', 'w').close()
code = subprocess.run([sys.argv[1], '--title', sys.argv[2]]).returncode
os.chdir(start)
subprocess.run('rm -rf ./d*', shell=True, check=True)
sys.exit(code)`;

test('the path of a hook is longer than a path can be', async () => {
  const { code, stderr } = await attempt(nothing, ({ title }) => [title], ['python3', '-c', DEEP]);
  assert.is(code, 1);
  assert.match(stderr, /^wshd: cannot start the hook \S+\n/);
  assert.ok(stderr.endsWith(ENDED), stderr);
});

for (const hook of HOOKS) {
  const inChild = hook.startsWith('hook-child');
  const path = hook === 'hook-child-after-pivot.sh' ? '/mntPATH/lib' : 'PATH/lib';
  const told = (words: string): string => `wshd: the hook ${path}/${hook} ${words}\n${inChild ? ENDED : ''}`;
  test(`${hook} fails`, () => fails((place) => place.hook(hook, 'exit 3'), told('failed with exit code 3')));
  test(`${hook} is killed`, () => fails((place) => place.hook(hook, 'kill -TERM $$'), told('was killed by signal 15 (SIGTERM)')));
  test(`${hook} is not executable`, () => fails((place) => {
    rmSync(`${place.path}/lib/${hook}`, { force: true });
    place.hook(hook, 'exit 0', 0o644);
  }, told('cannot be executed: permission denied; it must be executable and start with #!')));
  test(`${hook} is a directory`, () => fails((place) => {
    rmSync(`${place.path}/lib/${hook}`, { force: true });
    mkdirSync(`${place.path}/lib/${hook}`);
  }, told('cannot be executed: permission denied; it must be executable and start with #!')));
  test(`${hook} has an interpreter that is not there`, () => fails((place) => {
    rmSync(`${place.path}/lib/${hook}`, { force: true });
    writeFileSync(`${place.path}/lib/${hook}`, '#!/no/such/interpreter\n', { mode: 0o755 });
  }, told('cannot be executed: no such file or directory; it must be executable and start with #!')));
  test(`${hook} says something and leaves a process behind`, async () => {
    const ended = await attempt((place) => place.hook(hook, `echo said; echo complained >&2; sleep 0.2 & exit 4`));
    assert.is(ended.code, 1);
    assert.is(ended.stdout.toString(), 'said\n');
    assert.match(ended.stderr, 'complained\n');
  });
}

test('on the socket of another wshd, which goes on', async () => {
  const container = await startContainer();
  try {
    const second = await run([wshd, '--run', `${container.path}/run`, '--lib', `${container.path}/lib`, '--root', `${container.path}/root`]);
    assert.equal([second.code, second.stderr], [1, `wshd: another wshd serves already on ${container.socket}\n`]);
    assert.is((await container.wsh(['true'])).code, 0);
  } finally {
    await container.destroy();
  }
});

test('on a socket whose owner has stopped answering', async () => {
  const script = `
import socket, sys
path = 'wshd.sock'
busy = socket.socket(socket.AF_UNIX)
busy.bind(path)
busy.listen(0)
queued = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for client in queued:
    client.setblocking(False)
    client.connect_ex(path)
print('ready', flush=True)
sys.stdin.read()`;
  let holder: ReturnType<typeof spawn> | undefined;
  try {
    await fails(async ({ path }) => {
      holder = spawn('python3', ['-c', script], { cwd: `${path}/run`, stdio: ['pipe', 'pipe', 'inherit'] });
      await once(holder.stdout!, 'data');
    }, 'wshd: cannot tell whether another wshd serves on PATH/run/wshd.sock: resource temporarily unavailable\n');
  } finally {
    holder?.kill();
  }
});

test('with a path of its socket that is too long', () => {
  const long = (path: string): string => `${path}/${'x'.repeat(100)}`;
  return fails(({ path }) => mkdirSync(long(path)),
    `wshd: cannot listen on PATH/${'x'.repeat(100)}/wshd.sock: name too long; the path of a socket has at most 107 bytes\n`,
    (place) => [...everything(place), '--run', long(place.path)]);
});

test('with a file in the place of its socket, which stays', () => fails(({ path }) => writeFileSync(`${path}/run/wshd.sock`, 'mine'),
  'wshd: a file that is no socket is in the way: PATH/run/wshd.sock\n'));

test('with a directory in the place of its socket', () => fails(({ path }) => mkdirSync(`${path}/run/wshd.sock`),
  'wshd: cannot remove the stale socket PATH/run/wshd.sock: is a directory\n'));

test('with a run directory that may not be written to', () => fails(({ path }) => {
  chmodSync(`${path}/run`, 0o555);
}, 'wshd: cannot listen on PATH/run/wshd.sock: permission denied; the path of a socket has at most 107 bytes\n',
everything, ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']));

test('by somebody who is not root', () => fails(({ path }) => chownSync(`${path}/run`, 65534, 65534),
  'wshd: cannot make a mount namespace: operation not permitted; wshd has to run as root (CAP_SYS_ADMIN)\n',
  everything, ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']));

const NO_PIVOT = 'DIR/mnt must be a directory of its own, not a link';
const mnts: Record<string, [put: (mnt: string) => void, after: boolean, stderr: RegExp | undefined]> = {
  'a link to a directory outside, with a hook after': [(mnt) => symlinkSync('/tmp', mnt), true, new RegExp(`cannot make it the root \\(pivot_root\\) PATH/root: .*; ${NO_PIVOT}\n${ENDED}$`)],
  'a link to a directory outside': [(mnt) => symlinkSync('/tmp', mnt), false, new RegExp(`cannot make it the root \\(pivot_root\\) PATH/root: .*; ${NO_PIVOT}\n${ENDED}$`)],
  'a dangling link, with a hook after': [(mnt) => symlinkSync('/nowhere', mnt), true, new RegExp(`cannot make it the root \\(pivot_root\\) PATH/root: .*; ${NO_PIVOT}\n${ENDED}$`)],
  'a file, with a hook after': [(mnt) => writeFileSync(mnt, ''), true, new RegExp(`cannot make it the root \\(pivot_root\\) PATH/root: not a directory; ${NO_PIVOT}\n${ENDED}$`)],
  'a dangling link': [(mnt) => symlinkSync('/nowhere', mnt), false, undefined],
  'a file': [(mnt) => writeFileSync(mnt, ''), false, undefined],
};
for (const [what, [put, after, stderr]] of Object.entries(mnts)) {
  test(`${stderr ? 'with' : '(not) with'} a root whose mnt is ${what}`, async () => {
    const ended = await attempt(({ path, hook }) => {
      put(`${path}/root/mnt`);
      if (after) hook('hook-child-after-pivot.sh', 'exit 0');
    });
    assert.is(ended.code, stderr ? 1 : 0, ended.stderr);
    if (stderr) assert.match(ended.stderr.replaceAll(ended.path, 'PATH'), stderr);
  });
}

test('under an address space that is too small, with a reason', async () => {
  const ended = await attempt(nothing, everything, ['prlimit', `--as=${8 << 20}:unlimited`]);
  assert.is(ended.code, 1);
  assert.match(ended.stderr, /out of memory|no memory left/);
});

test('with too few descriptors, with a reason', async () => {
  const ended = await attempt(nothing, everything, ['prlimit', '--nofile=5:5']);
  assert.ok(ended.code !== 0);
  assert.match(ended.stderr, /too many open files/);
});

test('(not) with a stale socket, which is replaced', async () => {
  const ended = await attempt(({ path }) => run(['python3', '-c', `import socket; socket.socket(socket.AF_UNIX).bind('${path}/run/wshd.sock')`]));
  assert.equal([ended.code, ended.stderr], [0, '']);
});

test('(not) with hooks that see what they are promised', async () => {
  const { path, title, remove } = prepareContainer();
  const log = `${path}/jobs/log`;
  for (const hook of HOOKS) {
    const own = hook === 'hook-child-before-pivot.sh' ? readFileSync(`${path}/lib/${hook}`, 'utf8').replace('#!/bin/sh', '') : '';
    const place = hook === 'hook-child-after-pivot.sh' ? `/mnt${log}` : log;
    writeFileSync(`${path}/lib/${hook}`, `#!/bin/sh\necho "${hook} $(pwd) PID=$PID X=$X $$" >> ${place}\n${own}`, { mode: 0o755 });
  }
  mkdirSync(`${path}/root/mnt`);
  try {
    const ended = await run([wshd, ...everything({ path, title, hook: nothing })], { cwd: path, env: { ...process.env, X: 'passed on', PID: 'theirs' } });
    assert.equal([ended.code, ended.stderr], [0, '']);
    const [pid] = processesWith(title);
    const lines = readFileSync(log, 'utf8').trim().split('\n').map((line) => line.replace(/ \d+$/, ''));
    assert.equal(lines, [
      `hook-parent-before-clone.sh ${path} PID=theirs X=passed on`,
      `hook-parent-after-clone.sh ${path} PID=${pid} X=passed on`,
      `hook-child-before-pivot.sh ${path} PID=theirs X=passed on`,
      'hook-child-after-pivot.sh / PID=theirs X=passed on',
    ]);
    assert.ok(existsSync(`${path}/run/wshd.sock`));
  } finally {
    for (const pid of processesWith(title)) process.kill(pid, 'SIGKILL');
    remove();
  }
});

test('(not) with a mount that the first hook makes: the container\'s start has it, the host never', async () => {
  const { path, title, remove } = prepareContainer(), log = `${path}/run/log`, own = `${path}/lib/hook-child-before-pivot.sh`;
  const look = `grep -c " ${path}/jobs " /proc/self/mountinfo >> ${log}`;
  writeFileSync(`${path}/lib/hook-parent-before-clone.sh`, `#!/bin/sh\nmount -t tmpfs tmpfs ${path}/jobs\n${look}\n`, { mode: 0o755 });
  writeFileSync(own, readFileSync(own, 'utf8').replace('set -e\n', `${look}\nset -e\n`));
  try {
    const ended = await run([wshd, ...everything({ path, title, hook: nothing })]);
    assert.equal([ended.code, ended.stderr], [0, '']);
    assert.is(readFileSync(log, 'utf8'), '1\n1\n');
    assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), path);
  } finally {
    for (const pid of processesWith(title)) process.kill(pid, 'SIGKILL');
    remove();
  }
});

start.run();
