/** The server's socket: made, given a mode, listened on, removed. */
import { execFile } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server as NetServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { getSystemErrorName, promisify } from 'node:util';
import { errnoOf, reason, unlessMissing, WardenError } from '../../base/errors.js';
import { native } from '../../host/addon.js';
import { errorFrame } from '../../proto/message.js';
import type { Server } from '../server.js';
import type { SocketOrigin } from '../supervision/systemd.js';
import { Connection } from './connection.js';

/** The first socket that systemd passes, or the server before. sd_listen_fds(3) */
const PASSED_FD = 3;
const BACKLOG = 4_096;

export class Listener {
  private readonly net: NetServer;
  private accepted = 0;
  /** The socket's file, when this server removes it at its end. */
  private path: string | undefined;

  constructor(private readonly server: Server) {
    this.net = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  private accept(socket: Socket): void {
    const { connectionsMax } = this.server.config.server;
    if (this.server.connections.size >= connectionsMax) {
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(errorFrame(`the server has ${connectionsMax} connections, and takes no more: close some (server.connections_max)`));
      return;
    }
    const peer = { number: ++this.accepted, ...credentialsOf(socket) };
    this.server.addConnection(new Connection(socket, this.server, peer));
    const { number, ...credentials } = peer;
    this.server.log.debug('connection accepted', { peer: number, ...credentials });
  }

  /** On the path, or on the socket that was passed. */
  async listen({ socketPath, socketMode, socketGroup }: Server['config']['server'], origin: SocketOrigin): Promise<void> {
    if (origin !== 'systemd') this.path = socketPath;
    if (origin !== 'own') return this.listenOn({ fd: PASSED_FD });
    await removeStale(socketPath);
    makeDirectoryOf(socketPath);
    // Under another name: nobody may connect before the mode is right, and libuv would remove this name when a new server takes over.
    const unready = `${dirname(socketPath)}/.w${process.pid}`;
    const before = process.umask(0o777);
    try {
      await this.listenOn({ path: unready, backlog: BACKLOG });
    } catch (error) {
      throw new WardenError('USAGE', `cannot listen on ${socketPath}: ${reason(error)}`, { cause: error });
    } finally {
      process.umask(before);
    }
    if (socketGroup !== null) await promisify(execFile)('chgrp', ['--', socketGroup, unready]);
    chmodSync(unready, socketMode);
    renameSync(unready, socketPath);
  }

  private listenOn(where: { fd: number } | { path: string; backlog: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.net.once('error', reject);
      this.net.listen(where, () => {
        this.net.off('error', reject);
        this.net.on('error', (error) => this.server.log.error('the socket failed', { error: reason(error) }));
        resolve();
      });
    });
  }

  /** No new connections; those that are there go on. */
  close(): void {
    this.net.close();
    const { path } = this;
    if (path !== undefined) unlessMissing(() => unlinkSync(path));
  }

  /**
   * The same, but the socket stays, and whoever connects waits for the next server: its descriptor, which lives until this process
   * ends.
   */
  handOver(): number {
    const fd = native().duplicate(descriptorOf(this.net));
    if (fd < 0) throw new WardenError('INTERNAL', `cannot keep the socket: ${getSystemErrorName(fd)}`);
    this.net.close();
    return fd;
  }
}

/** Node does not tell a socket's descriptor but by its handle. -1: none. */
function descriptorOf(socket: Socket | NetServer): number {
  const { fd } = (socket as { _handle?: { fd?: unknown } })._handle ?? {};
  return typeof fd === 'number' ? fd : -1;
}

/** Nor does it tell who the peer is. */
function credentialsOf(socket: Socket): { pid: number; uid: number; gid: number } | undefined {
  const fd = descriptorOf(socket);
  const peer = fd >= 0 ? native().peerOf(fd) : undefined;
  return peer && { pid: peer[0], uid: peer[1], gid: peer[2] };
}

/** /run is empty after each start of the machine. */
function makeDirectoryOf(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new WardenError('USAGE', `cannot make the directory of ${path}: ${reason(error)}; choose another server.unix_domain_path`, { cause: error });
  }
}

/** A socket that nobody listens on goes; any other file, or a living server, is an error. */
async function removeStale(path: string): Promise<void> {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (!info) return;
  if (!info.isSocket()) throw new WardenError('USAGE', `${path} is no socket, and stays: choose another server.unix_domain_path`);
  if (await answers(path)) throw new WardenError('USAGE', `another server listens on ${path}: end it first`);
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error) ?? '')));
  });
}
