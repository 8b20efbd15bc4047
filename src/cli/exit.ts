/** The exit codes that are warden's own; docs/warden-run.md has all of them. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** As wsh's: the command was killed, or nobody knows what became of it. */
export const EXIT_UNKNOWN = 255;
/** As a shell's: 128 + the signal's number. */
export const EXIT_SIGNAL = 128;

export interface RunOptions {
  depot: string;
  root?: string;
  user?: string;
}
