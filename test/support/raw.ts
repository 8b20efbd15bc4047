/** Clients of wshd that send any bytes. */
import { createConnection, type Socket } from 'node:net';
import { encodeRequest, type Request } from '../../src/wire/codec.js';

/** The bytes of a request; limits and LANG only if given. */
export function requestBytes(argv: readonly string[], more: Partial<Request> = {}): Buffer {
  return encodeRequest({ argv, user: '', lang: '', tty: false, limits: [], ...more });
}

/** Waits for the first of these events; unlike with `once`, an error does not count. */
function first(socket: Socket, ...events: string[]): Promise<void> {
  return new Promise((resolve) => { for (const event of events) socket.once(event, () => resolve()); });
}

/** wshd's first answer when it serves; Node drops the descriptors that come with it. */
export const SERVED = Buffer.from(new Int32Array([1]).buffer);

export async function connect(path: string): Promise<Socket> {
  const socket = createConnection({ path, allowHalfOpen: true });
  // The other side's actions show in the received bytes and in the end.
  socket.on('error', () => undefined);
  await first(socket, 'connect', 'close');
  return socket;
}

/** All bytes until wshd closes the connection. */
export async function received(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  if (!socket.destroyed && !socket.readableEnded) await first(socket, 'end', 'close');
  socket.destroy();
  return Buffer.concat(pieces);
}

/** Connects, sends the pieces one after the other, and returns what comes. */
export async function converse(path: string, pieces: readonly Buffer[], { end = false } = {}): Promise<Buffer> {
  const socket = await connect(path);
  const answer = received(socket);
  for (const piece of pieces) await new Promise((sent) => socket.write(piece, sent));
  if (end) socket.end();
  return answer;
}
