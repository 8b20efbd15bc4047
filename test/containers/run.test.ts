/** What a command finds in the container that `warden run` makes for it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ETC } from '../../src/core/rootfs/host-configuration.js';
import { MASKED_PATHS } from '../../src/core/rootfs/rootfs.js';
import { readSystemAccounts } from '../../src/core/rootfs/system-accounts.js';
import { Depot, depotOf, type Result, start } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const all = suite('warden run');
const it = unless(noContainers, all);
const { path: directory, remove } = scratch();
const depot = depotOf(all);
all.after(remove);

const sh = (script: string, ...options: string[]): Promise<Result> => depot.run([...options, '--', 'sh', '-c', script]);

async function says(script: string, expected: string, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await sh(script, ...options);
  assert.is(stderr, '');
  assert.is(stdout, expected);
  assert.is(code, 0);
}

it('greets', async () => {
  const { code, stdout, stderr } = await sh('echo hello from $(hostname)');
  assert.match(stdout, /^hello from [0-9a-v]{11}\n$/);
  assert.is(stderr, '');
  assert.is(code, 0);
});

for (const code of [0, 1, 2, 7, 127, 128, 254, 255]) {
  it(`passes on exit code ${code}`, async () => {
    assert.equal(await sh(`exit ${code}`), { code, signal: null, stdout: '', stderr: '' });
  });
}

it('is 255 when the command was killed', async () => {
  const { code, stderr } = await depot.run(['--', 'sh', '-c', 'kill -SEGV $$']);
  assert.is(code, 255);
  assert.is(stderr, 'warden run: the command was killed by SIGSEGV\n');
});

it('is 255 when there is no such command', async () => {
  const { code, stderr } = await depot.run(['--', 'nosuch']);
  assert.is(code, 255);
  const [first, second] = stderr.split('\n');
  assert.is(first, 'wsh: cannot execute nosuch: no such file or directory');
  assert.match(second!, /^warden run: this machine has no program nosuch, /);
  const absolute = await depot.run(['--', '/no/such']);
  assert.equal([absolute.code, absolute.stderr], [255, 'wsh: cannot execute /no/such: no such file or directory\n']);
});

it('is 255 when there is no such user', async () => {
  const { code, stderr } = await sh('true', '--user', 'nosuch');
  assert.is(code, 255);
  assert.is(stderr, 'wsh: no such user in the container\'s /etc/passwd: nosuch\n');
});

it('needs no -- before a command, and leaves its options alone', async () => {
  assert.equal(await depot.run(['sh', '-c', 'echo "$@"', 'sh', '--root', '-x', '--', '--help']),
    { code: 0, signal: null, stdout: '--root -x -- --help\n', stderr: '' });
});

it('passes arguments on as they are', async () => {
  const args = ['a b', '', '"$HOME"', '*', '\n', 'ü', '-'];
  const { stdout } = await depot.run(['--', 'printf', '[%s]', ...args]);
  assert.is(stdout, args.map((arg) => `[${arg}]`).join(''));
});

it('keeps stdout and stderr apart', async () => {
  assert.equal(await sh('echo out; echo err >&2'), { code: 0, signal: null, stdout: 'out\n', stderr: 'err\n' });
});

it('passes standard input on, all of it', async () => {
  const input = Buffer.alloc(10 << 20, 'all work and no play makes warden a dull boy\n');
  const { code, stdout } = await depot.run(['--', 'cat'], input);
  assert.is(code, 0);
  assert.ok(stdout === input.toString(), `${stdout.length} of ${input.length} bytes came back`);
});

it('gives the command descriptors 0, 1 and 2 only', () =>
  says('for fd in $(seq 0 1023); do if [ -e /proc/$$/fd/$fd ]; then echo $fd; fi; done', '0\n1\n2\n'));

it('shows the container\'s processes only', async () => {
  const { stdout } = await sh('for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done');
  assert.match(stdout, /^wshd: [0-9a-v]{11} *\nsh -c for p in .*\n(tr .*\n)?\n*$/);
});

it('kills what the command leaves behind', async () => {
  const { stdout, code } = await sh('setsid sleep 4242 < /dev/null > /dev/null 2>&1 & echo started');
  assert.is(stdout, 'started\n');
  assert.is(code, 0);
});

it('has a hostname of its own', async () => {
  const { stdout } = await sh('hostname; cat /etc/hostname; hostname changed; hostname', '--cap-add', 'SYS_ADMIN');
  assert.match(stdout, /^([0-9a-v]{11})\n\1\nchanged\n$/);
  assert.is.not(hostname(), 'changed');
});

it('has the host\'s programs, read-only', async () => {
  const { code, stderr } = await sh('for d in /usr /bin /sbin /lib /usr/bin /etc/alternatives; do touch $d/warden-test 2> /dev/null && echo $d >&2; done; true');
  assert.is(stderr, '', 'could be written to');
  assert.is(code, 0);
  assert.not.ok(existsSync('/usr/warden-test'));
});

it('has what is mounted below the host\'s /usr, read-only too', async () => {
  const script = 'mount -t tmpfs x /usr/games && echo there > /usr/games/file && exec "$@"';
  const probe = 'cat /usr/games/file; touch /usr/games/file 2> /dev/null || echo read-only';
  const { stdout } = await start(['unshare', '-m', 'sh', '-c', script, 'sh', ...depot.command('--', 'sh', '-c', probe)]).result;
  assert.is(stdout, 'there\nread-only\n');
});

const firstSystemUser = readSystemAccounts().users[0]?.name;

it('has users root and vcap, and those of the host\'s programs', async () => {
  await says('id; echo $HOME $USER; pwd', 'uid=0(root) gid=0(root) groups=0(root)\n/root root\n/root\n');
  await says('id; echo $HOME $USER; pwd', 'uid=10001(vcap) gid=10001(vcap) groups=10001(vcap)\n/home/vcap vcap\n/home/vcap\n', '--user', 'vcap');
  await says('head -qn 3 /etc/passwd /etc/group | cut -d: -f1', `root\nvcap\n${firstSystemUser}\nroot\ntty\nvcap\n`);
});

it('has nothing else of the host\'s', async () => {
  const { stdout } = await sh('ls / /etc /home /root /run /tmp /var /dev');
  const host = readdirSync('/').filter((name) => /^(usr|bin|sbin|lib[a-z0-9]*)$/.test(name));
  const root = [...host, 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'tmp', 'var'].sort();
  const listedInEtc = new Set([...ETC.bound, ...ETC.copied].map((name) => name.split('/')[0]!));
  const own = new Set(['environment', 'group', 'hostname', 'hosts', 'nsswitch.conf', 'passwd', 'resolv.conf', 'shadow']);
  const dev = ['fd', 'full', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero'];
  const listed = stdout.split('\n\n').map((part) => part.trim().split('\n'));
  assert.equal(listed.find(([name]) => name === '/:')?.slice(1).sort(), root);
  for (const name of listed.find(([title]) => title === '/etc:')!.slice(1)) {
    assert.ok(own.delete(name) || [...listedInEtc].some((each) => new RegExp(`^${each.replaceAll('*', '.*')}$`).test(name)), name);
  }
  assert.equal([...own], []);
  assert.equal(listed.find(([name]) => name === '/home:')?.slice(1), ['vcap']);
  assert.equal(listed.find(([name]) => name === '/dev:')?.slice(1), dev);
  for (const empty of ['/root:', '/tmp:']) assert.equal(listed.find(([name]) => name === empty)?.slice(1), [], empty);
});

it('has directories that its users can write to', () => says(
  'for d in ~ /tmp /var/tmp /dev/shm; do echo x > $d/x && rm $d/x || echo $d; done; stat -c %a ~ /tmp /root; ls /root 2>&1 | grep -c denied',
  '755\n1777\n700\n1\n', '--user', 'vcap'));

it('has devices that work', () => says(
  'echo x > /dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; (echo x > /dev/full) 2> /dev/null || echo full; echo y | cat /dev/stdin',
  ' 00 00 00\n8\nfull\ny\n'));

it('mounts nothing that has set-user-id or device files', async () => {
  const { stdout } = await sh('cat /proc/mounts');
  for (const line of stdout.trim().split('\n')) {
    const [, point = '', , options = ''] = line.split(' ');
    assert.match(options, /nosuid/, line);
    // A masked file is the null device, which has to be one.
    const isDevice = (point.startsWith('/dev') && point !== '/dev/shm') || MASKED_PATHS.includes(point);
    if (!isDevice) assert.match(options, /nodev/, line);
  }
});

it('gives nobody new privileges', () => says('grep NoNewPrivs /proc/self/status', 'NoNewPrivs:\t1\n', '--user', 'vcap'));

it('is not changed by our umask', async () => {
  const before = process.umask(0o077);
  try {
    await says('umask; stat -c %a / /etc /etc/passwd /proc /dev', '0022\n755\n755\n644\n555\n755\n', '--user', 'vcap');
  } finally {
    process.umask(before);
  }
});

it('has a loopback interface and no other', () => says('ls /sys/class 2> /dev/null; cut -d: -f1 -s /proc/net/dev | tr -d " "', 'lo\n'));

it('runs several at the same time', async () => {
  const results = await Promise.all([1, 2, 3, 4].map((n) => sh(`hostname; ls /proc | grep -c '^[0-9]'; exit ${n}`)));
  assert.equal(results.map(({ code }) => code), [1, 2, 3, 4]);
  const names = new Set(results.map(({ stdout }) => stdout.split('\n')[0]));
  assert.is(names.size, 4);
});

it('lives in a depot of any name, however long', async () => {
  const odd = new Depot(`a b\n#\\"'$(id)ü${'x'.repeat(120)}/1/2`);
  try {
    assert.equal(await odd.run(['--', 'echo', 'here']), { code: 0, signal: null, stdout: 'here\n', stderr: '' });
    assert.equal(await odd.leftovers(), []);
  } finally {
    odd.remove();
  }
});

/** A program that needs nothing around it: tells what it finds, exits with 5. */
const LONELY = `
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
static void list(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  int count = 0;
  if (directory) while ((entry = readdir(directory))) count += entry->d_name[0] != '.';
  if (directory) closedir(directory);
  printf("%s %d\\n", path, count);
}
int main(int argc, char **argv) {
  int open_ones = 0;
  for (int fd = 0; fd < 1000; fd++) open_ones += fcntl(fd, F_GETFD) >= 0;
  printf("%d descriptors, null %d, ptmx %d\\n", open_ones, open("/dev/null", O_RDWR) >= 0, open("/dev/ptmx", O_RDWR) >= 0);
  list("/");
  list("/dev");
  for (int i = 1; i < argc; i++) printf("[%s]", argv[i]);
  return 5;
}`;

function makeRoot(name: string): string {
  const root = join(directory, name);
  mkdirSync(join(root, 'bin'), { recursive: true });
  if (!existsSync(join(directory, 'lonely'))) execFileSync('cc', ['-static', '-o', join(directory, 'lonely'), '-xc', '-'], { input: LONELY });
  execFileSync('cp', [join(directory, 'lonely'), join(root, 'bin/lonely')]);
  return root;
}

for (const name of ['root', 'a b\t#\\', 'new\nline', 'a:/b,c=d', 'long'.repeat(60)]) {
  it(`runs in a given root with nothing but a program: ${JSON.stringify(name.slice(0, 10))}`, async () => {
    const root = makeRoot(name);
    assert.equal(await depot.run(['--root', root, '--', '/bin/lonely', 'x', 'y z']), {
      code: 5, signal: null, stderr: '', stdout: '3 descriptors, null 1, ptmx 1\n/ 3\n/dev 13\n[x][y z]',
    });
    assert.equal(readdirSync(root, { recursive: true }).sort(), ['bin', 'bin/lonely', 'dev', 'proc']);
  });
}

it('leaves a given root as it was', async () => {
  const root = makeRoot('unchanged');
  mkdirSync(join(root, 'dev'));
  mkdirSync(join(root, 'proc'));
  writeFileSync(join(root, 'dev/mine'), '');
  chmodSync(root, 0o711);
  const before = statSync(root), dev = statSync(join(root, 'dev'));
  assert.is((await depot.run(['--root', root, '--', '/bin/lonely'])).code, 5);
  const after = statSync(root);
  assert.equal([after.mtimeMs, after.ctimeMs, after.mode], [before.mtimeMs, before.ctimeMs, before.mode]);
  assert.is(statSync(join(root, 'dev')).ctimeMs, dev.ctimeMs);
  assert.equal(readdirSync(join(root, 'dev')), ['mine']);
});

it('says where a directory is missing and cannot be made', async () => {
  const { code, stderr } = await depot.run(['--root', '/proc/sys', '--', '/bin/true']);
  assert.is(code, 1);
  assert.is(stderr, 'warden run: cannot make /proc/sys/proc, for the container\'s own proc to be mounted on: '
    + 'ENOENT: no such file or directory; make it by hand\n');
});

it('says why a container could not be started', async () => {
  const { code, stderr } = await start(['setpriv', '--bounding-set=-sys_admin', ...depot.command('--', 'true')]).result;
  assert.is(stderr, 'warden run: the container could not be started: wshd ended with exit code 1; its messages:\n'
    + '  wshd: cannot make a mount namespace: operation not permitted; wshd has to run as root (CAP_SYS_ADMIN)\n');
  assert.is(code, 1);
});

all.run();
