/** What a command line names: a container, a user, a command to run. */
import { resolve } from 'node:path';
import { WardenError } from '../container/error.js';
import { isName } from '../container/layout.js';

/** What a request to wshd holds: docs/protocol.md §1 */
const COMMAND_BYTES = 8_192;
const USER_BYTES = 31;

export function checkRoot(purpose: string): void {
  if (process.platform !== 'linux') throw new WardenError('UNSUPPORTED', `containers need Linux, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new WardenError('UNSUPPORTED', `only root can ${purpose}: try it with sudo`);
}

/** The directory of a container that was named by its id, or by its directory when there is a slash in it. */
export function containerDirectory(name: string, depot: string): string {
  if (name.includes('/')) return resolve(name);
  if (isName(name)) return resolve(depot, name);
  throw new WardenError('USAGE', `${JSON.stringify(name)} is no container's id, nor, for it has no slash, a container's directory`);
}

export function noContainer(directory: string): WardenError {
  return new WardenError('NOT_FOUND', `there is no container ${directory}; "warden list" shows those that there are`);
}

/** What can be known of a command before it is asked for. */
export function checkRequest(command: readonly string[], user: string | undefined): void {
  const bytes = command.reduce((sum, argument) => sum + Buffer.byteLength(argument) + 1, 0);
  if (bytes > COMMAND_BYTES) {
    throw new WardenError('USAGE', `the command and its arguments take ${bytes} bytes, and a request to a container holds ${COMMAND_BYTES}; `
      + 'put them into a script, or pass them on standard input');
  }
  if (command[0] === '') throw new WardenError('USAGE', 'the command is empty');
  if (user === '' || Buffer.byteLength(user ?? '') > USER_BYTES) {
    throw new WardenError('USAGE', `--user: a user's name has 1 to ${USER_BYTES} bytes`);
  }
}
