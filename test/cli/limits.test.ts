/** `warden run` with limits, binds and names. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { depotOf } from './help.js';

const all = suite('warden run, its options');
const it = unless(noContainers, all);
const files = scratch();
const depot = depotOf(all);
all.after(() => files.remove());

/** Takes more memory than it may: perl would do, but tail(1) is everywhere, and keeps what has no line's end. */
const GREEDY = 'head -c 256M /dev/zero | tail';
const TOLD = /^warden run: out of memory: the command was killed; the limit is 32 MiB, the most that was used is (3[12](\.\d)?) MiB \(--memory\)$/m;

it('says that it was memory, with the limit and the peak', async () => {
  const { code, stderr } = await depot.run(['--memory', '32M', '--', 'sh', '-c', `exec ${GREEDY}`]);
  assert.match(stderr, TOLD);
  assert.is(code, 137);
});

it('says that the limit is too low for a container', async () => {
  const { code, stderr } = await depot.run(['--memory', '100K', '--', 'true']);
  assert.is(stderr, 'warden run: the container could not be started: its limit of memory, 102400 bytes, is too low for its init; give it a megabyte at least\n');
  assert.is(code, 1);
});

it('ends the command also when only a child of it was killed', async () => {
  const { code, stdout, stderr } = await depot.run(['--memory', '32M', '--', 'sh', '-c', `echo began; ${GREEDY}; sleep 4242`]);
  assert.is(stdout, 'began\n');
  assert.match(stderr, TOLD);
  assert.is(code, 137);
});

it('does not mistake another SIGKILL for that', async () => {
  const { code, stderr } = await depot.run(['--memory', '32M', '--', 'sh', '-c', 'kill -KILL $$']);
  assert.is(stderr, 'warden run: the command was killed by SIGKILL\n');
  assert.is(code, 255);
});

it('kills a command whose time is over', async () => {
  const { code, stderr } = await depot.run(['--timeout', '0.3', '--', 'sh', '-c', 'trap "" TERM HUP; sleep 4242']);
  assert.is(stderr, 'warden run: the command was killed after 300 ms (--timeout)\n');
  assert.is(code, 124);
});

it('leaves a command that is in time alone', async () => {
  assert.equal(await depot.run(['--timeout', '1m', '--memory', '1G', '--cpu-shares', '512', '--', 'sh', '-c', 'exit 5']),
    { code: 5, signal: null, stdout: '', stderr: '' });
});

it('binds directories, read-only when told so', async () => {
  const source = files.directory();
  writeFileSync(join(source, 'file'), 'the host\'s\n');
  const script = 'cat /ro/file /rw/file; touch /ro/new 2> /dev/null || echo read-only; echo new > /rw/new';
  const { code, stdout, stderr } = await depot.run(['--bind', `${source}:/ro:ro`, '--bind', `${source}:/rw`, '--', 'sh', '-c', script]);
  assert.equal([code, stdout, stderr], [0, 'the host\'s\nthe host\'s\nread-only\n', '']);
  assert.is(readFileSync(join(source, 'new'), 'utf8'), 'new\n');
  assert.equal(existsSync(join(source, 'file')), true);
});

it('has the name and the host name that it is given', async () => {
  assert.is((await depot.run(['--name', 'mine', '--', 'hostname'])).stdout, 'mine\n');
  assert.is((await depot.run(['--name', 'mine', '--hostname', 'other', '--', 'hostname'])).stdout, 'other\n');
});

all.run();
