/** What systemd passes and expects: sd_listen_fds(3), sd_notify(3). */
import { spawnSync } from 'node:child_process';

/** Whose socket the server listens on: one that it makes, one that systemd made, one that it had before it executed itself anew. */
export type SocketOrigin = 'own' | 'systemd' | 'handed over';

/** Where it is not the server's own, descriptor 3 is the socket to listen on. */
export function socketOrigin(env: NodeJS.ProcessEnv = process.env): SocketOrigin {
  const pid = String(process.pid);
  if (env['LISTEN_PID'] !== pid || !(Number(env['LISTEN_FDS']) >= 1)) return 'own';
  return env[HANDED_OVER] === pid ? 'handed over' : 'systemd';
}

const HANDED_OVER = 'WARDEN_SOCKET_OF';

/** What the program that this process executes next finds in its environment. */
export function announceSocket(isOurs: boolean): void {
  const pid = String(process.pid);
  Object.assign(process.env, { LISTEN_PID: pid, LISTEN_FDS: '1', ...(isOurs ? { [HANDED_OVER]: pid } : {}) });
}

/** Node has no unix datagram sockets: systemd-notify(1) sends it. Nothing where nobody asked. */
export function notify(state: 'READY=1' | 'STOPPING=1' | 'RELOADING=1', env: NodeJS.ProcessEnv = process.env): void {
  if (!env['NOTIFY_SOCKET']) return;
  spawnSync('systemd-notify', [`--pid=${process.pid}`, state], { stdio: 'ignore', timeout: 5_000, env });
}
