/** Jobs: spawn and link, each a process of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerInfo } from '../../src/core/container/info.js';
import type { JobInfo } from '../../src/core/job/job.js';
import { noContainers } from '../support/container.js';
import { scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { depotWithContainer, main, start } from './help.js';

const all = suite('warden spawn and link');
const it = unless(noContainers, all);
const files = scratch();
const depot = depotWithContainer(all);
all.after(() => files.remove());

async function spawn(script: string, ...options: string[]): Promise<string> {
  return (await depot.prints('spawn', 'c', ...options, '--', 'sh', '-c', script)).trim();
}

it('a job goes on by itself, and a link has its output and its exit code', async () => {
  const job = await spawn('echo out; echo err >&2; exit 42');
  assert.equal(await depot.warden('link', 'c', job), { code: 42, signal: null, stdout: 'out\n', stderr: 'err\n' });
  assert.is((await depot.warden('link', 'c', job)).stdout, 'out\n', 'as often as one likes');
});

it('holds nothing open that its starter was left with, however high its number', async () => {
  const argv = [process.execPath, main, 'spawn', 'c', '--json', '--', 'sleep', '4243'];
  const started = await start(['bash', '-c', 'exec 5< /etc/passwd 77< /etc/passwd; exec "$@"', '-', ...argv], '', depot.environment).result;
  const { pid } = JSON.parse(started.stdout) as JobInfo;
  const held = readdirSync(`/proc/${pid}/fd`).filter((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === '/etc/passwd');
  assert.equal(held, []);
  await depot.prints('stop', 'c', '--grace', '0');
});

const pidOf = async (job: string): Promise<number | null> => (
  (JSON.parse(await depot.prints('info', 'c', '--json')) as ContainerInfo).jobs.find(({ id }) => id === job)!.pid
);

it('says how a job ended, also when no process of the job is left', async () => {
  const [left, killed] = [await spawn('exit 7', '--name', 'left'), await spawn('kill -9 $$', '--name', 'shot')];
  assert.is(await depot.prints('wait', `c/${left}`, `c/${killed}`), '7\n137\n');
  for (const job of [left, killed]) process.kill((await pidOf(job))!, 'SIGKILL');
  await until(async () => (await Promise.all([left, killed].map(pidOf))).every((pid) => pid === null), 'nothing serves the jobs');
  assert.is(await depot.prints('wait', `c/${left}`, `c/${killed}`), '7\n137\n');
  const table = await depot.prints('info', 'c');
  assert.match(table, /left +gone +7 +-/);
  assert.match(table, /shot +gone +SIGKILL +-/);
});

it('reads a file, a FIFO that several write to, or what the caller has on standard input', async () => {
  const file = join(files.path, 'input'), fifo = join(files.path, 'fifo'), log = join(files.path, 'input.log');
  writeFileSync(file, 'of a file\n');
  spawnSync('mkfifo', [fifo]);
  const fromFile = await spawn('cat', '--input', file);
  assert.is((await depot.warden('link', 'c', fromFile)).stdout, 'of a file\n');
  const fromFifo = await spawn('read a; echo "got $a"; read b; echo "got $b"', '--input', fifo, '--log', log);
  writeFileSync(fifo, 'one\n');
  await until(() => readFileSync(log, 'utf8').includes('got one'), 'the first writer is read');
  writeFileSync(fifo, 'two\n');
  assert.is((await depot.warden('link', 'c', fromFifo)).stdout, 'got one\ngot two\n');
  const started = await depot.startWarden(['spawn', 'c', '--input', '-', '--', 'cat'], 'of standard input\n').result;
  assert.is((await depot.warden('link', 'c', started.stdout.trim())).stdout, 'of standard input\n');
  for (const bad of [files.path, `${files.path}/nosuch`]) {
    const { code, stderr } = await depot.warden('spawn', 'c', '--input', bad, '--', 'cat');
    assert.is(code, 2);
    assert.match(stderr, /^warden spawn: cannot open .* for the job's input: .*\n$/);
  }
});

it('prints a log: all, its end, with times, from a time on', async () => {
  const log = join(files.path, 'log'), job = await spawn('for i in 1 2 3; do echo out$i; echo err$i >&2; done; printf part', '--log', log);
  await depot.prints('wait', `c/${job}`);
  assert.equal(await depot.warden('logs', `c/${job}`), { code: 0, signal: null, stdout: 'out1\nout2\nout3\npart', stderr: 'err1\nerr2\nerr3\n' });
  const { stdout, stderr } = await depot.warden('logs', '--tail', '2', `c/${job}`);
  assert.is(`${stdout}${stderr}`.split('\n').filter((line) => line !== '' && line !== 'part').length, 2);
  for (const line of (await depot.warden('logs', '-t', `c/${job}`)).stdout.split('\n')) assert.match(line, /^\d{4}-\d\d-\d\dT\S+\+00:00 (out\d|part)$/);
  assert.is((await depot.warden('logs', '--since', '2999-01-01', `c/${job}`)).stdout, '');
  assert.is((await depot.warden('logs', '--since', '1h', `c/${job}`)).stdout, 'out1\nout2\nout3\npart');
});

it('follows a log over its renaming, to the end of the job', async () => {
  const log = join(files.path, 'followed'), fifo = join(files.path, 'go');
  spawnSync('mkfifo', [fifo]);
  const script = 'echo first; read go; i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done; read go; echo last';
  const job = await spawn(script, '--input', fifo, '--log', log, '--log-size-max', '2K', '--log-max-files', '9');
  const following = depot.startWarden(['logs', '-f', `c/${job}`]);
  let seen = '';
  following.child.stdout!.on('data', (data: Buffer) => { seen += data.toString(); });
  await until(() => seen.includes('first'), 'what was there is printed');
  writeFileSync(fifo, 'go\n');
  await until(() => seen.includes('\n299\n'), 'what comes is printed');
  writeFileSync(fifo, 'go\n');
  const { code, stdout } = await following.result;
  assert.equal([code, stdout], [0, ['first', ...Array.from({ length: 300 }, (_, index) => String(index)), 'last', ''].join('\n')]);
});

it('makes a job open its log again', async () => {
  const log = join(files.path, 'reopened'), fifo = join(files.path, 'go-on');
  spawnSync('mkfifo', [fifo]);
  const job = await spawn('echo before; read go; echo behind', '--input', fifo, '--log', log);
  await until(() => readFileSync(log, 'utf8').includes('before'), 'it is logged');
  renameSync(log, `${log}.old`);
  assert.is(await depot.prints('logs', '--reopen', `c/${job}`), '');
  await until(() => existsSync(log), 'it is there again');
  writeFileSync(fifo, 'go\n');
  await depot.prints('wait', `c/${job}`);
  assert.match(readFileSync(log, 'utf8'), /^\S+ stdout F behind\n$/);
});

it('logs says what is missing', async () => {
  const plain = await spawn('echo of the ring; exec sleep 4245');
  const cases: [args: string[], code: number, words: RegExp][] = [
    [['logs', `c/${plain}`], 1, /has no log and runs: follow its output \(--follow\), or start it with --log FILE/],
    [['logs', '-t', '-f', `c/${plain}`], 1, /has no log, so its lines have no times/],
    [['logs', '--reopen', `c/${plain}`], 1, /has no log: it was started without one/],
    [['logs', 'c'], 2, /c is a container, and only jobs have output: name one of c\/\S+, /],
    [['logs', '--since', 'yesterday', `c/${plain}`], 2, /It is a duration, such as 10m, or a time/],
    [['spawn', 'c', '--log-size-max', '1M', '--', 'true'], 2, /belong to a log/],
    [['spawn', 'c', '--log', join(files.path, 'no/log'), '--', 'true'], 1, /cannot open the log/],
  ];
  for (const [args, code, words] of cases) {
    const result = await depot.warden(...args);
    assert.match(result.stderr, words);
    assert.is(result.code, code, args.join(' '));
  }
  await depot.prints('destroy', 'c', '--job', plain);
});

it('prints what an ended job without a log still keeps', async () => {
  const job = await spawn('echo kept; exit 3');
  await depot.prints('wait', `c/${job}`);
  assert.equal(await depot.warden('logs', `c/${job}`), { code: 0, signal: null, stdout: 'kept\n', stderr: '' });
});

it('is removed, running or ended, and nothing else', async () => {
  const other = await spawn('sleep 4242');
  for (const script of ['sleep 4244', 'exit 3']) {
    await spawn(script, '--name', 'again');
    assert.is(await depot.prints('destroy', 'c', '--job', 'again'), '');
  }
  const { jobs, processes } = JSON.parse(await depot.prints('info', 'c', '--json')) as ContainerInfo;
  assert.equal([jobs.some(({ id }) => id === 'again'), jobs.find(({ id }) => id === other)?.state], [false, 'running']);
  assert.not.ok(processes.some(({ argv }) => argv.join(' ').includes('4244')));
  const { code, stderr } = await depot.warden('destroy', 'c', '--job', 'again');
  assert.match(stderr, /^warden destroy: there is no job again in the container .*; "warden info" shows .*\n$/);
  assert.is(code, 1);
  await depot.prints('destroy', 'c', '--job', other);
});

it('tells of itself as JSON', async () => {
  const told = JSON.parse(await depot.prints('spawn', 'c', '--name', 'build', '--user', 'vcap', '--json', '--', 'sleep', '4242')) as JobInfo;
  assert.equal([told.id, told.user, told.argv, told.state], ['build', 'vcap', ['sleep', '4242'], 'running']);
  assert.ok(existsSync(told.directory));
  const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
  assert.ok(jobs.some(({ id, pid }) => id === 'build' && pid === told.pid));
  const taken = await depot.warden('spawn', 'c', '--name', 'build', 'true');
  assert.match(taken.stderr, /^warden spawn: a job with the id build exists in .*: warden destroy \S+ --job build\n$/);
  assert.equal([taken.code, taken.stdout], [1, '']);
  await depot.prints('stop', 'c', '--grace', '0');
});

it('waits for its first link, when it is to', async () => {
  const job = await spawn('date +%s%N > /tmp/began; echo began', '--wait-for-link');
  const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
  assert.is(jobs.find(({ id }) => id === job)?.state, 'waiting');
  assert.is((await depot.warden('exec', 'c', 'test', '-e', '/tmp/began')).code, 1);
  assert.equal(await depot.warden('link', 'c', job), { code: 0, signal: null, stdout: 'began\n', stderr: '' });
});

it('is left by Ctrl-C, and followed from there: every byte once', async () => {
  const cursors = join(files.path, 'cursors');
  // It writes a third, and the next one when there is a file of its number.
  const job = await spawn('for i in $(seq 1 40); do echo line $i; until [ $i -lt 13 ] || [ -e /tmp/third$((i / 13)) ]; do sleep 0.05; done; done; exit 7', '--wait-for-link');
  let text = '';
  for (let links = 0; links < 2; links++) {
    if (links > 0) await depot.prints('exec', 'c', 'touch', `/tmp/third${links}`);
    const { child, result } = depot.startWarden(['link', 'c', job, '--cursors', cursors]);
    await new Promise((resolve) => { child.stdout!.once('data', resolve); });
    child.kill('SIGINT');
    const { code, stdout, stderr } = await result;
    assert.equal([code, stderr], [130, '']);
    text += stdout;
  }
  assert.is(readFileSync(cursors).length, 8);
  await depot.prints('exec', 'c', 'touch', '/tmp/third2', '/tmp/third3');
  const last = await depot.warden('link', 'c', job, '--cursors', cursors);
  assert.equal([last.code, last.stderr], [7, '']);
  assert.is(text + last.stdout, Array.from({ length: 40 }, (_, index) => `line ${index + 1}\n`).join(''));
});

it('tells which bytes were lost while no link was there', async () => {
  const cursors = join(files.path, 'late');
  const job = await spawn('echo first; until [ -e /tmp/go ]; do sleep 0.05; done; head -c 100000 /dev/zero | tr "\\0" x', '--ring', '4K');
  const early = depot.startWarden(['link', 'c', job, '--cursors', cursors]);
  await new Promise((resolve) => { early.child.stdout!.once('data', resolve); });
  early.child.kill('SIGINT');
  assert.is((await early.result).stdout, 'first\n');
  await depot.prints('exec', 'c', 'touch', '/tmp/go');
  await until(async () => {
    const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
    return jobs.find(({ id }) => id === job)?.state === 'ended';
  }, 'the job ends');
  const { code, stdout, stderr } = await depot.warden('link', 'c', job, '--cursors', cursors);
  assert.is(stdout, 'x'.repeat(4096));
  assert.match(stderr, /^warden link: stdout: 95904 bytes are lost, between position 6 and 95910: .*\n$/);
  assert.is(code, 0);
});

it('tells how it was killed', async () => {
  const job = await spawn('kill -SEGV $$');
  const { code, stderr } = await depot.warden('link', 'c', job);
  assert.is(stderr, 'warden link: the job was killed by SIGSEGV\n');
  const { code: status, stderr: words } = await depot.warden('link', 'c', job, '--signal-status');
  assert.equal([status, words], [139, '']);
  assert.is(code, 255);
});

it('a job whose stand-in is killed has been killed', async () => {
  const job = await spawn('echo began; exec sleep 4242');
  const link = depot.startWarden(['link', 'c', job]);
  await new Promise((resolve) => { link.child.stdout!.once('data', resolve); });
  const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
  process.kill(jobs.find(({ id }) => id === job)!.wshPid!, 'SIGKILL');
  const { code, stdout, stderr } = await link.result;
  assert.equal([code, stdout, stderr], [255, 'began\n', 'warden link: the job was killed by SIGKILL\n']);
});

it('says that there is no such job, and what is wrong with a cursor file', async () => {
  const { code, stderr } = await depot.warden('link', 'c', 'nosuch');
  assert.match(stderr, /^warden link: .*nosuch.*\n$/);
  assert.is(code, 1);
  const job = await spawn('exit 0');
  const bad = await depot.warden('link', 'c', job, '--cursors', '/etc/hostname');
  assert.match(bad.stderr, /^warden link: .*\/etc\/hostname.*\n$/);
  assert.is(bad.code, 2);
});

it('does not begin without a place for its cursors', async () => {
  const job = await spawn('echo out');
  const { code, stdout, stderr } = await depot.warden('link', 'c', job, '--cursors', join(files.path, 'nosuch/cursors'));
  assert.match(stderr, /^warden link: cannot keep the cursor file .*nosuch\/cursors: ENOENT.*\n$/);
  assert.equal([code, stdout], [2, '']);
});

it('says when its output cannot be written, and leaves the job alone', async () => {
  const job = await spawn('echo out; sleep 4242', '--wait-for-link');
  const { code, stderr } = await start(['sh', '-c', 'exec "$@" > /dev/full', '-', process.execPath, main, 'link', 'c', job], '', depot.environment).result;
  assert.is(stderr, 'warden link: stdout: stopped at position 0: no space left on device; the rest of it is left\n');
  assert.is(code, 255);
  const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
  assert.is(jobs.find(({ id }) => id === job)?.state, 'running');
  await depot.prints('stop', 'c', '--grace', '0');
});

it('ends with whoever reads it, as any program before head(1)', async () => {
  const job = await spawn('yes');
  const { code, stdout, stderr } = await start(['bash', '-c', '"$@" | head -n 1; exit ${PIPESTATUS[0]}', '-', process.execPath, main, 'link', 'c', job], '', depot.environment).result;
  assert.equal([code, stdout, stderr], [141, 'y\n', '']);
  await depot.prints('stop', 'c', '--grace', '0');
});

it('says that a job has gone with its exit code', async () => {
  const job = await spawn('exit 5', '--linger', '0');
  await until(async () => {
    const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
    return jobs.find(({ id }) => id === job)?.state === 'gone';
  }, 'nobody serves it');
  const { code, stderr } = await depot.warden('link', 'c', job);
  assert.match(stderr, new RegExp(`^warden link: the output and the exit code of the job ${job} are gone: .*\n$`));
  assert.is(code, 255);
});

it('says that the exit code was lost with whoever had it', async () => {
  const job = await spawn('echo began; sleep 4242');
  const link = depot.startWarden(['link', 'c', job]);
  await new Promise((resolve) => { link.child.stdout!.once('data', resolve); });
  const { jobs } = JSON.parse(await depot.prints('info', 'c', '--json')) as { jobs: JobInfo[] };
  process.kill(jobs.find(({ id }) => id === job)!.pid!, 'SIGKILL');
  const { code, stderr } = await link.result;
  assert.match(stderr, /^warden link: the job's exit status never came; .*\n$/);
  assert.is(code, 255);
  await depot.prints('stop', 'c', '--grace', '0');
});

all.run();
