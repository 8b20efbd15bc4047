/**
 * A container in the depot:
 *
 *   ID.owner            a link that leads nowhere: the process with which the container ends, "PID START". Made before
 *                       everything else and removed after it, so that at no moment something lies there unowned
 *   ID/run/wshd.sock    where wsh connects
 *   ID/run/wshd.pid     the container's first process as the host sees it, "PID START"
 *   ID/etc/             what the hooks read: hostname, fstab, root.tar
 *   ID/root/            empty; the container's root file system is mounted here, where only the container sees it
 */
import { readlinkSync, readFileSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reason, unlessMissing, WardenError } from './error.js';
import { formatId, parseId, type ProcessId } from './process.js';

export const DIRECTORIES = ['run', 'etc', 'root'] as const;
/** lib/watch.sh has the same list. */
const FILES = ['run/wshd.sock', 'run/wshd.pid', 'etc/hostname', 'etc/fstab', 'etc/root.tar'] as const;

/**
 * Removes the directory: these files by their names, the directories only when that leaves them empty. Nothing is ever
 * searched for what to delete, so nothing that came in by a mount, a link or a mistake can be.
 */
export function removeLayout(directory: string): void {
  try {
    for (const file of FILES) unlessMissing(() => unlinkSync(join(directory, file)));
    for (const name of DIRECTORIES) unlessMissing(() => rmdirSync(join(directory, name)));
    unlessMissing(() => rmdirSync(directory));
    unlessMissing(() => unlinkSync(ownerLink(directory)));
  } catch (error) {
    throw new WardenError('NOT_REMOVED', `cannot remove the container's directory ${directory}: ${reason(error)}; `
      + 'something that does not belong to it lies in it or is mounted there', { cause: error });
  }
}

export const OWNER = '.owner';
export function ownerLink(directory: string): string { return `${directory}${OWNER}`; }

/** A link is made in one step, whole: nobody can see an owner's file that is not yet written. */
export function writeOwner(directory: string, owner: ProcessId): void { symlinkSync(formatId(owner), ownerLink(directory)); }

function parsed(read: () => string): ProcessId | undefined {
  try {
    return parseId(read());
  } catch {
    return undefined;
  }
}

export function readOwner(directory: string): ProcessId | undefined { return parsed(() => readlinkSync(ownerLink(directory))); }

/** undefined: it has not come so far. */
export function readFirstProcess(directory: string): ProcessId | undefined {
  return parsed(() => readFileSync(join(directory, 'run/wshd.pid'), 'latin1'));
}
