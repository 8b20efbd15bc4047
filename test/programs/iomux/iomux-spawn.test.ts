import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../../support/bytes.js';
import { argvOf, sample, suiteOnHosts } from '../../support/hosts.js';
import {
  type Channel, CHANNELS, Client, connectAll, DEADLINE_MS, isActive, startJob, startLink, startShell, stopAll, waits,
} from '../../support/iomux.js';
import { isAlive, processesWith, run, scratch, uniqueSleep, until } from '../../support/process.js';

const iomux = suiteOnHosts('iomux-spawn', 'iomux-spawn');
const { path, directory, remove } = scratch();

/** A file with the stream that the tests recognize. */
const file = `${path}/pattern`;
writeFileSync(file, pattern(4 << 20));

const iomuxSpawn = (...args: string[]) => run([...argvOf('iomux-spawn'), ...args], { timeoutMs: DEADLINE_MS });

iomux.after.each(stopAll);
iomux.afterAll(remove);

iomux('holds the command back until a link is on each of the three sockets, in whatever order they come', async () => {
  const orders: Channel[][] = [
    ['stdout', 'stderr', 'status'], ['stdout', 'status', 'stderr'], ['stderr', 'stdout', 'status'],
    ['stderr', 'status', 'stdout'], ['status', 'stdout', 'stderr'], ['status', 'stderr', 'stdout'],
  ];
  for (const order of orders) {
    const job = await startShell(directory(), 'echo ran');
    assert.is(job.output().toString(), `child_pid=${job.childPid}\n`);
    for (const [count, channel] of order.entries()) {
      assert.ok(waits(job), `${order.join()}: after ${count}`);
      const client = await Client.to(job, channel);
      // Its header says that iomux-spawn has seen it.
      if (count < 2 && channel !== 'status') await client.has(0);
    }
    assert.is((await job.ended).code, 0);
    assert.is(job.output().toString(), `child_pid=${job.childPid}\nchild active\n`);
  }
});

iomux('does not take many links of one stream for links of all', async () => {
  const job = await startShell(directory(), 'echo ran');
  for (let i = 0; i < 10; i++) await (await Client.to(job, 'stdout')).has(0);
  const stderr = await Client.to(job, 'stderr');
  await stderr.has(0);
  await (await Client.to(job, 'stdout')).has(0);
  assert.ok(waits(job));
  assert.not(isActive(job));
});

iomux('carries both streams from position 0 and the status to a link', async () => {
  const job = await startShell(directory(), 'echo out; echo err >&2; exit 42');
  const clients = await connectAll(job);
  assert.is((await clients.stdout.all()).toString('latin1'), '\0\0\0\0out\n');
  assert.is((await clients.stderr.all()).toString('latin1'), '\0\0\0\0err\n');
  assert.equal([...await clients.status.all()], [0, 0, 42, 0]);
  const ended = await job.ended;
  assert.equal([ended.code, ended.stderr], [0, '']);
});

iomux('gives a link that comes late the last 65,536 bytes and their position', async () => {
  const job = await startShell(directory(), `head -c 100000 ${file}; read x`);
  const first = await connectAll(job);
  await first.stdout.has(100_000);
  const late = await Client.to(job, 'stdout');
  await late.has(65_536);
  assert.equal([...late.bytes.subarray(0, 4)], [0, 0, 0x86, 0xa0]);
  assertSame(late.content, pattern(100_000).subarray(34_464), 'the ring');
  job.process.stdin!.end('go on\n');
  await late.closed;
  assertSame(first.stdout.content, pattern(100_000), 'the first link');
  assert.is(late.content.length, 65_536);
});

iomux('keeps as much as --ring says, rounded up to a power of two', async () => {
  for (const [size, kept] of [['4096', 4096], ['4K', 4096], ['5000', 8192], ['64K', 65_536], ['64k', 65_536], ['1M', 1 << 20]] as const) {
    const job = await startShell(directory(), `head -c 2000000 ${file}; read x`, '--ring', size);
    const first = await connectAll(job);
    await first.stdout.has(2_000_000);
    const late = await Client.to(job, 'stdout');
    await late.has(kept);
    assert.is(late.position, 2_000_000 - kept, size);
    assertSame(late.content, pattern(2_000_000).subarray(2_000_000 - kept), size);
    job.process.stdin!.end();
    await job.ended;
  }
});

iomux('passes on what comes while links listen, at once', async () => {
  const job = await startJob(directory(), ['/bin/cat']);
  const clients = await connectAll(job);
  let sent = '';
  for (let i = 0; i < 50; i++) {
    job.process.stdin!.write(`line ${i}\n`);
    sent += `line ${i}\n`;
    await clients.stdout.has(sent.length);
    assert.is(clients.stdout.content.toString(), sent);
  }
  job.process.stdin!.end();
  await clients.stdout.closed;
  assert.is(clients.stdout.content.toString(), sent);
});

iomux('tells every exit code as wait(2) gives it, big-endian', async () => {
  const codes = sample(Array.from({ length: 256 }, (_, code) => code));
  const next = async (): Promise<void> => {
    for (let code = codes.pop(); code !== undefined; code = codes.pop()) {
      const job = await startShell(directory(), `exit ${code}`);
      const { status } = await connectAll(job);
      assert.equal([...await status.all()], [0, 0, code, 0], `exit ${code}`);
      assert.is((await job.ended).code, 0, `exit ${code}`);
    }
  };
  await Promise.all([next(), next(), next(), next()]);
});

iomux('tells every signal that kills', async () => {
  const deadly = sample([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 50, 64]);
  const next = async (): Promise<void> => {
    for (let signal = deadly.pop(); signal !== undefined; signal = deadly.pop()) {
      const job = await startShell(directory(), `ulimit -c 0; kill -${signal} $$; read x`);
      const { status } = await connectAll(job);
      const bytes = await status.all();
      // The bit above the signal's says that a core was written, which is the machine's choice.
      assert.equal([bytes[0], bytes[1], bytes[2], (bytes[3] ?? 0) & 0x7f], [0, 0, 0, signal], `signal ${signal}`);
      assert.is((await job.ended).code, 0);
    }
  };
  await Promise.all([next(), next(), next(), next()]);
});

iomux('does not wait for a grandchild that holds the streams open', async () => {
  const sleep = uniqueSleep(), job = await startShell(directory(), `${sleep} & echo before; exit 3`);
  const clients = await connectAll(job);
  assert.equal([...await clients.status.all()], [0, 0, 3, 0]);
  assert.is((await clients.stdout.all()).subarray(4).toString(), 'before\n');
  assert.is((await job.ended).code, 0);
  const sleepers = processesWith(sleep);
  assert.is(sleepers.length, 1);
  for (const pid of sleepers) process.kill(pid, 'SIGKILL');
});

iomux('passes the end of one stream on while the other goes on', async () => {
  for (const [closes, other] of [['stdout', 'stderr'], ['stderr', 'stdout']] as const) {
    const [gone, kept] = closes === 'stdout' ? [1, 2] : [2, 1];
    const job = await startShell(directory(), `echo first >&${gone}; exec ${gone}>&-; read x; echo later >&${kept}; exit 5`);
    const clients = await connectAll(job);
    assert.is((await clients[closes].all()).subarray(4).toString(), 'first\n');
    assert.ok(isAlive(job.childPid));
    const late = await Client.to(job, closes);
    assert.is((await late.all()).subarray(4).toString(), 'first\n');
    job.process.stdin!.end('\n');
    assert.is((await clients[other].all()).subarray(4).toString(), 'later\n');
    assert.equal([...await clients.status.all()], [0, 0, 5, 0]);
  }
});

iomux('leaves the command its stdin, its environment and no other descriptors', async () => {
  const job = await startShell(directory(), 'cat; echo "$PASSED"; ls /proc/self/fd', ...[]);
  job.process.stdin!.end('input\n');
  const clients = await connectAll(job);
  // The fourth is the directory that ls reads.
  assert.is((await clients.stdout.all()).subarray(4).toString(), 'input\n\n0\n1\n2\n3\n');
  const passing = await startJob(directory(), ['/bin/sh', '-c', 'echo "$PASSED"'], [], ['/usr/bin/env', 'PASSED=a value']);
  assert.is((await (await connectAll(passing)).stdout.all()).subarray(4).toString(), 'a value\n');
});

iomux('takes arguments as they are, and looks the command up in PATH', async () => {
  const job = await startJob(directory(), ['printf', '<%s>', 'a b', '', '-x', 'ä"$']);
  assert.is((await (await connectAll(job)).stdout.all()).subarray(4).toString(), '<a b><><-x><ä"$>');
});

iomux.nativeOnly('setsid(2) would take the whole Node process out of its session')('lives in a session of its own', async () => {
  const job = await startShell(directory(), 'read x');
  // The sixth field of stat(5), behind the name.
  const session = readFileSync(`/proc/${job.pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ')[3];
  assert.is(Number(session), job.pid);
});

iomux('tells who cannot be executed, and links that the job ended with 255', async () => {
  const notExecutable = `${path}/plain`;
  writeFileSync(notExecutable, 'x\n');
  chmodSync(notExecutable, 0o644);
  const cases = [
    ['/no/such/command', 'no such file or directory'], ['no-such-command', 'no such file or directory'],
    [notExecutable, 'permission denied'], [path, 'permission denied'],
  ] as const;
  for (const [command, reason] of cases) {
    const job = await startJob(directory(), [command]);
    const clients = await connectAll(job);
    assert.equal([...await clients.status.all()], [0, 0, 255, 0], command);
    assert.is((await clients.stdout.all()).length, 4);
    const ended = await job.ended;
    assert.is(ended.code, 1, command);
    assert.is(ended.stderr, `iomux-spawn: cannot execute ${command}: ${reason}\n`);
  }
  const link = await startJob(directory(), ['/no/such/command']).then((job) => startLink(job.directory));
  assert.is((await link.ended).code, 255);
});

iomux('refuses a command line that makes no sense', async () => {
  const here = directory();
  const refused: [string[], RegExp][] = [
    [[], /DIRECTORY and COMMAND are missing/], [[here], /DIRECTORY and COMMAND are missing/],
    [['--unknown', 'x', here, 'true'], /invalid option.*--unknown/], [['--ring'], /invalid option.*--ring/],
    ...['0', '4095', '64M1', '65M', '1G', '-1', 'x', '', '99999999999999999999999'].map((size): [string[], RegExp] => [['--ring', size, here, 'true'], /--ring takes a size from 4K to 64M/]),
    [['--slow', 'perhaps', here, 'true'], /--slow takes wait or drop/],
    [['--slow-reader', 'drop', here, 'true'], /--slow-reader takes block or disconnect/],
    [['--linger', '1d', here, 'true'], /--linger takes a time/], [['--linger', '25h', here, 'true'], /--linger takes a time/], [['--linger', 'long', here, 'true'], /--linger takes a time/],
    [['--linger', '86401', here, 'true'], /--linger takes a time/],
    [[`${path}/missing`, 'true'], /no such directory: .*missing: no such file/], [[file, 'true'], /no such directory/],
    [[`/tmp/${'long/'.repeat(30)}`, 'true'], /107 bytes/],
  ];
  for (const [args, message] of refused) {
    const ended = await iomuxSpawn(...args);
    assert.equal([ended.code, ended.stdout.length], [1, 0], args.join(' '));
    assert.match(ended.stderr, message);
  }
  assert.equal(readdirSync(here), []);
  const help = await iomuxSpawn('--help');
  assert.is(help.code, 0);
  assert.match(help.stderr, 'usage: iomux-spawn');
});

iomux('makes sockets for its owner only, and removes them at the end', async () => {
  const job = await startJob(directory(), ['/bin/true'], [], ['/bin/sh', '-c', 'umask 0; exec "$@"', 'sh']);
  for (const channel of CHANNELS) assert.is(statSync(`${job.directory}/${channel}.sock`).mode & 0o777, 0o600);
  await connectAll(job);
  assert.is((await job.ended).code, 0);
  assert.equal(readdirSync(job.directory), []);
});

iomux('replaces sockets that nobody serves, and files of their name', async () => {
  const here = directory();
  for (const channel of ['stdout', 'stderr'] as const) writeFileSync(`${here}/${channel}.sock`, '');
  // Killed, it leaves its sockets.
  const killed = await startShell(here, 'true');
  killed.process.kill('SIGKILL');
  await killed.ended;
  assert.is(readdirSync(here).length, 3);
  const job = await startShell(here, 'echo replaced');
  assert.is((await (await connectAll(job)).stdout.all()).subarray(4).toString(), 'replaced\n');
  await job.ended;
  mkdirSync(`${here}/stderr.sock`);
  const refused = await iomuxSpawn(here, 'true');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /cannot listen on .*stderr\.sock: address already in use/);
  assert.equal(readdirSync(here), ['stderr.sock']);
});

iomux('leaves the directory to an iomux-spawn that is there', async () => {
  const job = await startShell(directory(), 'echo mine; exit 6');
  const refused = await iomuxSpawn(job.directory, 'true');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, 'another iomux-spawn serves already in');
  // That it asked is no link: the command still waits for one on each socket.
  await (await Client.to(job, 'stdout')).has(0);
  await (await Client.to(job, 'stderr')).has(0);
  await (await Client.to(job, 'stdout')).has(0);
  assert.ok(waits(job));
  const link = startLink(job.directory);
  const ended = await link.ended;
  assert.equal([ended.code, ended.stdout.toString()], [6, 'mine\n']);
});

iomux('does not take a directory from a server of another kind', async () => {
  const here = directory();
  const server = createServer().listen(`${here}/status.sock`);
  await until(() => existsSync(`${here}/status.sock`), 'it listens');
  assert.is((await iomuxSpawn(here, 'true')).code, 1);
  server.close();
});

iomux.run();
