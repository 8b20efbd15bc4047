/** The command as it is installed: one file, with compiled code next to its source, and nothing loaded that is not used. */
import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import bundle from '../../src/cli/warden.cjs';
import { formatId, identify } from '../../src/linux/process.js';
import { writeRecord } from '../../src/core/depot/record.js';
import { addonPath, packageRoot, programPath } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { main } from './help.js';

const all = suite('warden: the bundle');
const asRoot = unless(noContainers, all);
const files = scratch();
const probe = fileURLToPath(new URL('probe.cjs', import.meta.url));
const { version: wanted } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

all.after(() => files.remove());

interface Loaded {
  file: string;
  argv: string[];
  directory: string;
  builtins: string[];
  files: string[];
}

asRoot('warden exec becomes the native wsh, and loads nothing else on the way', () => {
  const directory = files.directory();
  for (const name of ['etc', 'run']) mkdirSync(join(directory, name));
  // Some process that lives.
  writeFileSync(join(directory, 'run/wshd.pid'), formatId(identify(process.pid)!));
  writeRecord(directory, { id: 'c', createdAtMs: Date.now(), hostname: 'c', root: null, binds: [], ephemeral: false });
  const { stdout } = spawnSync(process.execPath, ['--require', probe, main, 'exec', directory, '--user', 'vcap', '--', 'echo', '-n', 'a b']);
  const loaded = JSON.parse(stdout.toString()) as Loaded;
  assert.is(loaded.file, programPath('wsh'));
  assert.equal(loaded.argv, ['wsh', '--socket', 'run/wshd.sock', '--user', 'vcap', '--verbose', '--', 'echo', '-n', 'a b']);
  assert.is(loaded.directory, directory);
  assert.equal(loaded.files.filter((file) => file !== probe), [main, addonPath]);
  const large = ['child_process', 'net', 'tty', 'http', 'stream', 'crypto', 'worker_threads', 'fs/promises', 'internal/fs/promises', 'readline'];
  assert.equal(large.filter((name) => loaded.builtins.includes(`NativeModule ${name}`)), []);
});

/** Whether V8 rejects the code of the bundle's parts: asked in a process of its own, for V8 remembers what it has compiled. */
function rejected(command: string): boolean[] {
  const script = `const { file, readPart, unpack } = require(${JSON.stringify(command)}), fd = fs.openSync(file);
    console.log(JSON.stringify([0, 1].map((part) => unpack(readPart(fd, part)).cachedDataRejected)))`;
  return JSON.parse(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout) as boolean[];
}

all('the code that the build has compiled is taken', () => assert.equal(rejected(main), [false, false]));

/** A copy of the command with other code in its bundle, in a package of its own. */
function withCode(change: (code: Buffer) => Buffer, processor = process.arch as string): string {
  const root = files.directory();
  const copy = join(root, 'build/js/src/cli');
  mkdirSync(copy, { recursive: true });
  for (const file of ['build/js/src/cli/warden.cjs', 'package.json']) cpSync(packageRoot + file, join(root, file));
  const fd = openSync(bundle.file, 'r');
  const [start, rest] = [bundle.readPart(fd, 0), bundle.readPart(fd, 1)].map(({ source, code }) => ({ source, code: change(code) }));
  closeSync(fd);
  writeFileSync(join(copy, 'warden.bundle'), bundle.pack([start!, rest!], processor));
  return join(copy, 'warden.cjs');
}

// V8 would take the code of another processor's V8, and crash.
all('never shows V8 the code of another processor', () => {
  const copy = withCode((code) => code, process.arch === 'x64' ? 'arm64' : 'x64');
  const script = `const { file, readPart } = require(${JSON.stringify(copy)}), fd = fs.openSync(file);
    console.log(JSON.stringify([0, 1].map((part) => readPart(fd, part)).map(({ source, code }) => [source.length > 0, code.length])))`;
  assert.equal(JSON.parse(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout), [[true, 0], [true, 0]]);
  assert.is(spawnSync(process.execPath, [copy, 'completion', 'bash']).status, 0);
});

const worthless: [what: string, change: (code: Buffer) => Buffer][] = [
  ['of another version of V8', (code) => Buffer.concat([code.subarray(0, 4), Buffer.from([1, 2, 3, 4]), code.subarray(8)])],
  ['that is cut off', (code) => code.subarray(0, code.length >> 1)],
  ['that is missing', () => Buffer.alloc(0)],
  ['that is no code', (code) => Buffer.alloc(code.length, 'x')],
];
for (const [what, change] of worthless) {
  all(`does without code ${what}`, () => {
    const copy = withCode(change);
    if (change(Buffer.alloc(8)).length > 0) assert.equal(rejected(copy), [true, true]);
    // One command whose work is in the first part, and one whose work is in the second.
    const version = spawnSync(process.execPath, [copy, '--version'], { encoding: 'utf8' });
    assert.equal([version.status, version.stdout, version.stderr], [0, `${wanted}\n`, '']);
    const script = spawnSync(process.execPath, [copy, 'completion', 'bash'], { encoding: 'utf8' });
    assert.equal([script.status, script.stderr], [0, '']);
    assert.match(script.stdout, /complete -F _warden warden/);
  });
}

all('says in a sentence what is missing where only the portable part is built', () => {
  const copy = withCode((code) => code);
  const { status, stderr } = spawnSync(process.execPath, [copy, 'run', '--', 'true'], { encoding: 'utf8' });
  assert.is(status, 1);
  assert.match(stderr, /^warden run: \S+warden\.node is not there, and containers need it: .+\n$/);
});

for (const flag of ['--no-opt', '--max-lazy', '--no-lazy']) {
  all(`runs with other flags of V8's: ${flag}`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [flag, main, '--version'], { encoding: 'utf8' });
    assert.equal([status, stdout, stderr], [0, `${wanted}\n`, '']);
  });
}

all('runs through a link, as npm makes it, from any directory', () => {
  const directory = files.directory();
  symlinkSync(main, join(directory, 'warden'));
  const { status, stdout, stderr } = spawnSync(join(directory, 'warden'), ['--version'], { encoding: 'utf8', cwd: '/' });
  assert.equal([status, stdout, stderr], [0, `${wanted}\n`, '']);
});

all.run();
