/** A server from its configuration to its end: start, drain, reload. The process's signals are its caller's. */
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { reason, unlessMissing, WardenError } from '../base/errors.js';
import { native } from '../host/addon.js';
import { Listener } from './connection/listener.js';
import type { Config } from './config/config.js';
import { describeConfig, readConfig } from './config/read.js';
import type { RecoverableBackend, Resources } from './container/backend.js';
import { InsecureBackend } from './insecure/backend.js';
import { checkPlatform, checkSystem } from '../base/system.js';
import { LinuxBackend } from './linux/backend.js';
import { linkCgroups } from './linux/cgroup-names.js';
import { Logger } from './logging/logger.js';
import { Syslog } from './logging/syslog.js';
import { Firewall } from './network/firewall.js';
import { checkUids } from './pools/pools.js';
import { Server } from './server.js';
import { followAll, type MakeBackend, recoverAll } from './snapshot/recovery.js';
import { giveBackAtRest } from './supervision/memory.js';
import { announceSocket, notify, socketOrigin } from './supervision/systemd.js';
import { type Endpoints, openEndpoints } from './metrics/endpoints.js';

export interface RunningServer {
  readonly server: Server;
  /** Lets containers and jobs live on, and ends everything else. */
  drain(): Promise<void>;
  /**
   * The same, then this process executes Node and its program anew: a newer version takes over under the same pid. Whoever connects
   * meanwhile waits. Returns, and serves on, when the configuration is invalid.
   */
  upgrade(): Promise<void>;
  /** Reads the file again; keys that can change do. */
  reload(): void;
}

const DRAIN_DEADLINE_MS = 30_000;

export async function startServer(configPath: string): Promise<RunningServer> {
  const config = readConfig(configPath);
  check(config);
  const { level, file, syslog } = config.logging, complain = (why: string): void => console.error(`warden: cannot write the log to syslog: ${why}`);
  const lines = syslog === null ? undefined : new Syslog(config.server.syslogSocket, complain).open(syslog);
  const log = new Logger(level, file, file === null && process.stdout.isTTY, lines);
  log.info('configuration', describeConfig(config));
  const server: Server = new Server({ config, log, backend: (resources) => make(resources) });
  const make = backendMaker(config, server);
  mkdirSync(config.server.depot, { recursive: true, mode: 0o755 });
  await make.prepare();
  const jobs = await recoverAll(server, make, make.forward);
  const listener = new Listener(server), origin = socketOrigin();
  if (origin === 'handed over') native().adoptChildren();
  await listener.listen(config.server, origin);
  const endpoints = await openEndpoints(config, server);
  writePidFile(config.server.pidFile);
  notify('READY=1');
  giveBackAtRest(server.metrics);
  void followAll(server, jobs);
  log.info('serving', { socket: config.server.socketPath, containers: server.containers.length, pid: process.pid });
  return {
    server,
    drain: () => drain(server, endpoints, () => listener.close()),
    upgrade: () => upgrade(server, listener, endpoints, configPath),
    reload: () => reload(server, configPath),
  };
}

interface Maker extends MakeBackend {
  prepare(): Promise<void>;
  forward(backends: readonly RecoverableBackend[]): Promise<void>;
}

/** Makes containers of the configured class; `prepare` makes what all of them need. */
function backendMaker(config: Config, server: Server): Maker {
  const { pools } = server;
  if (config.server.containerClass === 'insecure') {
    const make = (resources: Resources, path?: string): InsecureBackend => new InsecureBackend(resources, { config, pools }, path);
    return Object.assign(make, { prepare: () => Promise.resolve(), forward: () => Promise.resolve() });
  }
  const firewall = new Firewall(config.network);
  const prepare = async (): Promise<void> => {
    await firewall.setUp();
    linkCgroups(server.log);
  };
  const make = (resources: Resources, path?: string): LinuxBackend => new LinuxBackend(resources, { config, pools, firewall }, path);
  const forward = (backends: readonly RecoverableBackend[]): Promise<void> => (
    LinuxBackend.forward(backends.filter((backend) => backend instanceof LinuxBackend), firewall)
  );
  return Object.assign(make, { prepare, forward });
}

function check(config: Config): void {
  checkPlatform();
  if (config.server.containerClass === 'insecure') return;
  checkSystem();
  if (process.getuid?.() !== 0) throw new WardenError('UNSUPPORTED', 'only root can serve containers: try it with sudo');
  checkUids(config.uids);
}

function writePidFile(path: string | null): void {
  if (path === null) return;
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'w', 0o644);
  writeSync(fd, `${process.pid}`);
  closeSync(fd);
}

async function drain(server: Server, endpoints: Endpoints, stopListening: () => void): Promise<void> {
  notify('STOPPING=1');
  await letGo(server, endpoints, stopListening);
  const { pidFile } = server.config.server;
  if (pidFile !== null) unlessMissing(() => unlinkSync(pidFile));
  server.log.info('drained');
  server.log.close();
}

async function upgrade(server: Server, listener: Listener, endpoints: Endpoints, configPath: string): Promise<void> {
  try {
    check(readConfig(configPath));
  } catch (error) {
    server.log.error('no upgrade: the configuration is invalid', { error: reason(error) });
    return;
  }
  notify('RELOADING=1');
  let socket = -1;
  await letGo(server, endpoints, () => { socket = listener.handOver(); });
  server.log.info('executing the program anew', { pid: process.pid });
  server.log.close();
  announceSocket(socketOrigin() !== 'systemd');
  const failure = native().execute(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], socket);
  throw new WardenError('EXEC_FAILED', `cannot execute ${process.execPath}: ${getSystemErrorName(failure)}`);
}

/** Containers and jobs live on; connections end. */
async function letGo(server: Server, endpoints: Endpoints, stopListening: () => void): Promise<void> {
  server.log.info('draining', { connections: server.connections.size });
  stopListening();
  server.draining = true;
  for (const connection of [...server.connections]) connection.drain();
  const end = performance.now() + DRAIN_DEADLINE_MS;
  while (server.connections.size > 0 && performance.now() < end) await new Promise((resolve) => { setTimeout(resolve, 10); });
  await Promise.all(server.containers.map((container) => container.letGo().catch((error: unknown) => {
    server.log.error('cannot let go of a container', { handle: container.handle, error: reason(error) });
  })));
  endpoints.close();
}

function reload(server: Server, path: string): void {
  try {
    const next = readConfig(path), { config } = server;
    const { graceTimeS, rlimits, jobOutputBytesMax } = next.server;
    server.config = {
      ...config, server: { ...config.server, graceTimeS, rlimits, jobOutputBytesMax },
      logging: { ...config.logging, level: next.logging.level },
    };
    server.log.level = next.logging.level;
    server.log.reopen();
    server.log.info('configuration read again', describeConfig(server.config));
  } catch (error) {
    server.log.error('the configuration stays as it was', { error: reason(error) });
  }
}
