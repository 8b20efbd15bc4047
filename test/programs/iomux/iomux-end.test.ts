import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { assertSame, pattern } from '../../support/bytes.js';
import { argvOf, suiteOnHosts } from '../../support/hosts.js';
import {
  Client, comesToRest, connectAll, DEADLINE_MS, holds, isActive, type Job, startJob, startLink, startShell, stopAll, waits,
} from '../../support/iomux.js';
import { hasNoPendingSignal, isAlive, run, scratch, until } from '../../support/process.js';

const iomux = suiteOnHosts('the end of a job under iomux-spawn', 'iomux-spawn');
const { path, directory, remove } = scratch();

const file = `${path}/pattern`;
const FILE_BYTES = 4 << 20;
writeFileSync(file, pattern(FILE_BYTES));

iomux.after.each(stopAll);
iomux.afterAll(remove);

/** Signals that iomux-spawn passes on as a question. */
const POLITE = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** A job that says so when it is ready for signals, with a link on it. */
async function startReady(script: string, ...options: string[]): Promise<Job> {
  const job = await startShell(directory(), `${script}; echo ready; while :; do read x || sleep 60; done`, ...options);
  const { stdout } = await connectAll(job);
  await stdout.has('ready\n'.length);
  return job;
}

iomux('a signal asks the command to end, and the job ends as it does', async () => {
  for (const signal of POLITE) {
    const job = await startReady("trap 'echo asked; exit 7' TERM");
    const link = startLink(job.directory);
    await holds(job, 6);
    job.process.kill(signal);
    // The shell takes the signal between two commands.
    job.process.stdin!.write('\n');
    const ended = await link.ended;
    assert.equal([ended.code, ended.stdout.toString()], [7, 'ready\nasked\n'], signal);
    assert.is((await job.ended).code, 0);
  }
});

iomux('a command that does not end when it is asked is killed at the second signal', async () => {
  for (const signal of POLITE) {
    const job = await startReady("trap 'echo no' TERM");
    const link = startLink(job.directory);
    await holds(job, 6);
    job.process.kill(signal);
    job.process.stdin!.write('\n');
    await until(() => link.output().includes('no\n'), 'the command answers', DEADLINE_MS);
    assert.ok(isAlive(job.childPid));
    job.process.kill('SIGTERM');
    const ended = await link.ended;
    assert.is(ended.code, 255);
    assert.match(ended.stderr, 'signal 9 (SIGKILL)');
    assert.is((await job.ended).code, 0);
  }
});

iomux('a signal before a link has come ends a job that never ran', async () => {
  for (const signal of POLITE) {
    const job = await startShell(directory(), 'echo ran');
    const stdout = await Client.to(job, 'stdout');
    await stdout.has(0);
    assert.ok(waits(job));
    job.process.kill(signal);
    assert.is((await job.ended).code, 1);
    assert.is((await stdout.all()).length, 4);
    assert.not(isActive(job));
    assert.not(isAlive(job.childPid));
    assert.equal(readdirSync(job.directory), []);
  }
});

iomux('the command dies with iomux-spawn, before it ran and after', async () => {
  const waiting = await startShell(directory(), 'echo ran');
  waiting.process.kill('SIGKILL');
  await until(() => !isAlive(waiting.childPid), 'the process that waited is gone', DEADLINE_MS);
  const running = await startReady('trap "" TERM HUP INT');
  const link = startLink(running.directory);
  await holds(running, 6);
  running.process.kill('SIGKILL');
  await until(() => !isAlive(running.childPid), 'the command is gone', DEADLINE_MS);
  const ended = await link.ended;
  assert.is(ended.code, 255);
  assert.is(ended.stdout.toString(), 'ready\n');
  assert.match(ended.stderr, "the job's exit status never came");
});

iomux('a command that is killed is told as such', async () => {
  const job = await startReady(':');
  const link = startLink(job.directory);
  await holds(job, 6);
  process.kill(job.childPid, 'SIGKILL');
  const ended = await link.ended;
  assert.is(ended.code, 255);
  assert.match(ended.stderr, 'killed by signal 9 (SIGKILL)');
  assert.is((await job.ended).code, 0);
});

iomux('without --linger, the sockets go with the last link', async () => {
  const job = await startShell(directory(), 'echo short');
  const link = startLink(job.directory);
  assert.is((await link.ended).code, 0);
  assert.is((await job.ended).code, 0);
  assert.equal(readdirSync(job.directory), []);
  const late = await startLink(job.directory).ended;
  assert.is(late.code, 255);
  assert.match(late.stderr, /cannot connect to .*no such file or directory/);
});

iomux('with --linger, a link that comes late gets the end of the streams and the status', async () => {
  const job = await startShell(directory(), `head -c 100000 ${file}; echo err >&2; exit 9`, '--linger', '60');
  assert.is((await startLink(job.directory).ended).code, 9);
  await until(() => !isAlive(job.childPid), 'the command has ended');
  for (let i = 0; i < 3; i++) {
    const late = await startLink(job.directory).ended;
    assert.equal([late.code, late.stderr], [9, 'err\n']);
    assertSame(late.stdout, pattern(100_000).subarray(100_000 - 65_536), 'a late link');
  }
  const clients = await connectAll(job);
  await clients.stdout.all();
  assert.is(clients.stdout.position, 34_464);
  assert.equal([...await clients.status.all()], [0, 0, 9, 0]);
  await comesToRest(job.pid);
  // What nobody needs any more ends when it is asked to.
  job.process.kill('SIGTERM');
  assert.is((await job.ended).code, 0);
  assert.equal(readdirSync(job.directory), []);
});

iomux('with --linger, a link whose cursors lie behind gets only what it lacks', async () => {
  const job = await startShell(directory(), `head -c 70000 ${file}; exit 9`, '--linger', '60');
  const cursors = `${path}/late`;
  const start = Buffer.alloc(8);
  start.writeUInt32BE(69_000);
  writeFileSync(cursors, start);
  const late = await startLink(job.directory, '-w', cursors).ended;
  assert.is(late.code, 9);
  assertSame(late.stdout, pattern(70_000).subarray(69_000), 'what it lacked');
});

iomux('with --linger, the sockets go when the time is over', async () => {
  const job = await startShell(directory(), 'exit 9', '--linger', '5000ms');
  assert.is((await startLink(job.directory).ended).code, 9);
  assert.ok(existsSync(`${job.directory}/status.sock`));
  assert.is((await job.ended).code, 0);
  assert.equal(readdirSync(job.directory), []);
});

iomux('a job that could not start lingers, too, and still ends with 1', async () => {
  const job = await startJob(directory(), ['/no/such/command'], ['--linger', '5s']);
  assert.is((await startLink(job.directory).ended).code, 255);
  assert.is((await startLink(job.directory).ended).code, 255);
  assert.is((await job.ended).code, 1);
});

iomux('asked while a link still reads, delivers all of it; asked twice, leaves it', async () => {
  for (const times of [1, 2]) {
    const job = await startShell(directory(), `read x; cat ${file}; exit 3`, '--ring', '4M');
    const link = startLink(job.directory), others = await connectAll(job);
    await holds(job, 6);
    link.process.kill('SIGSTOP');
    job.process.stdin!.write('write\n');
    await others.stdout.all();
    await until(() => !isAlive(job.childPid), 'the command has ended', DEADLINE_MS);
    for (let i = 0; i < times; i++) {
      job.process.kill('SIGTERM');
      // A signal that is still pending swallows another of its kind.
      await until(() => hasNoPendingSignal(job.pid), 'the signal is read', DEADLINE_MS);
    }
    if (times === 2) assert.is((await job.ended).code, 0);
    link.process.kill('SIGCONT');
    const ended = await link.ended;
    assert.is(ended.code, times === 1 ? 3 : 255);
    if (times === 1) assertSame(ended.stdout, pattern(FILE_BYTES), 'all of it');
    assert.is((await job.ended).code, 0);
    assert.equal(readdirSync(job.directory), []);
  }
});

iomux('the end of iomux-spawn\'s own stdout and stderr is no end of the job', async () => {
  const here = directory();
  // Both are closed before the command can even be let go.
  const job = await startJob(here, ['/bin/sh', '-c', 'echo on; exit 5']);
  job.process.stdout!.destroy();
  job.process.stderr!.destroy();
  const link = await startLink(here).ended;
  assert.equal([link.code, link.stdout.toString()], [5, 'on\n']);
});

iomux('starts without stdin, stdout and stderr', async () => {
  const here = directory();
  const ended = await run(['/bin/sh', '-c', '"$@" <&- >&- 2>&- &', 'sh', ...argvOf('iomux-spawn'), here, '/bin/sh', '-c', 'echo on; exit 5']);
  assert.equal([ended.code, ended.stderr], [0, '']);
  await until(() => existsSync(`${here}/status.sock`), 'it listens', DEADLINE_MS);
  const link = await startLink(here).ended;
  assert.equal([link.code, link.stdout.toString()], [5, 'on\n']);
  await until(() => readdirSync(here).length === 0, 'it ends', DEADLINE_MS);
});

iomux('takes bursts of every size at the end of a job', async () => {
  const sizes = [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_072, 262_143, 262_144, 262_145, 1 << 20, FILE_BYTES];
  for (const size of sizes) {
    for (let i = 0; i < 5; i++) {
      const job = await startJob(directory(), ['head', '-c', String(size), file]);
      const link = await startLink(job.directory).ended;
      assert.is(link.code, 0, `${size} bytes`);
      assertSame(link.stdout, pattern(size), `${size} bytes`);
      assert.is((await job.ended).code, 0);
    }
  }
});

iomux.run();
