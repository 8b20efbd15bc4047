/** Unix stream sockets. unix(7), net/unix/af_unix.c */
import { Description, WOULD_BLOCK } from './description.js';
import { EAGAIN, ECONNREFUSED, ECONNRESET, EINVAL, ENOTCONN, EPIPE } from './errno.js';
import { Block, type Pipe, Slot } from './pipe.js';
import type { PidNamespace, Process } from './process.js';
import { HANGUP, Kind, READ, WRITE } from '../vocabulary.js';

/** net.core.wmem_default */
const SEND_BUFFER_BYTES = 212_992;
/** net.core.somaxconn */
const BACKLOG_MAX = 4096;
const PAGE_BYTES = 4096;
/** The largest piece of memory that a message's pages are asked for in. */
const BLOCK_BYTES_MAX = 32_768;
/** Of one message: a head of a page without what the kernel keeps there, and pages behind it. */
const HEAD_BYTES = 3776, HEAD_OVERHEAD = 320, MESSAGE_STRUCT_BYTES = 256, SMALL_HEAD_BYTES = 512, MESSAGE_BYTES_MAX = HEAD_BYTES + 32_768;

const NO_RIGHTS: readonly Description[] = [];

/** What one send(2) put into the queue, or a part of it. */
class Message {
  read = 0;

  /** `cost`: what it counts for in its sender's buffer. */
  constructor(readonly bytes: Uint8Array, readonly cost: number, public rights: readonly Description[]) {}
}

/** Of a message's bytes, those that lie in pages and not in its head. */
function bytesInPages(size: number): number {
  return size > HEAD_BYTES ? Math.min(Math.ceil((size - HEAD_BYTES) / PAGE_BYTES) * PAGE_BYTES, size) : 0;
}

/** Bytes that a message takes of its sender's buffer (truesize): its bytes, their heads and the rounding of both. */
function costOf(size: number): number {
  const inPages = bytesInPages(size), head = size - inPages + HEAD_OVERHEAD;
  let room = SMALL_HEAD_BYTES;
  while (room < head) room *= 2;
  return MESSAGE_STRUCT_BYTES + room + Math.ceil(inPages / PAGE_BYTES) * PAGE_BYTES;
}

function isInHead({ bytes, read }: Message): boolean { return read < bytes.length - bytesInPages(bytes.length); }

/** Where the piece of a message's memory ends in which a byte lies: the head, then pages in blocks as large as they fit. */
function pieceEnd(size: number, at: number): number {
  const head = size - bytesInPages(size);
  if (at < head) return head;
  let end = head;
  while (end <= at) {
    let block = BLOCK_BYTES_MAX;
    while (block > PAGE_BYTES && Math.ceil((size - end) / PAGE_BYTES) * PAGE_BYTES < block) block /= 2;
    end += Math.min(block, size - end);
  }
  return end;
}

/** Who connected, or listens. SO_PEERCRED */
export interface Credentials { pidIn(namespace: PidNamespace): number }

export class Socket extends Description {
  get kind(): Kind { return Kind.SOCKET; }
  peer: Socket | undefined;
  readonly queue: Message[] = [];
  /** Of the send buffer, what the peer has not read yet. */
  private sent = 0;
  private readEnded = false;
  private writeEnded = false;
  /** Told once, by the next call that would have to wait or to end. */
  private error = 0;
  closed = false;
  /** Who is at the other end. */
  credentials: Credentials | undefined;

  constructor() { super(true, true); }

  static pair(): [Socket, Socket] {
    const both: [Socket, Socket] = [new Socket(), new Socket()];
    both[0].peer = both[1];
    both[1].peer = both[0];
    return both;
  }

  override get mode(): number { return 0o777; }
  override pending(): number { return this.queue.reduce((sum, message) => sum + message.bytes.length - message.read, 0); }

  poll(): number {
    let events = this.queue.length > 0 || this.readEnded ? READ : 0;
    if (this.sent * 4 <= SEND_BUFFER_BYTES) events |= WRITE;
    if (this.error !== 0 || (this.readEnded && this.writeEnded)) events |= HANGUP;
    return events;
  }

  protected override take(into: Uint8Array): number { return this.receive(into, undefined); }
  protected override give(from: Uint8Array): number { return this.send(from, []); }

  private takeError(): number {
    const { error } = this;
    this.error = 0;
    return -error;
  }

  send(from: Uint8Array, rights: readonly Description[]): number {
    if (!this.peer) return -ENOTCONN;
    if (this.writeEnded || this.peer.closed) return -EPIPE;
    if (from.length === 0) return 0;
    let done = 0;
    while (done < from.length) {
      if (this.error !== 0) return done > 0 ? done : this.takeError();
      if (this.sent >= SEND_BUFFER_BYTES) return done > 0 ? done : WOULD_BLOCK;
      const size = Math.min(from.length - done, (SEND_BUFFER_BYTES >> 1) - 64, MESSAGE_BYTES_MAX), cost = costOf(size);
      this.sent += cost;
      // Descriptors travel with the first bytes.
      const travelling = done === 0 && rights.length > 0 ? rights.map((right) => right.hold()) : NO_RIGHTS;
      this.peer.queue.push(new Message(from.slice(done, done + size), cost, travelling));
      done += size;
    }
    return done;
  }

  /** `rights`: where descriptors go; without it they are dropped, as read(2) does. Each is held once for the receiver. */
  receive(into: Uint8Array, rights: Description[] | undefined): number {
    if (into.length === 0) return 0;
    let done = 0;
    while (done < into.length && this.queue.length > 0) {
      const message = this.queue[0]!;
      // Bytes in front of descriptors are not mixed with those that carry them.
      if (done > 0 && message.rights.length > 0) break;
      const count = Math.min(message.bytes.length - message.read, into.length - done);
      into.set(message.bytes.subarray(message.read, message.read + count), done);
      done += count;
      const came = this.consume(message, count);
      for (const right of came) {
        if (rights) rights.push(right);
        else right.drop();
      }
      if (came.length > 0) break;
    }
    if (done > 0) return done;
    if (this.error !== 0) return this.takeError();
    return this.readEnded ? 0 : this.peer ? WOULD_BLOCK : -EINVAL;
  }

  /** The descriptors that came with the bytes. */
  private consume(message: Message, count: number): readonly Description[] {
    message.read += count;
    const { rights } = message;
    message.rights = NO_RIGHTS;
    if (message.read < message.bytes.length) return rights;
    this.queue.shift();
    if (this.peer) this.peer.sent -= message.cost;
    return rights;
  }

  /** splice(2) into a pipe: each piece takes a slot there, and a head is copied into a block of the process's for that. */
  spliceTo(pipe: Pipe, size: number, process: Process): number {
    let done = 0;
    while (done < size && this.queue.length > 0 && !pipe.isFull) {
      const message = this.queue[0]!;
      const most = Math.min(pieceEnd(message.bytes.length, message.read) - message.read, size - done);
      const block = isInHead(message) ? process.spliced = Block.after(process.spliced) : undefined, count = block?.take(most) ?? most;
      pipe.push(new Slot(message.bytes, message.read, count, false, block));
      for (const right of this.consume(message, count)) right.drop();
      done += count;
    }
    if (done > 0) return done;
    if (this.queue.length > 0) return -EAGAIN;
    if (this.error !== 0) return this.takeError();
    return this.readEnded ? 0 : -EAGAIN;
  }

  protected override released(): void { this.disconnect(this.queue.length > 0); }

  /** Says that no more will be sent; what comes can still be read. shutdown(2), SHUT_WR */
  shutDown(): void {
    this.writeEnded = true;
    if (this.peer) this.peer.readEnded = true;
  }

  /** Ends both directions; `reset`: the other side learns that what it sent was not read. */
  disconnect(reset: boolean): void {
    this.closed = true;
    const { peer } = this;
    if (peer && !peer.closed) {
      peer.readEnded = peer.writeEnded = true;
      if (reset) peer.error = ECONNRESET;
    }
    for (const message of this.queue.splice(0)) {
      if (peer) peer.sent -= message.cost;
      for (const right of message.rights) right.drop();
    }
  }
}

export class Listener extends Description {
  get kind(): Kind { return Kind.SOCKET; }
  readonly waiting: Socket[] = [];
  closed = false;

  constructor(private readonly backlog: number, private readonly credentials: Credentials) { super(true, true); }

  override get mode(): number { return 0o600; }
  poll(): number { return this.waiting.length > 0 ? READ : 0; }
  override pending(): number { return -EINVAL; }

  /** A connection to it: the client's end, or a negated errno. */
  connect(client: Credentials): Socket | number {
    if (this.closed) return -ECONNREFUSED;
    if (this.waiting.length > Math.min(this.backlog >>> 0, BACKLOG_MAX)) return -EAGAIN;
    const [ours, theirs] = Socket.pair();
    ours.credentials = this.credentials;
    theirs.credentials = client;
    this.waiting.push(theirs);
    return ours;
  }

  accept(): Socket | number { return this.waiting.shift() ?? WOULD_BLOCK; }

  protected override released(): void {
    this.closed = true;
    // Whoever was not accepted yet is told so.
    for (const socket of this.waiting.splice(0)) socket.disconnect(true);
  }
}
