/** The server: its containers by handle, its connections, pools and counters. It touches the machine by backends only. */
import type { Socket } from 'node:net';
import type { ResponseInit } from '../proto/message.js';
import type { Config } from './config/config.js';
import type { Backend, BindMount, Resources } from './container/backend.js';
import { ServedContainer } from './container/container.js';
import type { Surroundings } from './container/surroundings.js';
import type { Logger } from './logging/logger.js';
import { Syslog } from './logging/syslog.js';
import { Metrics } from './metrics/metrics.js';
import { Pools } from './pools/pools.js';
import { Refusal } from './refusal.js';

export interface CreateRequest {
  /** Bytes, as latin1. */
  readonly handle: string | undefined;
  readonly network: string | undefined;
  readonly graceTimeS: number | undefined;
  readonly rootfs: string | undefined;
  readonly binds: readonly BindMount[];
}

export interface ServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly backend: (resources: Resources, server: Server) => Backend;
  /** Milliseconds that never go back. */
  readonly nowMs?: () => number;
}

const ID_LENGTH = 11, ID_RADIX = 32;

/** What the server needs of a connection. */
export interface OpenConnection {
  readonly socket: Socket;
  /** Closes now, or when the request under way was answered. */
  drain(): void;
}

export class Server implements Surroundings<ServedContainer> {
  readonly metrics = new Metrics();
  readonly pools: Pools;
  readonly syslog: Syslog;
  readonly log: Logger;
  config: Config;
  draining = false;
  readonly connections = new Set<OpenConnection>();
  private readonly byHandle = new Map<string, ServedContainer>();
  /** Handles of containers that are being made. */
  private readonly births = new Set<string>();
  private lastJobId = 0;
  private lastId = 0;
  readonly backendFor: ServerOptions['backend'];

  constructor({ config, log, backend, nowMs = () => performance.now() }: ServerOptions) {
    this.config = config;
    this.log = log;
    this.backendFor = backend;
    this.pools = new Pools(config, nowMs);
    this.syslog = new Syslog(config.server.syslogSocket, (reason) => log.warn('cannot write to syslog', { reason }));
  }

  /** In the order of creation. */
  get containers(): readonly ServedContainer[] { return [...this.byHandle.values()]; }
  container(handle: string): ServedContainer | undefined { return this.byHandle.get(handle); }
  jobOutputBytesMax(): number { return this.config.server.jobOutputBytesMax; }
  nextJobId(): number { return ++this.lastJobId; }

  /** Microseconds since 1970 at the first call, then one more each time, in base 32. */
  nextId(): string {
    this.lastId = this.lastId === 0 ? Date.now() * 1000 : this.lastId + 1;
    return this.lastId.toString(ID_RADIX).padStart(ID_LENGTH, '0');
  }

  // Containers

  /** All or nothing: a failure gives back what was taken. */
  async create(request: CreateRequest, connection: object): Promise<ServedContainer> {
    const id = this.nextId(), handle = request.handle ?? id;
    if (this.byHandle.has(handle) || this.births.has(handle)) throw new Refusal(`container with handle: ${Buffer.from(handle, 'latin1').toString()} already exists.`);
    this.births.add(handle);
    const undo: (() => void)[] = [() => this.births.delete(handle)];
    try {
      const network = this.pools.acquireNetwork(request.network);
      undo.push(() => this.pools.releaseNetwork(network));
      const uid = this.pools.acquireUid();
      undo.push(() => this.pools.releaseUid(uid));
      const resources: Resources = {
        id, handle, network, uid, ports: [], netIn: [], netOut: [], limitCpu: undefined, limitMemory: undefined, bandwidth: undefined,
      };
      const graceTimeS = request.graceTimeS ?? this.config.server.graceTimeS;
      const container = new ServedContainer(resources, this.backendFor(resources, this), graceTimeS, this);
      await container.backend.create({ rootfs: request.rootfs, binds: request.binds });
      container.activate();
      this.births.delete(handle);
      this.byHandle.set(handle, container);
      for (const open of this.connections) if (open === connection) container.reference(open);
      // A client that went away while it was made leaves it to the grace time.
      if (![...this.connections].some((open) => open === connection)) container.startGraceTime();
      return container;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  async destroy(container: ServedContainer): Promise<void> {
    if (container.state === 'destroyed') throw new Refusal('unknown handle');
    await container.destroy();
    // The second of two that asked at the same time finds nothing to give back.
    if (this.byHandle.get(container.handle) !== container) return;
    this.byHandle.delete(container.handle);
    const { network, uid, ports } = container.resources;
    this.pools.releaseNetwork(network);
    this.pools.releaseUid(uid);
    for (const port of ports) this.pools.releasePort(port);
  }

  /** One of an earlier server's. */
  adopt(container: ServedContainer): void {
    const { network, uid, ports } = container.resources;
    this.byHandle.set(container.handle, container);
    this.pools.networks.take(network, 0);
    this.pools.uids.take(uid, 0);
    for (const port of ports) this.pools.ports.take(port, 0);
    for (const id of container.jobs.keys()) this.lastJobId = Math.max(this.lastJobId, id);
    container.startGraceTime();
  }

  // Connections

  addConnection(connection: OpenConnection): void {
    this.metrics.connections.add(1);
    this.connections.add(connection);
    for (const container of this.byHandle.values()) container.reference(connection);
  }

  forgetConnection(connection: OpenConnection): void {
    this.connections.delete(connection);
    for (const container of this.byHandle.values()) container.dereference(connection);
  }

  /** Values for /metrics. */
  gauges(): Parameters<Metrics['text']>[0] {
    const containers = this.containers, jobs = containers.flatMap((container) => [...container.jobs.values()]);
    return {
      warden_containers: { help: 'Containers, active and stopped.', value: () => containers.length },
      warden_jobs_running: { help: 'Jobs that have not ended.', value: () => jobs.filter((job) => job.running).length },
      warden_jobs_waiting: { help: 'Jobs that a client waits for.', value: () => jobs.filter((job) => job.waiting).length },
      warden_connections: { help: 'Connections that are open.', value: () => this.connections.size },
      warden_pool_free_networks: { help: 'Networks that are free.', value: () => this.pools.networks.free },
      warden_pool_free_uids: { help: 'User ids that are free.', value: () => this.pools.uids.free },
      warden_pool_free_ports: { help: 'Ports that are free.', value: () => this.pools.ports.free },
    };
  }
}

export type InfoInit = ResponseInit<'Info'>;
