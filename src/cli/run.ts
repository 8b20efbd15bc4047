/** `warden run`: a container for as long as its command runs. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { attach, type Ending } from '../container/attach.js';
import { Container } from '../container/container.js';
import { sweep } from '../container/depot.js';
import { EXIT_SIGNAL, EXIT_UNKNOWN } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { checkRequest, checkRoot } from './reference.js';

export interface RunOptions {
  depot: string;
  root?: string;
  user?: string;
}


const TERM_COMMAND = '/usr/bin/env';

export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  checkRequest(command, options.user);
  checkRoot('make containers (namespaces and mounts)');
  return interruptible('run', (signal) => runInContainer(command, options, signal));
}

async function runInContainer(command: readonly string[], options: RunOptions, signal: AbortSignal): Promise<number> {
  const depot = resolve(options.depot);
  // wshd passes it on to all that will run in the container, whose files are no business of our user's habits.
  process.umask(0o022);
  await sweep(depot, (error) => complain('run', error));
  const container = await Container.create({ depot, root: options.root, ephemeral: true, signal });
  try {
    return codeOf(await attach(container, withTerminal(command, options), { user: options.user, signal }));
  } finally {
    await container.destroy();
  }
}

/**
 * A request to wshd has no place for TERM, without which no full-screen program works. In a root of ours env(1) is there
 * to set it; it takes words with "=" for variables, so a command that has one goes without.
 */
function withTerminal(command: readonly string[], options: RunOptions): readonly string[] {
  const { TERM } = process.env;
  if (options.root !== undefined || !TERM || !isatty(0) || command[0]?.includes('=') || !existsSync(TERM_COMMAND)) return command;
  return [TERM_COMMAND, `TERM=${TERM}`, ...command];
}

function codeOf(ending: Ending): number {
  if (ending.signal !== null) return EXIT_SIGNAL + constants.signals[ending.signal];
  return ending.exitCode ?? EXIT_UNKNOWN;
}
