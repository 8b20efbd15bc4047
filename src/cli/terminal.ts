/** TERM, for a command at a terminal. */
import { existsSync } from 'node:fs';
import { native } from '../host/native.js';

const TERM_COMMAND = '/usr/bin/env';
/** The login shell in a root of ours is the first of these that the host has: src/container/root.ts. */
const SHELLS = ['/bin/bash', '/bin/sh'];

/**
 * The command, or without one the user's login shell, with TERM where that can be had.
 *
 * A request to wshd has no place for TERM, without which no full-screen program works. In a root of ours env(1) is there
 * to set it; it takes words with "=" for variables, so a command that has one goes without.
 */
export function withTerminal(command: readonly string[], hasOwnRoot: boolean): readonly string[] {
  const { TERM } = process.env;
  if (!hasOwnRoot || !TERM || command[0]?.includes('=') || !native().isTerminal(0) || !existsSync(TERM_COMMAND)) return command;
  return [TERM_COMMAND, `TERM=${TERM}`, ...(command.length > 0 ? command : [SHELLS.find((shell) => existsSync(shell))!, '-l'])];
}
