/** The boundary's calls on unix stream sockets: shim/sys/socket.c. */
import type { FileDescription } from '../../kernel/open-file.js';
import { EBADF, EFAULT, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG, ENOTSOCK } from '../../kernel/errno.js';
import * as paths from '../../kernel/mounts/paths.js';
import type { Use } from '../policy.js';
import { DatagramReceiver, Listener, Socket } from '../../kernel/socket.js';
import { addPair } from './descriptors.js';
import { allowedPath } from './files.js';
import type { CallContext, CallTable } from './call.js';

/** sun_path without its NUL. */
const PATH_BYTES_MAX = 107;
/** SCM_MAX_FD */
const RIGHTS_MAX = 253;

const encoder = new TextEncoder();

/** An allowed path that fits a socket's address. */
function addressAt(guest: CallContext, at: number, use: Use): string | number {
  const path = allowedPath(guest, at, use);
  if (typeof path === 'number') return path;
  // UTF-16 units take at most three bytes each.
  return path.length * 3 > PATH_BYTES_MAX && encoder.encode(path).length > PATH_BYTES_MAX ? -ENAMETOOLONG : path;
}

function listen(guest: CallContext, at: number, backlog: number, marked: number): number {
  const path = addressAt(guest, at, 'LISTEN');
  if (typeof path === 'number') return path;
  const listener = new Listener(backlog, guest.process);
  listener.isMarked = marked !== 0;
  return bind(guest, path, listener);
}

/** The path may be longer than a socket's address: bind through a descriptor of its directory. */
function listenPackets(guest: CallContext, at: number, backlog: number): number {
  const path = allowedPath(guest, at, 'LISTEN');
  return typeof path === 'number' ? path : bind(guest, path, new Listener(backlog, guest.process, true));
}

function bind(guest: CallContext, path: string, listener: Listener): number {
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const bound = paths.bind(guest.process, path, listener);
  if (bound < 0) return bound;
  listener.nonblocking = true;
  return guest.handles.add(listener);
}

function accept(guest: CallContext, handle: number): number {
  const listener = guest.handles.description(handle);
  if (!listener) return -EBADF;
  if (!(listener instanceof Listener)) return listener instanceof Socket ? -EINVAL : -ENOTSOCK;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  return guest.handles.add(nonblocking(listener.accept()));
}

function nonblocking(socket: Socket | number): Socket | number {
  if (typeof socket !== 'number') socket.nonblocking = true;
  return socket;
}

function connect(guest: CallContext, at: number): number {
  const path = addressAt(guest, at, 'CONNECT');
  if (typeof path === 'number') return path;
  const { process } = guest;
  if (!process.descriptors.hasRoom) return -EMFILE;
  const listener = paths.findListener(process, path);
  return typeof listener === 'number' ? listener : guest.handles.add(nonblocking(listener.connect(process)));
}

function connectDatagrams(guest: CallContext, at: number): number {
  const path = addressAt(guest, at, 'CONNECT');
  if (typeof path === 'number') return path;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const socket = paths.connectDatagrams(guest.process, path);
  return typeof socket === 'number' ? socket : guest.handles.add(nonblocking(socket));
}

function listenDatagrams(guest: CallContext, at: number): number {
  const path = allowedPath(guest, at, 'LISTEN');
  if (typeof path === 'number') return path;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const receiver = new DatagramReceiver(), bound = paths.bindDatagrams(guest.process, path, receiver);
  if (bound < 0) return bound;
  receiver.nonblocking = true;
  return guest.handles.add(receiver);
}

function socketPair(guest: CallContext, handlesAt: number): number {
  const [first, second] = Socket.pair();
  for (const socket of [first, second]) {
    socket.nonblocking = true;
    socket.credentials = guest.process;
  }
  return addPair(guest, handlesAt, first, second);
}

function peerPid(guest: CallContext, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (description instanceof Listener) return guest.process.namespacePid;
  return description instanceof Socket ? description.credentials?.pidIn(guest.process.namespace) ?? 0 : -ENOTSOCK;
}

function send(guest: CallContext, handle: number, at: number, size: number, handlesAt: number, count: number): number {
  const socket = guest.handles.description(handle);
  const bytes = guest.bytes(at, size), numbers = count >>> 0 <= RIGHTS_MAX ? guest.bytes(handlesAt, count * 4) : undefined;
  if (!socket) return -EBADF;
  if (!bytes || !numbers) return -EFAULT;
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.length), rights: FileDescription[] = [];
  for (let i = 0; i < count; i++) {
    const right = guest.handles.description(view.getInt32(i * 4, true));
    if (!right) return -EBADF;
    rights.push(right);
  }
  return socket instanceof Socket ? socket.send(guest.allowedOf(bytes), rights) : -ENOTSOCK;
}

function receive(guest: CallContext, handle: number, at: number, size: number, handlesAt: number, count: number): number {
  const socket = guest.handles.description(handle);
  const bytes = guest.writable(at, size), places = count >>> 0 <= RIGHTS_MAX ? guest.writable(handlesAt, count * 4) : undefined;
  if (!socket) return -EBADF;
  if (!bytes || !places) return -EFAULT;
  if (!(socket instanceof Socket)) return socket instanceof Listener ? -EINVAL : -ENOTSOCK;
  const rights: FileDescription[] = [], got = socket.receive(bytes, rights);
  if (got < 0) return got;
  return takeRights(guest, handlesAt, count, rights) ? got : -EMSGSIZE;
}

/** Makes handles for received descriptors; false when the process can hold no more of them. */
function takeRights(guest: CallContext, handlesAt: number, count: number, rights: readonly FileDescription[]): boolean {
  const handles = Array.from({ length: count }, () => -1);
  let whole = true;
  for (const [index, right] of rights.entries()) {
    if (!guest.process.descriptors.hasRoom) whole = false;
    else if (index < count) handles[index] = guest.handles.add(right);
    // Drop the receiver's hold: the table holds the description now, or it is closed.
    right.drop();
  }
  guest.store(handlesAt, ...handles);
  return whole;
}

export const socketCalls: CallTable = {
  listen: [3, listen],
  listenPackets: [2, listenPackets],
  accept: [1, accept],
  connect: [1, connect],
  connectDatagrams: [1, connectDatagrams],
  listenDatagrams: [1, listenDatagrams],
  socketPair: [1, socketPair],
  peerPid: [1, peerPid],
  send: [5, send],
  receive: [5, receive],
};
