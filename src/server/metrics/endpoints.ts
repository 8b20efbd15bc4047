/** What an operator's tools ask: the original's health check, /healthz and /metrics. Loopback or a unix socket only. */
import { unlinkSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer, type Server as NetServer } from 'node:net';
import { reason, unlessMissing } from '../../base/errors.js';
import type { Config } from '../config/config.js';
import type { Server } from '../server.js';

export interface Endpoints { close(): void }

const LOOPBACK = '127.0.0.1';
const IDLE_MS = 10_000;
const HEALTHY = 'HTTP/1.1 200 OK\r\n';

/** Fulfilled when all listen, or cannot: that nobody can ask how the server is, is no reason to end it. */
export async function openEndpoints({ healthPort, metrics }: Config, server: Server): Promise<Endpoints> {
  const open: (NetServer | HttpServer)[] = [], tried: Promise<void>[] = [];
  const listen = (on: NetServer | HttpServer, where: { port: number; host: string } | { path: string }): void => {
    open.push(on);
    tried.push(new Promise((resolve) => {
      on.on('error', (error) => {
        server.log.error('cannot listen', { ...where, error: reason(error) });
        resolve();
      });
      on.listen(where, resolve);
    }));
  };
  if (healthPort !== 0) listen(healthCheck(), { port: healthPort, host: LOOPBACK });
  if (metrics.port !== null) listen(createHttpServer(answers(server)), { port: metrics.port, host: LOOPBACK });
  if (metrics.socketPath !== null) {
    const path = metrics.socketPath;
    unlessMissing(() => unlinkSync(path));
    listen(createHttpServer(answers(server)), { path });
  }
  await Promise.all(tried);
  return { close: () => { for (const each of open) each.close(); } };
}

/** As the original: any bytes get the same answer, and the connection is closed. */
function healthCheck(): NetServer {
  return createServer((socket) => {
    socket.on('error', () => undefined).setTimeout(IDLE_MS, () => socket.destroy());
    socket.once('data', () => socket.end(HEALTHY));
  });
}

const PAGES: ReadonlyMap<string | undefined, (server: Server) => string> = new Map([
  ['/metrics', (server: Server) => server.metrics.text(server.gauges())], ['/healthz', () => 'ok\n'],
]);

function answers(server: Server): RequestListener {
  return ({ url }, response) => {
    const text = PAGES.get(url)?.(server);
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(text ?? 'only /metrics and /healthz\n');
  };
}
