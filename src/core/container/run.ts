/** A command in a container of its own, on this process's standard streams, with limits. */
import type { MemoryInfo } from '../../linux/cgroup.js';
import { callback, checkOptions, type Checks, duration } from '../../base/validate.js';
import type { ExitStatus } from '../exec/outcome.js';
import { checkArgv, type CommandSettings, settingsChecks, settingsOf } from '../exec/request.js';
import type { Attached } from '../exec/wsh-process.js';
import { streamChecks, type StreamOptions } from '../exec/terminal.js';
import type { ContainerOptions } from '../options.js';
import { CONTAINER_CHECKS } from './check.js';
import { Container } from './container.js';

export interface RunOptions extends Omit<ContainerOptions, 'ephemeral'>, CommandSettings, StreamOptions {
  /** Milliseconds after which the command is killed, and the result has `timedOut`. */
  timeoutMs?: number | undefined;
  /** Receives, once the command is asked for, what sends signals to the command. */
  onStart?: ((command: Attached) => void) | undefined;
}

/** With `timedOut` or `outOfMemory` the exit status is that of the ended wsh. */
export interface RunResult extends ExitStatus {
  readonly timedOut: boolean;
  /** The container had a limit of memory, and ran out of it. */
  readonly outOfMemory: boolean;
  /** The memory of the container at its end; null without a cgroup or without a limit. */
  readonly memory: MemoryInfo | null;
}

const { ephemeral: _, ...settingChecks } = CONTAINER_CHECKS;
const CHECKS: Checks<RunOptions> = { ...settingChecks, ...streamChecks, ...settingsChecks, timeoutMs: duration, onStart: callback };

/** Makes an ephemeral container, runs the command in it, and destroys the container. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  checkArgv(argv);
  checkOptions(options, CHECKS);
  const { user: _user, env: _env, workdir: _workdir, umask: _umask, limits: _limits, ...others } = options;
  const { timeoutMs: _timeoutMs, tty: _tty, stdin: _stdin, onStart: _onStart, ...settings } = others;
  const container = await Container.create({ ...settings, ephemeral: true });
  try {
    return await runIn(container, argv, options);
  } finally {
    await container.destroy();
  }
}

async function runIn(container: Container, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const { timeoutMs, memoryBytes, signal, tty, stdin, onStart } = options;
  const limits = new AbortController();
  let timedOut = false, ranOut = false;
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    limits.abort();
  }, timeoutMs);
  // The OOM killer may pick any process of the container, so running out of memory ends the whole container.
  const watch = memoryBytes === undefined ? undefined : container.watchOom().on('oom', () => {
    ranOut = true;
    limits.abort();
  });
  try {
    const signals = [limits.signal, ...(signal ? [signal] : [])];
    const status = await container.attach(argv, { ...settingsOf(options), tty, stdin, onStart, signal: AbortSignal.any(signals) });
    const memory = memoryBytes === undefined ? null : await container.memory();
    // The kernel reports the event before it kills, but the command may be dead before the report is read.
    return { ...status, timedOut, outOfMemory: memory !== null && (memory.oomKills > 0 || ranOut), memory };
  } finally {
    clearTimeout(timer);
    watch?.close();
  }
}
