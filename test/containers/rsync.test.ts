/** rsync through `wsh --rsh`, as the server copied files into containers and out of them. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/base/paths.js';
import { pattern } from '../support/bytes.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { run } from '../support/process.js';
import { unless } from '../support/skip.js';

const rsync = suite('rsync through wsh');
// It runs on both sides, and the container's /usr is the host's.
const it = unless(noContainers ?? (existsSync('/usr/bin/rsync') ? undefined : 'rsync is not installed'), rsync);

let container: TestContainer | undefined;
rsync.after.each(async () => container?.destroy());

/** A tree with a bit of everything that -r, -p and --links copy. */
function plant(root: string): void {
  for (const directory of ['', '/empty', '/deep', '/deep/er', '/many']) mkdirSync(root + directory);
  writeFileSync(`${root}/empty-file`, '');
  writeFileSync(`${root}/run.sh`, '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(`${root}/secret`, 'x\n', { mode: 0o600 });
  writeFileSync(`${root}/deep/er/large`, pattern(20_000_000));
  writeFileSync(`${root}/with space, ä and "quotes"`, 'name\n');
  for (let i = 0; i < 300; i++) writeFileSync(`${root}/many/${i}`, pattern(i * 100));
  symlinkSync('../run.sh', `${root}/deep/link`);
  symlinkSync('/nowhere', `${root}/dangling`);
}

/** Each entry of a tree with its kind, its mode and what is in it. */
function describe(root: string): [string, number, string][] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).sort().map((name) => {
    const info = lstatSync(`${root}/${name}`);
    const file = info.isFile() ? readFileSync(`${root}/${name}`, 'latin1') : '';
    const content = info.isSymbolicLink() ? readlinkSync(`${root}/${name}`) : file;
    return [name, info.mode, content];
  });
}

const sameTree = (actual: string, expected: string): void => {
  const [is, wanted] = [describe(actual), describe(expected)];
  assert.equal(is.map(([name, mode]) => [name, mode]), wanted.map(([name, mode]) => [name, mode]));
  for (const [index, [name, , content]] of wanted.entries()) assert.ok(is[index]![2] === content, `the content of ${name}`);
};

it('a tree goes in and comes out again', async () => {
  container = await startContainer();
  const here = container.path, inside = `${here}/root/tmp`;
  const copy = async (from: string, to: string): Promise<void> => {
    const shell = `${programPath('wsh')} --socket ${container!.socket} --rsh`;
    const { code, stderr } = await run(['rsync', '-e', shell, '-r', '-p', '--links', from, to], { timeoutMs: 60_000 });
    assert.equal([code, stderr], [0, '']);
  };
  plant(`${here}/tree`);
  mkdirSync(`${inside}/in`, { mode: 0o777 });
  await run(['chown', '10001:10002', `${inside}/in`]);
  await copy(`${here}/tree`, 'vcap@container:/tmp/in');
  sameTree(`${inside}/in/tree`, `${here}/tree`);
  // As the user that was asked for, not as root.
  assert.is(lstatSync(`${inside}/in/tree/run.sh`).uid, 10001);

  mkdirSync(`${here}/out`);
  await copy('vcap@container:/tmp/in/tree', `${here}/out`);
  sameTree(`${here}/out/tree`, `${here}/tree`);

  // A second run finds what is there, and sends what has changed.
  writeFileSync(`${here}/tree/empty-file`, 'not any more\n');
  await copy(`${here}/tree/`, 'vcap@container:/tmp/in/tree');
  sameTree(`${inside}/in/tree`, `${here}/tree`);
});

it('an error on the other side is rsync\'s own', async () => {
  container = await startContainer();
  const shell = `${programPath('wsh')} --socket ${container.socket} --rsh`;
  const { code, stderr } = await run(['rsync', '-e', shell, '-r', '/etc/hostname', 'vcap@container:/no/such/place/'], { timeoutMs: 60_000 });
  assert.is.not(code, 0);
  assert.match(stderr, 'No such file or directory');
});

rsync.run();
