import { existsSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../../support/bytes.js';
import { argvOf, crowd, sample, suiteOnHosts } from '../../support/hosts.js';
import { CHANNELS, type Channel, Client, comesToRest, DEADLINE_MS, holds, startLink, startShell, stopAll } from '../../support/iomux.js';
import { type Ended, run, scratch, until } from '../../support/process.js';

const link = suiteOnHosts('iomux-link', 'iomux-link');
const { path, directory, remove } = scratch();
let serial = 0;

const cursorFile = (): string => `${path}/cursors-${++serial}`;

const file = `${path}/pattern`;
writeFileSync(file, pattern(8 << 20));

const servers: Server[] = [];
link.after.each(async () => {
  for (const server of servers.splice(0)) server.close();
  await stopAll();
});
link.afterAll(remove);

/** What an iomux-spawn says on each socket; it stays silent on those that are not named. */
type Script = Partial<Record<Channel, (socket: Socket) => void | Promise<void>>>;

/** An iomux-spawn that follows a script; its directory. */
function serve(script: Script): string {
  const here = directory();
  for (const channel of CHANNELS) {
    servers.push(createServer((socket) => {
      socket.on('error', () => undefined);
      void (script[channel] ?? ((silent) => { silent.end(); }))(socket);
    }).listen(`${here}/${channel}.sock`));
  }
  return here;
}

const header = (position: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(position);
  return bytes;
};
const cursors = (stdout: number, stderr: number): Buffer => Buffer.concat([header(stdout), header(stderr)]);

/** A stream from a position on, then its end. */
const stream = (position: number, bytes: Buffer | string) => (socket: Socket): void => {
  socket.write(header(position));
  socket.end(bytes);
};
const status = (...bytes: number[]) => (socket: Socket): void => { socket.end(Buffer.from(bytes)); };
/** A job that wrote nothing and exited with 0. */
const empty: Script = { stdout: stream(0, ''), stderr: stream(0, ''), status: status(0, 0, 0, 0) };

const runLink = (here: string, ...args: string[]): Promise<Ended> => run([...argvOf('iomux-link'), '-v', ...args, here], { timeoutMs: DEADLINE_MS });

link('ends with the exit code of the job', async () => {
  for (const code of sample([0, 1, 2, 42, 126, 127, 128, 143, 254, 255])) {
    const job = await startShell(directory(), `echo out; echo err >&2; exit ${code}`);
    const ended = await runLink(job.directory);
    assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [code, 'out\n', 'err\n']);
  }
});

link('tells by which signal the job died, and ends with 255', async () => {
  const names = { 1: 'signal 1 (SIGHUP)', 6: 'signal 6 (SIGABRT)', 9: 'signal 9 (SIGKILL)', 11: 'signal 11 (SIGSEGV)', 15: 'signal 15 (SIGTERM)', 64: 'signal 64' };
  for (const [signal, name] of Object.entries(names)) {
    const job = await startShell(directory(), `ulimit -c 0; kill -${signal} $$; read x`);
    const ended = await runLink(job.directory);
    assert.equal([ended.code, ended.stderr], [255, `iomux-link: the job was killed by ${name}\n`]);
  }
  // 0x8b: SIGSEGV, and a core was written.
  const dumped = await runLink(serve({ ...empty, status: status(0, 0, 0, 0x8b) }));
  assert.equal([dumped.code, dumped.stderr], [255, 'iomux-link: the job was killed by signal 11 (SIGSEGV)\n']);
});

link('does not believe in signals that there are not', async () => {
  const ended = await runLink(serve({ ...empty, status: status(0, 0, 0, 0x7f) }));
  assert.is(ended.code, 255);
  assert.match(ended.stderr, /^iomux-link: .*\n$/);
  assert.not.match(ended.stderr, 'signal 127');
});

link('takes -w FILE and -wFILE, before and behind the directory', async () => {
  const [one, two, three, four] = [cursorFile(), cursorFile(), cursorFile(), cursorFile()];
  const here = serve({ ...empty, stdout: stream(0, 'four'), stderr: stream(0, 'sixsix') });
  for (const args of [['-w', one, here], [`-w${two}`, here], [here, '-w', three], ['-w', four, '--', here]]) {
    assert.is((await run([...argvOf('iomux-link'), ...args])).code, 0, args.join(' '));
  }
  for (const name of [one, two, three, four]) {
    assert.equal(readFileSync(name), cursors(4, 6), 'at the end, the positions are saved');
    assert.is(statSync(name).mode & 0o777, 0o600);
  }
});

link('without -w, starts with what there is, and misses nothing', async () => {
  const here = serve({ ...empty, stdout: stream(1000, 'late') });
  const ended = await runLink(here);
  assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [0, 'late', '']);
});

link('SIGTERM and SIGINT save the positions of what was delivered', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const job = await startShell(directory(), `head -c 300000 ${file}; head -c 1000 ${file} >&2; read x`);
    const name = cursorFile(), running = startLink(job.directory, '-w', name);
    await until(() => running.output().length === 300_000, 'all has come', DEADLINE_MS);
    await until(() => running.errors().length === 1000, 'the rest, too', DEADLINE_MS);
    running.process.kill(signal);
    const ended = await running.ended;
    assert.equal([ended.code, ended.stderr.length], [0, 1000]);
    assert.equal(readFileSync(name), cursors(300_000, 1000));
  }
});

link('SIGTERM while nobody reads its stdout saves only what was taken', async () => {
  const job = await startShell(directory(), `cat ${file}; read x`);
  const name = cursorFile(), running = startLink(job.directory, '-w', name);
  running.process.stdout!.pause();
  await holds(job, 3);
  await comesToRest(running.pid, job.pid);
  running.process.kill('SIGTERM');
  running.process.stdout!.resume();
  const ended = await running.ended;
  assert.is(ended.code, 0);
  assert.ok(ended.stdout.length < 8 << 20);
  assert.equal(readFileSync(name), cursors(ended.stdout.length, 0));
});

link('stopped and started many times while the job writes, delivers each byte once', async () => {
  const lines = 60_000, parts = 6;
  // Each part waits for a line, so that no link can have it all.
  const part = `i=0; while [ $i -lt ${lines / parts} ]; do printf '%015d\\n' $n; printf '%015d\\n' $n >&2; i=$((i+1)) n=$((n+1)); done`;
  const script = `n=0; while read x; do ${part}; done; exit 77`;
  const job = await startShell(directory(), script, '--ring', '64M', '--linger', '60');
  const name = cursorFile();
  const stdout: Buffer[] = [], stderr: Buffer[] = [];
  let restarts = 0;
  for (let ended: Ended | undefined; ended?.code !== 77; restarts++) {
    if (restarts < parts) job.process.stdin!.write('write\n');
    else job.process.stdin!.end();
    const running = startLink(job.directory, '-w', name);
    await until(() => running.output().length > 0 || running.process.exitCode !== null, 'something comes', DEADLINE_MS);
    if (restarts < 40) running.process.kill(restarts % 2 ? 'SIGTERM' : 'SIGINT');
    ended = await running.ended;
    assert.ok(ended.code === 0 || ended.code === 77, `${ended.code}: ${ended.stderr}`);
    stdout.push(ended.stdout);
    stderr.push(Buffer.from(ended.stderr));
  }
  assert.ok(restarts >= parts, `${restarts} links`);
  assertSame(Buffer.concat(stdout), pattern(lines * 16), 'stdout');
  assertSame(Buffer.concat(stderr), pattern(lines * 16), 'stderr');
  assert.equal(readFileSync(name), cursors(lines * 16, lines * 16));
});

link('saves the positions as it goes: killed, it leaves a whole file that is not ahead of what was delivered', async () => {
  const size = 8 << 20;
  const job = await startShell(directory(), `cat ${file}; read x; exit 8`, '--ring', '8M');
  const name = cursorFile(), running = startLink(job.directory, '-w', name), { stdout } = running.process;
  // Read so slowly that it is not done when the positions are first saved.
  stdout!.on('data', () => {
    stdout!.pause();
    setTimeout(() => stdout!.resume(), 20);
  });
  await until(() => existsSync(name), 'the positions are saved', DEADLINE_MS);
  running.process.kill('SIGKILL');
  const killed = await running.ended;
  const saved = readFileSync(name);
  assert.is(saved.length, 8);
  const position = saved.readUInt32BE(0);
  assert.ok(position > 0 && position <= killed.stdout.length, `saved ${position}, delivered ${killed.stdout.length}`);
  assert.ok(killed.stdout.length < size);
  assertSame(killed.stdout, pattern(killed.stdout.length), 'what was delivered');
  const resumed = startLink(job.directory, '-w', name);
  await until(() => resumed.output().length > 0, 'the rest comes', DEADLINE_MS);
  job.process.stdin!.end('\n');
  const ended = await resumed.ended;
  assert.is(ended.code, 8);
  assertSame(ended.stdout, pattern(size).subarray(position), 'the rest');
});

/** What a link with these positions makes of a stream of 64 bytes from another position on. */
async function resume(saved: number, first: number): Promise<[skipped: number, stderr: string, after: Buffer]> {
  const name = cursorFile();
  writeFileSync(name, cursors(saved, 0));
  const bytes = pattern(64);
  const ended = await runLink(serve({ ...empty, stdout: stream(first, bytes) }), '-w', name);
  assert.is(ended.code, 0);
  assertSame(ended.stdout, bytes.subarray(64 - ended.stdout.length), 'the end of the stream');
  return [64 - ended.stdout.length, ended.stderr, readFileSync(name)];
}

link('resumes right across 2 GiB and 4 GiB', async () => {
  const full = 0x1_0000_0000;
  for (const first of sample([0, 100, 0x7fff_fff0, 0x8000_0000, 0xffff_ffc0, 0xffff_fff0, 0xffff_ffff])) {
    const end = (first + 64) % full;
    for (const skip of [0, 1, 16, 33, 64]) {
      assert.equal(await resume((first + skip) % full, first), [skip, '', cursors(end, 0)], `from ${first}, ${skip} known`);
    }
    for (const gap of [1, 40, 1_000_000]) {
      const saved = (first - gap + full) % full;
      const told = `iomux-link: stdout: ${gap} bytes are lost between position ${saved} and ${first} (written while no link was here, and no longer kept)\n`;
      assert.equal(await resume(saved, first), [0, told, cursors(end, 0)], `from ${first}, ${gap} lost`);
    }
  }
});

link('tells of a gap in each stream', async () => {
  const name = cursorFile();
  writeFileSync(name, cursors(10, 20));
  const ended = await runLink(serve({ ...empty, stdout: stream(15, 'a'), stderr: stream(27, 'b') }), '-w', name);
  assert.match(ended.stderr, 'stdout: 5 bytes are lost between position 10 and 15');
  assert.match(ended.stderr, 'stderr: 7 bytes are lost between position 20 and 27');
  assert.equal(readFileSync(name), cursors(16, 28));
});

link('takes position, stream and status in whatever pieces they come', async () => {
  const inPieces = (bytes: Buffer) => async (socket: Socket): Promise<void> => {
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      // Long enough for the link to take it by itself.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.end();
  };
  const name = cursorFile();
  writeFileSync(name, cursors(7, 0));
  const ended = await runLink(serve({
    stdout: inPieces(Buffer.concat([header(5), Buffer.from('xxrest')])), stderr: inPieces(Buffer.concat([header(0), Buffer.from('err')])),
    status: inPieces(Buffer.of(0, 0, 33, 0)),
  }), '-w', name);
  assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [33, 'rest', 'err']);
});

link('waits for both streams when the status comes first', async () => {
  const name = cursorFile();
  let give = (): void => undefined;
  const late = (socket: Socket): void => {
    socket.write(header(0));
    give = () => { socket.end('late'); };
  };
  const here = serve({ ...empty, stdout: late, status: status(0, 0, 5, 0) });
  const running = startLink(here, '-w', name);
  await comesToRest(running.pid);
  give();
  const ended = await running.ended;
  assert.equal([ended.code, ended.stdout.toString()], [5, 'late']);
});

link('says that the status never came, and ends with 255', async () => {
  for (const bytes of [[], [0], [0, 0, 5]]) {
    const ended = await runLink(serve({ ...empty, stdout: stream(0, 'out'), status: status(...bytes) }));
    assert.equal([ended.code, ended.stdout.toString()], [255, 'out']);
    assert.match(ended.stderr, "the job's exit status never came; its iomux-spawn ended before it could tell");
  }
});

link('says which stream ended before its position, or before the one that was saved', async () => {
  const short = await runLink(serve({ ...empty, stderr: status(0, 0, 0), stdout: stream(0, 'out') }));
  assert.equal([short.code, short.stdout.toString(), short.stderr], [0, 'out', 'iomux-link: stderr: ended before its position came\n']);
  const name = cursorFile();
  writeFileSync(name, cursors(1000, 0));
  const other = await runLink(serve({ ...empty, stdout: stream(0, 'out') }), '-w', name);
  assert.equal([other.code, other.stdout.length], [0, 0]);
  assert.match(other.stderr, 'iomux-link: stdout: ended before the saved position; is the cursor file of another job?');
  assert.equal(readFileSync(name), cursors(1000, 0));
});

link('cannot connect: says to which socket, and why', async () => {
  const here = directory();
  for (const channel of CHANNELS) {
    const ended = await runLink(here);
    assert.is(ended.code, 255);
    assert.is(ended.stderr, `iomux-link: cannot connect to ${here}/${channel}.sock: no such file or directory; is the job's iomux-spawn running?\n`);
    servers.push(createServer().listen(`${here}/${channel}.sock`));
  }
  const left = await startShell(directory(), 'true');
  left.process.kill('SIGKILL');
  await left.ended;
  assert.match((await runLink(left.directory)).stderr, 'connection refused; is the job');
  assert.match((await runLink(`/tmp/${'long/'.repeat(30)}`)).stderr, "a socket's path has at most 107 bytes");
});

link('waits while iomux-spawn has no time for connections', async () => {
  const job = await startShell(directory(), 'read x; echo all; exit 4');
  job.process.kill('SIGSTOP');
  const links = Array.from({ length: crowd(150) }, () => startLink(job.directory)), tries: Client[] = [];
  await until(async () => {
    const client = await Client.tryOnce(job, 'stdout').catch(() => undefined);
    if (client) tries.push(client);
    return client === undefined;
  }, 'the queue is full', DEADLINE_MS);
  job.process.kill('SIGCONT');
  for (const { socket } of tries) socket.destroy();
  await holds(job, 3 * links.length);
  job.process.stdin!.write('\n');
  for (const { ended } of links) assert.equal([(await ended).code, (await ended).stdout.toString()], [4, 'all\n']);
});

link('refuses a cursor file that is none', async () => {
  for (const bytes of [0, 7, 9, 100]) {
    const name = cursorFile();
    writeFileSync(name, Buffer.alloc(bytes, 1));
    const ended = await runLink(serve(empty), '-w', name);
    assert.equal([ended.code, ended.stderr], [255, `iomux-link: a cursor file has 8 bytes, this one has not: ${name}; remove it to start without\n`]);
    assert.equal(readFileSync(name), Buffer.alloc(bytes, 1));
  }
  const ended = await runLink(serve(empty), '-w', directory());
  assert.is(ended.code, 255);
  assert.match(ended.stderr, /cannot read the cursor file .*is a directory/);
});

link('copies on when the positions cannot be saved, says so once, and at SIGTERM by its exit code', async () => {
  const name = `${path}/no/such/directory/cursors`, told = `iomux-link: cannot save the positions in ${name}: no such file or directory\n`;
  const ended = await runLink(serve({ ...empty, stdout: stream(0, 'out'), status: status(0, 0, 6, 0) }), '-w', name);
  assert.equal([ended.code, ended.stdout.toString(), ended.stderr], [6, 'out', told]);
  const job = await startShell(directory(), 'echo out; read x');
  const running = startLink(job.directory, '-w', name);
  await until(() => running.output().length > 0, 'something comes', DEADLINE_MS);
  running.process.kill('SIGTERM');
  const stopped = await running.ended;
  assert.equal([stopped.code, stopped.stderr], [255, told]);
});

link('refuses a command line that makes no sense', async () => {
  const here = serve(empty);
  for (const args of [[], ['-w'], ['-w', ''], [here, here], ['-x', here], ['--unknown', here], [here, '-w']]) {
    const ended = await run([...argvOf('iomux-link'), ...args]);
    assert.is(ended.code, 255, args.join(' '));
    assert.match(ended.stderr, /^iomux-link: .*; iomux-link --help shows how to call it\n$/);
  }
  const help = await run([...argvOf('iomux-link'), '--help']);
  assert.is(help.code, 0);
  assert.match(help.stderr, 'usage: iomux-link [-v] [-w CURSOR_FILE] DIRECTORY');
});

link('sleeps while nothing comes', async () => {
  const job = await startShell(directory(), 'echo out; exec 2>&-; read x');
  const running = startLink(job.directory, '-w', cursorFile());
  await until(() => running.output().length > 0, 'something comes', DEADLINE_MS);
  // The positions are saved once more after a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await comesToRest(running.pid);
});

link('leaves a file alone that is also somebody else\'s, by a hard link', async () => {
  const positions = cursorFile(), other = `${positions}-of-others`;
  writeFileSync(other, 'theirs');
  linkSync(other, `${positions}.new`);
  const { code, stderr } = await runLink(serve(empty), '-w', positions);
  assert.equal([code, stderr], [0, `iomux-link: cannot save the positions in ${positions}: file exists\n`]);
  assert.is(readFileSync(other, 'utf8'), 'theirs');
});

link.run();
