import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../support/bytes.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { DEADLINE_MS, holds, type Running, startLink, stopAll } from '../support/iomux.js';
import { processesWith, uniqueSleep, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { startInside } from './chain.js';

const chain = suite('the whole chain');
const it = unless(noContainers, chain);
let container: TestContainer;
const BURST_BYTES = 10_000_000;

if (noContainers === undefined) {
  chain.before(async () => {
    container = await startContainer();
    writeFileSync(`${container.path}/root/tmp/pattern`, pattern(BURST_BYTES));
  });
  chain.after(async () => {
    await container.destroy();
    await until(() => processesWith(container.path).length === 0, 'every process of a job has ended');
  });
}
chain.after.each(stopAll);

/** Handles each value, some of them at the same time. */
async function forEach<T>(values: readonly T[], handle: (value: T) => Promise<void>): Promise<void> {
  const left = [...values];
  const next = async (): Promise<void> => {
    for (let value = left.shift(); value !== undefined; value = left.shift()) await handle(value);
  };
  await Promise.all([next(), next(), next(), next()]);
}

it('every exit code comes out of the link', async () => {
  await forEach(Array.from({ length: 256 }, (_, code) => code), async (code) => {
    const job = await startInside(container, `echo out; echo err >&2; exit ${code}`);
    const ended = await startLink(job.directory).ended;
    assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [code, 'out\n', 'err\n']);
    assert.is((await job.ended).code, 0);
  });
});

it('every signal that kills is told, and is exit code 255', async () => {
  const deadly = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 50, 64];
  await forEach(deadly, async (signal) => {
    const job = await startInside(container, `echo out; ulimit -c 0; kill -${signal} $$; read x`);
    const ended = await startLink(job.directory).ended;
    assert.equal([ended.code, ended.stdout.toString()], [255, 'out\n'], `signal ${signal}`);
    assert.match(ended.stderr, new RegExp(`^wsh: the command was killed by signal ${signal}\\b`));
  });
});

/** A link that pauses for so long after each piece that it reads. */
function startSlowLink(directory: string, pauseMs: number): Running {
  const link = startLink(directory), { stdout } = link.process;
  stdout!.on('data', () => {
    stdout!.pause();
    setTimeout(() => stdout!.resume(), pauseMs);
  });
  return link;
}

it('a burst at the end of the command comes out of every link, slow ones and one that was stopped', async () => {
  const sizes = [1, 4096, 65_535, 65_536, 65_537, 262_144, 262_145, 600_000, 1 << 20, BURST_BYTES];
  for (const size of sizes) {
    const job = await startInside(container, `read x; head -c ${size} /tmp/pattern; exit 3`);
    const links = [startLink(job.directory), startSlowLink(job.directory, 1), startSlowLink(job.directory, 5), startLink(job.directory)];
    await holds(job, 12);
    links[3]!.process.kill('SIGSTOP');
    job.process.stdin!.write('write\n');
    // All that can be written while one link stands still is.
    if (size < 100_000) await until(() => links[0]!.output().length === size, 'the others have it', DEADLINE_MS);
    links[3]!.process.kill('SIGCONT');
    for (const [index, link] of links.entries()) {
      const ended = await link.ended;
      assert.is(ended.code, 3, `${size} bytes, link ${index}`);
      assertSame(ended.stdout, pattern(size), `${size} bytes, link ${index}`);
    }
    assert.is((await job.ended).code, 0);
  }
});

it('none of a thousand bursts at the end loses a byte', async () => {
  // Sizes around those of a page, a pipe and the ring, and all between.
  const sizes = Array.from({ length: 1000 }, (_, i) => [4096, 65_536, 131_072, 262_144][i % 4]! + (i * 7919) % 5000 - 2500);
  await forEach(sizes, async (size) => {
    const job = await startInside(container, `head -c ${size} /tmp/pattern; exit 3`);
    const ended = await startLink(job.directory).ended;
    assert.is(ended.code, 3, `${size} bytes`);
    assertSame(ended.stdout, pattern(size), `${size} bytes`);
    await job.ended;
  });
});

it('both streams at once, 10 MB each, come out whole', async () => {
  const job = await startInside(container, 'cat /tmp/pattern & cat /tmp/pattern >&2; wait; exit 5');
  const link = startLink(job.directory), stderr: Buffer[] = [];
  link.process.stderr!.on('data', (piece: Buffer) => stderr.push(piece));
  const ended = await link.ended;
  assert.is(ended.code, 5);
  assertSame(ended.stdout, pattern(BURST_BYTES), 'stdout');
  assertSame(Buffer.concat(stderr), pattern(BURST_BYTES), 'stderr');
});

it('a link that resumes again and again from its cursors gets each byte once', async () => {
  const lines = 60_000, parts = 6;
  // Each part waits for a line, so that no link can have it all.
  const part = `i=0; while [ $i -lt ${lines / parts} ]; do printf '%015d\\n' $n; i=$((i+1)) n=$((n+1)); done`;
  const job = await startInside(container, `n=0; while read x; do ${part}; done; exit 77`, '--ring', '64M', '--linger', '60');
  const cursors = `${container.path}/cursors`, pieces: Buffer[] = [];
  const stays = startLink(job.directory);
  await holds(job, 3);
  let links = 0;
  for (let code: number | null = 0; code !== 77; links++) {
    if (links < parts) job.process.stdin!.write('write\n');
    else job.process.stdin!.end();
    const link = startLink(job.directory, '-w', cursors);
    await until(() => link.output().length > 0 || link.process.exitCode !== null, 'something comes', DEADLINE_MS);
    if (links < 20) link.process.kill('SIGTERM');
    const ended = await link.ended;
    code = ended.code;
    assert.ok(code === 0 || code === 77, `${code}: ${ended.stderr}`);
    assert.is(ended.stderr, '');
    pieces.push(ended.stdout);
  }
  assert.ok(links >= parts, `${links} links`);
  assertSame(Buffer.concat(pieces), pattern(lines * 16), 'what all of them got');
  assert.is((await stays.ended).code, 77);
  job.process.kill('SIGTERM');
  assert.is((await job.ended).code, 0);
});

it('a hundred megabytes in and out at once come out whole', async () => {
  const job = await startInside(container, 'cat; exit 6');
  const link = startLink(job.directory), bytes = pattern(BURST_BYTES);
  await holds(job, 3);
  let received = 0;
  link.process.stdout!.on('data', (piece: Buffer) => { received += piece.length; });
  for (let i = 0; i < 10; i++) job.process.stdin!.write(bytes);
  job.process.stdin!.end();
  const ended = await link.ended;
  assert.equal([ended.code, received], [6, 10 * BURST_BYTES]);
  for (let i = 0; i < 10; i++) assertSame(ended.stdout.subarray(i * BURST_BYTES, (i + 1) * BURST_BYTES), bytes, `part ${i}`);
});

it('something that the command leaves behind does not delay its end', async () => {
  const sleep = uniqueSleep(), job = await startInside(container, `${sleep} & echo started; exit 7`);
  const ended = await startLink(job.directory).ended;
  assert.equal([ended.code, ended.stdout.toString()], [7, 'started\n']);
  for (const pid of processesWith(sleep)) process.kill(pid, 'SIGKILL');
});

it('twenty jobs side by side each have their own output and end', async () => {
  const jobs = await Promise.all(Array.from({ length: 20 }, (_, i) => startInside(container, `echo job ${i}; read x; head -c ${i * 10_000} /tmp/pattern >&2; exit ${i}`)));
  const links = jobs.map((job) => startLink(job.directory));
  for (const [i, job] of jobs.entries()) {
    await until(() => links[i]!.output().toString() === `job ${i}\n`, 'it runs', DEADLINE_MS);
    job.process.stdin!.write('\n');
  }
  for (const [i, link] of links.entries()) {
    const ended = await link.ended;
    assert.is(ended.code, i);
    assertSame(Buffer.from(ended.stderr), pattern(i * 10_000), `job ${i}`);
  }
});

chain.run();
