/**
 * A client's connection: frames in, one request at a time, answers out in order.
 *
 *   reading → handling one request → reading … → closed
 */
import type { Socket } from 'node:net';
import { FrameError, FrameReader } from '../../proto/frame.js';
import { type Decoded, decodeRequest, errorFrame, MessageError, responseFrame, toPlain } from '../../proto/message.js';
import { create } from '@bufbuild/protobuf';
import { Refusal, CommandFailure } from '../refusal.js';
import type { Server } from '../server.js';
import type { Context } from '../requests/context.js';
import { handlers } from '../requests/handlers.js';

/** Bytes of later requests that are kept while one is carried out; more wait in the socket. */
const AHEAD_BYTES_MAX = 256 << 10;
/** Requests in which a client may wait for ever: at a drain their connections are closed. */
const WAITING = new Set(['Link', 'Run', 'Stream']);

/** A connection's number, and who made it, where the kernel tells. */
export interface Peer { readonly number: number; readonly pid?: number; readonly uid?: number; readonly gid?: number }

export class Connection {
  private readonly reader = new FrameReader();
  private readonly ending = new AbortController();
  /** Name of the request that is carried out. */
  private current: string | undefined;
  private draining = false;
  private ended = false;
  private unread = false;

  constructor(readonly socket: Socket, private readonly server: Server, readonly peer: Peer) {
    socket.on('data', (bytes: Buffer) => this.receive(bytes));
    socket.on('end', () => this.finish());
    socket.on('close', () => this.close());
    // A client that goes away ends its own connection, and nothing else.
    socket.on('error', () => undefined);
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal { return this.ending.signal; }

  private receive(bytes: Buffer): void {
    this.reader.push(bytes);
    if (this.current !== undefined) {
      if (this.reader.buffered > AHEAD_BYTES_MAX) this.pause();
      return;
    }
    this.proceed();
  }

  private pause(): void {
    this.unread = true;
    this.socket.pause();
  }

  /** Carries out whatever is there whole, one after the other; those that answer at once need no turn of the event loop. */
  private proceed(): void {
    try {
      while (this.current === undefined && !this.socket.destroyed) {
        const payload = this.reader.next();
        if (payload === undefined) break;
        this.take(payload);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.refuseStream(error.message);
      return;
    }
    if (this.current === undefined && this.unread) {
      this.unread = false;
      this.socket.resume();
    }
    if (this.current === undefined && (this.ended || this.draining)) this.socket.end();
  }

  /** Nothing that follows can be understood: the client learns why, and that it is over. */
  private refuseStream(why: string): void {
    this.server.log.warn('connection refused', { peer: this.peer.number, why });
    this.socket.end(errorFrame(why));
    this.socket.removeAllListeners('data');
    this.socket.resume();
  }

  private take(payload: Buffer): void {
    let request: Decoded;
    try {
      request = decodeRequest(payload);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      // As the original: no answer, and the next request is taken.
      this.server.log.warn('request ignored', { peer: this.peer.number, why: error.message });
      return;
    }
    this.carryOut(request);
  }

  private carryOut(request: Decoded): void {
    const { name } = request.kind, began = performance.now();
    this.current = name;
    try {
      // The request's type names its handler: TypeScript cannot see that both belong together.
      const handler = handlers[name as keyof typeof handlers] as (message: unknown, context: Context) => object | Promise<object>;
      const answer = handler(request.message, { server: this.server, connection: this });
      if (answer instanceof Promise) {
        const answered = (value: object): void => this.answer(request, began, value);
        const failed = (error: unknown): void => this.fail(request, began, error);
        answer.then(answered, failed).finally(() => this.proceed());
      } else {
        this.answer(request, began, answer);
      }
    } catch (error) {
      this.fail(request, began, error);
    }
  }

  private answer(request: Decoded, began: number, response: object): void {
    const frame = responseFrame(request.kind, response);
    this.current = undefined;
    this.note(request, began, response);
    if (this.socket.writable) this.socket.write(frame);
  }

  private fail(request: Decoded, began: number, error: unknown): void {
    this.current = undefined;
    if (this.signal.aborted) return;
    const { name } = request.kind;
    this.server.metrics.errors.add(1);
    this.server.metrics.observe(name, (performance.now() - began) / 1000);
    const detail = detailOf(error);
    const message = error instanceof Error ? error.message : String(error);
    this.server.log.warn('request failed', { request: name, peer: this.peer.number, error: message, ...(detail === undefined ? {} : { detail }) });
    if (this.socket.writable) this.socket.write(errorFrame(message));
  }

  private note({ kind, message }: Decoded, began: number, response: object): void {
    const seconds = (performance.now() - began) / 1000;
    this.server.metrics.observe(kind.name, seconds);
    if (!this.server.log.isOn('debug')) return;
    // A script may hold secrets.
    const { script: _, ...request } = toPlain(kind.request, message);
    const answer = toPlain(kind.response, create(kind.response, response as never));
    this.server.log.debug(kind.name, { peer: this.peer.number, seconds, request, response: answer });
  }

  /** Parts of several answers; fulfilled when the kernel has taken all of them, so that their memory can be used again. */
  send(parts: readonly Uint8Array[]): Promise<void> {
    if (this.signal.aborted) return Promise.reject(this.signal.reason as Error);
    return new Promise((resolve, reject) => {
      const last = parts.length - 1;
      // One system call for all of them.
      this.socket.cork();
      for (const [index, part] of parts.entries()) {
        this.socket.write(part, index < last ? undefined : (error) => { if (error) reject(error); else resolve(); });
      }
      this.socket.uncork();
    });
  }

  /** The client sends nothing more. What it waits for is given up; what is under way is still answered. */
  private finish(): void {
    this.ended = true;
    if (this.current !== undefined && WAITING.has(this.current)) this.ending.abort(new Error('the client is gone'));
    if (this.current === undefined) this.socket.end();
  }

  private close(): void {
    this.ending.abort(new Error('the client is gone'));
    this.server.forgetConnection(this);
  }

  /** The server drains: closes now, or when the request under way was answered. */
  drain(): void {
    this.draining = true;
    if (this.current === undefined || WAITING.has(this.current)) this.socket.destroy();
  }
}

/** More about a failure for the log: none for a refusal, whose message says all. */
function detailOf(error: unknown): string | undefined {
  if (error instanceof CommandFailure) return error.detail;
  return error instanceof Refusal ? undefined : (error as Error).stack;
}
