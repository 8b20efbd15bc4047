import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Container, type Cut, type Gap, type Job, type JobLink, WardenError } from '../../src/index.js';
import { readInit } from '../../src/core/depot/layout.js';
import { isAlive, run, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const jobs = suite('jobs and links');
const test = unless(noContainers, jobs);
const depot = new Depot();
let container: Container;
let before: string[];

if (!noContainers) {
  jobs.before(async () => {
    container = await depot.create();
    await (await container.spawn(['true'])).link({ stdio: 'ignore' }).result;
  });
  jobs.after(async () => {
    await container.destroy();
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
  jobs.before.each(async () => { before = await held(); });
  jobs.after.each(() => holdsOnly(before));
}

const sh = (script: string, options = {}): Promise<Job> => container.spawn(['sh', '-c', script], options);

async function text(stream: Readable | null): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream!) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** The first piece. The stream is destroyed then, or else kept as it is. */
async function firstOf(stream: Readable, destroyOnReturn = true): Promise<Buffer> {
  for await (const piece of stream.iterator({ destroyOnReturn })) return piece as Buffer;
  throw new Error('nothing came');
}

test('a job\'s output, status and state', async () => {
  const job = await sh('echo out; echo err >&2; exit 42');
  const link = job.link();
  const [out, err, result] = await Promise.all([text(link.stdout), text(link.stderr), link.result]);
  assert.equal([out, err, result], ['out\n', 'err\n', { exitCode: 42, signal: null, stopped: false, gaps: [] }]);
  assert.equal(link.cursors, { stdout: 4, stderr: 4 });
  const info = await job.info();
  assert.equal([info.state, info.argv, info.user], ['ended', ['sh', '-c', 'echo out; echo err >&2; exit 42'], 'root']);
  await job.remove();
  assert.not(isAlive(info.pid!));
  assert.not((await container.jobs()).some(({ id }) => id === job.id));
  const error = await container.job(job.id).catch((reason: unknown) => reason);
  assert.ok(error instanceof WardenError && error.isNotFound);
});

test('tells the signal that a job died by, and says nothing of its own on its stderr', async () => {
  const link = (await sh('kill -SEGV $$')).link();
  const [, err, { exitCode, signal }] = await Promise.all([text(link.stdout), text(link.stderr), link.result]);
  assert.equal([err, exitCode, signal], ['', null, 'SIGSEGV']);
});

test('waits for its first link, when asked to', async () => {
  const job = await sh('echo first', { start: 'linked', user: 'vcap' });
  assert.is((await job.info()).state, 'waiting');
  const link = job.link();
  assert.is(await text(link.stdout), 'first\n');
  await link.result;
  const { state, user } = await job.info();
  assert.equal([state, user], ['ended', 'vcap']);
});

test('goes on where another link stopped, by cursors', async () => {
  const job = await sh('for i in 1 2 3 4; do echo line $i; sleep 0.1; done');
  const first = job.link();
  const piece = await firstOf(first.stdout!);
  const stopped = await first.stop();
  assert.equal([stopped.stopped, stopped.exitCode], [true, null]);
  const second = job.link({ cursors: first.cursors });
  assert.is(piece.toString() + await text(second.stdout), 'line 1\nline 2\nline 3\nline 4\n');
  assert.is((await second.result).exitCode, 0);
});

test('a link that is stopped before it knows where the job is has no positions, and keeps none', async () => {
  const { path, remove } = scratch(), file = `${path}/cursors`, job = await sh('echo all');
  const first = job.link({ cursors: file });
  await first.stop();
  assert.equal([first.cursors, existsSync(file)], [undefined, false]);
  const second = job.link();
  await second.stop();
  assert.is(second.cursors, undefined);
  const third = job.link({ cursors: second.cursors });
  assert.is(await text(third.stdout), 'all\n');
  await third.result;
  assert.equal(third.cursors, { stdout: 4, stderr: 0 });
  remove();
});

test('keeps a cursor file of what was read, not of what has come', async () => {
  const { path, remove } = scratch(), file = `${path}/cursors`;
  // Not more than the ring holds: nothing is lost between two links.
  const job = await sh('seq 10000; sleep 0.2');
  const first = job.link({ cursors: file });
  const piece = await firstOf(first.stdout!);
  await first.stop();
  const saved = readFileSync(file);
  assert.equal([saved.length, saved.readUInt32BE(0), saved.readUInt32BE(4)], [8, piece.length, 0]);
  const second = job.link({ cursors: file });
  const rest = await text(second.stdout);
  await second.result;
  assert.is((piece.toString() + rest).length, 48_894);
  await until(() => readFileSync(file).readUInt32BE(0) === 48_894, 'the end is saved');
  const error = await job.link({ cursors: (writeFileSync(file, 'x'), file), stdio: 'pipe' }).result.catch((reason: unknown) => reason);
  assert.ok(error instanceof WardenError && error.isUsage, String(error));
  remove();
});

test('writes through no link beside a cursor file, follows none, and waits for no FIFO', async () => {
  const { path, remove } = scratch(), file = `${path}/cursors`, other = `${path}/other`;
  writeFileSync(other, 'of somebody else');
  symlinkSync(other, `${file}.new`);
  const link = (await sh('echo all')).link({ cursors: file });
  assert.is(await text(link.stdout), 'all\n');
  await link.result;
  await until(() => existsSync(file) && readFileSync(file).readUInt32BE(0) === 4, 'the end is saved');
  assert.is(readFileSync(other, 'utf8'), 'of somebody else');
  const job = await sh('echo all');
  symlinkSync(other, `${path}/link`);
  execFileSync('mkfifo', [`${path}/fifo`]);
  for (const name of ['link', 'fifo']) {
    const error = await job.link({ cursors: `${path}/${name}`, stdio: 'pipe' }).result.catch((reason: unknown) => reason);
    assert.ok(error instanceof WardenError && error.isUsage, String(error));
  }
  await job.stop({ graceMs: 0 });
  assert.equal(readdirSync(path).sort(), ['cursors', 'cursors.new', 'fifo', 'link', 'other']);
  remove();
});

test('reports what is lost, with its positions', async () => {
  const job = await sh('head -c 100000 /dev/zero; echo x >&2', { ringBytes: 4_096 });
  await until(async () => (await job.info()).state === 'ended', 'it has ended');
  const link = job.link({ cursors: { stdout: 10, stderr: 0 } }), gaps: Gap[] = [];
  link.on('gap', (gap) => gaps.push(gap));
  const [out, result] = await Promise.all([text(link.stdout), link.result]);
  assert.equal(gaps, [{ stream: 'stdout', from: 10, to: 100_000 - 4_096 }]);
  assert.equal([result.gaps, out.length, link.cursors?.stdout], [gaps, 4_096, 100_000]);
});

/** More than all pipes and sockets hold between a job and a reader, and less than its ring holds. */
const UNREAD_BYTES = 1 << 20, UNREAD_RING_BYTES = 2 << 20;

test('reports the end of a job although a reader of its output has stopped; the streams keep what is left', async () => {
  const job = await sh(`head -c ${UNREAD_BYTES} /dev/zero; exit 7`, { ringBytes: UNREAD_RING_BYTES });
  const link = job.link(), pieces: Buffer[] = [await firstOf(link.stdout!, false)];
  assert.equal(await link.result, { exitCode: 7, signal: null, stopped: false, gaps: [] });
  for await (const piece of link.stdout!) pieces.push(piece as Buffer);
  assert.is(Buffer.concat(pieces).length, UNREAD_BYTES);
  assert.equal(link.cursors, { stdout: UNREAD_BYTES, stderr: 0 });
});

test('reports the end of a job although nobody reads its output', async () => {
  const link = (await sh(`head -c ${UNREAD_BYTES} /dev/zero; exit 7`, { ringBytes: UNREAD_RING_BYTES })).link();
  assert.is((await link.result).exitCode, 7);
});

test('may be stopped by whoever hears of a gap', async () => {
  const job = await sh('head -c 100000 /dev/zero', { ringBytes: 4_096 });
  await until(async () => (await job.info()).state === 'ended', 'it has ended');
  const link = job.link({ cursors: { stdout: 10, stderr: 0 } }), stopped: Promise<unknown>[] = [];
  link.on('gap', () => {
    stopped.push(link.stop());
  });
  await link.result;
  assert.is(stopped.length, 1);
  await Promise.all(stopped);
});

test('what hears of a gap may throw: that is its own affair', async () => {
  const job = await sh('head -c 100000 /dev/zero; exit 3', { ringBytes: 4_096 });
  await until(async () => (await job.info()).state === 'ended', 'it has ended');
  const thrown = new Promise<Error>((resolve) => { process.once('uncaughtException', resolve); });
  const link = job.link({ cursors: { stdout: 10, stderr: 0 } });
  link.on('gap', () => { throw new Error('mine'); });
  link.stdout!.resume();
  assert.is((await thrown).message, 'mine');
  assert.is((await link.result).exitCode, 3);
});

test('goes on when the cursor file cannot be written, tells it once, and lets a stop fail', async () => {
  const { path, remove } = scratch();
  const job = await sh('i=0; while [ $i -lt 60 ]; do echo line; i=$((i + 1)); sleep 0.05; done; exit 3');
  const link = job.link({ cursors: `${path}/cursors` }), told: WardenError[] = [];
  link.on('unsaved', (error) => told.push(error));
  await once(link.stdout!, 'data');
  remove();
  assert.is((await link.result).exitCode, 3);
  assert.equal(told.map(({ code }) => code), ['LOST']);
  assert.match(told[0]!.message, /^cannot save the positions in .*\/cursors: ENOENT/);
  const again = job.link({ cursors: `${path}/cursors` });
  again.stdout!.resume();
  await until(() => again.cursors !== undefined, 'it has a position that it cannot save');
  const error = await again.stop().catch((reason: unknown) => reason);
  assert.is((error as WardenError).code, 'LOST', String(error));
});

test('hands in descriptors, with a cursor file that the module keeps', async () => {
  const { path, remove } = scratch(), out = openSync(`${path}/out`, 'w');
  const job = await sh('echo to a file');
  assert.is((await job.link({ stdio: [out, 'ignore'], cursors: `${path}/cursors` }).result).exitCode, 0);
  closeSync(out);
  assert.is(readFileSync(`${path}/out`, 'utf8'), 'to a file\n');
  assert.is(readFileSync(`${path}/cursors`).readUInt32BE(0), 10);
  remove();
});

test('tells of a descriptor that takes no more, and does not take the job for well delivered', async () => {
  const job = await sh('echo out; exit 3'), full = openSync('/dev/full', 'w'), cuts: Cut[] = [];
  const error = await job.link({ stdio: [full, 'ignore'] }).on('cut', (cut) => cuts.push(cut)).result.catch((reason: unknown) => reason);
  closeSync(full);
  assert.is((error as WardenError).code, 'LOST', String(error));
  assert.equal(cuts.map(({ stream, readerGone }) => [stream, readerGone]), [['stdout', false]]);
  assert.match(cuts[0]!.message, /^stdout: stopped at position 0: no space left on device/);
});

test('takes a reader that has gone for one that has seen enough', async () => {
  const job = await sh('echo out; exit 3'), link = job.link(), cuts: Cut[] = [];
  link.on('cut', (cut) => cuts.push(cut)).stdout!.destroy();
  assert.is((await link.result).exitCode, 3);
  assert.equal(cuts.map(({ stream, readerGone }) => [stream, readerGone]), [['stdout', true]]);
});

test('tells what is wrong with a cursor file that the module keeps', async () => {
  const { path, remove } = scratch(), warnings: string[] = [];
  const job = await sh('echo out; exit 3');
  const link = job.link({ stdio: 'ignore', cursors: `${path}/nosuch/cursors` }).on('warning', (words) => warnings.push(words));
  assert.is((await link.result).exitCode, 3);
  assert.equal(warnings, [`cannot save the positions in ${path}/nosuch/cursors: no such file or directory`]);
  remove();
});

test('100 links at once', async () => {
  const job = await sh('seq 5000', { start: 'linked' });
  const links = Array.from({ length: 100 }, () => job.link());
  const outputs = await Promise.all(links.map(async (link) => [(await text(link.stdout)).length, (await link.result).exitCode]));
  for (const output of outputs) assert.equal(output, [23_893, 0]);
});

test('can be aborted at each moment, and dropped', async () => {
  const job = await sh('while :; do echo x; sleep 0.01; done');
  for (const delayMs of [undefined, 0, 5, 50]) {
    const controller = new AbortController();
    if (delayMs === undefined) controller.abort();
    const link: JobLink = job.link({ signal: controller.signal });
    if (delayMs !== undefined) setTimeout(() => controller.abort(), delayMs);
    const error = await link.result.catch((reason: unknown) => reason);
    assert.ok(error instanceof WardenError && error.isAborted, String(error));
  }
  {
    await using link = job.link();
    link.result.catch(() => undefined);
  }
  assert.is((await job.info()).state, 'running');
  const last = job.link();
  last.stdout!.resume();
  await job.stop();
  assert.is((await last.result).signal, 'SIGTERM');
  assert.is((await job.info()).state, 'ended');
});

test('is stopped for good when it does not listen, and with what it has started', async () => {
  const job = await sh('trap "" TERM; sleep 1000 & echo; while :; do sleep 0.05; done');
  const link = job.link();
  await once(link.stdout!, 'data');
  await job.stop({ graceMs: 100 });
  assert.is((await link.result).signal, 'SIGKILL');
});

test('runs when its start is told, and is ended by a stop of its container', async () => {
  const first = readInit(container.directory)!.pid;
  // A wshd that gets to its requests late, as on a busy machine.
  process.kill(first, 'SIGSTOP');
  const starting = sh('sleep 1000');
  setTimeout(() => process.kill(first, 'SIGCONT'), 300);
  const job = await starting, { terminated } = await container.stop();
  assert.ok(terminated >= 1, String(terminated));
  await job.stop();
  assert.is((await job.link({ stdio: 'ignore' }).result).signal, 'SIGTERM');
});

test('is told to have started also when it has ended by then, or when nobody reads what it wrote', async () => {
  for (const script of ['true', 'head -c 10000000 /dev/zero', 'exec >&-; head -c 10000000 /dev/zero >&2 & wait', 'exec > /dev/null 2>&1; sleep 1000']) {
    const job = await sh(script);
    await job.stop({ graceMs: 0 });
    await job.remove();
  }
  const job = await container.spawn(['/no/such/command']);
  assert.is((await job.link({ stdio: 'ignore' }).result).exitCode, 255);
});

test('is not stopped by a signal that has been aborted before, also when it has ended', async () => {
  const job = await sh('exit 3');
  await job.link({ stdio: 'ignore' }).result;
  const error = await job.stop({ signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
  assert.ok(error instanceof WardenError && error.isAborted, String(error));
});

test('leaves no command behind when its start is aborted before wshd has got to it', async () => {
  const first = readInit(container.directory)!.pid, running = (await container.info()).processes.length;
  process.kill(first, 'SIGSTOP');
  const error = await sh('sleep 1000', { signal: AbortSignal.timeout(300) }).catch((reason: unknown) => reason);
  process.kill(first, 'SIGCONT');
  assert.ok(error instanceof WardenError && error.isAborted, String(error));
  await container.exec(['true']).result;
  await until(async () => (await container.info()).processes.length <= running, 'no command is left');
});

test('can be aborted while it starts', async () => {
  for (const delayMs of [undefined, 0, 2, 10]) {
    const controller = new AbortController();
    if (delayMs === undefined) controller.abort();
    const starting = sh('sleep 1000', { id: `aborted${delayMs ?? ''}`, signal: controller.signal });
    if (delayMs !== undefined) setTimeout(() => controller.abort(), delayMs);
    const made = await starting.catch((reason: unknown) => reason);
    if (!(made instanceof WardenError)) await (made as Job).remove();
    else assert.ok(made.isAborted, String(made));
  }
  assert.not((await container.jobs()).some(({ id }) => id.startsWith('aborted')));
});

test('fails with a WardenError, and leaves nothing, however few descriptors are left', async () => {
  const library = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const script = `const { Container, WardenError } = await import(${library}), { closeSync, openSync } = await import('node:fs');
    const container = await Container.open(${JSON.stringify(container.directory)}), opened = [];
    await container.exec(['true']).output();
    try { for (;;) opened.push(openSync('/dev/null')); } catch {}
    let started;
    for (let free = 0; !started; free++) {
      if (free > 0) closeSync(opened.pop());
      await container.spawn(['true'], { id: 'few' + free }).then((job) => { started = job; }, (error) => {
        if (!(error instanceof WardenError)) throw error;
      });
    }
    for (const fd of opened) closeSync(fd);
    await started.remove();`;
  const { code, stderr } = await run(['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]);
  assert.equal([stderr, code], ['', 0]);
  assert.equal(readdirSync(`${container.directory}/jobs`).filter((id) => id.startsWith('few')), []);
});

test('is not waited for without an end when nobody tells of its end', async () => {
  const job = await sh('sleep 1000'), { pid } = await job.info();
  process.kill(pid!, 'SIGSTOP');
  const error = await job.stop({ graceMs: 0 }).catch((reason: unknown) => reason);
  assert.ok(error instanceof WardenError && error.timedOut, String(error));
  await job.remove();
});

test('a link has handed out all output when its result comes', async () => {
  const job = await container.spawn(['seq', '20000'], { start: 'linked' }), link = job.link();
  let size = 0;
  link.stdout!.on('data', (piece: Buffer) => { size += piece.length; });
  assert.is((await link.result).exitCode, 0);
  assert.is(size, 108_894);
  await job.remove();
});

test('a link collects all output, up to a limit', async () => {
  const job = await sh('seq 2000; echo err >&2; exit 3');
  const { exitCode, stdout, stderr } = await job.link().output();
  assert.equal([exitCode, stdout.length, stderr.toString()], [3, 8893, 'err\n']);
  const error = await job.link().output({ maxBytes: 1000 }).then(() => undefined, (reason: unknown) => reason);
  assert.equal([error instanceof WardenError, (error as WardenError).code], [true, 'USAGE']);
  await job.remove();
});

test('says what is wrong', async () => {
  const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing', (error: unknown) => (error as WardenError).code);
  assert.is(await code(sh('true', { id: '../x' })), 'USAGE');
  assert.is(await code(sh('true', { ringBytes: 1 })), 'USAGE');
  assert.is(await code(sh('true', { lingerSeconds: 0.5 })), 'USAGE');
  assert.is(await code(sh('true', { user: '' })), 'USAGE');
  await sh('true', { id: 'taken', lingerSeconds: 0 });
  assert.is(await code(sh('true', { id: 'taken' })), 'EXISTS');
  const gone = await container.job('taken');
  await until(async () => (await gone.info()).state === 'gone', 'it is gone');
  assert.is(await code(gone.link().result), 'ENDED');
  const nowhere = await gone.link({ cursors: { stdout: -1, stderr: 0 } }).result.catch((error: unknown) => error) as WardenError;
  assert.match(nowhere.message, /^cursors\.stdout must be /);
});

jobs.run();
