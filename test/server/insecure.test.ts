import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { type Client, connect } from '../../src/client/index.js';
import { isAlive, type Scratch, scratch, until } from '../support/process.js';
import { noPrograms, unless } from '../support/skip.js';

const insecure = suite('server insecure');
const test = unless(noPrograms ?? (existsSync('/bin/bash') ? undefined : 'no bash'), insecure);
let place: Scratch, server: ChildProcess, client: Client, healthPort = 0;

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  taken.close();
  return port;
}

async function start(): Promise<void> {
  server = spawn(process.execPath, [`${packageRoot}build/js/src/cli/warden.cjs`, 'serve', '--config', `${place.path}/config.yml`], { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(() => existsSync(`${place.path}/pid`) && readFileSync(`${place.path}/pid`, 'utf8') === String(server.pid), 'the server serves');
  client = await connect(`${place.path}/made/warden.sock`);
}

async function end(signal: NodeJS.Signals): Promise<void> {
  await client.close();
  const exited = once(server, 'exit');
  server.kill(signal);
  await exited;
}

insecure.before.each(async () => {
  place = scratch();
  healthPort = await freePort();
  writeFileSync(`${place.path}/config.yml`, `
server: { unix_domain_path: ${place.path}/made/warden.sock, container_depot_path: ${place.path}/depot, pidfile: ${place.path}/pid, job_output_limit: 102400 }
health_check_server: { port: ${healthPort} }
port: { pool_start_port: 61001, pool_size: 2000 }
`);
  if (noPrograms === undefined) await start();
});
insecure.after.each(async () => {
  if (noPrograms === undefined) {
    for (const handle of (await client.list()).handles) await client.destroy({ handle });
    assert.equal(readdirSync(`${place.path}/depot`), []);
    await end('SIGTERM');
    assert.not.ok(existsSync(`${place.path}/pid`));
  }
  place.remove();
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test('a job runs on the host, in a directory of its own and without an environment', async () => {
  const { handle } = await client.create({ handle: 'here' });
  const { exitStatus, stdout, stderr } = await client.run({ handle, script: 'pwd; echo ${LANG-none} >&2; exit 5' });
  assert.equal([exitStatus, text(stderr)], [5, 'none\n']);
  assert.match(text(stdout), new RegExp(`^${place.path}/depot/[0-9a-v]{11}/root\n$`));
});

test('the health check answers any bytes, and closes the connection', async () => {
  const socket = createConnection({ port: healthPort, host: '127.0.0.1' }), pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)).write('any');
  await once(socket, 'end');
  assert.is(Buffer.concat(pieces).toString(), 'HTTP/1.1 200 OK\r\n');
  socket.destroy();
});

test('stop ends a job and all that it has started', async () => {
  const { handle } = await client.create();
  const { jobId } = await client.spawn({ handle, script: 'trap "exit 37" TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done' });
  const other = await connect(`${place.path}/made/warden.sock`);
  let child = 0;
  for await (const { data } of other.stream({ handle, jobId })) {
    child = Number(data);
    break;
  }
  await client.stop({ handle });
  const { exitStatus, info } = await client.link({ handle, jobId });
  assert.equal([exitStatus, info?.state], [37, 'stopped']);
  await until(() => !isAlive(child), 'the child has ended');
});

test('destroy ends what does not listen to SIGTERM', async () => {
  const { handle } = await client.create();
  await client.spawn({ handle, script: 'trap "" TERM; while :; do sleep 0.05; done' });
  await client.stop({ handle, kill: true });
  await client.destroy({ handle });
});

for (const signal of ['SIGUSR2', 'SIGKILL'] as const) {
  test(`${signal}: a job and every byte of its output go on`, async () => {
    const { handle } = await client.create();
    const script = 'for i in $(seq 1 3000); do echo $i; done; sleep 0.5; for i in $(seq 3001 6000); do echo $i; done; exit 9';
    const { jobId } = await client.spawn({ handle, script });
    await end(signal);
    await start();
    const { exitStatus, stdout } = await client.link({ handle, jobId });
    assert.is(exitStatus, 9);
    assert.is(text(stdout), Array.from({ length: 6000 }, (_, index) => `${index + 1}\n`).join(''));
  });
}

test('files are copied below the container\'s root, never outside of it', async () => {
  const { handle } = await client.create();
  mkdirSync(`${place.path}/from`);
  writeFileSync(`${place.path}/from/f`, 'x');
  await client.copyIn({ handle, srcPath: `${place.path}/from`, dstPath: '../../..' });
  assert.is(text((await client.run({ handle, script: 'cat from/f' })).stdout), 'x');
  await client.copyOut({ handle, srcPath: '/from/', dstPath: `${place.path}/to` });
  assert.is(readFileSync(`${place.path}/to/f`, 'utf8'), 'x');
});

test('a port is of the pool on both sides; what the class does not have is refused', async () => {
  const { handle } = await client.create();
  const { hostPort, containerPort } = await client.netIn({ handle, containerPort: 8080 });
  assert.equal([hostPort, containerPort], [61_001, 61_001]);
  const refused = [
    client.netOut({ handle, network: '1.1.1.1' }), client.limitMemory({ handle }), client.limitCpu({ handle }), client.limitDisk({ handle }),
    client.limitBandwidth({ handle, rate: 1, burst: 1 }),
  ];
  for (const each of refused) await each.then(() => assert.unreachable(), (error: unknown) => assert.is((error as Error).message, 'not implemented'));
});

insecure.run();
