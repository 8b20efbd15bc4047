/** The boundary's calls on files and paths: shim/sys/file.c. */
import { EACCES, EBUSY, EEXIST, EFAULT, EISDIR, EMFILE, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from '../errno.js';
import { Directory, RegularFile } from '../files.js';
import type { Guest } from '../guest.js';
import { type DirectoryPlace, lookUp, lookUpParent, pathOf } from '../mounts.js';
import { isAllowed, type Use } from '../policy.js';
import { Kind, OPEN_REPLACE } from '../../vocabulary.js';
import type { CallTable } from './index.js';

/** A path of the guest's that its program may use so; -EFAULT or -EACCES. */
export function allowedPath(guest: Guest, at: number, use: Use): string | number {
  const path = guest.string(at);
  if (path === undefined) return -EFAULT;
  return isAllowed(guest.program, guest.process.argv, path, use) ? path : -EACCES;
}

function open(guest: Guest, at: number, how: number): number {
  const replace = how === OPEN_REPLACE, path = allowedPath(guest, at, replace ? 'REPLACE' : 'READ'), { process } = guest;
  if (typeof path === 'number') return path;
  if (!process.descriptors.hasRoom) return -EMFILE;
  const place = lookUp(process.view, path);
  if (place === -ENOENT && replace) return create(guest, path);
  if (typeof place === 'number') return place;
  const { node } = place;
  if (replace && node instanceof Directory) return -EISDIR;
  if (process.uid !== 0 && (node.mode & (node.uid === process.uid ? 0o400 : 0o004) >> (replace ? 1 : 0)) === 0) return -EACCES;
  return guest.handles.add(node.open(replace));
}

function create(guest: Guest, path: string): number {
  const parent = lookUpParent(guest.process.view, path);
  if (typeof parent === 'number') return parent;
  const file = new RegularFile(0o600);
  file.uid = guest.process.uid;
  parent.directory.node.put(parent.name, file);
  return guest.handles.add(file.open(true));
}

function inspect(guest: Guest, at: number): number {
  const path = allowedPath(guest, at, 'INSPECT');
  if (typeof path === 'number') return path;
  const place = lookUp(guest.process.view, path);
  return typeof place === 'number' ? place : place.node.kind;
}

function rename(guest: Guest, fromAt: number, toAt: number): number {
  const from = allowedPath(guest, fromAt, 'RENAME');
  if (typeof from === 'number') return from;
  const to = allowedPath(guest, toAt, 'RENAMED');
  if (typeof to === 'number') return to;
  const source = lookUpParent(guest.process.view, from), target = lookUpParent(guest.process.view, to);
  if (typeof source === 'number') return source;
  if (typeof target === 'number') return target;
  const node = source.directory.node.entries.get(source.name), there = target.directory.node.entries.get(target.name);
  if (!node) return -ENOENT;
  if (node === there) return 0;
  if (there instanceof Directory !== node instanceof Directory && there) return there instanceof Directory ? -EISDIR : -ENOTDIR;
  if (there instanceof Directory && there.entries.size > 0) return -ENOTEMPTY;
  source.directory.node.entries.delete(source.name);
  target.directory.node.put(target.name, node);
  return 0;
}

function unlink(guest: Guest, at: number): number {
  const path = allowedPath(guest, at, 'UNLINK');
  if (typeof path === 'number') return path;
  const parent = lookUpParent(guest.process.view, path);
  if (typeof parent === 'number') return parent;
  const node = parent.directory.node.entries.get(parent.name);
  if (!node) return -ENOENT;
  if (node.kind === Kind.DIRECTORY) return -EISDIR;
  parent.directory.node.take(parent.name);
  return 0;
}

function absolute(guest: Guest, pathAt: number, at: number, size: number): number {
  const path = allowedPath(guest, pathAt, 'LOCATE'), out = guest.writable(at, size);
  if (typeof path === 'number') return path;
  if (!out || out.length === 0) return -EFAULT;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const place = lookUp(guest.process.view, path);
  if (typeof place === 'number') return place;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  const text = new TextEncoder().encode(pathOf(guest.process.view, place as DirectoryPlace)).subarray(0, out.length - 1);
  out.set(text);
  out[text.length] = 0;
  return text.length;
}

export function makeDirectory(guest: Guest, at: number, mode: number): number {
  const path = allowedPath(guest, at, 'MAKE');
  if (typeof path === 'number') return path;
  const parent = lookUpParent(guest.process.view, path);
  if (typeof parent === 'number') return parent;
  if (parent.directory.node.entries.has(parent.name)) return -EEXIST;
  if (guest.process.uid !== 0) return -EPERM;
  parent.directory.node.put(parent.name, new Directory(mode & 0o777));
  return 0;
}

export function removeDirectory(guest: Guest, at: number): number {
  const path = allowedPath(guest, at, 'REMOVE');
  if (typeof path === 'number') return path;
  const parent = lookUpParent(guest.process.view, path);
  if (typeof parent === 'number') return parent;
  const { directory, name } = parent, node = directory.node.entries.get(name);
  if (!node) return -ENOENT;
  if (!(node instanceof Directory)) return -ENOTDIR;
  if (guest.process.view.mounts.uppermost({ mount: directory.mount, node }).node !== node) return -EBUSY;
  if (node.entries.size > 0) return -ENOTEMPTY;
  directory.node.take(name);
  return 0;
}

export const fileCalls: CallTable = {
  open: [2, open],
  inspect: [1, inspect],
  rename: [2, rename],
  unlink: [1, unlink],
  absolute: [3, absolute],
};
