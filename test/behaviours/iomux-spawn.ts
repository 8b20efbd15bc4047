/** docs/reference/iomux-spawn.md, on any host. */
import * as assert from 'uvu/assert';
import {
  assertPattern, assertStream, CHANNELS, type Channel, connectAll, connectTo, endsWith, has, HEADER_BYTES, isActive, positionOf, RING_BYTES,
  startJob, statusOf,
} from './jobs.js';
import { Behaviours, runToEnd } from './world.js';

export const behaviours = new Behaviours('iomux-spawn');
const { add } = { add: behaviours.add.bind(behaviours) };

const SIGHUP = 1, SIGINT = 2, SIGKILL = 9, SIGSEGV = 11, SIGTERM = 15;

const ORDERS: Channel[][] = [
  ['stdout', 'stderr', 'status'], ['stdout', 'status', 'stderr'], ['stderr', 'stdout', 'status'],
  ['stderr', 'status', 'stdout'], ['status', 'stdout', 'stderr'], ['status', 'stderr', 'stdout'],
];
for (const order of ORDERS) {
  add(`lets the command go when a link is on each socket: ${order.join(', ')}`, async (world) => {
    const job = await startJob(world, 'say 1 ran');
    for (const channel of order) {
      assert.not(isActive(job), channel);
      const connection = await connectTo(world, job, channel);
      if (channel !== 'status') await has(world, connection, 0);
    }
    await endsWith(world, job.spawn, 0);
    assert.match(job.spawn.stdout.text, /^child_pid=\d+\nchild active\n$/);
  });
}

add('many links of one stream are no link of all three', async (world) => {
  const job = await startJob(world, 'say 1 ran');
  for (let i = 0; i < 5; i++) await has(world, await connectTo(world, job, 'stdout'), 0);
  await has(world, await connectTo(world, job, 'stderr'), 0);
  await world.pass(100);
  assert.not(isActive(job));
});

add('a connection that has gone again does not count', async (world) => {
  const job = await startJob(world, 'say 1 ran');
  const gone = await connectTo(world, job, 'status');
  gone.close();
  await world.pass(100);
  await has(world, await connectTo(world, job, 'stdout'), 0);
  await has(world, await connectTo(world, job, 'stderr'), 0);
  await world.pass(100);
  assert.not(isActive(job));
});

add('carries both streams from position 0, then the status', async (world) => {
  const job = await startJob(world, 'write 1 5000; write 2 300; exit 42'), link = await connectAll(world, job);
  await assertStream(world, link.stdout, 1, 5000);
  await assertStream(world, link.stderr, 2, 300);
  assert.equal(await statusOf(world, link.status), [0, 0, 42, 0]);
  await endsWith(world, job.spawn, 0);
});

add('a link that comes late gets the last 65,536 bytes, and their position', async (world) => {
  const job = await startJob(world, 'write 1 100000; read 1; write 1 1000'), first = await connectAll(world, job);
  await has(world, first.stdout, 100_000);
  const late = await connectTo(world, job, 'stdout');
  await has(world, late, RING_BYTES);
  assert.is(positionOf(late), 34_464);
  job.spawn.stdin.write('x');
  await assertStream(world, late, 1, RING_BYTES + 1000, 34_464);
  await assertStream(world, first.stdout, 1, 101_000);
});

for (const [size, kept] of [['4096', 4096], ['4K', 4096], ['5000', 8192], ['256K', 262_144]] as const) {
  add(`--ring ${size} keeps ${kept} bytes`, async (world) => {
    const job = await startJob(world, 'write 1 300000; read 1', '--ring', size), first = await connectAll(world, job);
    await has(world, first.stdout, 300_000);
    const late = await connectTo(world, job, 'stdout');
    await has(world, late, kept);
    assert.is(positionOf(late), 300_000 - kept);
    assertPattern(1, 300_000 - kept, late.bytes.subarray(HEADER_BYTES), kept, 'the ring');
    job.spawn.stdin.write('x');
    await endsWith(world, job.spawn, 0);
  });
}

for (const size of [0, 1, 4096, 65_535, 65_536, 65_537, 262_145]) {
  add(`${size} bytes right before the exit are all delivered`, async (world) => {
    const job = await startJob(world, `write 1 ${size} 65536; write 2 ${size} 65536; exit 3`), link = await connectAll(world, job);
    await assertStream(world, link.stdout, 1, size);
    await assertStream(world, link.stderr, 2, size);
    assert.equal(await statusOf(world, link.status), [0, 0, 3, 0]);
  });
}

add('tells nothing of the status while the command runs', async (world) => {
  const job = await startJob(world, 'write 1 5000; close 1; close 2; read 1; exit 5'), link = await connectAll(world, job);
  await world.until(() => link.stdout.ended && link.stderr.ended, 'the streams end');
  await world.pass(50);
  assert.equal([link.status.bytes.length, link.status.ended], [0, false]);
  job.spawn.stdin.write('x');
  assert.equal(await statusOf(world, link.status), [0, 0, 5, 0]);
});

for (const code of [0, 1, 127, 128, 255]) {
  add(`tells exit code ${code} as wait(2) gives it, big-endian`, async (world) => {
    const link = await connectAll(world, await startJob(world, `exit ${code}`));
    assert.equal(await statusOf(world, link.status), [0, 0, code, 0]);
  });
}

for (const signal of [SIGHUP, SIGKILL, SIGSEGV, SIGTERM]) {
  add(`tells the death by signal ${signal}`, async (world) => {
    const link = await connectAll(world, await startJob(world, `die ${signal}`));
    const [first, second, third, last] = await statusOf(world, link.status);
    // The bit above the signal's says that a core was written, which is the machine's choice.
    assert.equal([first, second, third, last! & 0x7f], [0, 0, 0, signal]);
  });
}

add('does not wait for a grandchild that holds the streams open', async (world) => {
  const job = await startJob(world, 'fork { sleep 1000 }; write 1 5000; exit 3'), link = await connectAll(world, job);
  await assertStream(world, link.stdout, 1, 5000);
  assert.equal(await statusOf(world, link.status), [0, 0, 3, 0]);
  await endsWith(world, job.spawn, 0);
});

add('passes the end of one stream on while the other goes on', async (world) => {
  const job = await startJob(world, 'write 1 100; close 1; read 1; write 2 100; exit 5'), link = await connectAll(world, job);
  await assertStream(world, link.stdout, 1, 100);
  await assertStream(world, await connectTo(world, job, 'stdout'), 1, 100);
  job.spawn.stdin.write('x');
  await assertStream(world, link.stderr, 2, 100);
  assert.equal(await statusOf(world, link.status), [0, 0, 5, 0]);
});

const LARGE = 1_000_000;

add('waits for a link that does not read, and loses nothing', async (world) => {
  const job = await startJob(world, `write 1 ${LARGE} 65536; exit 4`);
  const stuck = await connectTo(world, job, 'stdout');
  stuck.pause();
  const link = await connectAll(world, job);
  await has(world, link.stdout, RING_BYTES);
  await world.rest(job.spawn);
  const reached = link.stdout.length;
  assert.ok(reached < LARGE / 2, `${reached} bytes have come`);
  await world.pass(100);
  assert.is(link.stdout.length, reached);
  stuck.resume();
  await assertStream(world, link.stdout, 1, LARGE);
  await assertStream(world, stuck, 1, LARGE);
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
});

add('a link that is stuck on one stream does not hold up the other', async (world) => {
  const job = await startJob(world, `fork { write 1 ${LARGE} 65536 }; write 2 ${LARGE} 65536; wait`);
  const stuck = await connectTo(world, job, 'stdout');
  stuck.pause();
  const link = await connectAll(world, job);
  await has(world, link.stderr, LARGE);
  assert.ok(link.stdout.length < LARGE / 2);
  stuck.resume();
  await assertStream(world, stuck, 1, LARGE);
  await assertStream(world, link.stdout, 1, LARGE);
});

add('a link that goes away frees those that waited for it', async (world) => {
  const job = await startJob(world, `write 1 ${LARGE} 65536; exit 4`);
  const stuck = await connectTo(world, job, 'stdout');
  stuck.pause();
  const link = await connectAll(world, job);
  await has(world, link.stdout, RING_BYTES);
  await world.pass(100);
  stuck.close();
  await assertStream(world, link.stdout, 1, LARGE);
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
});

add('with --slow drop, closes a link that does not read, gives it no status, and goes on with the others', async (world) => {
  // A piece for each byte of stdin, so that only the one that is stuck falls behind.
  const piece = 32_768, pieces = 40;
  const job = await startJob(world, `repeat ${pieces} { read 1; write 1 ${piece} ${piece} }; exit 4`, '--slow', 'drop');
  const stuck = await connectAll(world, job), link = await connectAll(world, job);
  stuck.stdout.pause();
  for (let written = 1; written <= pieces; written++) {
    job.spawn.stdin.write('x');
    await has(world, link.stdout, written * piece);
  }
  await assertStream(world, link.stdout, 1, pieces * piece);
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
  assert.equal(await statusOf(world, stuck.status), []);
  stuck.stdout.resume();
  await world.until(() => stuck.stdout.ended, 'the stuck link is closed');
  const had = stuck.stdout.length - HEADER_BYTES;
  assert.ok(had < pieces * piece);
  assertPattern(1, 0, stuck.stdout.bytes.subarray(HEADER_BYTES), had, 'what it had');
  await endsWith(world, job.spawn, 0);
});

add('with --slow drop, a link that is dropped before its status connection comes is told no status', async (world) => {
  const piece = 32_768, pieces = 40;
  const job = await startJob(world, `repeat ${pieces} { read 1; write 1 ${piece} ${piece} }; exit 4`, '--slow', 'drop');
  const link = await connectAll(world, job);
  const stuck = await connectTo(world, job, 'stdout');
  stuck.pause();
  for (let written = 1; written < pieces; written++) {
    job.spawn.stdin.write('x');
    await has(world, link.stdout, written * piece);
  }
  const stderr = await connectTo(world, job, 'stderr'), status = await connectTo(world, job, 'status');
  assert.equal(await statusOf(world, status), []);
  stuck.resume();
  await world.until(() => stuck.ended && stderr.ended, 'the stuck link is closed');
  assert.ok(stuck.length < (pieces - 1) * piece);
  job.spawn.stdin.write('x');
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
  await endsWith(world, job.spawn, 0);
});

add('two links of one process do not wait for each other', async (world) => {
  const job = await startJob(world, 'read 1; write 1 1000000 65536; exit 4', '--ring', '4M');
  const stuck = await connectAll(world, job);
  stuck.stdout.pause();
  const link = await connectAll(world, job);
  job.spawn.stdin.write('x');
  await assertStream(world, link.stdout, 1, 1_000_000);
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
  assert.is(stuck.status.length, 0);
  stuck.stdout.resume();
  await assertStream(world, stuck.stdout, 1, 1_000_000);
  assert.equal(await statusOf(world, stuck.status), [0, 0, 4, 0]);
});

add('tells the status behind the end of a link\'s streams', async (world) => {
  const job = await startJob(world, 'read 1; write 1 1000000 65536; exit 4', '--ring', '4M'), link = await connectAll(world, job);
  // Before there is anything: on a slow machine all of it may come while the other channels connect.
  link.stdout.pause();
  job.spawn.stdin.write('x');
  await world.until(() => link.stderr.ended, 'the other stream ends');
  await world.pass(100);
  assert.not(link.status.ended);
  link.stdout.resume();
  await assertStream(world, link.stdout, 1, 1_000_000);
  assert.equal(await statusOf(world, link.status), [0, 0, 4, 0]);
});

add('serves a link that says it will say no more', async (world) => {
  const job = await startJob(world, 'read 1; write 1 200000; exit 6'), link = await connectAll(world, job);
  for (const channel of CHANNELS) link[channel].end();
  job.spawn.stdin.write('x');
  await assertStream(world, link.stdout, 1, 200_000);
  assert.equal(await statusOf(world, link.status), [0, 0, 6, 0]);
});

add('takes no notice of what links send', async (world) => {
  const job = await startJob(world, 'read 1; write 1 200000; exit 6'), link = await connectAll(world, job);
  for (const channel of CHANNELS) link[channel].write(new Uint8Array(50_000).fill(120));
  job.spawn.stdin.write('x');
  await assertStream(world, link.stdout, 1, 200_000);
  assert.equal(await statusOf(world, link.status), [0, 0, 6, 0]);
});

add('twenty links all get everything', async (world) => {
  const job = await startJob(world, 'read 1; write 1 150000; exit 7');
  const links = [];
  for (let i = 0; i < 20; i++) links.push(await connectAll(world, job));
  job.spawn.stdin.write('x');
  for (const link of links) {
    await assertStream(world, link.stdout, 1, 150_000);
    assert.equal(await statusOf(world, link.status), [0, 0, 7, 0]);
  }
});

add('links that come while bytes flow each get a stream without a hole', async (world) => {
  const job = await startJob(world, 'repeat 20 { read 1; write 1 20000 }', '--ring', '4K');
  const first = await connectAll(world, job), late = [];
  for (let i = 1; i <= 20; i++) {
    late.push(await connectTo(world, job, 'stdout'));
    job.spawn.stdin.write('x');
    await has(world, first.stdout, i * 20_000);
  }
  await assertStream(world, first.stdout, 1, 400_000);
  for (const stream of late) {
    await world.until(() => stream.ended, 'a late link ends');
    assertPattern(1, positionOf(stream), stream.bytes.subarray(HEADER_BYTES), 400_000 - positionOf(stream), 'a late link');
  }
});

add('a command that cannot be executed is told, and is 255 for its links', async (world) => {
  const job = await startJob(world, ['/no/such/command']), link = await connectAll(world, job);
  assert.equal(await statusOf(world, link.status), [0, 0, 255, 0]);
  await endsWith(world, job.spawn, 1);
  assert.is(job.spawn.stderr.text, 'iomux-spawn: cannot execute /no/such/command: no such file or directory\n');
});

for (const signal of [SIGTERM, SIGINT, SIGHUP]) {
  add(`signal ${signal} asks the command to end; another one kills it`, async (world) => {
    const asked = await startJob(world, 'write 1 10; hang'), link = await connectAll(world, asked);
    await has(world, link.stdout, 10);
    asked.spawn.kill(signal);
    assert.equal(await statusOf(world, link.status), [0, 0, 0, SIGTERM]);
    const deaf = await startJob(world, `ignore ${SIGTERM}; write 1 10; hang`), other = await connectAll(world, deaf);
    await has(world, other.stdout, 10);
    deaf.spawn.kill(signal);
    await world.pass(100);
    assert.not(other.status.ended);
    deaf.spawn.kill(SIGTERM);
    assert.equal(await statusOf(world, other.status), [0, 0, 0, SIGKILL]);
    await endsWith(world, deaf.spawn, 0);
  });

  add(`signal ${signal} before a link has come ends a job that never ran`, async (world) => {
    const job = await startJob(world, 'say 1 ran'), stdout = await connectTo(world, job, 'stdout');
    await has(world, stdout, 0);
    job.spawn.kill(signal);
    await endsWith(world, job.spawn, 1);
    await world.until(() => stdout.ended, 'the link is closed');
    assert.is(stdout.length, HEADER_BYTES);
    assert.not(isActive(job));
    assert.equal(world.list(job.directory), []);
  });
}

add('killed, it takes the command with it, and links get no status', async (world) => {
  const job = await startJob(world, 'write 1 10; hang'), link = await connectAll(world, job);
  await has(world, link.stdout, 10);
  job.spawn.kill(SIGKILL);
  await assertStream(world, link.stdout, 1, 10);
  assert.equal(await statusOf(world, link.status), []);
  await world.until(() => job.spawn.ended, 'iomux-spawn is gone');
  assert.is(job.spawn.killedBy, SIGKILL);
});

add('replaces the sockets of one that was killed', async (world) => {
  const killed = await startJob(world, 'exit 1');
  killed.spawn.kill(SIGKILL);
  await world.until(() => killed.spawn.ended, 'it is gone');
  const next = world.start('iomux-spawn', [killed.directory, ...world.script('exit 8')]);
  await world.until(() => next.stdout.text.includes('\n'), 'it serves');
  assert.equal(await statusOf(world, (await connectAll(world, killed)).status), [0, 0, 8, 0]);
});

add('leaves the directory to an iomux-spawn that is there', async (world) => {
  const job = await startJob(world, 'exit 6'), other = await runToEnd(world, 'iomux-spawn', [job.directory, ...world.script('exit 0')]);
  assert.is(other.code, 1);
  assert.match(other.stderr, 'another iomux-spawn serves already in');
  assert.equal(await statusOf(world, (await connectAll(world, job)).status), [0, 0, 6, 0]);
});

add('the command has its stdin, its environment, and descriptors 0, 1 and 2', async (world) => {
  const job = await startJob(world, 'print 1 descriptors; copy; exit 0'), link = await connectAll(world, job);
  job.spawn.stdin.write('input');
  job.spawn.stdin.end();
  await world.until(() => link.stdout.ended, 'the stream ends');
  assert.is(link.stdout.text.slice(HEADER_BYTES), '0 1 2\ninput');
});

add('refuses a command line that makes no sense', async (world) => {
  const here = world.directory();
  const cases: [string[], string][] = [
    [[], 'DIRECTORY and COMMAND are missing'], [[here], 'DIRECTORY and COMMAND are missing'], [['--unknown', here, 'x'], 'invalid option'],
    [['--ring', '1K', here, 'x'], '--ring takes a size from 4K to 64M'], [['--slow', 'maybe', here, 'x'], '--slow takes wait or drop'],
    [['--linger', '86401', here, 'x'], '--linger takes a time'], [['--log-max-files', '10', here, 'x'], 'no such number'],
    [['--log-size-max', '0', here, 'x'], 'no such number'], [['--log-size-max', '1K', here, 'x'], 'no such number'], [[`${here}/none`, 'x'], 'no such directory'],
  ];
  for (const [args, words] of cases) {
    const { code, stdout, stderr } = await runToEnd(world, 'iomux-spawn', args);
    assert.equal([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, words);
  }
  assert.equal(world.list(here), []);
});
