/** Unix stream sockets. unix(7), net/unix/af_unix.c */
import { FileDescription, WOULD_BLOCK } from './open-file.js';
import { EAGAIN, ECONNREFUSED, ECONNRESET, EINVAL, EMSGSIZE, ENOTCONN, ENXIO, EPIPE, EPROTOTYPE } from './errno.js';
import { Node } from './files.js';
import { Block, PAGE_BYTES, type Pipe, Slot } from './pipe.js';
import type { PidNamespace } from './process.js';
import { HANGUP, FileType, READ, WRITE } from '../../boundary/constants.js';

/** net.core.wmem_default */
const SEND_BUFFER_BYTES = 212_992;
/** net.core.somaxconn */
const BACKLOG_MAX = 4096;
/** net.unix.max_dgram_qlen */
const PACKETS_MAX = 512;
/** The largest block of memory that the kernel allocates for a message's pages. */
const BLOCK_BYTES_MAX = 32_768;
/** A message has a head, which is a page less the kernel's own part of it, and pages behind the head. */
const HEAD_BYTES = 3776, HEAD_OVERHEAD = 320, MESSAGE_STRUCT_BYTES = 256, SMALL_HEAD_BYTES = 512, MESSAGE_BYTES_MAX = HEAD_BYTES + 32_768;
/** The largest number of a pipe's slots that splice(2) sends as one message. splice_to_socket(), fs/splice.c */
const SPLICED_SLOTS_MAX = 16;

const NO_RIGHTS: readonly FileDescription[] = [];

/** A process that splices: it keeps the block to which splice(2) copied the last head of a message. */
export interface Splicer { spliced: Block | undefined }

/** The bytes of one send(2), or a part of them. */
class Message {
  read = 0;

  /** `cost`: the message's share of the sender's buffer; `ends`: for a message that splice(2) sent, the end of each of its pieces. */
  constructor(readonly bytes: Uint8Array, readonly cost: number, public rights: readonly FileDescription[],
    private readonly ends?: readonly number[]) {}

  get isInHead(): boolean { return !this.ends && this.read < this.bytes.length - bytesInPages(this.bytes.length); }

  /** The end of the piece of memory in which the next byte lies. */
  get pieceEnd(): number { return this.ends ? this.ends.find((end) => end > this.read)! : pieceEnd(this.bytes.length, this.read); }
}

/** The bytes of a message that lie in pages and not in the head. */
function bytesInPages(size: number): number {
  return size > HEAD_BYTES ? Math.min(Math.ceil((size - HEAD_BYTES) / PAGE_BYTES) * PAGE_BYTES, size) : 0;
}

/** A message's share of the sender's buffer (truesize): its bytes, the kernel's heads, and the rounding of both. */
function costOf(size: number): number {
  const inPages = bytesInPages(size), head = size - inPages + HEAD_OVERHEAD;
  let room = SMALL_HEAD_BYTES;
  while (room < head) room *= 2;
  return MESSAGE_STRUCT_BYTES + room + Math.ceil(inPages / PAGE_BYTES) * PAGE_BYTES;
}

/** The end of the piece in which a byte lies: the head, then pages in blocks as large as they fit. */
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

/** The message that splice(2) makes of a pipe's first slots. */
function takeSlots(pipe: Pipe, size: number): Message {
  const pieces: Uint8Array[] = [], ends: number[] = [];
  let length = 0;
  while (pieces.length < SPLICED_SLOTS_MAX && length < size && pipe.slots.length > 0) {
    const slot = pipe.slots[0]!, count = Math.min(slot.length, size - length);
    pieces.push(slot.page.slice(slot.offset, slot.offset + count));
    pipe.consume(slot, count);
    ends.push(length += count);
  }
  const bytes = new Uint8Array(length);
  for (const [index, piece] of pieces.entries()) bytes.set(piece, ends[index - 1] ?? 0);
  return new Message(bytes, MESSAGE_STRUCT_BYTES + SMALL_HEAD_BYTES + length, NO_RIGHTS, ends);
}

/** Passes received descriptors on to the receiver; without one they are dropped. */
function passOn(came: readonly FileDescription[], rights: FileDescription[] | undefined): void {
  for (const right of came) {
    if (rights) rights.push(right);
    else right.drop();
  }
}

/** The process that connected, or listens. SO_PEERCRED */
export interface Credentials { pidIn(namespace: PidNamespace): number }

export class Socket extends FileDescription {
  get kind(): FileType { return FileType.SOCKET; }
  peer: Socket | undefined;
  readonly queue: Message[] = [];
  /** The part of the send buffer whose messages the peer has not read yet. */
  private sent = 0;
  private readEnded = false;
  private writeEnded = false;
  /** SO_ERROR: reported once, by the next call that would wait or return an end of file. */
  private error = 0;
  closed = false;
  /** The process at the other end. */
  credentials: Credentials | undefined;

  /** `keepsMessages`: SOCK_SEQPACKET instead of SOCK_STREAM. */
  constructor(private readonly packets = false) { super(true, true); }

  override get keepsMessages(): boolean { return this.packets; }

  static pair(packets = false): [Socket, Socket] {
    const both: [Socket, Socket] = [new Socket(packets), new Socket(packets)];
    both[0].peer = both[1];
    both[1].peer = both[0];
    return both;
  }

  override get mode(): number { return 0o777; }
  override pending(): number { return this.queue.reduce((sum, message) => sum + message.bytes.length - message.read, 0); }

  poll(): number {
    let events = this.queue.length > 0 || this.readEnded ? READ : 0;
    // unix_writable(): the kernel counts from 1.
    if ((this.sent + 1) * 4 <= SEND_BUFFER_BYTES) events |= WRITE;
    if (this.error !== 0 || (this.readEnded && this.writeEnded)) events |= HANGUP;
    return events;
  }

  protected override take(into: Uint8Array): number { return into.length === 0 ? 0 : this.receive(into, undefined); }
  protected override give(from: Uint8Array): number { return this.send(from, []); }

  private takeError(): number {
    const { error } = this;
    this.error = 0;
    return -error;
  }

  send(from: Uint8Array, rights: readonly FileDescription[]): number {
    if (!this.peer) return -ENOTCONN;
    if (this.writeEnded || this.peer.closed) return -EPIPE;
    if (this.packets) return this.sendPacket(from, rights);
    if (from.length === 0) return 0;
    let done = 0;
    while (done < from.length) {
      const refused = this.refusal();
      if (refused < 0) return done > 0 ? done : refused;
      const size = Math.min(from.length - done, (SEND_BUFFER_BYTES >> 1) - 64, MESSAGE_BYTES_MAX), cost = costOf(size);
      this.sent += cost;
      // Descriptors travel with the first bytes.
      const travelling = done === 0 && rights.length > 0 ? rights.map((right) => right.hold()) : NO_RIGHTS;
      this.peer.queue.push(new Message(from.slice(done, done + size), cost, travelling));
      done += size;
    }
    return done;
  }

  /** Sends all bytes as one packet, or nothing. unix(7), SOCK_SEQPACKET */
  private sendPacket(from: Uint8Array, rights: readonly FileDescription[]): number {
    if (this.error !== 0) return this.takeError();
    if (from.length > SEND_BUFFER_BYTES - 32) return -EMSGSIZE;
    if (this.sent >= SEND_BUFFER_BYTES || this.peer!.queue.length > PACKETS_MAX) return WOULD_BLOCK;
    const cost = costOf(from.length);
    this.sent += cost;
    this.peer!.queue.push(new Message(from.slice(), cost, rights.length > 0 ? rights.map((right) => right.hold()) : NO_RIGHTS));
    return from.length;
  }

  /** Why no further message can be sent: a negated errno; 0 if one can. */
  private refusal(): number {
    if (this.error !== 0) return this.takeError();
    return this.sent >= SEND_BUFFER_BYTES ? WOULD_BLOCK : 0;
  }

  /** splice(2) out of a pipe: the slots become pieces of messages, and the sender's buffer counts their bytes, not their pages. */
  spliceFrom(pipe: Pipe, size: number): number {
    if (pipe.slots.length === 0) return pipe.writers === 0 ? 0 : WOULD_BLOCK;
    if (!this.peer) return -ENOTCONN;
    let done = 0;
    while (done < size && pipe.slots.length > 0) {
      const refused = this.writeEnded || this.peer.closed ? -EPIPE : this.refusal();
      if (refused < 0) return done > 0 ? done : refused;
      const message = takeSlots(pipe, size - done);
      this.sent += message.cost;
      this.peer.queue.push(message);
      done += message.bytes.length;
    }
    return done;
  }

  /** Appends the descriptors that come with the bytes to `rights`, each held once for the receiver. Without it they are dropped: read(2). */
  receive(into: Uint8Array, rights: FileDescription[] | undefined): number {
    if (this.packets && this.queue.length > 0) return this.receivePacket(into, rights);
    let done = 0, received = false;
    while ((done < into.length || !received) && this.queue.length > 0) {
      const message = this.queue[0]!;
      received = true;
      const count = Math.min(message.bytes.length - message.read, into.length - done);
      into.set(message.bytes.subarray(message.read, message.read + count), done);
      done += count;
      const came = this.consume(message, count);
      passOn(came, rights);
      if (came.length > 0) break;
    }
    if (received) return done;
    if (this.error !== 0) return this.takeError();
    if (this.readEnded) return 0;
    return this.peer ? WOULD_BLOCK : -EINVAL;
  }

  /** Receives one packet. The part of a packet beyond the room for it is lost. */
  private receivePacket(into: Uint8Array, rights: FileDescription[] | undefined): number {
    const message = this.queue[0]!, count = Math.min(message.bytes.length, into.length);
    into.set(message.bytes.subarray(0, count));
    passOn(this.consume(message, message.bytes.length), rights);
    return count;
  }

  /** Takes bytes off the message; returns the descriptors that came with them. */
  private consume(message: Message, count: number): readonly FileDescription[] {
    message.read += count;
    const { rights } = message;
    message.rights = NO_RIGHTS;
    if (message.read < message.bytes.length) return rights;
    this.queue.shift();
    if (this.peer) this.peer.sent -= message.cost;
    return rights;
  }

  /** splice(2) into a pipe: each piece takes a slot, and a head is copied into the splicing process's block first. */
  spliceTo(pipe: Pipe, size: number, splicer: Splicer): number {
    let done = 0, carried = false;
    while (done < size && this.queue.length > 0 && !pipe.isFull) {
      const message = this.queue[0]!;
      const most = Math.min(message.pieceEnd - message.read, size - done);
      const block = message.isInHead ? splicer.spliced = Block.after(splicer.spliced) : undefined, count = block?.take(most) ?? most;
      pipe.push(new Slot(message.bytes, message.read, count, false, block));
      done += count;
      const came = this.consume(message, count);
      passOn(came, undefined);
      carried ||= came.length > 0;
      // As recvmsg(2): no bytes of a later message behind a message that carried descriptors.
      if (carried && this.queue[0] !== message) break;
    }
    return done > 0 ? done : this.nothingSpliced();
  }

  private nothingSpliced(): number {
    if (this.queue.length > 0) return -EAGAIN;
    if (this.error !== 0) return this.takeError();
    return this.readEnded ? 0 : -EAGAIN;
  }

  protected override released(): void { this.disconnect(this.queue.length > 0); }

  /** shutdown(2), SHUT_WR */
  shutDown(): void {
    this.writeEnded = true;
    if (this.peer) this.peer.readEnded = true;
  }

  /** Ends both directions; `reset`: the peer gets ECONNRESET, because some of its bytes were never read. */
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

export class Listener extends FileDescription {
  get kind(): FileType { return FileType.SOCKET; }
  readonly waiting: Socket[] = [];
  closed = false;
  /** Its file has the sticky bit. */
  isMarked = false;

  constructor(private readonly backlog: number, private readonly credentials: Credentials, readonly packets = false) { super(true, true); }

  override get mode(): number { return 0o600; }
  poll(): number { return this.waiting.length > 0 ? READ : 0; }
  override pending(): number { return -EINVAL; }
  protected override take(into: Uint8Array): number { return into.length === 0 ? 0 : -EINVAL; }
  protected override give(): number { return -ENOTCONN; }

  /** Connects a client: the client's end, or a negated errno. */
  connect(client: Credentials, packets = false): Socket | number {
    if (this.packets !== packets) return -EPROTOTYPE;
    if (this.closed) return -ECONNREFUSED;
    if (this.waiting.length > Math.min(this.backlog >>> 0, BACKLOG_MAX)) return -EAGAIN;
    const [ours, theirs] = Socket.pair(packets);
    ours.credentials = this.credentials;
    theirs.credentials = client;
    this.waiting.push(theirs);
    return ours;
  }

  accept(): Socket | number { return this.waiting.shift() ?? WOULD_BLOCK; }

  protected override released(): void {
    this.closed = true;
    // Clients that were not accepted get ECONNRESET.
    for (const socket of this.waiting.splice(0)) socket.disconnect(true);
  }
}

/** bind(2)'s file in a directory. It stays when its listener is closed. */
export class SocketFile extends Node {
  readonly kind = FileType.SOCKET;
  constructor(readonly listener: Listener) { super(listener.packets ? 0o700 : 0o600); }
  open(): number { return -ENXIO; }
}

/** A socket that takes datagrams of any number of senders. */
export class DatagramReceiver extends Socket {
  constructor() {
    super(true);
    // Nobody is connected to it: it waits, as if somebody were.
    this.peer = this;
  }

  /** A socket whose datagrams come here. Its end says nothing to the receiver. */
  sender(): Socket {
    const made = new DatagramSender(true);
    made.peer = this;
    return made;
  }
}

class DatagramSender extends Socket {
  protected override released(): void { this.closed = true; }
}

/** The file of a socket that takes datagrams: what was sent to it comes out of the other ends, or of the socket that is bound to it. */
export class DatagramFile extends Node {
  readonly kind = FileType.SOCKET;
  readonly ends: Socket[] = [];

  constructor(private readonly receiver?: DatagramReceiver) { super(receiver ? 0o777 : 0o666); }
  open(): number { return -ENXIO; }

  connect(): Socket {
    if (this.receiver) return this.receiver.sender();
    const [theirs, own] = Socket.pair(true);
    own.hold();
    this.ends.push(own);
    return theirs;
  }
}
