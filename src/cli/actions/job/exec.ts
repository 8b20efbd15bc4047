/** `warden exec`: a command in a container. */
import { constants } from 'node:os';
import { WardenError } from '../../../base/errors.js';
import { becomeWsh, checkRequest, type ExecResult, limitsFromEnvironment, readSummary, wantsPty, type WshOptions, withLimits } from '../../../index.js';
import { EXIT_SIGNAL, EXIT_TIMED_OUT, EXIT_UNKNOWN } from '../../exit-codes.js';
import { complain, interruptible } from '../../support/interrupt.js';
import { duration } from '../../support/quantities.js';
import { located } from '../../support/programs.js';
import { containerDirectory, noContainer, requireLinux } from '../../support/reference.js';
import type { Settings, Streams } from '../../commands/options.js';
import { commandSettingsOf } from '../../support/settings.js';
import { streamOptions, withTerminal } from '../../support/terminal.js';

export interface ExecOptions extends Settings, Streams {
  depot: string;
  /** Milliseconds. */
  timeout?: number;
}

/** Without a timeout this process becomes a native wsh, so nothing that wsh does not need is loaded before. */
export async function exec(name: string, command: readonly string[], options: ExecOptions): Promise<number> {
  const { timeout, signalStatus } = options, given = commandSettingsOf(options);
  checkRequest(command, given);
  requireLinux();
  const directory = containerDirectory(name, options.depot), summary = readSummary(directory);
  if (!summary) throw noContainer(directory);
  if (summary.state === 'ended') {
    complain('exec', `the container ${directory} has ended: its init is gone; "warden destroy" removes it`);
    return EXIT_UNKNOWN;
  }
  const settings = withLimits(summary.limits, given, process.env);
  const streams = streamOptions(options), hasOwnRoot = summary.root === null;
  const argv = withTerminal(located(command, hasOwnRoot, settings.env?.['PATH'] !== undefined), hasOwnRoot, streams);
  if (timeout === undefined) becomeWsh(directory, argv, { ...streams, ...settings, signalStatus });
  return execWithTimeout(timeout, directory, argv, { ...streams, ...settings, signalStatus });
}

/** wsh's module runs in this process, which enforces the timeout. */
function execWithTimeout(
  timeoutMs: number, directory: string, command: readonly string[], options: WshOptions,
): Promise<number> {
  const { tty, stdin = 'inherit', signalStatus, ...settings } = options;
  return interruptible('exec', async (signal, interruption) => {
    const { openContainer } = await import('../../support/open.js'), { complainOfMemory } = await import('../../support/memory.js');
    const container = await openContainer(directory);
    try {
      const limits = { ...limitsFromEnvironment(process.env), ...settings.limits };
      const execution = container.exec(command, {
        ...settings, timeoutMs, signal, tty, stdio: [stdin, 'inherit', 'inherit'], lang: process.env['LANG'], limits,
      });
      // A terminal sends signals itself, and hangs up when the command is killed.
      if (!wantsPty(tty, [stdin === 'ignore' ? undefined : 0, 1])) interruption.passTo((name) => execution.kill(name));
      const result = await execution.result;
      if (!result.timedOut) await complainOfMemory('exec', container, result);
      return codeOf(result, timeoutMs, signalStatus === true || interruption.by !== undefined);
    } catch (error) {
      // Like the native wsh: a message distinguishes other failures from the command's own exit codes.
      if (!(error instanceof WardenError) || error.isUsage || error.isAborted) throw error;
      complain('exec', error);
      return EXIT_UNKNOWN;
    }
  });
}

function codeOf({ exitCode, signal, timedOut }: ExecResult, timeoutMs: number, isSignalStatus: boolean): number {
  if (timedOut) {
    complain('exec', `the command was killed after ${duration(timeoutMs)} (--timeout)`);
    return EXIT_TIMED_OUT;
  }
  if (signal !== null && isSignalStatus) return EXIT_SIGNAL + constants.signals[signal];
  if (exitCode === null) complain('exec', `the command was killed${signal === null ? '' : ` by ${signal}`}`);
  return exitCode ?? EXIT_UNKNOWN;
}
