/** Clients and servers of unix sockets that are not our programs: they send and read as the scenario specifies. */
import { WOULD_BLOCK } from '../kernel/open-file.js';
import { ECONNREFUSED } from '../kernel/errno.js';
import type { Actor, Kernel } from '../kernel/kernel.js';
import { lookUp } from '../kernel/mounts/mounts.js';
import { type Credentials, Socket, SocketFile } from '../kernel/socket.js';
import { HANGUP, READ, WRITE } from '../../boundary/constants.js';

const scratch = new Uint8Array(65_536);
/** Pids from here on belong to no process. */
const STRANGERS = 1_000_000;

/** Bytes that are sent at once, and the number of descriptors that travel with them. */
export interface Parcel { bytes: Uint8Array; descriptors: number }

export class Peer implements Actor {
  /** Number of bytes received. */
  received = 0;
  /** Number of descriptors received. */
  descriptors = 0;
  /** The other side has closed or reset the connection. */
  ended = false;
  closed = false;
  private rest: Uint8Array;
  private readonly parcels: Parcel[] = [];
  private closes = false;
  /** Sends all bytes at once, instead of in pieces that the seed decides. */
  atOnce = false;

  /** `reads`: reads what arrives; otherwise the bytes stay unread. */
  constructor(private readonly kernel: Kernel, private readonly socket: Socket, says: Uint8Array, public reads: boolean) {
    socket.hold();
    socket.nonblocking = true;
    this.rest = says;
    kernel.add(this);
  }

  /** A connection of stranger `number` to the socket at `path`; undefined when no process listens. */
  static connect(kernel: Kernel, path: string, says: Uint8Array, reads: boolean, number: number): Peer | undefined {
    const socket = connect(kernel, path, number);
    return typeof socket === 'number' ? undefined : new Peer(kernel, socket, says, reads);
  }

  /** Closes the connection when all bytes are sent. */
  closeWhenSaid(): void { this.closes = true; }

  /** Sends these behind its first bytes. */
  sendLater(parcels: readonly Parcel[]): void { this.parcels.push(...parcels); }

  private get hasMore(): boolean { return this.rest.length > 0 || this.parcels.length > 0; }

  ready(): boolean {
    if (this.closed || this.ended) return false;
    if (this.closes && !this.hasMore) return true;
    const events = this.socket.poll();
    return (this.hasMore && (events & WRITE) !== 0) || (this.reads && (events & (READ | HANGUP)) !== 0);
  }

  wakesAt(): number { return Infinity; }

  step(): void {
    if (this.closes && !this.hasMore) return this.close();
    if (this.hasMore && (this.socket.poll() & WRITE) !== 0) this.send();
    else this.read();
  }

  private send(): void {
    if (this.rest.length === 0) return this.sendParcel(this.parcels.shift()!);
    const size = this.atOnce ? this.rest.length : this.kernel.random.between(1, this.rest.length);
    const sent = this.socket.write(this.rest.subarray(0, size));
    this.rest = sent < 0 && sent !== WOULD_BLOCK ? new Uint8Array(0) : this.rest.subarray(Math.max(sent, 0));
  }

  private sendParcel({ bytes, descriptors }: Parcel): void {
    const [given] = Socket.pair();
    given.hold();
    if (this.socket.send(bytes, Array.from({ length: descriptors }, () => given)) < 0) this.parcels.length = 0;
    given.drop();
  }

  private read(): void {
    const rights: Parameters<Socket['receive']>[1] = [], got = this.socket.receive(scratch, rights);
    this.descriptors += rights.length;
    for (const right of rights) right.drop();
    if (got > 0) this.received += got;
    else if (got !== WOULD_BLOCK) this.ended = true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.drop();
    this.kernel.remove(this);
  }
}

/** A stranger's connection; a negated errno when no process listens, or the backlog is full. */
function connect(kernel: Kernel, path: string, number: number): Socket | number {
  const place = lookUp(kernel.view, path), pid = STRANGERS + number;
  if (typeof place === 'number') return place;
  const stranger: Credentials = { pidIn: () => pid };
  return place.node instanceof SocketFile ? place.node.listener.connect(stranger) : -ECONNREFUSED;
}

/** Many connections that send and read nothing, opened as fast as they are accepted. */
export class Crowd implements Actor {
  private readonly sockets: Socket[] = [];

  constructor(private readonly kernel: Kernel, private readonly path: string, private left: number, private readonly number: number) {
    kernel.add(this);
  }

  ready(): boolean { return this.left > 0; }
  wakesAt(): number { return Infinity; }

  step(): void {
    const socket = connect(this.kernel, this.path, this.number);
    if (socket === WOULD_BLOCK) return;
    this.left = typeof socket === 'number' ? 0 : this.left - 1;
    if (typeof socket !== 'number') this.sockets.push(socket.hold());
  }

  close(): void {
    this.left = 0;
    for (const socket of this.sockets.splice(0)) socket.drop();
    this.kernel.remove(this);
  }
}
