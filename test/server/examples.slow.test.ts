/** What the original's own examples look at and no other file here does: docs/internals/server-examples.md. Slow: real containers, restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/index.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { noServer, type RealServer, remains, startReal } from './support/real.js';

const MIB = 1 << 20;
const examples = suite('server examples');
const test = unless(noServer, examples);
let server: RealServer, client: Client;
examples.before(async () => {
  if (noServer === undefined) server = await startReal({ env: { LANG: 'sv_SE.UTF-8' }, network: 'dns_servers: [192.0.2.53, 192.0.2.54]' });
});
examples.before.each(async () => { if (noServer === undefined) client = await server.connect(); });
examples.after.each(async () => {
  if (noServer !== undefined) return;
  await client.close();
  const last = await server.connect();
  for (const handle of (await last.list()).handles) await last.destroy({ handle });
  await last.close();
  assert.equal(await remains(server), []);
});
examples.after(async () => { if (noServer === undefined) await server.close(); });

const refused = (message: string) => (error: unknown): void => { assert.is((error as Error).message, message); };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function again(signal: NodeJS.Signals): Promise<void> {
  await client.close();
  await server.end(signal);
  await server.start();
  client = await server.connect();
}

interface Snapshot { state: string; resources: { ports: number[] }; jobs: Record<string, unknown> }
const snapshotOf = (handle: Uint8Array): Snapshot => JSON.parse(readFileSync(`${server.depot}/${text(handle)}/snapshot.json`, 'utf8')) as Snapshot;

test('the snapshot has the state, the ports and each job as an object, after each request that changes them', async () => {
  const { handle } = await client.create();
  assert.equal([snapshotOf(handle).state, snapshotOf(handle).jobs], ['active', {}]);
  const { jobId } = await client.spawn({ handle, script: 'sleep 100' });
  assert.type(snapshotOf(handle).jobs[String(jobId)], 'object');
  const { hostPort } = await client.netIn({ handle });
  assert.equal(snapshotOf(handle).resources.ports, [hostPort]);
  await client.stop({ handle, background: true });
  assert.is(snapshotOf(handle).state, 'stopped');
  const { info, exitStatus } = await client.link({ handle, jobId });
  assert.equal([exitStatus, info?.state], [255, 'stopped']);
});

test('a job has the server\'s LANG; the resolver is that of the configuration; /dev/shm can be written', async () => {
  const { handle } = await client.create();
  const { stdout } = await client.run({ handle, script: 'echo $LANG; cat /etc/resolv.conf; stat -f -c %T /dev/shm; echo x > /dev/shm/f && cat /dev/shm/f' });
  assert.is(text(stdout), 'sv_SE.UTF-8\nnameserver 192.0.2.53\nnameserver 192.0.2.54\ntmpfs\nx\n');
});

test('/dev/shm counts against the memory limit: 30 MiB of 32 fit, 45 stop the container', async () => {
  for (const [mib, state] of [[30, 'active'], [45, 'stopped']] as const) {
    const { handle } = await client.create();
    await client.limitMemory({ handle, limitInBytes: 32 * MIB });
    await client.run({ handle, script: `dd if=/dev/zero of=/dev/shm/f bs=1M count=${mib} 2> /dev/null` });
    await until(async () => (await client.info({ handle })).state === state, `the container is ${state} with ${mib} MiB`);
    assert.equal((await client.info({ handle })).events, state === 'active' ? [] : ['out of memory']);
    await client.destroy({ handle });
  }
});

test('a root file system of its own: by a link, with a vcap that has another number', async () => {
  const rootfs = `${server.path}/other`, wanted = `${server.path}/wanted`;
  await server.inside('cp', '-al', `${server.path}/rootfs`, rootfs);
  for (const name of ['passwd', 'group']) unlinkSync(`${rootfs}/etc/${name}`);
  writeFileSync(`${rootfs}/etc/passwd`, 'root:x:0:0:root:/root:/bin/bash\nvcap:x:500:500::/home/vcap:/bin/bash\n');
  writeFileSync(`${rootfs}/etc/group`, 'root:x:0:\nvcap:x:500:\n');
  writeFileSync(`${rootfs}/var/owned`, '');
  chownSync(`${rootfs}/var/owned`, 500, 500);
  symlinkSync(rootfs, wanted);
  const { handle } = await client.create({ rootfs: wanted }), id = text(handle);
  const { stdout } = await client.run({ handle, script: `id -u; stat -c %U:%u /var/owned; ip -o link show w-${id}-1` });
  assert.match(text(stdout), /^(\d+)\nvcap:\1\n.* mtu 1400 .* state UP /);
  await client.create({ rootfs: '/nonexistent' }).then(() => assert.unreachable(), refused('rootfs /nonexistent not found'));
  await client.destroy({ handle });
  await client.destroy({ handle }).then(() => assert.unreachable(), refused('unknown handle'));
});

for (const signal of ['SIGUSR2', 'SIGKILL'] as const) {
  test(`${signal}: a lack of memory after the restart is an event, and stops the container`, async () => {
    const { handle } = await client.create();
    await client.limitMemory({ handle, limitInBytes: 32 * MIB });
    await again(signal);
    await client.run({ handle, script: 'head -c 60000000 /dev/zero | tail -c 50000000 | wc -c; sleep 60' });
    const { state, events } = await client.info({ handle });
    assert.equal([state, events], ['stopped', ['out of memory']]);
  });

  test(`${signal}: a container whose grace time is 0 is destroyed when the last connection ends with the server`, async () => {
    await client.create({ graceTime: 0 });
    await server.end(signal);
    await server.start();
    await client.close();
    client = await server.connect();
    await until(async () => (await client.list()).handles.length === 0, 'the container is destroyed');
  });

  test(`${signal}: a rule that somebody removed by hand is back after the restart`, async () => {
    const { handle } = await client.create(), chain = `warden-i-${text(handle)}`;
    const { hostPort } = await client.netIn({ handle });
    await server.inside('iptables', '-w', '-t', 'nat', '-F', chain);
    await again(signal);
    assert.match(await server.inside('iptables-save', '-t', 'nat'), new RegExp(`-A ${chain} .*--dport ${hostPort} `));
  });
}

test('hard links become files; the copy of a directory with a trailing slash is its contents', async () => {
  const { handle } = await client.create(), from = `${server.path}/linked`;
  mkdirSync(from);
  writeFileSync(`${from}/one`, 'same', { mode: 0o600 });
  await server.inside('ln', `${from}/one`, `${from}/two`);
  await client.copyIn({ handle, srcPath: `${from}/`, dstPath: '/tmp/in' });
  assert.is(text((await client.run({ handle, script: 'stat -c "%h %a %n" /tmp/in/*' })).stdout), '1 600 /tmp/in/one\n1 600 /tmp/in/two\n');
});

/** Datagrams as they come to the server's syslog socket, one a line. */
async function syslogd(): Promise<{ readonly lines: string[]; readonly process: ChildProcess }> {
  const script = 'import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print("up", flush=True)\nwhile True: print(s.recv(65536).decode(), flush=True)';
  const process = spawn('python3', ['-c', script, `${server.path}/log.sock`], { stdio: ['ignore', 'pipe', 'inherit'] }), lines: string[] = [];
  process.stdout.on('data', (piece: Buffer) => lines.push(...piece.toString().split('\n').filter(Boolean)));
  await once(process.stdout, 'data');
  return { lines, process };
}

test('the lines of a job with a log_tag are datagrams of syslog, before and after a restart', async () => {
  const { lines, process } = await syslogd();
  const has = (line: RegExp): Promise<void> => until(() => lines.some((each) => line.test(each)), `a datagram matches ${line}`);
  try {
    const { handle } = await client.create();
    await client.run({ handle, script: 'echo by run; echo an error >&2', logTag: 'web' });
    await has(/^<14>.* warden\.web: by run$/);
    await has(/^<11>.* warden\.web: an error$/);
    await client.spawn({ handle, script: 'echo by spawn; until [ -e /tmp/go ]; do sleep 0.05; done; echo after', logTag: 'job' });
    await has(/^<14>.* warden\.job: by spawn$/);
    await again('SIGKILL');
    await client.run({ handle, script: 'touch /tmp/go' });
    await has(/^<14>.* warden\.job: after$/);
    assert.not.ok(lines.some((line) => line.includes('touch')), 'only jobs with a tag');
  } finally {
    process.kill('SIGKILL');
  }
});

test('a job outlives the connection that spawned it; a stream and a link get the same of it', async () => {
  const { handle } = await client.create(), spawner = await server.connect();
  const { jobId } = await spawner.spawn({ handle, script: 'echo one; until [ -e /tmp/go ]; do sleep 0.05; done; echo two; exit 123' });
  await spawner.close();
  const [linker, streamer] = [await server.connect(), await server.connect()], link = linker.link({ handle, jobId });
  const stream = streamer.stream({ handle, jobId });
  let whole = '', next = await stream.next();
  await client.run({ handle, script: 'touch /tmp/go' });
  for (; !next.done; next = await stream.next()) whole += next.value.data.toString();
  const { exitStatus, stdout } = await link;
  assert.equal([exitStatus, text(stdout), next.value.exitStatus, whole, next.value.info?.state], [123, 'one\ntwo\n', 123, 'one\ntwo\n', 'active']);
  await client.link({ handle, jobId }).then(() => assert.unreachable(), refused('no such job'));
  await linker.close();
  await streamer.close();
});

examples.run();
