/** The standard streams of a module that runs in this process: pipes to Node streams, or descriptors. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { type Check, descriptor, listOf, mustBe, usage } from '../../base/validate.js';
import { makePipe } from '../../host/pipe.js';

/** A standard stream of a command: a Node stream, this process's own descriptor, /dev/null, or any descriptor. */
export type Stdio = 'pipe' | 'inherit' | 'ignore' | number;

const STDIO_NAMES: ReadonlySet<unknown> = new Set(['pipe', 'inherit', 'ignore']);

/** Throws USAGE unless `value` is an open descriptor. */
export function openDescriptor(name: string, value: unknown): void {
  descriptor(name, value);
  try {
    fstatSync(value as number);
  } catch (error) {
    throw usage(`${name} is no open descriptor: ${String(value)}`, { cause: error });
  }
}

/** Throws USAGE unless `value` is a Stdio. */
function stdioOption(name: string, value: unknown): void {
  if (STDIO_NAMES.has(value)) return;
  if (typeof value !== 'number') throw mustBe(name, '\'pipe\', \'inherit\', \'ignore\' or the number of a descriptor', value);
  openDescriptor(name, value);
}

/** A Check of an option `stdio`: one Stdio for all streams, or a list of one for each. */
export function stdioOptions(count: number): Check {
  return (name, value) => {
    if (!Array.isArray(value)) return stdioOption(name, value);
    if (value.length !== count) throw usage(`${name} has ${value.length} elements and needs ${count}`);
    listOf(stdioOption)(name, value);
  };
}

/** One stream: the module's descriptor, and our end of the pipe. */
interface StandardStream {
  readonly fd: number;
  /** Whether `fd` is to be closed here once the module has a copy. */
  readonly isOwned: boolean;
  readonly stream: Socket | null;
}

export interface Streams {
  /** The module's descriptors. */
  readonly fds: readonly [number, number, number];
  /** null for what is no pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Closes the module's descriptors here: the module has copies, or was not started. */
  closeChildEnds(): void;
  /** Bytes that readers have taken so far. */
  bytesTaken(): number;
  /** Whether there is output that its reader has not taken, or may be: of a stream without a reader nobody knows. */
  hasUnread(): boolean;
  /** Fulfilled when every output that has a reader has ended, or was destroyed. */
  whenRead(): Promise<void>;
  /** To be called at the end of the program: ends stdin, and discards output that nobody has begun to read. */
  finish(): void;
  /** Closes our ends at once. */
  destroy(): void;
}

function open(stdio: Stdio, fd: 0 | 1 | 2): StandardStream {
  if (stdio === 'inherit') return { fd, isOwned: false, stream: null };
  if (stdio === 'ignore') return { fd: openSync('/dev/null', fd === 0 ? 'r' : 'w'), isOwned: true, stream: null };
  if (typeof stdio === 'number') return { fd: stdio, isOwned: false, stream: null };
  const [read, write] = makePipe('the command');
  const stream = new Socket({ fd: fd === 0 ? write : read, readable: fd !== 0, writable: fd === 0, allowHalfOpen: true });
  // An error of stdin means that the command has closed it. The result reports the command's end.
  stream.on('error', () => undefined);
  return { fd: fd === 0 ? read : write, isOwned: true, stream };
}

/** Whether no reader was ever attached: the stream neither flows, nor has listeners, nor was read from. */
function isUntouched(stream: Readable): boolean {
  return stream.readableFlowing === null && stream.listenerCount('readable') === 0 && !stream.readableDidRead;
}

/** Bytes that the stream's reader has taken. */
export function bytesTaken(stream: Readable | null): number { return stream ? (stream as Socket).bytesRead - stream.readableLength : 0; }

function whenClosed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) return resolve();
    for (const event of ['end', 'close'] as const) stream.once(event, () => resolve());
  });
}

export function openStreams(kinds: readonly [Stdio, Stdio, Stdio]): Streams {
  const channels: StandardStream[] = [];
  const closeChildEnds = (): void => { for (const channel of channels.splice(0)) if (channel.isOwned) closeSync(channel.fd); };
  try {
    for (const [index, stdio] of kinds.entries()) channels.push(open(stdio, index as 0 | 1 | 2));
  } catch (error) {
    for (const { stream } of channels) stream?.destroy();
    closeChildEnds();
    throw error;
  }
  const [stdin, stdout, stderr] = channels.map(({ stream }) => stream) as [Socket | null, Socket | null, Socket | null];
  const outputs = [stdout, stderr].filter((stream) => stream !== null);
  return {
    fds: channels.map(({ fd }) => fd) as [number, number, number],
    stdin, stdout, stderr,
    closeChildEnds,
    bytesTaken: () => bytesTaken(stdout) + bytesTaken(stderr),
    hasUnread: () => outputs.some((stream) => (
      !stream.destroyed && !stream.readableEnded && (stream.readableLength > 0 || isUntouched(stream))
    )),
    whenRead: async () => { await Promise.all(outputs.filter((stream) => !isUntouched(stream)).map(whenClosed)); },
    finish: () => {
      stdin?.destroy();
      // Give callers that await the result one turn to start reading before unread output is discarded.
      setImmediate(() => { for (const stream of outputs) if (isUntouched(stream)) stream.resume(); });
    },
    destroy: () => { for (const stream of [stdin, stdout, stderr]) stream?.destroy(); },
  };
}

/** The streams of a command that was not started: outputs without a byte, and a stdin that takes everything. null where `kinds` has no pipe. */
export function emptyStreams(kinds: readonly [Stdio, Stdio, Stdio]): Streams {
  const output = (stdio: Stdio): Readable | null => (stdio === 'pipe' ? Readable.from([]) : null);
  const stdin = kinds[0] === 'pipe' ? new Writable({ write: (_, __, written) => { written(); } }) : null;
  const stdout = output(kinds[1]), stderr = output(kinds[2]);
  return {
    fds: [-1, -1, -1], stdin, stdout, stderr,
    closeChildEnds: () => undefined,
    bytesTaken: () => 0,
    hasUnread: () => false,
    whenRead: () => Promise.resolve(),
    finish: () => undefined,
    destroy: () => { for (const stream of [stdin, stdout, stderr]) stream?.destroy(); },
  };
}
