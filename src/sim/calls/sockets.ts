/** The boundary's calls on unix stream sockets: shim/sys/socket.c. */
import type { Description } from '../description.js';
import { EACCES, EADDRINUSE, EBADF, ECONNREFUSED, EFAULT, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG, ENOTSOCK } from '../errno.js';
import { SocketFile } from '../files.js';
import type { Guest } from '../guest.js';
import { lookUp, lookUpParent } from '../mounts.js';
import type { Use } from '../policy.js';
import { Listener, Socket } from '../socket.js';
import { addPair } from './descriptors.js';
import { allowedPath } from './files.js';
import type { CallTable } from './index.js';

/** sun_path without its NUL. */
const PATH_BYTES_MAX = 107;
/** SCM_MAX_FD */
const RIGHTS_MAX = 253;

const encoder = new TextEncoder();

/** An allowed path that fits a socket's address. */
function addressAt(guest: Guest, at: number, use: Use): string | number {
  const path = allowedPath(guest, at, use);
  if (typeof path === 'number') return path;
  // A character has at most three bytes here.
  return path.length * 3 > PATH_BYTES_MAX && encoder.encode(path).length > PATH_BYTES_MAX ? -ENAMETOOLONG : path;
}

function listen(guest: Guest, at: number, backlog: number): number {
  const path = addressAt(guest, at, 'LISTEN');
  if (typeof path === 'number') return path;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const parent = lookUpParent(guest.process.view, path);
  if (typeof parent === 'number') return parent;
  const { entries } = parent.directory.node;
  if (entries.has(parent.name)) return -EADDRINUSE;
  const listener = new Listener(backlog, guest.process), file = new SocketFile(listener);
  listener.nonblocking = true;
  file.uid = guest.process.uid;
  parent.directory.node.put(parent.name, file);
  return guest.handles.add(listener);
}

function accept(guest: Guest, handle: number): number {
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

function connect(guest: Guest, at: number): number {
  const path = addressAt(guest, at, 'CONNECT');
  if (typeof path === 'number') return path;
  const { process } = guest;
  if (!process.descriptors.hasRoom) return -EMFILE;
  const place = lookUp(process.view, path);
  if (typeof place === 'number') return place;
  const { node } = place;
  if (process.uid !== 0 && (node.uid !== process.uid || (node.mode & 0o200) === 0)) return -EACCES;
  if (!(node instanceof SocketFile)) return -ECONNREFUSED;
  return guest.handles.add(nonblocking(node.listener.connect(process)));
}

function socketPair(guest: Guest, handlesAt: number): number {
  const [first, second] = Socket.pair();
  for (const socket of [first, second]) {
    socket.nonblocking = true;
    socket.credentials = guest.process;
  }
  return addPair(guest, handlesAt, first, second);
}

function peer(guest: Guest, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  if (description instanceof Listener) return guest.process.ownPid;
  return description instanceof Socket ? description.credentials?.pidIn(guest.process.namespace) ?? 0 : -ENOTSOCK;
}

function send(guest: Guest, handle: number, at: number, size: number, handlesAt: number, count: number): number {
  const socket = guest.handles.description(handle);
  const bytes = guest.bytes(at, size), numbers = count >>> 0 <= RIGHTS_MAX ? guest.bytes(handlesAt, count * 4) : undefined;
  if (!socket) return -EBADF;
  if (!bytes || !numbers) return -EFAULT;
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.length), rights: Description[] = [];
  for (let i = 0; i < count; i++) {
    const right = guest.handles.description(view.getInt32(i * 4, true));
    if (!right) return -EBADF;
    rights.push(right);
  }
  return socket instanceof Socket ? socket.send(bytes, rights) : -ENOTSOCK;
}

function receive(guest: Guest, handle: number, at: number, size: number, handlesAt: number, count: number): number {
  const socket = guest.handles.description(handle);
  const bytes = guest.writable(at, size), places = count >>> 0 <= RIGHTS_MAX ? guest.writable(handlesAt, count * 4) : undefined;
  if (!socket) return -EBADF;
  if (!bytes || !places) return -EFAULT;
  if (!(socket instanceof Socket)) return socket instanceof Listener ? -EINVAL : -ENOTSOCK;
  const rights: Description[] = [], got = socket.receive(bytes, rights);
  if (got < 0) return got;
  return takeRights(guest, handlesAt, count, rights) ? got : -EMSGSIZE;
}

/** Handles for the descriptors that came; false when the process can hold no more of them. */
function takeRights(guest: Guest, handlesAt: number, count: number, rights: readonly Description[]): boolean {
  const handles = Array.from({ length: count }, () => -1);
  let whole = true;
  for (const [index, right] of rights.entries()) {
    if (!guest.process.descriptors.hasRoom) whole = false;
    else if (index < count) handles[index] = guest.handles.add(right);
    // Held once for whoever receives it: the table holds it now, or nobody does.
    right.drop();
  }
  guest.store(handlesAt, ...handles);
  return whole;
}

export const socketCalls: CallTable = {
  listen: [2, listen],
  accept: [1, accept],
  connect: [1, connect],
  socketPair: [1, socketPair],
  peer: [1, peer],
  send: [5, send],
  receive: [5, receive],
};
