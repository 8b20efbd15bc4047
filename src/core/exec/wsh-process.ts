/** A command in a container on the standard streams of this process: a native wsh has them, and no byte passes JavaScript. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { whenAborted } from '../../base/abort.js';
import { adviceOn, errnoOf, reason, WardenError } from '../../base/errors.js';
import { programPath } from '../../base/paths.js';
import { abortSignal, callback, checkOptions, type Checks, signalName } from '../../base/validate.js';
import type { ExitStatus } from './outcome.js';
import { checkArgv, type CommandSettings, settingsChecks, settingsEnvironment, settingsOf, wshArguments } from './request.js';
import { pipesOf, signalAll, usersOf } from '../../linux/processes.js';
import { readLivingInit } from '../depot/layout.js';
import { streamArguments, streamChecks, type StreamOptions, wantsPty } from './terminal.js';

/** wsh restores the terminal and exits at once; only a terminal that accepts no output can keep it longer. */
const EXIT_DEADLINE_MS = 1_000;

export interface AttachOptions extends CommandSettings, StreamOptions {
  /** Ends wsh; the command goes on until the container ends. */
  signal?: AbortSignal | undefined;
  /** Receives, once wsh runs, what sends signals to the command. */
  onStart?: ((command: Attached) => void) | undefined;
}

export interface Attached {
  /** Whether the command has a pty. */
  readonly hasPty: boolean;
  /** Sends a signal to all processes of the command's session, and returns how many got it; 0 while the command has not started. */
  kill(signal: NodeJS.Signals): Promise<number>;
}


const CHECKS: Checks<AttachOptions> = { ...streamChecks, ...settingsChecks, signal: abortSignal, onStart: callback };

/** The exit status of the command, or of a wsh that was ended. 255 stands for a command that was not started, with wsh's sentence on stderr. */
export async function attach(directory: string, argv: readonly string[], options: AttachOptions): Promise<ExitStatus> {
  checkArgv(argv);
  checkOptions(options, CHECKS);
  const { signal, tty, stdin, onStart } = options, fds = [stdin === 'ignore' ? undefined : 0, 1] as const, settings = settingsOf(options);
  // The container's directory is entered because the path of a socket is short.
  const more = [...streamArguments({ tty, stdin }, [0, 1]), '--raise', '--verbose'];
  const env = { ...process.env, ...settingsEnvironment(settings) };
  const hasPty = wantsPty(tty, fds);
  // Without a pty wsh passes signals on to the command. A terminal's signals come to this process, which does so itself: not twice.
  const wsh = spawn(programPath('wsh'), wshArguments('run/wshd.sock', argv, settings, more), { cwd: directory, stdio: 'inherit', env, detached: !hasPty });
  const removeStopListener = hasPty ? () => undefined : stopTogether(wsh);
  onStart?.({ hasPty, kill: (name) => signalCommand(directory, wsh.pid, name) });
  let timer: NodeJS.Timeout | undefined;
  const removeAbortListener = whenAborted(signal, () => { timer ??= endSoon(wsh); });
  try {
    const [exitCode, killedBy] = await once(wsh, 'exit') as [number | null, NodeJS.Signals | null];
    return { exitCode, signal: killedBy };
  } catch (error) {
    throw new WardenError('EXEC_FAILED', `cannot run wsh: ${reason(error)}${adviceOn(errnoOf(error))}`, { cause: error });
  } finally {
    clearTimeout(timer);
    removeAbortListener();
    removeStopListener();
  }
}

/** The command's processes are found by the pipes that wsh has from wshd. */
async function signalCommand(directory: string, wsh: number | undefined, name: NodeJS.Signals): Promise<number> {
  signalName('the signal', name);
  const init = readLivingInit(directory);
  return init === undefined || wsh === undefined ? 0 : signalAll(await usersOf(init.pid, await pipesOf(wsh)), name);
}

/** Ctrl-Z stops this process and wsh, as if they were one job of the shell's. */
function stopTogether(wsh: ChildProcess): () => void {
  const stop = (): void => {
    wsh.kill('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  };
  const goOn = (): void => { wsh.kill('SIGCONT'); };
  process.on('SIGTSTP', stop).on('SIGCONT', goOn);
  return () => { process.off('SIGTSTP', stop).off('SIGCONT', goOn); };
}

function endSoon(wsh: ChildProcess): NodeJS.Timeout {
  wsh.kill('SIGTERM');
  // A stopped process receives signals only when it continues.
  wsh.kill('SIGCONT');
  return setTimeout(() => wsh.kill('SIGKILL'), EXIT_DEADLINE_MS);
}
