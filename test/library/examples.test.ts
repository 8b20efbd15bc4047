/** What docs/examples prints, and that a program of somebody else's compiles against our types. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { run, scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, noContainers } from './help.js';

const examples = suite('docs/examples');
const test = unless(noContainers, examples);
const depot = new Depot();
const { path, remove } = scratch();

const PRINTED: Readonly<Record<string, RegExp>> = {
  hello: /^exit code 0, output [0-9a-v]{11}\n\n$/,
  exec: /^hello from example\nexit code 7\napple\npear\n(piece: [\d ]+\n)+0\nSIGKILL\ntrue\n$/,
  terminal: /^the shell saw both sizes, and exited with 5\n$/,
  // A piece may be several lines.
  jobs: /^first link: line 1\n((second link: )?line \d\n)+exit code 42\n$/,
  memory: /^out of memory: limit 33554432, peak within it\nkilled for it: true\n$/,
  many: /^sum of the squares: 328350\nbytes that the links got: 3893\n$/,
  errors: new RegExp([
    '^USAGE \\(isUsage\\): "an id with spaces" is invalid as the id of a container', 'NOT_FOUND \\(isNotFound\\): there is no container /nowhere',
    'USAGE \\(isUsage\\): workdir is empty', 'ABORTED \\(isAborted\\): aborted by the caller\'s signal',
    'EXEC_FAILED \\(\\): cannot execute nosuch', 'ENDED \\(isEnded\\): cannot connect to /\\S+/run/wshd.sock\n$',
  ].join('\n')),
};

async function printed(name: string, ...args: string[]): Promise<string> {
  const ended = await run([process.execPath, `${packageRoot}docs/examples/${name}.mjs`, ...args], {
    env: { ...process.env, WARDEN_DEPOT: depot.path }, cwd: path, timeoutMs: 60_000,
  });
  assert.equal([ended.code, ended.stderr], [0, ''], `${name}: ${ended.stdout.toString()}`);
  return ended.stdout.toString();
}

for (const [name, output] of Object.entries(PRINTED)) {
  test(`${name} prints what it promises, and leaves nothing`, async () => {
    assert.match(await printed(name), output);
    assert.equal(await depot.leftovers(), []);
  });
}

test('restart goes on where it stopped', async () => {
  assert.match(await printed('restart', '0.3'), /^to be continued\n$/);
  const rest = await printed('restart');
  assert.match(rest, /^1\n2\n3\n4\n5\n6\n/);
  assert.match(rest, /^out of memory: limit 67108864, peak \d+$/m);
  assert.match(rest, /^the job exited with 3$/m);
  assert.equal(await depot.leftovers(), []);
});

test('restart does the same once more, also after a run that was killed while it made the container', async () => {
  // Whose maker is no process that there can be.
  mkdirSync(`${depot.path}/counter`, { recursive: true, mode: 0o700 });
  symlinkSync('4194305 1', `${depot.path}/counter.owner`);
  assert.match(await printed('restart'), /^1\n2\n3\n4\n5\n6\n[^]*^the job exited with 3$/m);
  assert.equal(await depot.leftovers(), []);
});

examples('all of them are run', () => {
  const programs = readdirSync(`${packageRoot}docs/examples`).filter((name) => name.endsWith('.mjs'));
  assert.equal(programs.sort(), [...Object.keys(PRINTED), 'restart'].map((name) => `${name}.mjs`).sort());
});

const CONSUMER = `
import { Container, type ExecResult, type OomEvent, WardenError, watchOom } from 'warden-wasm';
export async function use(): Promise<ExecResult> {
  const container = await Container.create({ memoryBytes: 1 << 26, binds: [{ source: '/srv', target: '/srv', readOnly: true }] });
  const { stdout, exitCode } = await container.exec(['true'], { tty: { rows: 1, columns: 2 }, limits: { NOFILE: 64 } }).output();
  const link = (await container.spawn(['true'], { start: 'linked' })).link({ cursors: { stdout: 0, stderr: 0 } });
  link.on('gap', ({ stream, from, to }) => console.log(stream.length, from + to, stdout.length, exitCode ?? 0));
  watchOom('/sys/fs/cgroup/x').on('oom', (event: OomEvent) => console.log(event.limitBytes));
  try {
    return await container.exec(['false']).result;
  } catch (error) {
    if (error instanceof WardenError && error.code === 'ENDED') await container.destroy();
    throw error;
  }
}
// @ts-expect-error: a name is a text
export const wrong = Container.create({ id: 1 });
`;

examples('a program compiles against the types', async () => {
  mkdirSync(`${path}/node_modules`, { recursive: true });
  symlinkSync(packageRoot, `${path}/node_modules/warden-wasm`);
  symlinkSync(`${packageRoot}node_modules/@types`, `${path}/node_modules/@types`);
  writeFileSync(`${path}/package.json`, '{"type":"module"}');
  writeFileSync(`${path}/use.ts`, CONSUMER);
  const compilerOptions = { module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], strict: true, noEmit: true, exactOptionalPropertyTypes: true };
  writeFileSync(`${path}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  const { code, stdout } = await run([process.execPath, `${packageRoot}node_modules/typescript/bin/tsc`, '-p', path], { timeoutMs: 60_000 });
  assert.equal([code, stdout.toString()], [0, '']);
});

examples.after(() => {
  depot.remove();
  remove();
});

examples.run();
