/** `warden exec`: a command in a container that is there. */
import { getSystemErrorName } from 'node:util';
import { adviceOn, WardenError } from '../container/error.js';
import { readLivingFirstProcess } from '../container/layout.js';
import { readRecord } from '../container/record.js';
import { native } from '../host/native.js';
import { programPath } from '../paths.js';
import { EXIT_UNKNOWN } from './exit.js';
import { checkRequest, checkRoot, containerDirectory, noContainer } from './reference.js';
import { withTerminal } from './terminal.js';

export interface ExecOptions {
  depot: string;
  user?: string;
  /** Milliseconds. */
  timeout?: number;
}

export async function exec(name: string, command: readonly string[], options: ExecOptions): Promise<number> {
  checkRequest(command, options.user);
  checkRoot('enter containers (their sockets are root\'s)');
  const directory = containerDirectory(name, options.depot);
  const record = readRecord(directory);
  if (!record) throw noContainer(directory);
  if (!readLivingFirstProcess(directory)) {
    const { complain } = await import('./interrupt.js');
    complain('exec', `the container ${directory} has ended: its first process is no more; "warden destroy" removes it`);
    return EXIT_UNKNOWN;
  }
  const argv = withTerminal(command, record.root === null);
  if (options.timeout === undefined) becomeWsh(directory, argv, options.user);
  const { execFor } = await import('./exec-for.js');
  return execFor(options.timeout, directory, argv, options.user);
}

/**
 * This process goes on as the native wsh: nothing of Node stays for as long as somebody sits at a shell, the exit code and
 * the terminal are wsh's business, and Node need not tidy up. So nothing may be loaded on the way that is not needed for it.
 */
function becomeWsh(directory: string, command: readonly string[], user: string | undefined): never {
  const wsh = programPath('wsh'), as = user === undefined ? [] : ['--user', user];
  // A socket's path may not be long.
  process.chdir(directory);
  const failure = native().execute(wsh, ['wsh', '--socket', 'run/wshd.sock', ...as, '--', ...command]);
  const name = getSystemErrorName(failure);
  throw new WardenError('WSH', `cannot execute ${wsh}: ${name}${adviceOn(name)}`);
}
