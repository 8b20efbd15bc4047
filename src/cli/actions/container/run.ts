/** `warden run`: a container for as long as its command runs. */
import { constants } from 'node:os';
import { checkSystem } from '../../../base/system.js';
import { type Attached, checkRequest, type ExitStatus, run as runContainer } from '../../../index.js';
import type { ContainerSettings, Settings, Streams } from '../../commands/options.js';
import { commandSettingsOf } from '../../support/settings.js';
import { EXIT_OUT_OF_MEMORY, EXIT_SIGNAL, EXIT_TIMED_OUT, EXIT_UNKNOWN } from '../../exit-codes.js';
import { complain, interruptible } from '../../support/interrupt.js';
import { bytes, duration } from '../../support/quantities.js';
import { isNoProgram, located } from '../../support/programs.js';
import { streamOptions, withTerminal } from '../../support/terminal.js';
import { containerOptions } from './create.js';

export interface RunOptions extends ContainerSettings, Settings, Streams {
  /** Milliseconds. */
  timeout?: number;
}

export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  const { timeout, root } = options, settings = commandSettingsOf(options);
  checkRequest(command, settings);
  checkSystem();
  return interruptible('run', async (signal, interruption) => {
    // A terminal sends signals itself, and hangs up when wsh ends.
    const onStart = ({ hasPty, kill }: Attached): void => { if (!hasPty) interruption.passTo(kill); };
    const streams = streamOptions(options), hasOwnRoot = root === undefined;
    const argv = withTerminal(located(command, hasOwnRoot, settings.env?.['PATH'] !== undefined), hasOwnRoot, streams);
    const given = { ...containerOptions('run', options, signal), ...streams, ...settings };
    const result = await runContainer(argv, { ...given, timeoutMs: timeout, onStart });
    if (result.outOfMemory) {
      const { limitBytes = 0, peakBytes = null } = result.memory ?? {};
      const peak = peakBytes === null ? '' : `, the most that was used is ${bytes(peakBytes)}`;
      complain('run', `out of memory: the command was killed; the limit is ${bytes(limitBytes ?? 0)}${peak} (--memory)`);
      return EXIT_OUT_OF_MEMORY;
    }
    if (hasOwnRoot && result.exitCode === EXIT_UNKNOWN) explain(command);
    if (!result.timedOut) return codeOf(result, options.signalStatus ?? interruption.by !== undefined);
    complain('run', `the command was killed after ${duration(timeout!)} (--timeout)`);
    return EXIT_TIMED_OUT;
  });
}

/** What a word means to podman and docker that is no program here. */
function explain(command: readonly string[]): void {
  if (!isNoProgram(command)) return;
  complain('run', `this machine has no program ${command[0]}, and the container's root has the programs of its /usr. Is it an image? warden has none: `
    + '--root DIR runs in a directory, and docs/guides/images.md makes one of an image');
}

function codeOf({ exitCode, signal }: ExitStatus, isSignalStatus: boolean): number {
  if (signal === null) return exitCode ?? EXIT_UNKNOWN;
  if (isSignalStatus) return EXIT_SIGNAL + constants.signals[signal];
  complain('run', `the command was killed by ${signal}`);
  return EXIT_UNKNOWN;
}
