/** What wsh asks of a wshd in protocol 2, in a real container, and what it refuses at a wshd of version 1. */
import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { type Ended, exitCode, firstOutput, type RunOptions, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const version2 = suite('wsh and protocol 2');
const it = unless(noContainers, version2);
let container: TestContainer;

version2.before(async () => { if (noContainers === undefined) container = await startContainer(); });
version2.after(async () => { if (noContainers === undefined) await container.destroy(); });

async function ends(args: string[], options?: RunOptions): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code, stdout, stderr }: Ended = await container.wsh(args, options);
  return { code, stdout: stdout.toString(), stderr };
}

async function prints(args: string[], expected: string, options?: RunOptions): Promise<void> {
  assert.equal(await ends(args, options), { code: 0, stdout: expected, stderr: '' });
}

const env = ['--env', 'A=b', '--env', 'A=c d', '--env', 'OWN', '--env', 'MISSING', '--', 'sh', '-c', 'echo "$A-$OWN-${MISSING-unset}-$HOME-$USER-$PATH"'];
it('variables: the last of a name, one of its own, none that it lacks; beside HOME, USER and PATH', () => prints(
  env, 'c d-mine-unset-/root-root-/sbin:/bin:/usr/sbin:/usr/bin\n', { env: { OWN: 'mine' } },
));
it('variables replace HOME and LANG, and PATH decides where the command is searched', async () => {
  await prints(['--env', 'HOME=/tmp', '--env', 'LANG=C', '--', 'sh', '-c', 'echo $HOME $LANG'], '/tmp C\n', { env: { LANG: 'de_DE' } });
  await prints(['--env', 'A=', '--', 'sh', '-c', 'echo $LANG'], 'de_DE\n', { env: { LANG: 'de_DE' } });
  const { code, stderr } = await ends(['--env', 'PATH=/nowhere', 'true']);
  assert.equal([code, stderr], [255, 'wsh: cannot execute true: no such file or directory\n']);
});

it('a directory, and a umask', async () => {
  await prints(['--workdir', '/tmp', 'pwd'], '/tmp\n');
  await prints(['--umask', '027', 'sh', '-c', 'umask'], '0027\n');
  await prints(['--workdir', '/', 'sh', '-c', 'umask'], '0022\n');
  assert.equal(await ends(['--workdir', '/nowhere', 'true']), { code: 255, stdout: '', stderr: 'wsh: cannot change to the directory /nowhere: no such file or directory\n' });
});

const users: Record<string, string> = {
  '1234': '1234 1234 1234 1234',
  '10001': '10001 10002 10002 29 100 vcap',
  'vcap:audio': '10001 29 29 100 vcap',
  'vcap:7,users,5': '10001 7 7 100 5 vcap',
  ':users': '0 100 100 root',
  'root,audio': '0 0 0 29 root',
};
for (const [user, expected] of Object.entries(users)) {
  it(`--user ${user}`, async () => {
    const script = 'echo $(id -u) $(id -g) $(id -G) $USER';
    const { stdout, ...rest } = await ends(['--user', user, '--env', 'A=b', '--', 'sh', '-c', script]);
    assert.equal(rest, { code: 0, stderr: '' });
    assert.equal(stdout.trim().split(' ').sort(), expected.split(' ').sort());
  });
}
it('users and groups that there are not', async () => {
  assert.match((await ends(['--user', 'nobody-known:0', 'true'])).stderr, 'no such user in the container\'s /etc/passwd: nobody-known:0');
  for (const user of ['vcap:', 'vcap,', 'vcap:,0', 'vcap,5,', ':']) {
    assert.match((await ends(['--user', user, 'true'])).stderr, `no such group in the container's /etc/group: ${user}`);
  }
  assert.match((await ends(['--user', 'root:unknown', 'true'])).stderr, 'no such group in the container\'s /etc/group: root:unknown');
});

it('arguments up to the kernel\'s own limit', async () => {
  const many = Array.from({ length: 20_000 }, (_, index) => `argument ${index}`);
  const { code, stdout } = await ends(['sh', '-c', 'echo $# ${1} ${20000}', 'sh', ...many]);
  assert.equal([code, stdout], [0, '20000 argument 0 argument 19999\n']);
});

it('limits that are asked for, and no error for others', async () => {
  await prints(['--env', 'A=b', 'sh', '-c', 'ulimit -n; ulimit -c'], '99\n0\n', { env: { RLIMIT_NOFILE: '99' } });
  const { code, stderr } = await ends(['--env', 'A=b', 'true'], { env: { RLIMIT_NOFILE: '99999999999' } });
  assert.equal([code, stderr.startsWith('wsh: cannot set the limit RLIMIT_NOFILE: operation not permitted')], [255, true]);
});

it('the end: an exit code, a signal', async () => {
  assert.is((await ends(['--env', 'A=b', '--', 'sh', '-c', 'exit 7'])).code, 7);
  assert.equal(await ends(['--env', 'A=b', '--', 'sh', '-c', 'kill -9 $$']),
    { code: 255, stdout: '', stderr: 'wsh: the command was killed by signal 9 (SIGKILL)\n' });
});

it('output and input of any size', async () => {
  const input = Buffer.alloc(3_000_000, 'abc\n');
  const { stdout, code } = await container.wsh(['--env', 'A=b', 'cat'], { input });
  assert.is(code, 0);
  assert.ok(stdout.equals(input));
});

it('a pty has its size before the command begins', () => prints(['--env', 'A=b', '--tty', '33x77', 'stty', 'size'], '33 77\r\n'));

/** wsh runs a shell that says which signals it gets; `front` may be a program that starts wsh. */
async function signalled(front: readonly string[], signals: readonly NodeJS.Signals[]): Promise<string> {
  const script = 'for s in HUP INT QUIT TERM; do trap "echo $s" $s; done; trap "exit 9" USR1; echo ready; while :; do sleep 0.02; done';
  const [program, ...args] = [...front, programPath('wsh'), '--socket', container.socket, 'bash', '-c', script];
  const wsh = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  wsh.stdout.on('data', (piece: Buffer) => { said += piece.toString(); });
  await until(() => said.includes('ready'), 'the command is there');
  for (const signal of signals) {
    wsh.kill(signal);
    if (front.length === 0) await until(() => said.endsWith(`${signal.slice(3)}\n`), () => `the command gets ${signal}: ${said}`);
  }
  await container.wsh(['sh', '-c', 'kill -USR1 -1']);
  assert.is(await exitCode(wsh), 9);
  return said;
}

const PASSED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;
it('signals to a wsh without a pty reach the command, which decides', async () => {
  assert.is(await signalled([], PASSED), 'ready\nHUP\nINT\nQUIT\nTERM\n');
});
it('signals that wsh was started to ignore do not', async () => {
  const ignoring = ['sh', '-c', 'trap "" HUP INT QUIT TERM; exec "$@"', 'sh'];
  assert.is(await signalled(ignoring, PASSED), 'ready\n');
});
it('a signal ends wsh when it ended the command', async () => {
  const wsh = spawn(programPath('wsh'), ['--socket', container.socket, '--raise', 'sh', '-c', 'echo ready; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await firstOutput(wsh.stdout, 'the command');
  wsh.kill('SIGTERM');
  await exitCode(wsh);
  assert.is(wsh.signalCode, 'SIGTERM');
});

it('a default limit above the hard one is lowered, and in protocol 1 an error', async () => {
  const low = await startContainer(['setpriv', '--bounding-set', '-sys_resource', 'prlimit', '--nofile=512:512', '--stack=4194304:4194304', programPath('wshd')]);
  try {
    const { code, stdout, stderr } = await low.wsh(['sh', '-c', 'ulimit -n; ulimit -Hs; ulimit -c']);
    assert.equal([code, stdout.toString(), stderr], [0, '512\n4096\n0\n', '']);
    chmodSync(low.socket, 0o600);
    assert.match((await low.wsh(['true'])).stderr, /^wshd: cannot set resource limit \d: operation not permitted/);
  } finally {
    await low.destroy();
  }
});

it('many variables: the last of each name', async () => {
  const given = Array.from({ length: 6000 }, (_, index) => ['--env', `V${index % 3000}=${index}`]).flat();
  const { code, stdout } = await ends([...given, 'sh', '-c', 'echo $V0 $V2999; env | grep -c ^V']);
  assert.equal([code, stdout], [0, '3000 5999\n3000\n']);
});
it('a variable without a name is no option', async () => {
  for (const bad of ['', '=', '=x']) assert.equal([(await ends(['--env', bad, 'true'])).code, bad], [1, bad]);
});

it('a wshd of version 1 is not asked for what it cannot carry', async () => {
  chmodSync(container.socket, 0o600);
  try {
    const refused: Record<string, string[]> = {
      '--env': ['--env', 'A=b', 'true'], '--workdir': ['--workdir', '/', 'true'], '--umask': ['--umask', '0', 'true'],
      'such a --user': ['--user', 'root:0', 'true'],
    };
    for (const [what, args] of Object.entries(refused)) {
      assert.equal(await ends(args), { code: 255, stdout: '', stderr: `wsh: the container's wshd speaks version 1 of the protocol, which does not carry ${what}\n` });
    }
    assert.match((await ends(['true', 'x'.repeat(9000)])).stderr, 'wsh: the command\'s arguments are longer than the 8192 bytes');
    await prints(['echo', 'version 1'], 'version 1\n');
  } finally {
    chmodSync(container.socket, 0o1600);
  }
});

version2.run();
