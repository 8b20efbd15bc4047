/** Requests, outcomes, cursor files: the parts of exec and link that need no container. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WardenError } from '../../src/base/errors.js';
import { checkOptions } from '../../src/base/validate.js';
import { fromWaitStatus, outcomeOf } from '../../src/core/exec/outcome.js';
import { checkArgv, checkRequest, requestChecks, wshArguments, wshEnvironment } from '../../src/core/exec/request.js';
import { limitsFromEnvironment } from '../../src/linux/rlimits.js';
import { checkCursors, CursorFile, moved } from '../../src/core/link/cursor-file.js';
import { scratch } from '../support/process.js';
import { thrownBy } from './help.js';

const test = suite('core: exec and link');
const files = scratch();
test.after(() => files.remove());

test('wsh gets the socket, the user, further options, and the command behind --', () => {
  assert.equal(wshArguments('s', ['a', '--b'], {}), ['--socket', 's', '--', 'a', '--b']);
  assert.equal(wshArguments('s', [], { user: 'vcap' }, ['--raise']), ['--socket', 's', '--user', 'vcap', '--raise', '--']);
});

test('limits are RLIMIT_ variables', () => {
  const limits = { NOFILE: 5, CORE: 'unlimited', CPU: { soft: 1, hard: 'unlimited' } } as const;
  assert.equal(wshEnvironment({ lang: 'C', limits }), { LANG: 'C', RLIMIT_NOFILE: '5 5', RLIMIT_CORE: '-1 -1', RLIMIT_CPU: '1 -1' });
  assert.equal(wshEnvironment({}), {});
});

const BAD_LIMITS = [
  -1, 1.5, NaN, 2 ** 53, '5', null, { soft: 5 }, { soft: 5, hard: 4 }, { soft: 'unlimited', hard: 4 }, { soft: 1, hard: 2, x: 3 },
];
for (const value of BAD_LIMITS) {
  test(`${JSON.stringify(value)} is no limit`, () => {
    assert.match(thrownBy(() => { requestChecks.limits('limits', { NOFILE: value }); }).message, /^limits\.NOFILE/);
  });
}

test('a command is an array of strings', () => {
  checkArgv([]);
  checkArgv(['a', '', 'é']);
  for (const [argv, message] of [
    ['ls -l', /^the command must be an array of strings, such as \['ls', '-l'\], not "ls -l"$/], [undefined, /, not undefined$/],
    [['echo', 5], /^argument 1 of the command must be a string, not 5$/], [['a\0'], /^argument 0 of the command contains a NUL/],
  ] as const) assert.match(thrownBy(() => { checkArgv(argv); }).message, message);
});

test('limits are read from an environment as the native wsh reads them', () => {
  assert.equal(limitsFromEnvironment({ HOME: '/', RLIMIT_NOFILE: '5', RLIMIT_CPU: ' 1 -1 ', RLIMIT_CORE: '-1' }), {
    NOFILE: { soft: 5, hard: 5 }, CPU: { soft: 1, hard: 'unlimited' }, CORE: { soft: 'unlimited', hard: 'unlimited' },
  });
  for (const text of ['', 'x', '1 2 3', '-2', '1.5']) assert.is(thrownBy(() => limitsFromEnvironment({ RLIMIT_CPU: text })).code, 'USAGE', text);
});

test('settings of a command are options of wsh; values of variables are in its environment alone', () => {
  const settings = { user: '1:2,x', env: { A: 'secret', RLIMIT_CPU: '5', LEFT: undefined }, workdir: '/w', umask: 0o27 };
  assert.equal(wshArguments('s', ['c'], settings, ['-T']), [
    '--socket', 's', '--user', '1:2,x', '--workdir', '/w', '--umask', '27', '--env', 'A', '--env', 'RLIMIT_CPU=5', '-T', '--', 'c',
  ]);
  assert.equal(wshEnvironment({ ...settings, lang: 'C', limits: { NOFILE: 9 } }), { LANG: 'C', A: 'secret', RLIMIT_NOFILE: '9 9' });
  for (const [env, words] of [[{ '': 'x' }, /is no name/], [{ 'A=': 'x' }, /is no name/], [{ A: 5 }, /env\.A/], [[], /an object of strings/]] as const) {
    assert.throws(() => { checkOptions({ env } as never, requestChecks); }, words);
  }
});

test('a request has bounds', () => {
  checkRequest([], {});
  const most = 6 << 20;
  checkRequest(['x'.repeat(most - 1)], { user: 'u'.repeat(1_023) });
  const bad = [[['x'.repeat(most)]], [['é'.repeat(most / 2)]], [['']], [['a'], ''], [['a'], 'u'.repeat(1_024)], [['a'], 'é'.repeat(512)]] as const;
  for (const [argv, user] of bad) {
    assert.is(thrownBy(() => { checkRequest(argv, { user }); }).code, 'USAGE', `${argv[0]?.length} ${user}`);
  }
});

const STATUSES = [
  [0, 0, null], [0x100, 1, null], [0xff00, 255, null], [9, null, 'SIGKILL'], [0x8b, null, 'SIGSEGV'], [34, null, 'SIG34'],
] as const;
for (const [status, exitCode, signal] of STATUSES) {
  test(`the wait status ${status}`, () => assert.equal(fromWaitStatus(status), { exitCode, signal }));
}

const module = (ending: number, failed = false): Parameters<typeof outcomeOf>[0] => ({ failed, ask: () => ending });

test('a module reports an exit status, or that it is unknown', () => {
  assert.equal(outcomeOf(module(0x500), []), { exitCode: 5, signal: null });
  assert.equal(outcomeOf(module(-2), []), { exitCode: null, signal: null });
});

for (const [ending, code] of [[-1, 'INTERNAL'], [-3, 'ENDED'], [-4, 'REFUSED'], [-5, 'TIMED_OUT'], [-6, 'PROTOCOL'], [-7, 'USAGE'], [-8, 'LOST'], [-77, 'INTERNAL']] as const) {
  test(`the outcome ${ending} is the error ${code}`, () => {
    const error = outcomeOf(module(ending), ['wsh: it ', 'failed\n']) as WardenError;
    assert.instance(error, WardenError);
    assert.equal([error.code, error.message], [code, 'it failed']);
  });
}

test('a module that failed is not asked', () => {
  const error = outcomeOf({ failed: true, ask: () => { throw new Error('asked'); } }, []) as WardenError;
  assert.equal([error.code, error.message], ['INTERNAL', 'the module ended without a message']);
});

test('positions wrap at 2^32', () => {
  assert.equal([moved(0, 5), moved(2 ** 32 - 1, 1), moved(2 ** 32 - 2, 5)], [5, 0, 3]);
  checkCursors('cursors', { stdout: 0, stderr: 2 ** 32 - 1 });
  for (const position of [-1, 1.5, 2 ** 32, NaN]) {
    assert.is(thrownBy(() => { checkCursors('cursors', { stdout: position, stderr: 0 }); }).code, 'USAGE');
    assert.match(thrownBy(() => { checkCursors('cursors', { stdout: 0, stderr: position }); }).message, /^cursors\.stderr must be /);
  }
});

test('a cursor file that does not exist has no positions', async () => {
  const file = new CursorFile(`${files.directory()}/none`);
  await file.load();
  assert.is(file.saved, undefined);
});

test('saved positions are loaded again, and the last of several saves counts', async () => {
  const path = `${files.directory()}/cursors`, file = new CursorFile(path);
  await Promise.all([file.save({ stdout: 1, stderr: 2 }), file.save({ stdout: 0x01020304, stderr: 2 ** 32 - 1 })]);
  assert.is(readFileSync(path, 'latin1'), '\x01\x02\x03\x04\xff\xff\xff\xff');
  const again = new CursorFile(path);
  await again.load();
  assert.equal(again.saved, { stdout: 0x01020304, stderr: 2 ** 32 - 1 });
});

for (const bytes of ['', 'short', 'much too long']) {
  test(`a file of ${bytes.length} bytes is no cursor file`, async () => {
    const path = `${files.directory()}/bad`;
    writeFileSync(path, bytes);
    const error = await new CursorFile(path).load().catch((thrown: unknown) => thrown) as WardenError;
    assert.is(error.code, 'USAGE');
    assert.match(error.message, /is no cursor file/);
  });
}

test('a cursor file that cannot be written is LOST, and the next save tries again', async () => {
  const directory = `${files.directory()}/later`, file = new CursorFile(`${directory}/cursors`);
  const error = await file.save({ stdout: 1, stderr: 2 }).catch((thrown: unknown) => thrown) as WardenError;
  assert.is(error.code, 'LOST');
  mkdirSync(directory);
  await file.save({ stdout: 1, stderr: 2 });
  assert.equal(file.saved, { stdout: 1, stderr: 2 });
});

test.run();
