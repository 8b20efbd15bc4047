/** System calls on paths, with what directories and files allow their caller. path_resolution(7), inode(7), fs/namei.c */
import {
  EACCES, EADDRINUSE, EBUSY, ECONNREFUSED, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY,
  EPERM, EPROTOTYPE, EROFS, EXDEV,
} from '../errno.js';
import { Directory, Fifo, type Node, RegularFile, SymbolicLink } from '../files.js';
import type { FileDescription } from '../open-file.js';
import { DatagramFile, type DatagramReceiver, type Listener, type Socket, SocketFile } from '../socket.js';
import { OPEN_APPEND, OPEN_BOTH, OPEN_READ, OPEN_REPLACE } from '../../../boundary/constants.js';
import { type DirectoryPlace, isWithin, lookUp, lookUpParent, type Place, type View } from './mounts.js';

/** Who makes a call: credentials(7). There are no supplementary groups. */
export interface Caller { readonly view: View; readonly uid: number; readonly gid: number }

/** Bits of a permission class. */
export const MAY_EXECUTE = 1, MAY_READ = 4;
const MAY_WRITE = 2;
const OWNER_SHIFT = 6, GROUP_SHIFT = 3;

/** CAP_DAC_OVERRIDE of root covers all of it here: `executableAt` asks for the one bit that it does not cover. */
export function mayAccess({ uid, gid }: Caller, node: Node, access: number): boolean {
  if (uid === 0) return true;
  const othersShift = node.gid === gid ? GROUP_SHIFT : 0, shift = node.uid === uid ? OWNER_SHIFT : othersShift;
  return ((node.mode >> shift) & access) === access;
}

/** The place that a path names; a negated errno. */
export function find(caller: Caller, path: string): Place | number {
  return lookUp(caller.view, path, (directory) => mayAccess(caller, directory, MAY_EXECUTE));
}

/** A name in a directory, and what has the name now. */
export interface Name { readonly directory: DirectoryPlace; readonly name: string; readonly node: Node | undefined }

/** The directory that holds the path's last name, and what has the name now. */
function findName(caller: Caller, path: string): Name | number {
  const parent = lookUpParent(caller.view, path, (directory) => mayAccess(caller, directory, MAY_EXECUTE));
  if (typeof parent === 'number') return parent;
  // The last step is a search, too.
  if (!mayAccess(caller, parent.directory.node, MAY_EXECUTE)) return -EACCES;
  return { ...parent, node: parent.directory.node.entries.get(parent.name) };
}

/** 0 if the caller may make and remove names in a directory. */
function mayChange(caller: Caller, { node, mount }: DirectoryPlace): number {
  if (mount.readonly) return -EROFS;
  return mayAccess(caller, node, MAY_WRITE | MAY_EXECUTE) ? 0 : -EACCES;
}

function put(caller: Caller, { directory, name }: Name, node: Node): void {
  node.uid = caller.uid;
  node.gid = caller.gid;
  directory.node.put(name, node);
}

/** Makes a file that no file may have the name of. */
function make(caller: Caller, path: string, node: Node): number {
  const name = findName(caller, path);
  if (typeof name === 'number') return name;
  if (name.node) return -EEXIST;
  const refused = mayChange(caller, name.directory);
  if (refused) return refused;
  put(caller, name, node);
  return 0;
}

/** mkdir(2), with a umask of 0 */
export function makeDirectory(caller: Caller, path: string, mode: number): number { return make(caller, path, new Directory(mode)); }
/** mkfifo(3), with a umask of 0 */
export function makeFifo(caller: Caller, path: string, mode: number): number { return make(caller, path, new Fifo(mode)); }

/** bind(2) of a unix socket, with a umask that leaves the file to its owner */
export function bind(caller: Caller, path: string, listener: Listener): number {
  const made = make(caller, path, new SocketFile(listener));
  return made === -EEXIST ? -EADDRINUSE : made;
}

/** The same of a socket for datagrams, which everybody may send to */
export function bindDatagrams(caller: Caller, path: string, receiver: DatagramReceiver): number {
  const made = make(caller, path, new DatagramFile(receiver));
  return made === -EEXIST ? -EADDRINUSE : made;
}

/** symlink(2) */
export function makeLink(caller: Caller, target: string, path: string): number { return make(caller, path, new SymbolicLink(target)); }

/** What connect(2) finds at a path; a negated errno. */
export function findListener(caller: Caller, path: string): Listener | number {
  const place = find(caller, path);
  if (typeof place === 'number') return place;
  if (!mayAccess(caller, place.node, MAY_WRITE)) return -EACCES;
  return place.node instanceof SocketFile ? place.node.listener : -ECONNREFUSED;
}

/** A socket that is connected to one for datagrams; a negated errno. */
export function connectDatagrams(caller: Caller, path: string): Socket | number {
  const place = find(caller, path);
  if (typeof place === 'number') return place;
  if (!mayAccess(caller, place.node, MAY_WRITE)) return -EACCES;
  if (place.node instanceof DatagramFile) return place.node.connect();
  return place.node instanceof SocketFile ? -EPROTOTYPE : -ECONNREFUSED;
}

/** open(2) in one of the ways that `OPEN_` names; a file that it makes is its owner's. */
export function open(caller: Caller, path: string, how: number, mode = 0o600): FileDescription | number {
  const place = find(caller, path), creates = how === OPEN_REPLACE || how === OPEN_APPEND;
  if (place === -ENOENT && creates) return create(caller, path, how, mode);
  if (typeof place === 'number') return place;
  const { node } = place;
  if (how !== OPEN_READ && node instanceof Directory) return -EISDIR;
  if (!mayAccess(caller, node, accessFor(how))) return -EACCES;
  if (how !== OPEN_READ && place.mount.readonly && node instanceof RegularFile) return -EROFS;
  return node.open(how);
}

function accessFor(how: number): number {
  if (how === OPEN_READ) return MAY_READ;
  return how === OPEN_BOTH ? MAY_READ | MAY_WRITE : MAY_WRITE;
}

function create(caller: Caller, path: string, how: number, mode: number): FileDescription | number {
  const file = new RegularFile(mode), made = make(caller, path, file);
  return made < 0 ? made : file.open(how);
}

/** 0 if a name may go: may_delete(), fs/namei.c. Sticky directories are like others here. */
function mayRemove(caller: Caller, { directory, node }: Name, isDirectory: boolean): number {
  const refused = mayChange(caller, directory);
  if (refused) return refused;
  if (isDirectory) return node instanceof Directory ? 0 : -ENOTDIR;
  return node instanceof Directory ? -EISDIR : 0;
}

/** unlink(2) */
export function unlink(caller: Caller, path: string): number {
  const name = findName(caller, path);
  if (typeof name === 'number') return name;
  if (!name.node) return -ENOENT;
  const refused = mayRemove(caller, name, false);
  if (refused === 0) name.directory.node.take(name.name);
  return refused;
}

/** rmdir(2) */
export function removeDirectory(caller: Caller, path: string): number {
  const name = findName(caller, path);
  if (typeof name === 'number') return name;
  if (!name.node) return -ENOENT;
  const refused = mayRemove(caller, name, true);
  if (refused) return refused;
  if (isCovered(caller, name)) return -EBUSY;
  if ((name.node as Directory).entries.size > 0) return -ENOTEMPTY;
  name.directory.node.take(name.name);
  return 0;
}

/** Whether something is mounted on what has the name. */
function isCovered({ view }: Caller, { directory: { mount }, node }: Name): boolean {
  return view.mounts.mountOn(mount, node!) !== undefined;
}

function contains(node: Node | undefined, { node: inner }: DirectoryPlace): boolean {
  return node instanceof Directory && isWithin(inner, node);
}

/** rename(2): do_renameat2() and vfs_rename(), fs/namei.c */
export function rename(caller: Caller, from: string, to: string): number {
  const source = findName(caller, from);
  if (typeof source === 'number') return source;
  const target = findName(caller, to);
  return typeof target === 'number' ? target : renameFound(source, target, () => mayReplace(caller, source, target));
}

/** The rest, once both names are found. `refusal`: a negated errno for a caller who may not change the directories. */
export function renameFound(source: Name, target: Name, refusal: () => number): number {
  if (source.directory.mount !== target.directory.mount) return -EXDEV;
  if (!source.node) return -ENOENT;
  if (contains(source.node, target.directory)) return -EINVAL;
  if (contains(target.node, source.directory)) return -ENOTEMPTY;
  if (source.node === target.node) return 0;
  const refused = refusal();
  if (refused) return refused;
  if (target.node instanceof Directory && target.node.entries.size > 0) return -ENOTEMPTY;
  source.directory.node.entries.delete(source.name);
  target.directory.node.put(target.name, source.node);
  return 0;
}

function mayReplace(caller: Caller, source: Name, target: Name): number {
  const isDirectory = source.node instanceof Directory;
  const refused = mayRemove(caller, source, isDirectory)
    || (target.node ? mayRemove(caller, target, isDirectory) : mayChange(caller, target.directory));
  if (refused) return refused;
  // The moved directory's ".." changes.
  const moves = isDirectory && source.directory.node !== target.directory.node;
  if (moves && !mayAccess(caller, source.node, MAY_WRITE)) return -EACCES;
  return isCovered(caller, source) || (target.node && isCovered(caller, target)) ? -EBUSY : 0;
}

/** chmod(2) */
export function changeMode(caller: Caller, path: string, mode: number): number {
  const place = find(caller, path);
  if (typeof place === 'number') return place;
  if (caller.uid !== 0 && caller.uid !== place.node.uid) return -EPERM;
  place.node.mode = mode;
  return 0;
}

/** chdir(2) */
export function findWorkingDirectory(caller: Caller, path: string): DirectoryPlace | number {
  const place = find(caller, path);
  if (typeof place === 'number') return place;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  return mayAccess(caller, place.node, MAY_EXECUTE) ? place as DirectoryPlace : -EACCES;
}
