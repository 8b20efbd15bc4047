/** Which commands get a pty, and which get no input: the options of wsh for them. docs/reference/wsh.md */
import { check, integer, objectOf } from '../../base/validate.js';
import { native } from '../../host/addon.js';
import { BOUNDS } from '../options.js';

export interface TerminalSize { rows: number; columns: number }

/** The size of a pty without a terminal: a VT100's. */
const DEFAULT_SIZE: TerminalSize = { rows: 24, columns: 80 };

const lines = integer(BOUNDS.terminalSize.min, BOUNDS.terminalSize.max);
export const terminalSize = objectOf<TerminalSize>({ rows: lines, columns: lines }, ['rows', 'columns']);

/** Throws USAGE unless `value` is true, false or a size. */
export function ttyOption(name: string, value: unknown): void { if (typeof value !== 'boolean') terminalSize(name, value); }

export interface StreamOptions {
  /**
   * Whether the command gets a pty. Without this option: if stdin and stdout are terminals. A pty where stdin is no terminal has this
   * size (24 × 80).
   */
  tty?: boolean | TerminalSize | undefined;
  /** Whether the command reads this process's stdin ('inherit') or is at its end at once ('ignore'). */
  stdin?: 'inherit' | 'ignore' | undefined;
}

export const streamChecks = {
  tty: ttyOption,
  stdin: check('\'inherit\' or \'ignore\'', (value) => value === 'inherit' || value === 'ignore'),
};

/** Whether a descriptor is a terminal. node:tty would load all of Node's network for this. isatty(3) */
export function isTerminal(fd: number): boolean { return native().isTerminal(fd); }

/** Whether the command gets a pty: by `tty`, or if `fds`, its stdin and stdout, are terminals. */
export function wantsPty(tty: StreamOptions['tty'], fds: readonly [stdin: number | undefined, stdout: number | undefined]): boolean {
  return tty === undefined ? fds.every((fd) => fd !== undefined && isTerminal(fd)) : tty !== false;
}

/** wsh itself gives a pty to every command with a terminal on stdin, as the original does. `fds` as for `wantsPty`. */
export function streamArguments({ tty, stdin }: StreamOptions, fds: readonly [number | undefined, number | undefined]): string[] {
  const hasInput = stdin !== 'ignore', noInput = hasInput ? [] : ['-n'], size = typeof tty === 'object' ? tty : DEFAULT_SIZE;
  const isAtTerminal = hasInput && fds[0] !== undefined && isTerminal(fds[0]);
  if (!wantsPty(tty, hasInput ? fds : [undefined, fds[1]])) return isAtTerminal ? ['-T'] : noInput;
  // A terminal's size is wsh's own business.
  return isAtTerminal ? noInput : [...noInput, '--tty', `${size.rows}x${size.columns}`];
}
