/** A typed client of the server. docs/reference/client.md */
import { createConnection, type Socket } from 'node:net';
import { create, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { reason, WardenError } from '../base/errors.js';
import { FrameReader } from '../proto/frame.js';
import { decodeResponse, type Kind, type KindName, kinds, requestFrame, type RequestInit, type ResponseOf } from '../proto/message.js';

/** A message's fields, where what is bytes on the wire may be given as a text, and what has 64 bits as a number. */
export type Fields<Init> = Init extends Uint8Array ? Init | string
  : Init extends bigint ? Init | number
  : Init extends readonly (infer Item)[] ? readonly Fields<Item>[]
    : Init extends object ? { [Key in keyof Init as Key extends `$${string}` ? never : Key]?: Fields<Init[Key]> | undefined } : Init;
export type Request<Name extends KindName> = Fields<Exclude<RequestInit<Name>, { $typeName: string }>>;

/** The server answered a request with an error; the message is the server's. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
}

export interface StreamChunk { readonly name: 'stdout' | 'stderr'; readonly data: Buffer }

/** How a streamed job ended. */
export type StreamEnd = Pick<ResponseOf<'Stream'>, 'exitStatus' | 'info'>;

export interface CallOptions {
  /** Gives the request up: the connection is closed, for its answer could still come. */
  signal?: AbortSignal | undefined;
}

interface Waiting { readonly kind: Kind; take(message: MessageShape<DescMessage>): boolean; fail(error: Error): void }

/** One connection: its requests are carried out one after the other, in the order of the calls. */
export class Client implements AsyncDisposable {
  private readonly reader = new FrameReader();
  private readonly waiting: Waiting[] = [];
  private ended: Error | undefined;
  /** Fulfilled when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;

  /** @internal Of bytes that the socket received its caller calls `receive`. */
  constructor(private readonly socket: Socket) {
    socket.on('error', (error) => this.end(new WardenError('ENDED', `the connection to the server broke: ${reason(error)}`)));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.end(new WardenError('ENDED', 'the server closed the connection'));
        resolve();
      });
    });
  }

  /** @internal The memory may be used again afterwards. */
  receive(bytes: Buffer): void {
    try {
      this.reader.push(bytes);
      for (let payload = this.reader.next(); payload; payload = this.reader.next()) this.answer(payload);
      this.reader.keep();
    } catch (error) {
      this.end(new WardenError('PROTOCOL', `the server does not speak the protocol: ${(error as Error).message}`, { cause: error }));
      this.socket.destroy();
    }
  }

  private answer(payload: Buffer): void {
    const response = decodeResponse(payload), [first] = this.waiting;
    if (!first) throw new Error('an answer that nothing was asked for');
    if ('error' in response) {
      this.waiting.shift();
      first.fail(new ServerError(response.error));
    } else if (response.kind !== first.kind) {
      throw new Error(`${first.kind.name} was answered by ${response.kind.name}`);
    } else if (first.take(response.message)) {
      this.waiting.shift();
    }
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const { fail } of this.waiting.splice(0)) fail(this.ended);
  }

  private ask(kind: Kind, fields: object, waiting: Omit<Waiting, 'kind'>, { signal }: CallOptions): void {
    if (this.ended) return waiting.fail(this.ended);
    if (signal?.aborted) return waiting.fail(new WardenError('ABORTED', 'aborted by the caller\'s signal', { cause: signal.reason }));
    const abort = (): void => {
      this.end(new WardenError('ABORTED', 'aborted by the caller\'s signal', { cause: signal?.reason }));
      this.socket.destroy();
    };
    signal?.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal?.removeEventListener('abort', abort);
    this.waiting.push({
      kind,
      take: (message) => {
        const last = waiting.take(message);
        if (last) settled();
        return last;
      },
      fail: (error) => {
        settled();
        waiting.fail(error);
      },
    });
    this.socket.write(requestFrame(kind, toMessage(kind.request, fields)));
  }

  /** Sends a request, and waits for its answer. Rejected with a ServerError where the server answers with one. */
  call<Name extends Exclude<KindName, 'Stream'>>(name: Name, fields: Request<Name>, options: CallOptions = {}): Promise<ResponseOf<Name>> {
    return new Promise((resolve, reject) => {
      this.ask(kinds[name], fields, {
        take: (message) => {
          resolve(message as ResponseOf<Name>);
          return true;
        },
        fail: reject,
      }, options);
    });
  }

  /**
   * A job's output from its first byte, then, as the iterator's last value, how it ended. What is not taken waits at the server.
   * Leaving the loop early closes the connection; the job and its output stay.
   */
  async *stream(fields: Request<'Stream'>, options: CallOptions = {}): AsyncGenerator<StreamChunk, StreamEnd, undefined> {
    const chunks: StreamChunk[] = [];
    let end: StreamEnd | undefined, failed: Error | undefined, wake = (): void => undefined;
    this.ask(kinds.Stream, fields, {
      take: (message) => {
        const { name, data, exitStatus, info } = message as ResponseOf<'Stream'>, last = info !== undefined || name === '';
        if (last) end = { exitStatus, info };
        else chunks.push({ name: name as StreamChunk['name'], data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) });
        if (!last && chunks.length >= CHUNKS_AHEAD) this.socket.pause();
        wake();
        return last;
      },
      fail: (error) => {
        failed = error;
        wake();
      },
    }, options);
    try {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk) yield chunk;
        else if (end) return end;
        else if (failed) throw failed;
        else {
          this.socket.resume();
          await new Promise<void>((resolve) => { wake = resolve; });
        }
      }
    } finally {
      this.socket.resume();
      if (!end && !failed) this.socket.destroy();
    }
  }

  /** Ends the connection. What is under way is given up. */
  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.close(); }

  ping(options?: CallOptions): Promise<ResponseOf<'Ping'>> { return this.call('Ping', {}, options); }
  echo(fields: Request<'Echo'>, options?: CallOptions): Promise<ResponseOf<'Echo'>> { return this.call('Echo', fields, options); }
  list(options?: CallOptions): Promise<ResponseOf<'List'>> { return this.call('List', {}, options); }
  create(fields: Request<'Create'> = {}, options?: CallOptions): Promise<ResponseOf<'Create'>> { return this.call('Create', fields, options); }
  info(fields: Request<'Info'>, options?: CallOptions): Promise<ResponseOf<'Info'>> { return this.call('Info', fields, options); }
  stop(fields: Request<'Stop'>, options?: CallOptions): Promise<ResponseOf<'Stop'>> { return this.call('Stop', fields, options); }
  destroy(fields: Request<'Destroy'>, options?: CallOptions): Promise<ResponseOf<'Destroy'>> { return this.call('Destroy', fields, options); }
  spawn(fields: Request<'Spawn'>, options?: CallOptions): Promise<ResponseOf<'Spawn'>> { return this.call('Spawn', fields, options); }
  link(fields: Request<'Link'>, options?: CallOptions): Promise<ResponseOf<'Link'>> { return this.call('Link', fields, options); }
  run(fields: Request<'Run'>, options?: CallOptions): Promise<ResponseOf<'Run'>> { return this.call('Run', fields, options); }
  netIn(fields: Request<'NetIn'>, options?: CallOptions): Promise<ResponseOf<'NetIn'>> { return this.call('NetIn', fields, options); }
  netOut(fields: Request<'NetOut'>, options?: CallOptions): Promise<ResponseOf<'NetOut'>> { return this.call('NetOut', fields, options); }
  copyIn(fields: Request<'CopyIn'>, options?: CallOptions): Promise<ResponseOf<'CopyIn'>> { return this.call('CopyIn', fields, options); }
  copyOut(fields: Request<'CopyOut'>, options?: CallOptions): Promise<ResponseOf<'CopyOut'>> { return this.call('CopyOut', fields, options); }
  limitMemory(fields: Request<'LimitMemory'>, options?: CallOptions): Promise<ResponseOf<'LimitMemory'>> { return this.call('LimitMemory', fields, options); }
  limitCpu(fields: Request<'LimitCpu'>, options?: CallOptions): Promise<ResponseOf<'LimitCpu'>> { return this.call('LimitCpu', fields, options); }
  limitDisk(fields: Request<'LimitDisk'>, options?: CallOptions): Promise<ResponseOf<'LimitDisk'>> { return this.call('LimitDisk', fields, options); }
  limitBandwidth(fields: Request<'LimitBandwidth'>, options?: CallOptions): Promise<ResponseOf<'LimitBandwidth'>> {
    return this.call('LimitBandwidth', fields, options);
  }
}

/** Chunks of a stream that are kept while nobody takes them; the socket then waits, and with it the server. */
const CHUNKS_AHEAD = 16;

/** Texts become bytes where the message has bytes, numbers bigints where it has 64 bits. */
export function toMessage(schema: DescMessage, fields: object): MessageShape<DescMessage> {
  const init: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const field = schema.fields.find(({ localName }) => localName === name);
    if (!field) throw new WardenError('USAGE', `${schema.name} has no field ${name}; there are ${schema.fields.map(({ localName }) => localName).join(', ')}`);
    if (value === undefined) continue;
    const one = (item: unknown): unknown => {
      if (field.message) return toMessage(field.message, item as object);
      if (field.scalar === ScalarType.BYTES && typeof item === 'string') return Buffer.from(item);
      if (field.scalar === ScalarType.UINT64 && typeof item === 'number') return BigInt(item);
      return item;
    };
    init[name] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return create(schema, init as never);
}

/** Connects to a server's socket. */
export function connect(path: string = DEFAULT_SOCKET): Promise<Client> {
  return new Promise((resolve, reject) => {
    let client: Client | undefined;
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    // One buffer for all reads: with one each, V8 collects garbage for most of the time.
    const callback = (size: number): boolean => {
      client?.receive(buffer.subarray(0, size));
      return true;
    };
    const socket = createConnection({ path, onread: { buffer, callback } });
    const failed = (error: Error): void => reject(new WardenError('NOT_FOUND', `cannot connect to the server at ${path}: ${reason(error)}; does it run?`, { cause: error }));
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      client = new Client(socket);
      resolve(client);
    });
  });
}

const READ_BYTES = 64 << 10;

export const DEFAULT_SOCKET = '/tmp/warden.sock';
