/** The boundary's calls on descriptors: shim/sys/descriptor.c. */
import { type Description, WOULD_BLOCK } from '../description.js';
import { EBADF, EFAULT, EINVAL, EPERM, EPIPE } from '../errno.js';
import type { Guest } from '../guest.js';
import { Pipe, PipeEnd, splicePipes } from '../pipe.js';
import { Socket } from '../socket.js';
import { CAN_READ, CAN_WRITE, HANGUP, Kind, READ, WRITE } from '../../vocabulary.js';
import type { CallTable } from './index.js';

const PAGE_BYTES = 4096;

/** A place in the guest's memory that `size` bytes are put to or taken from; part of it when the call may not move as much. */
function place(guest: Guest, at: number, size: number): Uint8Array | undefined {
  const whole = guest.writable(at, size);
  return whole && guest.allowedOf(whole);
}

function read(guest: Guest, handle: number, at: number, size: number): number {
  const description = guest.handles.description(handle), into = place(guest, at, size);
  if (!description) return -EBADF;
  return into ? readInto(guest, handle, description, into) : -EFAULT;
}

function readInto(guest: Guest, handle: number, description: Description, into: Uint8Array): number {
  if (description.nonblocking || guest.handles.get(handle)!.shared) return description.read(into);
  return guest.attempt(description, 'read', READ, () => description.read(into));
}

function write(guest: Guest, handle: number, at: number, size: number): number {
  const description = guest.handles.description(handle), whole = guest.bytes(at, size);
  if (!description) return -EBADF;
  if (!whole) return -EFAULT;
  return writeFrom(guest, handle, description, guest.allowedOf(whole));
}

/** A descriptor that blocks takes all of it, however long that takes. */
function writeFrom(guest: Guest, handle: number, description: Description, from: Uint8Array): number {
  if (description.nonblocking || guest.handles.get(handle)!.shared) return description.write(from);
  // What is waited for may let the memory grow.
  const bytes = from.slice();
  let done = 0;
  for (;;) {
    const sent = guest.attempt(description, 'write', WRITE, () => description.write(bytes.subarray(done)));
    if (sent < 0) return done > 0 ? done : sent;
    done += sent;
    if (done === bytes.length) return done;
  }
}

function readv(guest: Guest, handle: number, at: number, size: number, thenAt: number, thenSize: number): number {
  const description = guest.handles.description(handle), first = guest.writable(at, size), second = guest.writable(thenAt, thenSize);
  if (!description) return -EBADF;
  if (!first || !second) return -EFAULT;
  const room = guest.allowed((size >>> 0) + (thenSize >>> 0)), into = first.subarray(0, room);
  const got = readInto(guest, handle, description, into.length > 0 ? into : second.subarray(0, room));
  if (got < into.length || into.length === 0 || room === into.length) return got;
  const rest = description.read(second.subarray(0, room - into.length));
  return rest > 0 ? got + rest : got;
}

function writev(guest: Guest, handle: number, at: number, size: number, thenAt: number, thenSize: number): number {
  const description = guest.handles.description(handle), first = guest.bytes(at, size), second = guest.bytes(thenAt, thenSize);
  if (!description) return -EBADF;
  if (!first || !second) return -EFAULT;
  const room = guest.allowed(first.length + second.length);
  if (room <= first.length) return writeFrom(guest, handle, description, first.subarray(0, room));
  if (first.length === 0) return writeFrom(guest, handle, description, second.subarray(0, room));
  const both = new Uint8Array(room);
  both.set(first);
  both.set(second.subarray(0, room - first.length), first.length);
  return writeFrom(guest, handle, description, both);
}

function splice(guest: Guest, from: number, to: number, size: number): number {
  const source = guest.handles.description(from), target = guest.handles.description(to);
  if (!source || !target) return -EBADF;
  if (!source.canRead || !target.canWrite) return -EBADF;
  const most = guest.allowed(size);
  if (most === 0) return 0;
  if (source instanceof PipeEnd && target instanceof PipeEnd) return splicePipes(source, target, most);
  if (target instanceof PipeEnd) return spliceIntoPipe(guest, source, target, most);
  return source instanceof PipeEnd ? spliceFromPipe(source, target, most) : -EINVAL;
}

function spliceIntoPipe(guest: Guest, source: Description, target: PipeEnd, size: number): number {
  if (source.kind !== Kind.FILE && !(source instanceof Socket)) return -EINVAL;
  if (target.pipe.readers === 0) return -EPIPE;
  if (target.pipe.isFull) return WOULD_BLOCK;
  // A page for each free slot is the most that is asked of the source, however large its pieces are.
  const most = Math.min(size, (target.pipe.slotsMax - target.pipe.slots.length) * PAGE_BYTES);
  return source instanceof Socket ? source.spliceTo(target.pipe, most, guest.process) : moveBytes(source, target, most);
}

function spliceFromPipe(source: PipeEnd, target: Description, size: number): number {
  if (target.kind === Kind.TERMINAL || target.kind === Kind.DIRECTORY) return -EINVAL;
  if (source.pipe.length === 0) return source.pipe.writers === 0 ? 0 : WOULD_BLOCK;
  return moveBytes(source, target, Math.min(size, source.pipe.length));
}

const scratch = new Uint8Array(65_536);

/** Through a buffer; the target takes files' and devices' whole pieces, and copies of them. */
function moveBytes(source: Description, target: Description, size: number): number {
  const piece = size <= scratch.length ? scratch.subarray(0, size) : new Uint8Array(size), got = source.read(piece);
  return got > 0 ? target.write(piece.subarray(0, got)) : got;
}

function describe(guest: Guest, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  return description.kind | (description.canRead ? CAN_READ : 0) | (description.canWrite ? CAN_WRITE : 0);
}

function inherit(guest: Guest, fd: number): number {
  const { descriptors } = guest.process, description = descriptors.get(fd);
  // Any other number is the host's own, or a handle's.
  if (!guest.given.has(fd) || !description) return -EBADF;
  const reopens = description.kind === Kind.PIPE || description.kind === Kind.TERMINAL, own = reopens ? description.reopen() : undefined;
  if (own || reopens) (own ?? description).nonblocking = true;
  const handle = guest.handles.add(own ?? description, own ? 0 : 3);
  if (handle < 0) return handle;
  guest.handles.get(handle)!.shared = description.kind === Kind.SOCKET;
  if (fd === 2) return handle;
  descriptors.close(fd);
  guest.given.delete(fd);
  return handle;
}

function duplicate(guest: Guest, handle: number): number {
  const slot = guest.handles.get(handle);
  if (!slot) return -EBADF;
  const copy = guest.handles.add(slot.description, 3);
  if (copy >= 0) Object.assign(guest.handles.get(copy)!, { shared: slot.shared, made: slot.made });
  return copy;
}

function pipe(guest: Guest, handlesAt: number): number {
  const pipe = new Pipe(), result = addPair(guest, handlesAt, new PipeEnd(pipe, true), new PipeEnd(pipe, false));
  if (result === 0) for (const handle of new Int32Array(guest.bytes(handlesAt, 8)!.slice().buffer)) guest.handles.get(handle)!.made = true;
  return result;
}

/** Stores two handles for two new descriptions; neither stays on failure. */
export function addPair(guest: Guest, handlesAt: number, first: Description, second: Description): number {
  // Held until both have a descriptor: what fails lets go of both.
  first.hold();
  second.hold();
  const handles = [guest.handles.add(first), guest.handles.add(second)] as const;
  const error = !guest.bytes(handlesAt, 8) ? -EFAULT : Math.min(...handles, 0);
  if (error < 0) for (const handle of handles) if (handle >= 0) guest.handles.close(handle);
  if (error === 0) guest.store(handlesAt, ...handles);
  first.drop();
  second.drop();
  return error;
}

/** A call on one description. */
function on(what: (description: Description, value: number) => number): (guest: Guest, handle: number, value: number) => number {
  return (guest, handle, value) => {
    const description = guest.handles.description(handle);
    return description ? what(description, value) : -EBADF;
  };
}

function unblock(description: Description): number {
  description.nonblocking = true;
  return 0;
}

function mark(guest: Guest, handle: number, value: number): number {
  const slot = guest.handles.get(handle);
  if (!slot) return -EBADF;
  // The mode of a file, or of somebody's FIFO, is no place for notes.
  if (!slot.made) return -EPERM;
  slot.description.mode = value & 0o777;
  return 0;
}

export const descriptorCalls: CallTable = {
  read: [3, read],
  write: [3, write],
  readv: [5, readv],
  writev: [5, writev],
  splice: [3, splice],
  pending: [1, on((description) => description.pending())],
  duplicate: [1, duplicate],
  close: [1, (guest, handle) => guest.handles.close(handle)],
  describe: [1, describe],
  inherit: [1, inherit],
  pipe: [1, pipe],
  unblock: [1, on(unblock)],
  capacity: [2, on((description, size) => (description instanceof PipeEnd ? description.pipe.resize(size >>> 0) : -EBADF))],
  mark: [2, mark],
  marked: [1, on((description) => description.mode & 0o777)],
  watch: [2, (guest, handle, events) => guest.handles.watch(handle, events & (READ | WRITE | HANGUP))],
};
