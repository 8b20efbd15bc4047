import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, prepareContainer, startContainer, type TestContainer } from '../../support/container.js';
import { ended, isAlive, processesWith, run, uniqueSleep, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const stages = suite('wshd from stage to stage');
const test = unless(noContainers, stages);
const wshd = programPath('wshd');

const HOOKS = ['hook-parent-before-clone.sh', 'hook-parent-after-clone.sh', 'hook-child-before-pivot.sh', 'hook-child-after-pivot.sh'] as const;
type Hook = typeof HOOKS[number];

function alive(text: string): number[] { return processesWith(text).filter(isAlive); }

function noMounts(path: string): boolean { return !readFileSync('/proc/self/mountinfo', 'utf8').includes(path); }

interface Start { path: string; title: string; sleep: string; parent: ReturnType<typeof spawn>; end: ReturnType<typeof ended> }

/** Starts wshd, and calls while this hook hangs. */
async function hanging(hook: Hook, use: (start: Start) => Promise<void>): Promise<void> {
  const { path, title, remove } = prepareContainer();
  const file = `${path}/lib/${hook}`, sleep = uniqueSleep();
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const args = ['--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`, '--title', title];
  writeFileSync(file, `#!/bin/sh\nexec ${sleep}\n`, { mode: 0o755 });
  const parent = spawn(wshd, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const end = ended(parent);
    await until(() => processesWith(sleep).length > 0, `${hook} runs`);
    await use({ path, title, sleep, parent, end });
    // Nothing of it is in the way of the next start.
    rmSync(file);
    if (before !== '') writeFileSync(file, before, { mode: 0o755 });
    const again = await run([wshd, ...args]);
    assert.equal([again.code, again.stderr], [0, '']);
    assert.is(alive(title).length, 1);
    process.kill(alive(title)[0]!, 'SIGKILL');
    await until(() => alive(title).length === 0, 'PID 1 ends');
  } finally {
    parent.kill('SIGKILL');
    for (const pid of processesWith(title)) process.kill(pid, 'SIGKILL');
    remove();
  }
}

/** What is the container's: PID 1 by its title, and whatever lives in its namespaces. */
function firstProcess(title: string, parent: number): number {
  const pid = processesWith(title).find((candidate) => candidate !== parent && readFileSync(`/proc/${candidate}/cmdline`, 'utf8').startsWith(title));
  assert.ok(pid, 'the first process is there');
  return pid;
}

for (const hook of HOOKS) {
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    test(`the parent gets ${signal} while ${hook} runs: nothing is left`, () => hanging(hook, async ({ path, title, sleep, parent, end }) => {
      parent.kill(signal);
      assert.is((await end).signal, signal);
      await until(() => alive(title).length === 0, 'the container\'s processes end');
      await until(() => processesWith(sleep).length === 0, 'the hook ends');
      assert.ok(noMounts(path), 'a mount is left');
      // Before there is a child nobody is left who could remove the socket; the next start replaces it.
      if (hook !== 'hook-parent-before-clone.sh') await until(() => !existsSync(`${path}/run/wshd.sock`), 'the socket is removed');
    }));
  }
}

for (const hook of HOOKS.slice(1)) {
  test(`the first process is killed while ${hook} runs: the parent says so and ends, nothing is left`, () => hanging(hook, async ({ path, title, parent, end }) => {
    process.kill(firstProcess(title, parent.pid!), 'SIGKILL');
    // The parent's own hook is waited for: it may have to take back what it did.
    if (hook === 'hook-parent-after-clone.sh') execFileSync('pkill', ['-KILL', '-P', String(parent.pid)]);
    const { code, stderr } = await end;
    assert.is(code, 1);
    if (hook !== 'hook-parent-after-clone.sh') assert.is(stderr, 'wshd: the container\'s first process ended before it served\n');
    await until(() => alive(title).length === 0, 'the container\'s processes end');
    assert.ok(noMounts(path), 'a mount is left');
    assert.not.ok(existsSync(`${path}/run/wshd.sock`), 'the socket is left');
  }));
}

test('the first process is killed while the parent\'s hook runs, which then does well: the parent says so', async () => {
  const { path, title, remove } = prepareContainer();
  try {
    writeFileSync(`${path}/lib/hook-parent-after-clone.sh`, '#!/bin/sh\nkill -KILL $PID\nsleep 0.1\n', { mode: 0o755 });
    const { code, stderr } = await run([wshd, '--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`, '--title', title]);
    assert.equal([code, stderr], [1, 'wshd: the container\'s first process ended before it served\n']);
    assert.not.ok(existsSync(`${path}/run/wshd.sock`));
  } finally {
    remove();
  }
});

async function within(
  prepare: (path: string) => void, use: (container: TestContainer) => Promise<void>, program: string | string[] = wshd,
): Promise<void> {
  const container = await startContainer(program, prepare);
  try {
    await use(container);
  } finally {
    await container.destroy();
  }
}

/** Puts lines in front of the hook that mounts. */
function first(path: string, lines: string): void {
  const hook = `${path}/lib/hook-child-before-pivot.sh`;
  writeFileSync(hook, readFileSync(hook, 'utf8').replace('set -e\n', `set -e\n${lines}\n`));
}

async function mounts(container: TestContainer): Promise<string[]> {
  const { stdout } = await container.wsh(['cat', '/proc/self/mountinfo']);
  return stdout.toString().trim().split('\n').map((line) => line.split(' ')[4] ?? '');
}

const OWN_MOUNTS = ['/', '/usr', '/proc', '/dev', '/dev/pts'];

test('mounts of the host stacked at one point', () => within((path) => {
  mkdirSync(`${path}/stack`);
  first(path, `for i in $(seq 100); do mount -t tmpfs tmpfs ${path}/stack; done`);
}, async (container) => assert.equal(await mounts(container), OWN_MOUNTS)));

test('mounts stacked at one point of the container stay', () => within((path) => {
  first(path, `for i in $(seq 50); do mount -t tmpfs tmpfs ${path}/root/tmp; done`);
}, async (container) => assert.is((await mounts(container)).filter((point) => point === '/tmp').length, 50)));

test('mounts over the old root, which is unmounted all the same', () => within((path) => {
  mkdirSync(`${path}/root/mnt`);
  writeFileSync(`${path}/lib/hook-child-after-pivot.sh`, '#!/bin/sh\nfor i in $(seq 20); do mount -t tmpfs tmpfs /mnt; done\n', { mode: 0o755 });
}, async (container) => {
  assert.equal(await mounts(container), OWN_MOUNTS);
  assert.is((await container.wsh(['ls', '-A', '/mnt'])).stdout.toString(), '');
}));

test('what lay at /mnt before lies there again', () => within((path) => {
  mkdirSync(`${path}/root/mnt`);
  first(path, `mount -t tmpfs tmpfs ${path}/root/mnt; touch ${path}/root/mnt/ours`);
}, async (container) => {
  assert.equal((await mounts(container)).filter((point) => point.startsWith('/mnt')), ['/mnt']);
  assert.is((await container.wsh(['ls', '-A', '/mnt'])).stdout.toString(), 'ours\n');
}));

test('nothing of the host is to be found in PID 1', () => within((path) => mkdirSync(`${path}/root/mnt`), async (container) => {
  const say = async (script: string): Promise<string> => (await container.wsh(['sh', '-c', `${script} 2>&1`])).stdout.toString();
  assert.equal(await mounts(container), OWN_MOUNTS);
  assert.is(await say('readlink /proc/1/root /proc/1/cwd'), '/\n/\n');
  assert.is(await say('tr -d "\\0" < /proc/1/environ'), '');
  assert.match(await say('tr "\\0" " " < /proc/1/cmdline'), /^wshd: \w+ $/);
  assert.is(await say('cat /proc/1/comm'), 'wshd\n');
  assert.is(await say('readlink /proc/1/fd/0 /proc/1/fd/1 /proc/1/fd/2 | grep -v "anon_inode\\|socket:"'), '');
  // What it listens on, and the connection to the wsh of who looks.
  const ofInit = 'ls -l /proc/1/fd | sed -n "s/.* -> //p" | grep -v anon_inode | cut -d: -f1 | sort';
  // wshd reads a little later that the command has executed.
  await until(async () => await say(ofInit) === 'socket\nsocket\n', 'PID 1 has two sockets');
  assert.is(await say('read -r line < /proc/1/stat; set -- ${line##*) }; echo $3 $4'), '1 1\n');
  for (const way of ['exec 3>>/proc/1/exe', 'exec 3<>/proc/1/exe', 'dd if=/dev/zero of=/proc/1/exe', 'truncate -s 0 /proc/1/exe', 'cp /bin/true /proc/1/exe', 'echo x > /proc/1/mem']) {
    assert.ok((await container.wsh(['sh', '-c', way])).code !== 0, way);
  }
  assert.is((await container.wsh(['true'])).code, 0);
}, ['env', 'SECRET=of the host', wshd]));

test('each container has namespaces of its own', () => within(() => undefined, async (container) => {
  const { stdout } = await container.wsh(['sh', '-c', 'cd /proc/self/ns; readlink ipc mnt net pid uts; hostname; ls /sys/class/net 2>/dev/null; echo $$; cat /proc/net/dev | grep -c :']);
  const [ipc, mnt, net, pid, uts, hostname] = stdout.toString().split('\n');
  for (const [name, inside] of Object.entries({ ipc, mnt, net, pid, uts })) {
    assert.not.equal(inside, execFileSync('readlink', [`/proc/self/ns/${name}`], { encoding: 'utf8' }).trim(), name);
  }
  assert.is(hostname, 'container');
  assert.is((await container.wsh(['cat', '/proc/net/dev'])).stdout.toString().split('\n').filter((line) => line.includes(':')).length, 1, 'more than a loopback');
  assert.match((await container.wsh(['cat', '/proc/net/if_inet6', '/proc/net/fib_trie'])).stdout.toString(), /127\.0\.0\.1|0{31}1/);
}));

test('a terminal is the container\'s own, or none: the host\'s /dev/ptmx is not asked', () => within((path) => {
  const hook = `${path}/lib/hook-child-before-pivot.sh`;
  writeFileSync(hook, readFileSync(hook, 'utf8').replace('ln -s pts/ptmx dev/ptmx\n', ''));
}, async (container) => {
  const { code, stderr } = await container.wsh(['--tty', '24x80', 'true']);
  assert.equal([code, stderr], [255, 'wsh: wshd cannot make the command\'s streams or its process: no such file or directory\n']);
  assert.is((await container.wsh(['ln', '-s', 'pts/ptmx', '/dev/ptmx'])).code, 0);
  assert.is((await container.wsh(['--tty', '24x80', 'tty'])).stdout.toString(), '/dev/pts/0\r\n');
}));

/** A static program that needs nothing: it says what it was given, and ends with 7. */
const PROGRAM = `
static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
static long length(const char *text) { long size = 0; while (text[size]) size++; return size; }
__attribute__((used)) static void begin(long *stack) {
  char **list = (char **)(stack + 1);
  for (long i = 0; i < stack[0] + 1 + 3; i++) if (list[i]) { call(1, 1, (long)list[i], length(list[i])); call(1, 1, (long)"\\n", 1); }
  call(231, 7, 0, 0);
}
__asm__(".globl _start\\n_start: mov %rsp, %rdi\\n and $-16, %rsp\\n call begin\\n");
`;

for (const readOnly of [false, true]) {
  test(`a root that has nothing but one program${readOnly ? ', and may not be written to' : ''}`, () => within((path) => {
    rmSync(`${path}/root`, { recursive: true });
    mkdirSync(`${path}/root`);
    execFileSync('cc', ['-static', '-nostdlib', '-o', `${path}/root/program`, '-xc', '-'], { input: PROGRAM });
    if (readOnly) writeFileSync(`${path}/lib/hook-child-before-pivot.sh`, `#!/bin/sh\nmount --bind ${path}/root ${path}/root && mount -o remount,bind,ro ${path}/root\n`, { mode: 0o755 });
    else rmSync(`${path}/lib/hook-child-before-pivot.sh`);
  }, async (container) => {
    const result = await container.wsh(['/program', 'argument'], { env: {} });
    assert.equal([result.code, result.stderr], [7, '']);
    assert.is(result.stdout.toString(), '/program\nargument\nHOME=/\nUSER=root\nPATH=/sbin:/bin:/usr/sbin:/usr/bin\n');
    assert.is((await container.wsh([])).stderr, 'wsh: cannot execute the user\'s shell: no such file or directory\n');
    assert.is(execFileSync('ls', ['-A', `${container.path}/root`], { encoding: 'utf8' }), 'program\n');
  }));
}

stages.run();
