/** `wsh --ssh`: the command line of ssh(1), as clients of a remote shell write it. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { type Ended, run, scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const ssh = suite('wsh --ssh'), test = unless(noContainers, ssh);
let container: TestContainer;

if (!noContainers) {
  ssh.before(async () => { container = await startContainer(); });
  ssh.after(() => container.destroy());
}

function call(args: readonly string[], input?: string): Promise<Ended> {
  const env = { ...process.env, WSH_SOCKET: container.socket };
  return run([programPath('warden-ssh'), ...args], { env, ...(input === undefined ? {} : { input }) });
}

async function says(args: readonly string[], stdout: string, input?: string): Promise<void> {
  const ended = await call(args, input);
  assert.equal({ code: ended.code, stdout: String(ended.stdout), stderr: ended.stderr }, { code: 0, stdout, stderr: '' }, args.join(' '));
}

test('the words are a line for the user\'s shell, joined by blanks', async () => {
  await says(['h', 'echo a b'], 'a b\n');
  await says(['h', 'exec', 'echo', 'a'], 'a\n');
  await says(['h', 'cd /tmp; pwd'], '/tmp\n');
  await says(['h', ' echo', '"a  b"'], 'a  b\n');
  await says(['h', 'echo', '-n', '--', '-x'], '-- -x');
});

test('options stand before and behind the host, joined or not, up to --', async () => {
  await says(['-l', 'vcap', '--', 'h', 'id -un'], 'vcap\n');
  await says(['h', '-l', 'vcap', 'id', '-un'], 'vcap\n');
  await says(['-lvcap', 'h', '-e', 'none', 'id', '-un'], 'vcap\n');
  await says(['-l', 'vcap', 'h', '--', 'exec', 'id', '-un'], 'vcap\n');
  await says(['-p', '22', '-oA=B', '-o', 'A B', '-x', '-a', '-2', '-Cq', '-T', '-S', 'none', '-i', 'k', 'h', 'echo', 'x'], 'x\n');
  await says(['-46nx', 'h', 'cat'], '', 'not read');
});

test('the user: the first of -l, -o User and USER@', async () => {
  await says(['vcap@h', 'id', '-un'], 'vcap\n');
  await says(['-l', 'root', 'vcap@h', 'id', '-un'], 'root\n');
  await says(['vcap@h', '-l', 'root', 'id', '-un'], 'vcap\n');
  await says(['-oUser=vcap', 'h', 'id', '-un'], 'vcap\n');
  await says(['-o', 'User="vcap"', 'h', 'id', '-un'], 'vcap\n');
  await says(['-o', 'user vcap', 'h', 'id', '-un'], 'vcap\n');
  const ended = await call(['nobody@with@h', 'id']);
  assert.is(ended.code, 255);
  assert.match(ended.stderr, 'no such user in the container\'s /etc/passwd: nobody@with');
});

test('SHELL and LOGNAME are set', () => says(['vcap@h', 'echo $SHELL $LOGNAME $USER'], '/bin/bash vcap vcap\n'));

test('exit codes, and nothing of its own on stderr', async () => {
  for (const [command, code] of [['exit 7', 7], ['kill -9 $$', 255], ['exit 255', 255]] as const) {
    const ended = await call(['h', command]);
    assert.equal([ended.code, ended.stderr], [code, ''], command);
  }
});

test('without a command, a login shell reads stdin', () => says(['h'], 'from stdin\n', 'echo from stdin\n'));

test('-n leaves a loop\'s input alone', async () => {
  const script = `printf 'a\\nb\\n' | while read l; do ${programPath('warden-ssh')} -n h cat; echo "$l"; done`;
  const ended = await run(['sh', '-c', script], { env: { ...process.env, WSH_SOCKET: container.socket } });
  assert.is(String(ended.stdout), 'a\nb\n');
});

test('a pty only for -tt where stdin is no terminal', async () => {
  await says(['-tt', 'h', 'tty; stty size'], '/dev/pts/0\r\n24 80\r\n');
  await says(['-o', 'RequestTTY=force', 'h', 'tty'], '/dev/pts/0\r\n');
  await says(['-t', 'h', 'tty || true'], 'not a tty\n');
});

test('probes: -G and -V', async () => {
  await says(['-G', '-o', 'SendEnv=GIT_PROTOCOL', '-p', '22', 'vcap@h'], 'hostname h\n');
  assert.is((await call(['-V'])).code, 0);
});

test('what a container cannot do is refused, in one sentence', async () => {
  for (const args of [['-L', '1:h:2', 'h', 'id'], ['-N', 'h'], ['-f', 'h', 'id'], ['-W', 'h:1', 'h'], ['-z', 'h', 'id'], ['-l'], []]) {
    const ended = await call(args);
    assert.is(ended.code, 255, args.join(' '));
    assert.match(ended.stderr, /^wsh: --ssh [^\n]*\n$/, args.join(' '));
  }
  assert.match((await call(['-s', '--', 'h', 'netconf'])).stderr, /^wsh: --ssh knows the subsystem sftp only, not netconf\n$/);
});

test('without WSH_SOCKET the host is a container\'s id in the depot', async () => {
  const depot = scratch();
  try {
    symlinkSync(container.path, `${depot.path}/web`);
    const env = { ...process.env, WARDEN_DEPOT: depot.path };
    const good = await run([programPath('warden-ssh'), 'vcap@web', 'id', '-un'], { env });
    assert.equal([good.code, String(good.stdout), good.stderr], [0, 'vcap\n', '']);
    for (const name of ['other', '..', 'a/b', '']) assert.is((await run([programPath('warden-ssh'), name, 'true'], { env })).code, 255, name);
  } finally {
    depot.remove();
  }
});

test('by another name wsh needs --ssh, behind its own options', async () => {
  const directory = scratch();
  try {
    mkdirSync(`${directory.path}/bin`);
    cpSync(programPath('wsh'), `${directory.path}/bin/other`);
    const ended = await run([`${directory.path}/bin/other`, '--socket', container.socket, '--ssh', 'h', 'echo $0']);
    assert.equal([ended.code, ended.stderr], [0, '']);
  } finally {
    directory.remove();
  }
});

test('--rsh honours USER@, and -l more', async () => {
  const rsh = async (...args: string[]): Promise<string> => String((await container.wsh(['--rsh', ...args])).stdout);
  assert.is(await rsh('vcap@h', 'id', '-un'), 'vcap\n');
  assert.is(await rsh('-l', 'root', 'vcap@h', 'id', '-un'), 'root\n');
});

ssh.run();
