/** A command in a container, on the standard streams of this process: the native wsh has them, nothing is copied here. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { programPath } from '../paths.js';
import type { Container } from './container.js';
import { adviceOn, errnoOf, reason, WardenError } from './error.js';

/** wsh puts the terminal back and is gone; only a terminal that takes no output can keep it. */
const LEAVE_DEADLINE_MS = 1_000;

export interface AttachOptions {
  user?: string | undefined;
  /** Ends wsh; what it ran goes on until the container ends. */
  signal?: AbortSignal | undefined;
}

/** How wsh ended: with the command's exit code, or 255, or by a signal that somebody sent to it. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export async function attach(container: Container, command: readonly string[], options: AttachOptions): Promise<Ending> {
  const user = options.user === undefined ? [] : ['--user', options.user];
  // As with wshd, the directory is entered because a socket's path may not be long.
  const wsh = spawn(programPath('wsh'), ['--socket', 'run/wshd.sock', ...user, '--', ...command], {
    cwd: container.directory,
    stdio: 'inherit',
  });
  let timer: NodeJS.Timeout | undefined;
  const leave = (): void => { timer ??= endSoon(wsh); };
  options.signal?.addEventListener('abort', leave);
  if (options.signal?.aborted) leave();
  try {
    const [exitCode, signal] = await once(wsh, 'exit') as [number | null, NodeJS.Signals | null];
    return { exitCode, signal };
  } catch (error) {
    throw new WardenError('WSH', `cannot run wsh: ${reason(error)}${adviceOn(errnoOf(error))}`, { cause: error });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', leave);
  }
}

function endSoon(wsh: ChildProcess): NodeJS.Timeout {
  wsh.kill('SIGTERM');
  // A stopped one would not hear it.
  wsh.kill('SIGCONT');
  return setTimeout(() => wsh.kill('SIGKILL'), LEAVE_DEADLINE_MS);
}
