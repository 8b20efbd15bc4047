/** The depot: the directory that holds one directory a container. */
import { lstatSync, mkdirSync, readdirSync, unlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, reason, WardenError } from './error.js';
import { OWNER, ownerLink, readFirstProcess, readOwner, removeLayout, writeOwner } from './layout.js';
import { killAndWait, isAlive, type ProcessId } from './process.js';

/** What ps shows for a container's first process. */
export const FIRST_PROCESS_NAME = 'wshd';
/** The kernel ends every process of the container before its first one is gone. */
const KILL_DEADLINE_MS = 10_000;

const ID = /^[0-9a-v]{11}$/;

/** As Warden's: the time in microseconds, in base 32, always eleven characters. */
function idAt(microseconds: number): string { return microseconds.toString(32).padStart(11, '0'); }

/** A new directory for a container that ends with `owner`. */
export function makeDirectory(depot: string, owner: ProcessId): { id: string; directory: string } {
  let time = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  try {
    mkdirSync(depot, { recursive: true, mode: 0o755 });
    for (;; time++) {
      const id = idAt(time), directory = join(depot, id);
      if (tryMake(directory, owner)) return { id, directory };
    }
  } catch (error) {
    throw new WardenError('DEPOT', `cannot make a directory for the container in the depot ${depot}: ${reason(error)}; `
      + 'choose another one with --depot', { cause: error });
  }
}

/** False when somebody else took the same microsecond. */
function tryMake(directory: string, owner: ProcessId): boolean {
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

/** Kills what runs in the container, waits for its end, removes its directory. */
export async function endContainer(directory: string): Promise<void> {
  const first = readFirstProcess(directory);
  if (first && !await killAndWait(first, FIRST_PROCESS_NAME, KILL_DEADLINE_MS)) {
    throw new WardenError('NOT_REMOVED', `the container's first process, ${first.pid}, is still there ${KILL_DEADLINE_MS / 1000} s `
      + `after SIGKILL; something in it waits in the kernel (ps -eo pid,stat,wchan,args), then remove ${directory}`);
  }
  removeLayout(directory);
}

/** In a depot that others can write to, what is not entirely ours may be a trap. */
function isOurs(info: Stats | undefined): boolean { return info !== undefined && info.uid === process.getuid?.(); }

function isAbandoned(directory: string): boolean {
  if (!isOurs(lstatSync(ownerLink(directory), { throwIfNoEntry: false }))) return false;
  const info = lstatSync(directory, { throwIfNoEntry: false });
  if (info && !(isOurs(info) && info.isDirectory() && (info.mode & 0o022) === 0)) return false;
  const owner = readOwner(directory);
  return owner !== undefined && !isAlive(owner);
}

/** None where there is no depot, or nothing that could be one: whoever makes a container there will say so. */
function namesIn(depot: string): string[] {
  try {
    return readdirSync(depot);
  } catch {
    return [];
  }
}

/** Removes the containers whose owner died without doing so; calls `failed` for what is in the way, and goes on. */
export async function sweep(depot: string, failed: (error: unknown) => void): Promise<void> {
  for (const name of namesIn(depot).filter((name) => name.endsWith(OWNER))) {
    const id = name.slice(0, -OWNER.length), directory = join(depot, id);
    if (!ID.test(id) || !isAbandoned(directory)) continue;
    await endContainer(directory).catch(failed);
  }
}
