/**
 * A container in the depot:
 *
 *   ID.owner            a symbolic link that leads nowhere; its text is the owner, "PID START" (owner.ts)
 *   ID/run/wshd.sock    the socket to which wsh connects
 *   ID/run/wshd.pid     the container's init as the host sees it, "PID START"
 *   ID/etc/             files for the hooks: steps and sources, by which the root is made; cgroups, which exist or are about to;
 *                       ids, those of a user namespace; filter, of system calls, for wshd;
 *                       hostname, hosts, resolv.conf, when they are mounted over those of the root;
 *                       container.json, written last: a directory without it is no container yet
 *   ID/jobs/JOB/        a job: job.json, written first; pid, iomux-spawn's, "PID START"; its messages; its three sockets; exit,
 *                       its end
 *   ID/root/            empty; the mount point of the root file system, which only the container sees
 */
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, ifReadable, reason, unlessMissing, WardenError } from '../../base/errors.js';
import { isAlive, parseId, type ProcessId } from '../../linux/process.js';
import { isId } from './id.js';
import { ownerLink } from './owner.js';

/** The name of a container's init, as ps shows it. */
export const INIT_NAME = 'wshd';
/** The name of the process that serves a job. */
export const JOB_PROCESS_NAME = 'iomux-spawn';

export const DIRECTORIES = ['run', 'etc', 'jobs', 'root'] as const;
/** shim/hooks/watch.sh has the same lists; test/core compares them. */
export const FILES = [
  'etc/container.json', 'etc/container.json.new', 'run/wshd.sock', 'run/wshd.pid', 'etc/steps', 'etc/cgroups', 'etc/filter',
  'etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'etc/ids', 'etc/sources',
] as const;
export const JOB_FILES = ['job.json', 'pid', 'messages', 'stdout.sock', 'stderr.sock', 'status.sock', 'exit', 'exit.new'] as const;

/** A filter of system calls that was made for this container. */
export const FILTER_FILE = 'etc/filter';

/** The names in a directory, sorted; none when it does not exist or is no directory. */
export function namesIn(directory: string): string[] { return ifReadable(() => readdirSync(directory).sort()) ?? []; }

/** The ids of a container's jobs, including directories that are no job yet. */
export function jobIdsIn(directory: string): string[] { return namesIn(join(directory, 'jobs')).filter(isId); }

export function jobDirectory(container: string, id: string): string { return join(container, 'jobs', id); }

function removeFiles(directory: string, files: readonly string[]): void {
  for (const file of files) unlessMissing(() => unlinkSync(join(directory, file)));
}

/** Removes the directory of one job, by the rule of `removeLayout`. */
export function removeJob(directory: string): void {
  try {
    removeFiles(directory, JOB_FILES);
    unlessMissing(() => rmdirSync(directory));
  } catch (error) {
    throw notRemoved('job', directory, error);
  }
}

/** The same; this process goes on while the file system removes the directory, some milliseconds on ext4. */
export async function removeEndedJob(directory: string): Promise<void> {
  try {
    removeFiles(directory, JOB_FILES);
    await rmdir(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw notRemoved('job', directory, error);
  }
}

/**
 * Removes the directory of a container. Files are removed by their names, directories only when that leaves them empty. Nothing is
 * ever searched for things to delete, so nothing can be deleted that got there by a mount, a link or a mistake.
 */
export function removeLayout(directory: string): void {
  for (const id of jobIdsIn(directory)) removeJob(jobDirectory(directory, id));
  try {
    let turns = FILES.length;
    while (!removeDirectories(directory, --turns === 0)) continue;
    unlessMissing(() => unlinkSync(ownerLink(directory)));
  } catch (error) {
    throw notRemoved('container', directory, error);
  }
}

/** False when a start that was just killed has written one of its files meanwhile; each file can appear only once. */
function removeDirectories(directory: string, isLast: boolean): boolean {
  removeFiles(directory, FILES);
  try {
    for (const name of DIRECTORIES) unlessMissing(() => rmdirSync(join(directory, name)));
    unlessMissing(() => rmdirSync(directory));
    return true;
  } catch (error) {
    if (!isLast && errnoOf(error) === 'ENOTEMPTY' && FILES.some((file) => existsSync(join(directory, file)))) return false;
    throw error;
  }
}

function notRemoved(kind: 'container' | 'job', directory: string, cause: unknown): WardenError {
  return new WardenError('NOT_REMOVED', `cannot remove the ${kind}'s directory ${directory}: ${reason(cause)}; `
    + `a file in it does not belong to the ${kind}, or something is mounted there`, { cause });
}

/** undefined for a file that is missing or invalid. The file may be a FIFO, so opening must not block. */
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

function readProcessId(file: string): ProcessId | undefined { return ifReadable(() => parseId(readFileSync(file, 'latin1'))); }

/** The container's init; undefined if the container has not started yet. */
export function readInit(directory: string): ProcessId | undefined { return readProcessId(join(directory, 'run/wshd.pid')); }

/** The container's init; undefined if it has not started yet or has ended. */
export function readLivingInit(directory: string): ProcessId | undefined {
  const init = readInit(directory);
  return init && isAlive(init) ? init : undefined;
}

/** The iomux-spawn of a job; undefined if it was never recorded. */
export function readJobProcess(directory: string): ProcessId | undefined { return readProcessId(join(directory, 'pid')); }
