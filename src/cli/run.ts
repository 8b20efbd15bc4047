/** `warden run`: a container for as long as its command runs. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { attach, type Ending } from '../container/attach.js';
import { Container } from '../container/container.js';
import { sweep } from '../container/depot.js';
import { WardenError } from '../container/error.js';
import { EXIT_FAILED, EXIT_SIGNAL, EXIT_UNKNOWN, EXIT_USAGE, type RunOptions } from './exit.js';

const INTERRUPTS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;
/** What a request to wshd holds: docs/protocol.md §1 */
const COMMAND_BYTES = 8_192;
const USER_BYTES = 31;
const TERM_COMMAND = '/usr/bin/env';

export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  const interrupt = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  for (const signal of INTERRUPTS) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      interrupt.abort();
    });
  }
  const code = await runReporting(command, options, interrupt.signal);
  return interruptedBy === undefined ? code : EXIT_SIGNAL + constants.signals[interruptedBy];
}

async function runReporting(command: readonly string[], options: RunOptions, signal: AbortSignal): Promise<number> {
  try {
    check(command, options);
    return await runInContainer(command, options, signal);
  } catch (error) {
    if (!(error instanceof WardenError)) throw error;
    if (error.code !== 'ABORTED') complain(error);
    return error.isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}

function complain(error: unknown): void {
  process.stderr.write(`warden run: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** What can be known before anything is made. */
function check(command: readonly string[], options: RunOptions): void {
  const bytes = command.reduce((sum, argument) => sum + Buffer.byteLength(argument) + 1, 0);
  if (bytes > COMMAND_BYTES) {
    throw new WardenError('USAGE', `the command and its arguments take ${bytes} bytes, and a request to a container holds ${COMMAND_BYTES}; `
      + 'put them into a script, or pass them on standard input');
  }
  if (command[0] === '') throw new WardenError('USAGE', 'the command is empty');
  if (options.user === '' || Buffer.byteLength(options.user ?? '') > USER_BYTES) {
    throw new WardenError('USAGE', `--user: a user's name has 1 to ${USER_BYTES} bytes`);
  }
  if (process.platform !== 'linux') throw new WardenError('UNSUPPORTED', `containers need Linux, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new WardenError('UNSUPPORTED', 'only root can make containers (namespaces and mounts): try it with sudo');
}

async function runInContainer(command: readonly string[], options: RunOptions, signal: AbortSignal): Promise<number> {
  const depot = resolve(options.depot);
  // wshd passes it on to all that will run in the container, whose files are no business of our user's habits.
  process.umask(0o022);
  await sweep(depot, complain);
  const container = await Container.create({ depot, root: options.root, signal });
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
