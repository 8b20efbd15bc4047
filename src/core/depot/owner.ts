/**
 * Owners: the process that is making or removing a container, or with which an ephemeral container ends. ID.owner is a symbolic
 * link whose text is that process. The link exists before everything else of the container and is removed last, so that at no
 * moment an unfinished directory is without an owner.
 */
import {
  chmodSync, constants, existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, type Stats, statSync, symlinkSync, unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, ifReadable, reason, WardenError } from '../../base/errors.js';
import { formatId, identify, isAlive, parseId, type ProcessId } from '../../linux/process.js';
import { OWNER_SUFFIX, withNewId } from './id.js';

/** The sticky bit: inode(7). */
const S_ISVTX = 0o1000;

export function ownerLink(directory: string): string { return `${directory}${OWNER_SUFFIX}`; }

/** symlink(2) is atomic: no reader can see an owner that is not completely written. */
function writeOwner(directory: string, owner: ProcessId): void { symlinkSync(formatId(owner), ownerLink(directory)); }

/** undefined when no process owns the container. */
export function readOwner(directory: string): ProcessId | undefined {
  return ifReadable(() => parseId(readlinkSync(ownerLink(directory))));
}

export function hasDeadOwner(directory: string): boolean {
  const owner = readOwner(directory);
  return owner !== undefined && !isAlive(owner);
}

/** This process. */
function ourselves(): ProcessId {
  const owner = identify(process.pid);
  if (!owner) throw new WardenError('UNSUPPORTED', 'cannot read /proc/self/stat; is /proc mounted?');
  return owner;
}

/** Makes this process the owner of a container that it is about to remove: from now on the directory is no container. */
export function claimForRemoval(directory: string): void {
  try {
    writeOwner(directory, ourselves());
  } catch (error) {
    // There is an owner already; or the depot is gone; or the disk is full, which must not keep anybody from removing.
    if (!['EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')) {
      throw new WardenError('NOT_REMOVED', `cannot remove the container ${directory}: ${reason(error)}`, { cause: error });
    }
  }
}

/** Makes a directory with its parents. Node's `recursive` loops for ever where mkdir(2) fails with ENOENT, as in /proc. */
function makeDepot(path: string): void {
  if (existsSync(path)) return;
  makeDepot(dirname(path));
  try {
    mkdirSync(path, { mode: 0o755 });
    // Whatever this process's umask is.
    chmodSync(path, 0o755);
  } catch (error) {
    // Another process has made it meanwhile.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * Throws for a directory that somebody else could exchange while a container is made in it: where another user owns it or a directory
 * above, or others can write there. A sticky directory, as /tmp, lets others exchange only what they own. inode(7)
 */
function checkDepot(depot: string): void {
  for (let path = realpathSync(depot), isDepot = true; ; path = dirname(path), isDepot = false) {
    const status = lstatSync(path), where = isDepot ? 'the depot' : `${path}, above the depot,`;
    if (status.uid !== 0 && status.uid !== process.getuid?.()) throw new Error(`${where} belongs to the user ${status.uid}, who could exchange it`);
    const protects = !isDepot && (status.mode & S_ISVTX) !== 0;
    if (othersMayWrite(status) && !protects) throw new Error(`others can write to ${where} and could exchange what is in it`);
    if (path === '/') return;
  }
}

/** Others than root, this process's user and its group. */
function othersMayWrite({ gid, mode }: Stats): boolean {
  if ((mode & constants.S_IWOTH) !== 0) return true;
  return (mode & constants.S_IWGRP) !== 0 && gid !== 0 && gid !== process.getgid?.();
}

/** Makes the directory of a new container, owned by this process. Without `wanted` the id is new. */
export function makeContainerDirectory(depot: string, wanted: string | undefined): { id: string; directory: string } {
  const owner = ourselves();
  const tryId = (id: string): { id: string; directory: string } | undefined => (
    tryMake(join(depot, id), owner) ? { id, directory: join(depot, id) } : undefined
  );
  try {
    makeDepot(depot);
    // What is no directory fails below.
    if (statSync(depot).isDirectory()) checkDepot(depot);
    const made = wanted === undefined ? withNewId(tryId) : tryId(wanted);
    if (made) return made;
  } catch (error) {
    throw new WardenError('DEPOT_UNUSABLE', `cannot make a directory for the container in the depot ${depot}: ${reason(error)}; `
      + 'choose another depot (--depot)', { cause: error });
  }
  throw new WardenError('EXISTS', `a container with the id ${wanted} exists in ${depot}; choose another id, or destroy that container`);
}

/** False when the directory exists. */
function tryMake(directory: string, owner: ProcessId): boolean {
  // Check first: an owner beside another's container would mark that container as being removed, for good if this process died here.
  if (lstatSync(directory, { throwIfNoEntry: false })) return false;
  let isOwner = false;
  try {
    writeOwner(directory, owner);
    isOwner = true;
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isOwner) unlinkSync(ownerLink(directory));
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}
