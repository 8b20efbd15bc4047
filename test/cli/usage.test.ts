import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
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
type Refused = [args: string[], words: RegExp, needsRoot?: boolean];
const refused: Refused[] = [
  [[], /^Usage: warden /],
  [['nosuch'], /^warden: unknown command 'nosuch'; /],
  [['exce', 'c'], /^warden: unknown command 'exce' \(Did you mean exec\?\); /],
  [['create', '--memroy', '1M'], /^warden create: unknown option '--memroy' \(Did you mean --memory\?\); /],
  [['--nosuch'], /^warden: unknown option '--nosuch'; /],
  [['run'], /^warden run: missing required argument 'command'; /],
  [['run', '--'], /^warden run: missing required argument 'command'; /],
  [['run', '--nosuch', '--', 'true'], /^warden run: unknown option '--nosuch'; /],
  [['run', '--root'], /^warden run: option '--root <dir>' argument missing; /],
  [['run', '--user', '', '--', 'true'], /^warden run: --user: a user has 1 to 1023 bytes$/m],
  [['run', '--env', '=x', '--', 'true'], /^warden run: --env: "=x" has no name: NAME=VALUE, or NAME$/m],
  [['run', '--umask', '8', '--', 'true'], /^warden run: option '--umask <mode>' argument '8' is invalid\. A umask is octal digits, at most 777: 027; /],
  [['run', '--user', 'u'.repeat(1_024), '--', 'true'], /^warden run: --user: a user has 1 to 1023 bytes$/m],
  [['run', '--', ''], /^warden run: the command is empty$/m],
  [['run', '--root', join(directory, 'nosuch'), '--', 'true'],
    /^warden run: the root directory \S+nosuch cannot be used: ENOENT: no such file or directory$/m, true],
  [['run', '--root', join(directory, 'file'), '--', 'true'], /^warden run: the root \S+file is not a directory$/m, true],
  [['run', '--root', '/', '--', 'true'], /^warden run: the host's own root cannot be a container's; /, true],
  [['run', '--root', join(directory, 'linked'), '--', 'true'], /^warden run: \S+linked\/dev must be a directory: /, true],
  ...['run', 'create'].flatMap((command): Refused[] => {
    const rest = command === 'run' ? ['--', 'true'] : [];
    return [
      [[command, '--memory', '0', ...rest], /^warden (run|create): option '-m, --memory <size>' argument '0' is invalid\. A size is a number of bytes, /],
      [[command, '--memory', '64Q', ...rest], /^warden (run|create): option '-m, --memory <size>' argument '64Q' is invalid\. /],
      [[command, '--cpu-shares', '1', ...rest], /^warden (run|create): option '--cpu-shares <shares>' argument '1' is invalid\. It must be a whole number from 2 to 262144; /],
      [[command, '--cpu-shares', 'much', ...rest], /^warden (run|create): option '--cpu-shares <shares>' argument 'much' is invalid\. /],
      [[command, '--bind', '/srv', ...rest], /^warden (run|create): option '-v, --bind <source:target>' argument '\/srv' is invalid\. A bind is SOURCE:TARGET /],
      [[command, '--bind', '/srv:srv', ...rest], /^warden (run|create): option '-v, --bind <source:target>' argument '\/srv:srv' is invalid\. /],
      [[command, '--bind', '/srv:/srv:no', ...rest], /^warden (run|create): option '-v, --bind <source:target>' argument '\/srv:\/srv:no' is invalid\. /],
      [[command, '--bind', `${directory}/nosuch:/srv`, ...rest], new RegExp(`^warden ${command}: .*nosuch`), true],
      [[command, '--name', 'a b', ...rest], new RegExp(`^warden ${command}: .*a b`), true],
      [[command, '--name', '../x', ...rest], new RegExp(`^warden ${command}: .*\\.\\./x`), true],
      [[command, '--name', '', ...rest], new RegExp(`^warden ${command}: `), true],
      [[command, '--hostname', 'h'.repeat(65), ...rest], new RegExp(`^warden ${command}: `), true],
      [[command, '--root', '', ...rest], /^warden (run|create): option '--root <dir>' argument '' is invalid\. A directory has a name; /],
      [[command, '--depot', '', ...rest], /^warden (run|create): option '--depot <dir>' argument '' is invalid\. A directory has a name; /],
    ];
  }),
  [['run', '--timeout', '0', '--', 'true'], /^warden run: option '--timeout <duration>' argument '0' is invalid\. A duration is a number of seconds, /],
  [['run', '--timeout', '25d', '--', 'true'], /^warden run: option '--timeout <duration>' argument '25d' is invalid\. /],
  [['create', 'more'], /^warden create: too many arguments for 'create'\. /],
  [['exec'], /^warden exec: missing required argument 'container'; /],
  [['exec', 'a b', 'true'], /^warden exec: "a b" is neither a container's id nor, without a slash, a container's directory$/m, true],
  [['exec', '..', 'true'], /^warden exec: "\.\." is neither a container's id nor, /, true],
  [['exec', '', 'true'], /^warden exec: "" is neither a container's id nor, /, true],
  [['exec', 'c', '--nosuch', 'true'], /^warden exec: unknown option '--nosuch'; /],
  [['exec', 'c', '--user', '', '--', 'true'], /^warden exec: --user: a user has 1 to 1023 bytes$/m],
  [['exec', 'c', '--', ''], /^warden exec: the command is empty$/m],
  [['exec', 'c', '--timeout', 'soon', '--', 'true'], /^warden exec: option '--timeout <duration>' argument 'soon' is invalid\. /],
  [['spawn'], /^warden spawn: missing required argument 'container'; /],
  [['spawn', 'c'], /^warden spawn: missing required argument 'command'; /],
  [['spawn', 'c', '--slow-reader', 'never', '--', 'true'], /^warden spawn: option '--slow-reader <how>' argument 'never' is invalid\. Allowed choices are block, disconnect; /],
  [['spawn', 'c', '--linger', '86401', '--', 'true'], /^warden spawn: option '--linger <duration>' argument '86401' is invalid\. /],
  [['spawn', 'c', '--ring', 'x', '--', 'true'], /^warden spawn: option '--ring <size>' argument 'x' is invalid\. /],
  [['spawn', 'c', '--ring', '1K', '--', 'true'], /^warden spawn: option '--ring <size>' argument '1K' is invalid\. It must be a size from 4K to 64M; /],
  [['topology', '--json', '--format', 'svg'], /^warden topology: option '--json' cannot be used with option '--format <format>'; /],
  [['topology', '--json', '--svg', 'x.svg'], /^warden topology: option '--svg <file>' cannot be used with option '--json'; /],
  [['spawn', 'a b', 'true'], /^warden spawn: "a b" is neither a container's id nor, /, true],
  [['link', 'c'], /^warden link: missing required argument 'job'; /],
  [['link', 'c', 'j', 'more'], /^warden link: too many arguments for 'link'\. /],
  [['link', 'a b', 'j'], /^warden link: "a b" is neither a container's id nor, /, true],
  [['list', 'more'], /^warden list: too many arguments for 'list'\. /],
  [['info'], /^warden info: missing required argument 'container'; /],
  [['info', 'a b'], /^warden info: "a b" is neither a container's id nor, /, true],
  [['stop'], /^warden stop: missing required argument 'container'; /],
  [['stop', 'c', '--grace', '-1'], /^warden stop: option '--grace <duration>' argument '-1' is invalid\. A duration is /],
  [['stop', 'c', '--grace', '25d'], /^warden stop: option '--grace <duration>' argument '25d' is invalid\. /],
  [['spawn', 'c', '--linger', '1500ms', '--', 'true'], /^warden spawn: option '--linger <duration>' argument '1500ms' is invalid\. It must be whole seconds, at most 1d; /],
  [['stop', 'a b'], /^warden stop: "a b" is neither a container's id nor, /, true],
  [['destroy'], /^warden destroy: missing required argument 'container'; /],
  [['destroy', 'c', 'd', '--job', 'j'], /^warden destroy: --job needs exactly one container, and several are given$/m],
  [['destroy', 'c', 'a b'], /^warden destroy: "a b" is neither a container's id nor, /, true],
  [['completion'], /^warden completion: missing required argument 'shell'; /],
  [['completion', 'csh'], /^warden completion: command-argument value 'csh' is invalid for argument 'shell'\. Allowed choices are bash, zsh, fish; /],
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

usage('refuses what is not UTF-8, and passes on the character that stands for it', async () => {
  const shell = (argument: string): Promise<Result> => start(['bash', '-c', `"$@" wire decode ${argument}`, '-', process.execPath, main]).result;
  const { code, stdout, stderr } = await shell("$'\\377'");
  assert.match(stderr, /^warden: an argument is not UTF-8, .*\n$/);
  assert.equal([code, stdout], [2, '']);
  assert.match((await shell('\uFFFD')).stderr, /^warden wire decode: .*\uFFFD/);
});

usage('tells its version', async () => {
  const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };
  assert.equal(await warden('--version'), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
});

const COMMANDS = ['run', 'create', 'exec', 'spawn', 'link', 'list', 'info', 'stop', 'destroy', 'completion'];

for (const args of [['--help'], ['help']]) {
  usage(`helps: ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await warden(...args);
    assert.is(code, 0);
    assert.is(stderr, '');
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command}[ |]`, 'm'));
  });
}

for (const args of [...COMMANDS.map((command) => [command, '--help']), ['help', 'run']]) {
  usage(`helps with examples and exit codes: ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await warden(...args);
    assert.is(code, 0);
    assert.is(stderr, '');
    assert.match(stdout, /\n\nExamples:\n {2}.*warden [^]*\n\nExit code:\n {2}/);
  });
}

for (const args of [['--help'], ['help', 'run'], ['run', '--help'], ['--version'], ['completion', 'bash']]) {
  unless(existsSync('/dev/full') ? undefined : 'no /dev/full here', usage)(`says that it cannot be printed: ${args.join(' ')}`, async () => {
    const { code, stderr } = await start(['sh', '-c', 'exec "$@" > /dev/full', '-', process.execPath, main, ...args]).result;
    assert.match(stderr, /^warden[a-z ]*: cannot write to standard output: ENOSPC: no space left on device\n$/);
    assert.is(code, 1);
  });
}

const missing: string[][] = [['exec', 'c', 'true'], ['spawn', 'c', 'true'], ['link', 'c', 'j'], ['info', 'c'], ['stop', 'c'], ['destroy', 'c']];
for (const args of missing) {
  asRoot(`says that there is no such container: ${args[0]}`, async () => {
    const { code, stdout, stderr } = await warden(...args);
    assert.match(stderr, new RegExp(`^warden ${args[0]}: there is no container .*; .*\n$`));
    assert.is(code, 1);
    assert.is(stdout, '');
    assert.not.ok(existsSync(depot), 'something was made');
  });
}

asRoot('lists no containers where there is no depot', async () => {
  assert.match((await warden('list')).stdout, /^CONTAINER .*\n$/);
  assert.equal(await warden('list', '--json'), { code: 0, signal: null, stdout: '[]\n', stderr: '' });
});

asRoot('says what is wrong with a depot', async () => {
  const { code, stderr } = await warden('run', '--depot', join(directory, 'file', 'depot'), '--', 'true');
  const reason = 'ENOTDIR: not a directory; choose another depot \\(--depot\\)';
  assert.match(stderr, new RegExp(`^warden run: cannot make a directory for the container in the depot \\S+: ${reason}$`, 'm'));
  assert.is(code, 1);
});

usage.run();
