import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../../support/bytes.js';
import { isNative, suiteOnHosts } from '../../support/hosts.js';
import {
  Client, type Clients, comesToRest, connectAll, DEADLINE_MS, holds, isActive, type Job, startJob, startLink, startShell, stopAll,
} from '../../support/iomux.js';
import { descriptorsOf, isAlive, scratch, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const iomux = suiteOnHosts('links of iomux-spawn', 'iomux-spawn');
const { path, directory, remove } = scratch();

const file = `${path}/pattern`;
const FILE_BYTES = 8 << 20;
writeFileSync(file, pattern(FILE_BYTES));
const RING_BYTES = 65_536;

iomux.after.each(stopAll);
iomux.afterAll(remove);

/** A job that waits for a word before it writes the first `size` bytes of the pattern, and for another before it ends. */
function startWriter(size: number, ...options: string[]): Promise<Job> {
  return startShell(directory(), `read x; head -c ${size} ${file}; read x; exit 4`, ...options);
}

/** Waits until a number has stopped rising, and those that make it rise are blocked. */
async function settles(value: () => number, ...pids: number[]): Promise<number> {
  for (let last = -1; ;) {
    await until(() => value() > 0, 'the first byte comes');
    await comesToRest(...pids);
    if (value() === last) return last;
    last = value();
  }
}

const sizeOf = (pid: number): string => /^VmSize:.*$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![0];

iomux('a hundred links, each at its own pace, all get every byte', async () => {
  const size = 1 << 20;
  const job = await startWriter(size);
  const links = Array.from({ length: 100 }, () => startLink(job.directory));
  await holds(job, 300);
  for (const [index, { process: { stdout } }] of links.entries()) {
    // The first reads at once, the last takes the longest pauses.
    stdout!.on('data', () => {
      stdout!.pause();
      setTimeout(() => stdout!.resume(), index / 10);
    });
  }
  job.process.stdin!.write('write\n');
  job.process.stdin!.write('end\n');
  for (const [index, link] of links.entries()) {
    const ended = await link.ended;
    assert.is(ended.code, 4);
    assertSame(ended.stdout, pattern(size), `link ${index}`);
  }
  assert.is((await job.ended).code, 0);
});

iomux('links that come while bytes flow each get a stream without a hole', async () => {
  const size = 2 << 20;
  const job = await startShell(directory(), `read x; head -c ${size} ${file}`, '--ring', '4K');
  const first = await connectAll(job);
  job.process.stdin!.write('write\n');
  const late: Client[] = [];
  while (!first.stdout.isClosed && late.length < 100) {
    const client = await Client.to(job, 'stdout').catch(() => undefined);
    if (client) late.push(client);
  }
  assertSame((await first.stdout.all()).subarray(4), pattern(size), 'the first link');
  assert.ok(late.length > 0);
  for (const client of late) {
    await client.closed;
    // One that the end of the job overtook got nothing.
    if (client.bytes.length > 0) assertSame(client.content, pattern(size).subarray(client.position), `from ${client.position}`);
  }
});

iomux('by default, waits for a link that does not read, and loses nothing', async () => {
  const job = await startWriter(FILE_BYTES);
  const stuck = await Client.to(job, 'stdout', false);
  const link = startLink(job.directory);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  job.process.stdin!.write('write\n');
  const reached = await settles(() => link.output().length, job.pid, link.pid);
  // What the stuck link's connection holds, and the ring behind it.
  assert.ok(reached >= RING_BYTES, `${reached}`);
  assert.ok(reached < FILE_BYTES / 2, `${reached}`);
  assertSame(link.output(), pattern(reached), 'the other link, so far');
  assert.ok(isAlive(job.childPid));
  stuck.read();
  job.process.stdin!.write('end\n');
  assertSame((await stuck.all()).subarray(4), pattern(FILE_BYTES), 'the link that was stuck');
  const ended = await link.ended;
  assert.is(ended.code, 4);
  assertSame(ended.stdout, pattern(FILE_BYTES), 'the other link');
});

iomux('a link that comes when another has just made room lets the command go on', async () => {
  const job = await startWriter(FILE_BYTES, '--ring', '4K');
  const stuck = await Client.to(job, 'stdout', false);
  const link = startLink(job.directory);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  job.process.stdin!.write('write\n');
  const reached = await settles(() => link.output().length, job.pid, link.pid);
  // So little that the kernel does not call the connection writable yet, but enough for all that the ring holds.
  stuck.socket.read(0);
  await until(() => stuck.socket.readableLength > 0, 'it has read a piece', DEADLINE_MS);
  await (await Client.to(job, 'stdout')).has(4096);
  await until(() => link.output().length > reached, 'the command goes on', DEADLINE_MS);
  stuck.read();
  job.process.stdin!.write('end\n');
  assertSame((await stuck.all()).subarray(4), pattern(FILE_BYTES), 'the link that was stuck');
  assertSame((await link.ended).stdout, pattern(FILE_BYTES), 'the other link');
});

iomux('a link that is stuck on one stream does not hold up the other', async () => {
  const job = await startShell(directory(), `read x; cat ${file} & cat ${file} >&2; read x; wait`);
  const clients = await connectAll(job);
  const stuck = await Client.to(job, 'stdout', false);
  job.process.stdin!.write('write\n');
  await clients.stderr.has(FILE_BYTES);
  assertSame(clients.stderr.content, pattern(FILE_BYTES), 'stderr');
  assert.ok((await settles(() => clients.stdout.bytes.length, job.pid)) < FILE_BYTES / 2);
  stuck.read();
  job.process.stdin!.write('end\n');
  assertSame((await clients.stdout.all()).subarray(4), pattern(FILE_BYTES), 'stdout');
  assertSame((await stuck.all()).subarray(4), pattern(FILE_BYTES), 'the link that was stuck');
});

iomux('a link that goes away frees those that waited for it', async () => {
  const job = await startWriter(FILE_BYTES);
  const stuck = await Client.to(job, 'stdout', false);
  const link = startLink(job.directory);
  job.process.stdin!.write('write\n');
  await settles(() => link.output().length, job.pid, link.pid);
  stuck.socket.destroy();
  await until(() => link.output().length === FILE_BYTES, 'the other link has everything', DEADLINE_MS);
  job.process.stdin!.write('end\n');
  assert.is((await link.ended).code, 4);
});

iomux('with --slow drop, closes a link that does not read; back with its cursors, it learns of the gap exactly', async () => {
  // It writes a piece for each line that it gets, so that only the link that is stopped falls behind.
  const size = 1 << 20, pieces = size / 32_768;
  const job = await startShell(directory(), `exec 3<${file}; while read x; do dd bs=32768 count=1 status=none <&3; done; exit 4`, '--slow', 'drop');
  const cursors = `${job.directory}/dropped`;
  const dropped = startLink(job.directory, '-w', cursors);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  const link = startLink(job.directory);
  await holds(job, 6);
  dropped.process.kill('SIGSTOP');
  for (let piece = 1; piece <= pieces; piece++) {
    job.process.stdin!.write('write\n');
    await until(() => link.output().length === piece * 32_768, `the other link has ${piece} pieces`, DEADLINE_MS);
  }
  await holds(job, 3);
  dropped.process.kill('SIGCONT');
  const had = await dropped.ended;
  assert.is(had.code, 255);
  assert.match(had.stderr, "the job's exit status never came");
  assertSame(had.stdout, pattern(had.stdout.length), 'what it had');
  const back = startLink(job.directory, '-w', cursors);
  await until(() => back.output().length === RING_BYTES, 'it has the ring', DEADLINE_MS);
  job.process.stdin!.end();
  const ended = await back.ended;
  assert.is(ended.code, 4);
  assertSame(ended.stdout, pattern(size).subarray(size - RING_BYTES), 'what it gets now');
  const from = had.stdout.length, to = size - RING_BYTES;
  assert.is(ended.stderr, `iomux-link: stdout: ${to - from} bytes are lost between position ${from} and ${to} (written while no link was here, and no longer kept)\n`);
  assert.equal([(await link.ended).code, (await job.ended).code], [4, 0]);
});

iomux('with --slow drop, ends without a link that does not read the rest', async () => {
  const job = await startWriter(1 << 20, '--slow-reader', 'disconnect', '--ring', '4M');
  const stuck = startLink(job.directory), link = startLink(job.directory);
  await holds(job, 6);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  stuck.process.kill('SIGSTOP');
  job.process.stdin!.write('write\nend\n');
  assert.is((await link.ended).code, 4);
  assert.is((await job.ended).code, 0);
  stuck.process.kill('SIGCONT');
  assert.is((await stuck.ended).code, 255);
});

iomux('tells each link the status behind the end of its own streams, and none later for another\'s sake', async () => {
  const size = 2 << 20;
  const job = await startWriter(size, '--ring', '4M');
  const status = await Client.to(job, 'status'), stderr = await Client.to(job, 'stderr'), stdout = await Client.to(job, 'stdout', false);
  const stopped = startLink(job.directory), link = startLink(job.directory);
  await holds(job, 9);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  stopped.process.kill('SIGSTOP');
  job.process.stdin!.write('write\nend\n');
  const ended = await link.ended;
  assert.is(ended.code, 4);
  assertSame(ended.stdout, pattern(size), 'the link that reads');
  await stderr.closed;
  // Its other stream is not at its end, so this link may not know yet.
  assert.is(status.bytes.length, 0);
  assert.not(status.isClosed);
  assert.ok(isAlive(job.pid));
  stdout.read();
  assertSame((await stdout.all()).subarray(4), pattern(size), 'the link that read late');
  assert.equal([...await status.all()], [0, 0, 4, 0]);
  assert.ok(isAlive(job.pid));
  stopped.process.kill('SIGCONT');
  const resumed = await stopped.ended;
  assert.is(resumed.code, 4);
  assertSame(resumed.stdout, pattern(size), 'the link that was stopped');
  assert.is((await job.ended).code, 0);
});

iomux('takes no notice of what links send', async () => {
  const job = await startWriter(FILE_BYTES);
  const clients = await connectAll(job);
  const noise = Buffer.alloc(1 << 20, 'noise');
  // All of it is taken before the end comes: Node forgets what it has not read of a socket that it cannot write to any more.
  await Promise.all((Object.values(clients) as Client[]).map(({ socket }) => new Promise((taken) => { socket.write(noise, taken); })));
  for (let i = 0; i < 100; i++) (await Client.to(job, 'status')).socket.end('x');
  job.process.stdin!.write('write\nend\n');
  assertSame((await clients.stdout.all()).subarray(4), pattern(FILE_BYTES), 'stdout');
  assert.equal([...await clients.status.all()], [0, 0, 4, 0]);
});

iomux('serves a link that says it will say no more, and sleeps meanwhile', async () => {
  const job = await startWriter(FILE_BYTES);
  const clients = await connectAll(job);
  const stuck = await Client.to(job, 'stdout', false);
  for (const { socket } of [...Object.values(clients) as Client[], stuck]) socket.end();
  // While nothing comes.
  await comesToRest(job.pid);
  job.process.stdin!.write('write\n');
  await settles(() => clients.stdout.bytes.length, job.pid);
  stuck.read();
  await clients.stdout.has(FILE_BYTES);
  await comesToRest(job.pid);
  job.process.stdin!.write('end\n');
  assertSame((await clients.stdout.all()).subarray(4), pattern(FILE_BYTES), 'stdout');
  assertSame((await stuck.all()).subarray(4), pattern(FILE_BYTES), 'the one that was stuck');
  assert.equal([...await clients.status.all()], [0, 0, 4, 0]);
});

/** Twenty links that leave at once, whatever they were sent or have left to send. */
async function comeAndGo(job: Job): Promise<void> {
  const links = await Promise.all(Array.from({ length: 20 }, () => connectAll(job)));
  for (const [index, { socket }] of links.flatMap((link) => Object.values(link) as Client[]).entries()) {
    if (index % 2 === 0) socket.destroy();
    else socket.write('bye', () => socket.destroy());
  }
}

iomux('has the descriptors and the memory from before when links have come and gone', async () => {
  const job = await startWriter(FILE_BYTES);
  const keeps = await connectAll(job);
  await holds(job, 3);
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  const before = descriptorsOf(job.pid), size = sizeOf(job.pid);
  for (let round = 0; round < 5; round++) await comeAndGo(job);
  await holds(job, 3);
  assert.is(descriptorsOf(job.pid), before);
  job.process.stdin!.write('write\n');
  for (let round = 0; round < 5; round++) await comeAndGo(job);
  await keeps.stdout.has(FILE_BYTES);
  await holds(job, 3);
  assert.is(descriptorsOf(job.pid), before);
  if (isNative()) assert.is(sizeOf(job.pid), size);
  assertSame(keeps.stdout.content, pattern(FILE_BYTES), 'the link that stayed');
});

iomux('serves more links than it has descriptors for, one after the other', async () => {
  const DESCRIPTORS = 80, LINKS = 40;
  const size = 300_000;
  const job = await startJob(directory(), ['/bin/sh', '-c', `read x; head -c ${size} ${file}; exit 4`], [], ['/bin/sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh']);
  const links = [startLink(job.directory)];
  await until(() => isActive(job), 'the command runs', DEADLINE_MS);
  for (let i = 1; i < LINKS; i++) links.push(startLink(job.directory));
  await until(() => descriptorsOf(job.pid) >= DESCRIPTORS, 'all descriptors are taken', DEADLINE_MS);
  await comesToRest(job.pid);
  job.process.stdin!.write('write\n');
  const codes = [];
  for (const link of links) {
    const { code, stdout } = await link.ended;
    codes.push(code);
    assertSame(stdout, pattern(size).subarray(size - stdout.length), 'a link');
    // Whoever was let in late has missed what the ring no longer held, never more.
    assert.ok(stdout.length >= RING_BYTES, `${stdout.length}`);
  }
  assert.equal(codes, Array(LINKS).fill(4));
  assert.is((await job.ended).code, 0);
});

iomux('forgets a link that said it would say no more, when it goes', async () => {
  const job = await startWriter(FILE_BYTES);
  await connectAll(job);
  const clients = await connectAll(job);
  await holds(job, 6);
  for (const { socket } of Object.values(clients) as Client[]) await new Promise((resolve) => socket.end(resolve as () => void));
  await comesToRest(job.pid);
  for (const { socket } of Object.values(clients) as Client[]) socket.destroy();
  await holds(job, 3);
});

const hardLimit = Number(/^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
const LINKS_MAX = 512;

unless(hardLimit < 8_000 ? `the limit of open files is ${hardLimit}` : undefined, iomux)('closes what connects beyond 512 links, and only that', async () => {
  const job = await startWriter(FILE_BYTES);
  const links: Clients[] = [];
  for (let i = 0; i < LINKS_MAX; i++) links.push(await connectAll(job));
  await holds(job, LINKS_MAX * 3);
  for (const channel of ['stdout', 'stderr', 'status'] as const) assert.is((await (await Client.to(job, channel)).all()).length, 0, channel);
  links.pop()!.stdout.socket.destroy();
  await holds(job, LINKS_MAX * 3 - 1);
  const another = await Client.to(job, 'stdout');
  await another.has(0);
  job.process.stdin!.write('write\n');
  // The other 511 have 8 MiB each to take, which is no part of this test.
  for (const link of links.splice(2)) for (const client of Object.values(link) as Client[]) client.socket.destroy();
  job.process.stdin!.write('end\n');
  for (const { stdout } of [...links, { stdout: another }]) assertSame((await stdout.all()).subarray(4), pattern(FILE_BYTES), 'a link');
  assert.is((await job.ended).code, 0);
});

iomux.run();
