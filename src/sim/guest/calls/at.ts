/** The boundary's calls on files by a directory's handle: shim/sys/files/at.c. No symbolic link is followed. */
import { EBADF, EEXIST, EFAULT, EINVAL, EISDIR, EMFILE, ENOENT, ENOTDIR, ENOTEMPTY, ENXIO, EPERM, EROFS } from '../../kernel/errno.js';
import { Directory, Fifo, type Node, RegularFile, SpecialFile, SymbolicLink } from '../../kernel/files.js';
import { type DirectoryPlace, lookUp, lookUpParent, type Place, type View } from '../../kernel/mounts/mounts.js';
import { NullDevice } from '../../kernel/open-file.js';
import { OpenPlace, placeOf } from '../../kernel/mounts/open-place.js';
import {
  FileType, OPEN_APPEND, OPEN_BOTH, OPEN_READ, OPEN_REPLACE, OPENAT_CREATE, OPENAT_DIRECTORY, OPENAT_EXCLUSIVE, OPENAT_PATH,
  OPENAT_READ, OPENAT_TRUNCATE, OPENAT_WRITE,
} from '../../../boundary/constants.js';
import { renameFound } from '../../kernel/mounts/paths.js';
import { isRuntime, type Use } from '../policy.js';
import { allowedPath } from './files.js';
import type { CallContext, CallTable, Run } from './call.js';

/** S_IF…, inode(7) */
const S_IFMT = 0o170000, S_IFIFO = 0o010000, S_IFCHR = 0o020000, S_IFDIR = 0o040000, S_IFREG = 0o100000, S_IFLNK = 0o120000;
const STATX_BYTES = 256;

/** The view with the handle's directory as root, for RESOLVE_IN_ROOT; a negated errno. */
function viewOf(guest: CallContext, directory: number): View | number {
  if (directory === 0) return guest.process.view;
  const description = guest.handles.description(directory);
  if (!description) return -EBADF;
  const place = placeOf(description);
  if (!place || !(place.node instanceof Directory)) return -ENOTDIR;
  return { ...guest.process.view, root: place as DirectoryPlace, directory: place as DirectoryPlace };
}

interface Found { view: View; directory: DirectoryPlace; name: string; node: Node | undefined }

/** The directory that a path leads to, and the file of that name in it. */
function nameIn(guest: CallContext, directory: number, at: number, use: Use): Found | number {
  if (!isRuntime(guest.program)) return -EPERM;
  const path = directory === 0 ? allowedPath(guest, at, use) : guest.string(at), view = viewOf(guest, directory);
  if (typeof path === 'number') return path;
  if (path === undefined) return -EFAULT;
  if (typeof view === 'number') return view;
  if (directory !== 0 && path.includes('/')) return -EINVAL;
  const parent = lookUpParent(view, path);
  if (typeof parent === 'number') return parent;
  return { view, ...parent, node: parent.directory.node.entries.get(parent.name) };
}

/** The same, for a file to create: -EEXIST if the name is taken. */
function freeName(guest: CallContext, directory: number, at: number): Found | number {
  const found = nameIn(guest, directory, at, 'MAKE');
  if (typeof found === 'number') return found;
  if (found.node) return -EEXIST;
  return found.directory.mount.readonly ? -EROFS : found;
}

function put(guest: CallContext, { directory, name }: Found, node: Node): number {
  node.uid = guest.process.uid;
  directory.node.put(name, node);
  return 0;
}

function openAt(guest: CallContext, directory: number, at: number, flags: number, mode: number): number {
  if (!isRuntime(guest.program)) return -EPERM;
  const writes = (flags & (OPENAT_WRITE | OPENAT_CREATE | OPENAT_TRUNCATE)) !== 0;
  const path = directory === 0 ? allowedPath(guest, at, writes ? 'REPLACE' : 'READ') : guest.string(at) ?? -EFAULT;
  const view = viewOf(guest, directory);
  if (typeof path === 'number') return path;
  if (typeof view === 'number') return view;
  if (!guest.process.descriptors.hasRoom) return -EMFILE;
  const place = lookUp(view, path);
  if (typeof place === 'number') return place === -ENOENT && has(flags, OPENAT_CREATE) ? create(guest, view, path, mode) : place;
  if (has(flags, OPENAT_CREATE | OPENAT_EXCLUSIVE)) return -EEXIST;
  return openPlace(guest, place, flags, writes);
}

/** Whether all of these bits are set. */
function has(flags: number, bits: number): boolean { return (flags & bits) === bits; }

function openPlace(guest: CallContext, place: Place, flags: number, writes: boolean): number {
  const { node, mount } = place;
  if (has(flags, OPENAT_DIRECTORY) && !(node instanceof Directory)) return -ENOTDIR;
  if (has(flags, OPENAT_PATH)) return guest.handles.add(new OpenPlace(place));
  if (node instanceof Directory) return writes ? -EISDIR : guest.handles.add(new OpenPlace(place));
  if (writes && mount.readonly && node instanceof RegularFile) return -EROFS;
  const opened = node.open(wayToOpen(node, flags, writes));
  if (typeof opened !== 'number') opened.nonblocking = true;
  return guest.handles.add(opened);
}

/** A file for writing is written at its end, or truncated first: no program writes into the middle. */
function wayToOpen(node: Node, flags: number, writes: boolean): number {
  if (has(flags, OPENAT_TRUNCATE)) return OPEN_REPLACE;
  if (!writes) return OPEN_READ;
  return node instanceof Fifo && has(flags, OPENAT_READ) ? OPEN_BOTH : OPEN_APPEND;
}

function create(guest: CallContext, view: View, path: string, mode: number): number {
  const parent = lookUpParent(view, path);
  if (typeof parent === 'number') return parent;
  if (parent.directory.mount.readonly) return -EROFS;
  const file = new RegularFile(mode & 0o7777);
  file.uid = guest.process.uid;
  parent.directory.node.put(parent.name, file);
  return guest.handles.add(file.open(OPEN_REPLACE));
}

function makeDirectoryAt(guest: CallContext, directory: number, at: number, mode: number): number {
  const found = freeName(guest, directory, at);
  return typeof found === 'number' ? found : put(guest, found, new Directory(mode & 0o777));
}

function makeNodeAt(guest: CallContext, directory: number, at: number, mode: number, major: number, minor: number): number {
  const found = freeName(guest, directory, at);
  if (typeof found === 'number') return found;
  if ((mode & S_IFMT) === S_IFIFO) return put(guest, found, new Fifo(mode & 0o777));
  if (guest.process.uid !== 0) return -EPERM;
  // Of the devices, only /dev/null has a driver in the simulation.
  const isNull = (mode & S_IFMT) === S_IFCHR && major === 1 && minor === 3;
  const device = new SpecialFile(FileType.OTHER, mode & 0o777, () => (isNull ? new NullDevice(true, true, true) : -ENXIO));
  device.device = { major: major >>> 0, minor: minor >>> 0 };
  return put(guest, found, device);
}

function makeLinkAt(guest: CallContext, targetAt: number, directory: number, at: number): number {
  const target = guest.string(targetAt), found = freeName(guest, directory, at);
  if (target === undefined) return -EFAULT;
  return typeof found === 'number' ? found : put(guest, found, new SymbolicLink(target));
}

function removeAt(guest: CallContext, directory: number, at: number, isDirectory: number): number {
  const found = nameIn(guest, directory, at, 'REMOVE');
  if (typeof found === 'number') return found;
  const { node } = found;
  if (!node) return -ENOENT;
  if (found.directory.mount.readonly) return -EROFS;
  if (node instanceof Directory !== (isDirectory !== 0)) return node instanceof Directory ? -EISDIR : -ENOTDIR;
  if (node instanceof Directory && node.entries.size > 0) return -ENOTEMPTY;
  found.directory.node.take(found.name);
  return 0;
}

function renameAt(guest: CallContext, directory: number, fromAt: number, toAt: number): number {
  const from = nameIn(guest, directory, fromAt, 'RENAME'), to = nameIn(guest, directory, toAt, 'RENAMED');
  if (typeof from === 'number') return from;
  if (typeof to === 'number') return to;
  return renameFound(from, to, () => {
    if (to.node instanceof Directory && !(from.node instanceof Directory)) return -EISDIR;
    return to.node && from.node instanceof Directory && !(to.node instanceof Directory) ? -ENOTDIR : 0;
  });
}

function typeBits(node: Node): number {
  if (node instanceof Directory) return S_IFDIR;
  if (node instanceof SymbolicLink) return S_IFLNK;
  if (node instanceof Fifo) return S_IFIFO;
  return node instanceof RegularFile ? S_IFREG : S_IFCHR;
}

function statAt(guest: CallContext, directory: number, at: number, into: number): number {
  const path = guest.string(at), out = guest.writable(into, STATX_BYTES);
  if (!isRuntime(guest.program)) return -EPERM;
  if (path === undefined || !out) return -EFAULT;
  const found = path === '' ? ofHandle(guest, directory) : nameIn(guest, directory, at, 'INSPECT');
  if (typeof found === 'number') return found;
  const { node } = found;
  if (!node) return -ENOENT;
  const view = new DataView(out.buffer, out.byteOffset, STATX_BYTES);
  out.fill(0);
  view.setUint32(20, node.uid, true);
  view.setUint16(28, typeBits(node) | node.mode, true);
  view.setBigUint64(32, BigInt(node.number), true);
  view.setBigUint64(40, BigInt(node instanceof RegularFile ? node.bytes.length : 0), true);
  if (node instanceof SpecialFile && node.device) {
    view.setUint32(128, node.device.major, true);
    view.setUint32(132, node.device.minor, true);
  }
  return 0;
}

function ofHandle(guest: CallContext, handle: number): { node: Node | undefined } | number {
  const description = guest.handles.description(handle);
  if (!description) return -EBADF;
  const node = placeOf(description)?.node ?? (description.node as Node | undefined);
  return node ? { node } : -ENOENT;
}

function readLinkAt(guest: CallContext, directory: number, at: number, into: number, size: number): number {
  const found = nameIn(guest, directory, at, 'INSPECT'), out = guest.writable(into, size);
  if (typeof found === 'number') return found;
  if (!out) return -EFAULT;
  if (!found.node) return -ENOENT;
  if (!(found.node instanceof SymbolicLink)) return -EINVAL;
  const text = new TextEncoder().encode(found.node.target).subarray(0, out.length);
  out.set(text);
  return text.length;
}

/** Fills in the fields of `struct linux_dirent64` that the programs read. */
function readDirectory(guest: CallContext, handle: number, at: number, size: number): number {
  const description = guest.handles.description(handle), out = guest.writable(at, size);
  if (!description) return -EBADF;
  if (!out) return -EFAULT;
  if (!(description instanceof OpenPlace) || !(description.place.node instanceof Directory)) return -ENOTDIR;
  return description.readEntries(out);
}

function onNode(change: (node: Node, first: number, second: number) => void): Run {
  return (guest, handle, first, second) => {
    if (!isRuntime(guest.program)) return -EPERM;
    const found = ofHandle(guest, handle);
    if (typeof found === 'number') return found;
    if (guest.process.uid !== 0) return -EPERM;
    change(found.node!, first, second);
    return 0;
  };
}

function enterDirectoryAt(guest: CallContext, handle: number): number {
  const view = viewOf(guest, handle);
  if (!isRuntime(guest.program)) return -EPERM;
  if (handle === 0) return -EBADF;
  if (typeof view === 'number') return view;
  guest.process.view.directory = view.directory;
  return 0;
}

export const atCalls: CallTable = {
  openAt: [4, openAt],
  makeDirectoryAt: [3, makeDirectoryAt],
  makeNodeAt: [5, makeNodeAt],
  makeLinkAt: [3, makeLinkAt],
  removeAt: [3, removeAt],
  renameAt: [3, renameAt],
  statAt: [3, statAt],
  readLinkAt: [4, readLinkAt],
  readDirectory: [3, readDirectory],
  changeOwner: [3, onNode((node, uid) => { node.uid = uid >>> 0; })],
  changeMode: [2, onNode((node, mode) => { node.mode = mode & 0o7777; })],
  enterDirectoryAt: [1, enterDirectoryAt],
};
