/** A command's terminal and its TERM. */
import { existsSync } from 'node:fs';
import { type StreamOptions, wantsPty } from '../../index.js';
import type { Streams } from '../commands/options.js';

const TERM_COMMAND = '/usr/bin/env';
/** The login shell in a container's own root is the first of these that the host has: src/core/rootfs/rootfs.ts. */
const SHELLS = ['/bin/bash', '/bin/sh'];

/** The library's options for -t, -T, -i and -n. */
export function streamOptions({ tty, interactive }: Streams): StreamOptions {
  return { tty, stdin: interactive === false ? 'ignore' : 'inherit' };
}

/**
 * The command, or without one the user's login shell, with TERM if that is possible.
 *
 * A request to wshd has no field for TERM, without which no full-screen program works. In a container's own root env(1) exists and can
 * set TERM. env takes words with "=" for variables, so a command whose name contains "=" is left as it is.
 */
export function withTerminal(command: readonly string[], hasOwnRoot: boolean, { tty, stdin }: StreamOptions): readonly string[] {
  const { TERM } = process.env, getsPty = wantsPty(tty, [stdin === 'ignore' ? undefined : 0, 1]);
  if (!hasOwnRoot || !TERM || command[0]?.includes('=') || !getsPty || !existsSync(TERM_COMMAND)) return command;
  return [TERM_COMMAND, `TERM=${TERM}`, ...(command.length > 0 ? command : [SHELLS.find((shell) => existsSync(shell))!, '-l'])];
}
