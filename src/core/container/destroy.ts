/** Removing containers, and the sweep (garbage collection) of those that are abandoned. */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { WardenError } from '../../base/errors.js';
import { removeGroups } from '../../linux/cgroup.js';
import { killAndWait } from '../../linux/process.js';
import { INIT_NAME, jobDirectory, jobIdsIn, namesIn, readInit, removeLayout } from '../depot/layout.js';
import { isId, OWNER_SUFFIX } from '../depot/id.js';
import { releaseRange } from '../depot/id-ranges.js';
import { hasDeadOwner, ownerLink } from '../depot/owner.js';
import { isOurDirectory, isOurs, readGroups, readRange } from '../depot/record.js';
import { endJob } from '../job/end.js';

/** The kernel kills every process of a PID namespace before its init is gone. */
const KILL_DEADLINE_MS = 10_000;

/** Kills the processes of a container and of its jobs, waits for their end, and removes cgroups and directory. */
export async function removeContainer(directory: string): Promise<void> {
  const init = readInit(directory);
  if (init && !await killAndWait(init, INIT_NAME, KILL_DEADLINE_MS)) {
    throw new WardenError('NOT_REMOVED', `the container's init, ${init.pid}, is still there ${KILL_DEADLINE_MS / 1000} s `
      + `after SIGKILL; find the process that waits in the kernel (ps -eo pid,stat,wchan,args), then remove ${directory}`);
  }
  await Promise.all(jobIdsIn(directory).map((id) => endJob(jobDirectory(directory, id), directory)));
  await removeGroups(readGroups(directory));
  const range = readRange(directory);
  removeLayout(directory);
  releaseRange(directory, range);
}

/** Whether the process died that was making or removing the container, or with which it was to end. */
function isAbandoned(directory: string): boolean {
  if (!isOurs(lstatSync(ownerLink(directory), { throwIfNoEntry: false }))) return false;
  if (lstatSync(directory, { throwIfNoEntry: false }) && !isOurDirectory(directory)) return false;
  return hasDeadOwner(directory);
}

/** Removes the abandoned containers of a depot, and returns their ids. `failed` is called with each failure; the others go on. */
export async function sweepDepot(depot: string, failed: (error: unknown) => void): Promise<string[]> {
  const removed: string[] = [];
  for (const name of namesIn(depot).filter((each) => each.endsWith(OWNER_SUFFIX))) {
    const id = name.slice(0, -OWNER_SUFFIX.length), directory = join(depot, id);
    if (!isId(id) || !isAbandoned(directory)) continue;
    await removeContainer(directory).then(() => removed.push(id), failed);
  }
  return removed;
}
