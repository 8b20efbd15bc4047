/** A server in this process, whose containers are objects and whose jobs are the script's own words: no root, no Linux. */
import { EventEmitter, once } from 'node:events';
import { mkdirSync, rmSync, writeSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { Listener } from '../../../src/server/connection/listener.js';
import { ConfigFile } from '../../../src/server/config/document.js';
import { parseConfig } from '../../../src/server/config/read.js';
import type { Backend, BackendJob, Creation, DiskLimits, JobRequest, LinkRequest, NetOutRule, Output, Resources } from '../../../src/server/container/backend.js';
import { Logger } from '../../../src/server/logging/logger.js';
import { containerAddress, hostAddress } from '../../../src/server/network/interfaces.js';
import { CommandFailure, Refusal } from '../../../src/server/refusal.js';
import { Server } from '../../../src/server/server.js';
import { scratch } from '../../support/process.js';
import type { ResponseInit } from '../../../src/proto/message.js';

/** As the server of the recorded exchanges. */
const CONFIG = (path: string): string => `
server:
  container_klass: Warden::Container::Linux
  unix_domain_path: ${path}/warden.sock
  container_depot_path: ${path}/depot
  job_output_limit: 102400
network: { pool_start_address: 10.254.0.0, pool_size: 256, allow_networks: [8.8.4.4] }
port: { pool_start_port: 61001, pool_size: 4000 }
user: { pool_start_uid: 10000, pool_size: 256 }
`;

/** A script's words: "out TEXT", "err TEXT", "wait" until it is stopped, "exit N". One a line. */
class FakeJob implements BackendJob {
  readonly pid = 1;
  private readonly changed = new EventEmitter();
  private readonly written = { stdout: '', stderr: '' };
  private status: number | undefined;
  killed = false;

  constructor(script: string) { void this.run(script.split('\n')); }

  private async run(words: readonly string[]): Promise<void> {
    let status = 0;
    for (const line of words) {
      const [word, ...rest] = line.split(' '), text = rest.join(' ');
      if (this.killed) break;
      if (word === 'out') this.written.stdout += text;
      if (word === 'err') this.written.stderr += text;
      this.changed.emit('write');
      if (word === 'wait') await once(this.changed, 'kill');
      if (word === 'exit') status = Number(text);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    this.end(this.killed ? 255 : status);
  }

  private end(status: number): void {
    this.status ??= status;
    this.changed.emit('end');
  }

  link({ cursors, target, came }: LinkRequest): Output {
    const given = { stdout: cursors?.stdout ?? 0, stderr: cursors?.stderr ?? 0 };
    const give = (): void => {
      for (const [index, name] of (['stdout', 'stderr'] as const).entries()) {
        if (typeof target === 'object') writeSync(target[index]!, this.written[name].slice(given[name]));
        given[name] = this.written[name].length;
      }
      came();
    };
    this.changed.on('write', give);
    give();
    const exited = (async () => {
      if (this.status === undefined) await once(this.changed, 'end');
      give();
      this.changed.off('write', give);
      return this.status!;
    })();
    return { stdout: null, stderr: null, exited, close: async () => { this.changed.off('write', give); } };
  }

  async kill(): Promise<void> {
    this.killed = true;
    this.changed.emit('kill');
  }

  async remove(): Promise<void> { await this.kill(); }
}

export class FakeBackend implements Backend {
  readonly jobs: FakeJob[] = [];
  exists = false;
  private memory = 9_223_372_036_854_771_712n;
  private cpu = 1024n;
  ranOut: (() => void) | undefined;

  constructor(private readonly resources: Resources, readonly path: string, private readonly server: () => Server) {}

  async create({ binds }: Creation): Promise<void> {
    const missing = binds.find(({ source }) => source.startsWith('/nonexistent'));
    if (missing) throw new Refusal(`Source path for bind mount does not exist: ${missing.source}`);
    mkdirSync(this.path, { recursive: true });
    this.exists = true;
  }

  async stop(): Promise<void> { for (const job of this.jobs) await job.kill(); }

  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.path, { recursive: true });
    this.exists = false;
  }

  async info(): Promise<ResponseInit<'Info'>> {
    const { network, bandwidth } = this.resources;
    const rate = BigInt(bandwidth?.rate ?? 4_294_967_295), burst = BigInt(bandwidth?.burst ?? 4_294_967_295);
    return {
      hostIp: hostAddress(network), containerIp: containerAddress(network), containerPath: Buffer.from(this.path),
      bandwidthStat: { inRate: rate, inBurst: burst, outRate: rate, outBurst: burst },
    };
  }

  async spawn(_: number, { script }: JobRequest): Promise<BackendJob> {
    const job = new FakeJob(script.toString());
    this.jobs.push(job);
    return job;
  }

  async findJob(): Promise<undefined> { return undefined; }

  async netIn(hostPort: number | undefined, containerPort: number | undefined): Promise<{ hostPort: number; containerPort: number }> {
    const port = hostPort ?? this.server().pools.acquirePort();
    if (hostPort === undefined) this.resources.ports.push(port);
    return { hostPort: port, containerPort: containerPort ?? port };
  }

  async netOut(_: NetOutRule): Promise<void> { /* Nothing to allow. */ }

  async copyIn(source: string): Promise<void> { if (source.startsWith('/nonexistent')) throw new CommandFailure('rsync: no such file'); }
  async copyOut(): Promise<void> { /* Nothing to copy. */ }
  async limitMemory(bytes: bigint | undefined): Promise<bigint> { return this.memory = bytes ?? this.memory; }
  async limitCpu(shares: bigint | undefined): Promise<bigint> {
    if (shares !== undefined) this.cpu = shares < 2n ? 2n : shares;
    return this.cpu;
  }
  async limitBandwidth(): Promise<void> { /* Nothing to limit. */ }
  async limitDisk(limits: DiskLimits): Promise<DiskLimits> { return limits; }

  watchMemory(ran: () => void): { close(): void } {
    this.ranOut = ran;
    return { close: () => { this.ranOut = undefined; } };
  }
}

export interface FakeServer {
  readonly server: Server;
  readonly socketPath: string;
  readonly backends: FakeBackend[];
  /** What the clock of the pools shows, in milliseconds. */
  clock: { nowMs: number };
  connect(): Promise<Socket>;
  close(): Promise<void>;
}

export async function startFake(more = ''): Promise<FakeServer> {
  const { path, remove } = scratch(), backends: FakeBackend[] = [], clock = { nowMs: 0 };
  mkdirSync(`${path}/depot`);
  const config = parseConfig(new ConfigFile('test.yml', CONFIG(path) + more));
  const server: Server = new Server({
    config, log: new Logger('off', null), nowMs: () => clock.nowMs,
    backend: (resources) => {
      const backend = new FakeBackend(resources, `${path}/depot/${resources.id}`, () => server);
      backends.push(backend);
      return backend;
    },
  });
  const listener = new Listener(server);
  await listener.listen(config.server, 'own');
  return {
    server, socketPath: config.server.socketPath, backends, clock,
    connect: async () => {
      const socket = connectSocket({ path: config.server.socketPath });
      await once(socket, 'connect');
      return socket;
    },
    close: async () => {
      listener.close();
      for (const connection of [...server.connections]) connection.socket.destroy();
      for (const container of server.containers) await server.destroy(container);
      remove();
    },
  };
}
