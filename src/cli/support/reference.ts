/** Containers as a command line names them, and checks before a command does anything. */
import { resolve } from 'node:path';
import { WardenError } from '../../base/errors.js';
import { isId } from '../../index.js';

/** Throws UNSUPPORTED elsewhere. What a user other than root may do shows on the way. */
export { checkPlatform as requireLinux } from '../../base/system.js';

/** The directory of a container that is named by its id or, with a slash in the name, by its directory. */
export function containerDirectory(name: string, depot: string): string {
  if (name.includes('/')) return resolve(name);
  if (isId(name)) return resolve(depot, name);
  throw new WardenError('USAGE', `${JSON.stringify(name)} is neither a container's id nor, without a slash, a container's directory`);
}

export function noContainer(directory: string): WardenError {
  return new WardenError('NOT_FOUND', `there is no container ${directory}; "warden list" shows those that exist`);
}
