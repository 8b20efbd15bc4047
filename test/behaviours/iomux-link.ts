/** docs/reference/iomux-link.md, on any host. */
import * as assert from 'uvu/assert';
import { pattern } from '../../src/sim/script/pattern.js';
import { assertPattern, bigEndian, CHANNELS, type Channel, connectAll, endsWith, has, isActive, RING_BYTES, startJob } from './jobs.js';
import { Behaviours, type Connection, type Outcome, outcomeOf, runToEnd, type World } from './world.js';

export const behaviours = new Behaviours('iomux-link');
const { add } = { add: behaviours.add.bind(behaviours) };

const SIGINT = 2, SIGKILL = 9, SIGTERM = 15;
const FULL = 0x1_0000_0000;

/** What an iomux-spawn says on each socket; on those that are not named nothing but its end. */
type Script = Partial<Record<Channel, (connection: Connection) => void>>;

async function serve(world: World, script: Script): Promise<string> {
  const directory = world.directory();
  for (const channel of CHANNELS) await world.serve(`${directory}/${channel}.sock`, script[channel] ?? ((connection) => connection.end()));
  return directory;
}

/** A stream from a position on. */
const begun = (position: number, bytes: Uint8Array | string) => (connection: Connection): void => {
  connection.write(bigEndian(position));
  connection.write(bytes);
};
/** The same, then its end. */
const stream = (position: number, bytes: Uint8Array | string = '') => (connection: Connection): void => {
  begun(position, bytes)(connection);
  connection.end();
};
const status = (...bytes: number[]) => (connection: Connection): void => {
  connection.write(Uint8Array.from(bytes));
  connection.end();
};
const empty: Script = { stdout: stream(0), stderr: stream(0), status: status(0, 0, 0, 0) };
/** What iomux-link says about a job of its own choice. */
async function told(world: World, script: Script, ...args: string[]): Promise<Outcome> {
  return runToEnd(world, 'iomux-link', [...args, await serve(world, script)]);
}

for (const code of [0, 1, 42, 255]) {
  add(`ends with the job's exit code ${code}, and copies both streams`, async (world) => {
    const job = await startJob(world, `write 1 5000; write 2 300; exit ${code}`), link = world.start('iomux-link', [job.directory]);
    await endsWith(world, link, code);
    assertPattern(1, 0, link.stdout.bytes, 5000, 'stdout');
    assertPattern(2, 0, link.stderr.bytes, 300, 'stderr');
    await endsWith(world, job.spawn, 0);
  });
}

for (const [signal, name] of [[9, 'signal 9 (SIGKILL)'], [11, 'signal 11 (SIGSEGV)'], [64, 'signal 64']] as const) {
  add(`a job that was killed by ${name} is 255, told when asked for`, async (world) => {
    const job = await startJob(world, `say 1 out; die ${signal}`), same = await startJob(world, `say 1 out; die ${signal}`);
    const message = `iomux-link: the job was killed by ${name}\n`;
    assert.equal(await runToEnd(world, 'iomux-link', [job.directory]), { code: 255, stdout: 'out\n', stderr: '' });
    assert.equal(await runToEnd(world, 'iomux-link', ['-v', same.directory]), { code: 255, stdout: 'out\n', stderr: message });
  });
}

add('a core that was written changes nothing', async (world) => {
  const { code, stderr } = await told(world, { ...empty, status: status(0, 0, 0, 0x8b) }, '-v');
  assert.equal([code, stderr], [255, 'iomux-link: the job was killed by signal 11 (SIGSEGV)\n']);
});

add('a million bytes on each stream', async (world) => {
  const size = 1_000_000, job = await startJob(world, `fork { write 1 ${size} 65536 }; write 2 ${size} 65536; wait`);
  const link = world.start('iomux-link', [job.directory]);
  await endsWith(world, link, 0);
  assertPattern(1, 0, link.stdout.bytes, size, 'stdout');
  assertPattern(2, 0, link.stderr.bytes, size, 'stderr');
});

add('a reader that is slow loses nothing', async (world) => {
  const job = await startJob(world, 'write 1 500000 65536; exit 3'), link = world.start('iomux-link', [job.directory]);
  link.stdout.pause();
  await world.pass(200);
  assert.is(link.exitCode, undefined);
  link.stdout.resume();
  await endsWith(world, link, 3);
  assertPattern(1, 0, link.stdout.bytes, 500_000, 'stdout');
});

add('a stream whose reader is stuck does not hold up the other', async (world) => {
  const size = 1_000_000, job = await startJob(world, `fork { write 1 ${size} 65536 }; write 2 ${size} 65536; wait`);
  const link = world.start('iomux-link', [job.directory]);
  link.stdout.pause();
  await world.until(() => link.stderr.length === size, 'all of stderr');
  assert.is(link.exitCode, undefined);
  link.stdout.resume();
  await endsWith(world, link, 0);
  assertPattern(1, 0, link.stdout.bytes, size, 'stdout');
});

add('goes on with the other stream and the status when a reader goes away', async (world) => {
  const job = await startJob(world, 'repeat 20 { read 1; write 1 20000 }; write 2 1000; exit 9'), link = world.start('iomux-link', [job.directory]);
  job.spawn.stdin.write('x');
  await world.until(() => link.stdout.length > 0, 'something comes');
  link.stdout.close();
  job.spawn.stdin.write('x'.repeat(19));
  await endsWith(world, link, 9);
  assert.match(link.stderr.text, /iomux-link: stdout: stopped at position \d+: broken pipe; the rest of it is left\n/);
});

add('without -w, starts with what there is, and misses nothing', async (world) => {
  assert.equal(await told(world, { ...empty, stdout: stream(1000, 'late') }), { code: 0, stdout: 'late', stderr: '' });
});

add('a link that comes late gets the ring', async (world) => {
  const job = await startJob(world, 'write 1 100000; exit 5', '--linger', '600');
  await endsWith(world, world.start('iomux-link', [job.directory]), 5);
  const late = world.start('iomux-link', [job.directory]);
  await endsWith(world, late, 5);
  assertPattern(1, 100_000 - RING_BYTES, late.stdout.bytes, RING_BYTES, 'the ring');
  assert.is(late.stderr.length, 0);
});

add('at the end, the positions are saved', async (world) => {
  const job = await startJob(world, 'write 1 5000; write 2 300; exit 2'), cursors = `${world.directory()}/cursors`;
  await endsWith(world, world.start('iomux-link', ['-w', cursors, job.directory]), 2);
  assert.equal([...world.read(cursors)!], [...bigEndian(5000, 300)]);
});

for (const signal of [SIGTERM, SIGINT]) {
  add(`signal ${signal} saves the positions; the next link goes on from there`, async (world) => {
    const job = await startJob(world, 'write 1 5000; read 1; write 1 3000; exit 4', '--linger', '600'), cursors = `${world.directory()}/cursors`;
    const link = world.start('iomux-link', ['-w', cursors, job.directory]);
    await world.until(() => link.stdout.length === 5000, 'all of it has come');
    link.kill(signal);
    await endsWith(world, link, 0);
    assert.equal([...world.read(cursors)!], [...bigEndian(5000, 0)]);
    const next = world.start('iomux-link', ['-w', cursors, job.directory]);
    job.spawn.stdin.write('x');
    await endsWith(world, next, 4);
    assertPattern(1, 5000, next.stdout.bytes, 3000, 'what it lacked');
  });
}

for (const [what, script] of [
  ['either stream', {}],
  ['stderr', { stdout: begun(0xf000_0000, 'early') }],
  ['stdout', { stderr: begun(7, 'early') }],
] as [string, Script][]) {
  add(`stopped before it knows the position of ${what}, has delivered nothing and saves nothing`, async (world) => {
    let connections = 0;
    const silent = (): void => { connections++; }, cursors = `${world.directory()}/cursors`;
    const directory = await serve(world, { stdout: silent, stderr: silent, status: silent, ...script });
    const link = world.start('iomux-link', ['-w', cursors, directory]);
    await world.until(() => connections === 3 - Object.keys(script).length, 'it connects');
    // Longer than between two savings.
    await world.pass(1_200);
    link.kill(SIGTERM);
    assert.equal(await outcomeOf(world, link), { code: 0, stdout: '', stderr: '' });
    assert.is(world.read(cursors), undefined);
  });
}

add('delivers when it knows the positions of both streams, whichever comes first', async (world) => {
  let late: Connection | undefined;
  const directory = await serve(world, { ...empty, stdout: stream(3, 'out'), stderr: (connection) => { late = connection; } });
  const link = world.start('iomux-link', [directory]);
  await world.until(() => late !== undefined, 'it is connected');
  await world.pass(100);
  assert.is(link.stdout.length, 0);
  stream(5, 'err')(late!);
  assert.equal(await outcomeOf(world, link), { code: 0, stdout: 'out', stderr: 'err' });
});

add('SIGTERM while nobody reads its stdout saves only what was taken', async (world) => {
  const job = await startJob(world, 'write 1 1000000 65536; hang'), cursors = `${world.directory()}/cursors`;
  const link = world.start('iomux-link', ['-w', cursors, job.directory]);
  link.stdout.pause();
  await world.until(() => isActive(job), 'the command runs');
  await world.rest(link);
  link.kill(SIGTERM);
  link.stdout.resume();
  await endsWith(world, link, 0);
  assert.ok(link.stdout.length < 1_000_000);
  assert.equal([...world.read(cursors)!], [...bigEndian(link.stdout.length, 0)]);
});

add('stopped and started again and again, delivers each byte once', async (world) => {
  const pieces = 12, job = await startJob(world, `repeat ${pieces} { read 1; write 1 7001; write 2 301 }; exit 77`, '--linger', '600');
  const cursors = `${world.directory()}/cursors`;
  let out = 0, err = 0;
  for (let piece = 1; piece <= pieces; piece++) {
    const link = world.start('iomux-link', ['-w', cursors, job.directory]);
    await world.until(() => isActive(job), 'the command runs');
    job.spawn.stdin.write('x');
    await world.until(() => out + link.stdout.length === piece * 7001 && err + link.stderr.length >= piece * 301, `piece ${piece} comes`);
    assertPattern(1, out, link.stdout.bytes, 7001, 'stdout');
    assertPattern(2, err, link.stderr.bytes, 301, 'stderr');
    out += link.stdout.length;
    err += link.stderr.length;
    // The last one ends by itself.
    if (piece < pieces) link.kill(SIGTERM);
    await endsWith(world, link, piece < pieces ? 0 : 77);
  }
});

add('saves the positions as it goes: killed, it leaves what was delivered a second ago', async (world) => {
  const job = await startJob(world, 'write 1 5000; hang'), cursors = `${world.directory()}/cursors`;
  const link = world.start('iomux-link', ['-w', cursors, job.directory]);
  await world.until(() => world.read(cursors) !== undefined, 'the positions are saved');
  link.kill(SIGKILL);
  await world.until(() => link.ended, 'it is gone');
  assert.equal([...world.read(cursors)!], [...bigEndian(5000, 0)]);
});

for (const first of [0, 100, 0x7fff_fff0, 0xffff_ffc0, 0xffff_ffff]) {
  add(`resumes right from position ${first}`, async (world) => {
    const cursors = `${world.directory()}/cursors`, bytes = pattern(1, 0, 64);
    for (const known of [0, 1, 33, 64]) {
      world.write(cursors, bigEndian((first + known) % FULL, 0));
      const link = world.start('iomux-link', ['-w', cursors, await serve(world, { ...empty, stdout: stream(first, bytes) })]);
      await endsWith(world, link, 0);
      assertPattern(1, known, link.stdout.bytes, 64 - known, `${known} known`);
      assert.equal([...world.read(cursors)!], [...bigEndian((first + 64) % FULL, 0)]);
    }
    for (const gap of [1, 1_000_000]) {
      const saved = (first - gap + FULL) % FULL;
      world.write(cursors, bigEndian(saved, 0));
      const { stdout, stderr } = await told(world, { ...empty, stdout: stream(first, 'rest') }, '-w', cursors);
      const lost = `stdout: ${gap} bytes are lost between position ${saved} and ${first} (written while no link was here, and no longer kept)`;
      assert.equal([stdout, stderr], ['rest', `iomux-link: ${lost}\n`]);
    }
  });
}

add('tells of a gap in each stream', async (world) => {
  const cursors = `${world.directory()}/cursors`;
  world.write(cursors, bigEndian(10, 20));
  const { stderr } = await told(world, { ...empty, stdout: stream(15, 'a'), stderr: stream(27, 'b') }, '-w', cursors);
  assert.match(stderr, 'stdout: 5 bytes are lost between position 10 and 15');
  assert.match(stderr, 'stderr: 7 bytes are lost between position 20 and 27');
});

add('a ring that has moved on is a gap, told exactly', async (world) => {
  const job = await startJob(world, 'write 1 5000; read 1; write 1 200000; read 1', '--ring', '64K'), cursors = `${world.directory()}/cursors`;
  const link = world.start('iomux-link', ['-w', cursors, job.directory]), other = await connectAll(world, job);
  await world.until(() => link.stdout.length === 5000, 'the first piece comes');
  link.kill(SIGTERM);
  await endsWith(world, link, 0);
  job.spawn.stdin.write('x');
  await has(world, other.stdout, 205_000);
  const next = world.start('iomux-link', ['-w', cursors, job.directory]);
  await world.until(() => next.stdout.length === RING_BYTES, 'the ring comes');
  job.spawn.stdin.write('x');
  await endsWith(world, next, 0);
  assertPattern(1, 205_000 - RING_BYTES, next.stdout.bytes, RING_BYTES, 'the ring');
  assert.match(next.stderr.text, `stdout: ${200_000 - RING_BYTES} bytes are lost between position 5000 and ${205_000 - RING_BYTES}`);
});

add('takes position, stream and status in whatever pieces they come', async (world) => {
  const waiting: [Connection, number[]][] = [];
  const later = (...bytes: number[]) => (connection: Connection): void => { waiting.push([connection, bytes]); };
  const directory = await serve(world, { stdout: later(0, 0, 0, 5, 65, 66), stderr: later(0, 0, 0, 0, 67), status: later(0, 0, 33, 0) });
  const link = world.start('iomux-link', [directory]);
  await world.until(() => waiting.length === 3, 'it connects');
  for (let at = 0; at < 6; at++) {
    for (const [connection, bytes] of waiting) if (at < bytes.length) connection.write(Uint8Array.of(bytes[at]!));
    await world.pass(10);
  }
  for (const [connection] of waiting) connection.end();
  assert.equal(await outcomeOf(world, link), { code: 33, stdout: 'AB', stderr: 'C' });
});

add('waits for both streams when the status comes first', async (world) => {
  let late: Connection | undefined;
  const hold = (connection: Connection): void => { late = connection; };
  const link = world.start('iomux-link', [await serve(world, { ...empty, stdout: hold, status: status(0, 0, 5, 0) })]);
  await world.until(() => late !== undefined, 'it connects');
  await world.pass(200);
  assert.not(link.ended);
  late!.write(bigEndian(0));
  late!.write('late');
  late!.end();
  assert.equal(await outcomeOf(world, link), { code: 5, stdout: 'late', stderr: '' });
});

for (const bytes of [[], [0], [0, 0, 5]]) {
  add(`a status of ${bytes.length} bytes never came`, async (world) => {
    const { code, stdout, stderr } = await told(world, { ...empty, stdout: stream(0, 'out'), status: status(...bytes) });
    assert.equal([code, stdout], [255, 'out']);
    assert.match(stderr, 'the job\'s exit status never came; its iomux-spawn ended before it could tell');
  });
}

add('does not believe in signals that there are not', async (world) => {
  const { code, stderr } = await told(world, { ...empty, status: status(0, 0, 0, 0x7f) });
  assert.is(code, 255);
  assert.not.match(stderr, 'signal 127');
});

add('says which stream ended before its position, or before the one that was saved', async (world) => {
  const short = await told(world, { ...empty, stderr: status(0, 0, 0), stdout: stream(0, 'out') });
  assert.equal(short, { code: 0, stdout: 'out', stderr: 'iomux-link: stderr: ended before its position came\n' });
  const cursors = `${world.directory()}/cursors`;
  world.write(cursors, bigEndian(1000, 0));
  const other = await told(world, { ...empty, stdout: stream(0, 'out') }, '-w', cursors);
  assert.equal([other.code, other.stdout], [0, '']);
  assert.match(other.stderr, 'iomux-link: stdout: ended before the saved position; is the cursor file of another job?');
  assert.equal([...world.read(cursors)!], [...bigEndian(1000, 0)]);
});

add('cannot connect: says to which socket, and why', async (world) => {
  const directory = world.directory();
  for (const channel of CHANNELS) {
    const { code, stderr } = await runToEnd(world, 'iomux-link', [directory]);
    assert.is(code, 255);
    assert.is(stderr, `iomux-link: cannot connect to ${directory}/${channel}.sock: no such file or directory; is the job's iomux-spawn running?\n`);
    await world.serve(`${directory}/${channel}.sock`, () => undefined);
  }
  const killed = await startJob(world, 'exit 0');
  killed.spawn.kill(SIGKILL);
  await world.until(() => killed.spawn.ended, 'it is gone');
  assert.match((await runToEnd(world, 'iomux-link', [killed.directory])).stderr, 'connection refused; is the job\'s iomux-spawn running?');
});

for (const size of [0, 7, 9]) {
  add(`refuses a cursor file of ${size} bytes, and leaves it as it is`, async (world) => {
    const cursors = `${world.directory()}/cursors`;
    world.write(cursors, new Uint8Array(size).fill(1));
    const { code, stderr } = await told(world, empty, '-w', cursors);
    assert.equal([code, stderr], [255, `iomux-link: a cursor file has 8 bytes, this one has not: ${cursors}; remove it to start without\n`]);
    assert.equal([...world.read(cursors)!], Array(size).fill(1));
  });
}

add('copies on when the positions cannot be saved, and says so once', async (world) => {
  const cursors = `${world.directory()}/no/cursors`;
  const { code, stdout, stderr } = await told(world, { ...empty, stdout: stream(0, 'out'), status: status(0, 0, 6, 0) }, '-w', cursors);
  assert.equal([code, stdout, stderr], [6, 'out', `iomux-link: cannot save the positions in ${cursors}: no such file or directory\n`]);
});

add('takes -w FILE and -wFILE, before and behind the directory', async (world) => {
  const here = world.directory(), directory = await serve(world, { ...empty, stdout: stream(0, 'four'), stderr: stream(0, 'sixsix') });
  const forms = [['-w', `${here}/1`, directory], [`-w${here}/2`, directory], [directory, '-w', `${here}/3`], ['-w', `${here}/4`, '--', directory]];
  for (const [index, args] of forms.entries()) {
    assert.is((await runToEnd(world, 'iomux-link', args)).code, 0, args.join(' '));
    assert.equal([...world.read(`${here}/${index + 1}`)!], [...bigEndian(4, 6)]);
  }
});

add('refuses a command line that makes no sense', async (world) => {
  const here = world.directory();
  for (const args of [[], ['-w'], ['-w', ''], [here, here], ['-x', here], ['--unknown', here], [here, '-w']]) {
    const { code, stderr } = await runToEnd(world, 'iomux-link', args);
    assert.is(code, 255, args.join(' '));
    assert.match(stderr, /^iomux-link: .*; iomux-link --help shows how to call it\n$/);
  }
});
