/** A socket that only listens to what a wsh sends, and then refuses it. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { REQUEST_BYTES } from './vectors.js';

export interface Listener {
  readonly path: string;
  /** What each connection sent until its end. */
  readonly received: Buffer[];
  /** How many connections have been made. */
  connections(): number;
  close(): void;
}

export async function listen(path: string): Promise<Listener> {
  const received: Buffer[] = [];
  let connections = 0;
  const server = createServer((client) => {
    const pieces: Buffer[] = [];
    connections++;
    client.on('data', (piece: Buffer) => {
      pieces.push(piece);
      if (pieces.reduce((sum, { length }) => sum + length, 0) >= REQUEST_BYTES) client.end();
    });
    client.on('error', () => undefined);
    client.on('close', () => received.push(Buffer.concat(pieces)));
  });
  server.listen(path);
  await once(server, 'listening');
  return { path, received, connections: () => connections, close: () => { server.close(); } };
}
