/** What every server of the protocol must do, as rules that can be tried: docs/reference/server.md. Containers are made, and destroyed. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameReader } from '../proto/frame.js';
import { decodeResponse, kinds, latin1, requestFrame } from '../proto/message.js';
import { type Client, connect, toMessage } from './client.js';

/** `required`: as the original; `ours`: where a server of ours does better. */
export interface Rule {
  readonly about: string;
  readonly name: string;
  readonly level: 'required' | 'ours';
  /** Throws an Error that says what came instead. */
  run(socket: string): Promise<void>;
}

const ANSWER_MS = 10_000, SILENCE_MS = 200;
const PING = Buffer.from('4\r\n\x08\x5b\x12\x00\r\n', 'latin1');
/** Type 99, and Info without a handle. */
const UNDECODABLE = [Buffer.from('4\r\n\x08\x63\x12\x00\r\n', 'latin1'), Buffer.from('4\r\n\x08\x0e\x12\x00\r\n', 'latin1')];

function expect(what: string, came: unknown, wanted: unknown): void {
  const [a, b] = [came, wanted].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

/** Sends pieces, and reads so many answers: their types, or errors. */
async function exchange(path: string, pieces: readonly Buffer[], answers: number, pauseMs = 0): Promise<string[]> {
  const socket: Socket = createConnection({ path }), reader = new FrameReader(), got: string[] = [], late = AbortSignal.timeout(ANSWER_MS);
  try {
    await once(socket, 'connect', { signal: late });
    for (const piece of pieces) {
      socket.write(piece);
      if (pauseMs > 0) await sleep(pauseMs);
    }
    while (got.length < answers) {
      const [bytes] = await once(socket, 'data', { signal: late }) as [Buffer];
      reader.push(bytes);
      for (let payload = reader.next(); payload; payload = reader.next()) got.push(nameOf(payload));
    }
    return got;
  } catch (error) {
    throw new Error(`after ${got.length} of ${answers} answers (${got.join(', ')}): ${(error as Error).message}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

function nameOf(payload: Buffer): string {
  const response = decodeResponse(payload);
  if ('error' in response) return `error: ${response.error}`;
  const { message } = response.message as { message?: Uint8Array };
  return message === undefined ? response.kind.name : `${response.kind.name} ${latin1(message)}`;
}

const echo = (message: string): Buffer => requestFrame(kinds.Echo, toMessage(kinds.Echo.request, { message }));

async function withClient(path: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = await connect(path);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

function withContainer(path: string, work: (client: Client, handle: Uint8Array) => Promise<void>): Promise<void> {
  return withClient(path, async (client) => {
    const { handle } = await client.create();
    try {
      await work(client, handle);
    } finally {
      await withClient(path, async (other) => { await other.destroy({ handle }).catch(() => undefined); });
    }
  });
}

async function refused(answer: Promise<unknown>, sentence: string): Promise<void> {
  expect('the error', await answer.then(() => 'none', (error: unknown) => (error as Error).message), sentence);
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const rule = (about: string, name: string, run: Rule['run'], level: Rule['level'] = 'required'): Rule => ({ about, name, level, run });

const frames: Rule[] = [
  rule('frame', 'Ping is answered by the same nine bytes', async (path) => {
    const socket = createConnection({ path });
    socket.write(PING);
    const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(ANSWER_MS) }) as [Buffer];
    socket.destroy();
    expect('the bytes', bytes.toString('hex'), PING.toString('hex'));
  }),
  rule('frame', 'two requests in one write are answered in order', async (path) => {
    expect('the answers', await exchange(path, [Buffer.concat([echo('one'), PING, echo('two')])], 3), ['Echo one', 'Ping', 'Echo two']);
  }),
  rule('frame', 'a request may come byte by byte', async (path) => {
    expect('the answer', await exchange(path, [...echo('slow')].map((byte) => Buffer.from([byte])), 1, 1), ['Echo slow']);
  }),
  rule('frame', 'a length may have blanks around it, or 0x', async (path) => {
    const payload = PING.subarray(3);
    for (const head of [' 4 \r\n', '0x4\r\n']) expect(head, await exchange(path, [Buffer.concat([Buffer.from(head), payload])], 1), ['Ping']);
  }),
  rule('frame', 'the two bytes behind a payload are not looked at', async (path) => {
    expect('the answers', await exchange(path, [Buffer.from('4\r\n\x08\x5b\x12\x00xx', 'latin1'), PING], 2), ['Ping', 'Ping']);
  }),
  rule('frame', 'unknown fields are skipped', async (path) => {
    const payload = Buffer.from('\x08\x5d\x12\x08\x0a\x02hi\x9a\x06\x01x', 'latin1');
    expect('the answer', await exchange(path, [Buffer.from(`${payload.length}\r\n`), payload, Buffer.from('\r\n')], 1), ['Echo hi']);
  }),
  rule('frame', 'a request that cannot be decoded gets no answer, and the connection goes on', async (path) => {
    for (const bytes of UNDECODABLE) expect('the answers', await exchange(path, [bytes, PING], 1, SILENCE_MS), ['Ping']);
  }),
  rule('frame', 'a request behind one that cannot be decoded, in the same write, is answered', async (path) => {
    for (const bytes of UNDECODABLE) expect('the answers', await exchange(path, [Buffer.concat([bytes, PING])], 1), ['Ping']);
  }, 'ours'),
  rule('frame', 'a length that is no number gets an error', async (path) => {
    const [answer] = await exchange(path, [Buffer.from('abc\r\n')], 1);
    if (!answer?.startsWith('error: ')) throw new Error(`${answer} instead of an error`);
  }, 'ours'),
];

const handles: Rule[] = [
  rule('handle', 'a request for a handle that is not known: unknown handle', (path) => withClient(path, async (client) => {
    const handle = 'no such container', jobId = 1, srcPath = '/a', dstPath = '/b';
    const requests = [
      client.info({ handle }), client.stop({ handle }), client.destroy({ handle }),
      client.spawn({ handle, script: '' }), client.run({ handle, script: '' }), client.link({ handle, jobId }),
      client.netIn({ handle }), client.netOut({ handle, network: '1.1.1.1' }),
      client.copyIn({ handle, srcPath, dstPath }), client.copyOut({ handle, srcPath, dstPath }),
      client.limitMemory({ handle }), client.limitCpu({ handle }), client.limitDisk({ handle }),
      client.limitBandwidth({ handle, rate: 1, burst: 1 }),
    ];
    for (const request of requests) await refused(request, 'unknown handle');
  })),
  rule('handle', 'without one, the handle is an id of 11 characters of base 32', (path) => withContainer(path, async (client, handle) => {
    if (!/^[0-9a-v]{11}$/.test(text(handle))) throw new Error(`${text(handle)} instead of 11 characters 0-9a-v`);
    if (!(await client.list()).handles.some((each) => text(each) === text(handle))) throw new Error('List does not have it');
  })),
  rule('handle', 'a taken handle is refused', (path) => withContainer(path, async (client, handle) => {
    await refused(client.create({ handle }), `container with handle: ${text(handle)} already exists.`);
  })),
  rule('handle', 'a network outside of the pool is refused by its first address', (path) => withClient(path, async (client) => {
    await refused(client.create({ network: '1.1.1.1' }), 'Could not acquire network: 1.1.1.0');
  })),
];

const jobs: Rule[] = [
  rule('job', 'Run answers the exit status, both outputs and the info', (path) => withContainer(path, async (client, handle) => {
    const { exitStatus, stdout, stderr, info } = await client.run({ handle, script: 'echo out; echo err >&2; exit 7' });
    expect('the answer', [exitStatus, text(stdout), text(stderr), info?.state], [7, 'out\n', 'err\n', 'active']);
  })),
  rule('job', 'a job that a signal killed has 255', (path) => withContainer(path, async (client, handle) => {
    expect('the status', (await client.run({ handle, script: 'kill -9 $$' })).exitStatus, 255);
  })),
  rule('job', 'a linked job is forgotten', (path) => withContainer(path, async (client, handle) => {
    const { jobId } = await client.spawn({ handle, script: 'exit 3' });
    expect('the status', (await client.link({ handle, jobId })).exitStatus, 3);
    await refused(client.link({ handle, jobId }), 'no such job');
  })),
  rule('job', 'ids rise by one over all containers', (path) => withContainer(path, (client, handle) => withContainer(path, async (_, other) => {
    const first = (await client.spawn({ handle, script: '' })).jobId, second = (await client.spawn({ handle: other, script: '' })).jobId;
    expect('the second id', second, first + 1);
  }))),
  rule('job', 'Stream has the output from the first byte, then the status', (path) => withContainer(path, async (client, handle) => {
    const { jobId } = await client.spawn({ handle, script: 'printf abc; exit 4' });
    const stream = client.stream({ handle, jobId });
    let output = '', next = await stream.next();
    for (; !next.done; next = await stream.next()) output += `${next.value.name} ${text(next.value.data)}`;
    expect('the answers', [output, next.value.exitStatus, next.value.info?.state], ['stdout abc', 4, 'active']);
  })),
  rule('job', 'discarded output is empty', (path) => withContainer(path, async (client, handle) => {
    const { exitStatus, stdout } = await client.run({ handle, script: 'echo gone; exit 3', discardOutput: true });
    expect('the answer', [exitStatus, text(stdout)], [3, '']);
  })),
];

const states: Rule[] = [
  rule('state', 'a stopped container takes no jobs', (path) => withContainer(path, async (client, handle) => {
    await client.stop({ handle });
    expect('the state', (await client.info({ handle })).state, 'stopped');
    await refused(client.run({ handle, script: 'true' }), 'Container state must be one of \'active\', current state is \'stopped\'');
  })),
  rule('state', 'a job that ends on SIGTERM keeps its own status', (path) => withContainer(path, async (client, handle) => {
    const { jobId } = await client.spawn({ handle, script: 'trap "exit 37" TERM; echo up; while :; do sleep 0.1; done' });
    await withClient(path, async (other) => { for await (const _ of other.stream({ handle, jobId })) break; });
    await client.stop({ handle });
    expect('the status', (await client.link({ handle, jobId })).exitStatus, 37);
  })),
  rule('state', 'a destroyed container is unknown', (path) => withContainer(path, async (client, handle) => {
    await client.destroy({ handle });
    await refused(client.destroy({ handle }), 'unknown handle');
  })),
  rule('state', 'destroy while a Run waits: a status that is not 0, and the info', (path) => withContainer(path, async (client, handle) => {
    const run = client.run({ handle, script: 'sleep 100' });
    await sleep(SILENCE_MS);
    await withClient(path, async (other) => { await other.destroy({ handle }); });
    const { exitStatus, info } = await run;
    if (exitStatus === 0 || info === undefined) throw new Error(`status ${exitStatus}, ${info ? 'with' : 'without'} info`);
  })),
  rule('state', 'a container without connections is destroyed when its grace time is over', (path) => withClient(path, async (client) => {
    const other = await connect(path), { handle } = await other.create({ graceTime: 0 });
    await client.close();
    await other.close();
    for (let tries = 0; tries < 50; tries++) {
      await sleep(SILENCE_MS);
      let there = true;
      await withClient(path, async (last) => { there = (await last.list()).handles.some((each) => text(each) === text(handle)); });
      if (!there) return;
    }
    throw new Error('it is still there after ten seconds');
  })),
];

export const rules: readonly Rule[] = [...frames, ...handles, ...jobs, ...states];
