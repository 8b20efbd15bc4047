/** rsync through `wsh --rsh`: a tree into a container and out of it again. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programPath } from '../../src/paths.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { run, scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const noRsync = spawnSync('rsync', ['--version']).error ? 'rsync is not installed' : undefined;

const rsync = suite('rsync');
const test = unless(noContainers ?? noRsync, rsync);

let container: TestContainer;
rsync.before(async () => { if (!noContainers && !noRsync) container = await startContainer(); });
rsync.after(async () => { if (!noContainers && !noRsync) await container.destroy(); });

/** Every name below a directory with what it is: a link's target, or mode and content. */
function tree(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8', withFileTypes: true });
  return Object.fromEntries(names.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const mode = (): string => (statSync(path).mode & 0o7777).toString(8);
    const what = entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : entry.isDirectory() ? mode() : `${mode()} ${readFileSync(path, 'hex')}`;
    return [path.slice(directory.length + 1), what] as const;
  }).sort());
}

function makeTree(directory: string): void {
  mkdirSync(join(directory, 'some dir', 'deep'), { recursive: true });
  writeFileSync(join(directory, 'empty'), '');
  writeFileSync(join(directory, 'some dir', 'large'), Buffer.alloc(3_000_000, 'large'));
  writeFileSync(join(directory, 'some dir', 'deep', 'héllo 世界'), 'text\n', { mode: 0o640 });
  writeFileSync(join(directory, 'script'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('some dir/large', join(directory, 'link'));
}

function copy(from: string, to: string): ReturnType<typeof run> {
  const shell = `${programPath('wsh')} --socket ${container.socket} --rsh`;
  return run(['rsync', '-e', shell, '-r', '-p', '--links', from, to], { timeoutMs: 60_000 });
}

test('a tree is the same inside and when it comes back', async () => {
  const { path, remove } = scratch();
  try {
    makeTree(join(path, 'tree'));
    assert.is((await container.wsh(['chown', 'vcap', '/home/vcap'])).code, 0);
    assert.is((await copy(join(path, 'tree'), 'vcap@container:/home/vcap')).code, 0);
    const owner = await container.wsh(['stat', '-c', '%U', '/home/vcap/tree/script']);
    assert.is(owner.stdout.toString(), 'vcap\n', 'copied by the user that was asked for');
    assert.is((await copy('vcap@container:/home/vcap/tree', join(path, 'back'))).code, 0);
    assert.equal(tree(join(path, 'back', 'tree')), tree(join(path, 'tree')));
  } finally {
    remove();
  }
});

rsync.run();
