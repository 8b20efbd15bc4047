/** Clients and servers of unix sockets that are no program of ours: they say and do what a scenario wants. */
import { WOULD_BLOCK } from '../description.js';
import { ECONNREFUSED } from '../errno.js';
import { SocketFile } from '../files.js';
import type { Actor, Kernel } from '../kernel.js';
import { lookUp } from '../mounts.js';
import { type Credentials, type Socket } from '../socket.js';
import { HANGUP, READ, WRITE } from '../../vocabulary.js';

const scratch = new Uint8Array(65_536);
/** From here on, process ids that no process has. */
const STRANGERS = 1_000_000;

export class Peer implements Actor {
  /** What came. */
  received = 0;
  /** Descriptors that came with it. */
  descriptors = 0;
  /** The other side has ended, or reset, the connection. */
  ended = false;
  closed = false;
  private rest: Uint8Array;
  private closes = false;
  /** Says all at once, instead of in pieces of the seed's. */
  atOnce = false;

  /** `reads`: takes what comes; else it lies where it is. */
  constructor(private readonly kernel: Kernel, private readonly socket: Socket, says: Uint8Array, public reads: boolean) {
    socket.hold();
    socket.nonblocking = true;
    this.rest = says;
    kernel.add(this);
  }

  /** A connection of stranger `number` to the socket at `path`; undefined where nobody listens. */
  static connect(kernel: Kernel, path: string, says: Uint8Array, reads: boolean, number: number): Peer | undefined {
    const socket = connect(kernel, path, number);
    return typeof socket === 'number' ? undefined : new Peer(kernel, socket, says, reads);
  }

  /** Goes away when all is said. */
  closeWhenSaid(): void { this.closes = true; }

  ready(): boolean {
    if (this.closed || this.ended) return false;
    if (this.closes && this.rest.length === 0) return true;
    const events = this.socket.poll();
    return (this.rest.length > 0 && (events & WRITE) !== 0) || (this.reads && (events & (READ | HANGUP)) !== 0);
  }

  wakesAt(): number { return Infinity; }

  step(): void {
    if (this.closes && this.rest.length === 0) return this.close();
    if (this.rest.length > 0 && (this.socket.poll() & WRITE) !== 0) this.send();
    else this.read();
  }

  private send(): void {
    const size = this.atOnce ? this.rest.length : this.kernel.random.between(1, this.rest.length);
    const sent = this.socket.write(this.rest.subarray(0, size));
    this.rest = sent < 0 && sent !== WOULD_BLOCK ? new Uint8Array(0) : this.rest.subarray(Math.max(sent, 0));
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

/** A stranger's connection; a negated errno where nobody listens, or too many wait. */
function connect(kernel: Kernel, path: string, number: number): Socket | number {
  const place = lookUp(kernel.view, path), pid = STRANGERS + number;
  if (typeof place === 'number') return place;
  const stranger: Credentials = { pidIn: () => pid };
  return place.node instanceof SocketFile ? place.node.listener.connect(stranger) : -ECONNREFUSED;
}

/** Many connections that say nothing and read nothing, as fast as they are taken. */
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
