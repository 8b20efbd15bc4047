import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/index.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { noServer, type RealServer, remains, startReal } from './support/real.js';

const restart = suite('server restart');
const test = unless(noServer, restart);
let server: RealServer;
restart.before(async () => { if (noServer === undefined) server = await startReal(); });
restart.after.each(async () => {
  if (noServer !== undefined) return;
  const client = await server.connect();
  for (const handle of (await client.list()).handles) await client.destroy({ handle });
  await client.close();
  assert.equal(await remains(server), []);
});
restart.after(async () => { if (noServer === undefined) await server.close(); });

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function again(signal: NodeJS.Signals): Promise<Client> {
  const code = await server.end(signal);
  if (signal !== 'SIGKILL') assert.is(code, 0);
  await server.start();
  return server.connect();
}

/** Numbers, one a line, so that a missing or doubled byte shows. */
const COUNT = 'for i in $(seq 1 2000); do echo $i; done; sleep 0.5; for i in $(seq 2001 4000); do echo $i; done; exit 9';
const COUNTED = Array.from({ length: 4000 }, (_, index) => `${index + 1}\n`).join('');

for (const signal of ['SIGUSR2', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal}: containers, jobs, events, rules and every byte of output go on`, async () => {
    let client = await server.connect();
    const { handle } = await client.create({ handle: 'añejo' }), { handle: stopped } = await client.create();
    await client.stop({ handle: stopped });
    const { jobId } = await client.spawn({ handle, script: COUNT });
    const { jobId: ended } = await client.spawn({ handle, script: 'echo kept; exit 5' });
    const { jobId: discarded } = await client.spawn({ handle, script: 'echo lost; sleep 0.6; exit 6', discardOutput: true });
    const { hostPort } = await client.netIn({ handle });
    await client.netOut({ handle, network: '198.51.100.7', port: 1 });
    await client.limitBandwidth({ handle, rate: 100_000, burst: 9_000 });
    const before = await client.info({ handle });
    await until(async () => (await client.info({ handle })).jobIds.length <= 2, 'the short job has ended');
    const rules = await server.inside('iptables-save');
    await client.close();
    client = await again(signal);
    assert.equal((await client.list()).handles.map(text).sort(), [text(handle), text(stopped)].sort());
    assert.is((await client.info({ handle: stopped })).state, 'stopped');
    const after = await client.info({ handle });
    assert.equal([after.hostIp, after.bandwidthStat], [before.hostIp, before.bandwidthStat]);
    assert.is(text(after.containerPath), text(before.containerPath));
    const ours = (saved: string): string[] => saved.split('\n').filter((line) => line.startsWith('-A warden-i-')).sort();
    assert.equal(ours(await server.inside('iptables-save')), ours(rules));
    const result = await client.link({ handle, jobId });
    assert.is(result.exitStatus, 9);
    assert.is(text(result.stdout), COUNTED);
    const short = await client.link({ handle, jobId: ended });
    assert.equal([short.exitStatus, text(short.stdout)], [5, 'kept\n']);
    const silent = await client.link({ handle, jobId: discarded });
    assert.equal([silent.exitStatus, text(silent.stdout)], [6, '']);
    assert.ok((await client.spawn({ handle, script: 'true' })).jobId > discarded);
    const { handle: next } = await client.create();
    assert.not.equal((await client.info({ handle: next })).hostIp, after.hostIp);
    const uidOf = async (each: Uint8Array): Promise<string> => text((await client.run({ handle: each, script: 'id -u' })).stdout);
    assert.not.equal(await uidOf(next), await uidOf(handle));
    assert.not.equal((await client.netIn({ handle: next })).hostPort, hostPort);
    await client.close();
  });
}

test('a drain ends connections that wait, and answers what is under way', async () => {
  const [waiting, idle, busy] = [await server.connect(), await server.connect(), await server.connect()];
  const { handle } = await waiting.create();
  const run = waiting.run({ handle, script: 'sleep 30' }).then(() => 'answered', () => 'closed');
  await until(async () => (await idle.info({ handle })).jobIds.length === 1, 'the job runs');
  const made = (): number => readdirSync(server.depot).length, before = made();
  const create = busy.create().then(() => 'answered', () => 'closed');
  await until(() => made() > before, 'the second container is being made');
  assert.is(await server.end('SIGUSR2'), 0);
  assert.equal([await run, await create], ['closed', 'answered']);
  await idle.closed;
  await server.start();
});

test('what cannot be recovered is removed: no snapshot, or a first process that has ended', async () => {
  const client = await server.connect(), ids: string[] = [];
  for (let count = 0; count < 3; count++) ids.push(text((await client.create()).handle));
  await client.close();
  await server.end('SIGKILL');
  renameSync(`${server.depot}/${ids[0]!}/snapshot.json`, `${server.path}/away`);
  process.kill(Number.parseInt(readFileSync(`${server.depot}/${ids[1]!}/run/wshd.pid`, 'utf8')), 'SIGKILL');
  await server.start();
  const next = await server.connect();
  assert.equal((await next.list()).handles.map(text), [ids[2]]);
  await next.close();
});

/** Kills the server when it is about to make the call for the first time. */
async function killBefore(call: string): Promise<void> {
  spawn('strace', ['-qq', '-p', String(server.pid), '-e', `trace=${call}`, '-e', `inject=${call}:error=EIO:signal=SIGKILL`], { stdio: 'ignore' });
  await until(() => !/^TracerPid:\t0$/m.test(readFileSync(`/proc/${server.pid}/status`, 'utf8')), 'the server is traced');
}

test('a server that was killed while it handed over a script leaves no file that keeps the container from being destroyed', async () => {
  const client = await server.connect(), { handle } = await client.create();
  await killBefore('unlink');
  await client.spawn({ handle, script: 'echo never' }).then(() => assert.unreachable(), () => undefined);
  await client.close();
  await server.end('SIGKILL');
  await server.start();
  const next = await server.connect();
  await next.destroy({ handle });
  await next.close();
});

test('a container whose directory was moved is found again', async () => {
  const client = await server.connect();
  await client.create({ handle: 'mover' });
  const id = (await server.inside('ls', server.depot)).trim();
  await client.close();
  await server.end('SIGUSR2');
  renameSync(`${server.depot}/${id}`, `${server.depot}/elsewhere`);
  await server.start();
  const next = await server.connect();
  const { containerPath } = await next.info({ handle: 'mover' });
  assert.is(text(containerPath), `${server.depot}/elsewhere`);
  assert.is(text((await next.run({ handle: 'mover', script: 'echo here' })).stdout), 'here\n');
  await next.close();
});

test('grace time runs from the restart on', async () => {
  const client = await server.connect();
  await client.create({ graceTime: 1 });
  await client.close();
  await server.end('SIGKILL');
  await server.start();
  await until(() => readFileSync(`${server.path}/log`, 'utf8').includes('grace time is over'), 'the grace time ends');
  const next = await server.connect();
  await until(async () => (await next.list()).handles.length === 0, 'the container is destroyed');
  await next.close();
});

restart.run();
