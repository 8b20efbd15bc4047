/** `warden run`: a container for as long as its command runs. */
import { constants } from 'node:os';
import { attach, type Ending } from '../container/attach.js';
import type { Container } from '../container/container.js';
import type { ContainerSettings } from './commands/options.js';
import { make } from './create.js';
import { EXIT_OUT_OF_MEMORY, EXIT_SIGNAL, EXIT_TIMED_OUT, EXIT_UNKNOWN } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { bytes, duration } from './print.js';
import { checkRequest, checkRoot } from './reference.js';
import { withTerminal } from './terminal.js';

export interface RunOptions extends ContainerSettings {
  user?: string;
  /** Milliseconds. */
  timeout?: number;
}

export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  checkRequest(command, options.user);
  checkRoot('make containers (namespaces and mounts)');
  return interruptible('run', async (signal) => {
    const container = await make('run', options, true, signal);
    try {
      return await runIn(container, command, options, signal);
    } finally {
      await container.destroy();
    }
  });
}

async function runIn(container: Container, command: readonly string[], options: RunOptions, signal: AbortSignal): Promise<number> {
  const limits = new AbortController();
  let timedOut = false, ranOut = false;
  const timer = options.timeout === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    limits.abort();
  }, options.timeout);
  // What the kernel kills first may be any process of the container; that there was too little memory is the end of all.
  const watch = options.memory === undefined ? undefined : container.watchOom().on('oom', () => {
    ranOut = true;
    limits.abort();
  });
  try {
    const ending = await attach(container, withTerminal(command, options.root === undefined), {
      user: options.user, signal: AbortSignal.any([signal, limits.signal]),
    });
    if (options.memory !== undefined && await tellMemory(container, ranOut)) return EXIT_OUT_OF_MEMORY;
    if (!timedOut) return codeOf(ending);
    complain('run', `the command was killed after ${duration(options.timeout!)} (--timeout)`);
    return EXIT_TIMED_OUT;
  } finally {
    clearTimeout(timer);
    watch?.close();
  }
}

/** Whether memory ran out: the kernel tells so before it kills, and has killed the command at times before we hear of it. */
async function tellMemory(container: Container, ranOut: boolean): Promise<boolean> {
  const memory = await container.memory();
  if (memory === null || (memory.kills === 0 && !ranOut)) return false;
  const peak = memory.peakBytes === null ? '' : `, the most that was used is ${bytes(memory.peakBytes)}`;
  complain('run', `out of memory: the command was killed; the limit is ${bytes(memory.limitBytes ?? 0)}${peak} (--memory)`);
  return true;
}

function codeOf(ending: Ending): number {
  if (ending.signal !== null) return EXIT_SIGNAL + constants.signals[ending.signal];
  return ending.exitCode ?? EXIT_UNKNOWN;
}
