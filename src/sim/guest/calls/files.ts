/** The boundary's calls on files and paths: shim/sys/files/file.c. */
import { EACCES, EBADF, EFAULT, EINVAL, EMFILE, ENOTDIR, ESPIPE } from '../../kernel/errno.js';
import { Directory, OpenFile, SealedFile } from '../../kernel/files.js';
import type { FileDescription } from '../../kernel/open-file.js';
import { type DirectoryPlace, pathOf } from '../../kernel/mounts/mounts.js';
import * as paths from '../../kernel/mounts/paths.js';
import { isAllowed, type Use } from '../policy.js';
import { SocketFile } from '../../kernel/socket.js';
import { FileType, MARKED, OPEN_APPEND } from '../../../boundary/constants.js';
import type { CallContext, CallTable } from './call.js';

/** A path that the guest's program may use in this way; -EFAULT or -EACCES. */
export function allowedPath(guest: CallContext, at: number, use: Use): string | number {
  const path = guest.string(at);
  if (path === undefined) return -EFAULT;
  return isAllowed(guest.program, guest.process, path, use, guest.silent) ? path : -EACCES;
}

/** What a umask of 022 leaves of a FIFO's mode. */
const FIFO_MODES = 0o755;

/** Of files that are made: shim/sys/files/file.c. */
const FILE_MODE = 0o600, LOG_MODE = 0o640;

/** What a path is opened for, by `OPEN_`. */
const OPEN_USES: readonly Use[] = ['READ', 'REPLACE', 'APPEND', 'BOTH'];

function open(guest: CallContext, at: number, how: number): number {
  const use = OPEN_USES[how >>> 0];
  if (use === undefined) return -EINVAL;
  const path = allowedPath(guest, at, use), { process } = guest;
  if (typeof path === 'number') return path;
  if (!process.descriptors.hasRoom) return -EMFILE;
  return guest.handles.add(nonblocking(paths.open(process, path, how, how === OPEN_APPEND ? LOG_MODE : FILE_MODE)));
}

/** Sets a FIFO's description to nonblocking, so that it never makes the program wait. */
function nonblocking(opened: FileDescription | number): FileDescription | number {
  if (typeof opened !== 'number') opened.nonblocking = true;
  return opened;
}

function readAt(guest: CallContext, handle: number, at: number, size: number, offsetLow: number, offsetHigh: number): number {
  const description = guest.handles.description(handle), into = guest.writable(at, size);
  if (!description) return -EBADF;
  if (!into) return -EFAULT;
  if (!description.canRead) return -EBADF;
  return description instanceof OpenFile ? description.readAt(into, (offsetHigh >>> 0) * 2 ** 32 + (offsetLow >>> 0)) : -ESPIPE;
}

function fsync(guest: CallContext, handle: number): number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  return description.kind === FileType.FILE || description.kind === FileType.DIRECTORY ? 0 : -EINVAL;
}

function makeFifo(guest: CallContext, at: number, mode: number): number {
  const path = allowedPath(guest, at, 'FIFO');
  return typeof path === 'number' ? path : paths.makeFifo(guest.process, path, mode & FIFO_MODES);
}

function makeLink(guest: CallContext, targetAt: number, at: number): number {
  const target = guest.string(targetAt), path = allowedPath(guest, at, 'LINK');
  if (typeof path === 'number') return path;
  return target === undefined || targetAt === 0 ? -EFAULT : paths.makeLink(guest.process, target, path);
}

function pathType(guest: CallContext, at: number): number {
  const path = allowedPath(guest, at, 'INSPECT');
  if (typeof path === 'number') return path;
  const place = paths.find(guest.process, path);
  if (typeof place === 'number') return place;
  return place.node.kind | (place.node instanceof SocketFile && place.node.listener.isMarked ? MARKED : 0);
}

function sealedFile(guest: CallContext, at: number, size: number): number {
  const bytes = guest.bytes(at, size);
  if (!bytes) return -EFAULT;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  return guest.handles.add(new SealedFile(bytes.slice()));
}

function rename(guest: CallContext, fromAt: number, toAt: number): number {
  const from = allowedPath(guest, fromAt, 'RENAME');
  if (typeof from === 'number') return from;
  const to = allowedPath(guest, toAt, 'RENAMED');
  if (typeof to === 'number') return to;
  return paths.rename(guest.process, from, to);
}

function unlink(guest: CallContext, at: number): number {
  const path = allowedPath(guest, at, 'UNLINK');
  return typeof path === 'number' ? path : paths.unlink(guest.process, path);
}

function realpath(guest: CallContext, pathAt: number, at: number, size: number): number {
  const path = allowedPath(guest, pathAt, 'LOCATE'), out = guest.writable(at, size);
  if (typeof path === 'number') return path;
  if (!out || out.length === 0) return -EFAULT;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const place = paths.find(guest.process, path);
  if (typeof place === 'number') return place;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  const text = new TextEncoder().encode(pathOf(guest.process.view, place as DirectoryPlace)).subarray(0, out.length - 1);
  out.set(text);
  out[text.length] = 0;
  return text.length;
}

export function makeDirectory(guest: CallContext, at: number, mode: number): number {
  const path = allowedPath(guest, at, 'MAKE');
  return typeof path === 'number' ? path : paths.makeDirectory(guest.process, path, mode & 0o777);
}

export function removeDirectory(guest: CallContext, at: number): number {
  const path = allowedPath(guest, at, 'REMOVE');
  return typeof path === 'number' ? path : paths.removeDirectory(guest.process, path);
}

export const fileCalls: CallTable = {
  open: [2, open],
  readAt: [5, readAt],
  fsync: [1, fsync],
  pathType: [1, pathType],
  sealedFile: [2, sealedFile],
  makeFifo: [2, makeFifo],
  makeLink: [2, makeLink],
  rename: [2, rename],
  unlink: [1, unlink],
  realpath: [3, realpath],
};
