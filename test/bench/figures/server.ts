/** What `warden serve` does, through its socket: docs/internals/bench.md, "The server". */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect } from '../../../src/client/index.js';
import { kinds, requestFrame } from '../../../src/proto/message.js';
import { toMessage } from '../../../src/client/client.js';
import { noServer, type RealServer, startReal } from '../../server/support/real.js';
import type { Bench } from '../bench.js';
import type { Figure, Reference } from '../figure.js';
import { runcExec, runtimes } from './oci.js';
import { scratch } from '../../support/process.js';

const GIB = 2 ** 30, QUICK_STREAM_BYTES = 2 ** 23;
const MANY = 500, QUICK_MANY = 3;

const servers = new WeakMap<Bench, Promise<RealServer>>();

/** One for all figures, in a network namespace of its own. */
function serverOf(bench: Bench): Promise<RealServer> {
  const known = servers.get(bench);
  if (known) return known;
  if (noServer !== undefined) throw new Error(`no server can run here: ${noServer}`);
  const server = startReal({ outputLimit: 4 * GIB, containers: 2 * MANY, logLevel: 'info' });
  servers.set(bench, server);
  bench.atEnd(async () => { await (await server).close(); });
  return server;
}

type Server = (bench: Bench) => Promise<Client>;
const ours: Server = async (bench) => (await serverOf(bench)).connect();
const peers: Server = (bench) => connect(bench.serverPeer);

/** The same work done by the server of `--server-peer`. */
function peer(sample: (bench: Bench, server: Server) => Promise<number[]>): Reference {
  return {
    title: 'the server of --server-peer',
    missing: async ({ serverPeer }) => (serverPeer === undefined ? 'no --server-peer' : undefined),
    sample: (bench) => sample(bench, peers),
  };
}

/** A container for as long as the work takes. */
async function inContainer<Result>(
  bench: Bench, server: Server, work: (client: Client, handle: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const client = await server(bench), { handle } = await client.create();
  try {
    return await work(client, handle);
  } finally {
    await client.destroy({ handle });
    await client.close();
  }
}

const RUNS_A_ROUND = 5;

async function runMs(bench: Bench, server: Server): Promise<number[]> {
  return inContainer(bench, server, async (client, handle) => {
    const all: number[] = [];
    // The first finds nothing in the caches.
    await client.run({ handle, script: 'true' });
    while (all.length < RUNS_A_ROUND) {
      const startMs = performance.now();
      const { exitStatus } = await client.run({ handle, script: 'true' });
      if (exitStatus !== 0) throw new Error(`true ended with ${exitStatus}`);
      all.push(performance.now() - startMs);
    }
    return all;
  });
}

const run: Figure = {
  name: 'server-run',
  title: 'Run of true through the server ÷ runc exec … true',
  unit: { name: 'ms', digits: 2 },
  goal: 0.3,
  rounds: 12,
  quickRounds: 1,
  ownOnly: true,
  sample: (bench) => runMs(bench, ours),
  references: [runcExec, peer(runMs)],
};

async function createMs(bench: Bench, server: Server): Promise<number[]> {
  const client = await server(bench), startMs = performance.now();
  const { handle } = await client.create(), ms = performance.now() - startMs;
  await client.destroy({ handle });
  await client.close();
  return [ms];
}

const create: Figure = {
  name: 'server-create',
  title: 'Create, network included ÷ runc run … true',
  unit: { name: 'ms', digits: 1 },
  goal: 1,
  rounds: 20,
  quickRounds: 1,
  ownOnly: true,
  check: async (bench) => { await createMs(bench, ours); },
  sample: (bench) => createMs(bench, ours),
  references: [runtimes[0]!, peer(createMs)],
};

function streamBytes({ quick }: Bench): number { return quick ? QUICK_STREAM_BYTES : GIB; }

async function streamSeconds(bench: Bench, server: Server): Promise<number[]> {
  const bytes = streamBytes(bench);
  return inContainer(bench, server, async (client, handle) => {
    const startMs = performance.now();
    const { jobId } = await client.spawn({ handle, script: `head -c ${bytes} /dev/zero` });
    let came = 0;
    for await (const { data } of client.stream({ handle, jobId })) came += data.length;
    if (came !== bytes) throw new Error(`${came} of ${bytes} bytes came`);
    return [(performance.now() - startMs) / 1000];
  });
}

const stream: Figure = {
  name: 'server-stream',
  title: 'Stream of 1 GiB to a client ÷ cat | cat',
  unit: { name: 's', digits: 2 },
  goal: 3,
  rounds: 3,
  quickRounds: 1,
  ownOnly: true,
  sample: (bench) => streamSeconds(bench, ours),
  references: [{
    title: 'cat | cat',
    sample: async (bench) => {
      const startMs = performance.now();
      const pipeline = bench.start(['sh', '-c', `head -c ${streamBytes(bench)} /dev/zero | cat | cat > /dev/null`], { detached: true });
      return [((await pipeline.ended()).atMs - startMs) / 1000];
    },
  }, peer(streamSeconds)],
};

const CONNECTIONS = 64;
const PING = requestFrame(kinds.Ping, toMessage(kinds.Ping.request, {}));

/** Each connection asks again as soon as it was answered; microseconds a request. An answer has as many bytes as its request. */
async function pingUs(open: () => Promise<Socket>, requests: number): Promise<number[]> {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  let left = requests;
  const startMs = performance.now();
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve, reject) => {
    let came = 0;
    const ask = (): void => {
      came = 0;
      if (left-- > 0) socket.write(PING);
      else resolve();
    };
    socket.on('data', (piece: Buffer) => { if ((came += piece.length) >= PING.length) ask(); }).on('error', reject);
    ask();
  })));
  const ms = performance.now() - startMs;
  for (const socket of sockets) socket.destroy();
  return [ms * 1000 / requests];
}

async function openSocket(path: string): Promise<Socket> {
  const socket = createConnection({ path });
  await once(socket, 'connect');
  return socket;
}

const ECHO = 'require("net").createServer((s) => s.on("data", (d) => s.write(d)).on("error", () => 0)).listen(process.argv[1], () => console.log("up"))';
const echoes = new WeakMap<Bench, Promise<string>>();

function echoServer(bench: Bench): Promise<string> {
  let echo = echoes.get(bench);
  if (!echo) {
    echo = (async () => {
      const { path, remove } = scratch(), socket = `${path}/echo.sock`;
      const child = spawn(process.execPath, ['-e', ECHO, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
      bench.atEnd(async () => {
        child.kill('SIGKILL');
        remove();
      });
      await once(child.stdout, 'data');
      return socket;
    })();
    echoes.set(bench, echo);
  }
  return echo;
}

function pings({ quick }: Bench): number { return quick ? 500 : 50_000; }

const ping: Figure = {
  name: 'server-ping',
  title: 'time a Ping, 64 connections ÷ a bare echo server in Node',
  unit: { name: 'us', digits: 1 },
  // 0.4 of the requests a second.
  goal: 2.5,
  rounds: 6,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench) => {
    const { path } = await serverOf(bench);
    return pingUs(() => openSocket(`${path}/warden.sock`), pings(bench));
  },
  references: [
    { title: 'a bare echo server', sample: async (bench) => { const path = await echoServer(bench); return pingUs(() => openSocket(path), pings(bench)); } },
    peer(async (bench) => pingUs(() => openSocket(bench.serverPeer!), pings(bench))),
  ],
};

function pssKib(pid: number): number { return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]); }

/** V8 frees what is not needed some seconds after the last request. */
const SETTLE_MS = 15_000, QUICK_SETTLE_MS = 100;

/** Waits for its end, and for what it writes until then. */
const WAITING_JOB = 'trap "echo after; exit 3" TERM; echo before; sleep 100000 & wait';
/** Writes without a pause, also while there is no server. */
const WRITING_JOB = 'exec 3<> <(:); for i in {1..400}; do echo $i; read -t 0.01 -u 3; done; exit 3';
const WRITING_OUTPUT = Array.from({ length: 400 }, (_, index) => `${index + 1}\n`).join('');
const WRITERS = 8;

interface Many { readonly kibEach: number; readonly restartSeconds: number }
const measured = new WeakMap<Bench, Promise<Many>>();

function manyOf(bench: Bench): Promise<Many> {
  let many = measured.get(bench);
  if (!many) measured.set(bench, many = measureMany(bench));
  return many;
}

interface Kept { readonly handle: Uint8Array; readonly jobId: number; readonly writes: boolean }

/** Many containers with one job each: what the server needs for one, and how long the next server needs until it serves. */
async function measureMany(bench: Bench): Promise<Many> {
  const server = await startReal({ outputLimit: 1 << 20, containers: 2 * MANY, logLevel: 'info' });
  try {
    const count = bench.quick ? QUICK_MANY : MANY, client = await server.connect(), settle = bench.quick ? QUICK_SETTLE_MS : SETTLE_MS;
    const warm = await client.create();
    await client.run({ handle: warm.handle, script: 'true' });
    await client.destroy({ handle: warm.handle });
    await sleep(settle);
    const before = pssKib(server.pid), all: Kept[] = [];
    for (let at = 0; at < count; at++) {
      const { handle } = await client.create();
      const { jobId } = await client.spawn({ handle, script: WAITING_JOB });
      all.push({ handle, jobId, writes: false });
    }
    await sleep(settle);
    const kibEach = (pssKib(server.pid) - before) / count;
    for (const { handle } of all.slice(0, WRITERS)) {
      const { jobId } = await client.spawn({ handle, script: WRITING_JOB });
      all.push({ handle, jobId, writes: true });
    }
    await client.close();
    await server.end('SIGKILL');
    const startMs = performance.now();
    await server.start();
    const next = await server.connect();
    await next.ping();
    const restartSeconds = (performance.now() - startMs) / 1000;
    await checkOutput(next, all);
    await next.close();
    return { kibEach, restartSeconds };
  } finally {
    await server.close();
  }
}

async function checkOutput(client: Client, all: readonly Kept[]): Promise<void> {
  for (const { handle, jobId, writes } of [...all].reverse()) {
    if (!writes) await client.stop({ handle });
    const { exitStatus, stdout } = await client.link({ handle, jobId }), text = Buffer.from(stdout).toString();
    const want = writes ? WRITING_OUTPUT : 'before\nafter\n';
    if (exitStatus !== 3 || text !== want) throw new Error(`after the restart job ${jobId} has status ${exitStatus} and ${text.length} of ${want.length} bytes`);
    if (!writes) await client.destroy({ handle });
  }
}

const memory: Figure = {
  name: 'server-memory',
  title: 'memory (PSS) of the server a container with one job, of 500',
  unit: { name: 'KiB', digits: 1 },
  goal: 64,
  rounds: 1,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench) => [(await manyOf(bench)).kibEach],
};

const restart: Figure = {
  name: 'server-restart',
  title: 'SIGKILL with 500 containers and jobs: the next one serves',
  unit: { name: 's', digits: 2 },
  goal: 2,
  rounds: 1,
  quickRounds: 1,
  ownOnly: true,
  sample: async (bench) => [(await manyOf(bench)).restartSeconds],
};

export const serverFigures: readonly Figure[] = [run, create, stream, ping, memory, restart];
