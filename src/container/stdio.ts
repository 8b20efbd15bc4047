/** The standard streams of a module that runs in this process: pipes to Node streams, or descriptors as they are. */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { native } from '../host/native.js';
import { WardenError } from './error.js';
import type { Stdio } from './execution.js';

/** A stream's two sides: what the module gets, to be closed here once it has a copy, and ours. */
interface End { readonly fd: number; readonly owned: boolean; readonly stream: Socket | null }

export interface Streams {
  readonly fds: readonly [number, number, number];
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The module has copies of the descriptors now, or never will. */
  handedOver(): void;
  /** The program has ended: its stdin ends, and what nobody has begun to read is thrown away. */
  ended(): void;
  /** Closes ours at once. */
  destroy(): void;
}

export function makePipe(): readonly [read: number, write: number] {
  const ends = native().pipe();
  if (typeof ends !== 'number') return ends;
  throw new WardenError('UNSUPPORTED', `cannot make a pipe (errno ${-ends}); the limits are ulimit -n and fs.pipe-user-pages-soft`);
}

function open(stdio: Stdio, fd: 0 | 1 | 2): End {
  if (stdio === 'inherit') return { fd, owned: false, stream: null };
  if (stdio === 'ignore') return { fd: openSync('/dev/null', fd === 0 ? 'r' : 'w'), owned: true, stream: null };
  if (typeof stdio === 'number') return { fd: stdio, owned: false, stream: null };
  const [read, write] = makePipe();
  const stream = new Socket({ fd: fd === 0 ? write : read, readable: fd !== 0, writable: fd === 0, allowHalfOpen: true });
  // Whoever reads it is gone: that is the command's end, which the result tells.
  stream.on('error', () => undefined);
  return { fd: fd === 0 ? read : write, owned: true, stream };
}

/** Never used by any reader: neither flowing, nor listened to, nor read from. */
function isUntouched(stream: Readable): boolean {
  return stream.readableFlowing === null && stream.listenerCount('readable') === 0 && !stream.readableDidRead;
}

export function openStreams(wanted: readonly [Stdio, Stdio, Stdio]): Streams {
  const ends: End[] = [];
  const closeTheirs = (): void => { for (const end of ends.splice(0)) if (end.owned) closeSync(end.fd); };
  try {
    for (const [index, stdio] of wanted.entries()) ends.push(open(stdio, index as 0 | 1 | 2));
  } catch (error) {
    for (const { stream } of ends) stream?.destroy();
    closeTheirs();
    throw error;
  }
  const [stdin, stdout, stderr] = ends.map(({ stream }) => stream) as [Socket | null, Socket | null, Socket | null];
  const outputs = [stdout, stderr].filter((stream) => stream !== null);
  return {
    fds: ends.map(({ fd }) => fd) as [number, number, number],
    stdin, stdout, stderr,
    handedOver: closeTheirs,
    ended: () => {
      stdin?.destroy();
      // Whoever waits for the end has his turn first: he may want to read only now.
      setImmediate(() => { for (const stream of outputs) if (isUntouched(stream)) stream.resume(); });
    },
    destroy: () => { for (const stream of [stdin, stdout, stderr]) stream?.destroy(); },
  };
}
