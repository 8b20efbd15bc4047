/** What an iomux-spawn must do, and what ours does beyond it, seen on a job that runs: docs/reference/protocol.md §4, docs/reference/iomux-spawn.md. */
import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { aborted } from '../base/abort.js';
import { codec } from '../wire/codec.js';
import { decode, type Reading, sizeOf } from '../wire/message.js';
import { type Case, type Choice, expect, Failure, type Level, type Outcome, runCases, Skipped, sleep } from './case.js';
import { WAIT_MS } from './endpoint.js';
import { judge } from './wshd-client.js';

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = typeof STREAMS[number];
const CHANNELS = [...STREAMS, 'status'] as const;
type ChannelName = typeof CHANNELS[number];

/** Kept of what comes over a connection, for comparing: a job may write without end. */
const KEPT_BYTES = 16 << 20;
/** Those that come later do so once this much has come, or this time has passed. */
const LATE_BYTES = 100_000, LATE_MS = 500, LOOK_AGAIN_MS = 5;

/** One connection, and what came over it. */
class Connection {
  readonly socket: Socket;
  readonly pieces: Buffer[] = [];
  size = 0;
  isConnected = false;
  /** The other side has ended it; `endedAt` says when, for comparing. */
  endedAt: number | undefined;
  firstAt: number | undefined;
  error: string | undefined;

  constructor(directory: string, readonly channel: ChannelName, readonly name: string) {
    this.socket = connect({ path: `${directory}/${channel}.sock`, allowHalfOpen: true });
    this.socket.on('connect', () => { this.isConnected = true; });
    this.socket.on('data', (piece) => {
      this.firstAt ??= performance.now();
      if (this.size < KEPT_BYTES) this.pieces.push(piece);
      this.size += piece.length;
    });
    this.socket.on('end', () => { this.endedAt ??= performance.now(); });
    this.socket.on('error', (error: NodeJS.ErrnoException) => { this.error = error.code ?? error.message; });
  }

  /** The first of them. */
  get bytes(): Buffer { return Buffer.concat(this.pieces); }
  get reading(): Reading { return decode(codec(), 'stream', this.bytes); }
  get position(): number { return Number(this.reading.fields[0]!.value); }
  get content(): Uint8Array { return this.reading.fields[1]!.bytes; }
  /** The position behind its last byte, on the circle of 2^32. */
  get end(): number { return (this.position + this.size - sizeOf(codec(), 'stream')) >>> 0; }
}

/** What was seen: links in the order in which they came. */
interface Watched {
  directory: string;
  connections: Connection[];
  /** All that did not leave themselves have been ended within the time. */
  isOver: boolean;
  timeoutMs: number;
}

async function until(condition: () => boolean, timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (signal?.aborted) throw aborted(signal);
    if (performance.now() > end) return false;
    await sleep(LOOK_AGAIN_MS);
  }
  return true;
}

async function watch(directory: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Watched> {
  const connections: Connection[] = [];
  try {
    return await visit(directory, timeoutMs, signal, connections);
  } finally {
    for (const { socket } of connections) socket.destroy();
  }
}

/** Links of every kind, all of which are added to `connections`. */
async function visit(directory: string, timeoutMs: number, signal: AbortSignal | undefined, connections: Connection[]): Promise<Watched> {
  const link = (name: string): Connection[] => {
    const made = CHANNELS.map((channel) => new Connection(directory, channel, name));
    connections.push(...made);
    return made;
  };
  const first = link('the first link');
  const settled = await until(() => first.every(({ isConnected, error }) => isConnected || error !== undefined), WAIT_MS, signal);
  const refused = first.find(({ error }) => error !== undefined);
  if (refused !== undefined || !settled) {
    throw new Failure(`cannot connect to ${directory}/${(refused ?? first[0]!).channel}.sock: ${refused?.error ?? 'no answer'}; does the job run?`);
  }
  // A link that goes away at once, one that says it will send no more, one that sends what nobody asked for.
  const leaving = link('the link that leaves');
  for (const { socket } of leaving) socket.once('connect', () => socket.destroy());
  for (const { socket } of link('the link that has ended its side')) socket.end();
  for (const { socket } of link('the link that sends')) socket.write('nobody asked for this');
  await until(() => first.every(({ channel, size }) => channel === 'status' || size >= LATE_BYTES), LATE_MS, signal);
  link('the link that comes later');
  const staying = connections.filter((connection) => !leaving.includes(connection));
  const isOver = await until(() => staying.every(({ endedAt, error }) => endedAt !== undefined || error !== undefined), timeoutMs, signal);
  return { directory, connections: staying, isOver, timeoutMs };
}

type IomuxCase = Case<Watched>;
function rule(about: string, level: Level, name: string, run: IomuxCase['run']): IomuxCase { return { about, level, name, run }; }

function of(watched: Watched, channel: ChannelName): Connection[] {
  return watched.connections.filter((connection) => connection.channel === channel);
}

function mustBeOver({ isOver, timeoutMs }: Watched): void {
  if (!isOver) throw new Skipped(`the job still ran after ${timeoutMs / 1000} s: see --timeout`);
}

/** A later link may find the sockets gone, when the job ended meanwhile. */
function served(connections: readonly Connection[]): Connection[] {
  return connections.filter(({ error }) => error === undefined || error === 'ECONNRESET');
}

function headers(stream: Stream): IomuxCase {
  return rule(stream, 'required', 'each link gets four bytes first: a position', (watched) => {
    for (const connection of served(of(watched, stream))) {
      try {
        judge('stream', connection.bytes);
      } catch (error) {
        throw error instanceof Failure ? new Failure(`${connection.name}: ${error.message}`) : error;
      }
    }
  });
}

/** What cannot be compared without its position, which is a rule of its own. */
function positioned(watched: Watched, stream: Stream): [Connection, ...Connection[]] {
  const connections = served(of(watched, stream)), without = connections.find(({ size }) => size < sizeOf(codec(), 'stream'));
  if (without !== undefined) throw new Skipped(`${without.name} got no position`);
  return connections as [Connection, ...Connection[]];
}

/** Compares all with the first link, which has seen the most. */
function sameBytes(stream: Stream): IomuxCase {
  return rule(stream, 'required', 'the same position holds the same bytes for every link; a late one gets what came before', (watched) => {
    const [first, ...others] = positioned(watched, stream);
    for (const other of others) {
      // On the circle of 2^32 positions: docs/reference/protocol.md §5
      const skip = (other.position - first.position) | 0;
      if (skip < 0) throw new Failure(`${other.name} starts at ${other.position}, before ${first.name} at ${first.position}`);
      if (skip > first.size - sizeOf(codec(), 'stream')) throw new Failure(`${other.name} starts at ${other.position}, ahead of all that ${first.name} got`);
      const expected = first.content.subarray(skip, skip + other.content.length);
      if (!Buffer.from(expected).equals(other.content.subarray(0, expected.length))) {
        throw new Failure(`${other.name} got other bytes from position ${other.position} on than ${first.name}`);
      }
    }
  });
}

function sameEnd(stream: Stream): IomuxCase {
  return rule(stream, 'required', 'each link gets everything up to the same end, and then the end of file', (watched) => {
    mustBeOver(watched);
    expectEnds(watched, stream, (name) => !name.includes('ended its side') && !name.includes('sends'));
  });
}

function expectEnds(watched: Watched, stream: Stream, isMeant: (name: string) => boolean): void {
  const [first, ...others] = positioned(watched, stream);
  for (const other of others.filter(({ name }) => isMeant(name))) {
    if (other.endedAt === undefined) throw new Failure(`${other.name} got no end of file`);
    expect(`the end for ${other.name}`, other.end, first.end);
  }
}

const cases: IomuxCase[] = [
  rule('sockets', 'required', 'stdout.sock, stderr.sock and status.sock are sockets that are listened on', ({ connections }) => {
    for (const { channel, isConnected } of connections.slice(0, CHANNELS.length)) expect(`connected to ${channel}.sock`, isConnected, true);
  }),
  ...STREAMS.flatMap((stream) => [
    headers(stream), sameBytes(stream), sameEnd(stream),
    rule(stream, 'ours', 'a link that has ended its side gets everything', (watched) => {
      mustBeOver(watched);
      expectEnds(watched, stream, (name) => name.includes('ended its side'));
    }),
    rule(stream, 'ours', 'a link that sends gets everything', (watched) => {
      mustBeOver(watched);
      expectEnds(watched, stream, (name) => name.includes('sends'));
    }),
  ]),
  rule('status', 'required', 'four bytes, big-endian, a wait status, and then the end of file', (watched) => {
    mustBeOver(watched);
    for (const { bytes, name, endedAt } of served(of(watched, 'status'))) {
      judge('status', bytes);
      const raw = Number(decode(codec(), 'status', bytes).fields[0]!.value);
      // A wait status of the other byte order has its code or signal up there.
      if (raw >>> 16 !== 0) throw new Failure(`${bytes.toString('hex')} has something in its upper half, where no wait status has: little-endian?`);
      expect(`end of file for ${name}`, endedAt !== undefined, true);
    }
  }),
  rule('status', 'required', 'each link gets the same', (watched) => {
    mustBeOver(watched);
    const [first, ...others] = served(of(watched, 'status')) as [Connection, ...Connection[]];
    for (const { bytes, name } of others) expect(`the status for ${name}`, bytes, first.bytes);
  }),
  rule('status', 'ours', 'it comes behind the end of the link\'s streams', (watched) => {
    mustBeOver(watched);
    const [stdout, stderr, status] = watched.connections as [Connection, Connection, Connection];
    if (status.firstAt === undefined) throw new Failure('no status came');
    for (const stream of [stdout, stderr]) {
      if (stream.endedAt === undefined || stream.endedAt > status.firstAt) throw new Failure(`it came before the end of ${stream.channel}`);
    }
  }),
];

/** Before anything is watched: the sockets may be gone with the job. */
function ownersOnly(modes: readonly number[]): IomuxCase {
  return rule('sockets', 'ours', 'they are their owner\'s only', () => {
    for (const [index, mode] of modes.entries()) expect(`the others' rights to ${CHANNELS[index]}.sock`, mode & 0o077, 0);
  });
}

/** The cases on the job of this directory, which is linked to until it ends. */
export async function checkIomux(directory: string, timeoutMs: number, choice: Choice = {}): Promise<Outcome[]> {
  const modes = CHANNELS.map((channel) => modeOf(`${directory}/${channel}.sock`));
  const watched = await watch(directory, timeoutMs, choice.signal);
  return runCases(watched, [...cases.slice(0, 1), ownersOnly(modes), ...cases.slice(1)], choice, () => Promise.resolve(true));
}

function modeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isSocket()) throw new Failure(`there is no socket ${path}: does the job run?`);
  return found.mode;
}
