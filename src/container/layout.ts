/**
 * A container in the depot:
 *
 *   ID.owner            a link that leads nowhere: the process that is making the container, with which an ephemeral one
 *                       ends, or that is removing it: "PID START". Made before everything else and removed after it, so that
 *                       at no moment something unfinished lies there unowned
 *   ID/run/wshd.sock    where wsh connects
 *   ID/run/wshd.pid     the container's first process as the host sees it, "PID START"
 *   ID/etc/             what the hooks read: steps, of the making of the root; cgroups, which are there or about to be;
 *                       container.json, written last: a directory without it is no container yet
 *   ID/jobs/JOB/        a job: job.json, written first; pid, iomux-spawn's, "PID START"; its messages; its three sockets
 *   ID/root/            empty; the container's root file system is mounted here, where only the container sees it
 */
import { closeSync, constants, existsSync, openSync, readdirSync, readlinkSync, readFileSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, ifReadable, reason, unlessMissing, WardenError } from './error.js';
import { formatId, isAlive, parseId, type ProcessId } from './process.js';

export const DIRECTORIES = ['run', 'etc', 'jobs', 'root'] as const;
/** lib/watch.sh has the same lists. */
const FILES = [
  'etc/container.json', 'etc/container.json.new', 'run/wshd.sock', 'run/wshd.pid', 'etc/steps', 'etc/cgroups',
] as const;
const JOB_FILES = ['job.json', 'pid', 'messages', 'stdout.sock', 'stderr.sock', 'status.sock'] as const;

/** Of containers and jobs: a directory's name, short enough for the path of a socket in it. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const OWNER = '.owner';

export function isName(text: string): boolean { return NAME.test(text) && !text.endsWith(OWNER); }

export function checkName(what: string, text: string): void {
  if (isName(text)) return;
  throw new WardenError('USAGE', `${JSON.stringify(text)} cannot be the name of a ${what}: a letter or digit, then at most 62 of letters, digits, `
    + `".", "_" and "-", not ending in "${OWNER}"`);
}

/** None where the directory is not there, or is none. */
export function namesIn(directory: string): string[] { return ifReadable(() => readdirSync(directory).sort()) ?? []; }

function removeFiles(directory: string, files: readonly string[]): void {
  for (const file of files) unlessMissing(() => unlinkSync(join(directory, file)));
}

/** As `removeLayout`, of one job. */
export function removeJob(directory: string): void {
  try {
    removeFiles(directory, JOB_FILES);
    unlessMissing(() => rmdirSync(directory));
  } catch (error) {
    throw notRemoved('job', directory, error);
  }
}

/**
 * Removes the directory: these files by their names, the directories only when that leaves them empty. Nothing is ever
 * searched for what to delete, so nothing that came in by a mount, a link or a mistake can be.
 */
export function removeLayout(directory: string): void {
  for (const job of namesIn(join(directory, 'jobs')).filter(isName)) removeJob(join(directory, 'jobs', job));
  try {
    let turns = FILES.length;
    while (!removeDirectories(directory, --turns === 0)) continue;
    unlessMissing(() => unlinkSync(ownerLink(directory)));
  } catch (error) {
    throw notRemoved('container', directory, error);
  }
}

/** False when a start that was just killed has written one of its files in the meantime; each comes once at most. */
function removeDirectories(directory: string, last: boolean): boolean {
  removeFiles(directory, FILES);
  try {
    for (const name of DIRECTORIES) unlessMissing(() => rmdirSync(join(directory, name)));
    unlessMissing(() => rmdirSync(directory));
    return true;
  } catch (error) {
    if (!last && errnoOf(error) === 'ENOTEMPTY' && FILES.some((file) => existsSync(join(directory, file)))) return false;
    throw error;
  }
}

function notRemoved(what: string, directory: string, cause: unknown): WardenError {
  return new WardenError('NOT_REMOVED', `cannot remove the ${what}'s directory ${directory}: ${reason(cause)}; `
    + 'something that does not belong to it lies in it or is mounted there', { cause });
}

export function ownerLink(directory: string): string { return `${directory}${OWNER}`; }

/** A link is made in one step, whole: nobody can see an owner's file that is not yet written. */
export function writeOwner(directory: string, owner: ProcessId): void { symlinkSync(formatId(owner), ownerLink(directory)); }

/** Says that the directory is not to be taken for a container any more, for it is being removed. */
export function disown(directory: string, remover: ProcessId): void {
  try {
    writeOwner(directory, remover);
  } catch (error) {
    // There is an owner already, or not even a depot any more; or no room, which is a reason to remove something.
    if (!['EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '')) throw notRemoved('container', directory, error);
  }
}

/** undefined for what is not there or makes no sense. Nobody is waited for: what lies there may be a pipe. */
export function readJson(file: string): unknown {
  return ifReadable(() => {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return JSON.parse(readFileSync(fd, 'utf8')) as unknown;
    } finally {
      closeSync(fd);
    }
  });
}

function parsed(read: () => string): ProcessId | undefined { return ifReadable(() => parseId(read())); }

/** undefined: nobody is at work on it, and it ends with nobody. */
export function readOwner(directory: string): ProcessId | undefined { return parsed(() => readlinkSync(ownerLink(directory))); }

/** undefined: it has not come so far. */
export function readFirstProcess(directory: string): ProcessId | undefined {
  return parsed(() => readFileSync(join(directory, 'run/wshd.pid'), 'latin1'));
}

/** undefined: it has not come so far, or is no more. */
export function readLivingFirstProcess(directory: string): ProcessId | undefined {
  const first = readFirstProcess(directory);
  return first && isAlive(first) ? first : undefined;
}

export function readJobProcess(directory: string): ProcessId | undefined {
  return parsed(() => readFileSync(join(directory, 'pid'), 'latin1'));
}
