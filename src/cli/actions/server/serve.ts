/** `warden serve`: runs the server until a signal ends it. */
import { type RunningServer, startServer } from '../../../server/main.js';

export interface ServeOptions { config: string }

/**
 * Drains at USR2, TERM and INT; reads the configuration again at HUP; executes the program anew at USR1. A supervisor may send any of
 * them as soon as the server has reported that it is ready, so they are caught before it starts.
 */
export async function serve({ config }: ServeOptions): Promise<number> {
  const server: { running?: RunningServer } = {};
  process.on('SIGHUP', () => server.running?.reload());
  const asked = new Promise<void>((resolve, reject) => {
    process.on('SIGUSR1', () => { server.running?.upgrade().catch(reject); });
    for (const signal of ['SIGUSR2', 'SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  server.running = await startServer(config);
  await asked;
  await server.running.drain();
  return 0;
}
