/** Where iomux-link writes to: each kind of stdout and stderr, slow ones, full ones and those that go away. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../../support/bytes.js';
import { argvOf, crowd, suiteOnHosts, wordsOf } from '../../support/hosts.js';
import { comesToRest, connectAll, DEADLINE_MS, holds, type Job, startShell, stopAll } from '../../support/iomux.js';
import { exitCode, run, scratch, until } from '../../support/process.js';

const link = suiteOnHosts('the output of iomux-link', 'iomux-link');
const { path, remove } = scratch();
let serial = 0;

const FILE_BYTES = 4 << 20;
const source = `${path}/pattern`;
writeFileSync(source, pattern(FILE_BYTES));

/** A job that writes the pattern to both streams, at the same time, once it gets a line. */
async function startWriter(after = ''): Promise<Job> {
  const here = `${path}/job-${++serial}`;
  mkdirSync(here);
  return startShell(here, `read x; cat ${source} >&2 & cat ${source}; wait; ${after} exit 19`);
}

link.after.each(stopAll);
link.afterAll(remove);

/** Runs a program on a stdout and stderr that do not block; Node itself makes them block for its children. */
const NONBLOCKING = ['python3', '-c', 'import os, sys; os.set_blocking(1, False); os.set_blocking(2, False); os.execv(sys.argv[1], sys.argv[1:])'];

function spawnLink(args: string[], options: SpawnOptions): ChildProcess {
  const [file = '', ...first] = argvOf('iomux-link');
  return spawn(file, [...first, ...args], options);
}

/** Both ends of a pipe. */
async function pipe(): Promise<{ read: number; write: number }> {
  const fifo = `${path}/fifo-${++serial}`;
  await run(['mkfifo', fifo]);
  // The read end must not wait for the other, nor a test for what never comes.
  const read = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: openSync(fifo, constants.O_WRONLY) };
}

/** As much as there is now; undefined at the end. */
function take(fd: number, most: number): Buffer | undefined {
  const buffer = Buffer.alloc(most);
  try {
    const got = readSync(fd, buffer);
    return got > 0 ? buffer.subarray(0, got) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return buffer.subarray(0, 0);
    throw error;
  }
}

/** Reads a pipe to its end in small pieces, so that it is full most of the time. */
async function takeSlowly(fd: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece = take(fd, 40_000); piece; piece = take(fd, 40_000)) {
    pieces.push(piece);
    await new Promise((resolve) => setTimeout(resolve, piece.length > 0 ? 0 : 2));
  }
  return Buffer.concat(pieces);
}

/** The O_NONBLOCK bit of a descriptor of ours, as proc(5) shows it. */
function isNonblocking(fd: number): boolean {
  return (parseInt(/^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8) & constants.O_NONBLOCK) !== 0;
}

link('loses nothing to a slow reader of a pipe, blocking or not, and leaves it as it was', async () => {
  for (const wrap of [['/usr/bin/env'], NONBLOCKING]) {
    const job = await startWriter();
    const stdout = await pipe(), stderr = await pipe();
    const child = spawn(wrap[0]!, [...wrap.slice(1), ...argvOf('iomux-link'), job.directory], { stdio: ['ignore', stdout.write, stderr.write] });
    await holds(job, 3);
    job.process.stdin!.write('\n');
    await comesToRest(child.pid!, job.pid);
    for (const { write } of [stdout, stderr]) {
      assert.is(isNonblocking(write), wrap === NONBLOCKING);
      closeSync(write);
    }
    const [out, err] = await Promise.all([takeSlowly(stdout.read), takeSlowly(stderr.read)]);
    assertSame(out, pattern(FILE_BYTES), 'stdout');
    assertSame(err, pattern(FILE_BYTES), 'stderr');
    assert.is(await exitCode(child), 19);
    for (const { read } of [stdout, stderr]) closeSync(read);
  }
});

link('writes to files, appends where its parent said so, and to a terminal\'s or another program\'s input', async () => {
  const outputs = [`> ${path}/out 2> ${path}/err`, `>> ${path}/out 2>> ${path}/err`, `2> >(cat > ${path}/err) | cat > ${path}/out`];
  for (const [index, redirections] of outputs.entries()) {
    const job = await startWriter();
    // A shell that waits for all that it started.
    const child = spawn('/bin/bash', ['-c', `set -o pipefail; ${wordsOf('iomux-link')} ${job.directory} ${redirections}; code=$?; wait $!; exit $code`]);
    await holds(job, 3);
    job.process.stdin!.write('\n');
    assert.is(await exitCode(child), 19, redirections);
    const expected = index === 1 ? Buffer.concat([pattern(FILE_BYTES), pattern(FILE_BYTES)]) : pattern(FILE_BYTES);
    assertSame(readFileSync(`${path}/out`), expected, redirections);
    assertSame(readFileSync(`${path}/err`), expected, redirections);
  }
});

link('a stream whose reader is stuck does not hold up the other', async () => {
  const job = await startWriter();
  const stdout = await pipe();
  const child = spawnLink([job.directory], { stdio: ['ignore', stdout.write, 'pipe'] });
  closeSync(stdout.write);
  const stderr: Buffer[] = [];
  child.stderr!.on('data', (piece: Buffer) => stderr.push(piece));
  await holds(job, 3);
  job.process.stdin!.write('\n');
  await until(() => Buffer.concat(stderr).length === FILE_BYTES, 'all of stderr', DEADLINE_MS);
  assert.is(child.exitCode, null);
  assertSame(await takeSlowly(stdout.read), pattern(FILE_BYTES), 'stdout');
  assert.is(await exitCode(child), 19);
  closeSync(stdout.read);
});

link('goes on with the other stream and the status when a reader goes away', async () => {
  const job = await startWriter();
  const cursors = `${path}/cursors-${++serial}`;
  const stdout = await pipe();
  const child = spawnLink(['-w', cursors, job.directory], { stdio: ['ignore', stdout.write, 'pipe'] });
  closeSync(stdout.write);
  const stderr: Buffer[] = [];
  child.stderr!.on('data', (piece: Buffer) => stderr.push(piece));
  const others = await connectAll(job);
  await holds(job, 6);
  job.process.stdin!.write('\n');
  let taken = 0;
  await until(() => (taken += take(stdout.read, 1000)?.length ?? 0) > 0, 'something comes', DEADLINE_MS);
  closeSync(stdout.read);
  assert.is(await exitCode(child), 19);
  const said = Buffer.concat(stderr).toString();
  const told = /iomux-link: stdout: stopped at position (\d+): broken pipe; the rest of it is left\n/.exec(said);
  assert.ok(told, 'it says so');
  assertSame(Buffer.from(said.replace(told[0], '')), pattern(FILE_BYTES), 'stderr');
  const saved = readFileSync(cursors);
  assert.equal([saved.readUInt32BE(0), saved.readUInt32BE(4)], [Number(told[1]), FILE_BYTES]);
  assert.ok(Number(told[1]) >= taken);
  assertSame((await others.stdout.all()).subarray(4), pattern(FILE_BYTES), 'another link');
});

link('goes on with the other stream and the status when there is no space for one', async () => {
  const job = await startWriter();
  const child = spawn('/bin/sh', ['-c', `exec ${wordsOf('iomux-link')} ${job.directory} > /dev/full`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const stderr: Buffer[] = [];
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  await holds(job, 3);
  job.process.stdin!.write('\n');
  assert.is(await exitCode(child), 19);
  const told = 'iomux-link: stdout: stopped at position 0: no space left on device; the rest of it is left\n';
  assertSame(Buffer.from(Buffer.concat(stderr).toString().replace(told, '')), pattern(FILE_BYTES), 'stderr');
});

link('started without stdout or stderr, it still ends as the job did', async () => {
  for (const closed of ['>&-', '2>&-', '>&- 2>&-', '<&- >&- 2>&-']) {
    const job = await startWriter();
    const child = spawn('/bin/sh', ['-c', `exec ${wordsOf('iomux-link')} ${job.directory} ${closed}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.resume();
    await holds(job, 3);
    job.process.stdin!.write('\n');
    assert.is(await exitCode(child), 19, closed);
    assertSame(Buffer.concat(stdout), pattern(closed === '2>&-' ? FILE_BYTES : 0), closed);
  }
});

link('a hundred links of one job, into pipes of their own, all get the same', async () => {
  const job = await startWriter();
  const sums = Array.from({ length: crowd(100) }, () => run(['/bin/sh', '-c', `${wordsOf('iomux-link')} ${job.directory} 2> /dev/null | cksum`], { timeoutMs: DEADLINE_MS }));
  await holds(job, 3 * sums.length);
  job.process.stdin!.write('\n');
  const expected = (await run(['cksum'], { input: pattern(FILE_BYTES) })).stdout.toString();
  for (const sum of sums) assert.is((await sum).stdout.toString(), expected);
});

link.run();
