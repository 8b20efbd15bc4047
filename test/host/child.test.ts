import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, type ChildOptions } from '../../src/host/native-process.js';
import { native } from '../../src/host/addon.js';
import { holdsOnly, openDescriptors, settled } from './help.js';
import { until } from '../support/process.js';

const ENOENT = 2, SIGKILL = 9;

const children = suite('children without fork');
let nothing: number;
let before: string[];

children.before.each(async () => {
  nothing = openSync('/dev/null', 'r+');
  await settled();
  before = openDescriptors();
});
children.after.each(async () => {
  await holdsOnly(before);
  closeSync(nothing);
});

function start(argv: readonly string[], options: Partial<ChildOptions> = {}): Child {
  return new Child({ file: argv[0]!, argv, env: {}, cwd: '/', stdio: [nothing, nothing, nothing], ...options });
}

children('have the arguments, environment, directory and descriptors that they are given, and no more', async () => {
  const [read, write] = native().pipe() as [number, number], cwd = mkdtempSync(`${tmpdir()}/warden-`);
  const child = start(['/bin/sh', '-c', 'pwd; echo "$1 $A"; ls /proc/self/fd | wc -l; exit 7', 'sh', 'b c'], { env: { A: 'a', PATH: '/bin' }, cwd, stdio: [nothing, write, nothing] });
  closeSync(write);
  const said = text(new Socket({ fd: read, readable: true }));
  assert.equal(await child.exited, { status: 7 << 8, errno: undefined });
  // ls itself has the directory open.
  assert.is(await said, `${cwd}\nb c a\n4\n`);
  rmdirSync(cwd);
});

children('tell when they cannot be executed, and which errno says so', async () => {
  assert.is((await start(['/no/such/program']).exited).errno, ENOENT);
  assert.is((await start(['/bin/true'], { cwd: '/no/such/directory' }).exited).errno, ENOENT);
});

children('can be killed, also when they have ended', async () => {
  const child = start(['/bin/sleep', '1000']);
  child.kill(SIGKILL);
  assert.equal(await child.exited, { status: SIGKILL, errno: undefined });
  child.kill(SIGKILL);
});

children('run side by side, each with its own end', async () => {
  const codes = Array.from({ length: 20 }, (_, index) => index);
  const ends = await Promise.all(codes.map((code) => start(['/bin/sh', '-c', `exit ${code}`]).exited));
  assert.equal(ends.map(({ status }) => status >> 8), codes);
});

children('die with the process that started them, and are in a session of their own', async () => {
  const [read, write] = native().pipe() as [number, number];
  const library = JSON.stringify(new URL('../../src/host/native-process.js', import.meta.url).href);
  const script = `const { Child } = await import(${library});
    new Child({ file: '/bin/sh', argv: ['sh', '-c', 'cut -d " " -f 1,6 /proc/$$/stat; exec sleep 1000'], env: { PATH: '/bin:/usr/bin' }, cwd: '/', stdio: [0, 1, 2] });`;
  const maker = start([process.execPath, '--input-type=module', '-e', script], { stdio: [nothing, write, 2] });
  closeSync(write);
  const said = new Socket({ fd: read, readable: true }), closed = once(said, 'close');
  const [pid, session] = String((await once(said, 'data'))[0]).trim().split(' ');
  assert.is(pid, session);
  // Between sh and sleep, its command line is empty for a moment.
  await until(() => /^(sh|sleep)/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1')), 'the command lives');
  maker.kill(SIGKILL);
  await maker.exited;
  // Its end of the pipe is closed when it has ended.
  await closed;
  assert.throws(() => readlinkSync(`/proc/${pid}/exe`), /ENOENT/);
});

children.run();
