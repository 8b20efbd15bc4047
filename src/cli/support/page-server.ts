/** Serves one folder of fixed files on the loopback interface, for a browser on this machine. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const TYPES: Readonly<Record<string, string>> = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };

/** The page's own script runs modules in a worker that it makes; it loads nothing from elsewhere. */
const POLICY = 'default-src \'none\'; script-src \'self\' \'wasm-unsafe-eval\'; style-src \'self\' \'unsafe-inline\'; worker-src blob:; img-src data:; connect-src data:';

export interface PageServer { readonly address: string; close(): Promise<void> }

/** The files as they are now, at a port that the kernel chooses. Answers GET for these files, and nothing else. */
export async function servePage(folder: string): Promise<PageServer> {
  const files = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(`${folder}/${name}`)]));
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/[?#].*$/, ''), name = path === '/' ? '/index.html' : path, file = files.get(name);
    const isGet = request.method === 'GET';
    if (!isGet || !file || !isOwn(request.headers.host, server)) {
      response.writeHead(isGet ? 404 : 405, isGet ? {} : { Allow: 'GET' }).end();
      return;
    }
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
    response.end(file);
  });
  server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** Another name for this address is another site's, whose scripts could then read what is served. */
function isOwn(host: string | undefined, server: Server): boolean { return host === `127.0.0.1:${(server.address() as AddressInfo | null)?.port}`; }
