/** The end of this process as Node: it goes on as the native wsh. For command lines. */
import { getSystemErrorName } from 'node:util';
import { adviceOn, WardenError } from '../../base/errors.js';
import { programPath } from '../../base/paths.js';
import { native } from '../../host/addon.js';
import { type CommandSettings, settingsEnvironment, wshArguments } from './request.js';
import { type StreamOptions, streamArguments } from './terminal.js';

export interface WshOptions extends CommandSettings, StreamOptions {
  /** Whether wsh exits with 128 + N, instead of 255, when signal N killed the command. */
  signalStatus?: boolean | undefined;
}

/**
 * Replaces this process by a native wsh that runs the command: same pid, standard streams and environment. Exit code and terminal are
 * wsh's. Whatever this function loads costs time at each start of a command, so it imports little. execve(2)
 */
export function becomeWsh(directory: string, command: readonly string[], options: WshOptions = {}): never {
  const wsh = programPath('wsh');
  // The path of a socket is short.
  process.chdir(directory);
  // wsh has the environment of this process.
  Object.assign(process.env, settingsEnvironment(options));
  const more = [...streamArguments(options, [0, 1]), options.signalStatus ? '--signal-status' : '--verbose'];
  const failure = native().execute(wsh, ['wsh', ...wshArguments('run/wshd.sock', command, options, more)], -1);
  const name = getSystemErrorName(failure);
  throw new WardenError('EXEC_FAILED', `cannot execute ${wsh}: ${name}${adviceOn(name)}`);
}
