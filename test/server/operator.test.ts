/** What an operator asks of a server and does with it: metrics, reload, supervision, the log, upgrade. Class insecure: no root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ifReadable } from '../../src/base/errors.js';
import { packageRoot } from '../../src/base/paths.js';
import { connect } from '../../src/client/index.js';
import { type Scratch, scratch, until } from '../support/process.js';
import { noPrograms, unless } from '../support/skip.js';

const operator = suite('server operator');
const test = unless(noPrograms ?? (existsSync('/bin/bash') ? undefined : 'no bash'), operator);
let place: Scratch, server: ChildProcess | undefined;

const socketPath = (): string => `${place.path}/warden.sock`;
const log = (): string => readFileSync(`${place.path}/log`, 'utf8');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function writeConfig(more = ''): void {
  writeFileSync(`${place.path}/config.yml`, `
server:
  unix_domain_path: ${socketPath()}
  unix_domain_permissions: 0640
  container_depot_path: ${place.path}/depot
  pidfile: ${place.path}/pid
${more || '  job_output_limit: 1048576'}
health_check_server: { port: 0 }
metrics: { unix_domain_path: ${place.path}/metrics.sock }
logging: { file: ${place.path}/log, level: ${more ? 'warn' : 'debug'} }
port: { pool_start_port: 61001, pool_size: 2000 }
`);
}

const COMMAND = [process.execPath, `${packageRoot}build/js/src/cli/warden.cjs`, 'serve', '--config'];

/** Listens as systemd does, and executes the rest of its arguments. */
const SUPERVISOR = `import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(64)
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])`;

async function start(env: Record<string, string> = {}, supervisor: readonly string[] = []): Promise<void> {
  const argv = [...supervisor, ...COMMAND, `${place.path}/config.yml`];
  server = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } });
  await until(() => existsSync(`${place.path}/pid`) && readFileSync(`${place.path}/pid`, 'utf8') === String(server!.pid), 'the server serves');
}

operator.before.each(() => {
  place = scratch();
  writeConfig();
});
operator.after.each(async () => {
  if (server) {
    const client = await connect(socketPath()), exited = once(server, 'exit');
    for (const { length } of [(await client.list()).handles]) assert.is(length, 0);
    await client.close();
    server.kill('SIGTERM');
    assert.equal(await exited, [0, null]);
    server = undefined;
  }
  place.remove();
});

function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ socketPath: `${place.path}/metrics.sock`, path }, (response) => {
      textOf(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    }).on('error', reject);
  });
}

test('/healthz and /metrics: requests by type, containers, jobs, connections, bytes, pools', async () => {
  await start();
  const client = await connect(socketPath()), { handle } = await client.create();
  await client.run({ handle, script: 'echo four' });
  await client.info({ handle: 'nobody' }).catch(() => undefined);
  assert.is(await ask('/healthz'), '200 ok\n');
  assert.match(await ask('/other'), /^404 /);
  const metrics = await ask('/metrics');
  const value = (name: string): number => Number(metrics.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
  assert.equal(['warden_containers', 'warden_jobs_running', 'warden_connections', 'warden_job_output_bytes_total', 'warden_oom_total',
    'warden_request_errors_total', 'warden_pool_free_ports', 'warden_request_duration_seconds_count{type="Run"}',
    'warden_request_duration_seconds_bucket{type="Create",le="+Inf"}'].map(value), [1, 0, 1, 5, 0, 1, 2000, 1, 1]);
  for (const line of metrics.slice(4).trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d[\d.e-]*)$/);
  await client.destroy({ handle });
  await client.close();
});

test('SIGHUP: limits and level change, an invalid file changes nothing, and the log file is opened again', async () => {
  await start();
  const client = await connect(socketPath()), { handle } = await client.create();
  writeFileSync(`${place.path}/config.yml`, 'server: { job_output_limit: many }\n');
  server!.kill('SIGHUP');
  await until(() => log().includes('the configuration stays as it was'), 'the log says so');
  assert.is((await client.run({ handle, script: 'echo whole' })).exitStatus, 0);
  writeConfig('  job_output_limit: 100');
  renameSync(`${place.path}/log`, `${place.path}/log.1`);
  server!.kill('SIGHUP');
  await until(() => existsSync(`${place.path}/log`), 'the log is a new file');
  const { exitStatus, info } = await client.run({ handle, script: 'head -c 200 /dev/zero; sleep 10' });
  assert.equal([exitStatus, info?.events], [255, ['command exceeded maximum output']]);
  assert.not.match(log(), /"log_level":"debug"/);
  await client.destroy({ handle });
  await client.close();
});

test('the log has the pid, the user and the group of each client, and each request with its connection', async () => {
  await start();
  const client = await connect(socketPath());
  await client.echo({ message: 'x' });
  await client.close();
  const lines = log().trim().split('\n').map((line) => JSON.parse(line) as { message: string; data: Record<string, unknown> });
  const { data } = lines.find(({ message }) => message === 'connection accepted')!;
  assert.equal([data['pid'], data['uid'], data['gid']], [process.pid, process.getuid!(), process.getgid!()]);
  assert.ok(lines.some((line) => line.message === 'Echo' && line.data['peer'] === data['peer']));
  assert.is(statSync(socketPath()).mode & 0o777, 0o640);
});

test('a socket that the supervisor made is served, and stays', async () => {
  await start({}, ['python3', '-c', SUPERVISOR, socketPath()]);
  const client = await connect(socketPath());
  assert.is(text((await client.echo({ message: 'active' })).message), 'active');
  await client.close();
  const exited = once(server!, 'exit');
  server!.kill('SIGTERM');
  await exited;
  server = undefined;
  assert.ok(existsSync(socketPath()));
});

test('readiness and its end are reported to the supervisor', async () => {
  writeFileSync(`${place.path}/systemd-notify`, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${place.path}/notified\n`);
  chmodSync(`${place.path}/systemd-notify`, 0o755);
  await start({ NOTIFY_SOCKET: '/run/notify', PATH: `${place.path}:${process.env['PATH']}` });
  const { pid } = server!, exited = once(server!, 'exit'), notified = (): string => readFileSync(`${place.path}/notified`, 'utf8');
  await until(() => existsSync(`${place.path}/notified`), 'the server is ready');
  server!.kill('SIGTERM');
  await exited;
  server = undefined;
  assert.is(notified(), `/run/notify --pid=${pid} READY=1\n/run/notify --pid=${pid} STOPPING=1\n`);
});

/** Asks again and again, on a new connection each time. A connection may end at the upgrade; none may be refused. */
async function askAllTheTime(isOver: () => boolean): Promise<number> {
  let answers = 0;
  while (!isOver()) {
    const client = await connect(socketPath());
    answers += await client.ping().then(() => 1, () => 0);
    await client.close();
  }
  return answers;
}

test('SIGUSR1: the program is executed anew under the same pid; no connection is refused, no job and no byte lost', async () => {
  await start();
  const client = await connect(socketPath()), { handle } = await client.create();
  const script = 'for i in $(seq 1 2000); do echo $i; done; until [ -e ../go ]; do sleep 0.05; done; for i in $(seq 2001 4000); do echo $i; done; exit 9';
  const { jobId } = await client.spawn({ handle, script }), { pid } = server!;
  let over = false;
  const asking = [1, 2, 3].map(() => askAllTheTime(() => over)), depot = text((await client.info({ handle })).containerPath);
  for (let upgrade = 1; upgrade <= 2; upgrade++) {
    server!.kill('SIGUSR1');
    await until(() => log().split('"message":"serving"').length === upgrade + 2, 'the next one serves');
  }
  over = true;
  assert.ok((await Promise.all(asking)).every((answers) => answers > 0), 'each was answered');
  assert.is(readFileSync(`${place.path}/pid`, 'utf8'), String(pid));
  const next = await connect(socketPath());
  writeFileSync(`${depot}/go`, '');
  const { exitStatus, stdout } = await next.link({ handle, jobId });
  assert.is(exitStatus, 9);
  assert.is(text(stdout), Array.from({ length: 4000 }, (_, index) => `${index + 1}\n`).join(''));
  await next.destroy({ handle });
  await next.close();
});

/** What precedes the mistake is valid, and would be seen: less output, no debug messages, another socket. */
const INVALID = `
server: { unix_domain_path: /nowhere/else.sock, job_output_limit: 10, container_grace_time: 0 }
logging: { level: error }
isolation: { seccomp: /nowhere }
`;

for (const [signal, said] of [['SIGHUP', 'the configuration stays as it was'], ['SIGUSR1', 'no upgrade']] as const) {
  test(`${signal} with an invalid configuration changes nothing`, async () => {
    await start();
    const client = await connect(socketPath()), { handle } = await client.create(), { pid } = server!;
    const { jobId } = await client.spawn({ handle, script: 'echo before; until [ -e ../go ]; do sleep 0.05; done; echo after; exit 5' });
    const depot = text((await client.info({ handle })).containerPath), inode = statSync(socketPath()).ino;
    writeFileSync(`${place.path}/config.yml`, INVALID);
    server!.kill(signal);
    await until(() => log().includes(said), 'the log says so');
    assert.match(log(), /config\.yml:4: isolation\.seccomp is refused: cannot read the seccomp profile \/nowhere/);
    assert.is(text((await client.run({ handle, script: 'echo more than ten bytes' })).stdout), 'more than ten bytes\n');
    assert.match(log(), /"log_level":"debug".*"message":"Run"/);
    assert.equal([statSync(socketPath()).ino, readFileSync(`${place.path}/pid`, 'utf8')], [inode, String(pid)]);
    const other = await connect(socketPath());
    writeFileSync(`${depot}/go`, '');
    const { exitStatus, stdout } = await other.link({ handle, jobId });
    assert.equal([exitStatus, text(stdout)], [5, 'before\nafter\n']);
    await client.destroy({ handle });
    await Promise.all([client.close(), other.close()]);
    writeConfig();
  });
}

/** Children of the server, with their state: "Z" is one that has ended, and that nobody has waited for. */
function childrenOf(pid: number): string[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter((each) => each !== '');
  return pids.flatMap((each) => ifReadable(() => [/\) (.)/.exec(readFileSync(`/proc/${each}/stat`, 'latin1'))![1]!]) ?? []);
}

test('SIGUSR1: the jobs of the program before are children, and are waited for when they end', async () => {
  await start();
  const client = await connect(socketPath()), { handle } = await client.create(), { pid } = server!, jobs: number[] = [];
  for (let job = 0; job < 3; job++) jobs.push((await client.spawn({ handle, script: 'sleep 1000' })).jobId);
  server!.kill('SIGUSR1');
  await until(() => log().split('"message":"serving"').length === 3, 'the next one serves');
  const next = await connect(socketPath());
  assert.is(childrenOf(pid!).length, 3);
  await next.stop({ handle, kill: true });
  for (const jobId of jobs) assert.is((await next.link({ handle, jobId })).exitStatus, 255);
  await until(() => childrenOf(pid!).length === 0, 'no child is left');
  await next.destroy({ handle });
  await next.close();
});

operator.run();
