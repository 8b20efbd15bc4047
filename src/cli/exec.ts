/** `warden exec`: a command in a container that is there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { WardenError } from '../container/error.js';
import { native } from '../host/native.js';
import { programPath } from '../paths.js';
import { checkRequest, checkRoot, containerDirectory } from './reference.js';

export interface ExecOptions {
  depot: string;
  user?: string;
  timeout?: number;
}

/**
 * This process becomes the native wsh: nothing of Node stays behind for as long as somebody sits at a shell, the exit code
 * and the terminal are wsh's business, and Node need not tidy up. So nothing may be loaded here that is not needed for that.
 */
export async function exec(name: string, command: readonly string[], options: ExecOptions): Promise<number> {
  checkRequest(command, options.user);
  checkRoot('enter containers (their sockets are root\'s)');
  const directory = containerDirectory(name, options.depot);
  if (!existsSync(join(directory, 'run/wshd.sock'))) throw new WardenError('NOT_FOUND', `there is no container ${directory}, or it has ended; "warden list" shows those that there are`);
  // A socket's path may not be long.
  process.chdir(directory);
  const user = options.user === undefined ? [] : ['--user', options.user];
  const wsh = programPath('wsh');
  const failure = native().execute(wsh, ['wsh', '--socket', 'run/wshd.sock', ...user, '--', ...command]);
  throw new WardenError('WSH', `cannot execute ${wsh}: ${getSystemErrorName(failure)}; are the native programs built? (npm run build)`);
}
