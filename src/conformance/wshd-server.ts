/** A wshd without a container: takes the request of a wsh that it starts, answers as a case wants, and sees what becomes of it. */
import { codec } from '../wire/codec.js';
import { encode, sizeOf } from '../wire/message.js';
import { Failure } from './case.js';
import { type Child, Endpoint, SIGKILL, WAIT_MS } from './endpoint.js';

/** Our ends of what a good answer without a terminal carries. */
export interface Ends { stdin: number; stdout: number; stderr: number; status: number }

export interface RunOptions {
  env?: Readonly<Record<string, string>>;
  input?: Uint8Array;
  /** The parent has made stdout non-blocking, and reads it only after a while. */
  isSlowNonBlocking?: boolean;
}

export interface Ran {
  /** "exit code 42", "signal 9" */
  end: string;
  stdout: Buffer;
  stderr: string;
  /** All that it sent; empty when it did not connect. */
  request: Buffer;
  /** Descriptors that came along. */
  handles: number;
}

/** What the server does with a connection once the request has come, to its closing. */
export type Reply = (server: Answering, socket: number) => Promise<void>;
/** What a reply needs of a server. */
export type Answering = Pick<WshdServer, 'endpoint'>;

const SLOW_MS = 200;

export class WshdServer {
  readonly endpoint: Endpoint;
  private readonly listener: number;

  /** `path`: where it listens. */
  constructor(private readonly program: string, readonly path: string) {
    this.endpoint = new Endpoint('wshd', [path]);
    this.listener = this.endpoint.listen(path);
  }

  end(): void { this.endpoint.end(); }

  /** Starts the wsh on pipes and waits for its end. */
  async run(args: readonly string[], reply: Reply, options: RunOptions = {}): Promise<Ran> {
    const { env = {}, input = Buffer.alloc(0), isSlowNonBlocking = false } = options;
    const [stdin, feed] = this.endpoint.pipe(), [out, stdout] = this.endpoint.pipe(), [err, stderr] = this.endpoint.pipe();
    for (const ours of [feed, out, err]) this.endpoint.unblock(ours);
    if (isSlowNonBlocking) this.endpoint.unblock(stdout);
    const child = this.start(args, env, [stdin, stdout, stderr]);
    this.endpoint.close(stdin, stdout, stderr);
    // Closed as soon as it is written, and only there: by the end its number may be another handle's.
    const feeding = this.endpoint.write(feed, input).finally(() => this.endpoint.close(feed));
    const slow = new Promise((resolve) => { setTimeout(resolve, isSlowNonBlocking ? SLOW_MS : 0); });
    try {
      const [request, output, errors, raw] = await Promise.all([
        this.serve(child, reply), slow.then(() => this.endpoint.drain(out, 'stdout')), this.endpoint.drain(err, 'stderr'), child.ended, feeding,
      ]);
      return { ...request, end: endInWords(raw), stdout: output, stderr: errors.toString() };
    } finally {
      child.kill(SIGKILL);
      this.endpoint.close(out, err);
    }
  }

  start(args: readonly string[], env: Readonly<Record<string, string>>, stdio: readonly number[], isTerminal = false): Child {
    return this.endpoint.spawn(this.program, ['wsh', '--socket', this.path, ...args], env, stdio, isTerminal);
  }

  /** Takes the request of a wsh, if it connects before it ends. */
  async serve(child: Child, reply: Reply): Promise<Pick<Ran, 'request' | 'handles'>> {
    const socket = await this.endpoint.accept(this.listener, child.ended);
    if (socket === undefined) return { request: Buffer.alloc(0), handles: 0 };
    let request;
    try {
      request = await this.take(socket);
    } catch (error) {
      this.endpoint.close(socket);
      throw error;
    }
    await reply(this, socket);
    return request;
  }

  private async take(socket: number): Promise<Pick<Ran, 'request' | 'handles'>> {
    let request = Buffer.alloc(0), handles = 0;
    const late = performance.now() + WAIT_MS;
    while (request.length < sizeOf(codec(), 'request')) {
      const received = await this.endpoint.receive(socket);
      if (received.ended) throw new Failure(`the request ends after ${request.length} bytes`);
      request = Buffer.concat([request, received.bytes]);
      handles += received.handles.length;
      this.endpoint.close(...received.handles);
      if (performance.now() > late) throw new Failure(`the request is not whole within ${WAIT_MS / 1000} s: ${request.length} bytes have come`);
    }
    return { request, handles };
  }
}

function endInWords(raw: number): string {
  const { exited, exitCode, signalOf } = codec().exports;
  return exited(raw) ? `exit code ${exitCode(raw)}` : `signal ${signalOf(raw)}`;
}

/** The answer's bytes; `version` for a wrong one. */
export function response(version = 1): Uint8Array { return encode(codec(), 'response', { fields: { version: BigInt(version) } }); }

/** Sends these bytes with what `change` makes of the descriptors of a good answer; our ends are closed at once. */
export function answering(bytes: Uint8Array, change: (theirs: number[], server: Answering) => number[] = (theirs) => theirs): Reply {
  return async (server, socket) => {
    const { theirs, ours } = makePipes(server.endpoint);
    const changed = change(theirs, server);
    await server.endpoint.send(socket, bytes, changed);
    server.endpoint.close(socket, ...new Set([...theirs, ...changed]), ...Object.values<number>({ ...ours }));
  };
}

/** A good answer, then what `act` does as the command; all of its ends are closed behind that. */
export function serving(act: (ends: Ends, endpoint: Endpoint) => Promise<void>): Reply {
  return async ({ endpoint }, socket) => {
    const { theirs, ours } = makePipes(endpoint);
    await endpoint.send(socket, response(), theirs);
    endpoint.close(socket, ...theirs);
    try {
      await act(ours, endpoint);
    } finally {
      endpoint.close(...Object.values<number>({ ...ours }));
    }
  };
}

function makePipes(endpoint: Endpoint): { theirs: number[]; ours: Ends } {
  const [stdin, toStdin] = endpoint.pipe(), [fromStdout, stdout] = endpoint.pipe();
  const [fromStderr, stderr] = endpoint.pipe(), [fromStatus, status] = endpoint.pipe();
  for (const ours of [stdin, stdout, stderr, status]) endpoint.unblock(ours);
  return { theirs: [toStdin, fromStdout, fromStderr, fromStatus], ours: { stdin, stdout, stderr, status } };
}
