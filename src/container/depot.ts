/** The depot: the directory that holds one directory a container. */
import { existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeGroups } from './cgroup.js';
import { errnoOf, reason, WardenError } from './error.js';
import { checkName, isName, namesIn, OWNER, ownerLink, readFirstProcess, readJobProcess, readOwner, removeLayout, writeOwner } from './layout.js';
import { findJobProcess } from './job-process.js';
import { killAndWait, isAlive, type ProcessId } from './process.js';
import { isOurDirectory, isOurs, readGroups } from './record.js';

/** What ps shows for a container's first process. */
export const FIRST_PROCESS_NAME = 'wshd';
export const JOB_PROCESS_NAME = 'iomux-spawn';
/** The kernel ends every process of the container before its first one is gone. */
const KILL_DEADLINE_MS = 10_000;

/** As Warden's: the time in microseconds, in base 32, always eleven characters. */
function idAt(microseconds: number): string { return microseconds.toString(32).padStart(11, '0'); }

function nowMicroseconds(): number { return Math.floor((performance.timeOrigin + performance.now()) * 1000); }

/** Tries ids until `make` does not say that there is one already. */
export function withNewId<Made>(make: (id: string) => Made | undefined): Made {
  for (let time = nowMicroseconds(); ; time++) {
    const made = make(idAt(time));
    if (made !== undefined) return made;
  }
}

/** With what is above it. Node's own `recursive` never returns where a directory answers ENOENT to whoever makes something in it, as /proc does. */
function makeDepot(path: string): void {
  if (existsSync(path)) return;
  makeDepot(dirname(path));
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    // Somebody else was faster.
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** A new directory for a container that is being made by `owner`. */
export function makeDirectory(depot: string, owner: ProcessId, name: string | undefined): { id: string; directory: string } {
  if (name !== undefined) checkName('container', name);
  try {
    makeDepot(depot);
    const tryId = (id: string): { id: string; directory: string } | undefined => (
      tryMake(join(depot, id), owner) ? { id, directory: join(depot, id) } : undefined
    );
    const made = name === undefined ? withNewId(tryId) : tryId(name);
    if (made) return made;
  } catch (error) {
    throw new WardenError('DEPOT', `cannot make a directory for the container in the depot ${depot}: ${reason(error)}; `
      + 'choose another one with --depot', { cause: error });
  }
  throw new WardenError('EXISTS', `there is a ${name} in ${depot} already; choose another name, or remove it first: destroy, or sweep where its maker was killed`);
}

/** False when somebody else has it. */
function tryMake(directory: string, owner: ProcessId): boolean {
  // Asked first: with an owner beside it somebody's container would seem to be on its way out, for good if we died here.
  if (lstatSync(directory, { throwIfNoEntry: false })) return false;
  let owned = false;
  try {
    writeOwner(directory, owner);
    owned = true;
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    if (owned) unlinkSync(ownerLink(directory));
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Kills what runs in the container and its jobs, waits for their end, removes its cgroups and its directory. */
export async function endContainer(directory: string): Promise<void> {
  const first = readFirstProcess(directory);
  if (first && !await killAndWait(first, FIRST_PROCESS_NAME, KILL_DEADLINE_MS)) {
    throw new WardenError('NOT_REMOVED', `the container's first process, ${first.pid}, is still there ${KILL_DEADLINE_MS / 1000} s `
      + `after SIGKILL; something in it waits in the kernel (ps -eo pid,stat,wchan,args), then remove ${directory}`);
  }
  const jobs = join(directory, 'jobs');
  await Promise.all(namesIn(jobs).filter(isName).map((id) => endJob(join(jobs, id), directory)));
  await removeGroups(readGroups(directory));
  removeLayout(directory);
}

/** Kills whoever serves the job; its wsh dies with it. */
export async function endJob(job: string, container: string): Promise<void> {
  const spawn = readJobProcess(job) ?? await findJobProcess(job, container);
  if (!spawn || await killAndWait(spawn, JOB_PROCESS_NAME, KILL_DEADLINE_MS)) return;
  throw new WardenError('NOT_REMOVED', `the job's iomux-spawn, ${spawn.pid}, is still there ${KILL_DEADLINE_MS / 1000} s after SIGKILL`);
}

function isAbandoned(directory: string): boolean {
  if (!isOurs(lstatSync(ownerLink(directory), { throwIfNoEntry: false }))) return false;
  if (lstatSync(directory, { throwIfNoEntry: false }) && !isOurDirectory(directory)) return false;
  const owner = readOwner(directory);
  return owner !== undefined && !isAlive(owner);
}

/**
 * Removes the containers whose making, or removal, came to no end, and the ephemeral ones whose process died without them;
 * calls `failed` for what is in the way, and goes on. Their ids.
 */
export async function sweep(depot: string, failed: (error: unknown) => void): Promise<string[]> {
  const removed: string[] = [];
  for (const name of namesIn(depot).filter((name) => name.endsWith(OWNER))) {
    const id = name.slice(0, -OWNER.length), directory = join(depot, id);
    if (!isName(id) || !isAbandoned(directory)) continue;
    await endContainer(directory).then(() => removed.push(id), failed);
  }
  return removed;
}
