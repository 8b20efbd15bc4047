/** The boundary's calls on descriptors: shim/sys/descriptor.c. */
import type { FileDescription } from '../../kernel/open-file.js';
import { EBADF, EFAULT, EPERM } from '../../kernel/errno.js';
import { Pipe, PipeEnd } from '../../kernel/pipe.js';
import { PtyMaster } from '../../kernel/tty/pty.js';
import { splice as spliceOnce } from '../../kernel/splice.js';
import { CAN_READ, CAN_WRITE, FileType, HANGUP, READ, WRITE } from '../../../boundary/constants.js';
import type { CallContext, CallTable } from './call.js';

/** `size` bytes of the guest's memory, or the first part of them if the call may move fewer. */
function place(guest: CallContext, at: number, size: number): Uint8Array | undefined {
  const whole = guest.writable(at, size);
  return whole && guest.allowedOf(whole);
}

function read(guest: CallContext, handle: number, at: number, size: number): number {
  const description = guest.handles.description(handle), into = place(guest, at, size);
  if (!description) return -EBADF;
  return into ? readInto(guest, handle, description, into) : -EFAULT;
}

function readInto(guest: CallContext, handle: number, description: FileDescription, into: Uint8Array): number {
  if (description.nonblocking || guest.handles.get(handle)!.shared) return description.read(into);
  return guest.attempt(description, 'read', READ, () => description.read(into));
}

function write(guest: CallContext, handle: number, at: number, size: number): number {
  const description = guest.handles.description(handle), whole = guest.bytes(at, size);
  if (!description) return -EBADF;
  if (!whole) return -EFAULT;
  return writeFrom(guest, handle, description, guest.allowedOf(whole));
}

/** A blocking descriptor accepts all bytes, however long that takes. */
function writeFrom(guest: CallContext, handle: number, description: FileDescription, from: Uint8Array): number {
  if (description.nonblocking || guest.handles.get(handle)!.shared) return description.write(from);
  // The memory may grow while the call waits.
  const bytes = from.slice();
  let done = 0;
  for (;;) {
    const sent = guest.attempt(description, 'write', WRITE, () => description.write(bytes.subarray(done)));
    if (sent < 0) return done > 0 ? done : sent;
    done += sent;
    if (done === bytes.length) return done;
  }
}

function readv(guest: CallContext, handle: number, at: number, size: number, thenAt: number, thenSize: number): number {
  const description = guest.handles.description(handle), first = guest.writable(at, size), second = guest.writable(thenAt, thenSize);
  if (!description) return -EBADF;
  if (!first || !second) return -EFAULT;
  const room = guest.allowed((size >>> 0) + (thenSize >>> 0)), into = first.subarray(0, room);
  const got = readInto(guest, handle, description, into.length > 0 ? into : second.subarray(0, room));
  if (got < into.length || into.length === 0 || room === into.length) return got;
  const rest = description.read(second.subarray(0, room - into.length));
  return rest > 0 ? got + rest : got;
}

function writev(guest: CallContext, handle: number, at: number, size: number, thenAt: number, thenSize: number): number {
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

function splice(guest: CallContext, from: number, to: number, size: number): number {
  const source = guest.handles.description(from), target = guest.handles.description(to);
  if (!source || !target) return -EBADF;
  return spliceOnce(source, target, guest.allowed(size), guest.process);
}

function handleType(guest: CallContext, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  return description.kind | (description.canRead ? CAN_READ : 0) | (description.canWrite ? CAN_WRITE : 0);
}

function adoptFd(guest: CallContext, fd: number): number {
  const { descriptors } = guest.process, description = descriptors.get(fd);
  // Any other number belongs to the host, or to a handle.
  if (!guest.given.has(fd) || !description) return -EBADF;
  const own = ownDescription(description);
  if (own || isReopened(description)) (own ?? description).nonblocking = true;
  const handle = guest.handles.add(own ?? description, own ? 0 : 3);
  if (handle < 0) return handle;
  guest.handles.get(handle)!.shared = description.kind === FileType.SOCKET;
  if (fd === 2) return handle;
  descriptors.close(fd);
  guest.given.delete(fd);
  return handle;
}

function isReopened({ kind }: FileDescription): boolean { return kind === FileType.PIPE || kind === FileType.TERMINAL; }

/** A new description of the same pipe or terminal. Opening a pty's master again would make another pty. */
function ownDescription(description: FileDescription): FileDescription | undefined {
  return isReopened(description) && !(description instanceof PtyMaster) ? description.reopen() : undefined;
}

function duplicate(guest: CallContext, handle: number): number {
  const slot = guest.handles.get(handle);
  if (!slot) return -EBADF;
  const copy = guest.handles.add(slot.description, 3);
  if (copy >= 0) Object.assign(guest.handles.get(copy)!, { shared: slot.shared, made: slot.made });
  return copy;
}

function pipe(guest: CallContext, handlesAt: number): number {
  const made = new Pipe(guest.kernel.pipePagesOf(guest.process.uid));
  const result = addPair(guest, handlesAt, new PipeEnd(made, true), new PipeEnd(made, false));
  if (result === 0) for (const handle of new Int32Array(guest.bytes(handlesAt, 8)!.slice().buffer)) guest.handles.get(handle)!.made = true;
  return result;
}

/** Stores two handles for two new descriptions; neither stays on failure. */
export function addPair(guest: CallContext, handlesAt: number, first: FileDescription, second: FileDescription): number {
  // Hold both until both have a descriptor: on failure both are dropped.
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
function on(what: (description: FileDescription, value: number) => number): (guest: CallContext, handle: number, value: number) => number {
  return (guest, handle, value) => {
    const description = guest.handles.description(handle);
    return description ? what(description, value) : -EBADF;
  };
}

function setNonblocking(description: FileDescription): number {
  description.nonblocking = true;
  return 0;
}

function tagPipe(guest: CallContext, handle: number, value: number): number {
  const slot = guest.handles.get(handle);
  if (!slot) return -EBADF;
  // Only pipes of the module's own carry a tag: the mode of a file, or of another program's FIFO, is not ours to change.
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
  bytesAvailable: [1, on((description) => description.pending())],
  duplicate: [1, duplicate],
  close: [1, (guest, handle) => guest.handles.close(handle)],
  handleType: [1, handleType],
  adoptFd: [1, adoptFd],
  pipe: [1, pipe],
  setNonblocking: [1, on(setNonblocking)],
  setPipeSize: [2, on((description, size) => (description instanceof PipeEnd ? description.pipe.resize(size) : -EBADF))],
  tagPipe: [2, tagPipe],
  pipeTag: [1, on((description) => description.mode & 0o777)],
  watch: [2, (guest, handle, events) => guest.handles.watch(handle, events & (READ | WRITE | HANGUP))],
};
