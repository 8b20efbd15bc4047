import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameReader } from '../../src/proto/frame.js';
import { decodeResponse, errorFrame, kinds, requestFrame, toPlain } from '../../src/proto/message.js';
import { connect } from '../../src/client/index.js';
import { toMessage } from '../../src/client/client.js';
import type { Connection } from '../../src/server/connection/connection.js';
import { Logger } from '../../src/server/logging/logger.js';
import { staysSo, until } from '../support/process.js';
import { type FakeServer, startFake } from './support/fake.js';
import { exchange, payloadsOf } from './support/vectors.js';

const session = suite('server session');
let fake: FakeServer;
session.before.each(async () => { fake = await startFake(); });
session.after.each(async () => { await fake.close(); });

/** Sends bytes, and waits for so many frames. */
async function ask(socket: Socket, request: Buffer, frames = 1): Promise<Buffer> {
  const reader = new FrameReader(), got: Buffer[] = [];
  let whole = 0;
  socket.write(request);
  while (whole < frames) {
    const [piece] = await once(socket, 'data') as [Buffer];
    got.push(piece);
    reader.push(piece);
    for (let payload = reader.next(); payload; payload = reader.next()) whole++;
  }
  return Buffer.concat(got);
}

function withoutDiffering(reply: Buffer, differs: readonly string[]): unknown[] {
  return payloadsOf(reply).map(decodeResponse).map((response) => {
    if ('error' in response) return response;
    const plain = toPlain(response.kind.response, response.message);
    return { type: response.kind.name, plain: Object.fromEntries(Object.entries(plain).filter(([name]) => !differs.includes(name))) };
  });
}

/** In the order recorded, as far as no machine is needed; what has happened in between is made good. */
const PLAYED = [
  'ping', 'list-empty', 'echo', 'echo-empty', 'create', 'create-all-fields', 'create-taken', 'create-network-outside', 'create-bind-missing',
  'net_in', 'net_in-both', 'net_out-tcp', 'net_out-icmp', 'net_out-nothing', 'copy_in', 'copy_in-missing', 'limit_memory-get', 'limit_cpu-set',
  'limit_bandwidth', 'info-unknown', 'stop', 'run-stopped', 'destroy', 'two-in-one-write', 'unknown-field',
];

session('the recorded session gets the recorded answers', async () => {
  const socket = await fake.connect();
  for (const name of PLAYED) {
    const { request, reply, replies, differs } = exchange(name);
    const got = await ask(socket, request, replies.length);
    if (differs.length === 0) assert.equal(got, reply, name);
    else assert.equal(withoutDiffering(got, differs), withoutDiffering(reply, differs), name);
  }
  socket.destroy();
});

session('a message that is none gets no answer, and the next one is answered at once', async () => {
  for (const name of ['type-unknown', 'required-missing']) {
    const socket = await fake.connect();
    const { request } = exchange(name), ping = exchange('ping');
    // One of them has a Ping behind it in the same write.
    assert.equal(await ask(socket, Buffer.concat([request.subarray(0, name === 'type-unknown' ? 9 : undefined), ping.request])), ping.reply);
    socket.destroy();
  }
});

session('bytes that are no frame get an error, and the connection is closed', async () => {
  for (const text of ['abc\r\n', '1'.repeat(100), '999999999999\r\n', '5\n']) {
    const socket = await fake.connect(), pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.write(text);
    await once(socket, 'end');
    assert.match((decodeResponse(payloadsOf(Buffer.concat(pieces))[0]!) as { error: string }).error, /length|message/);
    socket.destroy();
  }
});

session('more connections than the limit are answered and closed', async () => {
  await fake.close();
  fake = await startFake().then(async (next) => {
    next.server.config = { ...next.server.config, server: { ...next.server.config.server, connectionsMax: 2 } };
    return next;
  });
  const open = [await fake.connect(), await fake.connect()];
  assert.equal(await ask(open[1]!, exchange('ping').request), exchange('ping').reply);
  const third = await fake.connect(), pieces: Buffer[] = [];
  third.on('data', (piece: Buffer) => pieces.push(piece));
  await once(third, 'end');
  assert.equal(Buffer.concat(pieces), errorFrame('the server has 2 connections, and takes no more: close some (server.connections_max)'));
  for (const socket of [...open, third]) socket.destroy();
});

session('requests of one connection are carried out one after the other', async () => {
  const client = await connect(fake.socketPath), { handle } = await client.create();
  const socket = await fake.connect();
  const frame = (name: 'Run' | 'Echo', fields: object): Buffer => requestFrame(kinds[name], toMessage(kinds[name].request, fields));
  const both = Buffer.concat([frame('Run', { handle, script: 'wait' }), frame('Echo', { message: 'after' })]);
  const answers = ask(socket, both, 2);
  assert.is(String((await client.echo({ message: 'other' })).message), 'other');
  while (fake.backends[0]!.jobs.length === 0) await new Promise((resolve) => { setImmediate(resolve); });
  await fake.backends[0]!.jobs[0]!.kill();
  assert.equal(payloadsOf(await answers).map(decodeResponse).map((each) => ('error' in each ? each.error : each.kind.name)), ['Run', 'Echo']);
  socket.destroy();
  await client.close();
});

session('run answers status and both outputs; the job is forgotten', async () => {
  const client = await connect(fake.socketPath), { handle } = await client.create();
  const { exitStatus, stdout, stderr, info } = await client.run({ handle, script: 'out hello\nerr oops\nexit 7' });
  assert.equal([exitStatus, Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), info?.state], [7, 'hello', 'oops', 'active']);
  assert.equal((await client.info({ handle })).jobIds, []);
  await client.link({ handle, jobId: 1 }).then(() => assert.unreachable(), (error: unknown) => assert.is((error as Error).message, 'no such job'));
  await client.close();
});

session('two that link one job get the same', async () => {
  const [one, two] = [await connect(fake.socketPath), await connect(fake.socketPath)], { handle } = await one.create();
  const { jobId } = await one.spawn({ handle, script: 'out x\nwait\nexit 1' });
  const links = Promise.all([one.link({ handle, jobId }), two.link({ handle, jobId })]);
  const [job] = fake.server.containers[0]!.jobs.values();
  await until(() => job!.waiting === 2, 'both wait');
  await fake.backends[0]!.jobs[0]!.kill();
  const [first, second] = await links;
  assert.equal([first.exitStatus, Buffer.from(first.stdout).toString()], [255, 'x']);
  assert.equal([second.exitStatus, Buffer.from(second.stdout).toString()], [255, 'x']);
  await one.close();
  await two.close();
});

session('a stream that broke off can be had again from the start', async () => {
  const client = await connect(fake.socketPath), { handle } = await client.create();
  const { jobId } = await client.spawn({ handle, script: 'out abc\nwait\nexit 3' });
  const broken = await connect(fake.socketPath);
  for await (const { data } of broken.stream({ handle, jobId })) {
    assert.is(data.toString(), 'abc');
    break;
  }
  await fake.backends[0]!.jobs[0]!.kill();
  const chunks: string[] = [], stream = client.stream({ handle, jobId });
  let next = await stream.next();
  for (; !next.done; next = await stream.next()) chunks.push(`${next.value.name} ${next.value.data}`);
  assert.equal(chunks, ['stdout abc']);
  assert.is(next.value.exitStatus, 255);
  await client.close();
});

session('destroy while a run waits: status 255, and the info from before', async () => {
  const [one, two] = [await connect(fake.socketPath), await connect(fake.socketPath)], { handle } = await one.create();
  const run = one.run({ handle, script: 'wait' });
  while (fake.backends[0]!.jobs.length === 0) await new Promise((resolve) => { setImmediate(resolve); });
  await two.destroy({ handle });
  const { exitStatus, info } = await run;
  assert.equal([exitStatus, info?.state, info?.hostIp], [255, 'active', '10.254.0.1']);
  await two.info({ handle }).then(() => assert.unreachable(), (error: unknown) => assert.is((error as Error).message, 'unknown handle'));
  assert.not.ok(fake.backends[0]!.exists);
  await one.close();
  await two.close();
});

session('output beyond the limit ends the job, and is an event once it is reported', async () => {
  const client = await connect(fake.socketPath), { handle } = await client.create();
  const { exitStatus, stdout, info } = await client.run({ handle, script: `out ${'x'.repeat(200_000)}\nexit 0` });
  assert.is(exitStatus, 255);
  assert.ok(stdout.length > 102_400 && stdout.length <= 102_400 + 65_536, String(stdout.length));
  assert.equal(info?.events, ['command exceeded maximum output']);
  await client.close();
});

session('out of memory is an event, and stops the container', async () => {
  const client = await connect(fake.socketPath), { handle } = await client.create();
  await client.limitMemory({ handle, limitInBytes: 1 << 20 });
  const { jobId } = await client.spawn({ handle, script: 'wait' });
  fake.backends[0]!.ranOut!();
  const { exitStatus, info } = await client.link({ handle, jobId });
  assert.equal([exitStatus, info?.state, info?.events], [255, 'stopped', ['out of memory']]);
  await client.close();
});

session('a container is destroyed when its grace time is over, and not when a connection came before', async () => {
  const one = await connect(fake.socketPath), { handle } = await one.create({ graceTime: 0 });
  const two = await connect(fake.socketPath);
  await one.close();
  await staysSo(async () => (await two.info({ handle })).state === 'active', 'the container is active', 30);
  await two.close();
  await until(() => fake.server.containers.length === 0, 'the container is destroyed');
  assert.not.ok(fake.backends[0]!.exists);
});

session('a handle may be any bytes', async () => {
  const client = await connect(fake.socketPath), odd = Buffer.from([0xff, 0x00, 0x2f, 0xc3]);
  assert.equal(Buffer.from((await client.create({ handle: odd })).handle), odd);
  assert.equal((await client.list()).handles.map((each) => Buffer.from(each)), [odd]);
  await client.close();
});

session('what a failed create took goes back', async () => {
  const client = await connect(fake.socketPath), free = fake.server.pools.uids.free;
  await client.create({ bindMounts: [{ srcPath: '/nonexistent', dstPath: '/x', mode: 0 }] }).catch(() => undefined);
  assert.is(fake.server.pools.uids.free, free);
  fake.clock.nowMs += 5_000;
  assert.is(fake.server.pools.networks.free, 256);
  await client.close();
});

session('a connection has the pid, user and group of its client', async () => {
  const client = await connect(fake.socketPath), [connection] = [...fake.server.connections] as Connection[];
  const { pid, uid, gid } = connection!.peer;
  assert.equal([pid, uid, gid], [process.pid, process.getuid!(), process.getgid!()]);
  await client.close();
});

session('the log goes to syslog too, a JSON object a line, with the severity of its level', () => {
  const lines: [number, string][] = [], file = `${fake.socketPath}.log`;
  const keep = (priority: number, line: Buffer): void => { lines.push([priority, line.toString()]); };
  const log = new Logger('info', file, false, { write: keep, close: () => undefined });
  log.warn('two\nlines', { handle: 'h' });
  log.debug('too little');
  log.info('done');
  assert.equal(lines.map(([priority]) => priority), [12, 14]);
  assert.equal(lines.map(([, line]) => (JSON.parse(line) as { message: string }).message), ['two\nlines', 'done']);
  assert.is(readFileSync(file, 'utf8'), lines.map(([, line]) => `${line}\n`).join(''));
});

session.run();
