import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/paths.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { main, type Result, start } from './help.js';

const usage = suite('warden: the command line');
const asRoot = unless(noContainers, usage);
const { path: directory, remove } = scratch();
const depot = join(directory, 'depot');

function warden(...args: string[]): Promise<Result> {
  return start([process.execPath, main, ...args], '', { ...process.env, WARDEN_DEPOT: depot }).result;
}

usage.before(() => {
  writeFileSync(join(directory, 'file'), '');
  mkdirSync(join(directory, 'linked'));
  symlinkSync('/etc', join(directory, 'linked/dev'));
});
usage.after(remove);

/** Whether only root can get as far as this complaint. */
const refused: [args: string[], words: RegExp, needsRoot?: boolean][] = [
  [[], /^Usage: warden /],
  [['nosuch'], /^warden: unknown command 'nosuch'; /],
  [['--nosuch'], /^warden: unknown option '--nosuch'; /],
  [['run'], /^warden: missing required argument 'command'; /],
  [['run', '--'], /^warden: missing required argument 'command'; /],
  [['run', '--nosuch', '--', 'true'], /^warden: unknown option '--nosuch'; /],
  [['run', '--root'], /^warden: option '--root <dir>' argument missing; /],
  [['run', '--user', '', '--', 'true'], /^warden run: --user: a user's name has 1 to 31 bytes$/m],
  [['run', '--user', 'u'.repeat(32), '--', 'true'], /^warden run: --user: a user's name has 1 to 31 bytes$/m],
  [['run', '--', ''], /^warden run: the command is empty$/m],
  [['run', '--', 'echo', 'x'.repeat(8187)],
    /^warden run: the command and its arguments take 8193 bytes, and a request to a container holds 8192; /],
  [['run', '--root', join(directory, 'nosuch'), '--', 'true'],
    /^warden run: the root directory \S+nosuch cannot be used: ENOENT: no such file or directory$/m, true],
  [['run', '--root', join(directory, 'file'), '--', 'true'], /^warden run: the root \S+file is not a directory$/m, true],
  [['run', '--root', '/', '--', 'true'], /^warden run: the host's own root cannot be a container's; /, true],
  [['run', '--root', join(directory, 'linked'), '--', 'true'], /^warden run: \S+linked\/dev must be a directory: /, true],
];
for (const [args, words, needsRoot] of refused) {
  const test = needsRoot ? asRoot : usage;
  test(`refuses ${JSON.stringify(args.map((arg) => (arg.length > 50 ? `${arg.slice(0, 20)}…` : arg)))}`, async () => {
    const { code, stdout, stderr } = await warden(...args);
    assert.match(stderr, words);
    assert.is(code, 2);
    assert.is(stdout, '');
    if (args.length > 0) assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
    assert.not.ok(existsSync(depot), 'something was made');
    assert.equal(readdirSync(join(directory, 'linked')), ['dev']);
  });
}

usage('tells its version', async () => {
  const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };
  assert.equal(await warden('--version'), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
});

for (const args of [['--help'], ['help'], ['run', '--help'], ['help', 'run']]) {
  usage(`helps: ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await warden(...args);
    assert.is(code, 0);
    assert.is(stderr, '');
    assert.match(stdout, args.includes('run') ? /Examples:\n {2}warden run -- sh -c 'echo hello/ : /run /);
  });
}

/** Nobody may have no right to read this checkout, or even Node. */
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, main];
const nobodyCannot = noContainers ?? (spawnSync(asNobody[0]!, [...asNobody.slice(1), '--version']).status === 0 ? undefined : 'nobody cannot run it');

unless(nobodyCannot, usage)('says that it needs root', async () => {
  const { code, stdout, stderr } = await start([...asNobody, 'run', '--', 'true']).result;
  assert.is(stderr, 'warden run: only root can make containers (namespaces and mounts): try it with sudo\n');
  assert.is(code, 1);
  assert.is(stdout, '');
});

asRoot('says what is wrong with a depot', async () => {
  const { code, stderr } = await warden('run', '--depot', join(directory, 'file', 'depot'), '--', 'true');
  const reason = 'ENOTDIR: not a directory; choose another one with --depot';
  assert.match(stderr, new RegExp(`^warden run: cannot make a directory for the container in the depot \\S+: ${reason}$`, 'm'));
  assert.is(code, 1);
});

usage.run();
